"""Getting the messages of a paused batch out of the way of others on their channel."""

from datetime import UTC, datetime

from django.db import transaction

from config import sql
from messaging.models import Batch, Lane, Message, Status
from messaging.queue import QUEUE, in_queue

# When the messages of a paused batch are due: at no time, until the batch is resumed.
PARKED = datetime(5000, 1, 1, tzinfo=UTC)
# So many of the queue's head are put off at once.
AT_ONCE = 2_000

_M, _B = Message._meta.db_table, Batch._meta.db_table


def put_off(channel_id: int, lane: Lane, batch_id: int, *, fence: int, now: datetime) -> bool:
    """Put back what this drain has claimed of a batch that is paused or was scheduled for later, out
    of the way of others, and its next in the queue along with it; False if it may be sent after all.

    The batch is locked first: who resumes it finds all that was put off before. Nothing else is
    waited for.
    """
    lock, skip = ("FOR SHARE", "FOR UPDATE SKIP LOCKED") if sql.is_postgres() else ("", "")
    with transaction.atomic():
        [(paused_at, due_at)] = sql.fetch(
            f"SELECT paused_at, due_at FROM {_B} WHERE id = %s {lock}", [batch_id]
        )
        until = PARKED if paused_at else sql.as_datetime(due_at)
        if until <= now:
            return False
        claimed = f"""SELECT id FROM {_M} WHERE channel_id = %s AND {in_queue(Status.CLAIMED)}
            AND fence = %s AND batch_id = %s {skip}"""
        head = f"""SELECT id FROM {_M} WHERE id IN (
                SELECT id FROM (SELECT id, batch_id FROM {_M}
                    WHERE channel_id = %s AND status = {Status.QUEUED:d} AND {QUEUE}
                    AND lane = {lane:d} AND due_at <= %s ORDER BY due_at, id LIMIT {AT_ONCE}) AS h
                WHERE batch_id = %s)
            AND status = {Status.QUEUED:d} {skip}"""
        _put_off(claimed, until, [channel_id, fence, batch_id])
        _put_off(head, until, [channel_id, sql.moment(now), batch_id])
    return True


def _put_off(which: str, until: datetime, params: list[object]) -> None:
    picked = f"= ANY(ARRAY({which}))" if sql.is_postgres() else f"IN ({which})"
    sql.execute(
        f"UPDATE {_M} SET status = {Status.QUEUED:d}, due_at = %s WHERE id {picked}",
        [sql.moment(until), *params],
    )
