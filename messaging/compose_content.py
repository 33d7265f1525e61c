"""What a person writes on the Send page, as the payload that Graph takes: a form for each kind.

A form can be asked for its payload twice: as it stands, for the preview while somebody types
(`draft`), and checked as the API's requests are (`payload`, once the form is valid).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.core.validators import MaxLengthValidator
from django.utils.translation import gettext_lazy as _

from companies.models import Company
from config.api import ApiError
from config.links import is_web_link
from messaging import interactive, media, payloads
from messaging.media_types import FORMATS
from messaging.models import Media
from messaging.payloads import Payload
from templates_app.models import Template

Values = Mapping[str, str]

MAX_LINK = 2_000
MEDIA_KINDS = [
    ("image", _("Image")),
    ("video", _("Video")),
    ("audio", _("Audio")),
    ("document", _("Document")),
]


class Words(forms.CharField):
    """What people write: its length in characters as WhatsApp counts them, line ends as one each."""

    def __init__(self, *, most: int, rows: int = 0, **kwargs: Any) -> None:
        # Browsers count an emoji twice, so their own `maxlength` is not used; static/send.js counts.
        attrs = {"data-most": most, "dir": "auto", "autocomplete": "off"}
        widget = (
            forms.Textarea(attrs={**attrs, "rows": rows}) if rows else forms.TextInput(attrs=attrs)
        )
        super().__init__(widget=widget, validators=[MaxLengthValidator(most)], **kwargs)

    def to_python(self, value: Any) -> str:
        return plain_lines(str(super().to_python(value)))


def plain_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


class ContentForm(forms.Form):
    """One kind of message. `payload` is there once it is valid."""

    kind: ClassVar[str]
    template: Template | None = None
    payload: Payload

    def __init__(self, *args: Any, company: Company, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.company = company

    def build(self, values: Values) -> Payload:
        """The payload of these values, right or wrong."""
        raise NotImplementedError

    def check(self, payload: Payload) -> Payload:
        """The payload as it is sent; raises ApiError."""
        raise NotImplementedError

    def written(self) -> dict[str, str]:
        """What stands in the fields, right or wrong."""
        given = self.data if self.is_bound else self.initial
        return {name: plain_lines(str(given.get(name) or "")).strip() for name in self.fields}

    def draft(self) -> Payload:
        """The payload as far as it is written."""
        return self.build(self.written())

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not self.errors:
            try:
                self.payload = self.check(self.build(data))
                media.refuse_unsendable(self.payload, company_id=self.company.pk)
            except ApiError as error:
                self.add_error(error.param if error.param in self.fields else None, error.message)
        return data


class TextForm(ContentForm):
    kind = "text"
    body = Words(
        most=payloads.MAX_TEXT,
        rows=6,
        label=_("Message"),
        help_text=_("*bold*, _italic_, ~struck~ and ```code``` as in WhatsApp."),
    )

    def build(self, values: Values) -> Payload:
        return payloads.text(values["body"][: payloads.MAX_TEXT])

    def check(self, payload: Payload) -> Payload:
        return payload


class FileFields(forms.Form):
    """A file by link, or uploaded: a new one comes as `file`, an earlier one as `media_id`."""

    media_id = forms.CharField(required=False, widget=forms.HiddenInput)
    file = forms.FileField(label=_("Upload a file"), required=False)
    link = Words(
        most=MAX_LINK,
        label=_("Or a link to it"),
        required=False,
        help_text=_("WhatsApp fetches it from there: anybody must be able to open it."),
    )
    company: Company

    def upload(self) -> Media | None:
        """The file that was uploaded, stored now if it is new."""
        company_id = self.company.pk
        new = self.files.get("file") if self.files else None
        if new:
            return media.store(company_id=company_id, file=new, filename=new.name or "")
        return media.find(company_id=company_id, public_id=self.data.get("media_id"))

    def check_source(self, *, required: bool = True) -> None:
        """Note what is wrong with the file or link; keeps a new file."""
        self.fields["link"].widget.attrs["inputmode"] = "url"
        try:
            uploaded = self.upload()
        except ApiError as error:
            self.add_error("file", error.message)
            return
        link = self.cleaned_data.get("link", "")
        self.cleaned_data["media_id"] = uploaded.public_id if uploaded else ""
        if self.data.get("media_id") and not uploaded:
            self.add_error("file", _("This file is not there any more: upload it again."))
        elif not uploaded and link and not is_web_link(link):
            self.add_error("link", _("This is no http or https link."))
        elif required and not uploaded and not link:
            self.add_error("file", _("Choose a file, or give a link."))


def source(values: Values) -> Payload:
    """The object that names a file in a payload."""
    return (
        {"id": values["media_id"]} if values.get("media_id") else {"link": values.get("link", "")}
    )


class MediaForm(FileFields, ContentForm):
    kind = "media"
    media_kind = forms.ChoiceField(label=_("What it is"), choices=MEDIA_KINDS, required=False)
    caption = Words(
        most=payloads.MAX_CAPTION,
        rows=3,
        label=_("Caption (optional)"),
        required=False,
        help_text=_("Not for audio."),
    )
    field_order = ("file", "link", "media_kind", "caption")

    def clean(self) -> dict[str, Any]:
        self.check_source()
        return super().clean()

    def build(self, values: Values) -> Payload:
        uploaded = media.find(company_id=self.company.pk, public_id=values.get("media_id"))
        kind = uploaded.kind if uploaded else values.get("media_kind") or "image"
        content = source(values)
        if uploaded and kind == "document":
            content["filename"] = uploaded.filename
        if values["caption"] and kind != "audio":
            content["caption"] = values["caption"]
        return {"type": kind, kind: content}

    def check(self, payload: Payload) -> Payload:
        kind = payload["type"]
        content = payload[kind]
        return payloads.media(
            kind,
            link=content.get("link"),
            media_id=content.get("id", ""),
            caption=content.get("caption"),
            filename=content.get("filename", ""),
        )


class _InteractiveForm(ContentForm):
    header = Words(most=interactive.MAX_HEADER, label=_("Heading (optional)"), required=False)
    body = Words(most=interactive.MAX_BODY, rows=4, label=_("Message"))
    footer = Words(most=interactive.MAX_FOOTER, label=_("Footer (optional)"), required=False)

    def action(self, values: Values) -> Payload:
        raise NotImplementedError

    def build(self, values: Values) -> Payload:
        content: Payload = {"type": self.of_type, "body": {"text": values["body"]}}
        if values["header"]:
            content["header"] = {"type": "text", "text": values["header"]}
        if values["footer"]:
            content["footer"] = {"text": values["footer"]}
        content["action"] = self.action(values)
        return payloads.interactive(content)

    def check(self, payload: Payload) -> Payload:
        return payloads.interactive(interactive.check(payload["interactive"]))

    of_type: ClassVar[str]


def _button(number: int) -> Words:
    label = _("Button %d") % number if number == 1 else _("Button %d (optional)") % number
    return Words(most=interactive.MAX_BUTTON_TITLE, label=label, required=number == 1)


class ButtonsForm(_InteractiveForm):
    kind, of_type = "buttons", "button"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for number in range(1, interactive.MAX_BUTTONS + 1):
            self.fields[f"button_{number}"] = _button(number)

    def action(self, values: Values) -> Payload:
        titles = [values[f"button_{n}"] for n in range(1, interactive.MAX_BUTTONS + 1)]
        return {
            "buttons": [
                {"type": "reply", "reply": {"id": f"button_{n}", "title": title}}
                for n, title in enumerate(titles, start=1)
                if title
            ]
        }

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        _refuse_repeated(self, [f"button_{n}" for n in range(1, interactive.MAX_BUTTONS + 1)])
        return data


def _refuse_repeated(form: forms.Form, names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        title = form.cleaned_data.get(name, "")
        if title and title in seen:
            form.add_error(name, _("This stands there already."))
        seen.add(title)


class ListForm(_InteractiveForm):
    kind, of_type = "list", "list"
    body = Words(most=interactive.MAX_LIST_BODY, rows=4, label=_("Message"))
    button = Words(
        most=interactive.MAX_BUTTON_TITLE,
        label=_("Words that open the list"),
        help_text=_("For example: See the menu"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for n in self.numbers:
            self.fields[f"title_{n}"] = Words(
                most=interactive.MAX_ROW_TITLE, label=_("Choice %d") % n, required=n == 1
            )
            self.fields[f"description_{n}"] = Words(
                most=interactive.MAX_ROW_DESCRIPTION,
                label=_("Description %d (optional)") % n,
                required=False,
            )

    numbers = range(1, interactive.MAX_ROWS + 1)

    def rows(self) -> list[tuple[forms.BoundField, forms.BoundField, bool]]:
        """Title and description of each choice, and whether it is one to show from the start."""
        used = [bool(self[f"title_{n}"].value()) for n in self.numbers]
        last = max((n for n in self.numbers if used[n - 1]), default=0)
        return [
            (self[f"title_{n}"], self[f"description_{n}"], n <= max(2, last + 1))
            for n in self.numbers
        ]

    def action(self, values: Values) -> Payload:
        rows = []
        for n in self.numbers:
            if values[f"title_{n}"]:
                row = {"id": f"choice_{n}", "title": values[f"title_{n}"]}
                if values[f"description_{n}"]:
                    row["description"] = values[f"description_{n}"]
                rows.append(row)
        return {"button": values["button"], "sections": [{"rows": rows}]}

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        for n in self.numbers:
            if data.get(f"description_{n}") and not data.get(f"title_{n}"):
                self.add_error(f"title_{n}", _("A description needs a choice above it."))
        _refuse_repeated(self, [f"title_{n}" for n in self.numbers])
        return data


class LinkForm(_InteractiveForm):
    kind, of_type = "link", "cta_url"
    display_text = Words(most=interactive.MAX_BUTTON_TITLE, label=_("Words on the button"))
    url = Words(most=MAX_LINK, label=_("Opens the link"))

    def action(self, values: Values) -> Payload:
        return {
            "name": "cta_url",
            "parameters": {"display_text": values["display_text"], "url": values["url"]},
        }

    def clean(self) -> dict[str, Any]:
        url = self.cleaned_data.get("url")
        if url and not is_web_link(url):
            self.add_error("url", _("This is no http or https link."))
        return super().clean()


def accepted_files() -> str:
    """For a file field's `accept`."""
    return ",".join(sorted(FORMATS))
