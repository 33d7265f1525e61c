"""Staff screens of what came back from Meta, and of what the machinery keeps for itself.

The one thing to do here is to replay a webhook.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from config.admin import (
    ExactSearchMixin,
    ReadOnlyAdmin,
    as_id,
    back,
    dialog,
    display,
    pretty_json,
)
from config.masking import masked
from messaging.models import (
    ChannelState,
    DailyFailure,
    DailyReach,
    DailyUsage,
    IdempotencyRecord,
    InboundMessage,
    Metric,
    StatusProof,
    WebhookEvent,
)
from messaging.wake import wake_inbox

BY_COMPANY = ("company", AutocompleteSelectFilter)


@admin.register(InboundMessage)
class InboundMessageAdmin(ExactSearchMixin, ReadOnlyAdmin):
    list_display: ClassVar[Any] = ["id", "company", "channel", "sender", "type", "created_at"]
    list_select_related: ClassVar[Any] = ["company", "channel", "contact"]
    list_filter: ClassVar[Any] = [BY_COMPANY]
    search_help_text = "WhatsApp's own id (wamid.…)"
    fields: ClassVar[Any] = [
        ("company", "channel"),
        ("contact", "type"),
        "text",
        ("wamid", "reply_to"),
        ("media_id", "stored_media"),
        ("media_due_at", "media_tries", "media_problem"),
        "payload_text",
        ("sent_at", "created_at"),
    ]

    def exact(self, term: str) -> Q | None:
        return Q(wamid=term)

    @display(description="From")
    def sender(self, inbound: InboundMessage) -> str:
        contact = inbound.contact
        return masked(contact.phone or contact.bsuid) if contact else "–"

    @display(description="Payload")
    def payload_text(self, inbound: InboundMessage) -> str:
        return pretty_json(inbound.payload)


class UnappliedFilter(admin.SimpleListFilter):
    """Only what is not applied has an index; the applied ones are the mass."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        states = (WebhookEvent.State.PENDING, WebhookEvent.State.PROBLEM)
        return [(str(state.value), str(state.label)) for state in states]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        known = {value for value, _ in self.lookup_choices}
        return queryset.filter(state=int(self.value())) if self.value() in known else queryset  # type: ignore[arg-type]


@admin.register(WebhookEvent)
class WebhookEventAdmin(ExactSearchMixin, ReadOnlyAdmin):
    list_display: ClassVar[Any] = ["id", "state_label", "problem_line", "tries", "received_at"]
    list_filter: ClassVar[Any] = [UnappliedFilter]
    search_help_text = "An event's id."
    actions: ClassVar[Any] = ["replay"]
    actions_detail: ClassVar[Any] = ["replay_one"]
    fields: ClassVar[Any] = [
        ("state", "tries"),
        "problem",
        ("received_at", "applied_at", "due_at"),
        "body_text",
    ]

    def exact(self, term: str) -> Q | None:
        pk = as_id(term)
        return None if pk is None else Q(pk=pk)

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEvent]:
        """Lists leave the bodies where they are; a page of its own fetches the one it shows."""
        return super().get_queryset(request).defer("body")  # type: ignore[no-any-return]

    @display(
        description="State",
        label={"Pending": "info", "Applied": "success", "Not understood": "danger"},
    )
    def state_label(self, event: WebhookEvent) -> str:
        return event.get_state_display()

    @display(description="Problem")
    def problem_line(self, event: WebhookEvent) -> str:
        return event.problem[:100]

    @display(description="Body")
    def body_text(self, event: WebhookEvent) -> str:
        text = bytes(event.body).decode(errors="replace")
        try:
            return pretty_json(json.loads(text))
        except ValueError:
            return format_html('<pre class="tuma-json" tabindex="0">{}</pre>', text)

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("messaging.change_webhookevent")

    @admin.action(description="Replay the selected events", permissions=["replay"])
    def replay(self, request: HttpRequest, queryset: QuerySet[WebhookEvent]) -> None:
        self._replay(request, queryset)

    @dialog(
        "Replay",
        permission="messaging.change_webhookevent",
        title="Replay this webhook?",
        text="It is applied again now. Applying is repeatable: one that was applied does no harm.",
        icon="replay",
    )
    def replay_one(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        self._replay(request, self.get_queryset(request).filter(pk=object_id))
        return back(request, reverse("admin:messaging_webhookevent_change", args=[object_id]))

    def _replay(self, request: HttpRequest, events: QuerySet[WebhookEvent]) -> None:
        for event in events:
            self.log_change(request, event, "Replayed.")
        count = events.update(
            state=WebhookEvent.State.PENDING, tries=0, due_at=timezone.now(), problem=""
        )
        wake_inbox()
        messages.success(request, f"{count} will be applied again now.")


@admin.register(ChannelState)
class ChannelStateAdmin(ReadOnlyAdmin):
    list_display: ClassVar[Any] = ["channel", "owner", "fence", "day_count"]
    list_select_related: ClassVar[Any] = ["channel"]


@admin.register(IdempotencyRecord)
class IdempotencyRecordAdmin(ReadOnlyAdmin):
    list_display: ClassVar[Any] = ["id", "company", "key", "status", "created_at"]
    list_select_related: ClassVar[Any] = ["company"]
    list_filter: ClassVar[Any] = [BY_COMPANY]


@admin.register(DailyUsage)
class DailyUsageAdmin(ReadOnlyAdmin):
    list_display: ClassVar[Any] = [
        "day",
        "company",
        "channel",
        "category",
        "accepted",
        "delivered",
        "read",
        "failed",
        "charged",
    ]
    list_select_related: ClassVar[Any] = ["company", "channel"]
    list_filter: ClassVar[Any] = [BY_COMPANY]


@admin.register(DailyFailure)
class DailyFailureAdmin(ReadOnlyAdmin):
    list_display: ClassVar[Any] = ["day", "company", "channel", "code", "count"]
    list_select_related: ClassVar[Any] = ["company", "channel"]
    list_filter: ClassVar[Any] = [BY_COMPANY]


@admin.register(DailyReach)
class DailyReachAdmin(ReadOnlyAdmin):
    list_display: ClassVar[Any] = ["day", "company", "people"]
    list_select_related: ClassVar[Any] = ["company"]
    list_filter: ClassVar[Any] = [BY_COMPANY]

    @display(description="People of sixty neighbours")
    def people(self, reach: DailyReach) -> int:
        return reach.bits.bit_count()


@admin.register(StatusProof)
class StatusProofAdmin(ReadOnlyAdmin):
    list_display: ClassVar[Any] = ["channel", "received_at", "attempted_at"]
    list_select_related: ClassVar[Any] = ["channel"]


@admin.register(Metric)
class MetricAdmin(ReadOnlyAdmin):
    list_display: ClassVar[Any] = ["name", "label", "value"]
