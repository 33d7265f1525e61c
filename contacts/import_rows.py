"""The rows of a file to import, understood: people that can be stored, and what can't be and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

import orjson
from django.core.files.storage import default_storage
from django.utils.translation import gettext as _

from contacts import csv_files
from contacts.models import ContactImport
from contacts.phones import NotANumber, typed_number
from contacts.services import MAX_FIELDS

MAX_NAME = 200
MAX_TAG = 80
MAX_FIELD_NAME = 80


@dataclass(kw_only=True)
class Person:
    """A row of the file that can be stored."""

    row: int
    raw: list[str]
    phone: str
    name: str = ""
    opted_out: bool = False
    tags: list[str] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Problem:
    row: int
    raw: list[str]
    reason: str


def read(job: ContactImport, *, after: int = 0) -> Iterator[tuple[int, list[str]]]:
    """The rows of the file below its heading, from after row `after`. The caller's loop keeps the
    file open. Raises csv_files.Unreadable.
    """
    with default_storage.open(job.storage_name, "rb") as file:
        numbered = csv_files.rows(file, encoding=job.encoding, delimiter=job.delimiter)
        for _heading in islice(numbered, 1 if job.has_header else 0):
            pass
        for number, row in numbered:
            if number > after:
                yield number, row


def understood(
    job: ContactImport, number: int, row: list[str], *, country: str
) -> Person | Problem:
    """A row by the job's mapping."""
    person = Person(row=number, raw=row, phone="")
    phone = ""
    for at, (kind, cell) in enumerate(zip(job.mapping, row, strict=False)):
        if kind == csv_files.PHONE:
            phone = cell
        elif kind == csv_files.NAME:
            person.name = " ".join([person.name, cell]).strip()[:MAX_NAME]
        elif kind == csv_files.TAGS:
            person.tags += tag_names(cell)
        elif kind == csv_files.OPTED_OUT:
            person.opted_out = csv_files.is_yes(cell)
        elif kind == csv_files.FIELD and cell:
            person.fields[job.header[at][:MAX_FIELD_NAME]] = cell
    if len(orjson.dumps(person.fields)) > MAX_FIELDS:
        return Problem(number, row, _("There is too much in its columns."))
    try:
        person.phone = typed_number(phone, country=country)
    except NotANumber as error:
        return Problem(number, row, str(error))
    return person


def tag_names(cell: str) -> list[str]:
    """The names in a cell, which stand between commas, semicolons or bars."""
    parts = cell.replace(";", ",").replace("|", ",").split(",")
    names = [" ".join(part.split())[:MAX_TAG].strip() for part in parts]
    return list(dict.fromkeys(name for name in names if name))
