"""Placeholders for what is known of a person, in the texts of a send: `{{contact.name|friend}}`.

They stand alone or among words, and are filled in when the message is sent. What a contact holds is
data: it is put in once, and never read for placeholders again. Pure: no queries.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote

NAME, PHONE, CUSTOM = "contact.name", "contact.phone", "contact.custom."
THERE_ARE = "{{contact.name}}, {{contact.phone}} and {{contact.custom.field}}"
# Stands for a value that nobody knows yet, where lengths are checked: no value is shorter.
SHORTEST = "x"

_PLACEHOLDER = re.compile(r"\{\{([^{}]*)\}\}")
# What is left over of one that was not written well.
_BROKEN = re.compile(r"\{\{|\{\s*contact\.|\bcontact\.(?:name|phone|custom)[^{}\"]*\}\}")
_MEANT = re.compile(r"\{\{\s*contact\b")
_NO_CHARACTERS = ("Cc", "Cs")  # controls, and halves of what was cut

# What a parameter of such a type says stands under the type's own name, and may have placeholders.
_TEXTS = ("text", "coupon_code", "payload")

Component = dict[str, Any]
Values = Mapping[str, str]  # by field, each as `clean` made it


@dataclass(frozen=True, slots=True)
class Placeholder:
    field: str
    default: str
    written: str

    @property
    def is_known(self) -> bool:
        return self.field in (NAME, PHONE) or (
            self.field.startswith(CUSTOM) and self.field != CUSTOM
        )

    @property
    def is_empty_handed(self) -> bool:
        return "|" in self.written and not self.default


class Filled(str):
    """A text with somebody's values in it: whatever it holds, no placeholders."""

    __slots__ = ()


class Missing(Exception):  # noqa: N818 - it says what is so of a contact; nothing is broken
    """The person has no such value, and there is no default."""

    def __init__(self, placeholder: Placeholder) -> None:
        what = placeholder.field.removeprefix("contact.")
        if placeholder.field.startswith(CUSTOM):
            what = f"custom field “{placeholder.field.removeprefix(CUSTOM)[:80]}”"
        super().__init__(f"The contact has no {what}, and the message has no default for it.")
        self.field = placeholder.field


@lru_cache(maxsize=1024)
def _parts(text: str) -> tuple[str | Placeholder, ...]:
    """The text, cut where placeholders are."""
    parts: list[str | Placeholder] = []
    end = 0
    for match in _PLACEHOLDER.finditer(text):
        parts += [text[end : match.start()], _placeholder(match)]
        end = match.end()
    return tuple(part for part in (*parts, text[end:]) if part)


def _placeholder(match: re.Match[str]) -> Placeholder:
    field, _, default = (part.strip() for part in match[1].partition("|"))
    if field.startswith(CUSTOM):
        field = CUSTOM + field.removeprefix(CUSTOM).strip()
    return Placeholder(field, default, match[0])


def _placeholders(text: str) -> list[Placeholder]:
    if not is_in(text):
        return []
    return [part for part in _parts(text) if isinstance(part, Placeholder)]


def is_in(text: str) -> bool:
    """Whether a text that was checked has placeholders."""
    return "{{" in text and not isinstance(text, Filled)


def is_meant(text: str) -> bool:
    """Whether somebody wanted one here, written well or not."""
    return bool(_MEANT.search(text))


def mistake(text: str) -> str:
    """Why the placeholders in a text can't be filled in; empty if they can."""
    if isinstance(text, Filled) or not ("{" in text or "}" in text):
        return ""
    for each in _placeholders(text):
        if not each.is_known:
            return f"{each.written[:60]} is unknown: there are {THERE_ARE}"
        if each.is_empty_handed:
            return f"the default of {each.written[:60]} is empty"
    rest = " ".join(part for part in _parts(text) if isinstance(part, str))
    if _BROKEN.search(rest) or "{{{" in text:
        return "a placeholder must be written as {{contact.name}} or {{contact.name|friend}}"
    return ""


def filled(text: str, values: Values, *, in_link: bool = False) -> Filled:
    """The text for one person; raises Missing."""

    def value(each: Placeholder) -> str:
        found = values.get(each.field) or each.default
        if not found:
            raise Missing(each)
        return quote(found, safe="") if in_link else found

    return Filled(_joined(text, value))


def shown(text: str, values: Values, *, in_link: bool = False) -> str:
    """As `filled`; what is missing is left as it was written."""

    def value(each: Placeholder) -> str:
        found = values.get(each.field) or each.default
        return (quote(found, safe="") if in_link else found) if found else each.written

    return _joined(text, value)


def shortest(text: str) -> str:
    """The text for nobody in particular, as short as it can get where there is no default."""
    return _joined(text, lambda each: each.default or SHORTEST)


def _joined(text: str, value: Callable[[Placeholder], str]) -> str:
    if not is_in(text):
        return text
    parts = _parts(text)
    return "".join(part if isinstance(part, str) else value(part) for part in parts)


def clean(value: object) -> str:
    """What a contact holds, as a parameter may hold it: on one line, without what can't be seen; empty
    where there is nothing to read. Only texts and numbers can be read out.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    text = str(value)
    if not text.isprintable():
        visible = (" " if unicodedata.category(c) in _NO_CHARACTERS else c for c in text)
        text = "".join(visible)
    text = " ".join(text.split())
    return text if any(char.isprintable() and char != " " for char in text) else ""


# --- Components of a send, as parameters.fit made them -----------------------------------


def fields_of(components: list[Component]) -> set[str]:
    """What they ask of a person; empty where they are the same for everybody."""
    return {each.field for text in _texts(components) for each in _placeholders(text)}


def required_of(components: list[Component]) -> set[str]:
    """What they ask of a person and have no default for."""
    found = (each for text in _texts(components) for each in _placeholders(text))
    return {each.field for each in found if not each.default}


def longest_default(components: list[Component]) -> int:
    found = (len(each.default) for text in _texts(components) for each in _placeholders(text))
    return max(found, default=0)


def for_person(components: list[Component], values: Values) -> list[Component]:
    """The components for one person; raises Missing."""
    return _with(components, lambda text, in_link: filled(text, values, in_link=in_link))


def as_known(components: list[Component], values: Values) -> list[Component]:
    """As `for_person`, for people to look at: what is missing is left as it was written."""
    return _with(components, lambda text, in_link: shown(text, values, in_link=in_link))


def _texts(components: list[Component]) -> Iterator[str]:
    for component in components:
        for card in component.get("cards") or []:
            yield from _texts(card.get("components") or [])
        for parameter in component.get("parameters") or []:
            text = parameter.get(parameter.get("type"))
            if isinstance(text, str) and is_in(text):
                yield text


def _with(components: list[Component], text: Callable[[str, bool], str]) -> list[Component]:
    return [_component(component, text) for component in components]


def _component(component: Component, text: Callable[[str, bool], str]) -> Component:
    if "cards" in component:
        cards = [
            {**card, "components": _with(card["components"], text)} for card in component["cards"]
        ]
        return {**component, "cards": cards}
    in_link = component.get("sub_type") == "url"
    parameters = [_parameter(each, text, in_link) for each in component["parameters"]]
    return {**component, "parameters": parameters}


def _parameter(parameter: Component, text: Callable[[str, bool], str], in_link: bool) -> Component:
    kind = parameter.get("type")
    said = parameter.get(kind) if kind in _TEXTS else None
    if not isinstance(said, str) or not is_in(said):
        return parameter
    return {**parameter, str(kind): text(said, in_link)}
