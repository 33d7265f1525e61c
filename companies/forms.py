"""What a company's people fill in."""

import zoneinfo
from datetime import datetime, time, timedelta
from typing import Any, ClassVar

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from companies.audit import STAFF, Kind
from companies.models import Channel, Company, Scope, User, all_scopes

MAX_YEAR = 2999


class ApiKeyForm(forms.Form):
    """Its cleaned data are the arguments of `keys.issue`."""

    name = forms.CharField(
        label=_("Name"), max_length=80, help_text=_("The program that will use it.")
    )
    channel = forms.ModelChoiceField(
        label=_("Sends from"),
        queryset=Channel.objects.none(),
        required=False,
        empty_label=_("The default channel"),
        help_text=_("Where a request names no channel."),
    )
    expires_at = forms.DateField(
        label=_("Last day (optional)"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("Empty: it never expires."),
    )
    scopes = forms.MultipleChoiceField(
        label=pgettext_lazy("permission, not the month", "May"),
        choices=Scope.choices,
        initial=Scope.values,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    # Boxes that are all empty send nothing: this tells them from a form that had no boxes.
    had_scopes = forms.BooleanField(required=False, initial=True, widget=forms.HiddenInput)

    def __init__(self, *args: Any, company: Company, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        channels = Channel.objects.filter(company=company).order_by("name", "pk")
        self.fields["channel"].queryset = channels  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.pop("had_scopes", False) and not data.get("scopes"):
            self.add_error("scopes", _("Choose at least one."))
        data["scopes"] = data.get("scopes") or all_scopes()
        return data

    def clean_expires_at(self) -> datetime | None:
        """The end of that day, in the company's time zone (the page's current one)."""
        day = self.cleaned_data["expires_at"]
        if day is None:
            return None
        if day < timezone.localdate():
            raise forms.ValidationError(_("This day has passed."))
        if day.year > MAX_YEAR:
            raise forms.ValidationError(_("This day is too far away."))
        return timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min))


class RollKeyForm(forms.Form):
    """Its cleaned `overlap` is a timedelta."""

    overlap = forms.TypedChoiceField(
        label=_("The old key works on"),
        choices=[
            ("0", _("not at all")),
            ("1", _("for 1 hour")),
            ("24", _("for 24 hours")),
            ("168", _("for 7 days")),
        ],
        initial="24",
        coerce=lambda hours: timedelta(hours=int(hours)),
    )


def time_zones() -> list[tuple[str, str]]:
    """Of places: not the abbreviations and offsets that the database has besides."""
    names = sorted(name for name in zoneinfo.available_timezones() if "/" in name)
    return [("UTC", "UTC"), *((n, n) for n in names if not n.startswith(("Etc/", "SystemV/")))]


class CompanyForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Company
        fields: ClassVar[Any] = ["name", "time_zone", "low_balance_at"]
        labels: ClassVar[Any] = {
            "name": _("Company name"),
            "time_zone": _("Time zone"),
            "low_balance_at": _("Warn when the credit falls below (optional)"),
        }
        help_texts: ClassVar[Any] = {
            "time_zone": _("Of all times on these pages, and of the days that are counted."),
            "low_balance_at": _("Owners and developers get a notice and a mail. Empty: never."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = time_zones()
        now = self.instance.time_zone
        if (now, now) not in choices:
            choices.insert(0, (now, now))
        self.fields["time_zone"].widget = forms.Select(choices=choices)


class DaysForm(forms.Form):
    """A form with the days `since` and `until`, which it places itself: in their order."""

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        since, until = data.get("since"), data.get("until")
        if since and until and since > until:
            self.add_error("until", _("This day is before the first."))
        return data


class AuditFilter(DaysForm):
    """Bound to request.GET; `who` is a person as the log names them, member or not."""

    kind = forms.ChoiceField(
        label=_("What happened"), required=False, choices=[("", _("Anything")), *Kind.choices]
    )
    who = forms.ChoiceField(label=_("Who"), required=False)
    since = forms.DateField(
        label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    until = forms.DateField(
        label=_("To"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def __init__(self, *args: Any, company: Company, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        members = User.objects.filter(memberships__company=company).order_by("email")
        # Who has left, or was never a member, is asked for by a link in the log.
        names = dict.fromkeys([*map(str, members), STAFF, self.data.get("who", "")])
        fields: dict[str, Any] = self.fields
        fields["who"].choices = [("", _("Anybody")), *((name, name) for name in names if name)]
