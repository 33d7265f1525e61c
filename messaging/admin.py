"""Staff screens of what was sent. Code writes all of it, here it is only read."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from config import public_ids
from config.admin import ExactSearchMixin, ReadOnlyAdmin, display, pretty_json
from config.masking import masked, masked_input
from messaging import (  # noqa: F401  # registered with these
    admin_company,
    admin_events,
    admin_media,
    admin_webhooks,
)
from messaging.models import Batch, FilledIn, Message, Status, StatusEvent, UnusedInput
from messaging.previews import is_secret

BY_COMPANY = ("company", AutocompleteSelectFilter)
STATUS_LABELS = {
    "queued": "info",
    "sending": "info",
    "uncertain": "warning",
    "sent": "info",
    "failed": "danger",
    "delivered": "success",
    "read": "success",
}


@admin.register(Batch)
class BatchAdmin(ExactSearchMixin, ReadOnlyAdmin):
    list_display: ClassVar[Any] = [
        "public_id",
        "company",
        "channel",
        "content_type",
        "recipients_count",
        "waiting",
        "uncertain",
        "failed",
        "created_at",
    ]
    list_select_related: ClassVar[Any] = ["company", "channel"]
    list_filter: ClassVar[Any] = [BY_COMPANY]
    search_help_text = "batch_…"
    fieldsets: ClassVar[Any] = [
        (None, {"fields": [("public_id", "messages_link"), ("company", "channel"), "api_key"]}),
        ("What", {"fields": [("content_type", "category"), "template", "payload_text"]}),
        (
            "Progress",
            {
                "fields": [
                    ("recipients_count", "stored_count", "waiting"),
                    ("uncertain", "sent", "failed"),
                    ("delivered", "read"),
                    ("halt_code", "halt_detail"),
                    ("tag_ids", "tagged_up_to", "expand_cursor"),
                ]
            },
        ),
        (
            "How",
            {
                "fields": [
                    ("dialect", "request_id"),
                    ("price", "lane"),
                    ("day", "created_at"),
                    ("due_at", "expires_at"),
                ]
            },
        ),
    ]

    def exact(self, term: str) -> Q | None:
        pk = public_ids.decode("batch", term)
        return None if pk is None else Q(pk=pk)

    @display(description="Messages")
    def messages_link(self, batch: Batch) -> str:
        return format_html(
            '<a class="tuma-link" href="/admin/messaging/message/?q={}">Messages</a> · '
            '<a class="tuma-link" href="/admin/messaging/unusedinput/?q={}">Unused inputs</a>',
            batch.public_id,
            batch.public_id,
        )

    @display(description="Payload")
    def payload_text(self, batch: Batch) -> str:
        return "Holds a one-time code." if is_secret(batch) else pretty_json(batch.payload)


@admin.register(FilledIn)
class FilledInAdmin(ExactSearchMixin, ReadOnlyAdmin):
    """Told only on its own page: the values are of persons."""

    list_display: ClassVar[Any] = ["message_public_id"]
    search_help_text = "msg_…"
    fields: ClassVar[Any] = ["message_public_id", "texts"]
    readonly_fields: ClassVar[Any] = ["message_public_id"]

    def exact(self, term: str) -> Q | None:
        pk = public_ids.decode("msg", term)
        return None if pk is None else Q(pk=pk)

    @display(description="Message")
    def message_public_id(self, filled: FilledIn) -> str:
        return public_ids.encode("msg", filled.message_id)


@admin.register(UnusedInput)
class UnusedInputAdmin(ExactSearchMixin, ReadOnlyAdmin):
    list_display: ClassVar[Any] = ["id", "batch_public_id", "given", "reason"]
    search_help_text = "batch_…"
    fields: ClassVar[Any] = ["batch", "given", "reason"]

    def exact(self, term: str) -> Q | None:
        pk = public_ids.decode("batch", term)
        return None if pk is None else Q(batch_id=pk)

    @display(description="Batch")
    def batch_public_id(self, unused: UnusedInput) -> str:
        return public_ids.encode("batch", unused.batch_id)

    @display(description="Given")
    def given(self, unused: UnusedInput) -> str:
        return masked_input(unused.input)


class OpenFilter(admin.SimpleListFilter):
    """What is not settled yet: the only states that an index finds, as there are few."""

    title = "open"
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("queue", "Waiting or sending"), ("doubt", "Uncertain")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        # `status < sent` is the condition of the index itself, word for word.
        if self.value() == "queue":
            return queryset.filter(status__lt=Status.SENT).exclude(status=Status.UNCERTAIN)
        if self.value() == "doubt":
            return queryset.filter(status__lt=Status.SENT, status=Status.UNCERTAIN)
        return queryset


class StatusEventInline(TabularInline):  # type: ignore[misc]
    model = StatusEvent
    extra = 0
    hide_title = True
    fields: ClassVar[Any] = ["status", "at", "error_code", "error_detail", "pricing"]
    readonly_fields = fields
    ordering: ClassVar[Any] = ["at", "status"]
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Message)
class MessageAdmin(ExactSearchMixin, ReadOnlyAdmin):
    list_display: ClassVar[Any] = [
        "public_id",
        "company",
        "channel",
        "to",
        "state",
        "error_code",
        "attempts",
        "created_at",
    ]
    list_select_related: ClassVar[Any] = ["company", "channel"]
    list_filter: ClassVar[Any] = [OpenFilter, BY_COMPANY]
    search_help_text = "msg_…, batch_… or WhatsApp's own id (wamid.…)"
    inlines: ClassVar[Any] = [StatusEventInline]
    fieldsets: ClassVar[Any] = [
        (
            None,
            {"fields": ["public_id", ("company", "channel"), ("batch", "contact"), "recipient"]},
        ),
        ("State", {"fields": [("status", "lane"), ("error_code", "error_detail"), "wamid"]}),
        (
            "Sending",
            {
                "fields": [
                    ("attempts", "fence"),
                    ("due_at", "attempted_at"),
                    ("sent_at", "created_at"),
                ]
            },
        ),
    ]

    def exact(self, term: str) -> Q | None:
        if (pk := public_ids.decode("msg", term)) is not None:
            return Q(pk=pk)
        if (pk := public_ids.decode("batch", term)) is not None:
            return Q(batch_id=pk)
        return Q(wamid=term) if term.startswith("wamid.") else None

    @display(description="To")
    def to(self, message: Message) -> str:
        return masked(message.recipient)

    @display(description="Status", label=STATUS_LABELS)
    def state(self, message: Message) -> str:
        return Status(message.status).word


@admin.register(StatusEvent)
class StatusEventAdmin(ExactSearchMixin, ReadOnlyAdmin):
    list_display: ClassVar[Any] = [
        "id",
        "message_public_id",
        "state",
        "at",
        "error_code",
        "pricing",
    ]
    search_help_text = "msg_…"
    fields: ClassVar[Any] = ["message", "status", "at", "error_code", "error_detail", "pricing"]

    def exact(self, term: str) -> Q | None:
        pk = public_ids.decode("msg", term)
        return None if pk is None else Q(message_id=pk)

    @display(description="Message")
    def message_public_id(self, event: StatusEvent) -> str:
        return public_ids.encode("msg", event.message_id)

    @display(description="Status", label=STATUS_LABELS)
    def state(self, event: StatusEvent) -> str:
        return Status(event.status).word
