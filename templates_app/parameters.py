"""Whether a send's `components` fit a template, and what Graph is to get. Pure: no queries.

Two wordings are taken for media, `{"type": "image", "link": …}` and Meta's own
`{"type": "image", "image": {"link": …}}`; what comes out is always Meta's.
"""

import re
from collections.abc import Callable
from typing import Any

from config.api import ApiError
from config.links import is_web_link

Component = dict[str, Any]

_VARIABLE = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")
_FORBIDDEN_SPACE = re.compile(r"[\n\r\t]| {5,}")  # Meta: code 132018
MEDIA = ("image", "video", "document")
MAX_CODE = 15  # Meta: one-time passwords and coupon codes
MAX_PAYLOAD = 256
MAX_RENDERED = {"header": 60, "body": 1024}


class InvalidComponents(ApiError):
    code = "invalid_components"


def _refuse(where: str, why: str) -> InvalidComponents:
    return InvalidComponents(f"{where}: {why}", param=where)


def variables(text: str) -> list[str]:
    """The variables of a template's text in order of first use: `["1", "2"]`, or names."""
    return list(dict.fromkeys(_VARIABLE.findall(text)))


def fit(
    *, template: list[Component], components: object, authentication: bool = False
) -> list[Component]:
    """`components` in Meta's form; raises InvalidComponents naming the part that doesn't fit.

    `template` is the template's own components as Meta has them.
    """
    given = _by_place(components)
    out: list[Component] = []
    for part in template:
        kind = str(part.get("type", "")).upper()
        fitter = _FITTERS.get(kind)
        if fitter is not None:
            out += fitter(part, given, authentication)
    if given:
        place = next(iter(given))
        raise _refuse(_name(place), "the template has no such variable part")
    return out


# A place is ("header",), ("body",), ("button", 0), ("carousel",) …
Place = tuple[Any, ...]
Given = dict[Place, Component]


def _name(place: Place) -> str:
    return f"{place[0]} {place[1]}" if len(place) > 1 else str(place[0])


def _by_place(components: object) -> Given:
    if not isinstance(components, list):
        raise _refuse("components", "must be an array")
    given: Given = {}
    for index, component in enumerate(components):
        if not isinstance(component, dict) or not isinstance(component.get("type"), str):
            raise _refuse(f"components[{index}]", "must be an object with a type")
        kind = component["type"].lower()
        place: Place = ("button", _button_index(component)) if kind == "button" else (kind,)
        if place in given:
            raise _refuse(_name(place), "is given twice")
        given[place] = component
    return given


def _button_index(component: Component) -> int:
    index = component.get("index", 0)
    if isinstance(index, str) and index.isascii() and index.isdigit():
        index = int(index)
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index <= 9:
        raise _refuse("button", "index must be a number from 0 to 9")
    return index


def _parameters(component: Component | None, where: str) -> list[Component]:
    if component is None:
        return []
    parameters = component.get("parameters", [])
    if not isinstance(parameters, list) or not all(isinstance(p, dict) for p in parameters):
        raise _refuse(where, "parameters must be an array of objects")
    return parameters


def _fit_header(part: Component, given: Given, _auth: bool) -> list[Component]:
    form = str(part.get("format", "TEXT")).upper()
    component = given.pop(("header",), None)
    parameters = _parameters(component, "header")
    if form == "TEXT":
        return _texts("header", str(part.get("text", "")), parameters)
    if form == "LOCATION":
        return [_component("header", [_location(parameters)])]
    kind = form.lower()
    if kind not in MEDIA:
        return [_component("header", parameters)] if parameters else []
    if len(parameters) != 1:
        raise _refuse("header", f"needs one {kind} parameter, {len(parameters)} given")
    return [_component("header", [_media("header", kind, parameters[0])])]


def _fit_body(part: Component, given: Given, auth: bool) -> list[Component]:
    parameters = _parameters(given.pop(("body",), None), "body")
    text = "{{1}}" if auth else str(part.get("text", ""))
    out = _texts("body", text, parameters)
    if auth:
        _code("body", out[0]["parameters"][0].get("text", ""))
    return out


def _fit_buttons(part: Component, given: Given, auth: bool) -> list[Component]:
    out: list[Component] = []
    for index, button in enumerate(part.get("buttons", [])):
        component = given.pop(("button", index), None)
        fitter = _BUTTONS.get(str(button.get("type", "")).upper())
        if fitter is None:
            if component is not None:
                raise _refuse(f"button {index}", "the template's button takes no parameter")
            continue
        out += fitter(index, button, component)
    return out


def _fit_offer(part: Component, given: Given, _auth: bool) -> list[Component]:
    component = given.pop(("limited_time_offer",), None)
    parameters = _parameters(component, "limited_time_offer")
    if not part.get("limited_time_offer", {}).get("has_expiration"):
        return [_component("limited_time_offer", parameters)] if parameters else []
    offer = parameters[0].get("limited_time_offer") if len(parameters) == 1 else None
    expires = offer.get("expiration_time_ms") if isinstance(offer, dict) else None
    if isinstance(expires, bool) or not isinstance(expires, int):
        raise _refuse("limited_time_offer", "needs one parameter with expiration_time_ms")
    return [
        _component(
            "limited_time_offer",
            [
                {
                    "type": "limited_time_offer",
                    "limited_time_offer": {"expiration_time_ms": expires},
                }
            ],
        )
    ]


def _fit_carousel(part: Component, given: Given, _auth: bool) -> list[Component]:
    component = given.pop(("carousel",), None)
    cards = component.get("cards") if component else None
    wanted = part.get("cards", [])
    if not isinstance(cards, list) or len(cards) != len(wanted):
        raise _refuse("carousel", f"needs exactly {len(wanted)} cards")
    out = []
    for index, (card, template_card) in enumerate(zip(cards, wanted, strict=True)):
        if not isinstance(card, dict):
            raise _refuse(f"carousel card {index}", "must be an object")
        try:
            fitted = fit(
                template=template_card.get("components", []), components=card.get("components", [])
            )
        except InvalidComponents as error:
            raise _refuse(f"carousel card {index}", error.message) from error
        out.append({"card_index": index, "components": fitted})
    return [{"type": "carousel", "cards": out}]


_FITTERS: dict[str, Callable[[Component, Given, bool], list[Component]]] = {
    "HEADER": _fit_header,
    "BODY": _fit_body,
    "BUTTONS": _fit_buttons,
    "LIMITED_TIME_OFFER": _fit_offer,
    "CAROUSEL": _fit_carousel,
}


def _component(kind: str, parameters: list[Component]) -> Component:
    return {"type": kind, "parameters": parameters}


def _texts(where: str, text: str, parameters: list[Component]) -> list[Component]:
    names = variables(text)
    if len(parameters) != len(names):
        raise _refuse(where, f"needs {len(names)} parameters, {len(parameters)} given")
    if not names:
        return []
    named = not all(name.isdigit() for name in names)
    values = [
        _value(f"{where} parameter {number + 1}", parameter)
        for number, parameter in enumerate(parameters)
    ]
    if named:
        values = _in_named_order(where, names, parameters, values)
    _check_length(where, text, names, values)
    return [_component(where, values)]


def _in_named_order(
    where: str, names: list[str], parameters: list[Component], values: list[Component]
) -> list[Component]:
    by_name = {p.get("parameter_name"): v for p, v in zip(parameters, values, strict=True)}
    if set(by_name) != set(names):
        raise _refuse(where, f"needs parameter_name to be each of: {', '.join(names)}")
    return [{**by_name[name], "parameter_name": name} for name in names]


def _check_length(where: str, text: str, names: list[str], values: list[Component]) -> None:
    shown = {name: _shown(value) for name, value in zip(names, values, strict=True)}
    length = len(_VARIABLE.sub(lambda match: shown.get(match[1], ""), text))
    if length > MAX_RENDERED[where]:
        raise _refuse(
            where, f"is {length} characters when filled in, the limit is {MAX_RENDERED[where]}"
        )


def _shown(value: Component) -> str:
    if value["type"] == "text":
        return str(value["text"])
    return str(value[value["type"]].get("fallback_value", ""))


def _value(where: str, parameter: Component) -> Component:
    kind = parameter.get("type")
    if kind == "text":
        return {"type": "text", "text": _plain(where, parameter.get("text"))}
    if kind == "currency":
        return {"type": "currency", "currency": _currency(where, parameter.get("currency"))}
    if kind == "date_time":
        moment = parameter.get("date_time")
        if not isinstance(moment, dict):
            raise _refuse(where, "date_time must be an object with a fallback_value")
        _plain(where, moment.get("fallback_value"))
        return {"type": "date_time", "date_time": moment}
    raise _refuse(where, "type must be text, currency or date_time")


def _plain(where: str, text: object) -> str:
    if isinstance(text, int) and not isinstance(text, bool):
        text = str(text)
    if not isinstance(text, str) or not text.strip():
        raise _refuse(where, "text is required and must not be empty")
    if _FORBIDDEN_SPACE.search(text):
        raise _refuse(where, "must not hold line breaks, tabs or more than four spaces in a row")
    return text


def _currency(where: str, currency: object) -> Component:
    if not isinstance(currency, dict):
        raise _refuse(where, "currency must be an object")
    _plain(where, currency.get("fallback_value"))
    code, amount = currency.get("code"), currency.get("amount_1000")
    if not isinstance(code, str) or len(code) != 3:
        raise _refuse(where, "currency.code must be a three-letter code")
    if isinstance(amount, bool) or not isinstance(amount, int):
        raise _refuse(where, "currency.amount_1000 must be a whole number")
    return currency


def _media(where: str, kind: str, parameter: Component) -> Component:
    if parameter.get("type") != kind:
        raise _refuse(where, f"the template has a {kind} here, {parameter.get('type')!r} given")
    nested = parameter.get(kind)
    source = nested if isinstance(nested, dict) else parameter
    media: Component = {}
    if source.get("id"):
        media["id"] = str(source["id"])
    elif is_web_link(source.get("link")):
        media["link"] = source["link"]
    else:
        raise _refuse(where, f"the {kind} needs an id or a link that is an http or https URL")
    if kind == "document" and isinstance(source.get("filename"), str):
        media["filename"] = source["filename"]
    return {"type": kind, kind: media}


def _location(parameters: list[Component]) -> Component:
    location = parameters[0].get("location") if len(parameters) == 1 else None
    if not isinstance(location, dict) or not {"latitude", "longitude"} <= location.keys():
        raise _refuse("header", "needs one location parameter with latitude and longitude")
    return {"type": "location", "location": location}


def _code(where: str, code: str) -> None:
    if len(code) > MAX_CODE:
        raise _refuse(where, f"a code must be at most {MAX_CODE} characters")


def _one_parameter(index: int, component: Component | None, kind: str) -> Component:
    parameters = _parameters(component, f"button {index}")
    if len(parameters) != 1 or parameters[0].get("type") != kind:
        raise _refuse(f"button {index}", f"needs one {kind} parameter")
    return parameters[0]


def _sub_type(index: int, component: Component, expected: str) -> None:
    if str(component.get("sub_type", expected)).lower() != expected:
        raise _refuse(
            f"button {index}",
            f"the template's button is {expected}, {component.get('sub_type')!r} given",
        )


def _button(index: int, sub_type: str, parameter: Component) -> list[Component]:
    return [
        {"type": "button", "sub_type": sub_type, "index": str(index), "parameters": [parameter]}
    ]


def _url_button(index: int, button: Component, component: Component | None) -> list[Component]:
    if not variables(str(button.get("url", ""))):
        if component is not None:
            raise _refuse(f"button {index}", "the template's URL has no variable")
        return []
    if component is not None:
        _sub_type(index, component, "url")
    parameter = _one_parameter(index, component, "text")
    text = _plain(f"button {index}", parameter.get("text"))
    return _button(index, "url", {"type": "text", "text": text})


def _otp_button(index: int, _button_: Component, component: Component | None) -> list[Component]:
    if component is not None:
        _sub_type(index, component, "url")
    parameter = _one_parameter(index, component, "text")
    text = _plain(f"button {index}", parameter.get("text"))
    _code(f"button {index}", text)
    return _button(index, "url", {"type": "text", "text": text})


def _copy_code(index: int, _button_: Component, component: Component | None) -> list[Component]:
    if component is not None:
        _sub_type(index, component, "copy_code")
    parameter = _one_parameter(index, component, "coupon_code")
    code = _plain(f"button {index}", parameter.get("coupon_code"))
    _code(f"button {index}", code)
    return _button(index, "copy_code", {"type": "coupon_code", "coupon_code": code})


def _quick_reply(index: int, _button_: Component, component: Component | None) -> list[Component]:
    if component is None:
        return []
    _sub_type(index, component, "quick_reply")
    parameter = _one_parameter(index, component, "payload")
    payload = parameter.get("payload")
    if not isinstance(payload, str) or not 1 <= len(payload) <= MAX_PAYLOAD:
        raise _refuse(f"button {index}", f"payload must be 1 to {MAX_PAYLOAD} characters")
    return _button(index, "quick_reply", {"type": "payload", "payload": payload})


def _action_button(sub_type: str) -> Callable[[int, Component, Component | None], list[Component]]:
    def fitter(index: int, _button_: Component, component: Component | None) -> list[Component]:
        if component is None:
            # Meta wants a flow's component on every send, even an empty one.
            return _button(index, sub_type, {"type": "action", "action": {}})
        _sub_type(index, component, sub_type)
        parameter = _one_parameter(index, component, "action")
        if not isinstance(parameter.get("action"), dict):
            raise _refuse(f"button {index}", "action must be an object")
        return _button(index, sub_type, {"type": "action", "action": parameter["action"]})

    return fitter


_BUTTONS: dict[str, Callable[[int, Component, Component | None], list[Component]]] = {
    "URL": _url_button,
    "OTP": _otp_button,
    "COPY_CODE": _copy_code,
    "QUICK_REPLY": _quick_reply,
    "FLOW": _action_button("flow"),
    "CATALOG": _action_button("catalog"),
    "MPM": _action_button("mpm"),
}
