"""What a rule is, and the one table of them.

A rule is a function that yields where in a draft it is broken, with the values for its sentences. The
decorator gives it its code, its words and its weight, and puts it into the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.utils.functional import Promise

from templates_app.lint.draft import Draft

Words = str | Promise
# Where (a path such as `components[1].text`), and the values for the message and the remedy.
Hits = Iterator[tuple[str, dict[str, Any]]]


class Severity(StrEnum):
    # Meta refuses it: the template can't be submitted.
    ERROR = "error"
    # Meta takes it, and reviewers or readers may not.
    WARNING = "warning"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One fault: `component` is the path of the part, `remedy` what to do about it."""

    code: str
    severity: Severity
    component: str
    message: str
    remedy: str


@dataclass(frozen=True, kw_only=True)
class Rule:
    code: str
    severity: Severity
    message: Words
    remedy: Words
    find: Callable[[Draft], Hits]

    def findings(self, draft: Draft) -> Iterator[Finding]:
        for where, values in self.find(draft):
            yield Finding(
                code=self.code,
                severity=self.severity,
                component=where,
                message=str(self.message) % values,
                remedy=str(self.remedy) % values,
            )


RULES: dict[str, Rule] = {}


def error(code: str, message: Words, *, remedy: Words) -> Callable[[Any], Any]:
    return _rule(code, Severity.ERROR, message, remedy)


def warning(code: str, message: Words, *, remedy: Words) -> Callable[[Any], Any]:
    return _rule(code, Severity.WARNING, message, remedy)


def _rule(code: str, severity: Severity, message: Words, remedy: Words) -> Callable[[Any], Any]:
    def register(find: Callable[[Draft], Hits]) -> Callable[[Draft], Hits]:
        if code in RULES:
            raise ValueError(f"There are two rules {code}")
        RULES[code] = Rule(code=code, severity=severity, message=message, remedy=remedy, find=find)
        return find

    return register
