"""The texts of a template as it is created: header, body, footer, their variables. Pure."""

import re
from typing import Any, Final

from .errors import Refused, management, param
from .template_shape import placeholders

MAX_HEADER = MAX_FOOTER = 60
MAX_EMOJI = 10
WORDS_PER_VARIABLE = 2  # Meta publishes no formula; fewer than this is refused in practice
HEADERS: Final = ("TEXT", "IMAGE", "VIDEO", "DOCUMENT", "GIF", "LOCATION", "PRODUCT")

_IDEOGRAPHS: Final = "\u2e80"  # this character and all after it
_NAMED: Final = re.compile(r"[a-z][a-z0-9_]*")
_VARIABLE: Final = re.compile(r"\{\{[^{}]*\}\}")
_BRACES: Final = re.compile(r"\{\{|\}\}")
_EMOJI: Final = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf]")

Component = dict[str, Any]


def missing_fields(kind: str, field: str) -> Refused:
    return management(
        2388043,
        'Message template "components" param is missing expected field(s)',
        f"component of type {kind} is missing expected field(s) ({field})",
    )


def check_header(header: Component, *, named: bool) -> None:
    kind = str(header.get("format", "")).upper()
    if kind not in HEADERS:
        raise param(f"Param format must be one of {{{', '.join(HEADERS)}}}.")
    if kind in ("LOCATION", "PRODUCT"):
        return
    if kind != "TEXT":
        example = header.get("example")
        handle = example.get("header_handle") if isinstance(example, dict) else None
        if not (isinstance(handle, list) and handle and isinstance(handle[0], str) and handle[0]):
            raise missing_fields("HEADER", "example")
        return
    text = _text(header, "HEADER", MAX_HEADER)
    names = _variables(text, named=named)
    if len(names) > 1:
        raise _bad_header("The message header has more than one variable.")
    if "\n" in text or any(mark in text for mark in ("*", "~", "`")) or _EMOJI.search(text):
        raise _bad_header("The message header can't have new lines, formatting or emojis.")
    _examples(header, "HEADER", "header_text", names, named=named)


def _bad_header(sentence: str) -> Refused:
    return management(2388047, "Message header format is incorrect", sentence)


def check_body(body: Component, *, named: bool, limit: int) -> None:
    text = _text(body, "BODY", limit)
    names = _variables(text, named=named)
    stripped = text.strip()
    if names and (stripped.startswith("{{") or stripped.endswith("}}")):
        raise management(
            2388299,
            "Leading or trailing params not allowed",
            "Variables can't be at the start or end of the template.",
        )
    if "\n\n\n" in text or len(_EMOJI.findall(text)) > MAX_EMOJI:
        raise management(
            2388072,
            "Message body format is incorrect",
            "The message body can't have more than two consecutive new lines or ten emojis.",
        )
    if len(names) * WORDS_PER_VARIABLE > _words(text):
        raise management(
            2388293,
            "Parameters words ratio exceeds limit",
            "This template has too many variables for its length. Reduce the number of variables "
            "or increase the message length.",
        )
    _examples(body, "BODY", "body_text", names, named=named)


def _words(text: str) -> int:
    """Words beside the variables; scripts without spaces count two characters as one."""
    rest = _VARIABLE.sub(" ", text)
    words = [word for word in rest.split() if any(c.isalnum() for c in word)]
    return max(len(words), sum(c.isalnum() and c >= _IDEOGRAPHS for c in rest) // 2)


def check_footer(footer: Component) -> None:
    text = _text(footer, "FOOTER", MAX_FOOTER)
    if "{{" in text:
        raise management(
            2388073, "Message footer format is incorrect", "The footer can't have variables."
        )


def _text(component: Component, kind: str, limit: int) -> str:
    text = component.get("text")
    if not isinstance(text, str) or not text.strip():
        raise missing_fields(kind, "text")
    if len(text) > limit:
        raise management(
            2388040,
            "Character Limit Exceeded",
            f"The {kind.lower()} of the message is limited to {limit} characters.",
        )
    return text


def _variables(text: str, *, named: bool) -> list[str]:
    """The variables of a text, when they are well formed and in sequence."""
    names = placeholders(text)
    braces = _BRACES.findall(text)
    if braces != ["{{", "}}"] * (len(braces) // 2) or len(braces) % 2:
        raise _bad_variables("The curly braces of the variables are not balanced.")
    if named:
        if not all(_NAMED.fullmatch(name) for name in names):
            raise _bad_variables("Names have lowercase letters, digits and underscores only.")
        return names
    if not all(name.isascii() and name.isdigit() for name in names):
        raise _bad_variables("Variables must be whole numbers in two curly braces, as {{1}}.")
    if sorted(int(name) for name in names) != list(range(1, len(names) + 1)):
        raise _bad_variables("Variables must be numbered from {{1}} without gaps.")
    return names


def _bad_variables(sentence: str) -> Refused:
    return management(None, "Variables are incorrect", sentence)


def _examples(
    component: Component, kind: str, field: str, names: list[str], *, named: bool
) -> None:
    """Every variable needs an example."""
    if not names:
        return
    example = component.get("example")
    name = f"{field}_named_params" if named else field
    given = example.get(name) if isinstance(example, dict) else None
    if named:
        rows = given if isinstance(given, list) else []
        shown = {str(r.get("param_name")) for r in rows if isinstance(r, dict) and r.get("example")}
        complete = shown >= set(names)
    else:
        # body_text is a list of lists, header_text a plain list.
        row = given[0] if isinstance(given, list) and given else None
        values = row if isinstance(row, list) else given
        complete = isinstance(values, list) and len(values) == len(names) and all(values)
    if not complete:
        raise missing_fields(kind, "example")
