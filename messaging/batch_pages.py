"""What a company's people do with a batch: pause, resume, cancel, schedule anew, take it along."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from companies import audit
from companies.audit import Kind
from companies.models import Company
from companies.roles import Need
from companies.views import PortalRequest, company_page
from contacts.models import Contact
from contacts.phones import as_written
from messaging import batch_control, csv_download
from messaging.batch_control import NotPossible
from messaging.compose import MomentForm
from messaging.models import Batch, Message, Status, UnusedInput
from messaging.pages import batch_or_404

_AT_ONCE = 1_000


def _change(
    request: PortalRequest, public_id: str, do: Callable[[Batch], Batch], kind: Kind, words: str
) -> HttpResponse:
    found = batch_or_404(request, public_id)
    try:
        changed = do(found)
    except NotPossible as error:
        messages.error(request, error.message)
    else:
        detail: dict[str, Any] = {}
        if kind is Kind.BATCH_RESCHEDULED:
            due = [found.due_at, changed.due_at]
            detail = {"time": [timezone.localtime(at).strftime("%Y-%m-%d %H:%M") for at in due]}
        audit.record(
            request, company=request.company, kind=kind, label=found.public_id, detail=detail
        )
        messages.success(request, words)
    return redirect("batch", public_id)


@require_POST
@company_page(Need.SEND)
def pause(request: PortalRequest, public_id: str) -> HttpResponse:
    return _change(
        request,
        public_id,
        lambda batch: batch_control.pause(batch.pk),
        Kind.BATCH_PAUSED,
        _("Paused: nothing more goes out until you resume it."),
    )


@require_POST
@company_page(Need.SEND)
def resume(request: PortalRequest, public_id: str) -> HttpResponse:
    return _change(
        request,
        public_id,
        lambda batch: batch_control.resume(batch.pk),
        Kind.BATCH_RESUMED,
        _("Resumed: it goes on where it stopped."),
    )


@require_POST
@company_page(Need.SEND)
def cancel(request: PortalRequest, public_id: str) -> HttpResponse:
    who = request.user.get_full_name()  # type: ignore[union-attr]  # signed in
    return _change(
        request,
        public_id,
        lambda batch: batch_control.cancel(batch.pk, by=who),
        Kind.BATCH_CANCELLED,
        _("Cancelled: what was not sent yet gives its credit back."),
    )


@require_POST
@company_page(Need.SEND)
def reschedule(request: PortalRequest, public_id: str) -> HttpResponse:
    """Another time for a scheduled batch; at once with `now`."""
    found = batch_or_404(request, public_id)
    now = timezone.now()
    if "now" in request.POST:
        due_at, words = now, _("It goes out now.")
    else:
        form = MomentForm(request.POST)
        if not form.is_valid():
            for errors in form.errors.values():
                messages.error(request, " ".join(map(str, errors)))
            return redirect("batch", found.public_id)
        due_at, words = form.cleaned_data["due_at"], _("It has another time now.")
    return _change(
        request,
        public_id,
        lambda batch: batch_control.reschedule(batch.pk, due_at, now=now),
        Kind.BATCH_RESCHEDULED,
        words,
    )


# --- Files -------------------------------------------------------------------------------

_COLUMNS = (
    "message_id",
    "to",
    "name",
    "status",
    "sent_at",
    "error_code",
    "error_detail",
    "whatsapp_id",
)


@require_safe
@company_page(Need.SEND)
def batch_messages(request: PortalRequest, public_id: str) -> HttpResponseBase:
    """All messages of the batch as CSV, with whole numbers, in the order of the page."""
    found = batch_or_404(request, public_id)
    audit.record(
        request, company=request.company, kind=Kind.MESSAGES_EXPORTED, label=found.public_id
    )
    return csv_download.download(found.public_id, _COLUMNS, _messages(found, request.company))


def _messages(batch: Batch, company: Company) -> Iterator[tuple[Any, ...]]:
    zone, after = zoneinfo.ZoneInfo(company.time_zone), 0

    def local(at: datetime | None) -> str:
        return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") if at else ""

    while True:
        # Along (batch, contact): each part is read once.
        rows = list(
            Message.objects.filter(batch=batch, contact_id__gt=after).order_by("contact_id")[
                :_AT_ONCE
            ]
        )
        people = Contact.objects.only("name").in_bulk([row.contact_id for row in rows])
        for row in rows:
            person = people.get(row.contact_id)
            yield (
                row.public_id,
                as_written(row.recipient),
                person.name if person else "",
                Status(row.status).word,
                local(row.sent_at),
                row.error_code,
                row.error_detail,
                row.wamid or "",
            )
        if len(rows) < _AT_ONCE:
            return
        after = rows[-1].contact_id


@require_safe
@company_page(Need.SEND)
def batch_unused(request: PortalRequest, public_id: str) -> HttpResponseBase:
    """What was asked for and not written to, and why, as CSV."""
    found = batch_or_404(request, public_id)
    audit.record(
        request, company=request.company, kind=Kind.MESSAGES_EXPORTED, label=found.public_id
    )
    rows = UnusedInput.objects.filter(batch=found).order_by("pk").values_list("input", "reason")
    return csv_download.download(
        f"{found.public_id}-unused", ("given", "reason"), rows.iterator(chunk_size=_AT_ONCE)
    )
