"""Staff screen of the message templates."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from config import public_ids
from config.admin import StaffAdmin, display
from templates_app.models import Template
from templates_app.previews import template_bubble


@admin.register(Template)
class TemplateAdmin(StaffAdmin):
    list_display: ClassVar[Any] = ["name", "language", "company", "category", "state", "updated_at"]
    list_select_related: ClassVar[Any] = ["company"]
    list_filter: ClassVar[Any] = ["status", "category", ("company", AutocompleteSelectFilter)]
    search_fields: ClassVar[Any] = ["name", "=graph_id"]
    search_help_text = "A name, Meta's id, or tpl_…"
    autocomplete_fields: ClassVar[Any] = ["company", "channel"]
    readonly_fields: ClassVar[Any] = [
        "preview",
        "public_id",
        "created_at",
        "updated_at",
        "approved_at",
    ]
    fieldsets: ClassVar[Any] = [
        (None, {"fields": [("name", "language"), ("company", "category"), "preview"]}),
        ("Decision", {"fields": [("status", "quality"), "status_reason"]}),
        ("At Meta", {"fields": ["channel", ("waba_id", "graph_id")]}),
        ("Content", {"fields": ["parameter_format", "components"]}),
        ("Times", {"fields": ["public_id", ("created_at", "updated_at"), "approved_at"]}),
    ]

    class Media:
        css: ClassVar[Any] = {"all": ["wa-preview.css"]}

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

    @display(description="What the customer sees")
    def preview(self, template: Template) -> str:
        if template.pk is None:
            return "–"
        bubble = template_bubble(template, head={}, body={})
        return render_to_string("parts/bubble.html", {"bubble": bubble})
