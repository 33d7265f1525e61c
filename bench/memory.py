"""R16: memory must not grow with the size of a send.

Three processes live through a send as in real life: one accepts it, one stores its recipients slice
by slice, one drains. Each one's peak (ru_maxrss) is read at its end; compared is their sum for a tag
of 1,000,000 with that for a tag of 10,000. All recipients are accepted and stored; sending goes on
for the same few seconds in both cases, since the drain's memory depends on what is under way, not on
what waits: a million would take many minutes and tell the same. Measured alone, to be done within a
minute, the large tag is 300,000.
"""

from __future__ import annotations

import contextlib

from bench.figures import Line
from bench.machine import Bench
from bench.side import Side

SMALL, LARGE = 10_000, 1_000_000
SEND_SECONDS = 2.5


def peak() -> int:
    """In a side: the most memory that this process ever held, in KiB."""
    import resource
    import sys

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most // 1024 if sys.platform == "darwin" else most


def expand(*, batch: int) -> int:
    """In a side: store a batch's recipients; how many there are."""
    from messaging import services
    from messaging.models import Batch

    while services.expand(batch):
        pass
    return Batch.objects.values_list("stored_count", flat=True).get(pk=batch)


def _live_through(bench: Bench, kind: str, people: int) -> tuple[float, int, int]:
    """Peak MiB of the three processes together, messages stored, messages sent."""
    with contextlib.ExitStack() as stack:
        mock = bench.mock(stack)
        database = bench.database(kind, stack)
        with contextlib.ExitStack() as short:
            maker = bench.side(database, short)
            stock = maker.call("stock.company")
            tags = maker.call("stock.people", company=stock["company"], count=people)

        def side() -> Side:
            return bench.side(database, stack, GRAPH_API_URL=mock.url)

        web, expander, sender = side(), side(), side()
        ids = {"company": stock["company"], "channel": stock["channel"]}
        batch = web.call("stock.accept", **ids, tags=tags)
        sender.begin("sending.drain", channel=ids["channel"], in_flight=400, seconds=SEND_SECONDS)
        stored = expander.call("memory.expand", batch=batch)
        sender.end()
        if stored > mock.count():
            sender.call(
                "sending.drain", channel=ids["channel"], in_flight=400, seconds=SEND_SECONDS
            )
        total = sum(each.call("memory.peak") for each in (web, expander, sender))
        return total / 1024, stored, mock.count()


def r16(bench: Bench) -> list[Line]:
    people = LARGE * 3 // 10 if bench.quick else LARGE

    def compared(kind: str) -> tuple[float, str]:
        small, _, _ = _live_through(bench, kind, SMALL)
        large, stored, sent = _live_through(bench, kind, people)
        note = (
            f"{kind} {large:.0f} MiB for {stored:,} stored, {sent:,} of them sent, "
            f"against {small:.0f} MiB"
        )
        return large / small, note

    done = {kind: compared(kind) for kind in bench.kinds}
    values = {kind: value for kind, (value, _) in done.items()}
    what = f"peak memory of a tag of {people:,} / of {SMALL:,}"
    return [
        Line("R16", what, "<=", {"": 1.3}, values, "; ".join(note for _, note in done.values()))
    ]
