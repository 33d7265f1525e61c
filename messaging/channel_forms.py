"""What is filled in to connect a number, and to change one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

_TOKEN = forms.PasswordInput(
    render_value=False, attrs={"autocomplete": "off", "spellcheck": "false", "dir": "ltr"}
)
_META_ID = {"inputmode": "numeric", "autocomplete": "off", "dir": "ltr"}
_ID_ERRORS = {"invalid": _("Digits only, about 15 of them.")}


def _token_field(help_text: Any) -> forms.CharField:
    return forms.CharField(
        label=_("Access token"), max_length=1000, widget=_TOKEN, help_text=help_text
    )


class _TokenForm(forms.Form):
    """A form with a token, which is one printable word without spaces."""

    def clean_access_token(self) -> str:
        token = str(self.cleaned_data["access_token"]).strip()
        if not (token.isascii() and token.isprintable()) or " " in token:
            raise forms.ValidationError(gettext("A token has no spaces and no special characters."))
        return token


class ConnectForm(_TokenForm):
    """Its cleaned data are what `connecting.request_channel` asks for."""

    name = forms.CharField(
        label=_("Name"), max_length=80, help_text=_("What you call it, like “Shop Nairobi”.")
    )
    waba_id = forms.RegexField(
        r"^[0-9]{10,20}$",
        label=_("WhatsApp Business account id"),
        widget=forms.TextInput(attrs=_META_ID),
        error_messages=_ID_ERRORS,
        help_text=_("In WhatsApp Manager, under Account tools, Phone numbers."),
    )
    phone_number_id = forms.RegexField(
        r"^[0-9]{10,20}$",
        label=_("Phone number id"),
        widget=forms.TextInput(attrs=_META_ID),
        error_messages=_ID_ERRORS,
        help_text=_("Not the number itself: the id that stands under it there."),
    )
    access_token = _token_field(
        _(
            "Of a system user with the permissions whatsapp_business_messaging and "
            "whatsapp_business_management. It is stored encrypted and never shown again."
        )
    )


class ReconnectForm(_TokenForm):
    access_token = _token_field(_("Checked at Meta before it takes the old one’s place."))


class DisconnectForm(forms.Form):
    reason = forms.CharField(
        label=_("Why"), max_length=200, help_text=_("Your colleagues read it here and in the log.")
    )


class SettingsForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=80)
    rate_per_second = forms.IntegerField(label=_("Messages a second"), min_value=1)

    def __init__(self, *args: Any, most: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["rate_per_second"]
        field.widget.attrs["max"] = most
        field.help_text = gettext("From 1 to %(most)s, which is what Meta allows this number.") % {
            "most": f"{most:,}"
        }
        self.most = most

    def clean_rate_per_second(self) -> int:
        rate = int(self.cleaned_data["rate_per_second"])
        if rate > self.most:
            raise forms.ValidationError(
                gettext("Meta allows this number %(most)s a second.") % {"most": f"{self.most:,}"}
            )
        return rate
