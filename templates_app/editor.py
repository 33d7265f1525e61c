"""A template in the editor: Meta's components as fields of a form, and back. Pure.

`sheet` gives what the fields hold, `components` what was written in them; nothing is lost between the
two. What the form has no field for (kinds of headers and buttons that are made elsewhere, keys that we
don't know) travels through it in `kept`. Rows of the same fields (buttons, cards, apps) come as lists.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from templates_app.lint.draft import AUTHENTICATION, NAMED, upper, variables
from templates_app.samples import example_of, sample_file, samples_of

Component = dict[str, Any]

HEADERS = ("TEXT", "IMAGE", "VIDEO", "DOCUMENT", "LOCATION")
MEDIA_HEADERS = ("IMAGE", "VIDEO", "DOCUMENT")
KEEP = "KEEP"
BUTTONS = ("QUICK_REPLY", "URL", "PHONE_NUMBER", "COPY_CODE", "FLOW", "CATALOG")
CARD_BUTTONS = ("QUICK_REPLY", "URL", "PHONE_NUMBER")
OTP_TYPES = ("COPY_CODE", "ONE_TAP", "ZERO_TAP")
# What the form has fields for, by component; anything else in it is kept.
_OWN = {
    "HEADER": ("type", "format", "text", "example"),
    "BODY": ("type", "text", "example", "add_security_recommendation"),
    "FOOTER": ("type", "text", "code_expiration_minutes"),
    "LIMITED_TIME_OFFER": ("type", "limited_time_offer"),
    "BUTTONS": ("type", "buttons"),
    "CAROUSEL": ("type", "cards"),
}
_BUTTON_KEYS = {
    "URL": ("url", "example"),
    "PHONE_NUMBER": ("phone_number",),
    "COPY_CODE": ("example",),
    "FLOW": ("flow_id",),
    "OTP": ("otp_type", "autofill_text", "zero_tap_terms_accepted", "supported_apps"),
}


class Fields(Protocol):
    """A submitted form, as django.http.QueryDict gives it."""

    def get(self, key: str, /) -> Any: ...
    def getlist(self, key: str, /) -> list[Any]: ...


# --- From components to fields --------------------------------------------------------


def sheet(components: object) -> dict[str, Any]:
    """What each field of the form holds for these components."""
    parts = {upper(part.get("type")): part for part in _objects(components)}
    buttons = [_button_fields(button) for button in _objects(parts.get("BUTTONS"), "buttons")]
    otp = next((b for b in _objects(parts.get("BUTTONS"), "buttons") if _is(b, "OTP")), {})
    offer = parts.get("LIMITED_TIME_OFFER", {}).get("limited_time_offer")
    return {
        **_header_fields(parts.get("HEADER")),
        "body": _text(parts.get("BODY")),
        "body_samples": samples_of(parts.get("BODY", {})),
        "footer": _text(parts.get("FOOTER")),
        "offer": offer if isinstance(offer, dict) else None,
        "buttons": buttons,
        **_cards_fields(parts.get("CAROUSEL")),
        "security": bool(parts.get("BODY", {}).get("add_security_recommendation")),
        "minutes": parts.get("FOOTER", {}).get("code_expiration_minutes") or "",
        "otp_type": otp.get("otp_type") or OTP_TYPES[0],
        "otp_text": otp.get("text") or "",
        "autofill_text": otp.get("autofill_text") or "",
        "zero_tap_terms": bool(otp.get("zero_tap_terms_accepted")),
        "apps": [
            {"package": app.get("package_name", ""), "hash": app.get("signature_hash", "")}
            # Meta's older way was one app, on the button itself.
            for app in _objects(otp, "supported_apps") or [otp]
            if "package_name" in app
        ],
        "kept": json.dumps(_kept(components)),
        "kept_kinds": [upper(p.get("type")) for p in _objects(components) if _is_foreign(p)],
    }


def _objects(holder: object, key: str = "") -> list[Component]:
    values = holder.get(key) if key and isinstance(holder, Mapping) else holder
    return [v for v in values if isinstance(v, dict)] if isinstance(values, list) else []


def _text(part: Component | None) -> str:
    value = part.get("text") if part else ""
    return value if isinstance(value, str) else ""


def _is(part: Component, kind: str) -> bool:
    return upper(part.get("type")) == kind


def _is_foreign(part: Component) -> bool:
    return upper(part.get("type")) not in _OWN


def _header_fields(part: Component | None) -> dict[str, Any]:
    kind = upper((part or {}).get("format")) if part else ""
    return {
        "header": kind if kind in ("", *HEADERS) else KEEP,
        "header_name": kind,
        "header_text": _text(part),
        "header_samples": samples_of(part or {}),
        "header_media": sample_file(part or {}),
    }


def _button_fields(button: Component) -> dict[str, Any]:
    kind = upper(button.get("type"))
    known = ("type", "text", *_BUTTON_KEYS.get(kind, ()))
    example = button.get("example")
    sample = example[0] if isinstance(example, list) and example else example
    return {
        "type": kind,
        "text": _text(button),
        "url": button.get("url", ""),
        "sample": sample if isinstance(sample, str) else "",
        "phone": button.get("phone_number", ""),
        "flow": button.get("flow_id", ""),
        "kept": json.dumps({key: value for key, value in button.items() if key not in known}),
    }


def _cards_fields(part: Component | None) -> dict[str, Any]:
    cards = [
        {upper(c.get("type")): c for c in _objects(card, "components")}
        for card in _objects(part, "cards")
    ]
    first = cards[0] if cards else {}
    kinds = [upper(b.get("type")) for b in _objects(first.get("BUTTONS"), "buttons")]
    rows = []
    for card in cards:
        buttons = [_button_fields(b) for b in _objects(card.get("BUTTONS"), "buttons")][:2]
        rows.append(
            {
                "media": sample_file(card.get("HEADER", {})),
                "body": _text(card.get("BODY")),
                "samples": "\n".join(samples_of(card.get("BODY", {})).values()),
                "buttons": buttons + [EMPTY_BUTTON] * (2 - len(buttons)),
            }
        )
    return {
        "is_carousel": part is not None,
        "cards": rows,
        "cards_header": upper(first.get("HEADER", {}).get("format")) or "IMAGE",
        "cards_buttons": [*kinds[:2], *[""] * (2 - len(kinds[:2]))],
    }


EMPTY_BUTTON = {
    "type": "",
    "text": "",
    "url": "",
    "sample": "",
    "phone": "",
    "flow": "",
    "kept": "{}",
}
EMPTY_CARD = {"media": "", "body": "", "samples": "", "buttons": [EMPTY_BUTTON, EMPTY_BUTTON]}


def _kept(components: object) -> dict[str, Any]:
    """By kind, the keys that the form has no field for; under "" the components that it can't make."""
    kept: dict[str, Any] = {}
    for part in _objects(components):
        kind = upper(part.get("type"))
        if _is_foreign(part):
            kept.setdefault("", []).append(part)
            continue
        rest = {key: value for key, value in part.items() if key not in _OWN[kind]}
        if kind == "HEADER" and upper(part.get("format")) not in HEADERS:
            rest = {key: value for key, value in part.items() if key != "type"}
        if rest:
            kept[kind] = rest
    return kept


# --- From fields to components --------------------------------------------------------


def components(fields: Fields) -> list[Component]:
    """What was written, as Meta takes it; right or wrong, the lint says."""
    kept = _loaded(fields.get("kept"))
    if fields.get("category") == AUTHENTICATION:
        return _authentication(fields, kept)
    parts = [
        _header(fields, kept),
        _offer(fields),
        _body(fields),
        _footer(fields),
        _carousel(fields),
        _buttons(fields),
    ]
    written = [{**_rest(kept, part["type"]), **part} for part in parts if part]
    return [*written, *_objects(kept.get(""))]


def _rest(kept: Mapping[str, Any], kind: str) -> Component:
    rest = kept.get(kind)
    return rest if isinstance(rest, dict) else {}


def _loaded(text: object) -> dict[str, Any]:
    try:
        value = json.loads(str(text or "{}"))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _plain(value: object) -> str:
    """As typed, with the line ends that Meta counts."""
    return str(value or "").replace("\r\n", "\n").replace("\r", "\n").strip()


def _is_named(fields: Fields) -> bool:
    return bool(fields.get("parameter_format") == NAMED)


def _with_samples(part: Component, fields: Fields, prefix: str) -> Component:
    names = variables(part["text"])
    given = {name: _plain(fields.get(f"{prefix}_sample_{name}")) for name in names}
    example = example_of(part["type"], names, given, named=_is_named(fields))
    return {**part, "example": example} if example else part


def _header(fields: Fields, kept: Mapping[str, Any]) -> Component | None:
    kind = fields.get("header")
    if kind == KEEP:
        return {"type": "HEADER"} if kept.get("HEADER") else None
    if kind == "TEXT":
        part = {"type": "HEADER", "format": kind, "text": _plain(fields.get("header_text"))}
        return _with_samples(part, fields, "header")
    if kind in MEDIA_HEADERS:
        return _media_header(kind, fields.get("header_media"))
    return {"type": "HEADER", "format": kind} if kind == "LOCATION" else None


def _media_header(kind: str, file: object) -> Component:
    example = {"example": {"header_handle": [str(file)]}} if file else {}
    return {"type": "HEADER", "format": kind, **example}


def _offer(fields: Fields) -> Component | None:
    if fields.get("kind") != "offer":
        return None
    offer = {"text": _plain(fields.get("offer_text")), "has_expiration": _on(fields, "offer_ends")}
    return {"type": "LIMITED_TIME_OFFER", "limited_time_offer": offer}


def _on(fields: Fields, name: str) -> bool:
    return fields.get(name) in ("on", "1", "true")


def _body(fields: Fields) -> Component:
    return _with_samples({"type": "BODY", "text": _plain(fields.get("body"))}, fields, "body")


def _footer(fields: Fields) -> Component | None:
    text = _plain(fields.get("footer"))
    return {"type": "FOOTER", "text": text} if text else None


def _rows(fields: Fields, *names: str) -> Iterator[dict[str, str]]:
    """Rows of the form, each of whose fields comes once per row."""
    columns = [[_plain(value) for value in fields.getlist(name)] for name in names]
    for values in zip(*columns, strict=False):
        yield dict(zip(names, values, strict=True))


def _buttons(fields: Fields) -> Component | None:
    names = ("type", "text", "url", "sample", "phone", "code", "flow", "kept")
    if fields.get("kind") == "carousel":
        return None
    rows = _rows(fields, *(f"button_{name}" for name in names))
    buttons = [_button(row, "button_") for row in rows if row["button_type"]]
    return {"type": "BUTTONS", "buttons": buttons} if buttons else None


def _button(row: Mapping[str, str], prefix: str) -> Component:
    kind, text = row[f"{prefix}type"], row[f"{prefix}text"]
    button: Component = {**_loaded(row[f"{prefix}kept"]), "type": kind}
    if text or kind != "COPY_CODE":
        button["text"] = text
    if kind == "URL":
        button["url"] = row[f"{prefix}url"]
        if row[f"{prefix}sample"] and variables(button["url"]):
            button["example"] = [row[f"{prefix}sample"]]
    elif kind == "PHONE_NUMBER":
        button["phone_number"] = row[f"{prefix}phone"]
    elif kind == "COPY_CODE" and row[f"{prefix}code"]:
        button["example"] = row[f"{prefix}code"]
    elif kind == "FLOW" and not button.keys() & {"flow_name", "flow_json"}:
        button["flow_id"] = row[f"{prefix}flow"]
    return button


def _carousel(fields: Fields) -> Component | None:
    if fields.get("kind") != "carousel":
        return None
    kinds = [fields.get("cards_button_1"), fields.get("cards_button_2")]
    names = ["card_media", "card_body", "card_samples"]
    for number in (1, 2):
        names += [f"card_{key}_{number}" for key in ("text", "url", "sample", "phone", "kept")]
    cards = [{"components": _card(row, fields, kinds)} for row in _rows(fields, *names)]
    return {"type": "CAROUSEL", "cards": cards}


def _card(row: Mapping[str, str], fields: Fields, kinds: list[Any]) -> list[Component]:
    parts = [_media_header(str(fields.get("cards_header") or "IMAGE"), row["card_media"])]
    if row["card_body"]:
        body: Component = {"type": "BODY", "text": row["card_body"]}
        names, lines = variables(body["text"]), row["card_samples"].split("\n")
        given = dict(zip(names, map(str.strip, lines), strict=False))
        example = example_of("BODY", names, given, named=_is_named(fields))
        parts.append({**body, "example": example} if example else body)
    buttons = []
    for number, kind in enumerate(kinds, start=1):
        if kind:
            keys = ("text", "url", "sample", "phone", "kept")
            given = {f"b_{key}": row[f"card_{key}_{number}"] for key in keys}
            buttons.append(_button({**given, "b_type": str(kind)}, "b_"))
    return [*parts, {"type": "BUTTONS", "buttons": buttons}] if buttons else parts


def _authentication(fields: Fields, kept: Mapping[str, Any]) -> list[Component]:
    """WhatsApp writes the texts; what can be chosen is little."""
    otp_type = fields.get("otp_type") or OTP_TYPES[0]
    button: Component = {"type": "OTP", "otp_type": otp_type}
    for key, name in (("text", "otp_text"), ("autofill_text", "autofill_text")):
        if _plain(fields.get(name)):
            button[key] = _plain(fields.get(name))
    if otp_type != "COPY_CODE":
        apps = _rows(fields, "app_package", "app_hash")
        button["supported_apps"] = [
            {"package_name": app["app_package"], "signature_hash": app["app_hash"]} for app in apps
        ]
    if otp_type == "ZERO_TAP":
        button["zero_tap_terms_accepted"] = _on(fields, "zero_tap_terms")
    body = {"type": "BODY", "add_security_recommendation": _on(fields, "security")}
    parts: list[Component] = [{**_rest(kept, "BODY"), **body}]
    minutes = _plain(fields.get("minutes"))
    if minutes:
        number = int(minutes) if minutes.isascii() and minutes.isdigit() else minutes
        parts.append({"type": "FOOTER", "code_expiration_minutes": number})
    return [*parts, {"type": "BUTTONS", "buttons": [button]}]
