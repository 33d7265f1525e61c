"""R1 to R3: the real drain against the bare loop, with the same mock and as many POSTs under way.

The drain does everything: lease, claims, marking, token bucket, results, counters, histogram. Both
sides are timed from their start to the answer to the last message, by the mock's own record, and
their CPU is that of their process. Rounds alternate between the sides; the ratio is the median of
the rounds' ratios, so a slow moment of the machine hits both sides of a ratio.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.figures import Line, ratios, spread
from bench.machine import Bench, Database
from bench.mock import Mock
from bench.side import Side

BARE = "bare"


def drain(*, channel: int, in_flight: int, seconds: float = 120.0) -> dict[str, float]:
    """In a side: send what waits on a channel."""
    from messaging import channel_drain
    from messaging.dispatch import Drain

    # How long it waits for more work after the last message; nothing of a message's cost.
    channel_drain.LINGER = 0.2
    started, cpu = time.monotonic(), time.process_time()
    slice_ = Drain(slice_seconds=seconds, max_in_flight=in_flight)
    slice_.add(channel)
    slice_.run()
    return {"started": started, "cpu": time.process_time() - cpu}


@dataclass
class Sender:
    """A side that can send a round of messages and say how fast it was."""

    side: Side
    mock: Mock
    database: Database | None = None
    stock: dict[str, Any] | None = None
    tags: list[int] | None = None
    texts: Sequence[str] = ()  # of a template of the company's own

    @classmethod
    def of_product(
        cls, bench: Bench, kind: str, mock: Mock, stack: contextlib.ExitStack, messages: int
    ) -> Sender:
        database = bench.database(kind, stack)
        sender = cls(bench.side(database, stack, GRAPH_API_URL=mock.url), mock, database)
        sender.stock = sender.side.call("stock.company")
        # One in fifty has opted out.
        sender.tags = sender.side.call(
            "stock.people", company=sender.stock["company"], count=-(-messages * 50 // 49)
        )
        return sender

    def round(self, *, messages: int, in_flight: int) -> tuple[float, float]:
        """Messages a second, and milliseconds of CPU a message."""
        if self.stock is None:
            self.mock.reset()
            run = self.side.call(
                "bare.run", url=self.mock.url, messages=messages, in_flight=in_flight
            )
        else:
            ids = {"company": self.stock["company"], "channel": self.stock["channel"]}
            messages = self.side.call("stock.fill", **ids, tags=self.tags, texts=self.texts)
            self.mock.reset()
            run = self.side.call("sending.drain", channel=ids["channel"], in_flight=in_flight)
        arrivals = self.mock.arrivals()
        if len(arrivals) != messages or max(arrivals.most_often().values()) > 1:
            raise AssertionError(f"{len(arrivals)} arrived of {messages}, or some twice")
        return messages / arrivals.seconds_since(run["started"]), run["cpu"] * 1000 / messages

    def check(self) -> None:
        """Everything that was sent is stored as sent."""
        if self.stock is not None:
            states = self.side.call("stock.states")
            if set(states) != {"sent"}:
                raise AssertionError(f"not all were stored as sent: {states}")


@dataclass(frozen=True)
class Sent:
    """Rounds of all sides: messages a second and CPU, by side."""

    rates: dict[str, list[float]]
    cpus: dict[str, list[float]]


@functools.cache
def measure(bench: Bench, *, messages: int, in_flight: int, rounds: int) -> Sent:
    rates, cpus = defaultdict(list), defaultdict(list)
    with contextlib.ExitStack() as stack:
        mock = bench.mock(stack)
        senders = {BARE: Sender(bench.side(None, stack), mock)}
        for kind in bench.kinds:
            senders[kind] = Sender.of_product(bench, kind, mock, stack, messages)
        for sender in senders.values():  # imports, connections, first plans
            sender.round(messages=1000, in_flight=in_flight)
        for _ in range(rounds):
            for name, sender in senders.items():
                rate, cpu = sender.round(messages=messages, in_flight=in_flight)
                rates[name].append(rate)
                cpus[name].append(cpu)
        for sender in senders.values():
            sender.check()
    return Sent(rates, cpus)


def _speeds(sent: Sent) -> str:
    return ", ".join(f"{name} {spread(values)}/s" for name, values in sent.rates.items())


def _usual(bench: Bench) -> Sent:
    if bench.quick:
        return measure(bench, messages=8_000, in_flight=400, rounds=2)
    return measure(bench, messages=30_000, in_flight=400, rounds=2)


def r1(bench: Bench) -> list[Line]:
    sent = _usual(bench)
    values = {kind: ratios(sent.rates[kind], sent.rates[BARE]) for kind in bench.kinds}
    what = "messages/s of the drain / a bare aiohttp loop, 400 in flight"
    return [Line("R1", what, ">=", {"": 0.95}, values, _speeds(sent))]


def r2(bench: Bench) -> list[Line]:
    sent = _usual(bench)
    values = {kind: ratios(sent.cpus[kind], sent.cpus[BARE]) for kind in bench.kinds}
    note = ", ".join(f"{name} {spread(cpu, 3)} ms" for name, cpu in sent.cpus.items())
    what = "CPU a message of the drain / a bare aiohttp loop"
    return [Line("R2", what, "<=", {"": 1.5}, values, note)]


def r3(bench: Bench) -> list[Line]:
    messages = 10_000 if bench.quick else 30_000
    sent = measure(bench, messages=messages, in_flight=1500, rounds=2)
    values = {kind: ratios(sent.rates[kind], sent.rates[BARE]) for kind in bench.kinds}
    targets = {"PostgreSQL": 0.70, "SQLite": 0.80}
    what = "messages/s of the drain / bare, saturated (1,500 in flight)"
    return [Line("R3", what, ">=", targets, values, _speeds(sent))]
