"""A personal message before it is sent: whom it could not be filled in for, and how one person sees it.

Of many people only some are looked at, picked from all of them, and the page says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Min
from django.utils.translation import gettext as _

from config import sql
from contacts.models import Contact, ContactTag
from messaging import payloads, personalising, recipients
from messaging.payloads import Payload
from messaging.personalising import Person
from messaging.services import SendRequest
from templates_app import personal
from templates_app.personal import CUSTOM, NAME, PHONE

# About so many people are looked at.
LOOKED_AT = 5_000
# Bits of a contact's id that tell nothing of when it was stored, nor beside whom.
_SHUFFLED = "(c.id %% 2147483647 * 2654435761 %% 4294967296) / 65536"
EXAMPLES = 3
# Which custom fields a company has is seen from its newest contacts.
NEWEST = 200
OFFERED_FIELDS = 6


@dataclass(frozen=True)
class Recipient:
    """Somebody to write to, and whom the contacts know under the number."""

    number: str
    person: Person = Person()

    @property
    def name(self) -> str:
        return self.person.name

    def values(self, fields: set[str]) -> dict[str, str]:
        return self.person.values(fields, number=self.number)


# --- Whom it can't be filled in for -----------------------------------------------------


@dataclass(kw_only=True)
class Shortfall:
    """Of the people who were looked at, those for whom a message can't be filled in."""

    total: int
    looked_at: int = 0
    count: int = 0
    lacking: Counter[str] = field(default_factory=Counter)  # by field; some people lack several
    unfit: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return self.looked_at >= self.total

    @property
    def expected(self) -> int:
        """Of all people, if the others are like those who were looked at."""
        return self.count if self.is_whole else self.count * self.total // self.looked_at

    @property
    def reasons(self) -> list[tuple[str, int]]:
        return [(f"{{{{{name}}}}}", count) for name, count in self.lacking.most_common()]


def shortfall(
    request: SendRequest, *, company_id: int, numbers: Sequence[str], tagged: int
) -> Shortfall | None:
    """None where there is none. `numbers` get it, and `tagged` people (how many) under the tags."""
    components = payloads.components(request.payload)
    fields, required = personal.fields_of(components), personal.required_of(components)
    found = Shortfall(total=len(numbers) + tagged)
    if not fields:
        return None
    step = max(1, -(-found.total // LOOKED_AT))
    found_in = _with_numbers(numbers[::step], company_id=company_id)
    if tagged:
        found_in += _tagged(request, company_id=company_id, besides=numbers, step=step)
    for recipient in found_in:
        values = recipient.values(fields)
        lacking = required - values.keys()
        problem = personalising.why_not(request.payload, values, template=request.template)
        found.looked_at += 1
        found.lacking.update(lacking)
        if problem:
            found.count += 1
            found.unfit += not lacking
            found.examples = [*found.examples, recipient.number][:EXAMPLES]
    return found if found.count else None


def _with_numbers(numbers: Sequence[str], *, company_id: int) -> list[Recipient]:
    found = Contact.objects.filter(company_id=company_id, phone__in=numbers)
    ids = dict(found.values_list("phone", "pk"))
    known = personalising.people(ids.values(), fields=[CUSTOM])
    return [Recipient(number, known.get(ids.get(number, 0), Person())) for number in numbers]


def _tagged(
    request: SendRequest, *, company_id: int, besides: Sequence[str], step: int
) -> list[Recipient]:
    people, params = recipients.tagged_people(
        company_id=company_id,
        tag_ids=recipients.own_tags(request.tags, company_id=company_id),
        tagged_up_to=recipients.newest_tagging(),
        besides=besides,
    )
    fit, fit_params = request.refusing.nobody()
    rows = sql.fetch(
        f"""SELECT c.phone, c.name, c.custom_fields {people} AND {fit}
        AND {_SHUFFLED} %% %s = 0""",
        [*params, *fit_params, step],
    )
    return [Recipient(number, Person(name, number, custom)) for number, name, custom in rows]


# --- How one of them sees it ------------------------------------------------------------


def first_person(
    *, company_id: int, numbers: Sequence[str], tags: Sequence[object]
) -> Recipient | None:
    """The first who is written to: by number, else the first under the tags."""
    if numbers:
        return _with_numbers(numbers[:1], company_id=company_id)[0]
    tag_ids = recipients.own_tags(tags, company_id=company_id)
    first = ContactTag.objects.filter(tag__in=tag_ids).aggregate(first=Min("contact"))["first"]
    found = personalising.people([first] if first else [], fields=[CUSTOM]).get(first)
    return Recipient(found.phone, found) if found and found.phone else None


def is_personal(payload: Payload) -> bool:
    return bool(personal.fields_of(payloads.components(payload)))


def as_seen_by(payload: Payload, person: Recipient | None) -> Payload:
    """The payload as far as it can be filled in for somebody, or for nobody in particular."""
    fields = personal.fields_of(payloads.components(payload))
    return personalising.as_known(payload, person.values(fields) if person else {})


# --- What can be filled in --------------------------------------------------------------


def offered(*, company_id: int) -> list[str]:
    """Placeholders to choose from, with the custom fields that the company's contacts have."""
    newest = Contact.objects.filter(company_id=company_id, saved=True).order_by("-pk")
    held: Counter[str] = Counter()
    for own in newest.values_list("custom_fields", flat=True)[:NEWEST]:
        held.update(key for key, value in _pairs(own) if personal.clean(value))
    default = _("friend")
    custom = [f"{{{{{CUSTOM}{key}}}}}" for key, _n in held.most_common(OFFERED_FIELDS)]
    return [f"{{{{{NAME}|{default}}}}}", f"{{{{{PHONE}}}}}", *custom]


def _pairs(own: Any) -> list[tuple[str, Any]]:
    pairs = own.items() if isinstance(own, dict) else ()
    return [(key, value) for key, value in pairs if key.strip() and not set(key) & set("{}|")]
