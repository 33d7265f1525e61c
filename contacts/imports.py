"""An import's life around its run: the file that was uploaded, what its columns hold, a look at its
first rows, starting, undoing, forgetting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import PurePath
from typing import IO
from uuid import uuid4

import structlog
from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.translation import gettext as _

from companies.models import Company, User
from contacts import csv_files, import_rows, jobs, undoing
from contacts.models import ContactImport, ImportProblem, ImportRow

log = structlog.get_logger("tuma.imports")

PREVIEW_ROWS = 10
_FORGOTTEN_AT_ONCE = 50
State = ContactImport.State


def take(
    *, company: Company, file: File[bytes], filename: str, size: int, by: User
) -> ContactImport:
    """Keep an uploaded file, with a guess at what it holds; raises csv_files.Unreadable."""
    raw: IO[bytes] = file.open("rb")
    encoding = csv_files.encoding_of(raw)
    text = csv_files.sample_text(raw, encoding)
    delimiter = csv_files.delimiter_of(text)
    first = csv_files.first_rows(text, delimiter)
    if not first:
        raise csv_files.Unreadable(_("There is no row with anything in it."))
    has_header = csv_files.looks_like_header(first[0], country=company.country)
    below = first[1] if has_header and len(first) > 1 else first[0]
    raw.seek(0)
    # The name tells nobody anything.
    name = default_storage.save(f"imports/{company.pk}/{uuid4().hex}.csv", file)
    job = ContactImport(
        company=company,
        state=State.DRAFT,
        filename=PurePath(filename.replace("\x00", "").replace("\\", "/")).name[:200]
        or "contacts.csv",
        storage_name=name,
        size=size,
        encoding=encoding,
        delimiter=delimiter,
        has_header=has_header,
        **jobs.author(by),
    )
    job.header = headings(first, has_header=has_header)
    job.mapping = csv_files.guess(job.header, below, country=company.country)
    try:
        job.save()
    except BaseException:
        default_storage.delete(name)
        raise
    return job


def headings(first: Sequence[Sequence[str]], *, has_header: bool) -> list[str]:
    """A name for each column, of the widest of the first rows."""
    width = min(max(len(row) for row in first), csv_files.MAX_COLUMNS)
    given = [*(first[0] if has_header else []), *[""] * width][:width]
    return [
        " ".join(text.split())[: import_rows.MAX_FIELD_NAME] or _("Column %(n)d") % {"n": at}
        for at, text in enumerate(given, start=1)
    ]


@dataclass(frozen=True)
class PreviewRow:
    number: int
    cells: Sequence[str]
    phone: str  # as it would be stored; "" where there is a problem
    problem: str


def preview(job: ContactImport) -> list[PreviewRow]:
    """The first rows as they would be taken by the job's mapping; raises csv_files.Unreadable."""
    shown = []
    for number, row in islice(import_rows.read(job), PREVIEW_ROWS):
        got = import_rows.understood(job, number, row, country=job.company.country)
        cells = [*row, *[""] * len(job.header)][: len(job.header)]
        if isinstance(got, import_rows.Problem):
            shown.append(PreviewRow(number, cells, "", got.reason))
        else:
            shown.append(PreviewRow(number, cells, got.phone, ""))
    return shown


def use_first_row(job: ContactImport, *, has_header: bool) -> None:
    """Take the first row for headings, or for a person; not saved."""
    if has_header == job.has_header:
        return
    with default_storage.open(job.storage_name, "rb") as file:
        text = csv_files.sample_text(file, job.encoding)
    job.has_header = has_header
    job.header = headings(csv_files.first_rows(text, job.delimiter), has_header=has_header)


@transaction.atomic
def start(job: ContactImport, *, mapping: list[str], tag_names: list[str], known: str) -> bool:
    """Hand the file to the worker; False where that has been done already."""
    ContactImport.objects.filter(pk=job.pk, state=State.DRAFT).update(
        has_header=job.has_header,
        header=job.header,
        mapping=mapping,
        tag_names=tag_names,
        known=known,
    )
    return job.state == State.DRAFT and jobs.start(job)


def undo(job: ContactImport, *, now: datetime) -> bool:
    """Have an import undone; False where it is too late, or is being done already."""
    return undoing.is_possible(job, now=now) and jobs.start(job, state=State.UNDOING)


def discard(job: ContactImport) -> bool:
    """Drop a file that was not imported."""
    if not ContactImport.objects.filter(pk=job.pk, state=State.DRAFT).delete()[0]:
        return False
    default_storage.delete(job.storage_name)
    return True


def forget_old(*, now: datetime) -> int:
    """Housekeeping: files past their time, what was refused of them, and what undoing would need.
    The line with an import's counts stays; of a draft nothing does.
    """
    before = now - max(timedelta(days=settings.IMPORT_RETENTION_DAYS), undoing.WITHIN)
    old = ContactImport.objects.filter(created_at__lt=before).exclude(storage_name="")
    count = 0
    for job in old.exclude(state__in=ContactImport.LIVE).order_by("created_at")[
        :_FORGOTTEN_AT_ONCE
    ]:
        try:
            default_storage.delete(job.storage_name)
        except Exception:  # every storage has its own exceptions; the others need not wait for it
            log.exception("import_not_deleted", contact_import=job.public_id)
            continue
        ImportRow.objects.filter(contact_import=job).delete()
        ImportProblem.objects.filter(contact_import=job).delete()
        if job.state == State.DRAFT:
            job.delete()
        else:
            ContactImport.objects.filter(pk=job.pk).update(storage_name="")
        count += 1
    return count
