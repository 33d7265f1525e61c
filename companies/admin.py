"""Staff screens of companies, channels, keys and credit."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.widgets import UnfoldAdminPasswordWidget

from companies import credits, keys
from companies.admin_people import MembershipInline
from companies.models import ApiKey, Channel, Company, CreditEntry, RateWindow
from companies.views import key_state
from config.admin import ExactSearchMixin, ReadOnlyAdmin, StaffAdmin, as_id, display


@admin.register(Company)
class CompanyAdmin(StaffAdmin):
    list_display: ClassVar[Any] = ["name", "country", "state", "credits", "time_zone", "created_at"]
    list_filter: ClassVar[Any] = ["status"]
    search_fields: ClassVar[Any] = ["name"]
    readonly_fields: ClassVar[Any] = ["credits", "created_at"]
    inlines: ClassVar[Any] = [MembershipInline]
    fieldsets: ClassVar[Any] = [
        (None, {"fields": ["name", ("country", "time_zone"), "status"]}),
        ("Money", {"fields": [("credits", "credit_floor"), "prices"]}),
        ("Limits", {"fields": ["requests_per_minute", "created_at"]}),
    ]

    @display(
        description="Status",
        ordering="status",
        label={"Active": "success", "Applied": "info", "Suspended": "danger"},
    )
    def state(self, company: Company) -> str:
        return company.get_status_display()


class ChannelForm(forms.ModelForm):  # type: ignore[type-arg]
    """The token is written, never read: an empty field keeps the one that is stored."""

    access_token = forms.CharField(
        required=False,
        strip=True,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text="Never shown. Leave empty to keep the stored one.",
    )

    class Meta:
        model = Channel
        fields: ClassVar[Any] = "__all__"  # noqa: DJ007  # ChannelAdmin.fieldsets picks them

    def clean_access_token(self) -> str:
        return str(self.cleaned_data["access_token"] or self.instance.access_token)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        others = Channel.objects.filter(company=data.get("company"), is_default=True)
        other = others.exclude(pk=self.instance.pk).first()
        if data.get("is_default") and other:
            self.add_error("is_default", f"The company's default is {other} now; clear it there.")
        return data


@admin.register(Channel)
class ChannelAdmin(StaffAdmin):
    form = ChannelForm
    list_display: ClassVar[Any] = [
        "name",
        "company",
        "phone_number",
        "connection",
        "quality",
        "is_default",
        "rate_per_second",
        "paused_until",
    ]
    list_select_related: ClassVar[Any] = ["company"]
    list_filter: ClassVar[Any] = ["status", ("company", AutocompleteSelectFilter)]
    search_fields: ClassVar[Any] = ["name", "phone_number", "=phone_number_id", "=waba_id"]
    autocomplete_fields: ClassVar[Any] = ["company"]
    readonly_fields: ClassVar[Any] = ["created_at"]
    fieldsets: ClassVar[Any] = [
        (None, {"fields": [("company", "name"), ("status", "is_default"), "status_reason"]}),
        (
            "At Meta",
            {
                "fields": [
                    ("phone_number", "verified_name"),
                    ("phone_number_id", "waba_id"),
                    "access_token",
                ]
            },
        ),
        ("Speed", {"fields": [("rate_per_second", "daily_limit"), "quality"]}),
        ("Pause", {"fields": ["paused_until", "pause_reason", "created_at"]}),
    ]

    @display(
        description="Status",
        ordering="status",
        label={"Connected": "success", "Requested": "info", "Disconnected": "danger"},
    )
    def connection(self, channel: Channel) -> str:
        return channel.get_status_display()


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
        ("created_by", "created_at"),
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
        return key_state(key, now=timezone.now())

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("companies.change_apikey")

    @admin.action(description="Revoke the selected keys", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset:
            keys.revoke(key)
            self.log_change(request, key, "Revoked.")
        messages.success(request, "Revoked: these keys are refused from now on.")


class CreditEntryForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = CreditEntry
        fields: ClassVar[Any] = ["company", "amount", "note"]
        help_texts: ClassVar[Any] = {"amount": "A top-up; negative takes credit away."}

    def clean_amount(self) -> int:
        amount: int = self.cleaned_data["amount"]
        if amount == 0:
            raise forms.ValidationError("Give an amount.")
        return amount


@admin.register(CreditEntry)
class CreditEntryAdmin(ExactSearchMixin, ReadOnlyAdmin):
    """The ledger: entries are added (a top-up, an adjustment), never changed."""

    form = CreditEntryForm
    list_display: ClassVar[Any] = [
        "id",
        "company",
        "kind",
        "amount",
        "note",
        "author",
        "created_at",
    ]
    list_display_links: ClassVar[Any] = ["id"]
    list_select_related: ClassVar[Any] = ["company", "author"]
    list_filter: ClassVar[Any] = [("company", AutocompleteSelectFilter)]
    search_help_text = "An entry's id."
    autocomplete_fields: ClassVar[Any] = ["company"]
    add_fieldsets: ClassVar[Any] = [(None, {"fields": ["company", "amount", "note"]})]
    fields: ClassVar[Any] = [
        "company",
        ("kind", "amount"),
        "note",
        ("batch_id", "author"),
        "created_at",
    ]

    def exact(self, term: str) -> Q | None:
        pk = as_id(term)
        return None if pk is None else Q(pk=pk)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("companies.add_creditentry")

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().add_view(request, *args, **kwargs)  # type: ignore[no-any-return]
        except credits.InsufficientCredits as error:
            messages.error(request, f"Nothing was changed: {error}")
            return HttpResponseRedirect(reverse("admin:companies_creditentry_add"))

    def save_model(self, request: HttpRequest, obj: CreditEntry, form: Any, change: bool) -> None:
        """Only the ledger's own code writes entries: it moves the balance with them."""
        credits.top_up(
            company=obj.company,
            amount=obj.amount,
            author=request.user,  # type: ignore[arg-type]  # admin lets no one else in
            note=obj.note,
        )
        written = CreditEntry.objects.filter(company=obj.company, author_id=request.user.pk)
        obj.pk = written.latest("pk").pk


@admin.register(RateWindow)
class RateWindowAdmin(ReadOnlyAdmin):
    list_display: ClassVar[Any] = ["key", "started", "count"]
    search_fields: ClassVar[Any] = ["=key"]
