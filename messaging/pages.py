"""What a company sees of its sending: the start page, its batches, one batch as it goes out.

No page counts messages: counts come from the counters of batches and of daily usage, lists are read
along an index, and what has no index is read from the first rows of a batch only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, QuerySet, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from companies.models import ApiKey, Channel, Company
from companies.views import PortalRequest, company_page, find_membership, render_page
from config import public_ids
from config.masking import masked, masked_input
from messaging import previews
from messaging.display import bar, batch_pill, reason_title, status_pill, tiles
from messaging.models import COUNTED, Batch, DailyUsage, Message, Status, UnusedInput

BATCHES_A_PAGE = 25
BATCHES_AT_START = 5
MESSAGES_SHOWN = 50
UNUSED_SHOWN = 100
REASONS_SHOWN = 10
# Reasons are counted among so many of a batch's messages: it may have a million.
REASONS_AMONG = 5_000
LIVE_SECONDS = 2
# After all is sent, receipts still come in for a while; nobody needs those by the second.
RECEIPTS_SECONDS = 15
RECEIPTS_FOR = timedelta(hours=1)


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The start page, the staff's admin, or the company's dashboard: whatever is one's own."""
    if isinstance(request.user, AnonymousUser):
        return render(request, "start.html")
    if find_membership(request) is not None:
        return dashboard(request)
    if request.user.is_staff:
        return redirect("admin:index")
    return render(request, "no_company.html")


@company_page
def dashboard(request: PortalRequest) -> HttpResponse:
    company = request.company
    channels = list(Channel.objects.filter(company=company).order_by("-is_default", "name", "pk"))
    batches = list(_batches(company)[:BATCHES_AT_START])
    steps = _first_steps(company, channels=channels, sent=bool(batches))
    context = {
        "today": _today(company),
        "channels": [(channel, channel.is_paused(now=timezone.now())) for channel in channels],
        "rows": _rows(batches),
        "steps": [] if all(step["done"] for step in steps) else steps,
    }
    return render_page(request, "messaging/dashboard.html", context)


def _today(company: Company) -> dict[str, Any]:
    """Today's messages by state: those accepted on this day in the company's time zone."""
    fields = ["accepted", "charged", *(status.word for status in COUNTED)]
    sums = DailyUsage.objects.filter(company=company, day=timezone.localdate()).aggregate(
        **{field: Sum(field, default=0) for field in fields}
    )
    accepted, charged = sums.pop("accepted"), sums.pop("charged")
    return {
        "accepted": accepted,
        "charged": charged,
        "tiles": tiles(sums, total=accepted),
        "bar": bar(sums, accepted),
    }


def _first_steps(company: Company, *, channels: list[Channel], sent: bool) -> list[dict[str, Any]]:
    connected = any(channel.status == Channel.Status.CONNECTED for channel in channels)
    return [
        {
            "done": connected,
            "title": _("Get a WhatsApp channel"),
            "text": _("Tuma's staff connect your number; ask them if it is not listed here."),
        },
        {
            "done": sent or ApiKey.objects.filter(company=company).exists(),
            "title": _("Create an API key"),
            "text": _("Your program signs its requests with it."),
            "page": "api_keys",
        },
        {
            "done": sent,
            "title": _("Send a first message"),
            "text": _("Paste the command that comes with the key; it appears under Batches."),
            "page": "batches",
        },
    ]


def _batches(company: Company) -> QuerySet[Batch]:
    """The company's batches, newest first: along the index batch_log."""
    return Batch.objects.filter(company=company).select_related("channel").order_by("-pk")


@dataclass(frozen=True, kw_only=True)
class BatchRow:
    batch: Batch
    summary: str
    pill: Any
    bar: Any


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
@company_page
def batches(request: PortalRequest) -> HttpResponse:
    """A page of batches, from the one before `?before=` on."""
    before = request.GET.get("before")
    found = _batches(request.company)
    if before is not None:
        found = found.filter(pk__lt=_pk_or_404(before))
    page = list(found[: BATCHES_A_PAGE + 1])
    context = {
        "rows": _rows(page[:BATCHES_A_PAGE]),
        "older": page[BATCHES_A_PAGE - 1].public_id if len(page) > BATCHES_A_PAGE else "",
        "first_page": before is None,
    }
    return render_page(request, "messaging/batches.html", context)


def _pk_or_404(public_id: str) -> int:
    pk = public_ids.decode("batch", public_id)
    if pk is None:
        raise Http404
    return pk


def _batch_or_404(request: PortalRequest, public_id: str) -> Batch:
    """Another company's batch is not found, like one that never was."""
    found = Batch.objects.filter(company=request.company, pk=_pk_or_404(public_id))
    batch = found.select_related("channel", "api_key", "template").first()
    if batch is None:
        raise Http404
    return batch


@require_safe
@company_page
def batch(request: PortalRequest, public_id: str) -> HttpResponse:
    found = _batch_or_404(request, public_id)
    context = {
        "bubble": previews.bubble(found),
        "payload": previews.pretty(found),
        **_unused(found),
        **_progress(found),
    }
    return render_page(request, "messaging/batch.html", context)


@require_safe
@company_page
def batch_progress(request: PortalRequest, public_id: str) -> HttpResponse:
    """The parts of the page above that refresh themselves."""
    found = _batch_or_404(request, public_id)
    return render(request, "messaging/_live.html", _progress(found))


def _progress(found: Batch) -> dict[str, Any]:
    return {
        "batch": found,
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
    if batch.waiting or batch.expand_cursor is not None:
        return LIVE_SECONDS
    fresh = batch.created_at > timezone.now() - RECEIPTS_FOR
    return RECEIPTS_SECONDS if fresh and (batch.uncertain or batch.sent) else 0


def _of_batch(batch: Batch) -> QuerySet[Message]:
    """In the order of the index that finds them, so that a slice reads only itself."""
    return Message.objects.filter(batch=batch).order_by("contact_id")


def _reasons(batch: Batch) -> list[dict[str, Any]]:
    counted = (
        Message.objects.filter(pk__in=_of_batch(batch).values("pk")[:REASONS_AMONG])
        .filter(status=Status.FAILED)
        .values_list("error_code")
        .annotate(count=Count("pk"))
        .order_by("-count", "error_code")[:REASONS_SHOWN]
    )
    return [{"code": code, "count": n, "title": reason_title(code)} for code, n in counted]


def _first_messages(batch: Batch) -> list[dict[str, Any]]:
    return [
        {
            "recipient": masked(message.recipient),
            "public_id": message.public_id,
            "pill": status_pill(Status(message.status)),
            "error_code": message.error_code if message.status == Status.FAILED else "",
            "at": message.sent_at or message.attempted_at,
        }
        for message in _of_batch(batch)[:MESSAGES_SHOWN]
    ]


def _unused(batch: Batch) -> dict[str, Any]:
    found = UnusedInput.objects.filter(batch=batch).order_by("pk")
    shown = found[:UNUSED_SHOWN]
    return {
        "unused": [{"input": masked_input(each.input), "reason": each.reason} for each in shown],
        "unused_count": found.count(),
    }
