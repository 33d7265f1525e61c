"""CSV files that are written while they are read, however long."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

# Spreadsheets run what begins so as a formula; a number with its sign they only show.
_FORMULA = re.compile(r"(?![+-][0-9]+\Z)[=+\-@\t\r]")
_ROWS_A_PART = 500


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def safe_cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if _FORMULA.match(text) else text


def download(
    name: str, head: Sequence[object], rows: Iterable[Sequence[object]]
) -> StreamingHttpResponse:
    """`name` without extension. `rows` is read while the file goes out, after the view has returned:
    it can't lean on the view's time zone or language.
    """
    return StreamingHttpResponse(
        _parts(head, rows),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": content_disposition_header(True, f"{name}.csv") or "attachment",
            "X-Content-Type-Options": "nosniff",
        },
    )


def _parts(head: Sequence[object], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    write = csv.writer(_Echo()).writerow
    # The mark by which Excel knows UTF-8.
    part = ["\ufeff", str(write([str(cell) for cell in head]))]
    for row in rows:
        part.append(str(write([safe_cell(cell) for cell in row])))
        if len(part) >= _ROWS_A_PART:
            yield "".join(part)
            part = []
    yield "".join(part)
