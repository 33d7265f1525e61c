"""The values of a template's variables, as a person fills them in: a field for each."""

from __future__ import annotations

from collections.abc import Iterator, Sized
from datetime import datetime
from typing import Any

from django import forms
from django.core.validators import MaxLengthValidator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from messaging.compose_content import ContentForm, FileFields, Values, Words, source
from messaging.dialects.base import template_payload
from messaging.payloads import MAX_PLACE, Payload
from templates_app import parameters, personal
from templates_app.models import Template

MAX_URL_PART = 2_000
MAX_VARIABLE = 1024


class Variable(Words):
    """A value that may have placeholders for what is known of each person: it counts as long as it is
    for whoever has the shortest value.
    """

    def __init__(self, *, most: int, **kwargs: Any) -> None:
        super().__init__(most=most, **kwargs)
        self.validators = [_ShortestLength(most), _check_placeholders]
        self.widget.attrs["data-personal"] = True


class _ShortestLength(MaxLengthValidator):
    def clean(self, x: Sized) -> int:
        return len(personal.shortest(str(x)))


def _check_placeholders(text: str) -> None:
    if personal.mistake(text):
        raise forms.ValidationError(
            _(
                "There are the placeholders %(names)s. Each may have a word for those without a value, "
                "as in %(example)s."
            ),
            params={"names": personal.THERE_ARE, "example": "{{contact.name|friend}}"},
        )


class TemplateForm(FileFields, ContentForm):
    """The fields are those that the template's variables need."""

    kind = "template"
    template: Template

    def __init__(self, *args: Any, template: Template, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.template = template
        self.parts = {str(p.get("type", "")).upper(): p for p in template.components}
        self.is_code = template.category == Template.Category.AUTHENTICATION
        self.samples: dict[str, str] = {}
        self.media_kind = self._media_kind()
        if not self.media_kind:
            for name in ("media_id", "file", "link"):
                del self.fields[name]
        for name, field in (*self._header_fields(), *self._body_fields(), *self._button_fields()):
            self.fields[name] = field

    @property
    def is_beyond_forms(self) -> bool:
        """A carousel has more parts than a form can ask for; the API takes them."""
        return "CAROUSEL" in self.parts

    @property
    def is_fillable(self) -> bool:
        """Whether anything in it can be each person’s own."""
        return any(isinstance(field, Variable) for field in self.fields.values())

    def _media_kind(self) -> str:
        kind = str(self.parts.get("HEADER", {}).get("format", "TEXT")).lower()
        return kind if kind in parameters.MEDIA else ""

    def _header_fields(self) -> Iterator[tuple[str, forms.Field]]:
        header = self.parts.get("HEADER", {})
        if str(header.get("format", "TEXT")).upper() == "LOCATION":
            yield "latitude", Words(most=24, label=_("Latitude"))
            yield "longitude", Words(most=24, label=_("Longitude"))
            yield "place", Words(most=MAX_PLACE, label=_("Name of the place"), required=False)
            yield "address", Words(most=MAX_PLACE, label=_("Its address"), required=False)
        names = parameters.variables(str(header.get("text", "")))
        samples = _samples(header, "header_text", names)
        for name in names:
            label = _("Heading: {{%s}}") % name
            yield self._variable(f"head_{name}", label, samples.get(name, ""), most=60)

    def _body_fields(self) -> Iterator[tuple[str, forms.Field]]:
        body = self.parts.get("BODY", {})
        if self.is_code:
            yield self._variable("body_1", _("The code"), "", most=parameters.MAX_CODE)
            return
        names = parameters.variables(str(body.get("text", "")))
        samples = _samples(body, "body_text", names)
        for name in names:
            label = _("Text: {{%s}}") % name
            yield self._variable(f"body_{name}", label, samples.get(name, ""), most=MAX_VARIABLE)

    def _button_fields(self) -> Iterator[tuple[str, forms.Field]]:
        for index, button in enumerate(self._buttons()):
            words = str(button.get("text", ""))
            kind = str(button.get("type", "")).upper()
            url = str(button.get("url", ""))
            sample = _first(button.get("example"))
            if kind == "URL" and parameters.variables(url):
                label = _("End of the link of “%s”") % words
                yield self._variable(
                    f"url_{index}", label, _ending(sample, url), most=MAX_URL_PART, help_text=url
                )
            elif kind == "COPY_CODE":
                yield self._variable(
                    f"coupon_{index}", _("Code to copy"), sample, most=parameters.MAX_CODE
                )
        offer = self.parts.get("LIMITED_TIME_OFFER", {}).get("limited_time_offer", {})
        if offer.get("has_expiration"):
            yield (
                "offer_until",
                forms.DateTimeField(
                    label=_("The offer ends"),
                    widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
                ),
            )

    def _buttons(self) -> list[Payload]:
        return [b for b in self.parts.get("BUTTONS", {}).get("buttons", []) if isinstance(b, dict)]

    def _variable(
        self, name: str, label: object, sample: str, *, most: int, help_text: str = ""
    ) -> tuple[str, forms.Field]:
        kind = Words if self.is_code else Variable
        field = kind(most=most, label=label, help_text=help_text)
        if sample:
            self.samples[name] = sample
            field.widget.attrs["placeholder"] = sample
        return name, field

    def clean(self) -> dict[str, Any]:
        if self.media_kind:
            self.check_source()
        if self.is_beyond_forms:
            self.add_error(None, _("A carousel can only be sent through the API."))
        return super().clean()

    def draft(self) -> Payload:
        """As far as it is written, with the template's samples for the rest."""
        shown = {n: value or self.samples.get(n, "") for n, value in self.written().items()}
        return self.build({name: value for name, value in shown.items() if value})

    def build(self, values: Values) -> Payload:
        components = [
            *_component("header", self._header_values(values)),
            *_component("body", self._texts("body_", values)),
            *self._button_values(values),
        ]
        offer_until = values.get("offer_until")
        if isinstance(offer_until, datetime):
            ends = {"expiration_time_ms": int(offer_until.timestamp() * 1000)}
            components += _component(
                "limited_time_offer", [{"type": "limited_time_offer", "limited_time_offer": ends}]
            )
        template = self.template
        content: Payload = {"name": template.name, "language": {"code": template.language}}
        return {"type": "template", "template": {**content, "components": components}}

    def _header_values(self, values: Values) -> list[Payload]:
        if self.media_kind:
            named = source(values)
            return (
                [{"type": self.media_kind, self.media_kind: named}] if any(named.values()) else []
            )
        if values.get("latitude"):
            place = {
                name: values[key]
                for name, key in (
                    ("latitude", "latitude"),
                    ("longitude", "longitude"),
                    ("name", "place"),
                    ("address", "address"),
                )
                if values.get(key)
            }
            return [{"type": "location", "location": place}]
        return self._texts("head_", values)

    def _texts(self, prefix: str, values: Values) -> list[Payload]:
        names = [name for name in self.fields if name.startswith(prefix)]
        texts = []
        for name in names:
            variable = name.removeprefix(prefix)
            text: Payload = {"type": "text", "text": values.get(name) or f"{{{{{variable}}}}}"}
            if not variable.isdigit():
                text["parameter_name"] = variable
            texts.append(text)
        return texts

    def _button_values(self, values: Values) -> list[Payload]:
        out = []
        for index, button in enumerate(self._buttons()):
            if values.get(f"url_{index}"):
                out.append(_button(index, "url", {"type": "text", "text": values[f"url_{index}"]}))
            elif values.get(f"coupon_{index}"):
                coupon = {"type": "coupon_code", "coupon_code": values[f"coupon_{index}"]}
                out.append(_button(index, "copy_code", coupon))
            elif str(button.get("type", "")).upper() == "OTP" and values.get("body_1"):
                out.append(_button(index, "url", {"type": "text", "text": values["body_1"]}))
        return out

    def check(self, payload: Payload) -> Payload:
        return template_payload(self.template, payload["template"]["components"])

    def clean_offer_until(self) -> datetime:
        until: datetime = self.cleaned_data["offer_until"]
        if until <= timezone.now():
            raise forms.ValidationError(_("This time has passed."))
        return until


def _component(kind: str, values: list[Payload]) -> list[Payload]:
    return [{"type": kind, "parameters": values}] if values else []


def _button(index: int, sub_type: str, parameter: Payload) -> Payload:
    return {"type": "button", "sub_type": sub_type, "index": index, "parameters": [parameter]}


def _first(value: object) -> str:
    while isinstance(value, list) and value:
        value = value[0]
    return str(value) if isinstance(value, str | int) else ""


def _ending(sample: str, url: str) -> str:
    """What the variable at the end of a button's link stands for in its sample."""
    return sample.removeprefix(url.partition("{{")[0])


def _samples(part: Payload, key: str, names: list[str]) -> dict[str, str]:
    """The sample of each variable, as Meta keeps them: by position, or by name."""
    example = part.get("example")
    if not isinstance(example, dict):
        return {}
    named = example.get(f"{key}_named_params")
    if isinstance(named, list):
        return {
            str(each.get("param_name")): str(each.get("example", ""))
            for each in named
            if isinstance(each, dict)
        }
    values = example.get(key)
    if isinstance(values, list) and values and isinstance(values[0], list):
        values = values[0]
    return dict(zip(names, map(str, values), strict=False)) if isinstance(values, list) else {}
