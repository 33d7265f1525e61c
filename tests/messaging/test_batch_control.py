"""Pausing, resuming, cancelling and rescheduling batches: what goes out, what it costs, what survives."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from companies.graph.sandbox import Sandbox
from companies.models import AuditEvent, Channel, Company
from messaging import batch_control, checks, compose, dispatch, putting_off, queue, services, tasks
from messaging.batch_control import NotPossible
from messaging.batch_state import State, state
from messaging.models import Batch, ChannelState, Lane, Message, Status, StatusEvent
from messaging.services import SendRequest
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

TEXT = {"type": "text", "text": {"body": "Hello"}}


def accepted(channel: Channel, **fields: Any) -> Batch:
    """A batch as accepting leaves it."""
    batches: list[Batch] = []

    def answer(batch: Batch) -> Any:
        batches.append(batch)

    services.accept(
        SendRequest(**{"channel": channel, "payload": TEXT, "dialect": "portal", **fields}),
        caller=compose.caller(channel.company),
        now=timezone.now(),
        answer=answer,
    )
    return Batch.objects.get(pk=batches[0].pk)


def numbers(count: int, *, start: int = 0) -> list[str]:
    return [f"2547000{number:05d}" for number in range(start, start + count)]


def followed(batch: Batch) -> Batch:
    """All that a change asks for is done."""
    while batch_control.follow(batch.pk, now=timezone.now()):
        pass
    return Batch.objects.get(pk=batch.pk)


def states(batch: Batch) -> set[Status]:
    return {
        Status(each)
        for each in Message.objects.filter(batch=batch).values_list("status", flat=True)
    }


def texts(graph: Sandbox) -> int:
    return len(graph.messages(limit=1000))


def assert_all_counts_are_right() -> None:
    assert list(checks.differences()) == []


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Pretend that so few are many: slices of that size."""

    def small_slices(size: int) -> None:
        monkeypatch.setattr(batch_control, "SLICE", size)
        monkeypatch.setattr(putting_off, "AT_ONCE", size)

    return small_slices


# --- Pause and resume ---------------------------------------------------------------------


def test_nothing_of_a_paused_batch_is_sent_until_it_is_resumed(
    channel: Channel, graph: Sandbox, drain: Any
) -> None:
    batch = accepted(channel, numbers=numbers(30))
    batch_control.pause(batch.pk)

    drain(channel)

    assert texts(graph) == 0
    assert states(batch) == {Status.QUEUED}
    batch_control.resume(batch.pk)
    followed(batch)
    drain(channel)
    assert texts(graph) == 30
    assert states(batch) == {Status.SENT}
    assert_all_counts_are_right()


def test_others_of_the_channel_go_past_a_paused_batch(
    channel: Channel, graph: Sandbox, drain: Any, many: Any
) -> None:
    many(10)
    channel.rate_per_second = 20
    channel.save()
    paused = accepted(channel, numbers=numbers(200))
    batch_control.pause(paused.pk)
    other = accepted(channel, numbers=numbers(15, start=500))

    started = time.monotonic()
    drain(channel)

    assert states(other) == {Status.SENT}
    assert states(paused) == {Status.QUEUED}
    assert time.monotonic() - started < 5
    # Put off, they are not looked at again.
    assert not queue.has_due(channel.pk, now=timezone.now())
    assert queue.channels_with_work(now=timezone.now()) == []


def test_a_pause_in_the_middle_sends_none_twice_and_loses_none(
    channel: Channel, graph: Sandbox, drain: Any
) -> None:
    channel.rate_per_second = 50
    channel.save()
    batch = accepted(channel, numbers=numbers(120))
    sender = threading.Thread(target=_drained, args=(channel,))
    sender.start()
    _wait_until(lambda: texts(graph) >= 20)
    batch_control.pause(batch.pk)
    sender.join()

    sent = Message.objects.filter(batch=batch, status=Status.SENT).count()
    assert texts(graph) == sent < 120
    batch_control.resume(batch.pk)
    followed(batch)
    drain(channel)
    got = [message["payload"]["biz_opaque_callback_data"] for message in graph.messages(limit=1000)]
    assert len(got) == len(set(got)) == 120
    assert_all_counts_are_right()


def _drained(channel: Channel) -> None:
    try:
        dispatch.drain(channel.pk)
    finally:
        connection.close()


def _wait_until(is_true: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.02)


def test_what_was_claimed_before_the_pause_is_not_sent_after_it(channel: Channel) -> None:
    batch = accepted(channel, numbers=numbers(3))
    fence = queue.take_lease(channel.pk, owner="me") or 0
    rows = queue.claim(channel.pk, Lane.BULK, fence=fence, limit=2, now=timezone.now())
    batch_control.pause(batch.pk)

    marked = queue.mark_sending(rows, fence=fence, now=timezone.now())
    put_off = putting_off.put_off(channel.pk, Lane.BULK, batch.pk, fence=fence, now=timezone.now())

    assert (len(rows), marked, put_off) == (2, set(), True)
    assert states(batch) == {Status.QUEUED}
    assert set(Message.objects.values_list("due_at", flat=True)) == {putting_off.PARKED}


def test_a_resumed_batch_is_not_put_off_any_more(channel: Channel) -> None:
    batch = accepted(channel, numbers=numbers(3))
    batch_control.pause(batch.pk)
    batch_control.resume(batch.pk)
    fence = queue.take_lease(channel.pk, owner="me") or 0

    assert not putting_off.put_off(channel.pk, Lane.BULK, batch.pk, fence=fence, now=timezone.now())


def test_paused_twice_it_is_paused_once_and_resumed_it_was_not_it_says_so(channel: Channel) -> None:
    batch = accepted(channel, numbers=numbers(3))
    first = batch_control.pause(batch.pk).paused_at

    assert batch_control.pause(batch.pk).paused_at == first
    batch_control.resume(batch.pk)
    with pytest.raises(NotPossible):
        batch_control.resume(batch.pk)


def test_a_finished_batch_can_not_be_paused_or_cancelled(
    channel: Channel, graph: Sandbox, drain: Any
) -> None:
    batch = accepted(channel, numbers=numbers(2))
    drain(channel)

    with pytest.raises(NotPossible):
        batch_control.pause(batch.pk)
    with pytest.raises(NotPossible):
        batch_control.cancel(batch.pk, by="Grace")


def test_a_code_whose_life_passed_while_paused_is_failed_not_sent(
    channel: Channel, acme: Company, graph: Sandbox, drain: Any
) -> None:
    before = acme.credits
    template = factories.make_template(acme, category="AUTHENTICATION")
    batch = accepted(channel, numbers=numbers(2), template=template)
    batch_control.pause(batch.pk)
    drain(channel)
    Batch.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    batch_control.resume(batch.pk)
    followed(batch)

    drain(channel)

    assert texts(graph) == 0
    assert set(Message.objects.values_list("error_code", flat=True)) == {"expired"}
    acme.refresh_from_db()
    assert acme.credits == before
    assert_all_counts_are_right()


def test_a_message_that_waits_for_its_next_try_keeps_its_time_when_resumed(
    channel: Channel,
) -> None:
    batch = accepted(channel, numbers=numbers(2))
    later = timezone.now() + timedelta(minutes=10)
    retried = Message.objects.first()
    assert retried is not None
    Message.objects.filter(pk=retried.pk).update(attempts=1, due_at=later)
    batch_control.pause(batch.pk)
    batch_control.resume(batch.pk)

    followed(batch)

    retried.refresh_from_db()
    assert retried.due_at == later


# --- Cancel -------------------------------------------------------------------------------


def test_a_cancelled_batch_fails_what_was_not_sent_and_gives_its_credit_back_once(
    channel: Channel, acme: Company, graph: Sandbox, drain: Any, many: Any
) -> None:
    many(7)
    before = acme.credits
    batch = accepted(channel, numbers=numbers(40))
    batch_control.cancel(batch.pk, by="Grace")
    assert batch_control.follow(batch.pk, now=timezone.now())  # a first slice, then a crash

    drain(channel)
    batch = followed(batch)
    tasks.follow(batch.pk)
    batch_control.cancel(batch.pk, by="Grace")
    batch = followed(batch)

    assert texts(graph) == 0
    assert (batch.failed, batch.follow_cursor) == (40, None)
    assert state(batch, now=timezone.now()) == State.CANCELLED
    acme.refresh_from_db()
    assert acme.credits == before
    message = Message.objects.filter(batch=batch).first()
    assert message is not None
    assert (message.error_code, message.error_detail) == ("cancelled", "Cancelled by Grace.")
    assert StatusEvent.objects.filter(error_code="cancelled").count() == 40
    assert_all_counts_are_right()


def test_a_batch_cancelled_while_its_people_are_looked_up_stores_no_more_of_them(
    channel: Channel, acme: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("messaging.recipients.INLINE", 5)
    monkeypatch.setattr("messaging.recipients.SLICE", 10)
    before = acme.credits
    people = [factories.make_contact(acme, number) for number in numbers(30)]
    batch = accepted(channel, tags=[factories.make_tag(acme, *people).pk])
    services.expand(batch.pk)

    batch_control.cancel(batch.pk, by="Grace")
    assert not services.expand(batch.pk)
    batch = followed(batch)

    assert (batch.recipients_count, batch.failed) == (10, 10)
    assert "20 more people" in batch.halt_detail
    acme.refresh_from_db()
    assert acme.credits == before
    assert_all_counts_are_right()


def test_a_scheduled_batch_is_cancelled_before_its_time(channel: Channel, acme: Company) -> None:
    before = acme.credits
    batch = accepted(channel, numbers=numbers(5), due_at=timezone.now() + timedelta(days=2))

    batch_control.cancel(batch.pk, by="Grace")
    batch = followed(batch)

    assert batch.failed == 5
    acme.refresh_from_db()
    assert acme.credits == before
    assert_all_counts_are_right()


def test_a_paused_batch_that_was_put_off_is_cancelled_as_well(
    channel: Channel, graph: Sandbox, drain: Any
) -> None:
    batch = accepted(channel, numbers=numbers(5))
    batch_control.pause(batch.pk)
    drain(channel)

    batch_control.cancel(batch.pk, by="Grace")
    batch = followed(batch)

    assert (batch.failed, batch.paused_at) == (5, None)
    with pytest.raises(NotPossible):
        batch_control.resume(batch.pk)


def test_cancelled_in_the_middle_each_message_is_sent_or_failed_and_none_is_both(
    channel: Channel, acme: Company, graph: Sandbox, many: Any
) -> None:
    many(25)
    before = acme.credits
    channel.rate_per_second = 100
    channel.save()
    batch = accepted(channel, numbers=numbers(200))
    sender = threading.Thread(target=_drained, args=(channel,))
    sender.start()
    _wait_until(lambda: texts(graph) >= 20)
    batch_control.cancel(batch.pk, by="Grace")
    followers = [threading.Thread(target=_followed, args=(batch,)) for _ in range(2)]
    for thread in followers:
        thread.start()
    for thread in (*followers, sender):
        thread.join()

    batch = followed(batch)
    assert states(batch) == {Status.SENT, Status.FAILED}
    assert batch.sent == texts(graph) < 200
    assert batch.sent + batch.failed == 200
    acme.refresh_from_db()
    assert before - acme.credits == batch.sent
    assert_all_counts_are_right()


def _followed(batch: Batch) -> None:
    try:
        followed(batch)
    finally:
        connection.close()


# --- Another time -------------------------------------------------------------------------


def test_a_scheduled_batch_sent_now_goes_out_at_once(
    channel: Channel, graph: Sandbox, drain: Any
) -> None:
    now = timezone.now()
    batch = accepted(channel, numbers=numbers(5), due_at=now + timedelta(days=2))

    batch_control.reschedule(batch.pk, now, now=now)
    followed(batch)
    drain(channel)

    assert states(batch) == {Status.SENT}


def test_a_batch_put_later_is_not_sent_at_its_old_time_even_if_nothing_followed_yet(
    channel: Channel, graph: Sandbox, drain: Any
) -> None:
    now = timezone.now()
    batch = accepted(channel, numbers=numbers(5), due_at=now + timedelta(seconds=0.5))
    later = now + timedelta(days=2)
    batch_control.reschedule(batch.pk, later, now=now)
    time.sleep(0.6)

    drain(channel)

    assert texts(graph) == 0
    assert set(Message.objects.values_list("due_at", flat=True)) == {later}


def test_a_batch_that_has_begun_keeps_its_time(channel: Channel) -> None:
    batch = accepted(channel, numbers=numbers(5))
    now = timezone.now()

    with pytest.raises(NotPossible):
        batch_control.reschedule(batch.pk, now + timedelta(days=1), now=now)


def test_nothing_is_scheduled_for_more_than_thirty_days(channel: Channel) -> None:
    now = timezone.now()
    batch = accepted(channel, numbers=numbers(5), due_at=now + timedelta(days=2))

    with pytest.raises(NotPossible):
        batch_control.reschedule(batch.pk, now + timedelta(days=31), now=now)


# --- Crashes and races --------------------------------------------------------------------


def test_a_change_overtakes_the_slice_that_is_under_way(
    channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paused while a slice of its resumption is being written: the slice does not stand."""
    batch = accepted(channel, numbers=numbers(4))
    Message.objects.update(due_at=putting_off.PARKED)
    batch_control.pause(batch.pk)
    batch_control.resume(batch.pk)
    bring = batch_control._make_due

    def overtaken(*args: Any) -> None:
        bring(*args)
        Batch.objects.filter(pk=batch.pk).update(paused_at=timezone.now(), follow_cursor=None)

    monkeypatch.setattr(batch_control, "_make_due", overtaken)

    assert not batch_control.follow(batch.pk, now=timezone.now())
    assert set(Message.objects.values_list("due_at", flat=True)) == {putting_off.PARKED}


def test_the_sweep_takes_up_what_a_dead_worker_left(
    channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[Any, ...]] = []
    monkeypatch.setattr("messaging.wake.send", lambda *task: sent.append(task))
    batch = accepted(channel, numbers=numbers(4))
    batch_control.cancel(batch.pk, by="Grace")
    sent.clear()

    tasks.sweep()

    assert ("messaging.follow", batch.pk) in sent


def test_a_dead_drains_claims_on_a_paused_batch_are_put_off_by_the_next(
    channel: Channel, graph: Sandbox, drain: Any
) -> None:
    batch = accepted(channel, numbers=numbers(4))
    fence = queue.take_lease(channel.pk, owner="dead") or 0
    queue.claim(channel.pk, Lane.BULK, fence=fence, limit=4, now=timezone.now())
    batch_control.pause(batch.pk)
    ChannelState.objects.update(lease_until=0)

    drain(channel)

    assert texts(graph) == 0
    assert set(Message.objects.values_list("due_at", flat=True)) == {putting_off.PARKED}


# --- Over the API -------------------------------------------------------------------------


def _ask(client: Client, key: str, batch: Batch, change: str) -> Any:
    return client.post(
        f"/api/v1/batches/{batch.public_id}/{change}", headers={"Authorization": f"Bearer {key}"}
    )


def test_a_program_pauses_resumes_and_cancels(client: Client, channel: Channel, key: str) -> None:
    batch = accepted(channel, numbers=numbers(3))

    answers = [_ask(client, key, batch, change) for change in ("pause", "resume", "cancel")]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert [answer.json()["state"] for answer in answers] == ["paused", "running", "cancelling"]
    assert followed(batch).halt_detail.startswith("Cancelled by API key Test (tuma_")
    kinds = AuditEvent.objects.order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["batch.paused", "batch.resumed", "batch.cancelled"]


def test_what_is_finished_is_not_stopped_over_the_api(
    client: Client, channel: Channel, key: str
) -> None:
    batch = factories.make_batch(channel, read=1)

    answer = _ask(client, key, batch, "pause")

    assert (answer.status_code, answer.json()["code"]) == (409, "batch_state")


def test_a_key_without_the_scope_or_of_another_company_stops_nothing(
    client: Client, channel: Channel, acme: Company, rival: Company
) -> None:
    batch = accepted(channel, numbers=numbers(3))
    reading = factories.make_key(acme, scopes=["read"])

    assert _ask(client, reading, batch, "cancel").status_code == 403
    assert _ask(client, factories.make_key(rival), batch, "cancel").status_code == 404
    assert state(batch, now=timezone.now()) == State.RUNNING
