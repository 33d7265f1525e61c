"""What a person will see of a template, as the bubble in their chat."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from templates_app.fixed_texts import Texts, texts
from templates_app.models import Template
from templates_app.samples import sample_file, samples_of

MEDIA_ICONS = {
    "image": "photo",
    "sticker": "photo",
    "video": "video",
    "audio": "music",
    "document": "file-text",
    "location": "map-pin",
}
# WhatsApp's own marks: *bold*, _italic_, ~struck~ and ```code```.
_MARKS = [
    (re.compile(r"```([^`]+)```"), r"<code>\1</code>"),
    (re.compile(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])"), r"<strong>\1</strong>"),
    (re.compile(r"(?<![\w_])_([^_\n]+)_(?![\w_])"), r"<em>\1</em>"),
    (re.compile(r"(?<![\w~])~([^~\n]+)~(?![\w~])"), r"<s>\1</s>"),
]
_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


# Written from right to left.
_RTL = ("ar", "fa", "he", "ur")
# WhatsApp shows so many buttons; of more, two and an opener of the rest.
_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Bubble:
    media_icon: str = ""
    media_name: str = ""
    media_url: str = ""  # of an image that may be shown itself
    head: str = ""
    offer: str = ""
    ends: bool = False  # the offer's time is shown running out
    body: str = ""
    foot: str = ""
    buttons: list[str] = field(default_factory=list)
    cards: list[Bubble] = field(default_factory=list)
    dir: str = "auto"  # as HTML has it


def template_bubble(
    template: Template, *, head: Mapping[str, str], body: Mapping[str, str], media: str = ""
) -> Bubble:
    """`head` and `body` are the values of the variables, by position or name; `media` is a link."""
    return components_bubble(
        template.components, language=template.language, head=head, body=body, media=media
    )


def components_bubble(
    components: object,
    *,
    language: str,
    head: Mapping[str, str],
    body: Mapping[str, str],
    media: str = "",
) -> Bubble:
    """As `template_bubble`, of components that are no template yet."""
    parts = _by_kind(components)
    header, offer = parts.get("HEADER", {}), parts.get("LIMITED_TIME_OFFER", {})
    kind = str(header.get("format", "TEXT")).lower()
    offered = offer.get("limited_time_offer")
    offered = offered if isinstance(offered, dict) else {}
    fixed = texts(language)
    is_code = bool(parts) and "text" not in parts.get("BODY", {})
    # WhatsApp writes the text of an authentication template itself.
    text = _code_text(parts, fixed) if is_code else str(parts.get("BODY", {}).get("text") or "")
    return Bubble(
        media_icon=MEDIA_ICONS.get(kind, ""),
        media_name=media if kind != "text" else "",
        head=filled(str(header.get("text", "")), head),
        offer=str(offered.get("text", "")),
        ends=bool(offered.get("has_expiration")),
        body=filled(text, body),
        foot=_foot(parts.get("FOOTER", {}), fixed),
        buttons=_buttons(parts.get("BUTTONS", {}), fixed),
        cards=_cards(parts.get("CAROUSEL", {}), language),
        dir="rtl" if language.partition("_")[0] in _RTL else "ltr",
    )


def _by_kind(components: object) -> dict[str, dict[str, Any]]:
    given = components if isinstance(components, list) else []
    return {str(c.get("type", "")).upper(): c for c in given if isinstance(c, dict)}


def _code_text(parts: Mapping[str, Any], fixed: Texts) -> str:
    is_safe = parts.get("BODY", {}).get("add_security_recommendation")
    body = fixed.body.replace("{{1}}", "*{{1}}*")
    return f"{body} {fixed.security}" if is_safe else body


def _foot(component: Mapping[str, Any], fixed: Texts) -> str:
    minutes = component.get("code_expiration_minutes")
    return fixed.expires % {"minutes": minutes} if minutes else str(component.get("text", ""))


def _buttons(component: Mapping[str, Any], fixed: Texts) -> list[str]:
    given = component.get("buttons")
    buttons = [b for b in given if isinstance(b, dict)] if isinstance(given, list) else []
    words = [str(b.get("text") or _unnamed(b, fixed)) for b in buttons]
    return words if len(words) <= _SHOWN else [*words[: _SHOWN - 1], _("See all options")]


def _unnamed(button: Mapping[str, Any], fixed: Texts) -> str:
    """What WhatsApp writes on a button that has no words of its own."""
    kind = str(button.get("type", "")).upper()
    if kind in ("OTP", "COPY_CODE"):
        return fixed.copy_code
    return kind.replace("_", " ").capitalize()


def _cards(component: Mapping[str, Any], language: str) -> list[Bubble]:
    given = component.get("cards")
    return [
        components_bubble(
            card.get("components"),
            language=language,
            head={},
            body=_samples(card),
            media=_file(card),
        )
        for card in (given if isinstance(given, list) else ())
        if isinstance(card, dict)
    ]


def _samples(card: Mapping[str, Any]) -> dict[str, str]:
    return samples_of(_by_kind(card.get("components")).get("BODY", {}))


def _file(card: Mapping[str, Any]) -> str:
    return sample_file(_by_kind(card.get("components")).get("HEADER", {}))


def styled(text: str) -> SafeString:
    """Escaped first, then WhatsApp's marks become elements."""
    html = str(conditional_escape(text))
    for mark, element in _MARKS:
        html = mark.sub(element, html)
    return mark_safe(html)  # noqa: S308  # escaped above; the elements are ours


def filled(text: str, values: Mapping[str, str]) -> SafeString:
    """A template's text with its variables as chips: the value, or the name where none is known."""

    def chip(match: re.Match[str]) -> str:
        return format_html('<span class="wa-var">{}</span>', values.get(match[1], match[0]))

    return mark_safe(_VARIABLE.sub(chip, styled(text)))  # noqa: S308  # both parts are escaped
