"""Sends whose answer never came. Meta has no idempotency key, so they are not sent again blindly.

Evidence settles them: a status webhook echoes our id (messaging/statuses.py). The want of one is
evidence too, but only where statuses were seen to come in at the time: those of later sends of the same
channel. The webhook path may have been down for a while right after the attempt; Meta then repeats
what it could not deliver, after growing waits. So with the attempt at T, and the first status of a
later send received at R, this one's must have come in by T + 2 (R - T) if there is one; not before
that, nor before the grace is over, is the send held not to have happened, and queued again.

Without proof it fails as `unconfirmed` at the deadline, counted from when the doubt was noted (in
`due_at`, which a message in doubt has no other use for). A code whose life is over is never sent late.
"""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import transaction

from config import sql
from messaging import inbox, outgoing, tallies
from messaging.models import Batch, ChannelState, Message, Status, StatusProof
from messaging.queue import in_queue, note_failures
from messaging.results import Failed
from templates_app.models import Template

CHUNK = 500
UNCONFIRMED = "unconfirmed"
# What was proven lost this often will be lost again: it waits for its deadline instead.
MAX_ATTEMPTS = 3
MAX_MOMENT = datetime.max.replace(tzinfo=UTC)

_M, _B, _S = Message._meta.db_table, Batch._meta.db_table, ChannelState._meta.db_table
_CODE = Template.Category.AUTHENTICATION.value


def settle(*, now: datetime) -> set[int]:
    """Settle what can be; the channels that have something to send again."""
    grace = timedelta(seconds=settings.UNCERTAIN_GRACE_SECONDS)
    deadline = timedelta(seconds=settings.UNCERTAIN_DEADLINE_SECONDS)
    channels: set[int] = set()
    for channel_id in _channels_in_doubt():
        with transaction.atomic(), outgoing.collected():
            _fail_expired(channel_id, now)
            if _requeue_disproved(channel_id, now, grace):
                channels.add(channel_id)
            _fail_unconfirmed(channel_id, now - deadline, now)
    return channels


def _channels_in_doubt() -> list[int]:
    rows = sql.fetch(
        f"""SELECT c.channel_id FROM {_S} c WHERE EXISTS (
            SELECT 1 FROM {_M} m
            WHERE m.channel_id = c.channel_id AND {in_queue(Status.UNCERTAIN, "m.")})"""
    )
    return [channel_id for (channel_id,) in rows]


_DOUBTFUL = f"""SELECT m.id FROM {_M} m JOIN {_B} b ON b.id = m.batch_id
    WHERE m.channel_id = %s AND {in_queue(Status.UNCERTAIN, "m.")}"""


def _pick(condition: str, channel_id: int, params: list[object]) -> list[int]:
    lock = "FOR UPDATE OF m SKIP LOCKED" if sql.is_postgres() else ""
    rows = sql.fetch(
        f"{_DOUBTFUL} AND {condition} ORDER BY m.id LIMIT {CHUNK} {lock}", [channel_id, *params]
    )
    return [row_id for (row_id,) in rows]


def _fail_expired(channel_id: int, now: datetime) -> None:
    ids = _pick("b.expires_at <= %s", channel_id, [sql.moment(now)])
    _fail(ids, now, "The code's life ended before Meta confirmed that it was sent.")


def _fail_unconfirmed(channel_id: int, noted_before: datetime, now: datetime) -> None:
    ids = _pick("m.due_at <= %s", channel_id, [sql.moment(noted_before)])
    _fail(ids, now, "Meta never said whether it took this message.")


def _fail(ids: list[int], now: datetime, detail: str) -> None:
    if not ids:
        return
    rows = sql.fetch(
        f"""UPDATE {_M} SET status = {Status.FAILED:d}, error_code = %s, error_detail = %s
        WHERE {sql.in_list("id")} AND status = {Status.UNCERTAIN:d} RETURNING id, batch_id""",
        [UNCONFIRMED, detail, sql.id_list(ids)],
    )
    failed = [Failed(row_id, batch_id, UNCONFIRMED, detail) for row_id, batch_id in rows]
    note_failures(failed, now=now)
    outgoing.tell_failures(failed, now=now)
    tallies.record(
        tallies.Change(batch_id, Status.UNCERTAIN, Status.FAILED, UNCONFIRMED)
        for _, batch_id in rows
    )


def _requeue_disproved(channel_id: int, now: datetime, grace: timedelta) -> bool:
    """Back to the queue what was proven not to have been sent."""
    if inbox.is_behind(now=now):
        return False
    ids = _pick(
        f"""m.attempts < {MAX_ATTEMPTS}
        AND m.attempted_at <= CASE WHEN b.category = '{_CODE}' THEN %s ELSE %s END""",
        channel_id,
        [sql.moment(now - grace / 5), sql.moment(now - grace)],
    )
    attempted = {
        message.pk: message.attempted_at
        for message in Message.objects.filter(pk__in=ids)
        if message.attempted_at
    }
    disproved = _disproved(channel_id, attempted, now) if attempted else []
    if not disproved:
        return False
    rows = sql.fetch(
        f"""UPDATE {_M} SET status = {Status.QUEUED:d}, due_at = %s
        WHERE {sql.in_list("id")} AND status = {Status.UNCERTAIN:d} RETURNING batch_id""",
        [sql.moment(now), sql.id_list(disproved)],
    )
    tallies.record(
        tallies.Change(batch_id, Status.UNCERTAIN, Status.QUEUED) for (batch_id,) in rows
    )
    return True


def _disproved(channel_id: int, attempted: dict[int, datetime], now: datetime) -> list[int]:
    proofs = StatusProof.objects.filter(
        channel_id=channel_id, received_at__gte=min(attempted.values())
    ).order_by("period")
    reach: list[tuple[datetime, datetime]] = []  # up to which attempt, by when: both growing
    for received_at, up_to in proofs.values_list("received_at", "attempted_at"):
        reach.append((max(up_to, reach[-1][0]) if reach else up_to, received_at))
    disproved = []
    for message_id, at in attempted.items():
        first = bisect_right(reach, (at, MAX_MOMENT))
        if first < len(reach) and now - at >= 2 * (reach[first][1] - at):
            disproved.append(message_id)
    return disproved


def forget_old(*, now: datetime) -> int:
    """Drop proofs that no message in doubt can need any more."""
    old = now - timedelta(seconds=2 * settings.UNCERTAIN_DEADLINE_SECONDS + 3600)
    return StatusProof.objects.filter(received_at__lt=old).delete()[0]
