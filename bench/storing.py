"""R7 to R9: storing recipients, and the queue's statements, against what one would write first.

Recipients come about as in the product (`services.accept`, then `services.expand` slice by slice,
with the count, the charge, opt-outs and the overlap of two tags inside of the clock). Against it:
PostgreSQL's own limit, COPY of the same rows (all of their columns) as a ready blob into an unlogged
table without an index, and Django's `bulk_create` of ready objects into the same table.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections import defaultdict

from bench.figures import Line, ratios, spread
from bench.machine import POSTGRES, SQLITE, Bench

BULK = 5000
ROW_BY_ROW_SHARE = 10  # row by row is slow: it gets a tenth of the rows


# --- In a side ------------------------------------------------------------------------


def product(*, company: int, channel: int, tags: list[int]) -> dict[str, float]:
    """Store everybody under the tags as the product does; rows a second."""
    from bench import stock
    from messaging import services
    from messaging.models import Batch

    started = time.perf_counter()
    batch = stock.accept(company=company, channel=channel, tags=tags)
    while services.expand(batch):
        pass
    took = time.perf_counter() - started
    rows = Batch.objects.values_list("stored_count", flat=True).get(pk=batch)
    return {"rows": rows, "rate": rows / took, "batch": batch}


def copy(*, batch: int) -> dict[str, float]:
    """COPY the rows of a stored batch, as a blob, into an unlogged table without an index."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bare")
        cursor.execute("CREATE UNLOGGED TABLE bare AS SELECT * FROM messaging_message LIMIT 0")
        with cursor.copy(
            f"COPY (SELECT * FROM messaging_message WHERE batch_id = {batch}) TO STDOUT"
        ) as out:
            blob = b"".join(bytes(part) for part in out)
        settle()
        started = time.perf_counter()
        with cursor.copy("COPY bare FROM STDIN") as into:
            for start in range(0, len(blob), 1 << 20):
                into.write(blob[start : start + (1 << 20)])
        took = time.perf_counter() - started
        cursor.execute("SELECT count(*) FROM bare")
        rows = cursor.fetchone()[0]
        cursor.execute("DROP TABLE bare")
    return {"rows": rows, "rate": rows / took}


def bulk_create(*, company: int, channel: int, count: int) -> dict[str, float]:
    """Store `count` recipients with Django's bulk_create; reading and making them is in the time."""
    from django.utils import timezone

    from contacts.models import Contact
    from messaging.models import Batch, Lane, Message

    now = timezone.now()
    batch = Batch.objects.create(
        company_id=company, channel_id=channel, dialect="bench", content_type="text", payload={},
        category="SERVICE", price=1, lane=Lane.BULK, day=now.date(), due_at=now,
    )  # fmt: skip
    started = time.perf_counter()
    people = Contact.objects.filter(company_id=company, opted_out_at=None).order_by("pk")
    Message.objects.bulk_create(
        (
            Message(
                company_id=company, channel_id=channel, batch=batch, contact_id=contact_id,
                recipient=phone, lane=Lane.BULK, due_at=now, created_at=now,
            )
            for contact_id, phone in people.values_list("pk", "phone")[:count]
        ),
        batch_size=BULK,
    )  # fmt: skip
    took = time.perf_counter() - started
    return {"rows": count, "rate": count / took}


def empty_queue() -> None:
    """Forget all messages, so that each round stores into a table of the same size."""
    from config import sql

    if sql.is_postgres():
        sql.execute("TRUNCATE messaging_message")
        settle()
    else:
        sql.execute("DELETE FROM messaging_message")


def settle() -> None:
    """Have PostgreSQL write out what came before, so that no side pays for the one before it; a role
    that may not ask for that measures without.
    """
    from django.db import ProgrammingError

    from config import sql

    with contextlib.suppress(ProgrammingError):
        sql.execute("CHECKPOINT")


def in_batches(*, channel: int, count: int, marking: bool) -> dict[str, float]:
    """Claim and complete through the product's own statements, 500 at a time."""
    from django.utils import timezone

    from messaging import queue
    from messaging.models import Lane
    from messaging.results import Results, Sent

    fence = queue.take_lease(channel, owner="bench")
    assert fence is not None
    done = 0
    started = time.perf_counter()
    while done < count:
        rows = queue.claim(channel, Lane.BULK, fence=fence, limit=500, now=timezone.now())
        if marking:
            queue.mark_sending(rows, fence=fence, now=timezone.now())
        results = Results()
        results.sent += [Sent(row.id, row.batch_id, f"wamid.{row.id:034X}") for row in rows]
        queue.store_results(results, fence=fence, now=timezone.now())
        done += len(rows)
    took = time.perf_counter() - started
    queue.release_lease(channel, fence=fence)
    return {"rate": done / took}


def row_by_row(*, channel: int, count: int, marking: bool) -> dict[str, float]:
    """The same claim, but each message is written by an UPDATE and a commit of its own."""
    from django.utils import timezone

    from config import sql
    from messaging import queue
    from messaging.models import Lane, Status

    fence = queue.take_lease(channel, owner="bench")
    assert fence is not None
    done = 0
    started = time.perf_counter()
    while done < count:
        rows = queue.claim(channel, Lane.BULK, fence=fence, limit=500, now=timezone.now())
        for row in rows:
            if marking:
                sql.execute(
                    f"""UPDATE messaging_message SET status = {Status.SENDING:d},
                    attempts = attempts + 1, attempted_at = %s WHERE id = %s AND fence = %s""",
                    [sql.moment(timezone.now()), row.id, fence],
                )
            sql.execute(
                f"""UPDATE messaging_message SET status = {Status.SENT:d}, wamid = %s, sent_at = %s
                WHERE id = %s AND fence = %s""",
                [f"wamid.{row.id:034X}", sql.moment(timezone.now()), row.id, fence],
            )
        done += len(rows)
    took = time.perf_counter() - started
    queue.release_lease(channel, fence=fence)
    return {"rate": done / took}


# --- The figures ----------------------------------------------------------------------

Rates = dict[str, list[float]]


@functools.cache
def measure_storing(
    bench: Bench, kind: str, people: int, rounds: int, with_bulk: bool, with_copy: bool
) -> Rates:
    rates: Rates = defaultdict(list)
    with contextlib.ExitStack() as stack:
        side = bench.side(bench.database(kind, stack), stack)
        stock = side.call("stock.company")
        ids = {"company": stock["company"], "channel": stock["channel"]}
        tags = side.call("stock.people", company=stock["company"], count=people)
        for _ in range(rounds):
            side.call("storing.empty_queue")
            stored = side.call("storing.product", **ids, tags=tags)
            rates["product"].append(stored["rate"])
            if with_copy:
                copied = side.call("storing.copy", batch=stored["batch"])
                assert copied["rows"] == stored["rows"]
                rates["copy"].append(copied["rate"])
            if with_bulk:
                side.call("storing.empty_queue")
                made = side.call("storing.bulk_create", **ids, count=stored["rows"])
                rates["bulk"].append(made["rate"])
    return rates


def r7(bench: Bench) -> list[Line]:
    if not bench.server:
        return []
    lines = []
    for people, target in ((100_000, 0.15), (1_000_000, 0.25)):
        rounds = 1 if bench.quick and people > 100_000 else 3
        rates = measure_storing(bench, POSTGRES, people, rounds, False, True)
        values = {POSTGRES: ratios(rates["product"], rates["copy"])}
        note = f"stored {spread(rates['product'])}/s, COPY {spread(rates['copy'])}/s"
        what = f"recipients stored/s / COPY of a ready blob, {people:,}"
        lines.append(Line("R7", what, ">=", {"": target}, values, note))
    return lines


def r8(bench: Bench) -> list[Line]:
    rates = {
        kind: measure_storing(bench, kind, 100_000, 1 if bench.quick else 2, True, False)
        for kind in bench.kinds
    }
    values = {kind: ratios(rate["product"], rate["bulk"]) for kind, rate in rates.items()}
    note = ", ".join(
        f"{kind} {spread(rate['product'])}/s against {spread(rate['bulk'])}/s"
        for kind, rate in rates.items()
    )
    what = "recipients stored/s / bulk_create(5000), same table, 100,000"
    return [Line("R8", what, ">=", {POSTGRES: 6, SQLITE: 20}, values, note)]


def r9(bench: Bench) -> list[Line]:
    rates = {kind: _queue_rates(bench, kind) for kind in bench.kinds}
    note = "; ".join(
        f"{kind} {spread(rate['batches'])}/s against {spread(rate['rows'])}/s, "
        f"marking each as sending included {ratios(rate['batches marked'], rate['rows marked']):.1f}"
        for kind, rate in rates.items()
    )
    values = {kind: ratios(rate["batches"], rate["rows"]) for kind, rate in rates.items()}
    what = "claim and complete in batches / an UPDATE per row"
    return [Line("R9", what, ">=", {POSTGRES: 10, SQLITE: 4}, values, note)]


def _queue_rates(bench: Bench, kind: str) -> Rates:
    count = 10_000 if bench.quick else 20_000
    rates: Rates = defaultdict(list)
    with contextlib.ExitStack() as stack:
        side = bench.side(bench.database(kind, stack), stack)
        stock = side.call("stock.company")
        ids = {"company": stock["company"], "channel": stock["channel"]}
        tags = side.call("stock.people", company=stock["company"], count=60_000)
        for _ in range(3):
            side.call("storing.empty_queue")
            side.call("stock.fill", **ids, tags=tags)
            for name, marking in (("", False), (" marked", True)):
                few = {"channel": stock["channel"], "marking": marking}
                measured = side.call("storing.in_batches", **few, count=count)
                rates[f"batches{name}"].append(measured["rate"])
                measured = side.call("storing.row_by_row", **few, count=count // ROW_BY_ROW_SHARE)
                rates[f"rows{name}"].append(measured["rate"])
    return rates
