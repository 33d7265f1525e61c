"""Meta's webhook bodies: stored raw with one insert, applied later, kept to be replayed.

A body is applied and marked as applied in one transaction, so a crash in between applies it again,
which changes nothing. What names a message that isn't there yet (its answer may still be on the way)
is tried again a few times; what makes no sense stays, visible to staff.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog
from django.db import OperationalError, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Length
from django.utils import timezone

from companies.models import Channel
from config import sql
from messaging import account_events, inbound, metrics_store, outgoing, statuses
from messaging.models import WebhookEvent
from messaging.webhook_body import NotAWebhook, Parsed, StatusUpdate, parse

log = structlog.get_logger("tuma.inbox")

# Bodies taken at once. Meta may put a thousand changes in one, so they are also limited by size.
TAKE = 500
TAKE_BYTES = 1_000_000
MAX_TRIES = 8
_FIRST_WAIT_SECONDS = 2
_POLL_SECONDS = 0.1
_BEHIND_SECONDS = 3
# Set when the worker is told to stop.
stopping = threading.Event()

State = WebhookEvent.State
_TABLE = WebhookEvent._meta.db_table
_IS_PENDING = f"{_TABLE}.state = {State.PENDING:d}"


def _pending() -> QuerySet[WebhookEvent]:
    """The state is written out, not a parameter: only so does SQLite use the index of the pending."""
    return WebhookEvent.objects.extra(where=[_IS_PENDING])  # noqa: S610 - a constant


def keep(body: bytes, *, now: datetime) -> None:
    """Store a body as it came: one statement, nothing more."""
    sql.execute(
        f"INSERT INTO {_TABLE} (body, state, due_at, received_at) VALUES (%s, 0, %s, %s)",
        [body, sql.moment(now), sql.moment(now)],
    )


def apply_for(*, seconds: float, linger: float) -> None:
    """Apply what comes in, until nothing has come for `linger` seconds, or `seconds` are over."""
    ends_at = time.monotonic() + seconds
    idle_since = time.monotonic()
    while time.monotonic() < ends_at and not stopping.is_set():
        if apply_pending(now=timezone.now()):
            idle_since = time.monotonic()
        elif time.monotonic() - idle_since > linger:
            return
        else:
            time.sleep(_POLL_SECONDS)


def is_waiting(*, now: datetime) -> bool:
    """Whether a body is due to be applied."""
    return _pending().filter(due_at__lte=now).exists()


def is_behind(*, now: datetime) -> bool:
    """Whether a body has lain here unapplied for long: it may say what somebody waits for."""
    old = now - timedelta(seconds=_BEHIND_SECONDS)
    return _pending().filter(due_at__lte=old, tries=0, received_at__lte=old).exists()


def apply_pending(*, now: datetime) -> int:
    """Apply the oldest bodies that are due; how many were taken. 0 when there are none."""
    with transaction.atomic(), outgoing.collected():
        events = _take(now)
        if not events:
            return 0
        try:
            with transaction.atomic(), outgoing.collected():
                _apply_together(events, now)
        except Exception:
            log.exception("webhooks_failed_together", count=len(events))
            for event in events:
                _apply_alone(event, now)
    metrics_store.observe(
        "webhook_seconds",
        [time.time() - event.received_at.timestamp() for event in events],
        metrics_store.WEBHOOK_BUCKETS,
    )
    return len(events)


def _take(now: datetime) -> list[WebhookEvent]:
    """The bodies to apply now, locked. Picked by size first: read are only those that are taken."""
    due = (
        _pending()
        .select_for_update(skip_locked=sql.is_postgres())
        .filter(due_at__lte=now)
        .order_by("due_at")  # and by nothing else: so the index gives them in order
        .annotate(size=Length("body"))
        .values_list("pk", "size")[:TAKE]
    )
    taken: list[int] = []
    total = 0
    for pk, size in due:
        total += size
        if taken and total > TAKE_BYTES:
            break
        taken.append(pk)
    bodies = WebhookEvent.objects.in_bulk(taken)
    return [bodies[pk] for pk in taken]


def _apply_together(
    events: Sequence[WebhookEvent], now: datetime, *, carefully: bool = False
) -> None:
    """One fold over all of them: two statements for hundreds of statuses.

    `carefully`: an item that can't be applied becomes a problem of its body's, and spoils no other.
    """
    parsed = [(event, _parsed(event)) for event in events]
    numbers = _numbers([body for _, body in parsed])
    of_event: dict[int, WebhookEvent] = {}
    updates: list[StatusUpdate] = []
    for event, body in parsed:
        for update in body.statuses:
            of_event[id(update)] = event
            updates.append(update)
        for apply in _rest(body, numbers):
            if carefully:
                _try(apply, body.problems)
            else:
                apply()
    last = max(event.received_at for event in events)
    waiting = {of_event[id(update)].pk for update in statuses.apply(updates, received_at=last)}
    for event, body in parsed:
        _settle(event, body, is_waiting=event.pk in waiting, now=now)
    _save(events, now)


def _save(events: Sequence[WebhookEvent], now: datetime) -> None:
    """One plain statement for nearly all; only the odd ones are written one by one."""
    plain = [event.pk for event in events if event.state == State.APPLIED]
    odd = [event for event in events if event.state != State.APPLIED]
    if plain:
        WebhookEvent.objects.filter(pk__in=plain).update(
            state=State.APPLIED, problem="", tries=F("tries") + 1, applied_at=now
        )
    if odd:
        WebhookEvent.objects.bulk_update(
            odd, ["state", "problem", "tries", "due_at", "applied_at"], batch_size=100
        )


def _apply_alone(event: WebhookEvent, now: datetime) -> None:
    """Something spoiled the lot: each body is applied by itself, and what is odd in it kept aside."""
    try:
        with transaction.atomic(), outgoing.collected():
            _apply_together([event], now, carefully=True)
    except Exception as error:
        event.tries += 1
        event.problem = _kept([f"{type(error).__name__}: {error}"])
        # The database may have been busy; anything else would go wrong again.
        if not isinstance(error, OperationalError) or not _postpone(event, now):
            event.state = State.PROBLEM
        event.save(update_fields=["state", "problem", "tries", "due_at"])


def _postpone(event: WebhookEvent, now: datetime) -> bool:
    """Have a body that was tried applied again later; False if it was tried often enough."""
    if event.tries >= MAX_TRIES:
        return False
    event.due_at = now + timedelta(seconds=_FIRST_WAIT_SECONDS * 2**event.tries)
    return True


def _try(apply: Callable[[], object], problems: list[str]) -> None:
    try:
        with transaction.atomic(), outgoing.collected():
            apply()
    except OperationalError:
        raise
    except Exception as error:  # Meta says much that nobody has thought of
        problems.append(f"{type(error).__name__}: {error}"[:300])


def _parsed(event: WebhookEvent) -> Parsed:
    try:
        return parse(bytes(event.body))
    except NotAWebhook as error:
        return Parsed(problems=[str(error)])


def _numbers(bodies: Sequence[Parsed]) -> dict[str, Channel]:
    ids = {item.phone_number_id for body in bodies for item in body.inbound}
    ids |= {item.phone_number_id for body in bodies for item in body.preferences}
    return {
        channel.phone_number_id: channel
        for channel in (Channel.objects.filter(phone_number_id__in=ids) if ids else ())
    }


def _rest(body: Parsed, numbers: dict[str, Channel]) -> Iterator[Callable[[], object]]:
    """What is to be applied of a body beside its statuses, one by one."""
    for item in body.inbound:
        channel = numbers.get(item.phone_number_id)
        if channel:
            yield partial(inbound.store, item, channel)
        else:
            body.problems.append(f"message for {item.phone_number_id}: not a number of ours")
    for preference in body.preferences:
        channel = numbers.get(preference.phone_number_id)
        if channel:
            yield partial(inbound.prefer, preference, channel)
    for update in body.objects:
        yield partial(account_events.apply, update)


def _settle(event: WebhookEvent, body: Parsed, *, is_waiting: bool, now: datetime) -> None:
    event.tries += 1
    event.problem = _kept(body.problems)
    if is_waiting and _postpone(event, now):
        return
    if is_waiting:
        event.problem = f"{event.problem}\nNames a message that is not ours.".strip()
    event.state = State.PROBLEM if event.problem else State.APPLIED
    event.applied_at = now


def _kept(problems: Sequence[str]) -> str:
    """As much of them as is kept; PostgreSQL stores no NUL."""
    return "\n".join(problems)[:5000].replace("\x00", "")


def replay(events: "Sequence[int]") -> int:
    """Apply these again; harmless for what was applied before."""
    return WebhookEvent.objects.filter(pk__in=events).update(
        state=State.PENDING, tries=0, problem="", due_at=timezone.now()
    )


def forget_old(*, before: datetime) -> int:
    """Drop what was applied long ago. What was not understood stays until somebody looked at it."""
    old = WebhookEvent.objects.filter(state=State.APPLIED, received_at__lt=before)
    return old.filter(
        pk__in=list(old.order_by("pk").values_list("pk", flat=True)[:10_000])
    ).delete()[0]
