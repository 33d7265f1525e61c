"""Pausing, resuming, cancelling and rescheduling a batch that was accepted.

The change itself is one small transaction on the batch's row, whatever its size, and holds from then
on: what is not marked as sending yet is not sent (queue.mark_sending). The messages come after it:

    paused       the drain puts them off as it meets them (putting_off.put_off): due at no time
    cancelled    `follow` fails them slice by slice, and the drain those that it meets first
    resumed, or  `follow` makes them due when their batch is
    rescheduled

`follow` is a task that may die or be run twice at any point: a slice and the cursor are one
transaction, which does not stand if the batch was changed meanwhile. The sweep wakes it again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from config import sql
from config.api import ApiError
from messaging import outgoing, putting_off, queue, services, tallies, wake
from messaging.batch_state import CANCELLED, State, state
from messaging.models import Batch, Message, Status
from messaging.results import Failed

FARTHEST = timedelta(days=30)
# Messages a transaction: of those that fail, each has a line of history and news to write.
SLICE = 2_000

_M, _B = Message._meta.db_table, Batch._meta.db_table


class NotPossible(ApiError):
    """The batch is in no state for that; the message is for people."""

    code = "batch_state"
    status = 409


# In these there is something left that can be kept from being sent.
STOPPABLE = (State.SCHEDULED, State.RUNNING, State.PAUSED)


# --- The changes -------------------------------------------------------------------------


def pause(batch_id: int) -> Batch:
    """Send nothing more of it until it is resumed. Paused already, it stays so. Raises NotPossible."""

    def change(batch: Batch) -> None:
        if state(batch, now=timezone.now()) not in STOPPABLE:
            raise NotPossible(str(_("There is nothing left to pause.")))
        if batch.paused_at is None:
            batch.paused_at, batch.follow_cursor = timezone.now(), None

    return _changed(batch_id, change)


def resume(batch_id: int) -> Batch:
    """Send on where it was paused; a code whose life has passed is failed. Raises NotPossible."""

    def change(batch: Batch) -> None:
        if batch.paused_at is None:
            raise NotPossible(str(_("It is not paused.")))
        batch.paused_at, batch.follow_cursor = None, 0

    return _changed(batch_id, change)


def cancel(batch_id: int, *, by: str) -> Batch:
    """Fail what was not handed to Graph, and give its credit back. Cancelled already, it stays so.

    Of a batch whose recipients are still looked up, the rest is not looked up any more. Raises
    NotPossible.
    """

    def change(batch: Batch) -> None:
        if batch.halt_code == CANCELLED:
            return
        if state(batch, now=timezone.now()) not in STOPPABLE:
            raise NotPossible(str(_("There is nothing left to cancel.")))
        detail = f"Cancelled by {by}."
        if batch.expand_cursor is not None:
            missing = batch.recipients_count - batch.stored_count
            detail = f"{detail} {missing} more people were not looked up yet."
            batch.expand_cursor = None
            services.give_back_missing(batch)
        batch.halt_code, batch.halt_detail = CANCELLED, detail[:300]
        batch.paused_at, batch.follow_cursor = None, 0

    return _changed(batch_id, change)


def reschedule(batch_id: int, due_at: datetime, *, now: datetime) -> Batch:
    """Another time for a batch whose time has not come; `now` to send it at once. The life of a code
    begins anew. Raises NotPossible.
    """

    def change(batch: Batch) -> None:
        if state(batch, now=now) != State.SCHEDULED:
            raise NotPossible(str(_("It has begun already, so its time can’t be changed.")))
        if due_at > now + FARTHEST:
            raise NotPossible(str(_("A send can be scheduled for the next 30 days.")))
        batch.due_at, batch.follow_cursor = max(now, due_at), 0
        if batch.expires_at is not None:
            batch.expires_at = batch.due_at + services.CODE_LIFE

    return _changed(batch_id, change)


_CHANGED = (
    "paused_at",
    "follow_cursor",
    "halt_code",
    "halt_detail",
    "due_at",
    "expires_at",
    "expand_cursor",
    "recipients_count",
)


def _changed(batch_id: int, change: Callable[[Batch], None]) -> Batch:
    with transaction.atomic():
        batch = Batch.objects.select_for_update(of=("self",)).get(pk=batch_id)
        change(batch)
        batch.save(update_fields=_CHANGED)
    if batch.follow_cursor is not None:
        transaction.on_commit(lambda: wake.send("messaging.follow", batch_id))
    return batch


# --- What follows ------------------------------------------------------------------------


class _Overtaken(Exception):
    """The batch was changed while the slice was worked on."""


def follow(batch_id: int, *, now: datetime) -> bool:
    """Bring the next slice of the batch's queued messages in line with it; whether more are left."""
    batch = Batch.objects.filter(pk=batch_id, follow_cursor__isnull=False).first()
    if batch is None or batch.follow_cursor is None:
        return False
    last = _end_of_slice(batch_id, batch.follow_cursor)
    try:
        # Locked in the order that messaging/tallies.py names: messages, the batch, all the rest.
        with transaction.atomic(), outgoing.collected():
            if last is not None:
                bring = _fail if batch.halt_code else _make_due
                bring(batch, _queued(batch, batch.follow_cursor, last), now)
            _move_cursor(batch, last)
    except _Overtaken:
        return False  # whoever overtook goes on
    return last is not None


def _end_of_slice(batch_id: int, after: int) -> int | None:
    # Compared as pairs: on stale statistics PostgreSQL would else sort the whole batch each time.
    [(last,)] = sql.fetch(
        f"""SELECT max(contact_id) FROM (SELECT contact_id FROM {_M}
        WHERE (batch_id, contact_id) > (%s, %s) AND (batch_id, contact_id) < (%s, 0)
        ORDER BY batch_id, contact_id LIMIT %s) AS slice""",
        [batch_id, after, batch_id + 1, SLICE],
    )
    return None if last is None else int(last)


def _queued(batch: Batch, after: int, last: int) -> list[tuple[int, int, Any]]:
    """Id, attempts and time of the slice's messages in the queue, locked."""
    lock = "FOR UPDATE" if sql.is_postgres() else ""
    rows = sql.fetch(
        f"""SELECT id, attempts, due_at FROM {_M}
        WHERE batch_id = %s AND contact_id > %s AND contact_id <= %s
        AND status = {Status.QUEUED:d} ORDER BY id {lock}""",
        [batch.pk, after, last],
    )
    return [(row_id, attempts, sql.as_datetime(due_at)) for row_id, attempts, due_at in rows]


def _fail(batch: Batch, queued: list[tuple[int, int, Any]], now: datetime) -> None:
    if not queued:
        return
    sql.execute(
        f"""UPDATE {_M} SET status = {Status.FAILED:d}, error_code = %s, error_detail = %s
        WHERE {sql.in_list("id")}""",
        [batch.halt_code, batch.halt_detail, sql.id_list([row_id for row_id, *_ in queued])],
    )
    failed = [Failed(row_id, batch.pk, batch.halt_code, batch.halt_detail) for row_id, *_ in queued]
    queue.note_failures(failed, now=now)
    outgoing.tell_failures(failed, now=now)
    tallies.record(
        tallies.Change(batch.pk, Status.QUEUED, Status.FAILED, batch.halt_code) for _ in failed
    )


def _make_due(batch: Batch, queued: list[tuple[int, int, Any]], _now: datetime) -> None:
    """Those put off, and those never tried; one that waits for its next try keeps its own time."""
    ids = [
        row_id
        for row_id, attempts, due_at in queued
        if due_at >= putting_off.PARKED or (not attempts and due_at != batch.due_at)
    ]
    if ids:
        sql.execute(
            f"UPDATE {_M} SET due_at = %s WHERE {sql.in_list('id')}",
            [sql.moment(batch.due_at), sql.id_list(ids)],
        )


def _move_cursor(batch: Batch, last: int | None) -> None:
    """Only if the batch is as it was when the slice began: else the slice does not stand."""
    same = Batch.objects.filter(
        pk=batch.pk,
        follow_cursor=batch.follow_cursor,
        paused_at=batch.paused_at,
        halt_code=batch.halt_code,
        due_at=batch.due_at,
    )
    if not same.update(follow_cursor=last):
        raise _Overtaken
