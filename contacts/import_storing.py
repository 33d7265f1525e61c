"""Storing a slice of a file: by the database, in a few statements, whatever its length.

What each contact was is kept (ImportRow), to find repeats of a number in later slices, and to undo.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from django.utils.translation import gettext as _

from config import sql
from contacts import jobs, people, services
from contacts.import_rows import Person, Problem
from contacts.models import (
    ConsentEvent,
    Contact,
    ContactImport,
    ContactTag,
    ImportProblem,
    ImportRow,
    Tag,
)

REASON = "imported"
_CONTACT, _TAGGED = Contact._meta.db_table, ContactTag._meta.db_table
_ROW, _PROBLEM = ImportRow._meta.db_table, ImportProblem._meta.db_table
_CONSENT = ConsentEvent._meta.db_table
Outcome = ImportRow.Outcome


@dataclass(frozen=True)
class Known:
    """A contact that was there before the slice, or was just made by it."""

    pk: int
    values: dict[str, Any]


def store(job: ContactImport, slice_: Sequence[Person | Problem], *, now: datetime) -> None:
    """Store a slice and count it; in the caller's transaction."""
    problems = [each for each in slice_ if isinstance(each, Problem)]
    persons: dict[str, Person] = {}
    for each in slice_:
        if isinstance(each, Person):
            first = persons.setdefault(each.phone, each)
            if first is not each:
                problems.append(_repeated(each))
    made = _insert(job, list(persons.values()), now=now)
    known = _lock(job, list(persons))
    met = _met_before(job, [each.pk for each in known.values()])
    fresh: list[tuple[Person, Known]] = []
    taken: set[int] = set()
    for phone, person in persons.items():
        contact = known[phone]
        if contact.pk in met or contact.pk in taken:
            problems.append(_repeated(person))
        else:
            taken.add(contact.pk)
            fresh.append((person, contact))
    _apply(job, fresh, made=made, now=now)
    _note_problems(job, problems)
    repeated = sum(1 for each in problems if each.reason == _repeated_reason())
    job.duplicate_count += repeated
    job.invalid_count += len(problems) - repeated


def _repeated_reason() -> str:
    return _("The number stands further up in the file already.")


def _repeated(person: Person) -> Problem:
    return Problem(person.row, person.raw, _repeated_reason())


def _insert(job: ContactImport, persons: Sequence[Person], *, now: datetime) -> set[int]:
    """Make those who are unknown; their ids."""
    if not persons:
        return set()
    # In order of number, so that two imports never wait for each other.
    rows = sorted(
        [p.phone, p.name, orjson.dumps(p.fields).decode(), REASON if p.opted_out else ""]
        for p in persons
    )
    at = sql.moment(now)
    kind = "::jsonb" if sql.is_postgres() else ""
    made = sql.fetch(
        f"""INSERT INTO {_CONTACT} (company_id, phone, name, custom_fields, saved, opted_out_at,
            opted_out_reason, created_at, updated_at)
        SELECT %s, v.phone, v.name, v.fields{kind}, %s,
            CASE WHEN v.reason = '' THEN NULL ELSE {_moment()} END, v.reason, %s, %s
        FROM {sql.rows_from_json("v", phone="text", name="text", fields="text", reason="text")}
        WHERE true ON CONFLICT DO NOTHING RETURNING id""",
        [job.company_id, True, at, at, at, sql.as_json(rows)],
    )
    return {int(pk) for (pk,) in made}


def _moment() -> str:
    """A time as a parameter within an expression, where PostgreSQL can't guess its type."""
    return "%s::timestamptz" if sql.is_postgres() else "%s"


_COPIED = ("name", "custom_fields", "saved", "opted_out_at", "opted_out_reason")


def _lock(job: ContactImport, phones: Sequence[str]) -> dict[str, Known]:
    """The contacts of numbers, or those that they were merged into, by number."""
    mine = Contact.objects.filter(company=job.company_id)
    found = sql.fetch(
        f"""SELECT phone, coalesce(merged_into_id, id) FROM {_CONTACT}
        WHERE company_id = %s AND {sql.in_list("phone", "text")}""",
        [job.company_id, sql.id_list(phones)],
    )
    by_phone = {str(phone): int(pk) for phone, pk in found}
    # In order of id, so that two imports never wait for each other.
    rows = mine.filter(pk__in=set(by_phone.values())).order_by("pk").select_for_update()
    values = {row["pk"]: row for row in rows.values("pk", *_COPIED)}
    return {phone: Known(pk, values[pk]) for phone, pk in by_phone.items()}


def _met_before(job: ContactImport, contact_ids: Sequence[int]) -> set[int]:
    rows = sql.fetch(
        f"""SELECT contact_id FROM {_ROW}
        WHERE contact_import_id = %s AND {sql.in_list("contact_id")}""",
        [job.pk, sql.id_list(contact_ids)],
    )
    return {int(pk) for (pk,) in rows}


# --- Storing what is new --------------------------------------------------------------


@dataclass(kw_only=True)
class _Change:
    """What a row does to its contact."""

    person: Person
    contact_id: int
    outcome: Outcome
    changes: dict[str, list[Any]]
    is_new_opt_out: bool
    tag_ids: list[int] = field(default_factory=list)


def _apply(
    job: ContactImport, fresh: Sequence[tuple[Person, Known]], *, made: set[int], now: datetime
) -> None:
    changes = [_change(job, person, known, made=made, now=now) for person, known in fresh]
    left_alone = job.known == ContactImport.Known.SKIP
    taken = [each for each in changes if not (left_alone and each.outcome == Outcome.SAME)]
    _update([each for each in taken if each.changes], now=now)
    _opt_out([each.contact_id for each in taken if each.is_new_opt_out], now=now)
    _tag(job, taken)
    for each in taken:
        if each.tag_ids and each.outcome == Outcome.SAME:
            each.outcome = Outcome.UPDATED
    _note_rows(job, changes)
    job.new_count += sum(1 for each in changes if each.outcome == Outcome.NEW)
    job.updated_count += sum(1 for each in changes if each.outcome == Outcome.UPDATED)
    job.same_count += sum(1 for each in changes if each.outcome == Outcome.SAME)


def _change(
    job: ContactImport, person: Person, known: Known, *, made: set[int], now: datetime
) -> _Change:
    """What is to be changed. Nobody is opted in by a file, and empty cells take nothing away."""
    was = known.values
    if known.pk in made:
        outcome, after = Outcome.NEW, was
    elif was["saved"] and job.known == ContactImport.Known.SKIP:
        outcome, after = Outcome.SAME, was
    else:
        after = {
            "name": person.name or was["name"],
            "custom_fields": {**was["custom_fields"], **person.fields},
            "saved": True,
            "opted_out_at": was["opted_out_at"] or (now if person.opted_out else None),
            "opted_out_reason": was["opted_out_reason"],
        }
        if after["opted_out_at"] and not was["opted_out_at"]:
            after["opted_out_reason"] = REASON
        differs = any(was[name] != after[name] for name in _COPIED)
        outcome = Outcome.UPDATED if differs else Outcome.SAME
        # Who was only ever written to is new in the address book.
        outcome = outcome if was["saved"] else Outcome.NEW
    return _Change(
        person=person,
        contact_id=known.pk,
        outcome=outcome,
        changes={n: [was[n], after[n]] for n in _COPIED if was[n] != after[n]},
        is_new_opt_out=known.pk in made
        and person.opted_out
        or after["opted_out_at"] != was["opted_out_at"],
    )


def _update(changes: Sequence[_Change], *, now: datetime) -> None:
    if not changes:
        return
    rows = []
    for each in changes:
        new = {name: after for name, (_was, after) in each.changes.items()}
        fields = orjson.dumps(new["custom_fields"]).decode() if "custom_fields" in new else None
        rows.append([each.contact_id, new.get("name"), fields, new.get("opted_out_reason")])
    given = sql.rows_from_json("v", id="bigint", name="text", fields="text", reason="text")
    kind = "::jsonb" if sql.is_postgres() else ""
    at = sql.moment(now)
    sql.execute(
        f"""UPDATE {_CONTACT} AS c SET saved = %s, name = coalesce(v.name, c.name),
            custom_fields = coalesce(v.fields{kind}, c.custom_fields),
            opted_out_at = CASE WHEN v.reason IS NULL THEN c.opted_out_at ELSE {_moment()} END,
            opted_out_reason = coalesce(v.reason, c.opted_out_reason), updated_at = %s
        FROM {given} WHERE c.id = v.id""",
        [True, at, at, sql.as_json(rows)],
    )


def _opt_out(contact_ids: Sequence[int], *, now: datetime) -> None:
    """Note the wish, and hold it for their other numbers too."""
    if not contact_ids:
        return
    other = Contact.objects.filter(merged_into__in=contact_ids, opted_out_at=None)
    other.update(opted_out_at=now, opted_out_reason=REASON)
    out, source = ConsentEvent.Kind.OPTED_OUT, ConsentEvent.Source.IMPORT
    sql.execute(
        f"""INSERT INTO {_CONSENT} (contact_id, kind, source, author, reason, at)
        SELECT v.id, '{out}', '{source}', '', %s, {_moment()}
        FROM {sql.rows_from_json("v", id="bigint")}""",
        [REASON, sql.moment(now), sql.as_json([[pk] for pk in contact_ids])],
    )


def _tag(job: ContactImport, changes: Sequence[_Change]) -> None:
    """Put on the tags of each row and those for all; each change learns which were new."""
    names = sorted({*job.tag_names, *(name for each in changes for name in each.person.tags)})
    if not names or not changes:
        return
    try:
        people.tag_names_allowed(company_id=job.company_id, names=names)
    except people.TooManyTags as error:
        raise jobs.Impossible(str(error)) from error
    mine = Tag.objects.filter(company=job.company_id, name__in=names)
    before = set(mine.values_list("name", flat=True))
    ids = services.tags_by_name(company_id=job.company_id, names=names)
    job.made_tag_ids += [ids[name] for name in names if name not in before]
    pairs = [
        [each.contact_id, ids[name]]
        for each in changes
        for name in {*job.tag_names, *each.person.tags}
    ]
    new = sql.fetch(
        f"""INSERT INTO {_TAGGED} (contact_id, tag_id)
        SELECT v.contact, v.tag FROM {sql.rows_from_json("v", contact="bigint", tag="bigint")}
        WHERE true ON CONFLICT DO NOTHING RETURNING contact_id, tag_id""",
        [sql.as_json(pairs)],
    )
    by_contact = {each.contact_id: each for each in changes}
    for contact_id, tag_id in new:
        by_contact[int(contact_id)].tag_ids.append(int(tag_id))


def _note_rows(job: ContactImport, changes: Sequence[_Change]) -> None:
    given = sql.rows_from_json(
        "v", contact="bigint", outcome="integer", changes="text", tags="text"
    )
    kind = "::jsonb" if sql.is_postgres() else ""
    rows = [
        [
            each.contact_id,
            int(each.outcome),
            orjson.dumps(each.changes).decode(),
            orjson.dumps(each.tag_ids).decode(),
        ]
        for each in changes
    ]
    sql.execute(
        f"""INSERT INTO {_ROW} (contact_import_id, contact_id, outcome, changes, tag_ids)
        SELECT %s, v.contact, v.outcome, v.changes{kind}, v.tags{kind} FROM {given}""",
        [job.pk, sql.as_json(rows)],
    )


def _note_problems(job: ContactImport, problems: Sequence[Problem]) -> None:
    rows = [[p.row, orjson.dumps(p.raw).decode(), p.reason[:200]] for p in problems]
    sql.execute(
        f"""INSERT INTO {_PROBLEM} (contact_import_id, row, input, reason)
        SELECT %s, v.row, v.input, v.reason
        FROM {sql.rows_from_json("v", row="bigint", input="text", reason="text")}""",
        [job.pk, sql.as_json(rows)],
    )
