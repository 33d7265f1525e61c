"""The messages of a filter as a file."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from companies import audit
from companies.models import Company
from companies.roles import Need
from companies.views import PortalRequest, company_page
from contacts.phones import as_written
from messaging import csv_download, message_log, previews
from messaging.message_filter import MessageFilter
from messaging.message_log import Filter
from messaging.models import Status

MAX_EXPORT = 100_000
_AT_ONCE = 1_000
# A walk looks at many rows to find few: a rare filter over millions ends here.
_MAX_WALKS = 250
_COLUMNS = (
    "message_id",
    "batch_id",
    "to",
    "name",
    "status",
    "type",
    "content",
    "channel",
    "accepted_at",
    "sent_at",
    "error_code",
    "error_detail",
    "whatsapp_id",
)


@require_safe
@company_page(Need.SEND)
def message_export(request: PortalRequest) -> HttpResponseBase:
    """The messages of a filter as CSV, with whole numbers, read as they are sent; at most MAX_EXPORT."""
    form = MessageFilter(request.GET, company=request.company)
    if not form.is_valid():
        return redirect(f"{reverse('messages')}?{request.GET.urlencode()}")
    audit.record(
        request,
        company=request.company,
        kind=audit.Kind.MESSAGES_EXPORTED,
        detail={name: str(request.GET[name])[:100] for name in form.changed_data},
    )
    return csv_download.download(
        f"messages-{timezone.localdate()}", _COLUMNS, _exported(form.wanted, request.company)
    )


def _exported(wanted: Filter, company: Company) -> Iterator[tuple[Any, ...]]:
    left, zone = MAX_EXPORT, zoneinfo.ZoneInfo(company.time_zone)

    def local(at: datetime | None) -> str:
        return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") if at else ""

    for rows in message_log.walk(wanted, company_id=company.pk, size=_AT_ONCE, most=_MAX_WALKS):
        people = message_log.people(rows)
        for row in rows[:left]:
            person = people.get(row.contact_id)
            yield (
                row.public_id,
                row.batch.public_id,
                as_written(row.recipient),
                person.name if person else "",
                Status(row.status).word,
                row.batch.content_type,
                previews.summary(row.batch),
                row.channel.name,
                local(row.created_at),
                local(row.sent_at),
                row.error_code,
                row.error_detail,
                row.wamid,
            )
        left -= len(rows)
        if left <= 0:
            return
