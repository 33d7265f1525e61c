"""Storing a batch. A send to one number is most of what a gateway is asked, so it has a way of its own:
contact, credit, batch, message, ledger, usage and reach together, or nothing. On PostgreSQL that is
one statement; on SQLite, where a statement costs no round trip, the same steps one by one.
"""

from __future__ import annotations

from typing import Any

import orjson
from django.db import connection, models, transaction
from django.utils import timezone

from companies import limits
from companies.limits import Usage, Window
from companies.models import ApiKey, Channel, Company, CreditEntry
from config import sql
from contacts.models import Contact
from messaging import reach
from messaging.models import Batch, DailyReach, DailyUsage, Message

_FIELDS = [field for field in Batch._meta.concrete_fields if not field.primary_key]
_COLUMNS = ", ".join(str(field.column) for field in _FIELDS)
_CONTACT = Contact._meta.db_table


def _placeholder(field: models.Field[Any, Any]) -> str:
    kind = str(field.rel_db_type(connection) if field.is_relation else field.db_type(connection))
    return f"%({field.column})s::{kind.split('(')[0].replace(' with time zone', 'tz')}"


_VALUES = ", ".join(map(_placeholder, _FIELDS))

# Counts a request against its key's limit, if key, company and channel are still what we took them for.
_PROVEN = f"""FROM {ApiKey._meta.db_table} k
    JOIN {Company._meta.db_table} c ON c.id = k.company_id
    JOIN {Channel._meta.db_table} ch ON ch.company_id = c.id
    WHERE k.id = %(api_key_id)s::bigint AND k.revoked_at IS NULL
    AND (k.expires_at IS NULL OR k.expires_at > %(created_at)s::timestamptz)
    AND c.status = 'active' AND ch.id = %(channel_id)s::bigint AND ch.status = 'connected'
    AND ch.daily_limit IS NULL"""
_COUNT = limits.COUNT.format(source=_PROVEN)

# Each step takes its rows from the ones before, so that all of them happen or none does.
_KNOWN = f"""SELECT id, opted_out_at FROM {_CONTACT}
    WHERE company_id = %(company_id)s::bigint AND phone = %(number)s::varchar"""
_MADE = f"""INSERT INTO {_CONTACT} (company_id, phone, name, custom_fields, saved, opted_out_reason,
                                    created_at, updated_at)
    SELECT %(company_id)s::bigint, %(number)s::varchar, '', '{{{{}}}}', false, '',
        %(created_at)s::timestamptz, %(created_at)s::timestamptz
    WHERE {{nobody}} ON CONFLICT DO NOTHING RETURNING id"""
_PAID = f"""UPDATE {Company._meta.db_table} SET credits = credits - %(price)s::bigint
    WHERE id = %(company_id)s::bigint AND credits - %(price)s::bigint >= credit_floor
    AND {{somebody}} RETURNING id"""
_BATCH = f"INSERT INTO {Batch._meta.db_table} ({_COLUMNS}) SELECT {_VALUES} {{paid}} RETURNING id"
_MESSAGE = f"""INSERT INTO {Message._meta.db_table} (company_id, channel_id, batch_id, contact_id,
                                                    recipient, status, lane, due_at, created_at)
    SELECT %(company_id)s::bigint, %(channel_id)s::bigint, batch.id, who.id, %(number)s::varchar, 0,
        %(lane)s::smallint, %(due_at)s::timestamptz, %(created_at)s::timestamptz
    FROM {{batch}}, {{who}} RETURNING id"""
_ENTRY = f"""INSERT INTO {CreditEntry._meta.db_table} (company_id, kind, amount, batch_id, note,
                                                      created_at)
    SELECT %(company_id)s::bigint, 'charge', -%(price)s::bigint, batch.id, '',
        %(created_at)s::timestamptz FROM {{batch}}"""
_USED = f"""INSERT INTO {DailyUsage._meta.db_table} AS u (company_id, channel_id, day, category,
                                                         accepted, charged)
    SELECT %(company_id)s::bigint, %(channel_id)s::bigint, %(day)s::date, %(category)s::varchar, 1,
        %(price)s::bigint FROM {{batch}} WHERE true
    ON CONFLICT (company_id, day, channel_id, category) DO UPDATE
    SET accepted = u.accepted + 1, charged = u.charged + excluded.charged"""
_REACHED = f"""INSERT INTO {DailyReach._meta.db_table} AS r (company_id, day, block, bits)
    SELECT %(company_id)s::bigint, %(day)s::date, who.id / {reach.WIDTH},
        1::bigint << (who.id %% {reach.WIDTH})::int
    FROM {{batch}}, {{who}} WHERE true {reach.ON_CONFLICT}"""


def _one_statement(*, counted: bool) -> str:
    """All steps in one statement; with the request counted first, and nothing done past its limit."""
    allowed = (
        "EXISTS (SELECT 1 FROM counted WHERE count <= %(limit)s::bigint)" if counted else "true"
    )
    made = _MADE.format(nobody=f"{allowed} AND NOT EXISTS (SELECT 1 FROM known)")
    paid = _PAID.format(somebody="EXISTS (SELECT 1 FROM who)")
    return f"""
    WITH {f"counted AS ({_COUNT})," if counted else ""}
    known AS ({_KNOWN} AND {allowed}),
    made AS ({made}),
    who AS (SELECT id FROM known WHERE opted_out_at IS NULL UNION ALL SELECT id FROM made),
    paid AS ({paid}),
    batch AS ({_BATCH.format(paid="FROM paid")}),
    message AS ({_MESSAGE.format(batch="batch", who="who")}),
    entry AS ({_ENTRY.format(batch="batch")}),
    used AS ({_USED.format(batch="batch")}),
    reached AS ({_REACHED.format(batch="batch", who="who")})
    SELECT {"(SELECT count FROM counted), (SELECT started FROM counted)," if counted else "0, 0,"}
        (SELECT id FROM batch), (SELECT id FROM message), (SELECT id FROM who)"""


_UNCOUNTED, _COUNTED = _one_statement(counted=False), _one_statement(counted=True)

_NOTHING = (None, None, None)
# The same steps for SQLite, where what the ones before gave comes as parameters.
_GIVEN = {
    "nobody": "true",
    "somebody": "true",
    "paid": "",
    "batch": "(SELECT %(batch)s AS id) AS batch",
    "who": "(SELECT %(contact)s AS id) AS who",
}
_STEPS = {
    step: step.format_map(_GIVEN)
    for step in (_KNOWN, _MADE, _PAID, _BATCH, _MESSAGE, _ENTRY, _USED, _REACHED)
}


def insert(batch: Batch) -> None:
    """Store a new batch; by hand, because the ORM takes longer to write this than to run it."""
    [(batch.pk,)] = sql.run(_STEPS[_BATCH], _params(batch))


def insert_single(batch: Batch, number: str) -> bool:
    """Store a new batch to one number, with all that belongs to it; its price is above 0.

    False, with nothing done, where the general way must be gone: the person has opted out, credit is
    short, or somebody else is just storing the same contact.
    """
    params = {**_params(batch), "number": number}
    if sql.is_postgres():
        [row] = sql.run(_UNCOUNTED, params)
    else:
        with transaction.atomic():
            row = (0, 0, *_store(params))
    return _stored(batch, number, row)


def insert_proven(batch: Batch, number: str, window: Window) -> tuple[Usage | None, bool]:
    """As `insert_single`, for a key and a channel that are remembered: proves that they still are so,
    and counts the request against the key's `window`, in the same breath.

    The usage is None where the proof fails; then nothing was counted either.
    """
    params = {**_params(batch), **window.params(), "number": number, "limit": window.limit}
    if sql.is_postgres():
        [row] = sql.run(_COUNTED, params)
    else:
        row = _counted_in_steps(params)
    count, started, *_ = row
    usage = None if count is None else window.usage(count, started)
    return usage, _stored(batch, number, row)


def _counted_in_steps(params: dict[str, Any]) -> tuple[Any, ...]:
    with transaction.atomic():
        rows = sql.run(_COUNT, params)
        if not rows:
            return (None, None, *_NOTHING)
        [(count, started)] = rows
        within = count <= params["limit"]
        return (count, started, *(_store(params) if within else _NOTHING))


def _store(params: dict[str, Any]) -> tuple[int | None, int | None, int | None]:
    """The ids of batch, message and contact; nothing is stored where there are none. For SQLite."""

    def run(step: str) -> list[tuple[Any, ...]]:
        return sql.run(_STEPS[step], params)

    known = run(_KNOWN)
    if (known and known[0][1] is not None) or not run(_PAID):
        return _NOTHING
    params["contact"] = (known or run(_MADE))[0][0]
    [(params["batch"],)] = run(_BATCH)
    [(message_id,)] = run(_MESSAGE)
    for step in (_ENTRY, _USED, _REACHED):
        run(step)
    return params["batch"], message_id, params["contact"]


def _stored(batch: Batch, number: str, row: tuple[Any, ...]) -> bool:
    *_, batch_id, message_id, contact_id = row
    if batch_id is None:
        return False
    batch.pk = batch_id
    batch.only_message = Message(
        pk=message_id,
        company_id=batch.company_id,
        channel_id=batch.channel_id,
        batch=batch,
        contact_id=contact_id,
        recipient=number,
        lane=batch.lane,
        due_at=batch.due_at,
        created_at=batch.created_at,
    )
    return True


def _params(batch: Batch) -> dict[str, Any]:
    """A batch's columns as `sql.run` takes them; says when it was created."""
    batch.created_at = timezone.now()
    return {str(field.column): _plain(field, batch) for field in _FIELDS}


def _plain(field: models.Field[Any, Any], batch: Batch) -> Any:
    value = getattr(batch, field.attname)
    if isinstance(field, models.JSONField):
        return orjson.dumps(value).decode()
    if isinstance(field, models.DateTimeField):
        return sql.moment(value)
    return str(value) if isinstance(field, models.DateField) else value
