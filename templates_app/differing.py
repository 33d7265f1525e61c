"""What differs between two contents of a template, part by part. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

# As Template.content gives it.
Content = Mapping[str, Any]


class Change(NamedTuple):
    """One part as it was and as it is, empty where there is none.

    `part` is its path in Meta's words, as it is kept: `BUTTONS.2.url`; `in_words` says it to people.
    """

    part: str
    before: str
    after: str


def differences(old: Content, new: Content) -> list[Change]:
    """In the order in which the parts stand, what is gone last."""
    before, after = dict(_parts(old)), dict(_parts(new))
    every = [*after, *(part for part in before if part not in after)]
    changes = [Change(part, before.get(part, ""), after.get(part, "")) for part in every]
    return [change for change in changes if change.before != change.after]


def _parts(content: Content) -> Iterator[tuple[str, str]]:
    for name in ("name", "language", "category", "parameter_format"):
        if name in content:
            yield name, _flat(content[name])
    yield from _of_components(content.get("components"), "")


def _of_components(components: Any, place: str) -> Iterator[tuple[str, str]]:
    for component in components if isinstance(components, list) else ():
        if not isinstance(component, dict):
            continue
        path = f"{place}{str(component.get('type', '')).upper()}"
        # In an order of our own: PostgreSQL keeps objects in one of its.
        for key, value in sorted(component.items()):
            if key == "buttons":
                for number, button in _numbered(value):
                    parts = sorted(button.items())
                    yield from ((f"{path}.{number}.{k}", _flat(v)) for k, v in parts)
            elif key == "cards":
                for number, card in _numbered(value):
                    yield from _of_components(card.get("components"), f"{path}.{number}.")
            elif key != "type":
                yield f"{path}.{key}", _flat(value)


def _numbered(values: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, value in enumerate(values if isinstance(values, list) else (), start=1):
        if isinstance(value, dict):
            yield number, value


def _flat(value: Any) -> str:
    """A value on one line: the texts in it, in their order."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        return ", ".join(filter(None, map(_flat, value)))
    return "" if value is None else str(value)


# What a customer reads, and what a send has to fit; Meta shows the rest in ways of its own.
_WORDS = ("text", "format", "url", "phone_number")


def is_reworded(old: object, new: object) -> bool:
    """Whether components say something else, whatever their samples are."""
    changes = differences({"components": old}, {"components": new})
    return any(change.part.rpartition(".")[2] in _WORDS for change in changes)


def in_words(part: str) -> str:
    """A change's part as people call it: `CAROUSEL.1.BODY.text` as “Card 1, Body”."""
    words: list[str] = []
    steps = iter(part.split("."))
    for step in steps:
        if step in _NUMBERED:
            number = next(steps, "")
            words.append(_numbered_name(step, number))
        elif step != "text" or not words:
            words.append(_name(step))
    return ", ".join(words)


_NUMBERED = ("BUTTONS", "CAROUSEL")


def _numbered_name(kind: str, number: str) -> str:
    if kind == "BUTTONS":
        return _("Button %(number)s") % {"number": number}
    return _("Card %(number)s") % {"number": number}


def _name(step: str) -> str:
    names = {
        "name": _("Name"),
        "language": _("Language"),
        "category": _("Category"),
        "parameter_format": _("Kind of variables"),
        "HEADER": _("Header"),
        "BODY": _("Body"),
        "FOOTER": _("Footer"),
        "LIMITED_TIME_OFFER": _("Limited-time offer"),
        "format": _("kind"),
        "type": _("kind"),
        "text": _("text"),
        "example": _("samples"),
        "url": _("link"),
        "phone_number": _("phone number"),
    }
    return names.get(step, step.replace("_", " ").lower())
