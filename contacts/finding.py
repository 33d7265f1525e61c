"""Finding contacts: a filter as people fill it in, and pages of what it finds, by keyset.

At a million contacts a page must read about a page's worth. So each list has an order that an index
has: the address book by id, newest first; everybody by number; those whose name begins as searched,
by name. A list may have several parts, one after the other; a cursor names the part and the last row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet, Subquery
from phonenumbers import country_code_for_region

from config import public_ids
from contacts.models import BytewiseLower, Contact, ContactTag
from contacts.phones import is_bsuid, typed_digits

WINDOW = timedelta(hours=24)  # Meta's, for free-form messages
# Words within names are looked for among so many of the newest: no index has them.
WORDS_AMONG = 20_000
COUNTED = 1_000
TAGGED_FEW = 5_000
_MAX_DIGITS = 15  # E.164


class InvalidPlace(ValueError):
    """A cursor that no page gave."""


class Reach(NamedTuple):
    """How a part of a list is ordered: by which keys, and whether downwards."""

    keys: tuple[str, ...]
    down: bool = False


NEWEST = Reach(("pk",), down=True)
# The same, but said so that SQLite walks the tag's own index.
NEWEST_TAGGED = Reach(("contacttag__contact_id",), down=True)
BY_PHONE = Reach(("phone",))
BY_BSUID = Reach(("bsuid",))
BY_NAME = Reach(("small_name", "pk"))


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What a person asked for; every part of it is optional."""

    search: str = ""
    tag_id: int | None = None
    opted_out: bool = False
    unreachable: bool = False
    window_open: bool = False
    everybody: bool = False  # the numbers that were only written to as well

    @property
    def is_one_tag(self) -> bool:
        """Whether it asks for a tag and for nothing else of those who have it."""
        others = self.search.strip() or self.opted_out or self.unreachable or self.window_open
        return self.tag_id is not None and not others

    def as_json(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value}


@dataclass(frozen=True)
class Page:
    rows: Sequence[Contact]
    older: str  # the cursor of the next page, or ""


def found(wanted: Filter, *, company_id: int, country: str, now: datetime) -> QuerySet[Contact]:
    """All that the filter finds, in no order."""
    parts = _parts(wanted, company_id=company_id, country=country, now=now)
    # One that asks for nothing stands alone.
    either = reduce(or_, (part.where for part in parts))
    scope = _scope(wanted, company_id=company_id, now=now)
    return scope.annotate(small_name=BytewiseLower("name")).filter(either)


def page(
    wanted: Filter, *, company_id: int, country: str, now: datetime, place: str, limit: int
) -> Page:
    """A page from after `place` on; raises InvalidPlace."""
    parts = _parts(wanted, company_id=company_id, country=country, now=now)
    number, last = _read_place(place, parts, company_id=company_id)
    rows: list[Contact] = []
    at: list[int] = []
    while number < len(parts) and len(rows) <= limit:
        part = parts[number]
        more = _after(part, _scope(wanted, company_id=company_id, now=now), last)
        got = list(more[: limit + 1 - len(rows)])
        rows += got
        at += [number] * len(got)
        number, last = number + 1, []
    if len(rows) <= limit:
        return Page(rows, "")
    return Page(rows[:limit], f"{at[limit - 1]}.{rows[limit - 1].public_id}")


def count(wanted: Filter, *, company_id: int, country: str, now: datetime) -> int:
    """How many there are, up to COUNTED; one more than that means more."""
    parts = _parts(wanted, company_id=company_id, country=country, now=now)
    total = 0
    for part in parts:
        left = COUNTED + 1 - total
        scope = _scope(wanted, company_id=company_id, now=now)
        total += _after(part, scope, [])[:left].count() if left else 0
    return total


# --- The filter -----------------------------------------------------------------------


class _Part(NamedTuple):
    where: Q
    reach: Reach


def _scope(wanted: Filter, *, company_id: int, now: datetime) -> QuerySet[Contact]:
    people = Contact.objects.filter(company_id=company_id, merged_into=None, erased_at=None)
    if not wanted.everybody:
        people = people.filter(saved=True)
    if wanted.tag_id and not wanted.is_one_tag and _is_on_few(wanted.tag_id):
        few = ContactTag.objects.filter(tag=wanted.tag_id).values("contact_id")
        people = people.filter(pk__in=few)
    elif wanted.tag_id:
        people = people.filter(contacttag__tag_id=wanted.tag_id)
        # PostgreSQL would walk all newer contacts to come to the first that has the tag.
        newest = ContactTag.objects.filter(tag=wanted.tag_id).order_by("-contact_id")
        people = people.filter(pk__lte=Subquery(newest.values("contact_id")[:1]))
    if wanted.opted_out:
        people = people.filter(opted_out_at__isnull=False)
    if wanted.unreachable:
        people = people.filter(not_on_whatsapp_at__isnull=False)
    if wanted.window_open:
        people = people.filter(last_inbound_at__gt=now - WINDOW)
    return people


def _is_on_few(tag_id: int) -> bool:
    """Whether to start from the tag, whatever the order: walking the contacts would meet it rarely."""
    return not ContactTag.objects.filter(tag=tag_id)[TAGGED_FEW : TAGGED_FEW + 1].exists()


def _parts(wanted: Filter, *, company_id: int, country: str, now: datetime) -> list[_Part]:
    search = " ".join(wanted.search.split())
    if not search:
        # Sending makes many rows that are not saved; only their numbers have an order for all.
        narrow = wanted.tag_id or wanted.opted_out or wanted.unreachable or wanted.window_open
        if wanted.is_one_tag:
            return [_Part(Q(), NEWEST_TAGGED)]
        if not wanted.everybody or narrow:
            return [_Part(Q(), NEWEST)]
        return [
            _Part(Q(phone__isnull=False), BY_PHONE),
            _Part(Q(phone=None, bsuid__isnull=False), BY_BSUID),
        ]
    if is_bsuid(search):
        return [_Part(Q(bsuid=search), BY_BSUID)]
    prefix = number_prefix(search, country=country)
    if prefix:
        upper = prefix.ljust(_MAX_DIGITS, "9")
        return [_Part(Q(phone__gte=prefix, phone__lte=upper), BY_PHONE)]
    begins = search.lower()
    # Who is not in the address book has no name here.
    named = Q(saved=True, small_name__gte=begins, small_name__lt=begins + chr(0x10FFFF))
    oldest = _oldest_looked_through(company_id)
    word = Q(saved=True, pk__gte=oldest) & Q(small_name__contains=f" {begins}")
    return [_Part(named, BY_NAME), _Part(word & ~named, NEWEST)]


def _oldest_looked_through(company_id: int) -> int:
    """The id from which on names are looked through for words."""
    book = Contact.objects.filter(company_id=company_id, saved=True).order_by("-pk")
    return book.values_list("pk", flat=True)[WORDS_AMONG - 1 : WORDS_AMONG].first() or 0


def number_prefix(search: str, *, country: str) -> str:
    """How stored numbers begin that are meant by part of one as people write it; "" if it is none."""
    digits = typed_digits(search)
    if digits.startswith("00"):
        digits = digits[2:]
    elif digits.startswith("0"):
        digits = f"{country_code_for_region(country)}{digits[1:]}"
    return digits if 0 < len(digits) <= _MAX_DIGITS else ""


# --- Places ---------------------------------------------------------------------------


def _after(part: _Part, scope: QuerySet[Contact], last: Sequence[Any]) -> QuerySet[Contact]:
    """The rows of a part, in its order, from after the row with the keys `last`."""
    keys, down = part.reach
    rows = (
        scope.annotate(small_name=BytewiseLower("name"))
        .filter(part.where)
        .order_by(*(f"-{key}" if down else key for key in keys))
    )
    if not last:
        return rows
    compare = "lt" if down else "gt"
    if part.reach == NEWEST_TAGGED:
        # By its key, Django would join the taggings anew: once for each tag of a contact.
        return rows.filter(pk__lt=last[0])
    if len(keys) == 1:
        return rows.filter(**{f"{keys[0]}__{compare}": last[0]})
    first, second = keys
    return rows.filter(**{f"{first}__gte": last[0]}).filter(
        Q(**{f"{first}__{compare}": last[0]}) | Q(**{f"{second}__{compare}": last[1]})
    )


def _read_place(place: str, parts: Sequence[_Part], *, company_id: int) -> tuple[int, list[Any]]:
    """The part, and the keys of the row after which to go on."""
    if not place:
        return 0, []
    head, _dot, public_id = place.partition(".")
    pk = public_ids.decode("contact", public_id)
    if head not in ("0", "1") or int(head) >= len(parts) or pk is None:
        raise InvalidPlace(place)
    keys = parts[int(head)].reach.keys
    if parts[int(head)].reach in (NEWEST, NEWEST_TAGGED):
        return int(head), [pk]
    row = (
        Contact.objects.filter(company_id=company_id, pk=pk)
        .annotate(small_name=BytewiseLower("name"))
        .values_list(*keys)
        .first()
    )
    if row is None or None in row:
        raise InvalidPlace(place)
    return int(head), list(row)
