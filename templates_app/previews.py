"""What a person will see of a template, as the bubble in their chat."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from templates_app.models import Template

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


@dataclass(frozen=True, kw_only=True)
class Bubble:
    media_icon: str = ""
    media_name: str = ""
    media_url: str = ""  # of an image that may be shown itself
    head: str = ""
    body: str = ""
    foot: str = ""
    buttons: list[str] = field(default_factory=list)


def template_bubble(
    template: Template, *, head: Mapping[str, str], body: Mapping[str, str], media: str = ""
) -> Bubble:
    """`head` and `body` are the values of the variables, by position or name; `media` is a link."""
    components = template.components if isinstance(template.components, list) else []
    parts = {str(c.get("type", "")).upper(): c for c in components if isinstance(c, dict)}
    header = parts.get("HEADER", {})
    kind = str(header.get("format", "TEXT")).lower()
    # Meta writes the text of an authentication template itself.
    text = parts.get("BODY", {}).get("text") or _("%s is your verification code.") % "{{1}}"
    return Bubble(
        media_icon=MEDIA_ICONS.get(kind, ""),
        media_name=media if kind != "text" else "",
        head=filled(str(header.get("text", "")), head),
        body=filled(str(text), body),
        foot=str(parts.get("FOOTER", {}).get("text", "")),
        buttons=_buttons(parts.get("BUTTONS", {})),
    )


def _buttons(component: Mapping[str, Any]) -> list[str]:
    buttons = [b for b in component.get("buttons") or [] if isinstance(b, dict)]
    return [str(b.get("text") or b.get("type", "")) for b in buttons]


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
