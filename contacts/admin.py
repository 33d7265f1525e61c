"""Staff screens of the address books. Numbers are masked in lists and whole on a contact's page."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from companies.models import Company
from config.admin import ExactSearchMixin, ReadOnlyAdmin, StaffAdmin, as_id, display
from config.masking import masked
from contacts.models import (
    ConsentEvent,
    Contact,
    ContactImport,
    ContactTag,
    ImportProblem,
    ImportRow,
    Tag,
    Tagging,
)


class ContactTagInline(TabularInline):  # type: ignore[misc]
    model = ContactTag
    extra = 0
    hide_title = True
    autocomplete_fields: ClassVar[Any] = ["tag"]


@admin.register(Contact)
class ContactAdmin(ExactSearchMixin, StaffAdmin):
    list_display: ClassVar[Any] = ["id", "company", "number", "name", "saved", "opted_out_at"]
    list_display_links: ClassVar[Any] = ["id", "number"]
    list_select_related: ClassVar[Any] = ["company"]
    list_filter: ClassVar[Any] = [("company", AutocompleteSelectFilter)]
    search_help_text = "A whole phone number with its country code, or a BSUID."
    sortable_by: ClassVar[Any] = ()
    autocomplete_fields: ClassVar[Any] = ["company"]
    inlines: ClassVar[Any] = [ContactTagInline]
    readonly_fields: ClassVar[Any] = [
        "not_on_whatsapp_at",
        "last_inbound_at",
        "created_at",
        "updated_at",
    ]
    fieldsets: ClassVar[Any] = [
        (None, {"fields": ["company", ("phone", "bsuid"), ("name", "saved"), "custom_fields"]}),
        ("Wishes", {"fields": [("opted_out_at", "opted_out_reason")]}),
        (
            "Known from WhatsApp",
            {"fields": [("not_on_whatsapp_at", "last_inbound_at"), ("created_at", "updated_at")]},
        ),
    ]

    def exact(self, term: str) -> Q | None:
        # The indexes start with the company, so all companies are named for them to serve.
        everywhere = Q(company__in=Company.objects.values("pk"))
        digits = "".join(char for char in term if char.isdigit())
        return everywhere & (Q(bsuid=term) if "." in term else Q(phone=digits))

    @display(description="Number")
    def number(self, contact: Contact) -> str:
        return masked(contact.phone or contact.bsuid)

    def save_model(self, request: HttpRequest, obj: Contact, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        was_out = bool(form.initial.get("opted_out_at"))
        if was_out == bool(obj.opted_out_at):
            return
        ConsentEvent.objects.create(
            contact=obj,
            kind=ConsentEvent.Kind.OPTED_IN if was_out else ConsentEvent.Kind.OPTED_OUT,
            source=ConsentEvent.Source.STAFF,
            author=str(request.user)[:254],
            reason=obj.opted_out_reason,
            at=timezone.now(),
        )


@admin.register(Tag)
class TagAdmin(StaffAdmin):
    list_display: ClassVar[Any] = ["name", "id", "company", "created_at"]
    list_select_related: ClassVar[Any] = ["company"]
    list_filter: ClassVar[Any] = [("company", AutocompleteSelectFilter)]
    search_fields: ClassVar[Any] = ["name"]
    autocomplete_fields: ClassVar[Any] = ["company"]
    readonly_fields: ClassVar[Any] = ["created_at"]
    fields: ClassVar[Any] = ["company", "name", "created_at"]


@admin.register(ContactTag)
class ContactTagAdmin(ReadOnlyAdmin):
    """To look at; a contact's tags are set on the contact."""

    list_display: ClassVar[Any] = ["id", "tag", "number", "company"]
    list_select_related: ClassVar[Any] = ["tag__company", "contact"]
    list_filter: ClassVar[Any] = [("tag", AutocompleteSelectFilter)]
    fields: ClassVar[Any] = ["tag", "number"]

    @display(description="Contact")
    def number(self, tagging: ContactTag) -> str:
        return masked(tagging.contact.phone or tagging.contact.bsuid)

    @display(description="Company")
    def company(self, tagging: ContactTag) -> str:
        return tagging.tag.company.name


class OfAnImport(ExactSearchMixin):
    """Found by the import: of a large one there are a million."""

    search_help_text = "An import's number."

    def exact(self, term: str) -> Q | None:
        pk = as_id(term)
        return None if pk is None else Q(contact_import_id=pk)


@admin.register(ContactImport)
class ContactImportAdmin(ReadOnlyAdmin):
    """How a company's imports went. What was in the file is its own affair."""

    list_display: ClassVar[Any] = [
        "id",
        "company",
        "state",
        "new_count",
        "updated_count",
        "duplicate_count",
        "invalid_count",
        "created_at",
    ]
    list_select_related: ClassVar[Any] = ["company"]
    list_filter: ClassVar[Any] = [("company", AutocompleteSelectFilter)]


@admin.register(ImportRow)
class ImportRowAdmin(OfAnImport, ReadOnlyAdmin):
    list_display: ClassVar[Any] = ["id", "contact_import_id", "contact_id", "outcome"]
    fields: ClassVar[Any] = ["contact_import", "contact_id", "outcome"]


@admin.register(ImportProblem)
class ImportProblemAdmin(OfAnImport, ReadOnlyAdmin):
    """Which lines were refused, and why; not what stood in them."""

    list_display: ClassVar[Any] = ["id", "contact_import_id", "row", "reason"]
    fields: ClassVar[Any] = ["contact_import", "row", "reason"]


@admin.register(Tagging)
class TaggingAdmin(ReadOnlyAdmin):
    list_display: ClassVar[Any] = [
        "id",
        "company",
        "action",
        "tag_name",
        "state",
        "seen_count",
        "changed_count",
        "created_at",
    ]
    list_select_related: ClassVar[Any] = ["company"]
    list_filter: ClassVar[Any] = [("company", AutocompleteSelectFilter)]


@admin.register(ConsentEvent)
class ConsentEventAdmin(ExactSearchMixin, ReadOnlyAdmin):
    list_display: ClassVar[Any] = ["id", "number", "kind", "source", "reason", "at"]
    list_select_related: ClassVar[Any] = ["contact"]
    search_help_text = "A contact's number in its page's address."
    fields: ClassVar[Any] = ["number", ("kind", "source"), ("author", "reason"), "at"]

    def exact(self, term: str) -> Q | None:
        pk = as_id(term)
        return None if pk is None else Q(contact_id=pk)

    @display(description="Contact")
    def number(self, event: ConsentEvent) -> str:
        return masked(event.contact.phone or event.contact.bsuid)
