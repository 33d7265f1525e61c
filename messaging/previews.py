"""What a person will see of a message: a batch's payload as the bubble in their chat.

One-time codes are left out: whoever may look at a batch need not be able to use them.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from messaging import media
from messaging.models import Batch
from templates_app.models import Template
from templates_app.previews import (
    MEDIA_ICONS,
    Bubble,
    components_bubble,
    styled,
    template_bubble,
)
from templates_app.samples import sample_file, samples_of

Payload = dict[str, Any]

HIDDEN = "••••••"


def _content(batch: Batch) -> tuple[str, Payload]:
    return _parts(batch.payload)


def _parts(payload: Any) -> tuple[str, Payload]:
    """The type, and the object that Graph keeps under its name."""
    payload = payload if isinstance(payload, dict) else {}
    kind = str(payload.get("type", ""))
    content = payload.get(kind)
    return kind, content if isinstance(content, dict) else {}


def bubble(batch: Batch, payload: Any = None) -> Bubble:
    """`payload` is the batch's own unless one of its messages has another."""
    return bubble_of(
        payload or batch.payload,
        template=batch.template,
        company_id=batch.company_id,
        hide=is_secret(batch),
    )


def bubble_of(
    payload: Any, *, template: Template | None, company_id: int, hide: bool = False
) -> Bubble:
    """The bubble of a payload; `hide` puts dots for the variables. Our own files are shown."""
    return _with_own_file(words_of(payload, template=template, hide=hide), payload, company_id)


def words_of(payload: Any, *, template: Template | None, hide: bool = False) -> Bubble:
    """As `bubble_of`, without looking for our own files: asks the database nothing."""
    kind, content = _parts(payload)
    if kind == "template":
        return _template(content, template, hide=hide)
    if kind == "interactive":
        return _interactive(content)
    if kind in MEDIA_ICONS:
        return _media(kind, content)
    text = styled(str(content.get("body", "")))
    return Bubble(body=text or ("" if kind == "text" else _("A message of type %s") % kind))


def _with_own_file(bubble: Bubble, payload: Any, company_id: int) -> Bubble:
    named = next(media.named_in(payload), None)
    return with_file(bubble, named[1]["id"], company_id=company_id) if named else bubble


def with_file(bubble: Bubble, public_id: str, *, company_id: int) -> Bubble:
    """The bubble with one of our own files in it; an image is shown itself."""
    file = media.find(company_id=company_id, public_id=public_id) if public_id else None
    if file is None:
        return bubble
    shown = file.content_type.startswith("image/")
    url = reverse("inbound_media", args=[file.public_id]) if shown else ""
    return replace(bubble, media_name="" if shown else file.filename, media_url=url)


def sample_bubble(components: object, *, language: str, company_id: int) -> Bubble:
    """A template's components as the customer would see them, with all samples in their places."""
    given = components if isinstance(components, list) else []
    parts = {str(part.get("type", "")).upper(): part for part in given if isinstance(part, dict)}
    shown = components_bubble(
        components,
        language=language,
        head=samples_of(parts.get("HEADER", {})),
        body=samples_of(parts.get("BODY", {})),
    )
    cards = [with_file(card, card.media_name, company_id=company_id) for card in shown.cards]
    shown = replace(shown, cards=cards)
    return with_file(shown, sample_file(parts.get("HEADER", {})), company_id=company_id)


def is_secret(batch: Batch) -> bool:
    return batch.category == Template.Category.AUTHENTICATION


def pretty(batch: Batch, payload: Any = None) -> str:
    """The payload as indented JSON; empty where it holds a one-time code."""
    shown = payload or batch.payload
    return "" if is_secret(batch) else json.dumps(shown, indent=2, ensure_ascii=False)


def summary(batch: Batch) -> str:
    """One line for lists: the text, the template's name, the file."""
    kind, content = _content(batch)
    if kind == "interactive":
        return _text(content, "body")
    for key in ("body", "name", "caption", "filename", "link"):
        if isinstance(content.get(key), str) and content[key]:
            return str(content[key])
    return ""


def _value(parameter: Payload, *, hide: bool) -> str:
    if hide:
        return HIDDEN
    kind = str(parameter.get("type", "text"))
    content = parameter.get(kind)
    if isinstance(content, dict):
        return str(content.get("fallback_value") or content.get("link") or kind)
    return str(content if content is not None else "")


def _values(components: list[Payload], kind: str, *, hide: bool) -> dict[str, str]:
    """Position or name -> value, of the header's or the body's variables."""
    found: Payload = next((c for c in components if str(c.get("type", "")).lower() == kind), {})
    return {
        str(each.get("parameter_name") or position): _value(each, hide=hide)
        for position, each in enumerate(found.get("parameters") or [], start=1)
        if isinstance(each, dict)
    }


def _template(content: Payload, template: Template | None, *, hide: bool) -> Bubble:
    components = [c for c in content.get("components") or [] if isinstance(c, dict)]
    head, body = (_values(components, kind, hide=hide) for kind in ("header", "body"))
    if template is None:
        return Bubble(head=str(content.get("name", "")), body=", ".join(body.values()))
    return template_bubble(template, head=head, body=body, media=next(iter(head.values()), ""))


def _media(kind: str, content: Payload) -> Bubble:
    name = content.get("filename") or content.get("name") or content.get("link")
    return Bubble(
        media_icon=MEDIA_ICONS[kind],
        media_name=str(name or content.get("id") or kind),
        body=styled(str(content.get("caption", ""))),
    )


def _text(content: Payload, part: str) -> str:
    inner = content.get(part)
    return str(inner.get("text", "")) if isinstance(inner, dict) else ""


def _interactive(content: Payload) -> Bubble:
    header = content.get("header") or {}
    kind = str(header.get("type", "text"))
    return Bubble(
        media_icon=MEDIA_ICONS.get(kind, ""),
        media_name=str((header.get(kind) or {}).get("link", "")) if kind != "text" else "",
        head=_text(content, "header") if kind == "text" else "",
        body=styled(_text(content, "body")),
        foot=_text(content, "footer"),
        buttons=_choices(content.get("action") or {}),
    )


def _choices(action: Payload) -> list[str]:
    """What can be tapped: reply buttons, a list's opener, a link."""
    if isinstance(action.get("button"), str):
        return [action["button"]]
    buttons = action.get("buttons") or []
    replies = [str((b.get("reply") or {}).get("title", "")) for b in buttons if isinstance(b, dict)]
    parameters = action.get("parameters") or {}
    link = parameters.get("display_text") or parameters.get("flow_cta")
    return [str(text) for text in [*replies, link] if text]
