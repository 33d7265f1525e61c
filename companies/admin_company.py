"""The staff's page of a company: all of it at a glance, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from phonenumbers import SUPPORTED_REGIONS
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
)

from companies import audit, credits, staff_actions, staff_impersonation, team
from companies.admin_credit import AdjustForm, TopUpForm, move
from companies.decisions import COMPANIES
from companies.models import Channel, Company, CreditEntry, Membership
from companies.staff_actions import DecidedAdmin, decision
from config.admin import Dialog, WithReason, back, dialog, display

SHOWN = 8
CATEGORIES = ("MARKETING", "UTILITY", "AUTHENTICATION", "SERVICE")
MAX_PRICE = 10_000


def _price(category: str) -> forms.IntegerField:
    return forms.IntegerField(
        label=category.capitalize(),
        required=False,
        min_value=0,
        max_value=MAX_PRICE,
        help_text="Credits a message; empty for 1.",
        widget=UnfoldAdminIntegerFieldWidget(),
    )


class CompanyForm(forms.ModelForm):  # type: ignore[type-arg]
    """Prices are a field each, kept together as the model wants them."""

    price_marketing = _price("MARKETING")
    price_utility = _price("UTILITY")
    price_authentication = _price("AUTHENTICATION")
    price_service = _price("SERVICE")

    class Meta:
        model = Company
        fields: ClassVar[Any] = "__all__"  # noqa: DJ007  # CompanyAdmin.fieldsets picks them

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "status" in self.fields:  # of a new company; later it changes by decisions
            new = (Company.Status.ACTIVE, Company.Status.APPLIED)
            self.fields["status"].choices = [(each.value, each.label) for each in new]  # type: ignore[attr-defined]
        for category in CATEGORIES:
            self.initial[f"price_{category.lower()}"] = self.instance.prices.get(category)

    def clean_country(self) -> str:
        country = str(self.cleaned_data["country"]).upper()
        if country not in SUPPORTED_REGIONS:
            raise forms.ValidationError("Give the two letters of a country, as KE.")
        return country

    def clean_credit_floor(self) -> int:
        floor: int = self.cleaned_data["credit_floor"]
        if floor > self.instance.credits:
            raise forms.ValidationError(
                f"The balance is {self.instance.credits:,} already: the floor can't be above it."
            )
        return floor

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        given = {category: data.get(f"price_{category.lower()}") for category in CATEGORIES}
        others = {k: v for k, v in self.instance.prices.items() if k not in CATEGORIES}
        set_here = {category: price for category, price in given.items() if price is not None}
        self.instance.prices = {**others, **set_here}
        return data


class ImpersonateForm(WithReason):
    """As whom, and why."""

    field_order: ClassVar[Any] = ["member", "reason"]

    member = forms.ModelChoiceField(
        label="Work as", queryset=Membership.objects.none(), widget=UnfoldAdminSelectWidget
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = Membership.objects.filter(
            company_id=self.object_id,
            user__is_active=True,
            user__is_staff=False,
            user__is_superuser=False,
        )
        field: Any = self.fields["member"]
        field.queryset = people.select_related("user").order_by("role", "pk")
        field.label_from_instance = lambda one: f"{one.user.email} ({one.get_role_display()})"


class InviteForm(Dialog):
    """Whom, and as what."""

    email = forms.EmailField(widget=UnfoldAdminEmailInputWidget())
    role = forms.ChoiceField(
        choices=Membership.Role.choices,
        initial=Membership.Role.OWNER,
        widget=UnfoldAdminSelectWidget,
    )


# What other apps show of a company on its page: from the company, names and values for its template.
GLANCES: list[Callable[[Company], dict[str, Any]]] = []


@admin.register(Company)
class CompanyAdmin(DecidedAdmin):
    """Its status changes by decisions, its credit by the ledger: neither is typed in."""

    process = COMPANIES
    form = CompanyForm
    change_form_outer_before_template = "admin/company_glance.html"
    change_form_outer_after_template = "admin/decisions.html"
    list_display: ClassVar[Any] = ["name", "country", "state", "credit", "time_zone", "created_at"]
    list_filter: ClassVar[Any] = ["status"]
    search_fields: ClassVar[Any] = ["name"]
    fieldsets: ClassVar[Any] = [
        (None, {"fields": [("name", "status"), ("country", "time_zone")]}),
        ("Limits", {"fields": [("credit_floor", "requests_per_minute"), "trusts_templates"]}),
        (
            "Prices",
            {
                "fields": [
                    ("price_marketing", "price_utility"),
                    ("price_authentication", "price_service"),
                ]
            },
        ),
    ]
    actions_detail: ClassVar[Any] = [
        "approve",
        "decline",
        "reinstate",
        "invite",
        "top_up",
        "adjust",
        "impersonate",
        "pause_sending",
        "resume_sending",
        "suspend",
    ]

    approve = decision(COMPANIES, "approve")
    decline = decision(COMPANIES, "decline")
    suspend = decision(COMPANIES, "suspend")
    reinstate = decision(COMPANIES, "reinstate")
    pause_sending = staff_actions.pause("pause_sending")
    resume_sending = staff_actions.pause("resume_sending")

    def get_readonly_fields(self, request: HttpRequest, obj: Company | None = None) -> Any:
        return ["status"] if obj else []

    def open_actions(self, row: Company) -> set[str]:
        now = timezone.now()
        channels = list(Channel.objects.filter(company=row).only("status", "paused_until"))
        is_paused = any(channel.is_paused(now=now) for channel in channels)
        runs = any(
            channel.status == Channel.Status.CONNECTED and not channel.is_paused(now=now)
            for channel in channels
        )
        shut = set() if runs else {"pause_sending"}
        return super().open_actions(row) - shut - (set() if is_paused else {"resume_sending"})

    def glance(self, request: HttpRequest, row: Company) -> dict[str, Any]:
        now = timezone.now()
        ledger = CreditEntry.objects.filter(company=row).select_related("author").order_by("-pk")
        keys = row.api_keys.select_related("channel").order_by("-pk")[: SHOWN + 1]
        seen: dict[str, Any] = {
            "channels": list(row.channels.order_by("-is_default", "name", "pk")[: SHOWN + 1]),
            "keys": [(key, key.state(now=now)) for key in keys],
            "members": list(
                row.memberships.select_related("user").order_by("created_at")[: SHOWN + 1]
            ),
            "invited": list(
                row.invitations.filter(accepted_at=None, revoked_at=None).order_by("-pk")[:SHOWN]
            ),
            "ledger": list(ledger[:SHOWN]),
            "shown": SHOWN,
            "now": now,
        }
        for more in GLANCES:
            seen |= more(row)
        return super().glance(request, row) | seen

    def save_model(self, request: HttpRequest, obj: Company, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and form.changed_data:
            audit.record(
                audit.STAFF,
                company=obj,
                kind=audit.Kind.SETTINGS_CHANGED,
                label=obj.name,
                detail={
                    name: [str(form.initial.get(name)), str(form.cleaned_data[name])]
                    for name in form.changed_data
                },
            )

    @dialog(
        "Invite",
        permission="companies.add_invitation",
        title="Invite somebody to its team",
        text="They get a link by email, good for seven days, and choose their own password.",
        form=InviteForm,
        icon="person_add",
    )
    def invite(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        company: Company = self.get_queryset(request).get(pk=object_id)
        email, role = form.cleaned_data["email"], form.cleaned_data["role"]
        try:
            team.invite(request, company=company, email=email, role=role, by_staff=True)
        except team.TeamError as error:
            messages.error(request, str(error))
        else:
            self.log_change(request, company, f"Invited {email} as {role}")
            messages.success(request, f"{email} is invited to “{company}”.")
        return back(request, reverse("admin:companies_company_change", args=[company.pk]))

    @dialog(
        "Top up",
        permission="companies.add_creditentry",
        title="Top up credit",
        text="For a payment that was received.",
        form=TopUpForm,
        icon="add_card",
    )
    def top_up(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return self._credit(request, form, object_id)

    @dialog(
        "Adjust credit",
        permission="companies.add_creditentry",
        title="Adjust credit",
        text="To put something right. Both ways; it stays in the ledger.",
        form=AdjustForm,
        icon="tune",
    )
    def adjust(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return self._credit(request, form, object_id)

    def _credit(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        company: Company = self.get_queryset(request).get(pk=object_id)
        amount, note = form.cleaned_data["amount"], form.cleaned_data["note"]
        try:
            if form.is_first():
                move(company=company, amount=amount, note=note, author=request.user)  # type: ignore[arg-type]
                self.log_change(request, company, f"Credit {amount:+,}: {note}")
            messages.success(request, f"{amount:+,} credits for “{company}”.")
        except credits.InsufficientCredits as error:
            messages.error(request, f"Nothing was changed: {error}")
        return back(request, reverse("admin:companies_company_change", args=[company.pk]))

    @dialog(
        "Impersonate",
        permission=staff_impersonation.PERMISSION,
        title="Work as one of its people",
        text="You see and may do what that person does; the company’s audit log names it all.",
        form=ImpersonateForm,
        icon="support_agent",
        submit="Enter",
    )
    def impersonate(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        data = form.cleaned_data
        answer = staff_impersonation.start(request, data["member"], reason=data["reason"])
        if "HX-Request" in request.headers and answer.status_code == 302:
            return HttpResponse(headers={"HX-Redirect": answer["Location"]})
        return answer

    @display(description="Credits", ordering="credits")
    def credit(self, company: Company) -> str:
        return f"{company.credits:,}"

    @display(
        description="Status",
        ordering="status",
        label={"Active": "success", "Applied": "info", "Suspended": "danger"},
    )
    def state(self, company: Company) -> str:
        return company.get_status_display()
