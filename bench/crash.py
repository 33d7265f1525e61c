"""R15: a worker is killed outright in the middle of sending, and another one carries on.

The kill comes as SIGKILL while hundreds of POSTs are under way. The next worker finds the lease,
waits for its end, puts back what was only claimed, and puts in doubt what was being posted; statuses
from the mock's record then prove what was sent, as Meta's do. What was not sent is held so when the
statuses of later sends have come and as much time again has passed: about a minute after the kill.
Measured alone, to be done within a minute, what is left in doubt fails visibly at a short deadline
instead. Lost: accepted, and in the end neither sent nor visibly failed. Doubled: the mock got it twice.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter

from bench.figures import Line
from bench.machine import Bench, wait_for
from bench.sending import Sender

MESSAGES = 5_000
RATE = 1_000
GRACE_SECONDS = 2
# Until what nothing is known of fails: seconds in the short run, long past the end in the whole one.
DEADLINE_SECONDS = {True: 6, False: 600}
PATIENCE_SECONDS = {True: 48.0, False: 110.0}


def send_for_ever(*, channel: int) -> None:
    """In a side: drain slice after slice, until killed or nothing is left."""
    from django.utils import timezone

    from messaging import queue
    from messaging.dispatch import Drain

    while queue.has_due(channel, now=timezone.now()):
        slice_ = Drain()
        slice_.add(channel)
        slice_.run()


def take_over(*, channel: int, arrived: list[int], seconds: float) -> dict[str, int]:
    """In the second worker: sweep and drain until every message has come to rest.

    `arrived` are the recipients that the mock had got: Meta would send a status for each.
    """
    from django.utils import timezone

    from bench import load
    from config import public_ids, sql
    from messaging import inbox, queue, settling
    from messaging.dispatch import Drain
    from messaging.models import Message, Status

    told: set[int] = set()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        settling.settle(now=timezone.now())
        if channel in queue.channels_with_work(now=timezone.now()):
            slice_ = Drain(slice_seconds=10)
            slice_.add(channel)
            slice_.run()
        doubtful = Message.objects.filter(status=Status.UNCERTAIN).values_list("pk", "recipient")
        for pk, recipient in doubtful:
            if pk not in told and int(recipient) in arrived:
                told.add(pk)
                reference = public_ids.encode("msg", pk)
                body = load.status_body(f"wamid.proof{pk}", status="sent", reference=reference)
                inbox.keep(body, now=timezone.now())
        _prove_webhooks_arrive(channel)
        while inbox.apply_pending(now=timezone.now()):
            pass
        if not Message.objects.filter(status__lt=Status.SENT).exists():
            break
        time.sleep(0.2)
    rows = sql.fetch("SELECT status, count(*) FROM messaging_message GROUP BY status")
    return {Status(status).word: count for status, count in rows} | {"told": len(told)}


def _prove_webhooks_arrive(channel: int) -> None:
    """A status of the latest attempt: the evidence on which what was never sent is sent again."""
    from django.utils import timezone

    from bench import load
    from config import public_ids
    from messaging import inbox
    from messaging.models import Message, Status

    last = (
        Message.objects.filter(channel_id=channel, status=Status.SENT)
        .order_by("-attempted_at")
        .values_list("pk", "wamid")
        .first()
    )
    if last:
        body = load.status_body(
            last[1], status="delivered", reference=public_ids.encode("msg", last[0])
        )
        inbox.keep(body, now=timezone.now())


def r15(bench: Bench) -> list[Line]:
    lost: dict[str, float] = {}
    doubled: dict[str, float] = {}
    notes = []
    with contextlib.ExitStack() as stack:
        runs = []
        for kind in bench.kinds:
            mock = bench.mock(stack)
            sender = Sender.of_product(bench, kind, mock, stack, MESSAGES)
            assert sender.stock is not None
            runs.append((kind, mock, sender, sender.stock))
        started = []
        for kind, mock, sender, stock in runs:
            channel = stock["channel"]
            sender.side.call("pacing.set_rate", channel=channel, rate=RATE)
            ids = {"company": stock["company"], "channel": channel}
            accepted = sender.side.call("stock.fill", **ids, tags=sender.tags)
            sender.side.begin("crash.send_for_ever", channel=channel)
            wait_for(lambda mock=mock: mock.count() > MESSAGES / 4, seconds=30, what="sending")
            sender.side.process.kill()
            sender.side.process.wait()
            time.sleep(0.3)  # what was on the wire arrives
            arrived = sorted(set(mock.arrivals().recipients))
            second = bench.side(
                sender.database, stack, GRAPH_API_URL=mock.url,
                UNCERTAIN_GRACE_SECONDS=str(GRACE_SECONDS),
                UNCERTAIN_DEADLINE_SECONDS=str(DEADLINE_SECONDS[bench.quick]),
            )  # fmt: skip
            second.begin(
                "crash.take_over",
                channel=channel,
                arrived=arrived,
                seconds=PATIENCE_SECONDS[bench.quick],
            )
            started.append((kind, mock, second, accepted, len(arrived)))
        for kind, mock, second, accepted, before in started:
            states = second.end()
            times: Counter[int] = mock.arrivals().most_often()
            resolved = sum(states.get(word, 0) for word in ("sent", "delivered", "failed"))
            lost[kind] = accepted - resolved
            doubled[kind] = sum(1 for count in times.values() if count > 1)
            notes.append(
                f"{kind}: {accepted:,} accepted, killed after {before:,}, {len(times):,} arrived; "
                f"{states['told']} settled by their status, {states.get('failed', 0)} failed visibly"
            )
    return [
        Line("R15", "kill -9 in mid-send: lost", "<=", {"": 0}, lost, "; ".join(notes)),
        Line("R15", "kill -9 in mid-send: received twice", "<=", {"": 0}, doubled),
    ]
