"""Reading tables that people export from spreadsheets, and writing tables that they open in one."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import IO

from django.utils.translation import gettext as _

from contacts.phones import NotANumber, typed_number

DELIMITERS = ",;\t|"
SAMPLE_BYTES = 64 * 1024
SAMPLE_ROWS = 50
MAX_COLUMNS = 60
MAX_CELL = 5_000
_CHUNK = 256 * 1024
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What a spreadsheet would take for a formula, in a cell's first place.
_FORMULA = re.compile(r"[=+\-@\t\r|%]")

# Words of headings, in small letters, by what such a column holds.
PHONE, NAME, TAGS, OPTED_OUT, FIELD, SKIP = "phone", "name", "tags", "opted_out", "field", ""
_HEADINGS = {
    PHONE: "phone mobile number cell telephone tel whatsapp msisdn simu namba teléfono telefono "
    "telefone celular móvil movil téléphone portable telefon handy هاتف جوال رقم ስልክ",
    NAME: "name fullname contact customer jina nombre nom nome الاسم اسم ስም",
    TAGS: "tag tags label labels group groups segment kundi etiqueta etiquetas étiquette "
    "groupe grupo مجموعة وسم",
    OPTED_OUT: "optout opted unsubscribed stop blocked desuscrito désabonné descadastrado",
}
_GUESSES = {word: kind for kind, words in _HEADINGS.items() for word in words.split()}
_YES = frozenset(
    ["1", "y", "yes", "true", "x", "on", "stop", "optout", "opted-out", "opted out", "unsubscribed"]
    + ["ndiyo", "ndio", "si", "sí", "sim", "oui", "نعم", "አዎ"]
)


class Unreadable(Exception):  # noqa: N818 - an answer to a person
    """The file is no table that can be read; the text says why, in the reader's language."""


def encoding_of(file: IO[bytes]) -> str:
    """`utf-8`, `utf-8-sig`, `utf-16…` or, for want of all others, `cp1252`. Reads the whole file."""
    file.seek(0)
    head = file.read(SAMPLE_BYTES)
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name
    if b"\x00" in head:
        # Every second byte of Latin text in UTF-16; which one tells the order.
        even, odd = head[::2].count(0), head[1::2].count(0)
        return "utf-16-be" if even > odd else "utf-16-le"
    return "utf-8" if _is_utf8(file) else "cp1252"


def _is_utf8(file: IO[bytes]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    file.seek(0)
    try:
        while chunk := file.read(_CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def delimiter_of(text: str) -> str:
    """Whichever splits most of the first lines into the same number of columns."""

    def rank(delimiter: str) -> tuple[int, int]:
        widths = [len(row) for row in first_rows(text, delimiter)]
        usual = max(set(widths), key=widths.count, default=1)
        return (widths.count(usual) if usual > 1 else 0, usual)

    return max(DELIMITERS, key=rank)


def first_rows(text: str, delimiter: str) -> list[list[str]]:
    """Those of a sample that hold anything."""
    # The last line of a long file is cut short.
    lines = io.StringIO(text, newline="").readlines()
    rows = csv.reader(lines[:-1] if len(text) > SAMPLE_BYTES // 4 else lines, delimiter=delimiter)
    try:
        return [[cell.strip() for cell in row] for row in islice(rows, SAMPLE_ROWS) if any(row)]
    except csv.Error:
        return []


def sample_text(file: IO[bytes], encoding: str) -> str:
    file.seek(0)
    text = file.read(SAMPLE_BYTES).decode(encoding, errors="replace")
    return text.removeprefix("\ufeff").replace("\x00", "")


def rows(file: IO[bytes], *, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that holds anything, with its number as spreadsheets count (from 1).
    Closes the file at the end. Raises Unreadable.
    """
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=encoding, errors="replace", newline="")
    reader = csv.reader((line.replace("\x00", "") for line in text), delimiter=delimiter)
    try:
        for number, row in enumerate(reader, start=1):
            if any(cell.strip() for cell in row):
                yield number, [cell.strip()[:MAX_CELL] for cell in row[:MAX_COLUMNS]]
    except csv.Error as error:
        raise Unreadable(
            _("The file can’t be read after line %(line)d: %(why)s")
            % {"line": reader.line_num, "why": error}
        ) from error


def looks_like_header(row: Sequence[str], *, country: str) -> bool:
    """Whether no cell of the first row is a phone number."""

    def is_number(cell: str) -> bool:
        try:
            typed_number(cell, country=country)
        except NotANumber:
            return False
        return True

    return not any(is_number(cell) for cell in row)


def guess(header: Sequence[str], first: Sequence[str], *, country: str) -> list[str]:
    """What each column holds: by its heading, and where no heading tells the number, by its cells."""
    kinds: list[str] = []
    for heading in header:
        words = re.findall(r"[^\W_]+", heading.lower())
        kind = next((_GUESSES[word] for word in words if word in _GUESSES), FIELD)
        joined = "".join(words)
        kind = OPTED_OUT if joined.startswith("optedout") or joined == "optout" else kind
        kinds.append(FIELD if kind != FIELD and kind in kinds else kind)
    if PHONE not in kinds:
        for at, cell in enumerate(first[: len(kinds)]):
            if not looks_like_header([cell], country=country):
                kinds[at] = PHONE
                break
    return kinds


def is_yes(cell: str) -> bool:
    return cell.lower() in _YES


def safe_cell(value: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = str(value)
    return f"'{text}" if _FORMULA.match(text) else text


def written(rows_of_cells: Iterator[Sequence[object]]) -> Iterator[str]:
    """CSV text, row by row, that spreadsheets open as UTF-8."""
    yield "\ufeff"
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for cells in rows_of_cells:
        writer.writerow([safe_cell(cell) for cell in cells])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
