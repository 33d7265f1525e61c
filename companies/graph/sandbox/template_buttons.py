"""The buttons of a template as it is created. Pure."""

from typing import Any, Final

from .errors import Refused, management
from .fields import require_list, require_object
from .template_shape import placeholders

MAX_BUTTONS = 10
MAX_TEXT = 25
MAX_URL = 2000
MAX_PHONE = 20
MAX_CODE = 15
# How many of a kind a template may have
AT_MOST: Final = {
    "QUICK_REPLY": 10, "URL": 2, "PHONE_NUMBER": 1, "COPY_CODE": 1, "FLOW": 1, "CATALOG": 1,
    "MPM": 1, "SPM": 1, "VOICE_CALL": 1, "CALL_PERMISSION_REQUEST": 1, "REQUEST_CONTACT_INFO": 1,
}  # fmt: skip
WITHOUT_TEXT: Final = {"COPY_CODE", "SPM", "REQUEST_CONTACT_INFO", "CALL_PERMISSION_REQUEST"}
OTP_TYPES: Final = ("COPY_CODE", "ONE_TAP", "ZERO_TAP")

Button = dict[str, Any]


def _bad(sentence: str) -> Refused:
    return management(None, "Buttons are incorrect", sentence)


def check_buttons(component: dict[str, Any], *, in_card: bool = False) -> None:
    buttons = require_list(component.get("buttons"), "buttons")
    most = 2 if in_card else MAX_BUTTONS
    if not 1 <= len(buttons) <= most:
        raise _bad(f"A template has 1 to {most} buttons.")
    kinds = []
    for at, button in enumerate(buttons):
        kind = str(require_object(button, f"buttons[{at}]").get("type", "")).upper()
        if kind not in AT_MOST:
            raise _bad(f"Button {at} is of an unknown type.")
        _check(button, kind)
        kinds.append(kind)
    for kind in set(kinds):
        if kinds.count(kind) > AT_MOST[kind]:
            raise _bad(f"There can be at most {AT_MOST[kind]} buttons of type {kind}.")
    _contiguous(kinds)


def _contiguous(kinds: list[str]) -> None:
    """Quick replies stand together: never split by buttons of another kind."""
    replies = [at for at, kind in enumerate(kinds) if kind == "QUICK_REPLY"]
    if replies and replies[-1] - replies[0] + 1 != len(replies):
        raise _bad("Quick reply buttons must be grouped together.")


def _check(button: Button, kind: str) -> None:
    if kind not in WITHOUT_TEXT:
        text_of(button, "text")
    if kind == "URL":
        _url(button)
    elif kind == "PHONE_NUMBER":
        number = button.get("phone_number")
        if not isinstance(number, str) or not 1 <= len(number) <= MAX_PHONE:
            raise _bad(f"A phone number button needs a number of at most {MAX_PHONE} characters.")
    elif kind == "COPY_CODE":
        example = button.get("example")
        code = example[0] if isinstance(example, list) and example else example
        if not isinstance(code, str) or not 1 <= len(code) <= MAX_CODE:
            raise _bad(f"A copy code button needs an example of at most {MAX_CODE} characters.")
    elif kind == "FLOW" and not any(button.get(n) for n in ("flow_id", "flow_name", "flow_json")):
        raise _bad("A flow button needs flow_id, flow_name or flow_json.")


def text_of(button: Button, name: str) -> str:
    text = button.get(name)
    if not isinstance(text, str) or not text.strip() or len(text) > MAX_TEXT:
        raise _bad(f"The {name} of a button has 1 to {MAX_TEXT} characters.")
    if "{{" in text:
        raise _bad("The text of a button can't have variables.")
    return text


def _url(button: Button) -> None:
    url = button.get("url")
    if not isinstance(url, str) or not url.lower().startswith(("https://", "http://")):
        raise _bad("A URL button needs an address.")
    if len(url) > MAX_URL:
        raise management(
            2388040, "Character Limit Exceeded", f"URLs are limited to {MAX_URL} characters."
        )
    names = placeholders(url)
    if not names:
        return
    if len(names) > 1 or not url.rstrip().endswith("}}") or url.count("{{") != 1:
        raise _bad("A URL has one variable at most, at its end.")
    example = button.get("example")
    if isinstance(example, str):
        example = [example]
    if not (isinstance(example, list) and example and isinstance(example[0], str) and example[0]):
        raise management(
            2388043,
            'Message template "components" param is missing expected field(s)',
            "component of type BUTTONS is missing expected field(s) (example)",
        )


def check_otp_buttons(component: dict[str, Any]) -> None:
    buttons = require_list(component.get("buttons"), "buttons")
    if len(buttons) != 1 or str(require_object(buttons[0], "buttons[0]").get("type")) not in (
        "OTP", "otp",
    ):  # fmt: skip
        raise _bad("An authentication template has exactly one button, of type OTP.")
    button = buttons[0]
    kind = str(button.get("otp_type", "")).upper()
    if kind not in OTP_TYPES:
        raise _bad(f"otp_type is one of {', '.join(OTP_TYPES)}.")
    for name in ("text", "autofill_text"):
        if button.get(name) is not None:
            text_of(button, name)
    if kind != "COPY_CODE":
        _apps(button)
    if kind == "ZERO_TAP" and button.get("zero_tap_terms_accepted") is not True:
        raise _bad("Zero-tap needs zero_tap_terms_accepted.")


def _apps(button: Button) -> None:
    apps = button.get("supported_apps")
    if apps is None and button.get("package_name"):
        apps = [button]
    if not isinstance(apps, list) or not 1 <= len(apps) <= 5:
        raise _bad("1 to 5 supported_apps are needed.")
    for app in apps:
        package = require_object(app, "supported_apps").get("package_name")
        if not isinstance(package, str) or not 1 <= len(package) <= 224:
            raise _bad("package_name has 1 to 224 characters.")
        if len(str(app.get("signature_hash", ""))) != 11:
            raise _bad("signature_hash has exactly 11 characters.")
