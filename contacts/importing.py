"""Importing a file of contacts: read as a stream, checked here, stored by the database in slices.

A slice of rows, what it changed (ImportRow), what it refused (ImportProblem), the counts and the
cursor (rows read) are one transaction; a worker that dies leaves whole slices, and the next goes on
after them. A number that comes again finds the ImportRow of the first time, in whatever slice.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from django.utils import timezone

from contacts import csv_files, jobs, undoing
from contacts.import_rows import read, understood
from contacts.import_storing import store
from contacts.models import ContactImport

SLICE = 5_000


def run(pk: int, *, now: datetime) -> None:
    """Do an import, or undo it, whichever is due."""
    job = ContactImport.objects.filter(pk=pk).first()
    if job is None:
        return
    if job.state == ContactImport.State.UNDOING:
        jobs.run(ContactImport, pk, undoing.step, now=now)
    else:
        jobs.run(ContactImport, pk, Reader().step, now=now)


class Reader:
    """Does slice after slice of one file, which it keeps open between them."""

    def __init__(self) -> None:
        self.rows: Iterator[tuple[int, list[str]]] | None = None

    def step(self, job: ContactImport) -> bool:
        """The next slice; whether there may be more."""
        if self.rows is None:
            self.rows = read(job, after=job.cursor)
        country = job.company.country
        try:
            chunk = list(islice(self.rows, SLICE))
        except (OSError, csv_files.Unreadable) as error:
            raise jobs.Impossible(str(error)) from error
        if not chunk:
            return False
        slice_ = [understood(job, number, row, country=country) for number, row in chunk]
        store(job, slice_, now=timezone.now())
        job.cursor = chunk[-1][0]
        job.bytes_read += sum(len(cell) + 1 for _number, row in chunk for cell in row)
        return len(chunk) == SLICE


def percent(job: ContactImport) -> int:
    """How far it is, 0 to 100: by letters, of which some take several bytes, so it is a guess."""
    if job.state == ContactImport.State.DONE:
        return 100
    width = 2 if job.encoding.startswith("utf-16") else 1
    return min(99, job.bytes_read * width * 100 // job.size) if job.size else 0
