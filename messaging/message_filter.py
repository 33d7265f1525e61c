"""What the log of messages can be filtered by, as its page's URL says it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from companies.forms import DaysForm
from companies.models import ApiKey, Channel, Company
from config import by_time, public_ids
from contacts.models import Contact, Tag
from contacts.phones import is_bsuid, to_e164
from messaging.display import PILLS, reason_title
from messaging.message_log import STATES, Filter
from messaging.models import DailyFailure

TYPES = [
    ("text", _("Text")),
    ("template", _("Template")),
    ("interactive", _("Interactive")),
    ("image", _("Image")),
    ("video", _("Video")),
    ("audio", _("Audio")),
    ("document", _("Document")),
    ("sticker", _("Sticker")),
]
REASONS_FOR = timedelta(days=90)
# What is mostly asked for stands open; the rest is folded away until it is used.
MAIN = ("status", "recipient", "since", "until")
_DAY = forms.DateInput(attrs={"type": "date"})


class MessageFilter(DaysForm):
    """Bound to request.GET; `wanted` is what it asks for, once it is valid."""

    status = forms.ChoiceField(
        label=_("Status"),
        required=False,
        choices=[
            ("", _("Any")),
            *((word, PILLS[states[0]].word) for word, states in STATES.items()),
        ],
    )
    recipient = forms.CharField(
        label=_("Number"),
        required=False,
        max_length=140,
        widget=forms.TextInput(attrs={"inputmode": "tel", "placeholder": "0712 345 678"}),
    )
    since = forms.DateField(label=_("From"), required=False, widget=_DAY)
    until = forms.DateField(label=_("To"), required=False, widget=_DAY)
    channel = forms.ModelChoiceField(
        label=_("Channel"), queryset=Channel.objects.none(), required=False, empty_label=_("Any")
    )
    type = forms.ChoiceField(label=_("Type"), required=False, choices=[("", _("Any")), *TYPES])
    tag = forms.ModelChoiceField(
        label=_("People with the tag"),
        queryset=Tag.objects.none(),
        required=False,
        empty_label=_("Any"),
    )
    error = forms.ChoiceField(label=_("Reason of failure"), required=False)
    batch = forms.CharField(
        label=_("Batch"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"placeholder": "batch_…", "dir": "ltr"}),
    )
    key = forms.ModelChoiceField(
        label=_("API key"), queryset=ApiKey.objects.none(), required=False, empty_label=_("Any")
    )

    def __init__(self, *args: Any, company: Company, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.company = company
        fields: dict[str, Any] = self.fields
        channels = Channel.objects.filter(company=company).defer("access_token")
        fields["channel"].queryset = channels.order_by("name", "pk")
        fields["tag"].queryset = Tag.objects.filter(company=company).order_by("name")
        fields["key"].queryset = ApiKey.objects.filter(company=company).order_by("name", "pk")
        fields["error"].choices = self._reasons()

    def _reasons(self) -> list[tuple[str, Any]]:
        """Those that there were lately, and the one that is asked for."""
        lately = DailyFailure.objects.filter(
            company=self.company, day__gte=timezone.localdate() - REASONS_FOR
        )
        codes = {*lately.values_list("code", flat=True).distinct(), self.data.get("error", "")}
        named = [(code, reason_title(code)) for code in sorted(codes) if code]
        words = [(code, f"{code}: {title}" if title else code) for code, title in named]
        return [("", _("Any")), *words]

    def clean_recipient(self) -> Contact | None:
        """By number in any form, BSUID, or our own id, which tells nobody the number."""
        text = self.cleaned_data["recipient"].strip()
        if not text:
            return None
        people = Contact.objects.filter(company=self.company)
        pk = public_ids.decode("contact", text)
        if pk is not None:
            person = people.filter(pk=pk).first()
        elif is_bsuid(text):
            person = people.filter(bsuid=text).first()
        else:
            number = to_e164(text, country=self.company.country)
            if number is None:
                raise forms.ValidationError(_("This is no phone number."))
            person = people.filter(phone=number).first()
        if person is None:
            raise forms.ValidationError(_("Nobody with this number was ever written to."))
        return person

    def clean_batch(self) -> int | None:
        text = self.cleaned_data["batch"].strip()
        pk = public_ids.decode("batch", text)
        if text and pk is None:
            raise forms.ValidationError(
                _("This is no batch’s id; they look like batch_4k2v9d1x8q0zt.")
            )
        return pk

    @property
    def wanted(self) -> Filter:
        data = self.cleaned_data
        return Filter(
            status=data["status"],
            channel_id=_pk(data["channel"]),
            content_type=data["type"],
            tag_id=_pk(data["tag"]),
            since=by_time.midnight(data["since"]),
            until=by_time.midnight(data["until"], after=True),
            error_code=data["error"],
            batch_id=data["batch"],
            api_key_id=_pk(data["key"]),
            contact_id=_pk(data["recipient"]),
        )

    @property
    def main_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in MAIN]

    @property
    def other_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name not in MAIN]

    @property
    def shows_others(self) -> bool:
        return any(name not in MAIN for name in (*self.changed_data, *self.errors))


def _pk(row: Any) -> int | None:
    return row.pk if row else None
