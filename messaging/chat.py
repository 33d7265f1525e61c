"""Conversations as a company's people read them: the list of people, one thread, and what is new in it.

New lines are found by primary key, not by time: a message may come in later than others that were
written after it. What somebody has read is a mark on the contact, shared by the company.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone
from phonenumbers import country_code_for_region

from companies.models import Company
from config import public_ids, sql
from config.masking import masked
from contacts.models import Contact
from contacts.phones import typed_digits
from contacts.services import identities
from messaging import chat_lines, conversations, personalising, wake
from messaging.chat_lines import IN, OUT, Line, Row
from messaging.conversations import REACTION, Place
from messaging.models import InboundMessage, Message

PEOPLE_A_PAGE = 30
LINES_A_PAGE = 40
# Names and what is unread are looked for among so many people, those who wrote last; numbers among all.
SEARCHED = 20_000
MATCHES = 1_000
FOUND_SHOWN = 200
SHORTEST_NUMBER = 4
LONGEST_NUMBER = 15
MAX_UNREAD = 99
# What is stored later than this after its answer is not looked for while a page is open.
LATE = timedelta(hours=1)
MAX_NEWS = 100
MAX_WATCHED = 60


# --- The list --------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Person:
    """A row of the list: the contact, the last line of the conversation, how many are unread."""

    contact: Contact
    last: Line | None
    unread: int

    @property
    def title(self) -> str:
        contact = self.contact
        return contact.name or masked(contact.phone or contact.bsuid)

    @property
    def at(self) -> datetime | None:
        return self.last.at if self.last else self.contact.last_inbound_at

    @property
    def is_today(self) -> bool:
        return bool(self.at) and timezone.localtime(self.at).date() == timezone.localdate()


@dataclass(frozen=True, kw_only=True)
class PeoplePage:
    rows: list[Person]
    older: str

    @property
    def version(self) -> str:
        """Different whenever the page would look different."""
        parts = [
            f"{row.contact.pk}:{row.unread}:{row.last.id + row.last.state if row.last else ''}"
            for row in self.rows
        ]
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


def people(
    company: Company, *, before: str = "", search: str = "", unread: bool = False
) -> PeoplePage:
    """Who has written to the company, the latest first; raises conversations.InvalidCursor."""
    found = _heard_from(company).order_by("-last_inbound_at", "-pk")
    if unread:
        found = found.filter(pk__in=_unread(company))
    if search:
        found = found.filter(pk__in=_latest(company, _matching(company, search)))
    if before:
        place = Place.parse(before)
        found = found.filter(last_inbound_at__lte=place.at).filter(
            Q(last_inbound_at__lt=place.at) | Q(pk__lt=place.pk)
        )
    page = list(found[: PEOPLE_A_PAGE + 1])
    rows = page[:PEOPLE_A_PAGE]
    last = rows[-1] if len(page) > PEOPLE_A_PAGE else None
    older = Place(last.last_inbound_at, 0, last.pk).cursor if last and last.last_inbound_at else ""
    return PeoplePage(rows=_with_last_lines(rows), older=older)


def _unread(company: Company) -> QuerySet[Any, Any]:
    """The ids of those in whose conversations something is unread, among the latest."""
    latest = _heard_from(company).order_by("-last_inbound_at", "-pk")[:SEARCHED]
    news = InboundMessage.objects.filter(contact=OuterRef("pk"), pk__gt=OuterRef("read_inbound"))
    found = Contact.objects.filter(pk__in=latest.values("pk"))
    return found.filter(Exists(news.exclude(type=REACTION))).values("pk")


def _latest(company: Company, ids: Sequence[int]) -> list[int]:
    """Those of the ids who wrote last. Without an order for the database: for that it would walk along
    all conversations and look for the few in it.
    """
    times = _heard_from(company).filter(pk__in=ids).values_list("last_inbound_at", "pk")
    return [pk for _at, pk in sorted(times, reverse=True)[:FOUND_SHOWN]]


def _heard_from(company: Company) -> QuerySet[Contact]:
    return Contact.objects.filter(company=company, last_inbound_at__isnull=False, merged_into=None)


def _matching(company: Company, search: str) -> list[int]:
    """At most MATCHES contacts: those whose number begins so, as it is written at home or abroad; else
    those with this in their name.
    """
    digits = typed_digits(search)
    if len(digits) < SHORTEST_NUMBER:
        return _named(company, search)
    national = f"{country_code_for_region(company.country)}{digits.lstrip('0')}"
    found: list[int] = []
    for begins in (digits.lstrip("0"), national):
        first = begins[:LONGEST_NUMBER]
        last = first.ljust(LONGEST_NUMBER, "9")
        numbers = Contact.objects.filter(company=company, phone__gte=first, phone__lte=last)
        found += numbers.order_by("phone").values_list("pk", flat=True)[:MATCHES]
    return found


def _named(company: Company, search: str) -> list[int]:
    """By hand: the ORM can't look among the first rows of an order only."""
    like = search.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    rows = sql.fetch(
        f"""SELECT id FROM (SELECT id, name FROM {Contact._meta.db_table}
            WHERE company_id = %s AND last_inbound_at IS NOT NULL AND merged_into_id IS NULL
            ORDER BY last_inbound_at DESC LIMIT {SEARCHED}) AS latest
        WHERE upper(name) LIKE upper(%s) ESCAPE '!' LIMIT {MATCHES}""",
        [company.pk, f"%{like}%"],
    )
    return [pk for (pk,) in rows]


def _with_last_lines(contacts: Sequence[Contact]) -> list[Person]:
    got = InboundMessage.objects.filter(contact=OuterRef("pk"))
    sent = Message.objects.filter(contact=OuterRef("pk")).order_by("-created_at")
    unread = got.filter(pk__gt=OuterRef("read_inbound")).exclude(type=REACTION)
    counted = unread.order_by().values("contact").annotate(n=Count("pk")).values("n")
    facts = {
        pk: (last_in, last_out, n or 0)
        for pk, last_in, last_out, n in Contact.objects.filter(
            pk__in=[contact.pk for contact in contacts]
        ).values_list(
            "pk",
            Subquery(got.order_by("-pk").values("pk")[:1]),
            Subquery(sent.values("pk")[:1]),
            Subquery(counted),
        )
    }
    received = InboundMessage.objects.select_related("stored_media").in_bulk(
        [last_in for last_in, _, _ in facts.values() if last_in]
    )
    written = Message.objects.select_related("batch__template").in_bulk(
        [last_out for _, last_out, _ in facts.values() if last_out]
    )
    personalising.look_up(written.values())
    rows = []
    for contact in contacts:
        last_in, last_out, n = facts[contact.pk]
        candidates = [received.get(last_in), written.get(last_out)]
        latest = max((row for row in candidates if row), key=Place.of, default=None)
        rows.append(
            Person(contact=contact, last=chat_lines.of(latest) if latest else None, unread=n)
        )
    return rows


# --- One thread ------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Thread:
    """Some lines of a conversation, oldest first; `older` is the cursor of those before them."""

    lines: list[Line]
    older: str = ""


@dataclass(frozen=True, kw_only=True)
class Marks:
    """How far an open page has come: the newest ids in each direction, and its last line's day."""

    received: int = 0
    sent: int = 0
    day: date | None = None


def find(company: Company, public_id: str) -> Contact | None:
    """The contact of a conversation's address; of a merged one, the contact that it became."""
    pk = public_ids.decode("contact", public_id)
    known = Contact.objects.filter(company=company).select_related("merged_into")
    found = known.filter(pk=pk).first() if pk else None
    return (found.merged_into or found) if found else None


def ids_of(contact: Contact) -> list[int]:
    """Under which contacts the person's messages are stored."""
    return list(identities(contact).values_list("pk", flat=True))


def thread(contact_ids: Sequence[int], *, before: str = "", limit: int = LINES_A_PAGE) -> Thread:
    """The latest lines, or those before a cursor; raises conversations.InvalidCursor."""
    place = Place.parse(before) if before else None
    found = conversations.earlier(contact_ids, limit=limit, before=place)
    return Thread(lines=chat_lines.lines(found.rows, people=contact_ids), older=found.next or "")


def marks(contact_ids: Sequence[int], shown: Sequence[Line]) -> Marks:
    """Those of a page that shows everything up to now."""
    received = InboundMessage.objects.filter(contact__in=contact_ids).order_by("-pk")
    sent = _sent_since(contact_ids, timezone.now() - LATE).order_by("-pk")
    return Marks(
        received=received.values_list("pk", flat=True).first() or 0,
        sent=sent.values_list("pk", flat=True).first() or 0,
        day=shown[-1].day if shown else None,
    )


def _sent_since(contact_ids: Sequence[int], since: datetime) -> QuerySet[Message]:
    return Message.objects.filter(contact__in=contact_ids, created_at__gte=since)


@dataclass(frozen=True, kw_only=True)
class News:
    """What an open page does not show yet: lines to add, lines that look different, new marks."""

    added: list[Line]
    changed: list[Line]
    marks: Marks

    def __bool__(self) -> bool:
        return bool(self.added or self.changed)


def news(contact_ids: Sequence[int], *, since: Marks, watched: dict[str, str]) -> News:
    """`watched` names lines of the page that may still change, each with its state there."""
    received = list(
        InboundMessage.objects.select_related("stored_media")
        .filter(contact__in=contact_ids, pk__gt=since.received)
        .order_by("pk")[:MAX_NEWS]
    )
    sent = list(
        _sent_since(contact_ids, timezone.now() - LATE)
        .filter(pk__gt=since.sent)
        .select_related("batch__template")
        .order_by("pk")[:MAX_NEWS]
    )
    fresh: list[Row] = [*received, *sent]
    fresh.sort(key=Place.of)
    bubbles = [row for row in fresh if not _is_reaction(row)]
    added = chat_lines.lines(bubbles, people=contact_ids, after=since.day)
    shown = {line.id for line in added}
    changed = [line for line in _changed(contact_ids, fresh, watched) if line.id not in shown]
    return News(
        added=added,
        changed=changed,
        marks=Marks(
            received=max([since.received, *(row.pk for row in received)]),
            sent=max([since.sent, *(row.pk for row in sent)]),
            day=added[-1].day if added else since.day,
        ),
    )


def _is_reaction(row: Row) -> bool:
    kind = row.batch.content_type if isinstance(row, Message) else row.type
    return kind == REACTION


def _changed(
    contact_ids: Sequence[int], fresh: Iterable[Row], watched: dict[str, str]
) -> list[Line]:
    """Lines whose state is another by now, and those that somebody reacted to just now."""
    rows = [
        row for row in _rows(watched, contact_ids) if chat_lines.of(row).state != watched[_id(row)]
    ]
    targets = {_target(row) for row in fresh if _is_reaction(row)} - {""}
    if targets:
        rows += chat_lines.by_wamid(targets, contact_ids)
    if not rows:
        return []
    by_id = {_id(row): row for row in rows}
    made = chat_lines.lines(list(by_id.values()), people=contact_ids)
    for line in made:
        line.starts_day = False  # its day stands above it already
    return made


def _target(row: Row) -> str:
    """The wamid of what a reaction is on."""
    if isinstance(row, InboundMessage):
        return row.reply_to
    reaction = row.batch.payload.get(REACTION) or {}
    return str(reaction.get("message_id", ""))


def _id(row: Row) -> str:
    return row.public_id if isinstance(row, Message) else public_ids.encode(IN, row.pk)


def _rows(watched: Iterable[str], contact_ids: Sequence[int]) -> list[Row]:
    """The messages of these public ids that are of the conversation."""
    named = list(watched)
    sent = Message.objects.select_related("batch__template").filter(contact__in=contact_ids)
    got = InboundMessage.objects.select_related("stored_media").filter(contact__in=contact_ids)
    out_ids, in_ids = _decoded(OUT, named), _decoded(IN, named)
    return [
        *(sent.filter(pk__in=out_ids) if out_ids else ()),
        *(got.filter(pk__in=in_ids) if in_ids else ()),
    ]


def _decoded(prefix: str, named: Iterable[str]) -> list[int]:
    return [pk for each in named if (pk := public_ids.decode(prefix, each))]


def row(public_id: str, contact_ids: Sequence[int]) -> Row | None:
    """A message of the conversation by its public id."""
    return next(iter(_rows([public_id], contact_ids)), None)


# --- Read and unread -------------------------------------------------------------------


def unread_up_to(contact: Contact, newest: int) -> int:
    """The newest received message if it is unread, else 0."""
    return newest if newest > contact.read_inbound else 0


def mark_read(contact: Contact, *, up_to: int) -> bool:
    """Somebody of the company has read the person's messages to this id; whether that is news. Then
    the person's WhatsApp is told too, as far as Meta can be reached.
    """
    newer = Contact.objects.filter(pk=contact.pk, read_inbound__lt=up_to)
    if not newer.update(read_inbound=up_to):
        return False
    transaction.on_commit(lambda: wake.send("messaging.read_receipt", up_to))
    return True
