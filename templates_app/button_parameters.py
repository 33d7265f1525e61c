"""The parameters of a template's buttons. Pure."""

from collections.abc import Callable
from typing import Any

from templates_app import personal
from templates_app.parameter_values import (
    MAX_CODE,
    MAX_PAYLOAD,
    Component,
    code,
    literal,
    parameters_of,
    placed,
    plain,
    refuse,
    variables,
)

Fitter = Callable[[int, Component, Component | None], list[Component]]
MAX_SECTIONS = 10


def fit(
    index: int, button: Component, component: Component | None, *, authentication: bool
) -> list[Component]:
    """What is sent for the template's button at `index`: one component, or none."""
    kind = str(button.get("type", "")).upper()
    if authentication and kind == "URL":
        kind = "OTP"  # what Meta calls it once it has the template
    fitter = _FITTERS.get(kind)
    if fitter is not None:
        return fitter(index, button, component)
    if component is not None:
        raise refuse(f"button {index}", "the template's button takes no parameter")
    return []


def _one_parameter(index: int, component: Component | None, kind: str) -> Component:
    parameters = parameters_of(component, f"button {index}")
    if len(parameters) != 1 or parameters[0].get("type") != kind:
        raise refuse(f"button {index}", f"needs one {kind} parameter")
    return parameters[0]


def _sub_type(index: int, component: Component | None, expected: str) -> None:
    given = expected if component is None else component.get("sub_type", expected)
    if str(given).lower() != expected:
        raise refuse(f"button {index}", f"the template's button is {expected}, {given!r} given")


def _button(index: int, sub_type: str, parameter: Component) -> list[Component]:
    return [
        {"type": "button", "sub_type": sub_type, "index": str(index), "parameters": [parameter]}
    ]


def _url(index: int, button: Component, component: Component | None) -> list[Component]:
    if not variables(str(button.get("url", ""))):
        if component is not None:
            raise refuse(f"button {index}", "the template's URL has no variable")
        return []
    _sub_type(index, component, "url")
    parameter = _one_parameter(index, component, "text")
    text = plain(f"button {index}", parameter.get("text"))
    return _button(index, "url", {"type": "text", "text": text})


def _otp(index: int, _button_: Component, component: Component | None) -> list[Component]:
    _sub_type(index, component, "url")
    parameter = _one_parameter(index, component, "text")
    text = plain(f"button {index}", parameter.get("text"))
    code(f"button {index}", literal(f"button {index}", text))
    return _button(index, "url", {"type": "text", "text": text})


def _copy_code(index: int, _button_: Component, component: Component | None) -> list[Component]:
    where = f"button {index}"
    _sub_type(index, component, "copy_code")
    coupon = plain(where, _one_parameter(index, component, "coupon_code").get("coupon_code"))
    code(where, coupon)
    if not personal.shortest(coupon).isalnum():
        raise refuse(where, f"a code is made of letters and digits, {MAX_CODE} at most")
    return _button(index, "copy_code", {"type": "coupon_code", "coupon_code": coupon})


def _quick_reply(index: int, _button_: Component, component: Component | None) -> list[Component]:
    if component is None:
        return []
    _sub_type(index, component, "quick_reply")
    payload = _one_parameter(index, component, "payload").get("payload")
    placed(f"button {index}", payload if isinstance(payload, str) else "")
    if not isinstance(payload, str) or not 1 <= len(personal.shortest(payload)) <= MAX_PAYLOAD:
        raise refuse(f"button {index}", f"payload must be 1 to {MAX_PAYLOAD} characters")
    return _button(index, "quick_reply", {"type": "payload", "payload": payload})


def _action(sub_type: str, index: int, component: Component) -> list[Component]:
    _sub_type(index, component, sub_type)
    action = _one_parameter(index, component, "action").get("action")
    if not isinstance(action, dict):
        raise refuse(f"button {index}", "action must be an object")
    literal(f"button {index}", action)
    return _button(index, sub_type, {"type": "action", "action": action})


def _flow(index: int, _button_: Component, component: Component | None) -> list[Component]:
    if component is None:
        # Meta wants a flow's component on every send, even an empty one.
        return _button(index, "flow", {"type": "action", "action": {}})
    return _action("flow", index, component)


def _catalog(index: int, _button_: Component, component: Component | None) -> list[Component]:
    return [] if component is None else _action("catalog", index, component)


def _mpm(index: int, _button_: Component, component: Component | None) -> list[Component]:
    _one_parameter(index, component, "action")
    [made] = _action("mpm", index, component or {})
    sections: Any = made["parameters"][0]["action"].get("sections")
    if not isinstance(sections, list) or not 1 <= len(sections) <= MAX_SECTIONS:
        raise refuse(f"button {index}", f"action.sections must be 1 to {MAX_SECTIONS} objects")
    return [made]


_FITTERS: dict[str, Fitter] = {
    "URL": _url,
    "OTP": _otp,
    "COPY_CODE": _copy_code,
    "QUICK_REPLY": _quick_reply,
    "FLOW": _flow,
    "CATALOG": _catalog,
    "MPM": _mpm,
}
