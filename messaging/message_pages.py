"""The log of messages, and one message: what became of it, why, and what can be done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from companies import audit
from companies.roles import Need
from companies.views import PortalRequest, company_page, render_page
from config import public_ids
from config.api import Answer, ApiError
from config.masking import masked
from contacts.models import Contact
from contacts.phones import as_written
from messaging import (
    compose,
    explanations,
    idempotency,
    message_log,
    personalising,
    previews,
    services,
)
from messaging.display import Pill, Words, reason_title, status_pill
from messaging.message_export import MAX_EXPORT
from messaging.message_filter import MessageFilter
from messaging.message_log import Place
from messaging.models import Batch, IdempotencyRecord, Message, Status, StatusEvent

MESSAGES_A_PAGE = 50
LIVE_SECONDS = 3
SOON = timedelta(minutes=1)
# Receipts still come in for a while, as do later tries; nobody needs those by the second.
RECEIPTS_SECONDS = 15
A_WHILE = timedelta(hours=1)


# --- The log --------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Row:
    message: Message
    name: str
    recipient: str
    summary: str
    pill: Pill
    reason: str


@require_safe
@company_page(Need.READ)
def message_list(request: PortalRequest) -> HttpResponse:
    """Newest first, from after `?before=` on. The first page renews itself while anything is on its
    way: then only the part of the rows is asked for.
    """
    form = MessageFilter(request.GET, company=request.company)
    before = request.GET.get("before", "")
    after = Place.parse(before) if before else None
    if before and after is None:
        raise Http404
    context: dict[str, Any] = {"filter": form, "rows": [], "older": "", "is_cut": False}
    if form.is_valid():
        found = message_log.page(
            form.wanted, company_id=request.company.pk, after=after, size=MESSAGES_A_PAGE
        )
        context |= {
            "rows": _rows(found.rows),
            "older": found.next.cursor if found.next else "",
            "is_cut": found.is_cut,
            "refresh_seconds": 0 if before else refresh_seconds(found.rows, now=timezone.now()),
            "max_export": MAX_EXPORT,
        }
    if getattr(request, "htmx", False):
        return render(request, "messaging/_message_rows.html", context)
    return render_page(request, "messaging/messages.html", context)


def refresh_seconds(rows: Iterable[Message], *, now: datetime) -> int:
    """How soon to look again; 0 when there is nothing to wait for."""
    soonest = 0
    for row in rows:
        is_waiting = row.status < Status.UNCERTAIN
        if is_waiting and row.due_at <= now + SOON:
            return LIVE_SECONDS
        is_fresh = row.status in (Status.UNCERTAIN, Status.SENT) and row.created_at > now - A_WHILE
        if is_fresh or (is_waiting and row.due_at <= now + A_WHILE):
            soonest = RECEIPTS_SECONDS
    return soonest


def _rows(rows: list[Message]) -> list[Row]:
    people = message_log.people(rows)
    return [
        Row(
            message=row,
            name=people[row.contact_id].name if row.contact_id in people else "",
            recipient=masked(row.recipient),
            summary=previews.summary(row.batch),
            pill=status_pill(Status(row.status)),
            reason=_reason(row),
        )
        for row in rows
    ]


def _reason(row: Message) -> str:
    if row.status != Status.FAILED:
        return ""
    return reason_title(row.error_code) or row.error_code


# --- One message ----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Step:
    """A line of a message's history."""

    at: datetime
    pill: Pill
    text: Words = ""


def _message_or_404(request: PortalRequest, public_id: str) -> Message:
    """Another company's message is not found, like one that never was."""
    pk = public_ids.decode("msg", public_id)
    found = Message.objects.filter(company=request.company, pk=pk) if pk else Message.objects.none()
    related = found.select_related("batch__template", "batch__api_key", "channel")
    message = related.defer("channel__access_token").first()
    if message is None:
        raise Http404
    return message


@require_safe
@company_page(Need.READ)
def message_page(request: PortalRequest, public_id: str) -> HttpResponse:
    """One message; its history renews itself while it is on its way."""
    message, now = _message_or_404(request, public_id), timezone.now()
    contact = Contact.objects.filter(pk=message.contact_id, company=request.company).first()
    events = list(StatusEvent.objects.filter(message=message).order_by("status", "at", "pk"))
    is_failed = message.status == Status.FAILED
    context: dict[str, Any] = {
        "message": message,
        "batch": message.batch,
        "contact": contact,
        "number": as_written(message.recipient),
        "pill": status_pill(Status(message.status)),
        "explanation": explanations.explain(message, now=now),
        "steps": _steps(message, events),
        "pricing": next((event.pricing for event in reversed(events) if event.pricing), ""),
        "refresh_seconds": refresh_seconds([message], now=now),
        "again": _sent_again(message) if is_failed else None,
        "why_not_again": explanations.why_not_again(message, contact, now=now)
        if is_failed
        else "-",
    }
    if getattr(request, "htmx", False):
        return render(request, "messaging/_message_state.html", context)
    personalising.look_up([message])
    context |= {
        "bubble": previews.bubble(message.batch, message.payload),
        "payload": previews.pretty(message.batch, message.payload),
    }
    return render_page(request, "messaging/message.html", context)


def _steps(message: Message, events: list[StatusEvent]) -> list[Step]:
    """What happened, the first on top: by what comes after what, as Meta's clock knows no fractions of
    a second. `events` in the order of their states.
    """
    batch = message.batch
    steps = [Step(at=message.created_at, pill=Pill("check", _("Accepted")), text=_by(batch))]
    if batch.due_at > batch.created_at + timedelta(seconds=1):
        steps.append(Step(at=batch.due_at, pill=Pill("calendar-time", _("Scheduled for"))))
    if message.attempted_at:
        tries = _("Try %(number)s") % {"number": message.attempts} if message.attempts > 1 else ""
        steps.append(
            Step(
                at=message.attempted_at, pill=Pill("send", _("Handed to Meta"), "info"), text=tries
            )
        )
    if message.sent_at and not any(event.status == Status.SENT for event in events):
        steps.append(Step(at=message.sent_at, pill=status_pill(Status.SENT)))
    for event in events:
        steps.append(Step(at=event.at, pill=status_pill(Status(event.status)), text=_told(event)))
    return steps


def _by(batch: Batch) -> str:
    if batch.api_key is not None:
        return batch.api_key.name
    return _("from these pages") if batch.dialect == compose.PORTAL else ""


def _told(event: StatusEvent) -> str:
    return reason_title(event.error_code) or event.error_detail if event.error_code else ""


# --- Sending again --------------------------------------------------------------------


def _retry_key(message: Message) -> idempotency.Key:
    """A message is sent again once a day at most, however often it is asked for."""
    return idempotency.Key.of(f"again:{message.public_id}", path="again", body=b"")


def _sent_again(message: Message) -> str:
    """The public id of the batch with which it was sent again; empty if it was not, lately."""
    record = IdempotencyRecord.objects.filter(
        company_id=message.company_id, key=_retry_key(message).text
    ).first()
    return record.location if record else ""


@require_POST
@company_page(Need.SEND)
def message_retry(request: PortalRequest, public_id: str) -> HttpResponse:
    """Send what failed once more, as a message of its own that is charged like any other."""
    message, now = _message_or_404(request, public_id), timezone.now()
    contact = Contact.objects.filter(pk=message.contact_id, company=request.company).first()
    is_failed = message.status == Status.FAILED
    refusal = (
        explanations.why_not_again(message, contact, now=now)
        if is_failed
        else _("Only what has failed can be sent again.")
    )
    if contact and not refusal:
        try:
            return _sent_now(request, message, contact, now)
        except ApiError as error:
            refusal = error.message
    messages.error(request, refusal)
    return redirect("message", public_id)


def _sent_now(
    request: PortalRequest, message: Message, contact: Contact, now: datetime
) -> HttpResponse:
    """To wherever the person is known by now: a number may have changed since, or be kept back."""
    batch = message.batch
    answer = services.accept(
        services.SendRequest(
            channel=message.channel,
            payload=batch.payload,
            template=batch.template,
            numbers=[as_written(contact.phone or contact.bsuid or "")],
            dialect=compose.PORTAL,
        ),
        caller=compose.caller(request.company),
        now=now,
        answer=lambda new: Answer(200, {}, {"Location": new.public_id}),
        request_id=_request_id(request),
        key=_retry_key(message),
    )
    again = answer.headers["Location"]
    if "Idempotent-Replayed" not in answer.headers:
        audit.record(
            request,
            company=request.company,
            kind=audit.Kind.MESSAGE_RETRIED,
            label=message.public_id,
            detail={"batch": again},
        )
        messages.success(request, _("It is on its way again."))
    return redirect("batch", again)


def _request_id(request: HttpRequest) -> str:
    return str(getattr(request, "request_id", ""))
