"""The staff's queues: what waits for a decision, the oldest first, with the buttons to decide it.

The buttons open the dialogs of the object's own page; here it is only listed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from companies.decisions import CHANNELS, COMPANIES, Process
from companies.models import Channel, Company, Decision
from companies.staff_actions import look, seen_on

SHOWN = 25
LATELY = 10
COUNTED_UP_TO = 1_000


@dataclass(frozen=True, kw_only=True)
class Queue:
    """One queue: `rows` gives what waits, each with `since`, the oldest first, and all that
    `template` shows of one; `counts` are the other states worth a number.
    """

    name: str
    title: str
    icon: str
    process: Process
    rows: Callable[[], QuerySet[Any]]
    template: str
    empty: str
    counts: tuple[str, ...]

    @property
    def permission(self) -> str:
        meta = self.process.model._meta
        return f"{meta.app_label}.view_{meta.model_name}"

    @property
    def url(self) -> str:
        return reverse(f"queue_{self.name}")

    def waiting(self) -> int:
        """How many, up to COUNTED_UP_TO."""
        return self.rows().order_by()[:COUNTED_UP_TO].count()

    def oldest(self) -> datetime | None:
        """Since when the first one waits."""
        first = self.rows().values_list("since", flat=True).first()
        return first if isinstance(first, datetime) else None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Something that waits, and the buttons that the person may use on it."""

    row: Any
    page: str
    buttons: list[dict[str, str]]


def queue_page(queue: Queue) -> Callable[..., HttpResponse]:
    """The view of a queue."""

    @require_safe
    @admin.site.admin_view
    def page(request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm(queue.permission):
            raise PermissionDenied
        rows = list(queue.rows()[: SHOWN + 1])
        model = queue.process.model
        lately = Decision.objects.filter(about_type=model._meta.model_name)
        context = {
            **admin.site.each_context(request),
            "title": queue.title,
            "queue": queue,
            "entries": [_entry(queue, row, request) for row in rows[:SHOWN]],
            "waiting": len(rows) if len(rows) <= SHOWN else queue.waiting(),
            "oldest": rows[0].since if rows else None,
            "counts": [_count(model, status) for status in queue.counts],
            "list_url": reverse(
                f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
            ),
            "lately": lately.select_related("company").order_by("-pk")[:LATELY],
            "capped_at": COUNTED_UP_TO,
        }
        return render(request, "admin/queue.html", context)

    return page


def _count(model: Any, status: str) -> tuple[str, int]:
    rows = model.objects.filter(status=status)
    return model.Status(status).label, rows[:COUNTED_UP_TO].count()


def _entry(queue: Queue, row: Any, request: HttpRequest) -> Entry:
    meta = row._meta
    base = f"admin:{meta.app_label}_{meta.model_name}"
    buttons = []
    for name in queue.process.open_to(row.status):
        step = queue.process.steps[name]
        if request.user.has_perm(step.permission):
            url = seen_on(reverse(f"{base}_{name}", args=[row.pk]), row)
            buttons.append({"url": url, "label": step.label, **look(name)})
    return Entry(row=row, page=reverse(f"{base}_change", args=[row.pk]), buttons=buttons)


def _applied() -> QuerySet[Company]:
    rows = Company.objects.filter(status=Company.Status.APPLIED).annotate(since=F("created_at"))
    return rows.prefetch_related("memberships__user").order_by("since", "pk")


def _requested() -> QuerySet[Channel]:
    rows = Channel.objects.filter(status=Channel.Status.REQUESTED).select_related("company")
    return rows.annotate(since=Coalesce("requested_at", "created_at")).order_by("since", "pk")


COMPANY_QUEUE = Queue(
    name="companies",
    title="Companies that applied",
    icon="apartment",
    process=COMPANIES,
    rows=_applied,
    template="admin/queue_company.html",
    empty="No company is waiting.",
    counts=(Company.Status.ACTIVE, Company.Status.SUSPENDED),
)
CHANNEL_QUEUE = Queue(
    name="channels",
    title="Channels that are asked for",
    icon="phone_iphone",
    process=CHANNELS,
    rows=_requested,
    template="admin/queue_channel.html",
    empty="No channel is waiting.",
    counts=(Channel.Status.CONNECTED, Channel.Status.DISCONNECTED),
)
