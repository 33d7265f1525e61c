"""The queue in the message table: leases, claims and results, each one statement.

A channel is drained by whoever holds its lease. Taking a lease raises its fence, and every write of a
drain names its fence, so that one whose lease was lost can no longer change what another has taken.

    queued -> claimed    a batch at a time; of a dead fence these go straight back to the queue
    claimed -> sending   in micro-batches right before their POST starts; of a dead fence: uncertain
    sending -> sent | queued again | failed | uncertain

Every statement here works the same on PostgreSQL and SQLite. Where PostgreSQL could plan badly on
stale statistics the rows are picked in a materialized CTE first.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import structlog
from django.db import DataError, IntegrityError, transaction
from django.utils import timezone

from companies.models import Channel, Company
from config import sql
from contacts import services as contacts
from messaging import outgoing, tallies
from messaging.models import Batch, ChannelState, Lane, Message, Status, StatusEvent
from messaging.results import Failed, Results, Retry, Sent, Unanswered
from messaging.statuses import NOT_ON_WHATSAPP

log = structlog.get_logger("tuma.queue")

LEASE_SECONDS = 30

_M = Message._meta.db_table
# The queue's partial index is only used where its condition stands word for word: SQLite does not
# see that `status = 0` implies it.
QUEUE = f"status < {Status.SENT:d}"
_B = Batch._meta.db_table
_S = ChannelState._meta.db_table
_E = StatusEvent._meta.db_table
_C = Channel._meta.db_table
_COMPANY = Company._meta.db_table


class Claimed(NamedTuple):
    """A message that this drain may send."""

    id: int
    batch_id: int
    contact_id: int
    recipient: str
    attempts: int


def in_queue(status: Status, alias: str = "") -> str:
    """`status`, said so that both databases look in the queue's index, and only there."""
    return f"{alias}status >= {status:d} AND {alias}status <= {status:d} AND {alias}{QUEUE}"


# --- Leases ---------------------------------------------------------------------------


def take_lease(channel_id: int, *, owner: str) -> int | None:
    """The fence of a new lease on a channel, or None while somebody else holds one.

    What a dead holder left is put right in the same transaction.
    """
    with transaction.atomic():
        rows = sql.fetch(
            f"""INSERT INTO {_S} AS s (channel_id, owner, fence, lease_until)
            VALUES (%s, %s, 1, {sql.epoch_now()} + %s)
            ON CONFLICT (channel_id) DO UPDATE SET
                owner = excluded.owner, fence = s.fence + 1, lease_until = excluded.lease_until
            WHERE s.lease_until <= {sql.epoch_now()}
            RETURNING fence""",
            [channel_id, owner, LEASE_SECONDS],
        )
        if not rows:
            return None
        fence = int(rows[0][0])
        _recover(channel_id, fence)
    return fence


def renew_lease(channel_id: int, *, fence: int) -> bool:
    """Hold the lease for another LEASE_SECONDS; False if it is no longer ours."""
    return bool(
        sql.execute(
            f"""UPDATE {_S} SET lease_until = {sql.epoch_now()} + %s
            WHERE channel_id = %s AND fence = %s""",
            [LEASE_SECONDS, channel_id, fence],
        )
    )


def release_lease(channel_id: int, *, fence: int) -> None:
    """Put back what was claimed and not tried, and let the next holder in at once."""
    with transaction.atomic():
        sql.execute(
            f"""UPDATE {_M} SET status = {Status.QUEUED:d}
            WHERE channel_id = %s AND {in_queue(Status.CLAIMED)} AND fence = %s""",
            [channel_id, fence],
        )
        sql.execute(
            f"UPDATE {_S} SET lease_until = 0 WHERE channel_id = %s AND fence = %s",
            [channel_id, fence],
        )


def _recover(channel_id: int, fence: int) -> None:
    sql.execute(
        f"""UPDATE {_M} SET status = {Status.QUEUED:d}
        WHERE channel_id = %s AND {in_queue(Status.CLAIMED)} AND fence < %s""",
        [channel_id, fence],
    )
    doubtful = sql.fetch(
        f"""UPDATE {_M} SET status = {Status.UNCERTAIN:d}, due_at = %s, error_code = 'unanswered',
            error_detail = 'The process that sent it ended before the answer was stored.'
        WHERE channel_id = %s AND {in_queue(Status.SENDING)} AND fence < %s
        RETURNING batch_id""",
        [sql.moment(timezone.now()), channel_id, fence],
    )
    tallies.record(
        tallies.Change(batch_id, Status.SENDING, Status.UNCERTAIN) for (batch_id,) in doubtful
    )


# --- From the queue to the wire -------------------------------------------------------


def claim(channel_id: int, lane: Lane, *, fence: int, limit: int, now: datetime) -> list[Claimed]:
    """Up to `limit` due messages of a lane, oldest first.

    Times are read as what sorts like them: to make a datetime of each is a tenth of a claim.
    """
    due = f"""SELECT id FROM {_M}
        WHERE channel_id = %s AND status = {Status.QUEUED:d} AND {QUEUE} AND lane = {lane:d}
        AND due_at <= %s
        ORDER BY due_at, id LIMIT %s"""
    if sql.is_postgres():
        picked = f"= ANY(ARRAY({due} FOR UPDATE SKIP LOCKED))"
        order = "extract(epoch from due_at)::float8"
    else:
        picked, order = f"IN ({due})", "due_at || ''"
    rows = sql.fetch(
        f"""UPDATE {_M} SET status = {Status.CLAIMED:d}, fence = %s WHERE id {picked}
        RETURNING {order}, id, batch_id, contact_id, recipient, attempts""",
        [fence, channel_id, sql.moment(now), limit],
    )
    rows.sort()
    return [Claimed(*row) for _, *row in rows]


def mark_sending(rows: Sequence[Claimed], *, fence: int, now: datetime) -> set[int]:
    """Say that these are about to be posted; the ids of those that still may be.

    Not of a batch that was meanwhile paused, halted, or scheduled for later.
    """
    marked = sql.fetch(
        f"""UPDATE {_M} SET status = {Status.SENDING:d}, attempts = attempts + 1, attempted_at = %s
        WHERE {sql.in_list("id")} AND status = {Status.CLAIMED:d} AND fence = %s
        AND batch_id NOT IN (SELECT b.id FROM {_B} b WHERE {sql.in_list("b.id")}
            AND (b.paused_at IS NOT NULL OR b.halt_code <> '' OR b.due_at > %s))
        RETURNING id""",
        [
            sql.moment(now),
            sql.id_list([row.id for row in rows]),
            fence,
            sql.id_list(list({row.batch_id for row in rows})),
            sql.moment(now),
        ],
    )
    return {row[0] for row in marked}


def unclaim(ids: Sequence[int], *, fence: int) -> None:
    """Back to the queue as if never touched: what was claimed, or marked, and certainly not posted."""
    sql.execute(
        f"""UPDATE {_M} SET status = {Status.QUEUED:d},
            attempts = attempts - CASE WHEN status = {Status.SENDING:d} THEN 1 ELSE 0 END
        WHERE {sql.in_list("id")}
        AND status IN ({Status.CLAIMED:d}, {Status.SENDING:d}) AND fence = %s""",
        [sql.id_list(ids), fence],
    )


# --- Results --------------------------------------------------------------------------


def store_results(results: Results, *, fence: int, now: datetime) -> None:
    """Write results under the fence. An answer that comes after the lease was lost still counts:
    the message is then `uncertain` under our old fence, and the answer settles it.

    What the database refuses (a wamid that another message has) holds nothing else up: that message
    is left as it is, and becomes `uncertain` with the next lease.
    """
    try:
        _store(results, fence, now)
    except (DataError, IntegrityError):
        for single in results.singly():
            try:
                _store(single, fence, now)
            except (DataError, IntegrityError):
                log.exception("result_not_stored", result=repr(single)[:500])


def _store(results: Results, fence: int, now: datetime) -> None:
    changes: list[tallies.Change] = []
    with transaction.atomic(), outgoing.collected():
        if results.sent:
            changes += _store_sent(results.sent, fence, now)
        if results.unanswered:
            changes += _store_unanswered(results.unanswered, fence, now)
        if results.failed:
            changes += _store_failed(results.failed, fence, now)
        if results.retry:
            changes += _store_retry(results.retry, fence)
        _note_unreachable(results.failed, now=now)
        tallies.record(changes)


_POSTED = f"status IN ({Status.CLAIMED:d}, {Status.SENDING:d}, {Status.UNCERTAIN:d}) AND fence = %s"


def _update(
    sets: str, rows: Sequence[tuple[Any, ...]], fence: int, **columns: str
) -> list[tuple[int, int, int]]:
    """UPDATE the rows that are still this fence's; (id, batch_id, the state before) of each.

    Of `rows` the id comes first, then the `columns` that `sets` names as v's.
    """
    values = sql.rows_from_json("v", id="bigint", **columns)
    if sql.is_postgres():
        # Led by the values: PostgreSQL takes them for a hundred whatever their number, and looks each
        # up by its primary key. For a list of ids it may read the whole table.
        return sql.fetch(
            f"""WITH mine AS MATERIALIZED (
                SELECT m.status AS before, v.* FROM {values} JOIN {_M} m ON m.id = v.id
                WHERE m.{_POSTED} ORDER BY m.id FOR UPDATE OF m)
            UPDATE {_M} AS m SET {sets} FROM mine AS v
            WHERE m.id = v.id RETURNING m.id, m.batch_id, v.before""",
            [sql.as_json(rows), fence],
        )
    # One writer at a time here, so what is read first is still so when it is written.
    before = dict(
        sql.fetch(
            f"SELECT id, status FROM {_M} WHERE {sql.in_list('id')} AND {_POSTED}",
            [sql.id_list([row[0] for row in rows]), fence],
        )
    )
    written = sql.fetch(
        f"""UPDATE {_M} AS m SET {sets} FROM {values}
        WHERE m.id = v.id AND {_POSTED} RETURNING id, batch_id""",
        [sql.as_json(rows), fence],
    )
    return [(row_id, batch_id, before[row_id]) for row_id, batch_id in written]


def _store_sent(sent: list[Sent], fence: int, now: datetime) -> list[tallies.Change]:
    rows = _update(
        f"""status = {Status.SENT:d}, wamid = v.wamid, sent_at = {_literal(now)},
            error_code = '', error_detail = ''""",
        [(result.id, result.wamid) for result in sent],
        fence,
        wamid="text",
    )
    outgoing.tell(
        outgoing.MessageNews(row_id, batch_id, Status.SENT, now) for row_id, batch_id, _ in rows
    )
    return [tallies.Change(batch_id, old, Status.SENT) for _, batch_id, old in rows]


def _literal(moment: datetime) -> str:
    """A time of our own clock inside a statement; never anything from outside."""
    suffix = "::timestamptz" if sql.is_postgres() else ""
    return f"'{sql.moment(moment)}'{suffix}"


def _store_unanswered(
    unanswered: list[Unanswered], fence: int, now: datetime
) -> list[tallies.Change]:
    rows = _update(
        f"""status = {Status.UNCERTAIN:d}, due_at = {_literal(now)},
            error_code = 'unanswered', error_detail = v.detail""",
        [(result.id, result.detail[:500]) for result in unanswered],
        fence,
        detail="text",
    )
    return [tallies.Change(batch_id, old, Status.UNCERTAIN) for _, batch_id, old in rows]


def _store_failed(failed: list[Failed], fence: int, now: datetime) -> list[tallies.Change]:
    rows = _update(
        f"""status = {Status.FAILED:d}, error_code = v.code, error_detail = v.detail""",
        [(result.id, result.code, result.detail[:500]) for result in failed],
        fence,
        code="text",
        detail="text",
    )
    reasons = {result.id: result for result in failed}
    note_failures([reasons[row_id] for row_id, _, _ in rows], now=now)
    outgoing.tell_failures([reasons[row_id] for row_id, _, _ in rows], now=now)
    return [
        tallies.Change(batch_id, old, Status.FAILED, reasons[row_id].code)
        for row_id, batch_id, old in rows
    ]


def note_failures(failed: Sequence[Failed], *, now: datetime) -> None:
    """The line in each message's history that says why it failed."""
    StatusEvent.objects.bulk_create(
        (
            StatusEvent(
                message_id=result.id,
                status=Status.FAILED,
                at=now,
                error_code=result.code,
                error_detail=result.detail[:500],
            )
            for result in failed
        ),
        ignore_conflicts=True,
    )


def _note_unreachable(failed: Sequence[Failed], *, now: datetime) -> None:
    """Meta says in the answer, too, that somebody is not on WhatsApp; mostly it does so later."""
    ids = [result.id for result in failed if result.code == NOT_ON_WHATSAPP]
    if ids:
        told = Message.objects.filter(pk__in=ids, status=Status.FAILED)
        contacts.mark_unreachable(list(told.values_list("contact_id", flat=True)), now=now)


def _store_retry(retry: list[Retry], fence: int) -> list[tallies.Change]:
    rows = _update(
        f"""status = {Status.QUEUED:d}, due_at = v.due_at, error_code = v.code,
            error_detail = v.detail, attempts = m.attempts - v.uncounted""",
        [
            (
                result.id,
                str(sql.moment(result.due_at)),
                result.code,
                result.detail[:500],
                0 if result.counts else 1,
            )
            for result in retry
        ],
        fence,
        due_at="timestamptz",
        code="text",
        detail="text",
        uncounted="integer",
    )
    return [tallies.Change(batch_id, old, Status.QUEUED) for _, batch_id, old in rows]


# --- For the sweep --------------------------------------------------------------------


def channels_with_work(*, now: datetime) -> list[int]:
    """Channels that nobody drains and that have something due, or something left by the dead."""
    due = " OR ".join(
        f"""EXISTS (SELECT 1 FROM {_M} m WHERE m.channel_id = c.id
            AND m.status = {Status.QUEUED:d} AND m.{QUEUE} AND m.lane = {lane:d} AND m.due_at <= %s)"""
        for lane in Lane
    )
    left = " OR ".join(
        f"""EXISTS (SELECT 1 FROM {_M} m
            WHERE m.channel_id = c.id AND {in_queue(status, "m.")})"""
        for status in (Status.CLAIMED, Status.SENDING)
    )
    moment = sql.moment(now)
    rows = sql.fetch(
        f"""SELECT c.id FROM {_C} c LEFT JOIN {_S} s ON s.channel_id = c.id
        JOIN {_COMPANY} o ON o.id = c.company_id
        WHERE coalesce(s.lease_until, 0) <= {sql.epoch_now()} AND ({left} OR (
            c.status = %s AND (c.paused_until IS NULL OR c.paused_until <= %s) AND o.status = %s
            AND ({due})))""",
        [Channel.Status.CONNECTED, moment, Company.Status.ACTIVE, moment, moment],
    )
    return [channel_id for (channel_id,) in rows]


def has_due(channel_id: int, *, now: datetime) -> bool:
    """Whether the channel has a message that could be sent now."""
    moment = sql.moment(now)
    probe = f"""EXISTS (SELECT 1 FROM {_M} WHERE channel_id = %s
        AND status = {Status.QUEUED:d} AND {QUEUE} AND lane = %s AND due_at <= %s)"""
    [(found,)] = sql.fetch(
        f"SELECT {probe} OR {probe}",
        [channel_id, Lane.EXPRESS.value, moment, channel_id, Lane.BULK.value, moment],
    )
    return bool(found)
