"""A template as somebody wrote it, taken apart for the rules. Whatever JSON it is, nothing raises."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

AUTHENTICATION, MARKETING, UTILITY = "AUTHENTICATION", "MARKETING", "UTILITY"
CATEGORIES = (AUTHENTICATION, MARKETING, UTILITY)
COMPONENTS = (
    "HEADER",
    "BODY",
    "FOOTER",
    "BUTTONS",
    "CAROUSEL",
    "LIMITED_TIME_OFFER",
    "CALL_PERMISSION_REQUEST",
)
# Several times what ten cards with the longest texts and addresses come to.
MAX_SIZE = 150_000
POSITIONAL, NAMED = "POSITIONAL", "NAMED"

_VARIABLE = re.compile(r"\{\{([^{}]*)\}\}")
_BRACES = re.compile(r"\{\{|\}\}")


@dataclass(frozen=True, kw_only=True)
class Other:
    """A template that the company has in the same WABA already."""

    name: str
    language: str
    category: str
    body: str
    footer: str = ""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A component or a button: `where` is its path, `kind` Meta's spelling of its type."""

    where: str
    kind: str
    data: dict[str, Any]
    in_card: bool = False

    def text(self, key: str = "text") -> str:
        value = self.data.get(key)
        return value if isinstance(value, str) else ""

    def at(self, key: str) -> str:
        return f"{self.where}.{key}"

    @property
    def format(self) -> str:
        return upper(self.data.get("format"))

    @property
    def example(self) -> dict[str, Any]:
        value = self.data.get("example")
        return value if isinstance(value, dict) else {}


class Draft:
    """Parts that are no objects or of no known type are not in `parts`; rules of their own find them."""

    def __init__(
        self,
        *,
        name: object,
        language: object,
        category: object,
        components: object,
        parameter_format: object = None,
        others: Iterable[Other] = (),
    ) -> None:
        self.name = name
        self.language = language
        self.raw_category = category
        self.category = upper(category)
        self.components = components
        self.parameter_format = parameter_format
        self.named = upper(parameter_format) == NAMED
        self.others = list(others)
        self.parts = list(_parts(components, "components"))
        self.cards = [
            list(_parts(card.get("components"), f"{where}.components", in_card=True))
            for where, card in self.raw_cards()
            if isinstance(card, dict)
        ]

    @property
    def is_too_large(self) -> bool:
        """Whether the other rules are not worth their time: some compare all parts with each other."""
        return len(repr(self.components)) > MAX_SIZE

    @property
    def is_fixed(self) -> bool:
        """Whether Meta writes the texts itself."""
        return self.category == AUTHENTICATION

    def top(self, kind: str) -> Part | None:
        """The component of a kind that is not in a card."""
        return next((part for part in self.parts if part.kind == kind), None)

    def written(self, kind: str) -> list[Part]:
        """The components of a kind whose words the company writes, in the cards too."""
        if self.is_fixed:
            return []
        everywhere = [*self.parts, *(part for card in self.cards for part in card)]
        return [part for part in everywhere if part.kind == kind]

    def raw_cards(self) -> Iterator[tuple[str, Any]]:
        carousel = self.top("CAROUSEL")
        cards = carousel.data.get("cards") if carousel else None
        if carousel and isinstance(cards, list):
            yield from ((f"{carousel.where}.cards[{at}]", card) for at, card in enumerate(cards))

    def button_rows(self) -> Iterator[tuple[Part, list[Part]]]:
        """Each BUTTONS component with its buttons."""
        everywhere = [*self.parts, *(part for card in self.cards for part in card)]
        for part in everywhere:
            if part.kind == "BUTTONS":
                yield part, buttons_of(part)

    def buttons(self, kind: str = "") -> list[Part]:
        found = [button for _row, row in self.button_rows() for button in row]
        return [button for button in found if kind in ("", button.kind)]

    def labels(self) -> Iterator[tuple[str, str]]:
        """The words on the buttons, each with its path."""
        for button in self.buttons():
            for key in ("text", "autofill_text"):
                if button.text(key):
                    yield button.at(key), button.text(key)


def buttons_of(part: Part) -> list[Part]:
    """A BUTTONS component's buttons that are objects."""
    given = part.data.get("buttons")
    return [
        Part(
            where=f"{part.where}.buttons[{at}]",
            kind=upper(button.get("type")),
            data=button,
            in_card=part.in_card,
        )
        for at, button in enumerate(given if isinstance(given, list) else ())
        if isinstance(button, dict)
    ]


def _parts(components: object, where: str, *, in_card: bool = False) -> Iterator[Part]:
    for at, component in enumerate(components if isinstance(components, list) else ()):
        kind = upper(component.get("type")) if isinstance(component, dict) else ""
        if kind in COMPONENTS:
            yield Part(where=f"{where}[{at}]", kind=kind, data=component, in_card=in_card)


def upper(value: object) -> str:
    return value.upper() if isinstance(value, str) else ""


def variables(text: str) -> list[str]:
    """The names of the variables of a text, each once, in order of appearance."""
    return list(dict.fromkeys(name.strip() for name in _VARIABLE.findall(text)))


def without_variables(text: str, instead: str = " ") -> str:
    return _VARIABLE.sub(instead, text)


def is_balanced(text: str) -> bool:
    """Whether the doubled braces of a text pair up."""
    braces = _BRACES.findall(text)
    pairs = ["{{", "}}"] * (len(braces) // 2)
    rest = _VARIABLE.sub("", text)
    return braces == pairs and "{{" not in rest and "}}" not in rest


def spelled(components: object) -> Any:
    """Components with the types and formats in Meta's spelling; the caller's own stay as they are."""
    if not isinstance(components, list):
        return components
    return [_spelled(part) if isinstance(part, dict) else part for part in components]


def _spelled(part: dict[str, Any]) -> dict[str, Any]:
    own = dict(part)
    for key in ("type", "format", "otp_type"):
        if isinstance(own.get(key), str):
            own[key] = own[key].upper()
    for key in ("buttons", "components", "cards"):
        if isinstance(own.get(key), list):
            own[key] = spelled(own[key])
    return own
