"""Storing a batch. A send to one number is most of what a gateway is asked, so on PostgreSQL it is one
statement: contact, credit, batch, message, ledger, usage and reach together, or nothing.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.utils import timezone

from companies.models import Company, CreditEntry
from config import sql
from contacts.models import Contact
from messaging import reach
from messaging.models import Batch, DailyReach, DailyUsage, Message

_FIELDS = [field for field in Batch._meta.concrete_fields if not field.primary_key]
_COLUMNS = ", ".join(str(field.column) for field in _FIELDS)
_VALUES = ", ".join(["%s"] * len(_FIELDS))
_BATCH = Batch._meta.db_table

_INSERT = f"INSERT INTO {_BATCH} ({_COLUMNS}) VALUES ({_VALUES}) RETURNING id"

# Each step takes its rows from the one before, so that all of them happen or none does.
_INSERT_SINGLE = f"""
WITH known AS (
    SELECT id, opted_out_at FROM {Contact._meta.db_table} WHERE company_id = %s AND phone = %s),
made AS (
    INSERT INTO {Contact._meta.db_table} (company_id, phone, name, custom_fields, saved,
                                          opted_out_reason, created_at, updated_at)
    SELECT %s, %s, '', '{{}}', false, '', %s, %s WHERE NOT EXISTS (SELECT 1 FROM known)
    ON CONFLICT DO NOTHING RETURNING id),
who AS (SELECT id FROM known WHERE opted_out_at IS NULL UNION ALL SELECT id FROM made),
paid AS (
    UPDATE {Company._meta.db_table} SET credits = credits - %s
    WHERE id = %s AND credits - %s >= credit_floor AND EXISTS (SELECT 1 FROM who) RETURNING id),
batch AS (INSERT INTO {_BATCH} ({_COLUMNS}) SELECT {_VALUES} FROM paid RETURNING id),
message AS (
    INSERT INTO {Message._meta.db_table} (company_id, channel_id, batch_id, contact_id, recipient,
                                          status, lane, due_at, created_at)
    SELECT %s, %s, batch.id, who.id, %s, 0, %s, %s, %s FROM batch, who),
entry AS (
    INSERT INTO {CreditEntry._meta.db_table} (company_id, kind, amount, batch_id, note, created_at)
    SELECT %s, 'charge', %s, batch.id, '', %s FROM batch),
used AS (
    INSERT INTO {DailyUsage._meta.db_table} AS u (company_id, channel_id, day, category, accepted,
                                                  charged)
    SELECT %s, %s, %s, %s, 1, %s FROM batch
    ON CONFLICT (company_id, day, channel_id, category) DO UPDATE
    SET accepted = u.accepted + 1, charged = u.charged + excluded.charged),
reached AS (
    INSERT INTO {DailyReach._meta.db_table} AS r (company_id, day, block, bits)
    SELECT %s, %s, who.id / {reach.WIDTH}, 1::bigint << (who.id %% {reach.WIDTH})::int
    FROM batch, who {reach.ON_CONFLICT})
SELECT id FROM batch"""


def insert(batch: Batch) -> None:
    """Store a new batch; by hand, because the ORM takes longer to write this than to run it."""
    [(batch.pk,)] = sql.fetch(_INSERT, _values(batch))


def insert_single(batch: Batch, number: str) -> bool:
    """Store a new batch to one number with all that belongs to it, in one statement.

    False, with nothing done, where the general way must be gone: the person has opted out, credit is
    short, somebody else is just storing the same contact, or the database is not PostgreSQL.
    """
    if not sql.is_postgres() or batch.price <= 0:
        return False
    values = _values(batch)
    now, due_at, day = batch.created_at, batch.due_at, str(batch.day)
    company_id, channel_id, price = batch.company_id, batch.channel_id, batch.price
    rows = sql.fetch(
        _INSERT_SINGLE,
        [
            *(company_id, number),
            *(company_id, number, now, now),
            *(price, company_id, price),
            *values,
            *(company_id, channel_id, number, int(batch.lane), due_at, now),
            *(company_id, -price, now),
            *(company_id, channel_id, day, batch.category, price),
            *(company_id, day),
        ],
    )
    if rows:
        [(batch.pk,)] = rows
    return bool(rows)


def _values(batch: Batch) -> Sequence[Any]:
    batch.created_at = timezone.now()
    return [field.get_db_prep_save(getattr(batch, field.attname), connection) for field in _FIELDS]
