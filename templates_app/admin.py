"""Staff screen of the message templates."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from companies.staff_actions import DecidedAdmin, decision
from config import public_ids
from config.admin import display, pretty_json
from templates_app.decisions import TEMPLATES
from templates_app.models import Template

# What Meta has not seen yet may still be put right.
_OPEN = (Template.Status.DRAFT, Template.Status.SUBMITTED, Template.Status.CHANGES_REQUESTED)


@admin.register(Template)
class TemplateAdmin(DecidedAdmin):
    """Its status changes by decisions, and as Meta says; it is not typed in."""

    process = TEMPLATES
    change_form_outer_before_template = "admin/template_page.html"
    change_form_outer_after_template = "admin/decisions.html"
    list_display: ClassVar[Any] = ["name", "language", "company", "category", "state", "updated_at"]
    list_select_related: ClassVar[Any] = ["company"]
    list_filter: ClassVar[Any] = ["status", "category", ("company", AutocompleteSelectFilter)]
    search_fields: ClassVar[Any] = ["name", "=graph_id"]
    search_help_text = "A name, Meta's id, or tpl_…"
    autocomplete_fields: ClassVar[Any] = ["company", "channel"]
    readonly_fields: ClassVar[Any] = [
        "status",
        "status_reason",
        "quality",
        "graph_id",
        "shown_components",
        "public_id",
        "created_at",
        "updated_at",
        "approved_at",
    ]
    fieldsets: ClassVar[Any] = [
        (None, {"fields": [("name", "language"), ("company", "category")]}),
        ("State", {"fields": [("status", "quality"), "status_reason"]}),
        ("At Meta", {"fields": ["channel", ("waba_id", "graph_id")]}),
        ("Content", {"fields": ["parameter_format", "components"]}),
        ("Times", {"fields": ["public_id", ("created_at", "updated_at"), "approved_at"]}),
    ]
    actions_detail: ClassVar[Any] = ["approve", "request_changes", "reject"]

    approve = decision(TEMPLATES, "approve")
    request_changes = decision(TEMPLATES, "request_changes")
    reject = decision(TEMPLATES, "reject")

    class Media:
        css: ClassVar[Any] = {"all": ["wa-preview.css"]}

    def has_change_permission(self, request: HttpRequest, obj: Template | None = None) -> bool:
        """What Meta has seen is changed by the company, and goes through the queue again."""
        is_open = obj is None or obj.status in _OPEN
        return is_open and bool(super().has_change_permission(request, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Template | None = None) -> Any:
        return [*super().get_readonly_fields(request, obj), *(["company"] if obj else [])]

    def get_fieldsets(self, request: HttpRequest, obj: Template | None = None) -> Any:
        """Who can't change the parts reads them in their own script, not in JSON's escapes."""
        if self.has_change_permission(request, obj) or obj is None:
            return self.fieldsets
        shown = ["parameter_format", "shown_components"]
        return [
            (title, {"fields": shown} if title == "Content" else options)
            for title, options in self.fieldsets
        ]

    @display(description="Components")
    def shown_components(self, template: Template) -> SafeString:
        return pretty_json(template.components)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Template], search_term: str
    ) -> tuple[QuerySet[Template], bool]:
        pk = public_ids.decode("tpl", search_term.strip())
        if pk is not None:
            return queryset.filter(pk=pk), False
        return super().get_search_results(request, queryset, search_term)  # type: ignore[no-any-return]

    @display(
        description="Status",
        ordering="status",
        label={
            "Approved": "success",
            "With staff": "warning",
            "With Meta": "info",
            "Rejected by Meta": "danger",
            "Declined by staff": "danger",
        },
    )
    def state(self, template: Template) -> str:
        return template.get_status_display()
