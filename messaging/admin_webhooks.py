"""Staff screens of what is posted to companies. What is said in it is the companies' affair: staff see
where it went and how that went, not the secrets and not the words.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from config import public_ids
from config.admin import ExactSearchMixin, ReadOnlyAdmin, as_id, back, dialog, display
from config.api import ApiError
from messaging import webhook_endpoints
from messaging.models import DeliveryAttempt, WebhookDelivery, WebhookEndpoint

STATE_LABELS = {"Waiting": "info", "Delivered": "success", "Failed": "danger"}


def _public(prefix: str, term: str, column: str) -> Q | None:
    pk = public_ids.decode(prefix, term)
    return None if pk is None else Q(**{column: pk})


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ExactSearchMixin, ReadOnlyAdmin):
    list_display: ClassVar[Any] = [
        "public_id",
        "company",
        "url",
        "state",
        "last_sequence",
        "failures",
        "created_at",
    ]
    list_select_related: ClassVar[Any] = ["company"]
    list_filter: ClassVar[Any] = [("company", AutocompleteSelectFilter), "status"]
    search_help_text = "wh_…"
    actions_detail: ClassVar[Any] = ["replay_failed"]
    fields: ClassVar[Any] = [
        ("public_id", "company"),
        "url",
        "events",
        "deliveries_link",
        ("status", "disabled_reason", "disabled_at"),
        ("last_sequence", "notice_due"),
        ("failures", "failing_since", "resting_until"),
        ("fence", "lease_until"),
        ("created_by", "created_at", "previous_until"),
    ]

    def exact(self, term: str) -> Q | None:
        return _public("wh", term, "pk")

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEndpoint]:
        """Without the secrets: no screen shows them, so nothing decrypts them."""
        endpoints: QuerySet[WebhookEndpoint] = super().get_queryset(request)
        return endpoints.defer("secret", "previous_secrets")

    @display(
        description="Status", label={"Active": "success", "Switched off": "danger", "Deleted": ""}
    )
    def state(self, endpoint: WebhookEndpoint) -> str:
        return endpoint.get_status_display()

    @dialog(
        "Send what failed again",
        permission="messaging.change_webhookendpoint",
        title="Send what failed again?",
        text="All events that failed since they are kept, with their numbers and ids of before.",
        icon="replay",
    )
    def replay_failed(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        endpoint: WebhookEndpoint = WebhookEndpoint.objects.get(pk=object_id)
        now = timezone.now()
        since = now - timedelta(days=settings.WEBHOOK_RETENTION_DAYS)
        try:
            count = webhook_endpoints.replay_failed(endpoint, since=since, now=now)
        except ApiError as error:
            messages.error(request, f"Nothing was changed. {error.message}.")
        else:
            self.log_change(request, endpoint, f"Sent {count} failed events again.")
            messages.success(
                request, f"{count:,} {'event is' if count == 1 else 'events are'} sent again."
            )
        return back(request, reverse("admin:messaging_webhookendpoint_change", args=[object_id]))

    @display(description="Events")
    def deliveries_link(self, endpoint: WebhookEndpoint) -> str:
        return format_html(
            '<a class="tuma-link" href="/admin/messaging/webhookdelivery/?q={}">Its events</a>',
            endpoint.public_id,
        )


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ExactSearchMixin, ReadOnlyAdmin):
    list_display: ClassVar[Any] = [
        "public_id",
        "endpoint",
        "sequence",
        "event",
        "state_label",
        "attempts",
        "response_status",
        "created_at",
    ]
    search_help_text = "evt_… or wh_…"
    fields: ClassVar[Any] = [
        ("public_id", "endpoint", "sequence"),
        ("event", "about"),
        ("state", "tries", "attempts"),
        ("response_status", "error"),
        ("occurred_at", "created_at"),
        ("due_at", "delivered_at"),
    ]

    def exact(self, term: str) -> Q | None:
        return _public("evt", term, "pk") or _public("wh", term, "endpoint_id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDelivery]:
        deliveries: QuerySet[WebhookDelivery] = super().get_queryset(request)
        secrets = ("endpoint__secret", "endpoint__previous_secrets")
        return deliveries.select_related("endpoint").defer("data", *secrets)

    @display(description="Status", label=STATE_LABELS)
    def state_label(self, delivery: WebhookDelivery) -> str:
        return delivery.get_state_display()

    @display(description="Message")
    def about(self, delivery: WebhookDelivery) -> str:
        number = delivery.message_id
        if number is None:
            return "–"
        return public_ids.encode("msg", number) if number > 0 else f"received message {-number}"


@admin.register(DeliveryAttempt)
class DeliveryAttemptAdmin(ExactSearchMixin, ReadOnlyAdmin):
    list_display: ClassVar[Any] = ["id", "delivery_id", "at", "milliseconds", "response_status"]
    search_help_text = "evt_… or a try's number."
    fields: ClassVar[Any] = [
        ("delivery_id", "at"),
        ("milliseconds", "response_status"),
        "url",
        "error",
        "request_headers",
        "response_headers",
    ]

    def exact(self, term: str) -> Q | None:
        pk = as_id(term)
        return Q(pk=pk) if pk is not None else _public("evt", term, "delivery_id")
