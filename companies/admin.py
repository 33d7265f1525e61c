"""Staff screens of what a company has: keys, and the record of what was done."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from companies import (  # noqa: F401  # registered with these
    admin_channels,
    admin_company,
    admin_credit,
    admin_people,
    audit,
    keys,
)
from companies.models import ApiKey, AuditEvent, Decision, RateWindow
from config.admin import ExactSearchMixin, ReadOnlyAdmin, as_id, display, pretty_json


@admin.register(ApiKey)
class ApiKeyAdmin(ExactSearchMixin, ReadOnlyAdmin):
    """No adding here: a key is shown once, to the company, on its own page."""

    list_display: ClassVar[Any] = ["name", "shown", "company", "channel", "state", "last_used_at"]
    list_select_related: ClassVar[Any] = ["company", "channel"]
    list_filter: ClassVar[Any] = [("company", AutocompleteSelectFilter)]
    search_help_text = "The key's public part: tuma_ and eight characters."
    actions: ClassVar[Any] = ["revoke"]
    fields: ClassVar[Any] = [
        ("name", "shown"),
        ("company", "channel"),
        ("scopes", "created_at"),
        "created_by",
        ("expires_at", "revoked_at"),
        ("last_used_at", "last_used_address"),
    ]

    def exact(self, term: str) -> Q | None:
        return Q(public_id=term.removeprefix(keys.PREFIX)[:8])

    @display(description="Key")
    def shown(self, key: ApiKey) -> str:
        return key.hint

    @display(
        description="State", label={"active": "success", "expired": "warning", "revoked": "danger"}
    )
    def state(self, key: ApiKey) -> str:
        return key.state(now=timezone.now())

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("companies.change_apikey")

    @admin.action(description="Revoke the selected keys", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset.select_related("company"):
            if not keys.revoke(key):
                continue
            self.log_change(request, key, "Revoked.")
            audit.record(
                audit.STAFF,
                company=key.company,
                kind=audit.Kind.KEY_REVOKED,
                label=str(key),
            )
        messages.success(request, "Revoked: these keys are refused from now on.")


@admin.register(RateWindow)
class RateWindowAdmin(ReadOnlyAdmin):
    list_display: ClassVar[Any] = ["key", "started", "count"]
    search_fields: ClassVar[Any] = ["=key"]


@admin.register(AuditEvent)
class AuditEventAdmin(ExactSearchMixin, ReadOnlyAdmin):
    """What people and staff did in companies, as each company's owners see it."""

    list_display: ClassVar[Any] = [
        "created_at",
        "company",
        "kind",
        "label",
        "actor_label",
        "address",
    ]
    list_select_related: ClassVar[Any] = ["company"]
    list_filter: ClassVar[Any] = [("company", AutocompleteSelectFilter)]
    search_help_text = "An event's id."
    fields: ClassVar[Any] = [
        ("created_at", "company"),
        ("kind", "label"),
        ("actor_label", "address"),
        "shown_detail",
    ]
    readonly_fields: ClassVar[Any] = ["shown_detail"]

    def exact(self, term: str) -> Q | None:
        pk = as_id(term)
        return None if pk is None else Q(pk=pk)

    @display(description="Detail")
    def shown_detail(self, event: AuditEvent) -> SafeString:
        return pretty_json(event.detail)


@admin.register(Decision)
class DecisionAdmin(ExactSearchMixin, ReadOnlyAdmin):
    """What staff decided, and why: with the name of who did it, which the company does not see."""

    list_display: ClassVar[Any] = [
        "created_at",
        "company",
        "about_type",
        "about_label",
        "done",
        "reason",
        "author_label",
    ]
    list_select_related: ClassVar[Any] = ["company"]
    list_filter: ClassVar[Any] = [("company", AutocompleteSelectFilter)]
    search_help_text = "A decision's id."
    fields: ClassVar[Any] = [
        ("created_at", "company"),
        ("about_type", "about_id"),
        "about_label",
        "done",
        ("from_status", "to_status"),
        "reason",
        "author_label",
    ]

    def exact(self, term: str) -> Q | None:
        pk = as_id(term)
        return None if pk is None else Q(pk=pk)
