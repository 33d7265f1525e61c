"""A company's messages, newest batch first and within a batch by contact.

Messages have no index by company: the log walks along the company's batches (index batch_log), and in
each along its messages (one_message_per_contact). A page is one walk, one statement, that stops when
the page is full, or when it has looked at LOOK rows: a batch or a message. What a filter matches rarely
is found in several such walks, each from where the one before stopped.

What went wrong, or is in doubt, has a small index of its own (message_troubled). One person's messages
are read along message_of_contact, newest first: the order is the same, as a message is of its batch's
time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from config import by_time, public_ids, sql
from contacts.models import Contact, ContactTag
from messaging.models import Batch, Message, Status

LOOK = 20_000
_M, _B, _TAGGED = Message._meta.db_table, Batch._meta.db_table, ContactTag._meta.db_table
_HIGHEST = (1 << 63) - 1
# The states of a word, as callers know them.
STATES: dict[str, tuple[Status, ...]] = {}
for _status in Status:
    STATES[_status.word] = (*STATES.get(_status.word, ()), _status)
# Of which the index message_troubled is; word for word, as SQLite does not see what implies what.
TROUBLED = (Status.UNCERTAIN, Status.FAILED)
_IS_TROUBLED = f"m.status IN ({', '.join(f'{status:d}' for status in TROUBLED)})"


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What is asked for; empty where it doesn't matter. Times: `since <= … < until`."""

    status: str = ""  # a key of STATES
    channel_id: int | None = None
    content_type: str = ""
    tag_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    error_code: str = ""
    batch_id: int | None = None
    api_key_id: int | None = None
    contact_id: int | None = None


@dataclass(frozen=True)
class Place:
    """How far a walk has come: this message of this batch, or no message: all of the batch."""

    batch_id: int
    contact_id: int

    @property
    def cursor(self) -> str:
        batch = public_ids.encode("batch", self.batch_id)
        return (
            f"{batch}.{public_ids.encode('contact', self.contact_id)}" if self.contact_id else batch
        )

    @classmethod
    def parse(cls, cursor: str) -> Place | None:
        """None for what `cursor` never made."""
        batch, dot, contact = cursor.partition(".")
        batch_id = public_ids.decode("batch", batch)
        contact_id = public_ids.decode("contact", contact) if dot else 0
        return None if batch_id is None or contact_id is None else cls(batch_id, contact_id)


@dataclass(frozen=True)
class Page:
    rows: list[Message]
    next: Place | None  # None where there are no more
    is_cut: bool  # it stopped because it had looked at LOOK rows, not because it was full


def page(wanted: Filter, *, company_id: int, after: Place | None, size: int) -> Page:
    """The next messages after a place, each with its batch and channel."""
    found = _walk(wanted, company_id, after, size + 1)
    hits = [row for row in found if row.message_id is not None]
    is_full = len(hits) > size
    last = hits[size - 1] if is_full else next((row for row in found if row.number >= LOOK), None)
    return Page(
        rows=_messages([row.message_id for row in hits[:size] if row.message_id]),
        next=Place(last.batch_id, last.contact_id or 0) if last else None,
        is_cut=last is not None and not is_full,
    )


def walk(wanted: Filter, *, company_id: int, size: int, most: int) -> Iterator[list[Message]]:
    """The pages of a whole filter, up to `most` walks."""
    after = None
    for _ in range(most):
        found = page(wanted, company_id=company_id, after=after, size=size)
        yield found.rows
        after = found.next
        if after is None:
            return


def _messages(ids: list[int]) -> list[Message]:
    """In the order of `ids`."""
    # A channel's token costs time to decrypt, and nobody reads it here.
    rows = Message.objects.select_related("batch__template", "channel")
    found = {row.pk: row for row in rows.defer("channel__access_token").filter(pk__in=ids)}
    return [found[pk] for pk in ids if pk in found]


def people(rows: Iterable[Message]) -> dict[int, Contact]:
    """Those of some messages, by id; whoever was deleted since is not among them."""
    return Contact.objects.only("name", "phone", "bsuid").in_bulk([row.contact_id for row in rows])


# --- The statement --------------------------------------------------------------------


@dataclass(frozen=True)
class _Row:
    """A message that fits, or without an id: the last row that was looked at."""

    message_id: int | None
    batch_id: int
    contact_id: int | None
    number: int


class _Conditions:
    """Conditions with their parameters, in the order in which they stand."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.params: list[object] = []

    def add(self, text: str, *params: object) -> None:
        self.texts.append(text)
        self.params += params

    @property
    def text(self) -> str:
        return " AND ".join(self.texts) or "true"


def _walk(wanted: Filter, company_id: int, after: Place | None, size: int) -> list[_Row]:
    reach = _reach(wanted, company_id)
    looked, params, order = (
        _along_batches(wanted, company_id, after, reach, size)
        if wanted.contact_id is None
        else _along_contact(wanted, company_id, after, reach)
    )
    fits = _of_message(wanted)
    fits.add("l.id IS NOT NULL")
    rows = sql.fetch(
        f"""SELECT CASE WHEN {fits.text} THEN l.id END, l.batch_id, l.contact_id, l.n
        FROM ({looked} LIMIT {LOOK}) AS l WHERE ({fits.text}) OR l.n = {LOOK}
        ORDER BY {order} LIMIT {size:d}""",
        [*fits.params, *params, *fits.params],
    )
    return [_Row(*row) for row in rows]


def _reach(wanted: Filter, company_id: int) -> _Conditions:
    """Where in the log to look at all."""
    reach = _Conditions()
    if wanted.batch_id is not None:
        reach.add("b.id = %s", wanted.batch_id)
    low, high = by_time.id_bounds(_B, company_id=company_id, since=wanted.since, until=wanted.until)
    if low:
        reach.add("b.id > %s", low)
    if high is not None:
        reach.add("b.id <= %s", high)
    return reach


def _of_batch(wanted: Filter) -> _Conditions:
    """What a batch must be to be looked into."""
    fits = _Conditions()
    if wanted.channel_id is not None:
        fits.add("b.channel_id = %s", wanted.channel_id)
    if wanted.content_type:
        fits.add("b.content_type = %s", wanted.content_type)
    if wanted.api_key_id is not None:
        fits.add("b.api_key_id = %s", wanted.api_key_id)
    if wanted.since is not None:
        fits.add("b.created_at >= %s", sql.moment(wanted.since))
    if wanted.until is not None:
        fits.add("b.created_at < %s", sql.moment(wanted.until))
    if wanted.status in ("queued", "sending"):
        fits.add("b.recipients_count > b.uncertain + b.sent + b.failed + b.delivered + b.read")
    elif wanted.status:
        fits.add(f"b.{wanted.status} > 0")  # a key of STATES, so a counter's name
    return fits


def _is_troubled(wanted: Filter) -> bool:
    """Whether only what failed or is in doubt can fit."""
    if wanted.status:
        return STATES[wanted.status][0] in TROUBLED
    return bool(wanted.error_code)


def _of_message(wanted: Filter) -> _Conditions:
    fits = _Conditions()
    if wanted.status:
        states = ", ".join(f"{status:d}" for status in STATES[wanted.status])
        fits.add(f"l.status IN ({states})")
    if wanted.error_code:
        fits.add("l.error_code = %s", wanted.error_code)
        if not wanted.status:
            fits.add(_IS_TROUBLED.replace("m.", "l."))
    if wanted.tag_id is not None:
        fits.add(
            f"""EXISTS (SELECT 1 FROM {_TAGGED} t
            WHERE t.tag_id = %s AND t.contact_id = l.contact_id)""",
            wanted.tag_id,
        )
    return fits


def _along_batches(
    wanted: Filter, company_id: int, after: Place | None, reach: _Conditions, size: int
) -> tuple[str, list[object], str]:
    """The company's batches from a place on, and with each its messages that come next; a batch
    without any is a row as well, so that looking at it counts.
    """
    reach.add("b.company_id = %s", company_id)
    inner = _of_batch(wanted)
    if after is not None:
        reach.add("b.id <= %s", after.batch_id)
        inner.add(
            f"m.contact_id < CASE WHEN b.id = %s THEN %s ELSE {_HIGHEST} END",
            after.batch_id,
            after.contact_id,
        )
    if _is_troubled(wanted):
        inner.add(_IS_TROUBLED)
    if sql.is_postgres():
        # Only as many of a batch as could be needed, or it would be read whole to be sorted.
        needed = LOOK if _of_message(wanted).texts else size
        messages = f"""LATERAL (SELECT * FROM {_M} m WHERE m.batch_id = b.id AND {inner.text}
            ORDER BY m.contact_id DESC LIMIT {needed:d}) m ON true"""
    else:
        messages = f"{_M} m ON m.batch_id = b.id AND {inner.text}"
    order = "b.id DESC, m.contact_id DESC"
    return (
        f"""SELECT b.id AS batch_id, m.id, m.contact_id, m.status, m.error_code,
            row_number() OVER (ORDER BY {order}) AS n
        FROM {_B} b LEFT JOIN {messages} WHERE {reach.text} ORDER BY {order}""",
        [*inner.params, *reach.params],
        "l.batch_id DESC, l.contact_id DESC",
    )


def _along_contact(
    wanted: Filter, company_id: int, after: Place | None, reach: _Conditions
) -> tuple[str, list[object], str]:
    """One person's messages from a place on; those of other batches than asked for have no id."""
    reach.add("m.company_id = %s AND m.contact_id = %s", company_id, wanted.contact_id)
    if after is not None:
        at = f"(SELECT created_at FROM {_M} WHERE batch_id = %s AND contact_id = %s)"
        where = [after.batch_id, after.contact_id]
        reach.add(f"m.created_at <= {at}", *where)
        reach.add(f"(m.created_at < {at} OR m.batch_id < %s)", *where, after.batch_id)
    fits = _of_batch(wanted)
    order = "m.created_at DESC, m.batch_id DESC"
    return (
        f"""SELECT m.created_at, m.batch_id, CASE WHEN {fits.text} THEN m.id END AS id,
            m.contact_id, m.status, m.error_code, row_number() OVER (ORDER BY {order}) AS n
        FROM {_M} m JOIN {_B} b ON b.id = m.batch_id WHERE {reach.text} ORDER BY {order}""",
        [*fits.params, *reach.params],
        "l.created_at DESC, l.batch_id DESC",
    )
