"""How a batch stands as a whole: what its row alone tells."""

from datetime import datetime
from enum import StrEnum

from django.db.models import F, Q

from messaging.models import Batch

CANCELLED = "cancelled"  # the halt_code of a batch that a person stopped


class State(StrEnum):
    SCHEDULED = "scheduled"  # its time has not come
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLING = "cancelling"  # cancelled, and not all of it failed yet
    CANCELLED = "cancelled"
    HALTED = "halted"  # Meta refuses all of it; what is left fails as its turn comes
    DONE = "done"  # every message rests somewhere


def state(batch: Batch, *, now: datetime) -> State:
    is_waiting = batch.waiting > 0 or batch.expand_cursor is not None
    if batch.halt_code == CANCELLED:
        return State.CANCELLING if is_waiting else State.CANCELLED
    if not is_waiting:
        return State.DONE
    if batch.paused_at is not None:
        return State.PAUSED
    if batch.halt_code:
        return State.HALTED
    return State.SCHEDULED if batch.due_at > now else State.RUNNING


def in_state(wanted: State, *, now: datetime) -> Q:
    """The batches of a state, for a list."""
    waiting = Q(
        recipients_count__gt=F("uncertain") + F("sent") + F("failed") + F("delivered") + F("read")
    ) | Q(expand_cursor__isnull=False)
    cancelled, paused = Q(halt_code=CANCELLED), Q(paused_at__isnull=False)
    going = waiting & Q(halt_code="", paused_at=None)
    return {
        State.SCHEDULED: going & Q(due_at__gt=now),
        State.RUNNING: going & Q(due_at__lte=now),
        State.PAUSED: waiting & paused & ~cancelled,
        State.CANCELLING: waiting & cancelled,
        State.CANCELLED: ~waiting & cancelled,
        State.HALTED: waiting & ~cancelled & ~paused & ~Q(halt_code=""),
        State.DONE: ~waiting & ~cancelled,
    }[wanted]
