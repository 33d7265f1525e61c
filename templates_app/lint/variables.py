"""Rules about variables: how they are written, where they may stand, and their samples."""

from __future__ import annotations

import re
from typing import Any

from django.utils.translation import gettext_lazy as _

from templates_app.lint.draft import Draft, Part, is_balanced, variables, without_variables
from templates_app.lint.rule import Hits, error, warning

# Meta publishes no formula; what has fewer words is refused in practice.
WORDS_PER_VARIABLE = 2
_NAMED = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_ADJACENT = re.compile(r"\}\}\s*\{\{")
_IDEOGRAPHS = "\u2e80"  # this character and all after it


def _with_variables(draft: Draft) -> list[Part]:
    headers = [part for part in draft.written("HEADER") if part.format == "TEXT"]
    return [*headers, *draft.written("BODY")]


# --- How they are written -------------------------------------------------------------


@error(
    "braces_unbalanced",
    _("The curly braces do not pair up."),
    remedy=_("Write each variable with two braces before and behind: {{1}}."),
)
def _braces_unbalanced(draft: Draft) -> Hits:
    for part in _with_variables(draft):
        if not is_balanced(part.text()):
            yield part.at("text"), {}


@error(
    "variable_not_number",
    _("“%(name)s” is no number, and the variables of this template are positional."),
    remedy=_("Write {{1}}, {{2}} …, or choose named variables."),
)
def _variable_not_number(draft: Draft) -> Hits:
    for part in () if draft.named else _with_variables(draft):
        for name in variables(part.text()):
            if not _is_number(name):
                yield part.at("text"), {"name": name[:40]}


@error(
    "variable_name_invalid",
    _("“%(name)s” is no name for a variable."),
    remedy=_("Use lowercase letters, digits and underscores, a letter first: {{first_name}}."),
)
def _variable_name_invalid(draft: Draft) -> Hits:
    for part in _with_variables(draft) if draft.named else ():
        for name in variables(part.text()):
            if not _NAMED.fullmatch(name):
                yield part.at("text"), {"name": name[:40]}


@error(
    "variables_out_of_sequence",
    _("The variables are not numbered from {{1}} without gaps."),
    remedy=_("Number them {{1}}, {{2}}, {{3}} …"),
)
def _variables_out_of_sequence(draft: Draft) -> Hits:
    for part in () if draft.named else _with_variables(draft):
        names = variables(part.text())
        if not all(map(_is_number, names)):
            continue
        if sorted(int(name[:9]) for name in names) != list(range(1, len(names) + 1)):
            yield part.at("text"), {}


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit()


# --- Where they stand ------------------------------------------------------------------


@error(
    "header_variables_too_many",
    _("The header has %(count)s variables; Meta allows one."),
    remedy=_("Keep one, and move the others to the body."),
)
def _header_variables_too_many(draft: Draft) -> Hits:
    for part in _with_variables(draft):
        count = len(variables(part.text()))
        if part.kind == "HEADER" and count > 1:
            yield part.at("text"), {"count": count}


@error(
    "body_starts_with_variable",
    _("The body starts with a variable."),
    remedy=_("Put words before it: Hello {{1}}."),
)
def _body_starts_with_variable(draft: Draft) -> Hits:
    for part in draft.written("BODY"):
        if part.text().lstrip().startswith("{{"):
            yield part.at("text"), {}


@error(
    "body_ends_with_variable",
    _("The body ends with a variable."),
    remedy=_("Put words behind it."),
)
def _body_ends_with_variable(draft: Draft) -> Hits:
    for part in draft.written("BODY"):
        if part.text().rstrip().endswith("}}"):
            yield part.at("text"), {}


@error(
    "variables_adjacent",
    _("Two variables stand side by side."),
    remedy=_("Put words between them."),
)
def _variables_adjacent(draft: Draft) -> Hits:
    for part in _with_variables(draft):
        if _ADJACENT.search(part.text()):
            yield part.at("text"), {}


@error(
    "variables_too_many",
    _("%(count)s variables are too many for %(words)s words."),
    remedy=_("Use fewer variables, or say more between them."),
)
def _variables_too_many(draft: Draft) -> Hits:
    for part in draft.written("BODY"):
        count, words = len(variables(part.text())), _words(part.text())
        if count * WORDS_PER_VARIABLE > words:
            yield part.at("text"), {"count": count, "words": words}


def _words(text: str) -> int:
    """Words beside the variables; of scripts without spaces two characters count as one."""
    rest = without_variables(text)
    words = [word for word in rest.split() if any(c.isalnum() for c in word)]
    return max(len(words), sum(c.isalnum() and c >= _IDEOGRAPHS for c in rest) // 2)


@error(
    "footer_variables",
    _("The footer has a variable."),
    remedy=_("Move it to the body."),
)
def _footer_variables(draft: Draft) -> Hits:
    for part in draft.written("FOOTER"):
        if "{{" in part.text():
            yield part.at("text"), {}


# --- Samples --------------------------------------------------------------------------


@error(
    "example_not_object",
    _("example is no object."),
    remedy=_("Send the samples as Meta’s API takes them."),
)
def _example_not_object(draft: Draft) -> Hits:
    for part in (*draft.written("HEADER"), *draft.written("BODY")):
        if part.data.get("example") is not None and not isinstance(part.data["example"], dict):
            yield part.at("example"), {}


@error(
    "sample_missing",
    _("The variable %(name)s has no sample value; reviewers want one for each."),
    remedy=_("Add a sample that looks like a real value."),
)
def _sample_missing(draft: Draft) -> Hits:
    for part in _with_variables(draft):
        given = samples(part, named=draft.named)
        for key, name in _sampled(part, draft):
            if not given.get(key, "").strip():
                yield part.at("example"), {"name": f"{{{{{name[:40]}}}}}"}


@error(
    "samples_too_many",
    _("There are %(given)s samples for %(needed)s variables."),
    remedy=_("Give one sample for each variable."),
)
def _samples_too_many(draft: Draft) -> Hits:
    for part in _with_variables(draft):
        given, needed = len(_given(part, named=draft.named)), len(variables(part.text()))
        if given > needed:
            yield part.at("example"), {"given": given, "needed": needed}


@warning(
    "sample_is_variable",
    _("The sample of %(name)s is a variable itself."),
    remedy=_("Give a value as a customer would read it."),
)
def _sample_is_variable(draft: Draft) -> Hits:
    for part in _with_variables(draft):
        for name, value in samples(part, named=draft.named).items():
            if "{{" in value:
                yield part.at("example"), {"name": f"{{{{{name[:40]}}}}}"}


def _sampled(part: Part, draft: Draft) -> list[tuple[str, str]]:
    """Each variable that is written well, after the key of its sample: its name or its place."""
    names = variables(part.text())
    if draft.named:
        return [(name, name) for name in names if _NAMED.fullmatch(name)]
    if not all(map(_is_number, names)):
        return []
    return [(str(place), name) for place, name in enumerate(names, start=1)]


def samples(part: Part, *, named: bool) -> dict[str, str]:
    """The sample of each variable, by its position or its name."""
    given = _given(part, named=named)
    if named:
        return {
            str(row.get("param_name")): str(row.get("example") or "")
            for row in given
            if isinstance(row, dict)
        }
    return {str(at): value for at, value in enumerate(given, 1) if isinstance(value, str)}


def _given(part: Part, *, named: bool) -> list[Any]:
    """What stands where the samples should, whatever it is."""
    key = f"{part.kind.lower()}_text"
    values: Any = part.example.get(f"{key}_named_params" if named else key)
    if not named and isinstance(values, list) and values and isinstance(values[0], list):
        values = values[0]  # body_text is a list of lists
    return values if isinstance(values, list) else []
