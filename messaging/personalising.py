"""What a message to everybody says to each person: `{{contact.name|friend}}` filled in.

A personal batch's payload has placeholders (templates_app/personal.py). Its drain reads the people of a
claimed chunk at once, right before they are sent to, and keeps what it fills in with each message, so
that pages show what was sent whatever the contact says later. Whoever lacks a value, or has one that
does not fit, is failed by itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from config import sql
from contacts.models import Contact
from messaging import payloads
from messaging.batch_facts import BatchFacts
from messaging.models import ChannelState, FilledIn, Message
from messaging.payloads import Payload
from messaging.queue import Claimed
from templates_app import parameters, personal
from templates_app.models import Template
from templates_app.parameters import InvalidComponents
from templates_app.personal import CUSTOM, NAME, PHONE, Component, Values

# Why somebody was not sent to.
MISSING, UNFIT = "value_missing", "value_unfit"

_C, _F, _S = Contact._meta.db_table, FilledIn._meta.db_table, ChannelState._meta.db_table

Row = Claimed | Message
# All of them too long for a code to copy, which is not any text.
_LENGTHS = (200, 60, 20)


# --- Sending --------------------------------------------------------------------------


@dataclass(frozen=True)
class People:
    """What is known of the people of claimed messages, by message, and the templates that they get."""

    values: dict[int, Values] = field(default_factory=dict)
    templates: dict[int, Template] = field(default_factory=dict)


def read(
    channel_id: int, rows: Sequence[Claimed], batches: Mapping[int, BatchFacts], *, fence: int
) -> People:
    """Of messages that are all of personal batches. What is filled in is kept with each."""
    templates = Template.objects.in_bulk({batch.template_id for batch in batches.values()})
    asked = {key: _fields(batch.payload) for key, batch in batches.items()}
    known = _known(rows, set().union(*asked.values()))
    values: dict[int, Values] = {
        row.id: {name: text for name, text in known[row.id].items() if name in asked[row.batch_id]}
        for row in rows
    }
    _keep(channel_id, values, fence=fence)
    return People(values, templates)


class Judge:
    """Whether a batch's payload can be filled in with somebody's values."""

    def __init__(self, payload: Payload, template: Template | None) -> None:
        self.payload, self.template = payload, template
        self.required = personal.required_of(payloads.components(payload))
        self.harmless = self._harmless_length()

    def why_not(self, values: Values) -> tuple[str, str] | None:
        """Why it can't: code and detail."""
        longest = max(map(len, values.values()), default=0)
        if longest <= self.harmless and self.required <= values.keys():
            return None
        return why_not(self.payload, values, template=self.template)

    def _harmless_length(self) -> int:
        """Values up to this length fit, whatever they are: most people's need no closer look."""
        components = payloads.components(self.payload)
        defaults = personal.longest_default(components)
        for length in _LENGTHS:
            values = dict.fromkeys(personal.fields_of(components), "x" * length)
            if length >= defaults and not why_not(self.payload, values, template=self.template):
                return length
        return 0


def _fields(payload: Payload) -> set[str]:
    return personal.fields_of(payloads.components(payload))


def why_not(
    payload: Payload, values: Values, *, template: Template | None
) -> tuple[str, str] | None:
    """Why a payload can't be filled in with somebody's values: code and detail."""
    try:
        components = personal.for_person(payloads.components(payload), values)
        if template is not None:
            parameters.fit(template=template.components, components=components)
    except personal.Missing as missing:
        return MISSING, str(missing)
    except InvalidComponents as error:
        return UNFIT, f"With this person’s values: {error.message}"
    return None


def _keep(channel_id: int, values: Mapping[int, Values], *, fence: int) -> None:
    """What is filled in, before it is sent. Whoever has the lease by now does it himself."""
    texts = "v.texts::jsonb" if sql.is_postgres() else "v.texts"
    sql.execute(
        f"""INSERT INTO {_F} (message_id, texts) SELECT v.id, {texts}
        FROM {sql.rows_from_json("v", id="bigint", texts="text")}
        WHERE EXISTS (SELECT 1 FROM {_S} WHERE channel_id = %s AND fence = %s)
        ON CONFLICT (message_id) DO UPDATE SET texts = excluded.texts""",
        [sql.as_json(list(values.items())), channel_id, fence],
    )


# --- What is known of people ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Person:
    """A contact, as far as a message can speak of it."""

    name: str = ""
    phone: str | None = None
    custom_fields: str = ""  # JSON

    def values(self, fields: Iterable[str], *, number: str) -> dict[str, str]:
        """Those of `fields` that the person has; `number` is the one that is written to."""
        number = number if number.isdigit() else self.phone or ""
        held = {NAME: self.name, PHONE: number and f"+{number}"}
        own = self._own() if self.custom_fields else {}
        found = (
            (
                each,
                personal.clean(held[each] if each in held else own.get(each.removeprefix(CUSTOM))),
            )
            for each in fields
        )
        return {each: text for each, text in found if text}

    def _own(self) -> dict[str, Any]:
        """Numbers keep all their digits; what can't be read is no reason to send nothing to everybody."""
        try:
            own = json.loads(self.custom_fields)
        except ValueError:
            return {}
        return own if isinstance(own, dict) else {}


def people(ids: Iterable[int], *, fields: Iterable[str]) -> dict[int, Person]:
    """Contacts by id; one that was merged into another is called as that one is."""
    custom = "NULL"
    if any(name.startswith(CUSTOM) for name in fields):
        custom = "CASE WHEN k.id IS NULL THEN c.custom_fields ELSE k.custom_fields END"
    rows = sql.fetch(
        f"""SELECT c.id, coalesce(k.name, c.name), coalesce(k.phone, c.phone), {custom}
        FROM {_C} c LEFT JOIN {_C} k ON k.id = c.merged_into_id WHERE {sql.in_list("c.id")}""",
        [sql.id_list(list(ids))],
    )
    return {key: Person(name, phone, custom or "") for key, name, phone, custom in rows}


def _known(rows: Sequence[Row], fields: set[str]) -> dict[int, dict[str, str]]:
    """The values that each message's person has of `fields`, by message."""
    found = people({row.contact_id for row in rows}, fields=fields)
    nobody = Person()
    return {
        row.id: found.get(row.contact_id, nobody).values(fields, number=row.recipient)
        for row in rows
    }


# --- Looking at it --------------------------------------------------------------------


def look_up(messages: Iterable[Any]) -> None:
    """Give those messages of personal batches among them what their people were told; before they are
    sent, what they would be told now. Their batches should be at hand.
    """
    mine = {m.pk: m for m in messages if isinstance(m, Message) and m.batch.is_personal}
    if not mine:
        return
    kept = dict(FilledIn.objects.filter(message__in=mine).values_list("message_id", "texts"))
    others = [each for key, each in mine.items() if key not in kept]
    kept |= _known_now(others) if others else {}
    for key, each in mine.items():
        each.own_payload = as_known(each.batch.payload, kept[key])


def problem_now(message: Message) -> tuple[str, str] | None:
    """Why the message could not be filled in by what is known of its person now."""
    [values] = _known_now([message]).values()
    return why_not(message.batch.payload, values, template=message.batch.template)


def _known_now(messages: Sequence[Message]) -> dict[int, dict[str, str]]:
    return _known(messages, set().union(*(_fields(each.batch.payload) for each in messages)))


def as_known(payload: Payload, values: Values) -> Payload:
    components: list[Component] = personal.as_known(payloads.components(payload), values)
    return payloads.with_components(payload, components)
