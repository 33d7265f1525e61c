"""What a company's people fill in."""

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from companies.models import Channel, Company

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

    def __init__(self, *args: Any, company: Company, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        channels = Channel.objects.filter(company=company).order_by("name", "pk")
        self.fields["channel"].queryset = channels  # type: ignore[attr-defined]

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
