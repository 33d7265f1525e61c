"""What a company's people fill in about contacts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from companies.models import Company
from contacts import csv_files, import_rows, services
from contacts.finding import Filter
from contacts.models import Contact, ContactImport, Tag, Tagging
from contacts.people import MAX_TAGS
from contacts.phones import NotANumber, typed_number

BLANK_FIELDS = 3


def tag_choices(company: Company) -> list[tuple[int, str]]:
    tags = Tag.objects.filter(company=company).order_by("name", "pk")[:MAX_TAGS]
    return [(tag.pk, tag.name) for tag in tags]


class ContactFilter(forms.Form):
    """The filters of the list; `wanted` is what its cleaned data ask for."""

    q = forms.CharField(
        label=_("Name, number or BSUID"),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )
    tag = forms.TypedChoiceField(label=_("Tag"), required=False, coerce=int, empty_value=None)
    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[
            ("", _("Any")),
            ("opted_out", _("Opted out")),
            ("unreachable", _("Not on WhatsApp")),
            ("window_open", _("Wrote within 24 hours")),
        ],
    )
    who = forms.ChoiceField(
        label=_("Show"),
        required=False,
        choices=[("", _("Address book")), ("all", _("Also numbers only written to"))],
    )

    def __init__(self, *args: Any, company: Company, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", _("Any")), *tag_choices(company)]
        self.fields["tag"].choices = choices  # type: ignore[attr-defined]

    @property
    def wanted(self) -> Filter:
        data = self.cleaned_data
        return Filter(
            search=data["q"].replace("\x00", ""),
            tag_id=data["tag"],
            opted_out=data["state"] == "opted_out",
            unreachable=data["state"] == "unreachable",
            window_open=data["state"] == "window_open",
            everybody=data["who"] == "all",
        )


class ContactForm(forms.Form):
    """A contact as it is typed in. `custom_fields` are read from pairs of inputs beside it."""

    name = forms.CharField(
        label=_("Name"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
    )
    phone = forms.CharField(
        label=_("Number"),
        max_length=40,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "off", "dir": "ltr"}),
        help_text=_("With the country code, or as it is written at home."),
    )
    tags = forms.CharField(
        label=_("Tags"),
        required=False,
        max_length=4_000,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
        help_text=_("Between commas. New ones are made."),
    )

    def __init__(
        self, *args: Any, company: Company, contact: Contact | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.company, self.contact = company, contact
        # Who is known by a BSUID needs no number.
        self.fields["phone"].required = not (contact and contact.bsuid)

    def clean_phone(self) -> str:
        text = self.cleaned_data["phone"]
        if not text:
            return ""
        try:
            return typed_number(text, country=self.company.country)
        except NotANumber as error:
            raise forms.ValidationError(str(error)) from error

    def clean_tags(self) -> list[str]:
        return import_rows.tag_names(self.cleaned_data["tags"].replace("\x00", ""))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        data["custom_fields"] = self._custom_fields()
        if len(json.dumps(data["custom_fields"])) > services.MAX_FIELDS:
            self.add_error(None, _("The custom fields are too long."))
        return data

    def _custom_fields(self) -> dict[str, Any]:
        """Values that were not touched stay what they are: over the API they may be more than text."""
        before = self.contact.custom_fields if self.contact else {}
        fields = {}
        for key, text in self.typed_fields():
            if key and key in before and field_text(before[key]) == text:
                fields[key] = before[key]
            elif key:
                fields[key] = text
        return fields

    def typed_fields(self) -> list[tuple[str, str]]:
        """The pairs as they were sent, else the contact's own; those without a name are left out."""
        if not self.is_bound:
            fields = self.contact.custom_fields if self.contact else {}
            return [(str(key), field_text(value)) for key, value in fields.items()]
        names = self.data.getlist("field_name")  # type: ignore[attr-defined]
        values = self.data.getlist("field_value")  # type: ignore[attr-defined]
        pairs = zip(names, values, strict=False)
        tidy = [(" ".join(n.split())[:80].replace("\x00", ""), v.strip()) for n, v in pairs]
        return [(name, value[:5_000].replace("\x00", "")) for name, value in tidy if name]

    def field_rows(self) -> list[tuple[str, str]]:
        """What the page shows: the fields, and room for more."""
        return [*self.typed_fields(), *[("", "")] * BLANK_FIELDS]


def field_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class WishForm(forms.Form):
    """Why somebody is opted out, or in again."""

    reason = forms.CharField(
        label=_("Why"),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
        help_text=_("How you know, such as “asked us on the phone”."),
    )


class MergeForm(forms.Form):
    other = forms.CharField(
        label=_("The other one’s number"),
        max_length=140,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "ltr"}),
        help_text=_(
            "Or its BSUID. Its tags and messages come here; this one’s name and fields stay."
        ),
    )


class EraseForm(forms.Form):
    """Confirmed by typing how the contact is known."""

    typed = forms.CharField(
        max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "ltr"})
    )

    def __init__(self, *args: Any, contact: Contact, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.word = erase_word(contact)
        self.fields["typed"].label = _now("Type %(word)s to go on") % {"word": self.word}

    def clean_typed(self) -> str:
        typed = self.cleaned_data["typed"].strip().lstrip("+")
        if typed != self.word:
            raise forms.ValidationError(_now("This is not %(word)s.") % {"word": self.word})
        return str(typed)


def erase_word(contact: Contact) -> str:
    """The last digits of the number, or the end of the BSUID."""
    return (contact.phone or contact.bsuid or contact.public_id)[-6:]


class TagForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
    )

    def __init__(self, *args: Any, company: Company, tag: Tag | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.company, self.tag = company, tag

    def clean_name(self) -> str:
        name = " ".join(self.cleaned_data["name"].replace("\x00", "").split())
        if "," in name or ";" in name:
            raise forms.ValidationError(_("A tag’s name has no comma or semicolon."))
        others = Tag.objects.filter(company=self.company)
        if self.tag:
            others = others.exclude(pk=self.tag.pk)
        if others.filter(name=name).exists():
            raise forms.ValidationError(_("There is a tag of this name."))
        if not self.tag and others.count() >= MAX_TAGS:
            raise forms.ValidationError(_now("There are %(n)d tags already.") % {"n": MAX_TAGS})
        return name


class TaggingForm(forms.Form):
    """A tag for many: `action`, and the tag by id, or by name where it is a new one."""

    action = forms.ChoiceField(choices=[(a, Tagging.Action(a).label) for a in ("add", "remove")])
    tag = forms.TypedChoiceField(coerce=int)

    def __init__(self, *args: Any, company: Company, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tag"].choices = tag_choices(company)  # type: ignore[attr-defined]


class UploadForm(forms.Form):
    file = forms.FileField(
        label=_("CSV file"),
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,text/csv"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        limit = filesizeformat(settings.IMPORT_MAX_BYTES)
        self.fields["file"].help_text = _now("Up to %(limit)s, one person a row.") % {
            "limit": limit
        }

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if not file.size:
            raise forms.ValidationError(_("The file is empty."))
        if file.size > settings.IMPORT_MAX_BYTES:
            limit = filesizeformat(settings.IMPORT_MAX_BYTES)
            raise forms.ValidationError(_now("The file is over %(limit)s.") % {"limit": limit})
        return file


COLUMN_KINDS = [
    (csv_files.SKIP, _("Don’t import")),
    (csv_files.PHONE, _("Number")),
    (csv_files.NAME, _("Name")),
    (csv_files.TAGS, _("Tags")),
    (csv_files.OPTED_OUT, _("Opted out (yes or no)")),
    (csv_files.FIELD, _("Custom field")),
]


class MappingForm(forms.Form):
    """What each column of a file holds, and what is to be done with it. Columns are `column_0` …"""

    has_header = forms.BooleanField(label=_("The first row holds headings"), required=False)
    tags = forms.CharField(
        label=_("Tags for all of them"),
        required=False,
        max_length=1_000,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
        help_text=_("Between commas. New ones are made."),
    )
    known = forms.ChoiceField(
        label=_("Who is in the address book already"),
        choices=ContactImport.Known.choices,
        widget=forms.RadioSelect,
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, job: ContactImport) -> None:
        initial = {
            "has_header": job.has_header,
            "tags": ", ".join(job.tag_names),
            "known": job.known,
        }
        super().__init__(data, initial=initial)
        self.job = job
        for at, heading in enumerate(job.header):
            self.fields[f"column_{at}"] = forms.ChoiceField(
                label=heading,
                choices=COLUMN_KINDS,
                required=False,
                initial=job.mapping[at],
                widget=forms.Select(attrs={"class": "form-select"}),
            )

    def columns(self) -> list[Any]:
        return [self[f"column_{at}"] for at in range(len(self.job.header))]

    def clean_tags(self) -> list[str]:
        return import_rows.tag_names(self.cleaned_data["tags"].replace("\x00", ""))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        data["mapping"] = [data.get(f"column_{at}", "") for at in range(len(self.job.header))]
        numbers = data["mapping"].count(csv_files.PHONE)
        if numbers != 1:
            self.add_error(None, _("Say which one column holds the number."))
        return data
