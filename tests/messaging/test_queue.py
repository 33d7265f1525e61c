"""The queue's own rules: leases, fences, the order of claims."""

from datetime import timedelta

import pytest
from django.utils import timezone

from companies.models import Channel
from messaging import queue
from messaging.models import Batch, ChannelState, Lane, Status
from messaging.results import Failed, Results, Sent
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


def test_of_those_that_are_claimed_together_the_longest_due_goes_first(channel: Channel) -> None:
    now = timezone.now()
    fence = queue.take_lease(channel.pk, owner="one") or 0
    tried_again = factories.make_message(channel, due_at=now - timedelta(seconds=1))
    waiting = factories.make_message(channel, due_at=now - timedelta(seconds=9))

    claimed = queue.claim(channel.pk, Lane.EXPRESS, fence=fence, limit=9, now=now)

    assert [row.id for row in claimed] == [waiting.pk, tried_again.pk]


def test_only_one_drain_holds_a_channel(channel: Channel) -> None:
    first = queue.take_lease(channel.pk, owner="one")
    second = queue.take_lease(channel.pk, owner="two")

    assert (first, second) == (1, None)


def test_what_a_dead_drain_claimed_is_queued_and_what_it_sent_is_in_doubt(channel: Channel) -> None:
    dead = queue.take_lease(channel.pk, owner="dead") or 0
    claimed = factories.make_message(channel, status=Status.CLAIMED, fence=dead)
    sending = factories.make_message(
        channel, status=Status.SENDING, fence=dead, attempted_at=timezone.now()
    )
    ChannelState.objects.update(lease_until=0)

    found = queue.channels_with_work(now=timezone.now())
    queue.take_lease(channel.pk, owner="new")

    claimed.refresh_from_db()
    sending.refresh_from_db()
    assert found == [channel.pk]
    assert (claimed.status, sending.status) == (Status.QUEUED, Status.UNCERTAIN)


def test_a_lost_fence_can_not_write_over_the_next_one(channel: Channel) -> None:
    old = queue.take_lease(channel.pk, owner="old") or 0
    message = factories.make_message(channel, status=Status.CLAIMED, fence=old)
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
    message = factories.make_message(channel, status=Status.SENDING, fence=old)
    ChannelState.objects.update(lease_until=0)
    queue.take_lease(channel.pk, owner="new")

    late = Results()
    late.sent.append(Sent(message.pk, message.batch_id, "wamid.late"))
    queue.store_results(late, fence=old, now=timezone.now())

    message.refresh_from_db()
    assert (message.status, message.wamid) == (Status.SENT, "wamid.late")
    batch = Batch.objects.get()
    assert (batch.uncertain, batch.sent) == (0, 1)


def test_a_result_that_can_not_be_stored_holds_up_no_other(channel: Channel) -> None:
    fence = queue.take_lease(channel.pk, owner="one") or 0
    first, second, third = (
        factories.make_message(channel, status=Status.SENDING, fence=fence) for _ in range(3)
    )

    results = Results()
    results.sent += [
        Sent(first.pk, first.batch_id, "wamid.same"),
        Sent(second.pk, second.batch_id, "wamid.same"),
        Sent(third.pk, third.batch_id, "wamid.other"),
    ]
    queue.store_results(results, fence=fence, now=timezone.now())
    ChannelState.objects.update(lease_until=0)
    queue.take_lease(channel.pk, owner="next")

    for message in (first, second, third):
        message.refresh_from_db()
    assert (first.status, third.status) == (Status.SENT, Status.SENT)
    assert second.status == Status.UNCERTAIN
