"""Staff screens of channels."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.widgets import UnfoldAdminPasswordWidget

from companies import audit, staff_actions
from companies.decisions import CHANNELS
from companies.models import Channel, DoctorReport
from companies.staff_actions import DecidedAdmin, decision
from config.admin import ReadOnlyAdmin, display, pretty_json


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
        company = data.get("company") or self.instance.company_id
        others = Channel.objects.filter(company=company, is_default=True)
        other = others.exclude(pk=self.instance.pk).first()
        if data.get("is_default") and other:
            self.add_error("is_default", f"The company's default is {other} now; clear it there.")
        return data


@admin.register(Channel)
class ChannelAdmin(DecidedAdmin):
    """Its status changes by decisions, and its pause by a dialog: neither is typed in."""

    process = CHANNELS
    form = ChannelForm
    change_form_outer_after_template = "admin/decisions.html"
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
    readonly_fields: ClassVar[Any] = [
        "status",
        "status_reason",
        "paused_until",
        "pause_reason",
        "requested_at",
        "created_at",
    ]
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
        ("Pause", {"fields": [("paused_until", "pause_reason")]}),
        ("Times", {"fields": [("requested_at", "created_at")]}),
    ]
    actions_detail: ClassVar[Any] = [
        "connect",
        "reject",
        "pause",
        "resume",
        "reconnect",
        "disconnect",
    ]

    connect = decision(CHANNELS, "connect")
    reject = decision(CHANNELS, "reject")
    reconnect = decision(CHANNELS, "reconnect")
    disconnect = decision(CHANNELS, "disconnect")
    pause = staff_actions.pause("pause")
    resume = staff_actions.pause("resume")

    def open_actions(self, row: Channel) -> set[str]:
        is_paused = row.is_paused(now=timezone.now())
        shut = {"pause"} if is_paused or row.status != Channel.Status.CONNECTED else set()
        return super().open_actions(row) - shut - (set() if is_paused else {"resume"})

    def get_readonly_fields(self, request: HttpRequest, obj: Channel | None = None) -> Any:
        """A channel does not move to another company with all that hangs on it."""
        fixed = ["company"] if obj else []
        return [*super().get_readonly_fields(request, obj), *fixed]

    def save_model(self, request: HttpRequest, obj: Channel, form: Any, change: bool) -> None:
        """The company's owners read what was changed; never the token."""
        super().save_model(request, obj, form, change)
        # An empty token is one that was kept.
        kept = set() if form.data.get("access_token") else {"access_token"}
        changed = [name.replace("_", " ") for name in form.changed_data if name not in kept]
        if changed:
            audit.record(
                audit.STAFF,
                company=obj.company,
                kind=audit.Kind.CHANNEL_CHANGED,
                label=obj.name,
                detail={"changed": ", ".join(changed)},
            )

    @display(
        description="Status",
        ordering="status",
        label={"Connected": "success", "Requested": "info", "Disconnected": "danger"},
    )
    def connection(self, channel: Channel) -> str:
        return channel.get_status_display()


@admin.register(DoctorReport)
class DoctorReportAdmin(ReadOnlyAdmin):
    """What was last found when a channel's connection to Meta was looked at."""

    list_display: ClassVar[Any] = ["channel", "company", "at"]
    list_select_related: ClassVar[Any] = ["channel__company"]
    fields: ClassVar[Any] = [("channel", "at"), "shown_findings"]
    readonly_fields: ClassVar[Any] = ["shown_findings"]

    @display(description="Company")
    def company(self, report: DoctorReport) -> str:
        return report.channel.company.name

    @display(description="Findings")
    def shown_findings(self, report: DoctorReport) -> SafeString:
        return pretty_json(report.findings)
