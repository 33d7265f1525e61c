"""The drain against the Graph sandbox: what is sent, what is not, what is tried again."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from companies.graph.sandbox import Sandbox
from companies.models import Channel, Company
from messaging import inbox, queue, settling, tasks
from messaging.models import Batch, ChannelState, Lane, Message, Status, StatusProof
from messaging.results import Failed, Results, Sent
from templates_app.models import Template
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


def states() -> list[Status]:
    return [
        Status(value) for value in Message.objects.order_by("pk").values_list("status", flat=True)
    ]


def accepted(channel: Channel, **fields: Any) -> Message:
    """A message as accepting leaves it."""
    return factories.make_message(channel, **fields)


def test_a_queued_message_is_sent_with_our_id_in_it(
    channel: Channel, graph: Sandbox, drain: Any
) -> None:
    message = accepted(channel)

    drain(channel)

    message.refresh_from_db()
    [got] = graph.messages()
    assert (message.status, message.wamid) == (Status.SENT, got["wamid"])
    assert message.sent_at is not None and message.attempts == 1
    assert got["payload"]["biz_opaque_callback_data"] == message.public_id
    assert Batch.objects.get().sent == 1


def test_a_message_is_not_sent_before_it_is_due(
    channel: Channel, graph: Sandbox, drain: Any
) -> None:
    accepted(channel, due_at=timezone.now() + timedelta(hours=1))

    drain(channel)

    assert states() == [Status.QUEUED]
    assert graph.messages() == []


def test_express_goes_before_bulk(channel: Channel, graph: Sandbox, drain: Any) -> None:
    channel.rate_per_second = 20
    channel.save()
    early = timezone.now() - timedelta(hours=1)
    batch = factories.make_batch(channel, recipients_count=10)
    bulk = [accepted(channel, batch=batch, lane=Lane.BULK, due_at=early) for _ in range(10)]
    code = accepted(channel, lane=Lane.EXPRESS)

    drain(channel)

    order = [message["payload"]["biz_opaque_callback_data"] for message in graph.messages()]
    assert sorted(order) == sorted([code.public_id, *(row.public_id for row in bulk)])
    sent_at = dict(Message.objects.values_list("pk", "attempted_at"))
    assert sent_at[code.pk] == min(sent_at.values())


@pytest.mark.parametrize(
    ("code", "expected", "error"),
    [
        (131009, Status.FAILED, "131009"),
        (131030, Status.FAILED, "131030"),
        (131016, Status.QUEUED, "131016"),
        (131056, Status.QUEUED, "131056"),
    ],
)
def test_each_kind_of_refusal(
    channel: Channel, graph: Sandbox, drain: Any, code: int, expected: Status, error: str
) -> None:
    message = accepted(channel)
    graph.fault(code=code, times=1)

    drain(channel)

    message.refresh_from_db()
    assert (message.status, message.error_code) == (expected, error)
    if expected == Status.QUEUED:
        assert message.due_at > timezone.now()


def test_a_refusal_refunds_and_is_counted(
    channel: Channel, acme: Company, graph: Sandbox, drain: Any
) -> None:
    accepted(channel)
    acme.refresh_from_db()
    before = acme.credits
    graph.fault(code=131009, times=1)

    drain(channel)

    acme.refresh_from_db()
    assert acme.credits == before + 1
    assert Batch.objects.get().failed == 1


def test_a_refused_token_disconnects_the_channel_and_keeps_the_messages(
    channel: Channel, graph: Sandbox, drain: Any
) -> None:
    accepted(channel)
    graph.revoke(channel.access_token)

    drain(channel)
    channel.refresh_from_db()
    waiting = states()
    graph.restore(channel.access_token)
    Channel.objects.update(status=Channel.Status.CONNECTED)
    drain(channel)

    assert channel.status == Channel.Status.DISCONNECTED
    assert "190" in channel.status_reason
    assert waiting == [Status.QUEUED]
    assert states() == [Status.SENT]


def test_a_spam_limit_pauses_the_channel(channel: Channel, graph: Sandbox, drain: Any) -> None:
    accepted(channel)
    graph.fault(code=131048, times=1)

    drain(channel)

    channel.refresh_from_db()
    assert channel.is_paused(now=timezone.now())
    assert states() == [Status.QUEUED]
    assert queue.channels_with_work(now=timezone.now()) == []


def test_a_paused_template_stops_the_rest_of_its_batch(
    channel: Channel, acme: Company, graph: Sandbox, drain: Any
) -> None:
    channel.rate_per_second = 5
    channel.save()
    template = factories.make_template(acme)
    batch = factories.make_batch(channel, template=template, recipients_count=20)
    for _ in range(20):
        accepted(channel, batch=batch, lane=Lane.BULK)
    graph.fault(code=132015)

    drain(channel)

    template.refresh_from_db()
    batch.refresh_from_db()
    assert set(states()) == {Status.FAILED}
    assert batch.failed == 20
    assert template.status == Template.Status.PAUSED
    assert len(graph.messages()) < 20


def test_a_connection_closed_before_the_answer_is_not_sent_again(
    channel: Channel, graph: Sandbox, drain: Any
) -> None:
    message = accepted(channel)
    graph.fault("close_after", times=1)

    drain(channel)
    drain(channel)

    message.refresh_from_db()
    assert message.status == Status.UNCERTAIN
    assert Batch.objects.get().uncertain == 1
    assert len(graph.messages()) == 1


def test_graph_out_of_reach_delays_without_using_up_attempts(
    channel: Channel, drain: Any, settings: Any
) -> None:
    message = accepted(channel)
    settings.GRAPH_API_URL = "http://127.0.0.1:9"

    drain(channel)

    message.refresh_from_db()
    assert (message.status, message.attempts) == (Status.QUEUED, 0)
    assert message.due_at > timezone.now()


def test_a_code_whose_life_is_over_is_failed_not_sent(
    channel: Channel, graph: Sandbox, drain: Any
) -> None:
    batch = factories.make_batch(channel, expires_at=timezone.now() - timedelta(seconds=1))
    message = accepted(channel, batch=batch)

    drain(channel)

    message.refresh_from_db()
    assert (message.status, message.error_code) == (Status.FAILED, "expired")
    assert graph.messages() == []


def test_only_one_drain_holds_a_channel(channel: Channel) -> None:
    first = queue.take_lease(channel.pk, owner="one")
    second = queue.take_lease(channel.pk, owner="two")

    assert (first, second) == (1, None)


def test_what_a_dead_drain_claimed_is_queued_and_what_it_sent_is_in_doubt(channel: Channel) -> None:
    dead = queue.take_lease(channel.pk, owner="dead") or 0
    claimed = accepted(channel, status=Status.CLAIMED, fence=dead)
    sending = accepted(channel, status=Status.SENDING, fence=dead, attempted_at=timezone.now())
    ChannelState.objects.update(lease_until=0)

    found = queue.channels_with_work(now=timezone.now())
    queue.take_lease(channel.pk, owner="new")

    claimed.refresh_from_db()
    sending.refresh_from_db()
    assert found == [channel.pk]
    assert (claimed.status, sending.status) == (Status.QUEUED, Status.UNCERTAIN)


def test_a_lost_fence_can_not_write_over_the_next_one(channel: Channel) -> None:
    old = queue.take_lease(channel.pk, owner="old") or 0
    message = accepted(channel, status=Status.CLAIMED, fence=old)
    ChannelState.objects.update(lease_until=0)
    new = queue.take_lease(channel.pk, owner="new") or 0
    queue.claim(channel.pk, Lane.EXPRESS, fence=new, limit=1, now=timezone.now())

    late = Results()
    late.failed.append(Failed(message.pk, message.batch_id, "131009", "late"))
    queue.store_results(late, fence=old, now=timezone.now())
    row = queue.Claimed(message.pk, message.batch_id, message.contact_id, message.recipient, 0)
    marked = queue.mark_sending([row], fence=old, now=timezone.now())

    message.refresh_from_db()
    assert marked == set()
    assert (message.status, message.fence) == (Status.CLAIMED, new)


def test_an_answer_after_the_lease_was_lost_settles_the_doubt(channel: Channel) -> None:
    old = queue.take_lease(channel.pk, owner="old") or 0
    message = accepted(channel, status=Status.SENDING, fence=old)
    ChannelState.objects.update(lease_until=0)
    queue.take_lease(channel.pk, owner="new")

    late = Results()
    late.sent.append(Sent(message.pk, message.batch_id, "wamid.late"))
    queue.store_results(late, fence=old, now=timezone.now())

    message.refresh_from_db()
    assert (message.status, message.wamid) == (Status.SENT, "wamid.late")
    batch = Batch.objects.get()
    assert (batch.uncertain, batch.sent) == (0, 1)


def in_doubt(channel: Channel, *, since: timedelta, **batch: Any) -> Message:
    fields = {"uncertain": 1, **batch}
    attempted_at = timezone.now() - since
    return accepted(
        channel,
        batch=factories.make_batch(channel, **fields),
        status=Status.UNCERTAIN,
        attempted_at=attempted_at,
        due_at=attempted_at,
    )


def heard(channel: Channel, *, ago: timedelta, of_attempt: timedelta) -> None:
    """A status came in `ago`, of a send that was attempted `of_attempt` ago."""
    now = timezone.now()
    StatusProof.objects.create(
        channel=channel,
        period=int((now - ago).timestamp()),
        received_at=now - ago,
        attempted_at=now - of_attempt,
    )


def test_doubt_without_proof_waits_until_the_deadline_then_fails_with_a_refund(
    channel: Channel, acme: Company, settings: Any
) -> None:
    waiting = in_doubt(channel, since=timedelta(minutes=50))
    over = in_doubt(channel, since=timedelta(minutes=61))
    acme.refresh_from_db()
    before = acme.credits

    channels = settling.settle(now=timezone.now())

    waiting.refresh_from_db()
    over.refresh_from_db()
    acme.refresh_from_db()
    assert channels == set()
    assert waiting.status == Status.UNCERTAIN
    assert (over.status, over.error_code) == (Status.FAILED, "unconfirmed")
    assert acme.credits == before + 1


def test_doubt_is_sent_again_once_statuses_of_later_sends_have_come_in(channel: Channel) -> None:
    young = in_doubt(channel, since=timedelta(minutes=9))
    old = in_doubt(channel, since=timedelta(minutes=11))
    for minutes in (10, 8, 1):
        heard(
            channel,
            ago=timedelta(minutes=minutes),
            of_attempt=timedelta(minutes=minutes, seconds=5),
        )

    channels = settling.settle(now=timezone.now())

    young.refresh_from_db()
    old.refresh_from_db()
    assert channels == {channel.pk}
    assert (young.status, old.status) == (Status.UNCERTAIN, Status.QUEUED)


def test_statuses_of_earlier_sends_prove_nothing(channel: Channel) -> None:
    message = in_doubt(channel, since=timedelta(minutes=11))
    heard(channel, ago=timedelta(minutes=10), of_attempt=timedelta(minutes=12))

    settling.settle(now=timezone.now())

    message.refresh_from_db()
    assert message.status == Status.UNCERTAIN


def test_after_an_outage_metas_repeats_get_as_long_again_to_come_in(channel: Channel) -> None:
    """Nothing came in for nine minutes after the attempt: its status may still be on the way."""
    message = in_doubt(channel, since=timedelta(minutes=15))
    heard(channel, ago=timedelta(minutes=6), of_attempt=timedelta(minutes=6, seconds=5))

    settling.settle(now=timezone.now())
    message.refresh_from_db()
    too_early = message.status
    settling.settle(now=timezone.now() + timedelta(minutes=4))

    message.refresh_from_db()
    assert (too_early, message.status) == (Status.UNCERTAIN, Status.QUEUED)


def test_what_has_come_in_is_applied_before_anything_is_held_lost(channel: Channel) -> None:
    message = in_doubt(channel, since=timedelta(minutes=11))
    heard(channel, ago=timedelta(minutes=10), of_attempt=timedelta(minutes=10, seconds=5))
    inbox.keep(b"{}", now=timezone.now() - timedelta(minutes=1))

    settling.settle(now=timezone.now())

    message.refresh_from_db()
    assert message.status == Status.UNCERTAIN


def test_a_code_in_doubt_waits_a_fifth_and_is_never_sent_after_its_life(channel: Channel) -> None:
    code = {"category": "AUTHENTICATION"}
    alive = in_doubt(
        channel,
        since=timedelta(minutes=3),
        expires_at=timezone.now() + timedelta(minutes=7),
        **code,
    )
    over = in_doubt(channel, since=timedelta(minutes=3), expires_at=timezone.now(), **code)
    heard(channel, ago=timedelta(minutes=2), of_attempt=timedelta(minutes=2, seconds=1))

    settling.settle(now=timezone.now())

    alive.refresh_from_db()
    over.refresh_from_db()
    assert alive.status == Status.QUEUED
    assert (over.status, over.error_code) == (Status.FAILED, "unconfirmed")


def test_the_sweep_finds_what_nobody_was_told_of(
    channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted(channel)
    told: list[tuple[Any, ...]] = []
    monkeypatch.setattr("messaging.wake.send", lambda *args: told.append(args))

    tasks.sweep()

    assert ("messaging.drain", channel.pk) in told


def test_a_drain_keeps_to_the_channels_rate(channel: Channel, graph: Sandbox, drain: Any) -> None:
    channel.rate_per_second = 40
    channel.save()
    batch = factories.make_batch(channel, recipients_count=60)
    for _ in range(60):
        accepted(channel, batch=batch, lane=Lane.BULK)

    drain(channel)

    moments = sorted(Message.objects.values_list("attempted_at", flat=True))
    assert states() == [Status.SENT] * 60
    in_a_second = [
        sum(1 for other in moments if start <= other < start + timedelta(seconds=1))
        for start in moments
    ]
    assert max(in_a_second) <= 42
