"""Staff screens of the address books. Numbers are masked in lists and whole on a contact's page."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from companies.models import Company
from config.admin import ExactSearchMixin, ReadOnlyAdmin, StaffAdmin, display
from config.masking import masked
from contacts.models import Contact, ContactTag, Tag


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
