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
from messaging.models import FilledIn, Message, Status
from messaging.payloads import Payload
from messaging.queue import Claimed
from templates_app import parameters, personal
from templates_app.models import Template
from templates_app.parameters import InvalidComponents
from templates_app.personal import CUSTOM, NAME, PHONE, Component, Values

# Why somebody was not sent to.
MISSING, UNFIT = "value_missing", "value_unfit"

_M, _C, _F = Message._meta.db_table, Contact._meta.db_table, FilledIn._meta.db_table
_PEOPLE = f"""FROM {_M} m JOIN {_C} c ON c.id = m.contact_id AND c.company_id = m.company_id
    JOIN {_C} p ON p.id = coalesce(c.merged_into_id, c.id)"""


# --- Sending --------------------------------------------------------------------------


@dataclass(frozen=True)
class Prepared:
    """By message: what is filled in for its person, or why (code and detail) nothing can be."""

    values: dict[int, Values] = field(default_factory=dict)
    problems: dict[int, tuple[str, str]] = field(default_factory=dict)


def prepare(rows: Sequence[Claimed], batches: Mapping[int, BatchFacts], *, fence: int) -> Prepared:
    """Read the people of claimed messages, which are all of personal batches; keep what they are told."""
    prepared = Prepared()
    templates = Template.objects.in_bulk({batch.template_id for batch in batches.values()})
    asked = {key: _fields(batch.payload) for key, batch in batches.items()}
    known = _known({row.id: row.recipient for row in rows}, set().union(*asked.values()))
    for row in rows:
        batch = batches[row.batch_id]
        template = templates.get(batch.template_id or 0)
        values = {name: known[row.id][name] for name in asked[row.batch_id] & known[row.id].keys()}
        problem = why_not(batch.payload, values, template=template)
        if problem:
            prepared.problems[row.id] = problem
        else:
            prepared.values[row.id] = values
    _keep(prepared.values, fence=fence)
    return prepared


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


def _keep(values: Mapping[int, Values], *, fence: int) -> None:
    """What will be said, before it is. Messages that somebody else has claimed meanwhile are his."""
    as_json = "v.texts::jsonb" if sql.is_postgres() else "v.texts"
    sql.execute(
        f"""INSERT INTO {_F} (message_id, texts) SELECT m.id, {as_json}
        FROM {sql.rows_from_json("v", id="bigint", texts="text")} JOIN {_M} m ON m.id = v.id
        WHERE m.status = {Status.CLAIMED:d} AND m.fence = %s
        ON CONFLICT (message_id) DO UPDATE SET texts = excluded.texts""",
        [sql.as_json(list(values.items())), fence],
    )


# --- What is known of people ----------------------------------------------------------


def _known(recipients: Mapping[int, str], fields: set[str]) -> dict[int, dict[str, str]]:
    """The values that each message's person has of `fields`; `recipients` are by message."""
    custom = any(name.startswith(CUSTOM) for name in fields)
    rows = sql.fetch(
        f"""SELECT m.id, p.name, p.phone, {"p.custom_fields" if custom else "NULL"} {_PEOPLE}
        WHERE {sql.in_list("m.id")}""",
        [sql.id_list(list(recipients))],
    )
    people = {key: person for key, *person in rows}
    nobody: list[Any] = ["", None, None]
    return {
        key: of_person(*people.get(key, nobody), fields=fields, recipient=recipient)
        for key, recipient in recipients.items()
    }


def of_person(
    name: str, phone: str | None, custom: Any, *, fields: Iterable[str], recipient: str = ""
) -> dict[str, str]:
    """Those of `fields` that somebody has; the number is the one that is written to."""
    number = recipient if recipient.isdigit() else phone
    held = {NAME: name, PHONE: f"+{number}" if number else ""}
    own = _object(custom)
    found = {
        each: personal.clean(held[each] if each in held else own.get(each.removeprefix(CUSTOM)))
        for each in fields
    }
    return {each: text for each, text in found.items() if text}


def _object(custom: Any) -> dict[str, Any]:
    """Custom fields as a statement gave them. Numbers keep all their digits; what can't be read is no
    reason to send nothing to everybody.
    """
    try:
        found = json.loads(custom) if isinstance(custom, str) else custom
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


# --- Looking at it --------------------------------------------------------------------


def look_up(messages: Iterable[Any]) -> None:
    """Give those messages of personal batches among them what their people were told; before they are
    sent, what they would be told now. Their batches should be at hand.
    """
    mine = {m.pk: m for m in messages if isinstance(m, Message) and m.batch.is_personal}
    if not mine:
        return
    kept = dict(FilledIn.objects.filter(message__in=mine).values_list("message_id", "texts"))
    others = {key: each for key, each in mine.items() if key not in kept}
    kept |= _known_now(others) if others else {}
    for key, each in mine.items():
        each.own_payload = as_known(each.batch.payload, kept[key])


def problem_now(message: Message) -> tuple[str, str] | None:
    """Why the message could not be filled in by what is known of its person now."""
    values = _known_now({message.pk: message})[message.pk]
    return why_not(message.batch.payload, values, template=message.batch.template)


def _known_now(messages: Mapping[int, Message]) -> dict[int, dict[str, str]]:
    fields = set().union(*(_fields(each.batch.payload) for each in messages.values()))
    return _known({key: each.recipient for key, each in messages.items()}, fields)


def as_known(payload: Payload, values: Values) -> Payload:
    components: list[Component] = personal.as_known(payloads.components(payload), values)
    return payloads.with_components(payload, components)
