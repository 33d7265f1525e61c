"""The first page of the staff's admin: what waits, what goes through today, what is in trouble."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from companies.models import Channel
from companies.staff_pauses import paused
from companies.staff_queues import CHANNEL_QUEUE, COMPANY_QUEUE, Queue
from messaging import staff_traffic
from messaging.staff_backlog import COUNTED_UP_TO, backlogs
from messaging.staff_operations import VIEW, failing_endpoints, problems
from templates_app.staff_queue import TEMPLATE_QUEUE

QUEUES: tuple[Queue, ...] = (COMPANY_QUEUE, CHANNEL_QUEUE, TEMPLATE_QUEUE)
SHOWN = 6
DAYS = 14


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Adds to the page's context what the person's role may see."""
    now = timezone.now()
    context["queues"] = [
        {"queue": queue, "waiting": queue.waiting(), "oldest": queue.oldest()}
        for queue in QUEUES
        if request.user.has_perm(queue.permission)
    ]
    if request.user.has_perm("messaging.view_dailyusage"):
        by_day = staff_traffic.usage(None, days=staff_traffic.last_days(DAYS, now=now))
        since = now.date() - timedelta(days=1)
        context |= {
            "traffic": staff_traffic.chart(by_day),
            "today": by_day[now.date()],
            "failures": staff_traffic.failures(None, since=since),
        }
    if request.user.has_perm(VIEW):
        due = backlogs(now=now)
        count = sum(each.express + each.bulk for each in due)
        context |= {
            "now": now,
            "due": f"{count:,}" + ("+" if count >= COUNTED_UP_TO else ""),
            "oldest_due": min(filter(None, (each.oldest for each in due)), default=None),
            "in_doubt": sum(each.in_doubt for each in due),
            "troubled": list(_troubled([each.channel_id for each in due], now)[:SHOWN]),
            "endpoints": failing_endpoints(limit=SHOWN),
            "problems": problems()[:SHOWN].count(),
        }
    return context


def _troubled(waiting: list[int], now: datetime) -> QuerySet[Channel]:
    """Channels that are paused, of low quality, or lost although something waits on them or all of
    their company's is sent from them; the newest first.
    """
    is_missed = Q(is_default=True) | Q(pk__in=waiting)
    lost = Q(status=Channel.Status.DISCONNECTED) & is_missed
    held = Q(status=Channel.Status.CONNECTED) & (paused(now) | Q(quality="RED"))
    return Channel.objects.filter(lost | held).select_related("company").order_by("-pk")


# --- What stands beside the entries of the side navigation ----------------------------


def waiting_companies(request: HttpRequest) -> str:
    return _badge(COMPANY_QUEUE)


def waiting_channels(request: HttpRequest) -> str:
    return _badge(CHANNEL_QUEUE)


def waiting_templates(request: HttpRequest) -> str:
    return _badge(TEMPLATE_QUEUE)


def _badge(queue: Queue) -> str:
    """A number; nothing for none."""
    return str(queue.waiting() or "")
