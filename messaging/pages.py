"""What a company sees of its sending: its batches, and one batch as it goes out.

No page counts messages: counts come from the counters of batches and of daily usage, lists are read
along an index, and what has no index is read from the first rows of a batch only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from companies.models import Company
from companies.roles import Need
from companies.views import PortalRequest, company_page, render_page
from config import public_ids
from config.masking import masked, masked_input
from messaging import batch_list, batch_state, message_log, previews
from messaging.batch_list import BatchFilter
from messaging.compose import MomentForm
from messaging.display import bar, batch_pill, reason_title, standstill, status_pill, tiles
from messaging.models import COUNTED, Batch, Message, Status, UnusedInput

BATCHES_A_PAGE = 25
MESSAGES_SHOWN = 50
UNUSED_SHOWN = 100
# Of a large tag most may have been left out.
UNUSED_COUNTED = 10_000
REASONS_SHOWN = 10
# Reasons are counted among so many of a batch's messages: it may have a million.
REASONS_AMONG = 5_000
LIVE_SECONDS = 2
# After all is sent, receipts still come in for a while; nobody needs those by the second.
RECEIPTS_SECONDS = 15
RECEIPTS_FOR = timedelta(hours=1)
# A scheduled batch is watched more closely shortly before its time.
SOON = timedelta(minutes=1)


def _batches(company: Company) -> QuerySet[Batch]:
    """The company's batches, newest first: along the index batch_log."""
    return Batch.objects.filter(company=company).select_related("channel").order_by("-pk")


@dataclass(frozen=True, kw_only=True)
class BatchRow:
    batch: Batch
    summary: str
    pill: Any
    bar: Any


def newest_batches(company: Company, count: int) -> list[BatchRow]:
    return _rows(_batches(company)[:count])


def _rows(batches: Iterable[Batch]) -> list[BatchRow]:
    return [
        BatchRow(
            batch=batch,
            summary=previews.summary(batch),
            pill=batch_pill(batch),
            bar=bar(_counts(batch), batch.recipients_count),
        )
        for batch in batches
    ]


def _counts(batch: Batch) -> dict[str, int]:
    return {status.word: getattr(batch, status.word) for status in COUNTED}


@require_safe
@company_page(Need.READ)
def batches(request: PortalRequest) -> HttpResponse:
    """A page of the batches that the filter lets through, from the one before `?before=` on."""
    before = request.GET.get("before")
    form = BatchFilter(request.GET, company=request.company)
    context: dict[str, Any] = {"filter": form, "first_page": before is None, "rows": []}
    if form.is_valid():
        after = None if before is None else _pk_or_404(before)
        page = batch_list.page(
            form.wanted, company_id=request.company.pk, before=after, size=BATCHES_A_PAGE
        )
        context |= {
            "rows": _rows(page.rows),
            "older": public_ids.encode("batch", page.next) if page.next else "",
            "is_cut": page.is_cut,
        }
    return render_page(request, "messaging/batches.html", context)


def _pk_or_404(public_id: str) -> int:
    pk = public_ids.decode("batch", public_id)
    if pk is None:
        raise Http404
    return pk


def batch_or_404(request: PortalRequest, public_id: str) -> Batch:
    """Another company's batch is not found, like one that never was."""
    found = Batch.objects.filter(company=request.company, pk=_pk_or_404(public_id))
    batch = found.select_related("channel", "api_key", "template").first()
    if batch is None:
        raise Http404
    return batch


@require_safe
@company_page(Need.READ)
def batch(request: PortalRequest, public_id: str) -> HttpResponse:
    found = batch_or_404(request, public_id)
    context = {
        "bubble": previews.bubble(found),
        "payload": previews.pretty(found),
        "moment_form": _moment_form(found),
        **_unused(found),
        **_progress(found),
    }
    return render_page(request, "messaging/batch.html", context)


@require_safe
@company_page(Need.READ)
def batch_progress(request: PortalRequest, public_id: str) -> HttpResponse:
    """The parts of the page above that refresh themselves. What can be done with the batch only where
    that has become another than `?state=`: somebody may just be filling it in.
    """
    found = batch_or_404(request, public_id)
    context = _progress(found)
    if request.GET.get("state", context["state"]) != context["state"]:
        context |= {"is_changed": True, "may": request.may, "moment_form": _moment_form(found)}
    return render(request, "messaging/_live.html", {**context, "company": request.company})


def _progress(found: Batch) -> dict[str, Any]:
    now = timezone.now()
    state = batch_state.state(found, now=now)
    is_running = state is batch_state.State.RUNNING
    return {
        "batch": found,
        "state": state.value,
        "standstill": standstill(found.channel, now=now) if is_running else "",
        "why_still": found.channel.why_still(now=now),
        "pill": batch_pill(found),
        "bar": bar(_counts(found), found.recipients_count),
        "tiles": tiles(_counts(found), total=found.recipients_count),
        "rest_percent": _percent(found.recipients_count - found.waiting, found.recipients_count),
        "refresh_seconds": refresh_seconds(found),
        "reasons": _reasons(found) if found.failed else [],
        "reasons_among": REASONS_AMONG if found.recipients_count > REASONS_AMONG else None,
        "messages_shown": _first_messages(found),
    }


def _percent(part: int, whole: int) -> int:
    """Rounded down, so that 100 means all."""
    return part * 100 // whole if whole else 100


def refresh_seconds(batch: Batch) -> int:
    """How soon to look again; 0 when there is nothing to wait for."""
    now = timezone.now()
    if batch.waiting or batch.expand_cursor is not None:
        rests = batch.paused_at is not None or batch.due_at > now + SOON
        return RECEIPTS_SECONDS if rests else LIVE_SECONDS
    fresh = max(batch.created_at, batch.due_at) > now - RECEIPTS_FOR
    return RECEIPTS_SECONDS if fresh and (batch.uncertain or batch.sent) else 0


def messages_of(batch: Batch) -> QuerySet[Message]:
    """In the order of the index that finds them, so that a slice reads only itself."""
    return Message.objects.filter(batch=batch).order_by("contact_id")


def _reasons(batch: Batch) -> list[dict[str, Any]]:
    counted = (
        Message.objects.filter(pk__in=messages_of(batch).values("pk")[:REASONS_AMONG])
        .filter(status=Status.FAILED)
        .values_list("error_code")
        .annotate(count=Count("pk"))
        .order_by("-count", "error_code")[:REASONS_SHOWN]
    )
    return [{"code": code, "count": n, "title": reason_title(code)} for code, n in counted]


def _first_messages(batch: Batch) -> list[dict[str, Any]]:
    rows = list(messages_of(batch)[:MESSAGES_SHOWN])
    people = message_log.people(rows)
    return [
        {
            "recipient": masked(message.recipient),
            "name": people[message.contact_id].name if message.contact_id in people else "",
            "public_id": message.public_id,
            "pill": status_pill(Status(message.status)),
            "error_code": message.error_code if message.status == Status.FAILED else "",
            "at": message.sent_at or message.attempted_at,
        }
        for message in rows
    ]


def _unused(batch: Batch) -> dict[str, Any]:
    found = UnusedInput.objects.filter(batch=batch).order_by("pk")
    shown, count = found[:UNUSED_SHOWN], found[: UNUSED_COUNTED + 1].count()
    return {
        "unused": [{"input": masked_input(each.input), "reason": each.reason} for each in shown],
        "unused_count": min(count, UNUSED_COUNTED),
        "unused_more": count > UNUSED_COUNTED,
    }


def _moment_form(batch: Batch) -> MomentForm:
    local = timezone.localtime(batch.due_at)
    at = local.time().replace(second=0, microsecond=0)
    return MomentForm(initial={"day": local.date(), "at": at})
