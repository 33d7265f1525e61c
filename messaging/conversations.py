"""Reading what was said with a contact, both ways, and listing contacts: keyset queries only.

A cursor names the last row of a page, not a number of rows, so that what comes in between two pages
neither repeats nor hides anything. Each direction has its own table; a page takes as much as it
could need from either and merges the two.
"""

import base64
import binascii
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery

from config.api import ApiError
from contacts import services
from contacts.models import Contact
from contacts.phones import is_bsuid, to_e164
from messaging.models import InboundMessage, Message

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# Time in microseconds, direction, primary key.
_PLACE = struct.Struct(">qBq")
_MARK = "cursor_"
OUTBOUND, INBOUND = 0, 1
REACTION = "reaction"


class InvalidCursor(ApiError):
    code = "invalid_cursor"


@dataclass(frozen=True, order=True)
class Place:
    """Where a message stands in its conversation; no two stand at the same."""

    at: datetime
    direction: int
    pk: int

    @property
    def cursor(self) -> str:
        return _as_cursor(_PLACE.pack((self.at - _EPOCH) // _MICROSECOND, self.direction, self.pk))

    @classmethod
    def of(cls, row: "Message | InboundMessage") -> "Place":
        if isinstance(row, Message):
            return cls(row.created_at, OUTBOUND, row.pk)
        return cls(row.sent_at, INBOUND, row.pk)

    @classmethod
    def parse(cls, cursor: str) -> "Place":
        """Raises InvalidCursor for what `cursor` never made."""
        try:
            since_epoch, direction, pk = _PLACE.unpack(_from_cursor(cursor))
            place = cls(_EPOCH + since_epoch * _MICROSECOND, direction, pk)
        except (struct.error, OverflowError) as error:
            raise InvalidCursor("The cursor is not one of this list") from error
        return place


def _as_cursor(raw: bytes) -> str:
    return _MARK + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _from_cursor(cursor: str) -> bytes:
    text = cursor.removeprefix(_MARK)
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidCursor("The cursor is not one of this list") from error
    if _as_cursor(raw) != cursor:
        raise InvalidCursor("The cursor is not one of this list")
    return raw


@dataclass(frozen=True)
class Conversation:
    """A page of one."""

    rows: Sequence[Message | InboundMessage]
    next: str | None


def messages(contact: Contact, *, limit: int, after: Place | None) -> Conversation:
    """The conversation with a contact, oldest first, from after a place in it."""
    who = Q(company_id=contact.company_id, contact__in=identity_ids(contact))
    # A channel's token costs time to decrypt, and nobody reads it here.
    sent = Message.objects.select_related("batch", "channel").defer("channel__access_token")
    got = InboundMessage.objects.select_related("channel").defer("channel__access_token")
    heads: list[Message | InboundMessage] = [
        *_after(after, sent.filter(who), "created_at", OUTBOUND)[: limit + 1],
        *_after(after, got.filter(who), "sent_at", INBOUND)[: limit + 1],
    ]
    rows = sorted(heads, key=Place.of)[: limit + 1]
    following = Place.of(rows[limit - 1]).cursor if len(rows) > limit else None
    return Conversation(rows[:limit], following)


def identity_ids(contact: Contact) -> list[int]:
    """The contact's own id, and those of the contacts that were merged into it."""
    return list(services.identities(contact).values_list("pk", flat=True))


def _after(place: Place | None, rows: QuerySet[Any], time: str, direction: int) -> QuerySet[Any]:
    """Those of one direction that stand after `place`, in order."""
    rows = rows.order_by(time, "pk")
    if place is None:
        return rows
    if direction < place.direction:
        return rows.filter(**{f"{time}__gt": place.at})
    rows = rows.filter(**{f"{time}__gte": place.at})
    if direction > place.direction:
        return rows
    return rows.filter(Q(**{f"{time}__gt": place.at}) | Q(pk__gt=place.pk))


def earlier(people: Sequence[int], *, limit: int, before: Place | None) -> Conversation:
    """What was said with these contacts (one person) before a place, or at last: oldest first, without
    reactions. `next` is where the page before it ends.
    """
    sent = Message.objects.select_related("batch__template").filter(contact__in=people)
    got = InboundMessage.objects.select_related("stored_media").filter(contact__in=people)
    heads: list[Message | InboundMessage] = [
        *_before(before, sent.exclude(batch__content_type=REACTION), "created_at", OUTBOUND)[
            : limit + 1
        ],
        *_before(before, got.exclude(type=REACTION), "sent_at", INBOUND)[: limit + 1],
    ]
    rows = sorted(heads, key=Place.of, reverse=True)[: limit + 1]
    following = Place.of(rows[limit - 1]).cursor if len(rows) > limit else None
    return Conversation(rows[:limit][::-1], following)


def _before(place: Place | None, rows: QuerySet[Any], time: str, direction: int) -> QuerySet[Any]:
    """Those of one direction that stand before `place`, the nearest first."""
    rows = rows.order_by(f"-{time}", "-pk")
    if place is None:
        return rows
    if direction > place.direction:
        return rows.filter(**{f"{time}__lt": place.at})
    rows = rows.filter(**{f"{time}__lte": place.at})
    if direction < place.direction:
        return rows
    return rows.filter(Q(**{f"{time}__lt": place.at}) | Q(pk__lt=place.pk))


@dataclass(frozen=True)
class ContactPage:
    rows: Sequence[Contact]
    next: str | None


# In a cursor: by what the last contact of the page was found.
_BY_PHONE, _BY_BSUID = b"p", b"b"


def contacts(*, company_id: int, limit: int, cursor: str) -> ContactPage:
    """Everybody whom a company knows: in its address book, written to, or heard from.

    In order of phone number, and those without one after them by BSUID: an order that does not
    change while messages come and go, and that an index has.
    """
    known = Contact.objects.filter(company_id=company_id, merged_into=None)
    numbered, others = known.filter(phone__isnull=False), known.filter(phone__isnull=True)
    kind, last = _contact_place(cursor) if cursor else (_BY_PHONE, "")
    rows: list[Contact] = []
    if kind == _BY_PHONE:
        rows += numbered.filter(phone__gt=last).order_by("phone")[: limit + 1]
        last = ""
    if len(rows) <= limit:
        rows += others.filter(bsuid__gt=last).order_by("bsuid")[: limit + 1 - len(rows)]
    following = _contact_cursor(rows[limit - 1]) if len(rows) > limit else None
    return ContactPage(rows[:limit], following)


def _contact_cursor(contact: Contact) -> str:
    return _as_cursor(
        _BY_PHONE + contact.phone.encode()
        if contact.phone
        else _BY_BSUID + str(contact.bsuid).encode()
    )


def _contact_place(cursor: str) -> tuple[bytes, str]:
    raw = _from_cursor(cursor)
    kind, rest = raw[:1], raw[1:]
    if kind not in (_BY_PHONE, _BY_BSUID) or not rest.isascii() or b"\x00" in rest:
        raise InvalidCursor("The cursor is not one of this list")
    return kind, rest.decode()


def contact(*, company_id: int, phone: str, country: str) -> Contact | None:
    """The contact of a phone number as people write it, or of a BSUID."""
    if is_bsuid(phone):
        return services.find(company_id=company_id, bsuid=phone)
    number = to_e164(phone, country=country)
    return services.find(company_id=company_id, phone=number) if number else None


def last_message_times(people: Sequence[Contact]) -> dict[int, datetime]:
    """When each of a page of contacts was last written to or heard from; none where never."""
    latest = Message.objects.filter(contact=OuterRef("pk")).order_by("-created_at")
    times = {person.pk: person.last_inbound_at for person in people}
    # What was written to a contact before it was merged is still under its own id.
    written = Contact.objects.filter(Q(pk__in=times) | Q(merged_into__in=times)).values_list(
        "pk", "merged_into", Subquery(latest.values("created_at")[:1])
    )
    for pk, merged_into, at in written:
        person = merged_into or pk
        times[person] = max(filter(None, (at, times[person])), default=None)
    return {pk: at for pk, at in times.items() if at is not None}
