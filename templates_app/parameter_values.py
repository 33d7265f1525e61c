"""The values of a send's parameters, whatever part they are for: right, or refused by name. Pure."""

import re
from typing import Any

from config.api import ApiError
from config.links import is_web_link
from templates_app import personal

Component = dict[str, Any]

MEDIA = ("image", "video", "document")
MAX_CODE = 15  # Meta: one-time passwords and coupon codes
MAX_PAYLOAD = 256
MAX_FILENAME = 240
_PRODUCT = ("product_retailer_id", "catalog_id")
_VARIABLE = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")
_NUMBER = re.compile(r"[+-]?\d{1,3}(\.\d{1,20})?", re.ASCII)
_FORBIDDEN_SPACE = re.compile(r"[\n\r\t]| {5,}")  # Meta: code 132018


class InvalidComponents(ApiError):
    code = "invalid_components"


def refuse(where: str, why: str) -> InvalidComponents:
    return InvalidComponents(f"{where}: {why}", param=where)


def variables(text: str) -> list[str]:
    """The variables of a template's text in order of first use: `["1", "2"]`, or names."""
    return list(dict.fromkeys(_VARIABLE.findall(text)))


def substituted(text: str, values: dict[str, str]) -> str:
    """A template's text with its variables filled in."""
    return _VARIABLE.sub(lambda match: values.get(match[1], ""), text)


def parameters_of(component: Component | None, where: str) -> list[Component]:
    if component is None:
        return []
    parameters = component.get("parameters", [])
    if not isinstance(parameters, list) or not all(isinstance(p, dict) for p in parameters):
        raise refuse(where, "parameters must be an array of objects")
    return parameters


# --- Texts ----------------------------------------------------------------------------


def value(where: str, parameter: Component) -> Component:
    """A value for a variable of header or body."""
    kind = parameter.get("type")
    if kind == "text":
        return {"type": "text", "text": plain(where, parameter.get("text"))}
    if kind == "currency":
        return {"type": "currency", "currency": _currency(where, parameter.get("currency"))}
    if kind == "date_time":
        moment = parameter.get("date_time")
        if not isinstance(moment, dict):
            raise refuse(where, "date_time must be an object with a fallback_value")
        return {"type": "date_time", "date_time": _with_fallback(where, moment)}
    raise refuse(where, "type must be text, currency or date_time")


def shown(parameter: Component) -> str:
    """A value of header or body as people read it, as short as it can get."""
    if parameter["type"] == "text":
        return personal.shortest(parameter["text"])
    return str(parameter[parameter["type"]].get("fallback_value", ""))


def plain(where: str, text: object) -> str:
    """A text on one line, which may have placeholders for what is known of a person."""
    if isinstance(text, int) and not isinstance(text, bool):
        text = str(text)
    if not isinstance(text, str) or not text.strip():
        raise refuse(where, "text is required and must not be empty")
    if _FORBIDDEN_SPACE.search(text):
        raise refuse(where, "must not hold line breaks, tabs or more than four spaces in a row")
    return placed(where, text)


def placed(where: str, text: str) -> str:
    """The text, whose placeholders (if any) can be filled in."""
    mistake = personal.mistake(text)
    if mistake:
        raise refuse(where, mistake)
    return text


def literal(where: str, value: Any) -> Any:
    """What is the same for everybody; a placeholder that is meant in it would be sent as it stands."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
        elif isinstance(item, str) and personal.is_meant(item):
            raise refuse(where, "only text, codes to copy and payloads can hold {{contact.…}}")
    return value


def _currency(where: str, currency: object) -> Component:
    if not isinstance(currency, dict):
        raise refuse(where, "currency must be an object")
    code, amount = currency.get("code"), currency.get("amount_1000")
    if not isinstance(code, str) or len(code) != 3:
        raise refuse(where, "currency.code must be a three-letter code")
    if isinstance(amount, bool) or not isinstance(amount, int):
        raise refuse(where, "currency.amount_1000 must be a whole number")
    return _with_fallback(where, currency)


def _with_fallback(where: str, content: Component) -> Component:
    shown_as = plain(where, content.get("fallback_value"))
    return {**literal(where, content), "fallback_value": shown_as}


def code(where: str, text: str) -> None:
    """A code as people copy it: at most MAX_CODE characters of the filled-in text."""
    if len(personal.shortest(text)) > MAX_CODE:
        raise refuse(where, f"a code must be at most {MAX_CODE} characters")


# --- What is no text ------------------------------------------------------------------


def media(where: str, kind: str, parameter: Component) -> Component:
    """A file by its id or its link."""
    if parameter.get("type") != kind:
        raise refuse(where, f"must be of type {kind}, {parameter.get('type')!r} given")
    nested = parameter.get(kind)
    source = nested if isinstance(nested, dict) else parameter
    named, link, filename = (source.get(key) for key in ("id", "link", "filename"))
    found: Component = {}
    if named and isinstance(named, str | int) and not isinstance(named, bool):
        found["id"] = str(named)
    elif is_web_link(link):
        found["link"] = link
    else:
        raise refuse(where, f"the {kind} needs an id or a link that is an http or https URL")
    if kind == "document" and isinstance(filename, str):
        if len(filename) > MAX_FILENAME:
            raise refuse(where, f"filename must be at most {MAX_FILENAME} characters")
        found["filename"] = filename
    return {"type": kind, kind: literal(where, found)}


def location(where: str, kind: str, parameter: Component) -> Component:
    place = parameter.get(kind)
    if not isinstance(place, dict):
        raise refuse(where, "needs one location parameter with latitude and longitude")
    for name, most in (("latitude", 90), ("longitude", 180)):
        if not _is_degrees(place.get(name), most):
            raise refuse(where, f"{name} must be a number from -{most} to {most}")
    return {"type": kind, kind: literal(where, place)}


def _is_degrees(value: object, most: int) -> bool:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= most


def product(where: str, kind: str, parameter: Component) -> Component:
    """A product of a catalogue."""
    chosen = parameter.get(kind)
    if not isinstance(chosen, dict) or not all(chosen.get(key) for key in _PRODUCT):
        raise refuse(where, f"needs one product parameter with {' and '.join(_PRODUCT)}")
    return {"type": kind, kind: literal(where, chosen)}
