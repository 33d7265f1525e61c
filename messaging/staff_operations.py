"""How the machinery does, on one page: what waits and for how long, what is stuck, who works."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from companies.models import Channel, Company
from companies.staff_actions import look
from companies.staff_pauses import paused
from config import sql
from messaging import health, idempotency
from messaging.models import WebhookDelivery, WebhookEndpoint, WebhookEvent
from messaging.staff_backlog import COUNTED_UP_TO, Backlog, backlogs, overdue_doubts

SHOWN = 20
_D, _E = WebhookDelivery._meta.db_table, WebhookEndpoint._meta.db_table
VIEW = "companies.view_channel"


@dataclass(frozen=True, kw_only=True)
class ChannelRow:
    """A channel with what waits on it, and the button that the person may use."""

    channel: Channel
    backlog: Backlog | None
    buttons: list[dict[str, str]]


@dataclass(frozen=True, kw_only=True)
class EndpointRow:
    endpoint: WebhookEndpoint
    failed: int


@require_safe
@admin.site.admin_view
def operations(request: HttpRequest) -> HttpResponse:
    """For whoever may look at channels; the buttons ask for more."""
    if not request.user.has_perm(VIEW):
        raise PermissionDenied
    now = timezone.now()
    waiting = backlogs(now=now)
    rows = _channel_rows(request, waiting, now=now)
    deadline = timedelta(seconds=settings.UNCERTAIN_DEADLINE_SECONDS)
    context = {
        **admin.site.each_context(request),
        "title": "Operations",
        "now": now,
        "health": [
            (name.capitalize(), outcome)
            for name, outcome in health.outcomes(in_detail=True).items()
        ],
        "due": sum(each.express + each.bulk for each in waiting),
        "in_flight": sum(each.in_flight for each in waiting),
        "in_doubt": sum(each.in_doubt for each in waiting),
        "oldest": min(filter(None, (each.oldest for each in waiting)), default=None),
        "capped_at": COUNTED_UP_TO,
        "rows": rows[:SHOWN],
        "more_rows": len(rows) - SHOWN,
        "doubts": overdue_doubts(before=now - deadline, limit=SHOWN),
        "events": problems()[:SHOWN],
        "pending_events": _capped(WebhookEvent.objects.filter(state=WebhookEvent.State.PENDING)),
        "endpoints": failing_endpoints(limit=SHOWN),
        "suspended": _capped(Company.objects.filter(status=Company.Status.SUSPENDED)),
        "retention": _retention(),
    }
    return render(request, "admin/operations.html", context)


def _channel_rows(
    request: HttpRequest, waiting: list[Backlog], *, now: datetime
) -> list[ChannelRow]:
    """Channels with something to do, and those that are paused; the longest due first."""
    by_channel = {each.channel_id: each for each in waiting}
    found = Channel.objects.filter(Q(pk__in=by_channel) | paused(now)).select_related("company")
    order = {channel_id: place for place, channel_id in enumerate(by_channel)}
    channels = sorted(found, key=lambda channel: order.get(channel.pk, len(order)))
    may_pause = request.user.has_perm("companies.pause_channel")
    return [
        ChannelRow(
            channel=channel,
            backlog=by_channel.get(channel.pk),
            buttons=_buttons(channel, now=now) if may_pause else [],
        )
        for channel in channels
    ]


def _buttons(channel: Channel, *, now: datetime) -> list[dict[str, str]]:
    if channel.is_paused(now=now):
        name, label = "resume", "Resume"
    elif channel.status == Channel.Status.CONNECTED:
        name, label = "pause", "Pause"
    else:
        return []
    url = reverse(f"admin:companies_channel_{name}", args=[channel.pk])
    return [{"url": url, "label": label, **look(name)}]


def problems() -> QuerySet[WebhookEvent]:
    """Meta's webhooks that were not understood, the latest first; along their own index."""
    events = WebhookEvent.objects.filter(state=WebhookEvent.State.PROBLEM)
    return events.defer("body").order_by("-pk")


def failing_endpoints(*, limit: int) -> list[EndpointRow]:
    """Companies' endpoints that fail or were switched off for failing, the longest failing first."""
    off = Q(status=WebhookEndpoint.Status.DISABLED) & ~Q(disabled_reason="by_hand")
    failing = Q(status=WebhookEndpoint.Status.ACTIVE, failing_since__isnull=False)
    endpoints = (
        WebhookEndpoint.objects.filter(off | failing)
        .select_related("company")
        .defer("secret", "previous_secrets")
        .order_by("failing_since", "pk")[:limit]
    )
    failed = _failed_of([endpoint.pk for endpoint in endpoints])
    return [EndpointRow(endpoint=each, failed=failed.get(each.pk, 0)) for each in endpoints]


def _failed_of(endpoint_ids: list[int]) -> dict[int, int]:
    """How many events of each endpoint failed, up to the cap; along their own index."""
    rows = sql.fetch(
        f"""SELECT e.id, (SELECT count(*) FROM (SELECT 1 FROM {_D} d
            WHERE d.endpoint_id = e.id AND d.state = {WebhookDelivery.State.FAILED:d}
            LIMIT {COUNTED_UP_TO}) AS capped)
        FROM {_E} e WHERE {sql.in_list("e.id")}""",
        [sql.id_list(endpoint_ids)],
    )
    return dict(rows)


def _capped(rows: QuerySet[Any]) -> int:
    return rows.order_by()[:COUNTED_UP_TO].count()


def _retention() -> list[tuple[str, str, str]]:
    """What is kept for how long: words, time, and the setting that says so."""

    def days(number: int) -> str:
        return f"{number} days" if number else "for ever"

    return [
        (
            "Meta’s webhooks, and events for companies",
            days(settings.WEBHOOK_RETENTION_DAYS),
            "WEBHOOK_RETENTION_DAYS",
        ),
        ("Files of companies", days(settings.MEDIA_RETENTION_DAYS), "MEDIA_RETENTION_DAYS"),
        (
            "Files that people sent",
            days(settings.INBOUND_MEDIA_RETENTION_DAYS),
            "INBOUND_MEDIA_RETENTION_DAYS",
        ),
        (
            "Answers to repeated requests",
            f"{idempotency.LIFE.total_seconds() / 3600:.0f} hours",
            "fixed",
        ),
        (
            "Unanswered sends, before they fail",
            f"{settings.UNCERTAIN_DEADLINE_SECONDS // 60} minutes",
            "UNCERTAIN_DEADLINE_SECONDS",
        ),
    ]
