"""Staff screen of the message templates."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from companies import audit
from companies.staff_actions import DecidedAdmin, decision
from config import public_ids
from config.admin import ReadOnlyAdmin, display, pretty_json
from templates_app import history, workflow
from templates_app.decisions import TEMPLATES
from templates_app.models import Template, TemplateEvent
from templates_app.workflow import Author, Done

# What Meta has not seen yet may still be put right.
_OPEN = workflow.STEPS[Done.CORRECTED].sources


class TemplateForm(forms.ModelForm):  # type: ignore[type-arg]
    """Saved only over the version that was looked at."""

    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["seen"] = self.instance.version

    def clean_seen(self) -> int | None:
        seen: int | None = self.cleaned_data["seen"]
        if self.instance.pk and seen != self.instance.version:
            raise forms.ValidationError("Somebody changed it since you opened it. Open it again.")
        return seen


@admin.register(Template)
class TemplateAdmin(DecidedAdmin):
    """Its status changes by decisions, and as Meta says; it is not typed in."""

    process = TEMPLATES
    form = TemplateForm
    change_form_outer_before_template = "admin/template_page.html"
    change_form_outer_after_template = "admin/template_history.html"
    list_display: ClassVar[Any] = [
        "title",
        "language",
        "company",
        "category",
        "state",
        "updated_at",
    ]
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
        (None, {"fields": [("name", "language"), ("company", "category"), "seen"]}),
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
        is_open = obj is None or (obj.status in _OPEN and not obj.graph_id)
        return is_open and bool(super().has_change_permission(request, obj))

    def save_model(
        self, request: HttpRequest, obj: Template, form: TemplateForm, change: bool
    ) -> None:
        """What staff put right stands in the history, and who did may not approve it."""
        by = Author(user=request.user, label=audit.STAFF)  # type: ignore[arg-type]
        if not change:
            super().save_model(request, obj, form, change)
            workflow.note(obj, Done.WRITTEN, by=by, to=obj.status, now=timezone.now())
            return
        stored = Template.everything.get(pk=obj.pk, version=obj.version)
        places = ("name", "language", "channel", "waba_id")
        columns = {name: getattr(obj, name) for name in places}
        workflow.move(stored, Done.CORRECTED, by=by, content=obj.content, **columns)

    def get_readonly_fields(self, request: HttpRequest, obj: Template | None = None) -> Any:
        fixed = ["company"] if obj else []
        if obj and obj.edit_of_id:
            fixed += ["name", "language", "channel", "waba_id"]
        return [*super().get_readonly_fields(request, obj), *fixed]

    def get_fieldsets(self, request: HttpRequest, obj: Template | None = None) -> Any:
        """Who can't change the parts reads them in their own script, not in JSON's escapes."""
        if self.has_change_permission(request, obj) or obj is None:
            return self.fieldsets
        shown = ["parameter_format", "shown_components"]
        return [
            (title, {"fields": shown} if title == "Content" else options)
            for title, options in self.fieldsets
        ]

    def glance(self, request: HttpRequest, row: Template) -> dict[str, Any]:
        """Its history, as the company sees it too, stands for the decisions alone."""
        return {"history": history.history(row)}

    @display(description="Name", ordering="name")
    def title(self, template: Template) -> str:
        return f"{template.name} (edit)" if template.edit_of_id else template.name

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


@admin.register(TemplateEvent)
class TemplateEventAdmin(ReadOnlyAdmin):
    """The history of all templates; a template's own stands on its page."""

    list_display: ClassVar[Any] = ["created_at", "template", "done", "author_label", "reason"]
    list_select_related: ClassVar[Any] = ["template"]
    raw_id_fields: ClassVar[Any] = ["template", "author"]
