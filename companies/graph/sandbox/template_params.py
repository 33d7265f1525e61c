"""Whether the components of a send fit the template, and with which error they do not.

Pure: check(template, components) takes the template in Meta's create format and the components
of a send, and returns a GraphError or None.
"""

from typing import Any, Final

from .errors import GraphError, Refused, of, param, refuse
from .fields import check_media
from .template_shape import SUB_TYPES, Button, Shape, fill, shape_of

MAX_HEADER = 60
MAX_CODE = 15
MAX_COUPON = 15
MAX_PAYLOAD = 256

COMPONENTS: Final = (
    "header", "body", "button", "carousel", "limited_time_offer", "order_status",
    "order_details", "tap_target_configuration",
)  # fmt: skip
PARAMETERS: Final = (
    "action", "coupon_code", "currency", "date_time", "document", "gif", "image",
    "limited_time_offer", "location", "order_details", "order_status", "payload", "product",
    "tap_target_configuration", "text", "ttl_minutes", "video",
)  # fmt: skip
MEDIA: Final = ("IMAGE", "VIDEO", "DOCUMENT", "GIF")
BODY_TYPES: Final = ("text", "currency", "date_time")
FORBIDDEN_TEXT = "Param text cannot have new-line/tab characters or more than 4 consecutive spaces"

Parameters = list[dict[str, Any]]


def check(template: dict[str, Any], components: object) -> GraphError | None:
    return check_shape(shape_of(template), components)


def check_shape(shape: Shape, components: object) -> GraphError | None:
    try:
        _components(shape, [] if components is None else components, "template['components']")
    except Refused as refusal:
        return refusal.error
    return None


def _components(shape: Shape, components: object, where: str) -> None:
    if not isinstance(components, list):
        raise param(f"Param {where} must be an array.")
    given: dict[str, Parameters] = {}
    buttons: dict[int, tuple[str, Parameters]] = {}
    cards: list[Any] | None = None
    for at, component in enumerate(components):
        here = f"{where}[{at}]"
        kind = _kind(component, here)
        if kind == "carousel":
            cards = component.get("cards")
            continue
        parameters = _parameters(component, here)
        if kind == "button":
            index = _index(component, here)
            buttons[index] = (str(component.get("sub_type", "")).lower(), parameters)
        elif kind in given:
            raise refuse(131009, f"{kind}: component is given more than once")
        else:
            given[kind] = parameters
    _header(shape, given.get("header"))
    _body(shape, given.get("body", []))
    _offer(shape, given.get("limited_time_offer"))
    _buttons(shape, buttons)
    _carousel(shape, cards, where)


def _kind(component: object, here: str) -> str:
    if not isinstance(component, dict):
        raise param(f"Param {here} must be a JSON object.")
    kind = component.get("type")
    lowered = kind.lower() if isinstance(kind, str) else kind
    if lowered not in COMPONENTS:
        names = ", ".join(name.upper() for name in COMPONENTS)
        raise param(f"Param {here}['type'] must be one of {{{names}}} - got \"{kind}\".")
    return str(lowered)


def _parameters(component: dict[str, Any], here: str) -> Parameters:
    parameters = component.get("parameters")
    if parameters is None:
        return []
    if not isinstance(parameters, list):
        raise param(f"Param {here}['parameters'] must be an array.")
    for at, parameter in enumerate(parameters):
        where = f"{here}['parameters'][{at}]"
        if not isinstance(parameter, dict):
            raise param(f"Param {where} must be a JSON object.")
        kind = parameter.get("type", "text")
        if not isinstance(kind, str) or kind.lower() not in PARAMETERS:
            names = ", ".join(name.upper() for name in PARAMETERS)
            raise param(f"Param {where}['type'] must be one of {{{names}}} - got \"{kind}\".")
    return parameters


def _type(parameter: dict[str, Any]) -> str:
    return str(parameter.get("type", "text")).lower()


def _index(component: dict[str, Any], here: str) -> int:
    index = component.get("index")
    if index is None:
        raise refuse(131008, f"{here}: a button needs its index")
    if isinstance(index, str) and index.isascii() and index.isdigit():
        index = int(index)
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index <= 9:
        raise refuse(131009, f"{here}: button index must be a number from 0 to 9")
    return index


def _count(part: str, got: int, expected: int) -> None:
    if got != expected:
        raise refuse(
            132000,
            f"{part}: number of localizable_params ({got}) does not match the expected number "
            f"of params ({expected})",
        )


def _header(shape: Shape, parameters: Parameters | None) -> None:
    expected = shape.header
    if expected in (*MEDIA, "LOCATION", "PRODUCT"):
        _header_of_kind(expected, parameters or [])
        return
    given = parameters or []
    _count("header", len(given), len(shape.header_names))
    for parameter in given:
        if _type(parameter) != "text":
            raise _mismatch("TEXT", parameter)
    text = fill(shape.header_text, _values("header", shape.header_names, given, shape.named))
    if len(text) > MAX_HEADER:
        raise refuse(132005, f"header: text is too long, at most {MAX_HEADER} characters")


def _header_of_kind(expected: str, parameters: Parameters) -> None:
    if len(parameters) > 1:
        _count("header", len(parameters), 1)
    if not parameters:
        raise refuse(132012, f"header: Format mismatch, expected {expected}, received UNKNOWN")
    parameter, kind = parameters[0], expected.lower()
    if _type(parameter) != kind:
        raise _mismatch(expected, parameter)
    content = parameter.get(kind)
    if expected in MEDIA:
        extra = ("filename", "caption") if kind == "document" else ("caption",)
        check_media(content, kind, extra, where=f"header['{kind}']")
    elif not isinstance(content, dict):
        raise refuse(131008, f"header: {kind} is missing")
    elif expected == "LOCATION" and not {"latitude", "longitude"} <= content.keys():
        raise refuse(131008, "header: location needs latitude and longitude")


def _mismatch(expected: str, parameter: dict[str, Any]) -> Refused:
    received = _type(parameter).upper()
    return refuse(132012, f"header: Format mismatch, expected {expected}, received {received}")


def _body(shape: Shape, parameters: Parameters) -> None:
    _count("body", len(parameters), len(shape.body_names))
    values = _values("body", shape.body_names, parameters, shape.named)
    text = fill(shape.body_text, values)
    if len(text) > shape.max_body:
        raise refuse(132005, f"body: text is too long, at most {shape.max_body} characters")
    if shape.code:
        _code(next(iter(values.values()), ""))


def _values(
    part: str, names: tuple[str, ...], parameters: Parameters, named: bool
) -> dict[str, str]:
    """The value of each variable, after a look at its form."""
    if not named:
        return {n: _value(part, p) for n, p in zip(names, parameters, strict=True)}
    values: dict[str, str] = {}
    for parameter in parameters:
        name = parameter.get("parameter_name")
        if not isinstance(name, str) or not name:
            raise Refused(of(100, "Parameter name is missing or empty"))
        if name not in names or name in values:
            raise refuse(132012, f"{part}: parameter {name} is not one that the template expects")
        values[name] = _value(part, parameter)
    return values


def _value(part: str, parameter: dict[str, Any]) -> str:
    kind = _type(parameter)
    if kind not in BODY_TYPES:
        raise refuse(132012, f"{part}: Format mismatch, expected TEXT, received {kind.upper()}")
    if kind == "text":
        return _text(part, parameter.get("text"))
    content = parameter.get(kind)
    if not isinstance(content, dict) or not content.get("fallback_value"):
        raise refuse(131008, f"{part}: {kind} needs a fallback_value")
    if kind == "currency" and not {"code", "amount_1000"} <= content.keys():
        raise refuse(131008, f"{part}: currency needs code and amount_1000")
    return _text(part, content["fallback_value"])


def _text(part: str, text: object) -> str:
    if text is None or text == "":
        raise refuse(131008, f"{part}: Parameter of type text is missing text value")
    if not isinstance(text, str):
        raise refuse(131009, f"{part}: text must be a string")
    if "\n" in text or "\t" in text or "\r" in text or "     " in text:
        raise refuse(132018, FORBIDDEN_TEXT)
    return text


def _code(code: str) -> None:
    if len(code) > MAX_CODE:
        raise refuse(131009, f"body: a code has at most {MAX_CODE} characters")


def _offer(shape: Shape, parameters: Parameters | None) -> None:
    if not shape.expires:
        return
    if not parameters:
        raise refuse(131008, "limited_time_offer: expiration_time_ms is required")
    content = parameters[0].get("limited_time_offer")
    moment = content.get("expiration_time_ms") if isinstance(content, dict) else None
    if isinstance(moment, bool) or not isinstance(moment, int) or moment <= 0:
        raise refuse(131009, "limited_time_offer: expiration_time_ms must be in milliseconds")


def _buttons(shape: Shape, given: dict[int, tuple[str, Parameters]]) -> None:
    for index in given:
        if index >= len(shape.buttons):
            raise refuse(131009, f"buttons: Button index {index} is not in the template")
    for index, button in enumerate(shape.buttons):
        title = button.kind.replace("OTP", "URL").replace("_", " ").title().replace(" ", "")
        name = f"Button at index {index} of type {title}"
        if index in given:
            _button(button, *given[index], name=name)
        elif button.needed:
            raise refuse(131008, f"buttons: {name} requires a parameter")


def _button(button: Button, sub_type: str, parameters: Parameters, *, name: str) -> None:
    wanted = SUB_TYPES.get(button.kind, button.kind.lower())
    if sub_type != wanted:
        raise refuse(132012, f"buttons: {name}: expected {wanted}, received {sub_type or 'none'}")
    if not parameters:
        if button.needed and wanted != "flow":
            raise refuse(131008, f"buttons: {name} requires a parameter")
        return
    if wanted == "url" and not button.variable:
        raise refuse(132018, f"buttons: {name} does not require parameters")
    if len(parameters) > 1 and wanted in ("url", "copy_code", "quick_reply"):
        _count("buttons", len(parameters), 1)
    _button_parameter(wanted, parameters[0], name)


def _button_parameter(sub_type: str, parameter: dict[str, Any], name: str) -> None:
    kind, value = BUTTON_PARAMETER.get(sub_type, (_type(parameter), 0))
    if _type(parameter) != kind:
        received = _type(parameter)
        raise refuse(132012, f"buttons: {name}: expected {kind}, received {received}")
    if kind == "text":
        _text("buttons", parameter.get("text"))
    elif value:
        text = parameter.get(kind)
        if not isinstance(text, str) or not text:
            raise refuse(131008, f"buttons: {name} requires a parameter")
        if len(text) > value or (kind == "coupon_code" and not text.isalnum()):
            raise refuse(131009, f"buttons: {name}: {kind} has at most {value} characters")


# sub_type: (type of its parameter, longest value)
BUTTON_PARAMETER: Final = {
    "url": ("text", 0),
    "quick_reply": ("payload", MAX_PAYLOAD),
    "copy_code": ("coupon_code", MAX_COUPON),
    "flow": ("action", 0),
    "catalog": ("action", 0),
    "mpm": ("action", 0),
}


def _carousel(shape: Shape, cards: list[Any] | None, where: str) -> None:
    if not shape.cards:
        if cards is not None:
            raise refuse(132012, "carousel: the template has no cards")
        return
    if not isinstance(cards, list) or not all(isinstance(card, dict) for card in cards):
        raise refuse(131008, "carousel: cards are required")
    if shape.product_cards:
        if not 2 <= len(cards) <= 10:
            raise refuse(132000, "carousel: between 2 and 10 cards are needed")
    elif len(cards) != len(shape.cards):
        _count("carousel", len(cards), len(shape.cards))
    for at, card in enumerate(cards):
        expected = shape.cards[min(at, len(shape.cards) - 1)]
        _components(expected, card.get("components") or [], f"{where}['cards'][{at}]")
