"""Whether Meta would take a template as somebody wrote it, and what its reviewers would say.

Pure: no queries, no network. Every way in (the API, the editor, the staff's page) asks `check`; a rule
is one function beside its code and its words, in the module of the part that it looks at. Limits are
Meta's, in characters.
"""

from __future__ import annotations

from collections.abc import Iterable

from templates_app.lint import (
    authentication,
    button_kinds,
    buttons,
    offers,
    texts,
    variables,
    whole,
)
from templates_app.lint.draft import Draft, Other, spelled
from templates_app.lint.rule import RULES, Finding, Severity

__all__ = [
    "ABOUT_SAMPLES",
    "LANGUAGES",
    "RULES",
    "Finding",
    "Other",
    "Severity",
    "check",
    "errors_in",
    "spelled",
]

LANGUAGES = whole.LANGUAGES
# Errors that may wait until a template is approved: staff add samples before it goes to Meta.
ABOUT_SAMPLES = frozenset(
    {"sample_missing", "header_sample_missing", "url_sample_missing", "code_sample_missing"}
)
# Their rules fill the table as they are read.
_MODULES = (whole, texts, variables, buttons, button_kinds, offers, authentication)


def check(
    *,
    name: object,
    language: object,
    category: object,
    components: object,
    parameter_format: object = None,
    others: Iterable[Other] = (),
) -> list[Finding]:
    """What is wrong with a template, whatever JSON its parts are: errors first, then warnings.

    `others` are the company's templates in the same WABA, without the one that is checked.
    """
    draft = Draft(
        name=name,
        language=language,
        category=category,
        components=components,
        parameter_format=parameter_format,
        others=others,
    )
    rules = [RULES["components_too_large"]] if draft.is_too_large else RULES.values()
    found = [finding for rule in rules for finding in rule.findings(draft)]
    return sorted(found, key=_order)


def _order(finding: Finding) -> tuple[bool, bool, str]:
    """The fields before the components, and these as they stand."""
    is_in_components = finding.component.startswith("components")
    return finding.severity != Severity.ERROR, is_in_components, finding.component


def errors_in(findings: Iterable[Finding], *, samples: bool = True) -> list[Finding]:
    """The errors among them; `samples=False` leaves out what is only missing samples."""
    return [
        finding
        for finding in findings
        if finding.severity == Severity.ERROR and (samples or finding.code not in ABOUT_SAMPLES)
    ]
