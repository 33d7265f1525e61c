"""Whether a send's `components` fit a template, and what Graph is to get. Pure: no queries.

Two wordings are taken for media, `{"type": "image", "link": …}` and Meta's own
`{"type": "image", "image": {"link": …}}`; what comes out is always Meta's. Texts may have placeholders
for what is known of each person (templates_app/personal.py); they come out as they were given.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from templates_app import button_parameters, parameter_values
from templates_app.parameter_values import (
    MAX_CODE,
    MEDIA,
    Component,
    InvalidComponents,
    code,
    literal,
    parameters_of,
    refuse,
    shown,
    substituted,
    variables,
)

__all__ = ["MAX_CODE", "MEDIA", "InvalidComponents", "fit", "variables"]

# In characters, with the variables filled in.
MAX_HEADER = 60
MAX_BODY = 1024
MAX_OFFER_BODY = 600
MAX_CARD_BODY = 160
MIN_PRODUCT_CARDS, MAX_PRODUCT_CARDS = 2, 10

# A place is ("header",), ("body",), ("button", 0), ("carousel",) …
Place = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Send:
    """What was given for one template, or for one card of a carousel; taken out as it is used."""

    given: dict[Place, Component]
    max_body: int
    authentication: bool

    def take(self, *place: Any) -> Component | None:
        return self.given.pop(place, None)


def fit(
    *, template: list[Component], components: object, authentication: bool = False
) -> list[Component]:
    """`components` in Meta's form; raises InvalidComponents naming the part that doesn't fit.

    `template` is the template's own components as Meta has them.
    """
    return _fit(template, components, authentication=authentication)


def _fit(
    template: list[Component],
    components: object,
    *,
    authentication: bool = False,
    in_card: bool = False,
) -> list[Component]:
    send = _Send(_by_place(components), _max_body(template, in_card=in_card), authentication)
    out: list[Component] = []
    for part in template:
        fitter = _FITTERS.get(str(part.get("type", "")).upper())
        if fitter is not None:
            out += fitter(part, send)
    if send.given:
        place = next(iter(send.given))
        raise refuse(_name(place), "the template has no such variable part")
    return out


def _max_body(template: list[Component], *, in_card: bool) -> int:
    parts = {str(part.get("type", "")).upper(): part for part in template}
    buttons = parts.get("BUTTONS", {}).get("buttons", [])
    if in_card or any(str(button.get("type", "")).upper() == "SPM" for button in buttons):
        return MAX_CARD_BODY
    return MAX_OFFER_BODY if "LIMITED_TIME_OFFER" in parts else MAX_BODY


def _name(place: Place) -> str:
    return f"{place[0]} {place[1]}" if len(place) > 1 else str(place[0])


def _by_place(components: object) -> dict[Place, Component]:
    if not isinstance(components, list):
        raise refuse("components", "must be an array")
    given: dict[Place, Component] = {}
    for index, component in enumerate(components):
        if not isinstance(component, dict) or not isinstance(component.get("type"), str):
            raise refuse(f"components[{index}]", "must be an object with a type")
        kind = component["type"].lower()
        place: Place = ("button", _button_index(component)) if kind == "button" else (kind,)
        if place in given:
            raise refuse(_name(place), "is given twice")
        given[place] = component
    return given


def _button_index(component: Component) -> int:
    index = component.get("index", 0)
    if isinstance(index, str) and len(index) == 1 and index in "0123456789":
        index = int(index)
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index <= 9:
        raise refuse("button", "index must be a number from 0 to 9")
    return index


# --- The parts ------------------------------------------------------------------------


def _header(part: Component, send: _Send) -> list[Component]:
    kind = str(part.get("format", "TEXT")).lower()
    parameters = parameters_of(send.take("header"), "header")
    if kind == "text":
        if any(parameter.get("type") != "text" for parameter in parameters):
            raise refuse("header", "needs text parameters")
        return _texts("header", str(part.get("text", "")), parameters, MAX_HEADER)
    if len(parameters) != 1:
        raise refuse("header", f"needs one {kind} parameter, {len(parameters)} given")
    fitter = _HEADERS.get(kind, parameter_values.media)
    return [_component("header", [fitter("header", kind, parameters[0])])]


_HEADERS: dict[str, Callable[[str, str, Component], Component]] = {
    "location": parameter_values.location,
    "product": parameter_values.product,
}


def _body(part: Component, send: _Send) -> list[Component]:
    parameters = parameters_of(send.take("body"), "body")
    if not send.authentication:
        return _texts("body", str(part.get("text", "")), parameters, send.max_body)
    out = _texts("body", "{{1}}", parameters, MAX_BODY)
    given = out[0]["parameters"][0]
    if given["type"] != "text":
        raise refuse("body", "needs the code as a text parameter")
    code("body", literal("body", given["text"]))
    return out


def _buttons(part: Component, send: _Send) -> list[Component]:
    out: list[Component] = []
    for index, button in enumerate(part.get("buttons", [])):
        component = send.take("button", index)
        out += button_parameters.fit(index, button, component, authentication=send.authentication)
    return out


def _offer(part: Component, send: _Send) -> list[Component]:
    where = "limited_time_offer"
    parameters = literal(where, parameters_of(send.take(where), where))
    if not part.get("limited_time_offer", {}).get("has_expiration"):
        return [_component(where, parameters)] if parameters else []
    offer = parameters[0].get(where) if len(parameters) == 1 else None
    expires = offer.get("expiration_time_ms") if isinstance(offer, dict) else None
    if isinstance(expires, bool) or not isinstance(expires, int) or expires <= 0:
        raise refuse(where, "needs one parameter with expiration_time_ms")
    return [_component(where, [{"type": where, where: {"expiration_time_ms": expires}}])]


def _carousel(part: Component, send: _Send) -> list[Component]:
    component = send.take("carousel")
    wanted = part.get("cards", [])
    cards = _cards_in_order(component.get("cards") if component else None, wanted)
    out = []
    for index, card in enumerate(cards):
        like = wanted[min(index, len(wanted) - 1)]
        try:
            fitted = _fit(like.get("components", []), card.get("components", []), in_card=True)
        except InvalidComponents as error:
            raise refuse(f"carousel card {index}", error.message) from error
        out.append({"card_index": index, "components": fitted})
    return [{"type": "carousel", "cards": out}]


def _cards_in_order(cards: object, wanted: list[Component]) -> list[Component]:
    """The cards by their card_index, else as they stand. Of products there may be more cards than the
    template was made with.
    """
    least = most = len(wanted)
    if _has_products(wanted):
        least, most = MIN_PRODUCT_CARDS, MAX_PRODUCT_CARDS
    if not isinstance(cards, list) or not least <= len(cards) <= most:
        count = f"exactly {least}" if least == most else f"{least} to {most}"
        raise refuse("carousel", f"needs {count} cards")
    if not all(isinstance(card, dict) for card in cards):
        raise refuse("carousel", "each card must be an object")
    by_index = {}
    for at, card in enumerate(cards):
        index = card.get("card_index", at)
        if isinstance(index, bool) or not isinstance(index, int) or index in by_index:
            raise refuse("carousel", "card_index must be the card’s own number, from 0")
        by_index[index] = card
    if by_index.keys() != set(range(len(cards))):
        raise refuse("carousel", "card_index must be the card’s own number, from 0")
    return [by_index[index] for index in range(len(cards))]


def _has_products(cards: list[Component]) -> bool:
    parts = (part for card in cards for part in card.get("components", []))
    return any(str(part.get("format", "")).upper() == "PRODUCT" for part in parts)


_FITTERS: dict[str, Callable[[Component, _Send], list[Component]]] = {
    "HEADER": _header,
    "BODY": _body,
    "BUTTONS": _buttons,
    "LIMITED_TIME_OFFER": _offer,
    "CAROUSEL": _carousel,
}


def _component(kind: str, parameters: list[Component]) -> Component:
    return {"type": kind, "parameters": parameters}


# --- Texts ----------------------------------------------------------------------------


def _texts(where: str, text: str, parameters: list[Component], most: int) -> list[Component]:
    names = variables(text)
    if len(parameters) != len(names):
        s = "" if len(names) == 1 else "s"
        raise refuse(where, f"needs {len(names)} parameter{s}, {len(parameters)} given")
    if not names:
        return []
    values = [
        parameter_values.value(f"{where} parameter {number}", parameter)
        for number, parameter in enumerate(parameters, start=1)
    ]
    if all(name.isdigit() for name in names):
        names.sort(key=int)  # the first parameter is {{1}}, wherever that stands
    else:
        values = _in_named_order(where, names, parameters, values)
    read = {name: shown(value) for name, value in zip(names, values, strict=True)}
    length = len(substituted(text, read))
    if length > most:
        raise refuse(where, f"is {length} characters when filled in, the limit is {most}")
    return [_component(where, values)]


def _in_named_order(
    where: str, names: list[str], parameters: list[Component], values: list[Component]
) -> list[Component]:
    given = [str(parameter.get("parameter_name")) for parameter in parameters]
    by_name = dict(zip(given, values, strict=True))
    if by_name.keys() != set(names):
        raise refuse(where, f"needs parameter_name to be each of: {', '.join(names)}")
    return [{**by_name[name], "parameter_name": name} for name in names]
