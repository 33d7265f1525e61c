"""R10: Meta's statuses, applied from the inbox in batches, against one by one with the ORM.

Both sides get the same bodies (one status a body, as Meta mostly sends) in the same inbox, and leave
the same behind: the message's state, its history, the counters of batch and day, the body marked as
applied. The baseline is what one would write first: for each body, parse it, `get` the message and
`save` it, create the event, count with F(), save the body. The note tells the ratio against a bare
`get(wamid=…)` and `save()` that does nothing of the rest.
"""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict

from bench.figures import Line, ratios, spread
from bench.machine import Bench

STATUSES = ("sent", "delivered", "read")


def prepare(*, company: int, channel: int, tags: list[int], count: int) -> None:
    """Fill the inbox with three statuses for each of `count` messages that have been sent."""
    from django.utils import timezone

    from bench import load, stock
    from config import heap, public_ids, sql
    from messaging import inbox
    from messaging.models import Message, Status

    heap.settle()  # as workers do
    stock.fill(company=company, channel=channel, tags=tags)
    ids = list(Message.objects.filter(wamid=None).order_by("pk").values_list("pk", flat=True))
    wamid = "'wamid.HBgMMjU0NzEyMzQ1Njc4FQIAERgS' || id"
    sql.execute(
        f"""UPDATE messaging_message SET status = {Status.SENT:d}, wamid = {wamid},
        attempted_at = created_at, sent_at = created_at WHERE wamid IS NULL"""
    )
    sql.execute("UPDATE messaging_batch SET sent = stored_count WHERE sent = 0")
    for status in STATUSES:
        for pk in ids[:count]:
            body = load.status_body(
                f"wamid.HBgMMjU0NzEyMzQ1Njc4FQIAERgS{pk}",
                status=status,
                reference=public_ids.encode("msg", pk),
            )
            inbox.keep(body, now=timezone.now())


def apply_inbox() -> dict[str, float]:
    """Apply everything that is in the inbox; statuses a second."""
    from django.utils import timezone

    from messaging import inbox
    from messaging.models import WebhookEvent

    pending = WebhookEvent.objects.filter(state=WebhookEvent.State.PENDING).count()
    done = 0
    started, cpu = time.perf_counter(), time.process_time()
    while taken := inbox.apply_pending(now=timezone.now()):
        done += taken
    took, cpu = time.perf_counter() - started, time.process_time() - cpu
    problems = WebhookEvent.objects.exclude(state=WebhookEvent.State.APPLIED).count()
    if done != pending or problems:
        raise AssertionError(f"{done} of {pending} were applied, {problems} are not settled")
    return {"rate": done / took, "cpu": cpu * 1000 / done}


def one_by_one(*, count: int) -> dict[str, float]:
    """What one would write first: objects, for each body."""
    from django.db import transaction
    from django.db.models import F
    from django.utils import timezone

    from messaging.models import Batch, DailyUsage, Message, Status, StatusEvent, WebhookEvent
    from messaging.webhook_body import parse

    pending = WebhookEvent.objects.filter(state=WebhookEvent.State.PENDING).order_by("-pk")
    events = list(pending[:count])
    started = time.perf_counter()
    for event in events:
        [update] = parse(bytes(event.body)).statuses
        with transaction.atomic():
            message = Message.objects.get(wamid=update.wamid)
            old, message.status = message.status, max(message.status, update.status)
            message.save(update_fields=["status"])
            StatusEvent.objects.create(
                message=message, status=update.status, at=update.at, pricing=update.pricing
            )
            if message.status != old:
                before, after = Status(old).word, Status(message.status).word
                moved = {before: F(before) - 1, after: F(after) + 1}
                Batch.objects.filter(pk=message.batch_id).update(**moved)
                DailyUsage.objects.filter(company_id=message.company_id).update(**moved)
            event.state, event.applied_at = WebhookEvent.State.APPLIED, timezone.now()
            event.save(update_fields=["state", "applied_at"])
    return {"rate": len(events) / (time.perf_counter() - started)}


def get_and_save(*, count: int) -> dict[str, float]:
    """The least that anybody does for a status."""
    from messaging.models import Message, Status

    wamids = list(
        Message.objects.filter(status=Status.SENT)
        .order_by("-pk")
        .values_list("wamid", flat=True)[: count // 2]
    )
    started = time.perf_counter()
    for status in (Status.DELIVERED, Status.READ):
        for wamid in wamids:
            message = Message.objects.get(wamid=wamid)
            message.status = max(message.status, status)
            message.save(update_fields=["status"])
    return {"rate": len(wamids) * 2 / (time.perf_counter() - started)}


def r10(bench: Bench) -> list[Line]:
    values, notes = {}, []
    for kind in bench.kinds:
        rates = _measure(bench, kind)
        values[kind] = ratios(rates["batches"], rates["one by one"])
        notes.append(
            f"{kind} {spread(rates['batches'])}/s against {spread(rates['one by one'])}/s, and "
            f"{ratios(rates['batches'], rates['bare']):.1f} x a bare get and save"
        )
    what = "statuses applied from the inbox/s / one by one with the ORM"
    return [Line("R10", what, ">=", {"": 25}, values, "; ".join(notes))]


def _measure(bench: Bench, kind: str) -> dict[str, list[float]]:
    rates: dict[str, list[float]] = defaultdict(list)
    messages = 3_000 if bench.quick else 5_000
    with contextlib.ExitStack() as stack:
        side = bench.side(bench.database(kind, stack), stack)
        stock = side.call("stock.company")
        ids = {"company": stock["company"], "channel": stock["channel"]}
        tags = side.call("stock.people", company=stock["company"], count=2 * messages)
        side.call("news.prepare", **ids, tags=tags, count=200)
        side.call("news.apply_inbox")  # warm-up
        for _ in range(2):
            side.call("news.prepare", **ids, tags=tags, count=messages)
            rates["one by one"].append(side.call("news.one_by_one", count=900)["rate"])
            rates["batches"].append(side.call("news.apply_inbox")["rate"])
            rates["bare"].append(side.call("news.get_and_save", count=900)["rate"])
    return rates
