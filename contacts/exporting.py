"""Contacts as a CSV file, streamed: page after page from the database, nothing kept in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from companies.models import Company
from contacts import csv_files, finding, services
from contacts.models import Contact

PAGE = 2_000
HEADER = (
    *("phone", "name", "tags", "opted_out", "opted_out_at", "opted_out_reason", "bsuid"),
    *("last_heard_from", "added", "custom_fields"),
)


def lines(wanted: finding.Filter, *, company: Company, now: datetime) -> Iterator[str]:
    """The file, line by line; times in the company's zone. An import takes it back."""
    return csv_files.written(_rows(wanted, company=company, now=now))


def _rows(wanted: finding.Filter, *, company: Company, now: datetime) -> Iterator[Sequence[Any]]:
    yield HEADER
    zone, place = ZoneInfo(company.time_zone), ""
    while True:
        page = finding.page(
            wanted,
            company_id=company.pk,
            country=company.country,
            now=now,
            place=place,
            limit=PAGE,
        )
        tags = services.tag_names(page.rows)
        for contact in page.rows:
            yield _row(contact, tags[contact.pk], zone)
        if not page.older:
            return
        place = page.older


def _row(contact: Contact, tags: Sequence[str], zone: ZoneInfo) -> Sequence[Any]:
    return (
        contact.phone or "",
        contact.name,
        "; ".join(tags),
        "yes" if contact.opted_out_at else "no",
        _local(contact.opted_out_at, zone),
        contact.opted_out_reason,
        contact.bsuid or "",
        _local(contact.last_inbound_at, zone),
        _local(contact.created_at, zone),
        json.dumps(contact.custom_fields, ensure_ascii=False) if contact.custom_fields else "",
    )


def _local(at: datetime | None, zone: ZoneInfo) -> str:
    return at.astimezone(zone).isoformat(sep=" ", timespec="seconds") if at else ""
