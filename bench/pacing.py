"""R14: the rate of a channel is a promise to Meta, and a right of the customer: neither is missed.

The real drain sends at 80 and at 1,000 a second in several short slices, each a process's whole
life with the channel: lease, claims, sending, hand-over. The mock's record of arrivals is the judge:
the fullest window of one second anywhere in the run (hand-overs included), and the whole run.
"""

from __future__ import annotations

import contextlib
import statistics

from bench.figures import Line
from bench.machine import Bench
from bench.sending import Sender

SLICE_SECONDS = 6.0
_RATES = (80, 1000)


def drain_in_slices(*, channel: int, seconds: float) -> int:
    """In a side: slices one after the other, as workers hand a channel on; how many it took."""
    from django.utils import timezone

    from messaging import queue
    from messaging.dispatch import Drain

    slices = 0
    while queue.has_due(channel, now=timezone.now()):
        slice_ = Drain(slice_seconds=seconds)
        slice_.add(channel)
        slice_.run()
        slices += 1
    return slices


def fullest_second(times: list[float]) -> int:
    """The most arrivals in any window of one second."""
    most, first = 0, 0
    for last, at in enumerate(times):
        while at - times[first] >= 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most


def r14(bench: Bench) -> list[Line]:
    seconds = 13 if bench.quick else 18
    fullest: dict[int, dict[str, float]] = {rate: {} for rate in _RATES}
    whole: dict[int, dict[str, float]] = {rate: {} for rate in _RATES}
    slices = []
    with contextlib.ExitStack() as stack:
        for kind in bench.kinds:
            # Both rates at the same time: a channel of 80 must not suffer from one of 1,000.
            running = []
            for rate in _RATES:
                mock = bench.mock(stack)
                sender = Sender.of_product(bench, kind, mock, stack, int(rate * seconds))
                assert sender.stock is not None
                side, channel = sender.side, sender.stock["channel"]
                side.call("pacing.set_rate", channel=channel, rate=rate)
                ids = {"company": sender.stock["company"], "channel": channel}
                side.call("stock.fill", **ids, tags=sender.tags)
                running.append((rate, side, channel, mock))
            for _, side, channel, _ in running:
                side.begin("pacing.drain_in_slices", channel=channel, seconds=SLICE_SECONDS)
            for rate, side, _, mock in running:
                slices.append(side.end())
                times = sorted(mock.arrivals().times)
                fullest[rate][kind] = fullest_second(times) / rate
                whole[rate][kind] = (len(times) - 1) / (times[-1] - times[0]) / rate
    note = f"slices of {SLICE_SECONDS:.0f} s, {statistics.median(slices):.0f} in a run"
    lines = []
    for rate in _RATES:
        what = f"fullest second of a channel of {rate:,}/s / its rate"
        lines.append(Line("R14", what, "<=", {"": 1.05}, fullest[rate]))
        what = f"whole run at {rate:,}/s / (rate x time)"
        lines.append(Line("R14", what, ">=", {"": 0.95}, whole[rate], note))
    return lines


def set_rate(*, channel: int, rate: int) -> None:
    from companies.models import Channel

    Channel.objects.filter(pk=channel).update(rate_per_second=rate)
