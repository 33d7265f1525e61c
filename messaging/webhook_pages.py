"""Pages of a company's webhooks: its endpoints, what each was told, and every try with its answer.

All of a company's people see that there are webhooks and how they fare. What was posted holds numbers
and words of customers, and is for those who may manage keys.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from companies import audit
from companies.models import User
from companies.roles import Need
from companies.views import PortalRequest, View, company_page, render_page
from config.api import ApiError
from messaging import outgoing, webhook_endpoints
from messaging.display import Pill
from messaging.models import DeliveryAttempt, WebhookDelivery, WebhookEndpoint
from messaging.news import OF_STATUS, RECEIVED

EVENTS_A_PAGE = 25
TRIES_SHOWN = 50
State = WebhookDelivery.State

EVENT_WORDS = {
    "message.sent": _("WhatsApp took a message"),
    "message.delivered": _("It is on the phone"),
    "message.read": _("The person has seen it"),
    "message.failed": _("It could not be sent"),
    "message.received": _("A person wrote to you"),
    "template.updated": _("A template’s status, category or quality changed"),
    "channel.updated": _("A channel was lost, paused or came back"),
}
STATES = {
    State.PENDING: Pill("clock", _("Waiting"), "info"),
    State.DELIVERED: Pill("circle-check", _("Delivered"), "ok"),
    State.FAILED: Pill("alert-circle", _("Failed"), "bad"),
}
RETRYING = Pill("clock", _("Trying again"), "warn")


def endpoint_pill(endpoint: WebhookEndpoint) -> Pill:
    if endpoint.status == WebhookEndpoint.Status.DISABLED:
        return Pill(
            "ban", _("Switched off"), "bad" if endpoint.disabled_reason != "by_hand" else ""
        )
    if endpoint.failing_since:
        return Pill("alert-triangle", _("Failing"), "warn")
    return Pill("circle-check", _("Active"), "ok")


class EndpointForm(forms.Form):
    """Checked by the rules of the API."""

    url = forms.CharField(
        label=_("URL"),
        max_length=2000,
        help_text=_("Where we post to: https, and open to the internet."),
    )
    events = forms.MultipleChoiceField(
        label=_("Tell it"),
        choices=[(event, EVENT_WORDS[event]) for event in outgoing.EVENTS],
        error_messages={"required": _("Choose at least one.")},
    )

    def clean_url(self) -> str:
        try:
            return webhook_endpoints.checked_url(self.cleaned_data["url"])
        except ApiError as error:
            raise forms.ValidationError(error.message) from error


def endpoint_page(view: Callable[..., HttpResponse]) -> View:
    """For whoever may integrate; the view gets the endpoint that the path names."""

    @company_page(Need.INTEGRATE)
    @wraps(view)
    def page(request: PortalRequest, public_id: str, **kwargs: Any) -> HttpResponse:
        try:
            endpoint = webhook_endpoints.find(public_id, company_id=request.company.pk)
            return view(request, endpoint, **kwargs)
        except ApiError as error:
            if error.error_status == 404:
                raise Http404 from error
            messages.error(request, error.message)
            return redirect("webhook", public_id)

    return page


# --- Endpoints ------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@company_page(Need.READ, post=Need.INTEGRATE)
def webhooks(request: PortalRequest) -> HttpResponse:
    """The list, and a form to add one."""
    if request.method != "POST":
        return _list_page(
            request, EndpointForm(initial={"events": [*OF_STATUS.values(), RECEIVED]})
        )
    form = EndpointForm(request.POST)
    if form.is_valid():
        try:
            endpoint = _created(request, form)
            _record(request, audit.Kind.WEBHOOK_CREATED, endpoint)
            return _secret_page(request, endpoint)
        except ApiError as error:
            form.add_error(None, error.message)
    return _list_page(request, form, status=422)


def _created(request: PortalRequest, form: EndpointForm) -> WebhookEndpoint:
    assert isinstance(request.user, User)  # noqa: S101 - company_page lets no one else in
    return webhook_endpoints.create(
        company_id=request.company.pk,
        url=form.cleaned_data["url"],
        events=webhook_endpoints.checked_events(form.cleaned_data["events"]),
        secret=webhook_endpoints.new_or_given(None)[0],
        created_by=request.user,
    )


def _record(
    request: PortalRequest, kind: audit.Kind, endpoint: WebhookEndpoint, **detail: Any
) -> None:
    audit.record(request, company=request.company, kind=kind, label=endpoint.url, detail=detail)


def _list_page(request: PortalRequest, form: EndpointForm, *, status: int = 200) -> HttpResponse:
    found = webhook_endpoints.of_company(request.company.pk).defer("secret", "previous_secrets")
    context = {
        "rows": [(endpoint, endpoint_pill(endpoint)) for endpoint in found],
        "form": form,
    }
    return render_page(request, "webhooks/endpoints.html", context, status=status)


def _secret_page(request: PortalRequest, endpoint: WebhookEndpoint) -> HttpResponse:
    """The one answer that shows the secret."""
    return _endpoint_page(request, endpoint, secret=endpoint.secret)


@require_http_methods(["GET", "HEAD", "POST"])
@endpoint_page
def webhook(request: PortalRequest, endpoint: WebhookEndpoint) -> HttpResponse:
    """One endpoint and its log; a POST changes its address and events."""
    if request.method != "POST":
        return _endpoint_page(request, endpoint)
    form = EndpointForm(request.POST)
    if not form.is_valid():
        return _endpoint_page(request, endpoint, form=form, status=422)
    before = {name: getattr(endpoint, name) for name in form.cleaned_data}
    webhook_endpoints.change(endpoint, now=timezone.now(), **form.cleaned_data)
    after = {name: getattr(endpoint, name) for name in before}
    if after != before:
        _record(request, audit.Kind.WEBHOOK_CHANGED, endpoint, **_differences(before, after))
    messages.success(request, gettext("Saved."))
    return redirect("webhook", endpoint.public_id)


def _differences(before: dict[str, Any], after: dict[str, Any]) -> dict[str, list[str]]:
    """Each old and new value, as the audit log keeps them; lists as words."""
    return {
        name: [", ".join(each) if isinstance(each, list) else str(each) for each in (old, new)]
        for name, old, new in ((name, before[name], after[name]) for name in before)
        if old != new
    }


def _endpoint_page(
    request: PortalRequest,
    endpoint: WebhookEndpoint,
    *,
    form: EndpointForm | None = None,
    secret: str = "",
    status: int = 200,
) -> HttpResponse:
    is_shown = EndpointForm(initial={"url": endpoint.url, "events": endpoint.events})
    now = timezone.now()
    context = {
        "endpoint": endpoint,
        "pill": endpoint_pill(endpoint),
        "is_on": endpoint.status == WebhookEndpoint.Status.ACTIVE,
        "is_resting": endpoint.resting_until is not None and endpoint.resting_until > now,
        "both_secrets": len(webhook_endpoints.secrets_of(endpoint, now=now)) > 1,
        "form": form or is_shown,
        "secret": secret,
        "since": timezone.localtime(now - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M"),
        **_log(request, endpoint),
    }
    return render_page(request, "webhooks/endpoint.html", context, status=status)


# --- The log --------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Row:
    delivery: WebhookDelivery
    pill: Pill


def _row(delivery: WebhookDelivery) -> Row:
    is_retrying = delivery.state == State.PENDING and delivery.tries
    return Row(delivery=delivery, pill=RETRYING if is_retrying else STATES[State(delivery.state)])


def _log(request: PortalRequest, endpoint: WebhookEndpoint) -> dict[str, Any]:
    """Newest first, from before number `?before=` on; `?only=failed` along its own index."""
    found = WebhookDelivery.objects.filter(endpoint=endpoint).order_by("-sequence")
    only_failed = request.GET.get("only") == "failed"
    if only_failed:
        found = found.filter(state=State.FAILED)
    before = request.GET.get("before", "")
    if before:
        if not (before.isascii() and before.isdigit() and len(before) < 19):
            raise Http404
        found = found.filter(sequence__lt=int(before))
    page = list(found[: EVENTS_A_PAGE + 1])
    return {
        "rows": [_row(delivery) for delivery in page[:EVENTS_A_PAGE]],
        "older": page[EVENTS_A_PAGE - 1].sequence if len(page) > EVENTS_A_PAGE else None,
        "first_page": not before,
        "only_failed": only_failed,
    }


@require_safe
@endpoint_page
def webhook_event(request: PortalRequest, endpoint: WebhookEndpoint, event_id: str) -> HttpResponse:
    """One event: what is posted, and every try."""
    delivery = webhook_endpoints.find_delivery(endpoint, event_id)
    tries = DeliveryAttempt.objects.filter(delivery=delivery).order_by("-pk")[:TRIES_SHOWN]
    context = {
        "endpoint": endpoint,
        "row": _row(delivery),
        "is_on": endpoint.status == WebhookEndpoint.Status.ACTIVE,
        "body": json.dumps(json.loads(delivery.body()), indent=2, ensure_ascii=False),
        "tries": [
            {
                "row": one,
                "succeeded": not one.error,
                "request": _header_lines(one.request_headers),
                "response": _header_lines(one.response_headers),
            }
            for one in tries
        ],
    }
    return render_page(request, "webhooks/event.html", context)


def _header_lines(headers: dict[str, str]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in headers.items())


# --- What may be done -----------------------------------------------------------------


@require_POST
@endpoint_page
def roll_secret(request: PortalRequest, endpoint: WebhookEndpoint) -> HttpResponse:
    secret = webhook_endpoints.new_or_given(None)[0]
    webhook_endpoints.roll_secret(endpoint, secret=secret, now=timezone.now())
    _record(request, audit.Kind.WEBHOOK_ROLLED, endpoint)
    return _secret_page(request, endpoint)


@require_POST
@endpoint_page
def send_test(request: PortalRequest, endpoint: WebhookEndpoint) -> HttpResponse:
    event = webhook_endpoints.send_test(endpoint, now=timezone.now())
    messages.success(request, gettext("A test is on its way; reload this page for the answer."))
    return redirect("webhook_event", endpoint.public_id, event.public_id)


@require_POST
@endpoint_page
def switch(request: PortalRequest, endpoint: WebhookEndpoint) -> HttpResponse:
    is_on = request.POST.get("to") == "on"
    webhook_endpoints.change(endpoint, is_on=is_on, now=timezone.now())
    _record(request, audit.Kind.WEBHOOK_CHANGED, endpoint, switched="on" if is_on else "off")
    messages.success(request, gettext("Switched on.") if is_on else gettext("Switched off."))
    return redirect("webhook", endpoint.public_id)


@require_POST
@endpoint_page
def delete(request: PortalRequest, endpoint: WebhookEndpoint) -> HttpResponse:
    webhook_endpoints.delete(endpoint)
    _record(request, audit.Kind.WEBHOOK_DELETED, endpoint)
    messages.success(request, gettext("The webhook to %(url)s is deleted.") % {"url": endpoint.url})
    return redirect("webhooks")


@require_POST
@endpoint_page
def replay(request: PortalRequest, endpoint: WebhookEndpoint, event_id: str) -> HttpResponse:
    delivery = webhook_endpoints.find_delivery(endpoint, event_id)
    webhook_endpoints.replay(endpoint, delivery, now=timezone.now())
    messages.success(request, gettext("It is on its way again."))
    return redirect("webhook_event", endpoint.public_id, event_id)


@require_POST
@endpoint_page
def replay_failed(request: PortalRequest, endpoint: WebhookEndpoint) -> HttpResponse:
    since = _local_moment(request.POST.get("since", ""))
    if since is None:
        messages.error(request, gettext("Say since when: a day and a time."))
        return redirect("webhook", endpoint.public_id)
    count = webhook_endpoints.replay_failed(endpoint, since=since, now=timezone.now())
    messages.success(request, gettext("On their way again: %(count)s.") % {"count": count})
    return redirect("webhook", endpoint.public_id)


def _local_moment(text: str) -> Any:
    """Of a datetime-local input, in the company's time zone (the page's current one)."""
    try:
        at = parse_datetime(text)
        return timezone.make_aware(at) if at and timezone.is_naive(at) else at
    except (ValueError, OverflowError):
        return None
