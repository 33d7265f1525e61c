"""Rules about the template as a whole: its name, language, category, which parts it has."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
from django.utils.translation import gettext_lazy as _

from templates_app.lint.draft import (
    AUTHENTICATION,
    CATEGORIES,
    COMPONENTS,
    MARKETING,
    NAMED,
    POSITIONAL,
    UTILITY,
    Draft,
    upper,
    without_variables,
)
from templates_app.lint.rule import Hits, error, warning

MAX_NAME = 512
LANGUAGES = frozenset(orjson.loads(Path(__file__).parent.with_name("languages.json").read_bytes()))
_NAME = re.compile(r"[a-z0-9_]+", re.ASCII)
_PROMOTES = re.compile(
    r"\d\s*%|\b(?:offers?|sale|discounts?|promo(?:tion)?s?|deals?|voucher|coupon|shop now|buy now)\b",
    re.IGNORECASE,
)
_GIVES_CODES = re.compile(
    r"\b(?:verification|one[- ]time|login|security|otp|2fa)\s+(?:code|pass(?:word|code)|pin)\b",
    re.IGNORECASE,
)


@error("name_missing", _("The template has no name."), remedy=_("Give it one."))
def _name_missing(draft: Draft) -> Hits:
    if draft.name in (None, ""):
        yield "name", {}


@error(
    "name_invalid",
    _("A name is made of lowercase letters, digits and underscores."),
    remedy=_("Write it as order_update."),
)
def _name_invalid(draft: Draft) -> Hits:
    name = draft.name
    if name not in (None, "") and not (isinstance(name, str) and _NAME.fullmatch(name)):
        yield "name", {}


@error(
    "name_too_long",
    _("The name has %(length)s characters; Meta allows %(limit)s."),
    remedy=_("Choose a shorter one."),
)
def _name_too_long(draft: Draft) -> Hits:
    if isinstance(draft.name, str) and len(draft.name) > MAX_NAME:
        yield "name", {"length": len(draft.name), "limit": MAX_NAME}


@error("language_missing", _("The template has no language."), remedy=_("Choose one."))
def _language_missing(draft: Draft) -> Hits:
    if draft.language in (None, ""):
        yield "language", {}


@error(
    "language_unknown",
    _("This is none of WhatsApp’s language codes."),
    remedy=_("Use a code such as en, en_US or pt_BR."),
)
def _language_unknown(draft: Draft) -> Hits:
    language = draft.language
    if language not in (None, "") and not (isinstance(language, str) and language in LANGUAGES):
        yield "language", {}


@error("category_missing", _("The template has no category."), remedy=_("Choose one."))
def _category_missing(draft: Draft) -> Hits:
    if draft.raw_category in (None, ""):
        yield "category", {}


@error(
    "category_unknown",
    _("This is none of Meta’s categories."),
    remedy=_("It is one of AUTHENTICATION, MARKETING and UTILITY."),
)
def _category_unknown(draft: Draft) -> Hits:
    if draft.raw_category not in (None, "") and draft.category not in CATEGORIES:
        yield "category", {}


@error(
    "category_differs",
    _("The other languages of this name are %(category)s."),
    remedy=_("Take their category, or another name."),
)
def _category_differs(draft: Draft) -> Hits:
    for other in draft.others:
        if other.name == draft.name and draft.category in CATEGORIES:
            if other.category != draft.category:
                yield "category", {"category": other.category}
            return


@error(
    "parameter_format_unknown",
    _("Variables are positional or named."),
    remedy=_("Write POSITIONAL or NAMED."),
)
def _parameter_format_unknown(draft: Draft) -> Hits:
    given = draft.parameter_format
    if given not in (None, "") and upper(given) not in (POSITIONAL, NAMED):
        yield "parameter_format", {}


@error("components_missing", _("The template is empty."), remedy=_("Write a body."))
def _components_missing(draft: Draft) -> Hits:
    if draft.components is None:
        yield "components", {}


@error("components_not_array", _("components is no array."), remedy=_("Send a JSON array."))
def _components_not_array(draft: Draft) -> Hits:
    if draft.components is not None and not isinstance(draft.components, list):
        yield "components", {}


@error(
    "components_too_large",
    _("This is larger than any template can be."),
    remedy=_("Send each component once, and texts as long as WhatsApp shows them."),
)
def _components_too_large(draft: Draft) -> Hits:
    if draft.is_too_large:
        yield "components", {}


@error("component_not_object", _("This component is no object."), remedy=_("Send a JSON object."))
def _component_not_object(draft: Draft) -> Hits:
    for where, component in _raw(draft):
        if not isinstance(component, dict):
            yield where, {}


@error(
    "component_unknown",
    _("There is no component of this type."),
    remedy=_("Its type is one of %(types)s."),
)
def _component_unknown(draft: Draft) -> Hits:
    for where, component in _raw(draft):
        if isinstance(component, dict) and upper(component.get("type")) not in COMPONENTS:
            yield f"{where}.type", {"types": ", ".join(COMPONENTS)}


def _raw(draft: Draft) -> list[tuple[str, Any]]:
    """Every component as it was given, in the cards too."""
    lists = [("components", draft.components)]
    lists += [
        (f"{where}.components", card.get("components"))
        for where, card in draft.raw_cards()
        if isinstance(card, dict)
    ]
    return [
        (f"{where}[{at}]", component)
        for where, components in lists
        if isinstance(components, list)
        for at, component in enumerate(components)
    ]


@error(
    "component_twice",
    _("There can be one %(kind)s only."),
    remedy=_("Take the others out."),
)
def _component_twice(draft: Draft) -> Hits:
    for parts in (draft.parts, *draft.cards):
        for kind, count in Counter(part.kind for part in parts).items():
            if count > 1:
                last = [part for part in parts if part.kind == kind][-1]
                yield last.where, {"kind": kind}


@error("body_missing", _("The template has no body."), remedy=_("Add a BODY."))
def _body_missing(draft: Draft) -> Hits:
    if isinstance(draft.components, list) and draft.top("BODY") is None:
        yield "components", {}


@error(
    "text_unstorable",
    _("A text holds a NUL character."),
    remedy=_("Take it out: nobody could see it."),
)
def _text_unstorable(draft: Draft) -> Hits:
    for where, component in _raw(draft):
        if _holds_nul(component):
            yield where, {}


def _holds_nul(value: object) -> bool:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str) and "\x00" in item:
            return True
        if isinstance(item, dict):
            waiting += [*item.keys(), *item.values()]
        elif isinstance(item, list):
            waiting += item
    return False


# --- Wording --------------------------------------------------------------------------


@warning(
    "category_sounds_like_marketing",
    _("“%(found)s” sounds like marketing: Meta may move the template there, at a higher price."),
    remedy=_("Leave it out, or choose the category MARKETING."),
)
def _category_sounds_like_marketing(draft: Draft) -> Hits:
    for part in (*draft.written("HEADER"), *draft.written("BODY"), *draft.written("FOOTER")):
        found = _PROMOTES.search(without_variables(part.text()))
        if found and draft.category == UTILITY:
            yield part.at("text"), {"found": found[0]}


@warning(
    "category_sounds_like_authentication",
    _("“%(found)s” sounds like a code to sign in with: Meta wants the category AUTHENTICATION."),
    remedy=_("Choose that category, in which WhatsApp writes the text itself."),
)
def _category_sounds_like_authentication(draft: Draft) -> Hits:
    for part in draft.written("BODY"):
        found = _GIVES_CODES.search(part.text())
        if found and draft.category in (MARKETING, UTILITY):
            yield part.at("text"), {"found": found[0]}


@warning(
    "body_duplicate",
    _("%(name)s (%(language)s) has the same text; Meta rejects duplicates."),
    remedy=_("Use that template, or write another text."),
)
def _body_duplicate(draft: Draft) -> Hits:
    body, footer = draft.top("BODY"), draft.top("FOOTER")
    if body is None or draft.category == AUTHENTICATION or not _folded(body.text()):
        return
    mine = _folded(body.text()), _folded(footer.text() if footer else "")
    for other in draft.others:
        if other.name != draft.name and (_folded(other.body), _folded(other.footer)) == mine:
            yield body.at("text"), {"name": other.name, "language": other.language}
            return


def _folded(text: str) -> str:
    """As a reviewer's comparison would see it: whatever the spaces, the case, the variables' names."""
    return " ".join(without_variables(text, "{{}}").casefold().split())
