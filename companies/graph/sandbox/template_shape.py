"""What a template asks of whoever sends it, worked out once per template."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

PLACEHOLDER: Final = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")

# Meta writes the text of authentication templates itself.
AUTH_TEXT: Final = "*{{1}}* is your verification code."
AUTH_ADVICE: Final = " For your security, do not share this code."

MAX_BODY = 1024
MAX_OFFER_BODY = 600
MAX_CARD_BODY = 160  # of a single product's message, too

# Kinds of button that cannot be sent without a parameter.
ALWAYS: Final = {"OTP", "COPY_CODE", "FLOW", "MPM"}
SUB_TYPES: Final = {
    "QUICK_REPLY": "quick_reply",
    "URL": "url",
    "OTP": "url",
    "COPY_CODE": "copy_code",
    "FLOW": "flow",
    "CATALOG": "catalog",
    "MPM": "mpm",
    "SPM": "spm",
    "VOICE_CALL": "voice_call",
    "PHONE_NUMBER": "phone_number",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Button:
    kind: str
    needed: bool
    variable: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    header: str = ""  # TEXT, IMAGE, …; empty: none
    header_text: str = ""
    header_names: tuple[str, ...] = ()
    body_text: str = ""
    body_names: tuple[str, ...] = ()
    max_body: int = MAX_BODY  # with its variables filled in
    named: bool = False
    buttons: tuple[Button, ...] = ()
    cards: "tuple[Shape, ...]" = ()
    product_cards: bool = False
    expires: bool = False  # a limited-time offer with an expiry
    code: bool = False  # an authentication template


def placeholders(text: str) -> list[str]:
    """The names of the variables in a text, each once, in the order of appearance."""
    return list(dict.fromkeys(PLACEHOLDER.findall(text)))


def fill(text: str, values: dict[str, str]) -> str:
    return PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)


def shape_of(template: dict[str, Any]) -> Shape:
    """The shape of a template in Meta's create format."""
    named = str(template.get("parameter_format", "")).upper() == "NAMED"
    code = str(template.get("category", "")).upper() == "AUTHENTICATION"
    return _shape(template.get("components") or [], named=named, code=code)


def _shape(
    components: Iterable[dict[str, Any]], *, named: bool, code: bool = False, in_card: bool = False
) -> Shape:
    parts: dict[str, Any] = {"named": named, "code": code}
    if in_card:
        parts["max_body"] = MAX_CARD_BODY
    for component in components:
        kind = str(component.get("type", "")).upper()
        if kind == "HEADER":
            parts["header"] = str(component.get("format", "TEXT")).upper()
            parts["header_text"] = component.get("text") or ""
            parts["header_names"] = tuple(placeholders(parts["header_text"]))
        elif kind == "BODY":
            text = body_text(component, code=code)
            parts["body_text"] = text
            parts["body_names"] = tuple(_ordered(placeholders(text), named=named))
        elif kind == "BUTTONS":
            parts["buttons"] = tuple(_button(b) for b in component.get("buttons") or [])
            if any(button.kind == "SPM" for button in parts["buttons"]):
                parts["max_body"] = MAX_CARD_BODY
        elif kind == "LIMITED_TIME_OFFER":
            offer = component.get("limited_time_offer") or {}
            parts["expires"] = bool(offer.get("has_expiration"))
            parts["max_body"] = MAX_OFFER_BODY
        elif kind == "CAROUSEL":
            cards = component.get("cards") or []
            parts["cards"] = tuple(
                _shape(c.get("components") or [], named=named, in_card=True) for c in cards
            )
            parts["product_cards"] = any(c.header == "PRODUCT" for c in parts["cards"])
    return Shape(**parts)


def body_text(component: dict[str, Any], *, code: bool) -> str:
    if code:
        return AUTH_TEXT + (AUTH_ADVICE if component.get("add_security_recommendation") else "")
    return component.get("text") or ""


def _ordered(names: list[str], *, named: bool) -> list[str]:
    return names if named else sorted(names, key=lambda n: int(n) if n.isdigit() else 0)


def _button(button: dict[str, Any]) -> Button:
    kind = str(button.get("type", "")).upper()
    variable = kind == "OTP" or (kind == "URL" and bool(placeholders(button.get("url") or "")))
    return Button(kind=kind, needed=variable or kind in ALWAYS, variable=variable)
