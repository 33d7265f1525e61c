"""Whether Meta would take a template as somebody wrote it. Pure: no queries, no network.

Samples for variables and headers may still be missing: staff add them before it goes to Meta.
Limits: Meta's message templates, in characters.
"""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import orjson

from config.api import ApiError
from config.links import is_web_link
from templates_app.models import Template

Component = dict[str, Any]

MAX_NAME = 512
MAX_BODY = 1024
MAX_HEADER = MAX_FOOTER = 60
LANGUAGES = frozenset(orjson.loads(Path(__file__).with_name("languages.json").read_bytes()))
COMPONENTS = ("HEADER", "BODY", "FOOTER", "BUTTONS")
HEADERS = ("TEXT", "IMAGE", "VIDEO", "DOCUMENT", "LOCATION")

_NAME = re.compile(r"[a-z0-9_]+", re.ASCII)
_VARIABLE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


class InvalidTemplate(ApiError):
    """`param` is the field, down to the component: `components[1].text`."""


def refuse(param: str, why: str) -> InvalidTemplate:
    field = re.split(r"[.\[]", param)[0]
    return InvalidTemplate(f"{param} {why}", code=f"invalid_{field}", param=param)


def check_name(name: object) -> str:
    if name in (None, ""):
        raise _missing("name")
    if not isinstance(name, str) or len(name) > MAX_NAME or not _NAME.fullmatch(name):
        raise refuse(
            "name",
            f"must be at most {MAX_NAME} lowercase letters, digits and underscores",
        )
    return name


def check_language(language: object) -> str:
    if language in (None, ""):
        raise _missing("language")
    if not isinstance(language, str) or language not in LANGUAGES:
        raise refuse("language", "must be one of WhatsApp's language codes, such as en or pt_BR")
    return language


def check_category(category: object) -> Template.Category:
    if category in (None, ""):
        raise _missing("category")
    if not isinstance(category, str) or category.upper() not in Template.Category.values:
        raise refuse("category", f"must be one of {', '.join(Template.Category.values)}")
    return Template.Category(category.upper())


def check_components(components: object, *, category: Template.Category) -> list[Component]:
    """The components with Meta's spelling of their types; raises InvalidTemplate naming the part."""
    if components is None:
        raise _missing("components")
    if not isinstance(components, list):
        raise refuse("components", "must be an array")
    checked = [_typed(f"components[{at}]", part) for at, part in enumerate(components)]
    kinds = Counter(part["type"] for part in checked)
    for kind, count in kinds.items():
        if count > 1:
            raise refuse("components", f"can hold one {kind} only")
    if "BODY" not in kinds:
        raise refuse("components", "must hold a BODY")
    checks = _FIXED if category == Template.Category.AUTHENTICATION else _FREE
    for at, part in enumerate(checked):
        try:
            checks[part["type"]](f"components[{at}]", part)
        except InvalidTemplate as error:
            error.message = f"{part['type']}: {error.message}"
            raise
    if category == Template.Category.AUTHENTICATION and "BUTTONS" not in kinds:
        raise refuse("components", "of an AUTHENTICATION template must hold BUTTONS with one OTP")
    return checked


def _missing(param: str) -> InvalidTemplate:
    return InvalidTemplate(f"{param} is required", code=f"missing_{param}", param=param)


def _typed(where: str, part: object) -> Component:
    kind = _word(where, "type", part, COMPONENTS)
    assert isinstance(part, dict)  # noqa: S101 - _word refuses anything else
    if kind != "HEADER":
        return {**part, "type": kind}
    return {**part, "type": kind, "format": _word(where, "format", part, HEADERS)}


def _word(where: str, key: str, part: object, words: tuple[str, ...]) -> str:
    if not isinstance(part, dict):
        raise refuse(where, "must be an object")
    word = part.get(key)
    if not isinstance(word, str) or word.upper() not in words:
        raise refuse(f"{where}.{key}", f"must be one of {', '.join(words)}")
    return word.upper()


def _text(where: str, part: Component, *, limit: int, key: str = "text") -> str:
    text = part.get(key)
    if not isinstance(text, str) or not text.strip():
        raise refuse(f"{where}.{key}", f"is required in a {part['type']} and must be a string")
    if len(text) > limit:
        raise refuse(f"{where}.{key}", f"must be at most {limit} characters, it has {len(text)}")
    return text


def _variables(where: str, text: str) -> list[str]:
    """The numbers of the variables, each once, where they are well formed and in sequence."""
    names = list(dict.fromkeys(name.strip() for name in _VARIABLE.findall(text)))
    rest = _VARIABLE.sub("", text)
    if "{{" in rest or "}}" in rest:
        raise refuse(where, "has curly braces that do not pair up")
    if not all(name.isascii() and name.isdigit() for name in names):
        raise refuse(where, "must write its variables as numbers: {{1}}, {{2}} …")
    if sorted(map(_number, names)) != list(range(1, len(names) + 1)):
        raise refuse(where, "must number its variables from {{1}} without gaps")
    return names


def _number(digits: str) -> int:
    return int(digits[:9])


def _example(where: str, part: Component) -> None:
    if part.get("example") is not None and not isinstance(part["example"], dict):
        raise refuse(f"{where}.example", "must be an object")


def _header(where: str, part: Component) -> None:
    _example(where, part)
    if part["format"] != "TEXT":
        return
    text = _text(where, part, limit=MAX_HEADER)
    if len(_variables(f"{where}.text", text)) > 1:
        raise refuse(f"{where}.text", "can hold one variable only in a HEADER")
    if "\n" in text:
        raise refuse(f"{where}.text", "can't hold line breaks in a HEADER")


def _body(where: str, part: Component) -> None:
    _example(where, part)
    _variables(f"{where}.text", _text(where, part, limit=MAX_BODY))


def _footer(where: str, part: Component) -> None:
    if "{{" in _text(where, part, limit=MAX_FOOTER):
        raise refuse(f"{where}.text", "can't hold variables in a FOOTER")


# --- Buttons --------------------------------------------------------------------------

MAX_BUTTONS = 10
MAX_LABEL = 25
MAX_PHONE = 20
MAX_CODE = 15
MAX_URL = 2000
# How many of a kind one template may have.
BUTTONS = {
    "QUICK_REPLY": 10,
    "URL": 2,
    "PHONE_NUMBER": 1,
    "COPY_CODE": 1,
    "FLOW": 1,
    "CATALOG": 1,
    "MPM": 1,
}
_OTP_TYPES = ("COPY_CODE", "ONE_TAP", "ZERO_TAP")


def _buttons(where: str, part: Component) -> None:
    buttons = _listed(where, part, most=MAX_BUTTONS)
    kinds = []
    for at, button in enumerate(buttons):
        place = f"{where}.buttons[{at}]"
        kind = _word(place, "type", button, tuple(BUTTONS))
        buttons[at] = {**button, "type": kind}
        _button(place, buttons[at])
        kinds.append(kind)
    for kind, count in Counter(kinds).items():
        if count > BUTTONS[kind]:
            raise refuse(f"{where}.buttons", f"can hold {BUTTONS[kind]} {kind} at most")
    replies = [at for at, kind in enumerate(kinds) if kind == "QUICK_REPLY"]
    if replies and replies[-1] - replies[0] >= len(replies):
        raise refuse(f"{where}.buttons", "must hold its QUICK_REPLY buttons side by side")


def _listed(where: str, part: Component, *, most: int) -> list[Any]:
    buttons = part.get("buttons")
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= most:
        raise refuse(f"{where}.buttons", f"must be an array of 1 to {most} buttons")
    own: list[Any] = list(buttons)
    part["buttons"] = own
    return own


def _button(where: str, button: Component) -> None:
    kind = button["type"]
    if kind != "COPY_CODE":
        _label(where, button)
    if kind == "URL":
        _url(where, button)
    elif kind == "PHONE_NUMBER":
        _text(where, button, limit=MAX_PHONE, key="phone_number")
    elif kind == "COPY_CODE" and button.get("example") is not None:
        example = button["example"]
        code = example[0] if isinstance(example, list) and example else example
        _text(where, {**button, "example": code}, limit=MAX_CODE, key="example")
    elif kind == "FLOW" and not any(button.get(k) for k in ("flow_id", "flow_name", "flow_json")):
        raise refuse(where, "needs flow_id, flow_name or flow_json")


def _label(where: str, button: Component, key: str = "text") -> None:
    if "{{" in _text(where, button, limit=MAX_LABEL, key=key):
        raise refuse(f"{where}.{key}", "can't hold variables")


def _url(where: str, button: Component) -> None:
    url = _text(where, button, limit=MAX_URL, key="url")
    names = _variables(f"{where}.url", url)
    if len(names) > 1 or (names and not url.endswith("}}")) or url.count("{{") > 1:
        raise refuse(f"{where}.url", "can hold one variable only, at its end")
    if not is_web_link(_VARIABLE.sub("1", url)):
        raise refuse(f"{where}.url", "must be an absolute http or https URL")


# --- Authentication: Meta writes the text, a few switches are left -----------------------------


def _no_header(where: str, part: Component) -> None:
    raise refuse(f"{where}.type", "can't be HEADER in an AUTHENTICATION template")


def _fixed_body(where: str, part: Component) -> None:
    if part.get("text") is not None:
        raise refuse(
            f"{where}.text",
            "can't be given in the BODY of an AUTHENTICATION template: WhatsApp writes it",
        )


def _fixed_footer(where: str, part: Component) -> None:
    minutes = part.get("code_expiration_minutes")
    if part.get("text") is not None:
        raise refuse(
            f"{where}.text",
            "can't be given in the FOOTER of an AUTHENTICATION template: WhatsApp writes it",
        )
    if isinstance(minutes, bool) or not isinstance(minutes, int) or not 1 <= minutes <= 90:
        raise refuse(f"{where}.code_expiration_minutes", "must be a number from 1 to 90")


def _otp_buttons(where: str, part: Component) -> None:
    [button] = _listed(where, part, most=1)
    place = f"{where}.buttons[0]"
    kind = _word(place, "type", button, ("OTP",))
    otp_type = _word(place, "otp_type", button, _OTP_TYPES)
    part["buttons"] = [{**button, "type": kind, "otp_type": otp_type}]
    for key in ("text", "autofill_text"):
        if button.get(key) is not None:
            _label(place, part["buttons"][0], key)


_FREE = {"HEADER": _header, "BODY": _body, "FOOTER": _footer, "BUTTONS": _buttons}
_FIXED = {
    "HEADER": _no_header,
    "BODY": _fixed_body,
    "FOOTER": _fixed_footer,
    "BUTTONS": _otp_buttons,
}
