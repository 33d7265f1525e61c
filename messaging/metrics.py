"""/metrics for Prometheus. Everything is read from the database, so any process tells the same truth."""

import hmac
import ipaddress
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from companies.models import Channel
from config import sql
from config.middleware import client_address
from messaging.metrics_store import SEND_BUCKETS, WEBHOOK_BUCKETS
from messaging.models import DailyFailure, DailyUsage, Lane, Message, Metric, Status, WebhookEvent
from messaging.queue import QUEUE
from messaging.tasks import HEARTBEAT

_M, _C = Message._meta.db_table, Channel._meta.db_table


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """For those with METRICS_TOKEN as a Bearer token, or on this machine."""
    if not _may_see(request):
        return HttpResponse("Forbidden", status=403, content_type="text/plain")
    registry = CollectorRegistry()
    registry.register(_Collector())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_see(request: HttpRequest) -> bool:
    token = settings.METRICS_TOKEN
    offered = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token and hmac.compare_digest(token.encode(), offered.encode()):
        return True
    try:
        address = ipaddress.ip_address(client_address(request))
    except ValueError:
        return False
    # Behind a proxy on this machine, everybody would seem to be on it.
    return address.is_loopback and not request.headers.get("X-Forwarded-For")


class _Collector:
    def collect(self) -> Iterator[Any]:
        yield from _messages()
        yield from _queue()
        yield _histogram("tuma_send_seconds", "From POST to Graph's answer", SEND_BUCKETS)
        yield _histogram(
            "tuma_webhook_lag_seconds", "From Meta's webhook to its being applied", WEBHOOK_BUCKETS
        )
        pending = WebhookEvent.objects.filter(state=WebhookEvent.State.PENDING)
        yield GaugeMetricFamily(
            "tuma_webhooks_pending", "Webhook bodies not applied yet", pending.count()
        )
        beat = Metric.objects.filter(name=HEARTBEAT).values_list("value", flat=True).first()
        yield GaugeMetricFamily(
            "tuma_worker_heartbeat_timestamp_seconds", "The last heartbeat of a worker", beat or 0
        )


def _messages() -> Iterator[Any]:
    totals = DailyUsage.objects.aggregate(
        accepted=Sum("accepted"),
        sent=Sum("sent"),
        delivered=Sum("delivered"),
        read=Sum("read"),
    )
    known = {name: value or 0 for name, value in totals.items()}
    yield CounterMetricFamily("tuma_messages_accepted", "Messages accepted", known["accepted"])
    yield CounterMetricFamily(
        "tuma_messages_sent",
        "Messages that Meta took and that have not failed",
        known["sent"] + known["delivered"] + known["read"],
    )
    yield CounterMetricFamily(
        "tuma_messages_delivered", "Messages delivered", known["delivered"] + known["read"]
    )
    yield CounterMetricFamily("tuma_messages_read", "Messages read", known["read"])
    failed = CounterMetricFamily("tuma_messages_failed", "Messages failed", labels=["code"])
    for code, count in DailyFailure.objects.values_list("code").annotate(Sum("count")):
        failed.add_metric([code], count)
    yield failed


def _queue() -> Iterator[Any]:
    """Depth is counted up to a cap: the exact size of a very long queue is not worth its price."""
    depth = GaugeMetricFamily("tuma_queue_depth", "Messages due, up to 100,000", labels=["lane"])
    age = GaugeMetricFamily(
        "tuma_queue_oldest_due_seconds", "How overdue the oldest message is", labels=["lane"]
    )
    moment = sql.moment(timezone.now())
    due = f"m.status = {Status.QUEUED:d} AND m.{QUEUE} AND m.lane = %s AND m.due_at <= %s"
    for lane in Lane:
        [(count,)] = sql.fetch(
            f"SELECT count(*) FROM (SELECT 1 FROM {_M} m WHERE {due} LIMIT 100000) AS due",
            [int(lane), moment],
        )
        # The index is by channel: the oldest of each is one probe, of all together a long scan.
        [(oldest,)] = sql.fetch(
            f"""SELECT min((SELECT min(m.due_at) FROM {_M} m WHERE m.channel_id = c.id AND {due}))
            FROM {_C} c""",
            [int(lane), moment],
        )
        depth.add_metric([lane.label], count)
        age.add_metric([lane.label], _seconds_since(oldest))
    yield depth
    yield age


def _seconds_since(moment: Any) -> float:
    age = timezone.now() - sql.as_datetime(moment) if moment else timedelta()
    return max(0.0, age.total_seconds())


def _histogram(name: str, text: str, bounds: tuple[float, ...]) -> HistogramMetricFamily:
    stored = dict(
        Metric.objects.filter(name=name.removeprefix("tuma_").replace("_lag", "")).values_list(
            "label", "value"
        )
    )
    buckets: list[tuple[str, float]] = []
    total = 0.0
    for label in [*(str(bound) for bound in bounds), "+Inf"]:
        total += stored.get(label, 0.0)
        buckets.append((label, total))
    return HistogramMetricFamily(name, text, buckets=buckets, sum_value=stored.get("sum", 0.0))
