"""A template as staff review it: its bubble, beside what can be said by rule."""

from __future__ import annotations

import re
from typing import Any

from django import template as library
from django.utils.translation import gettext as _

from templates_app import differing, history, review
from templates_app.models import Template

register = library.Library()

_ROW = re.compile(r"(cards|buttons)\[(\d+)\]")


@register.inclusion_tag("admin/template_review.html")
def template_review(template: Template, *, whole: bool = False) -> dict[str, Any]:
    """`whole` compares it with what was before, and with the company's other templates."""
    compared_with, changes = history.to_review(template) if whole else ("", [])
    return {
        "template": template,
        "bubble": review.bubble(template),
        "checks": list(review.checks(template, beside_others=whole)),
        "compared_with": compared_with,
        "changes": changes,
    }


@register.filter
def row_in_words(path: str) -> str:
    """Which card and button a finding is about, if any: `components[1].cards[0].buttons[1]`."""
    words = {"cards": _("Card %(number)s"), "buttons": _("Button %(number)s")}
    found = _ROW.findall(path)
    return ", ".join(words[kind] % {"number": int(number) + 1} for kind, number in found)


@register.filter
def part_in_words(part: str) -> str:
    """The part of a change as people call it."""
    return differing.in_words(part)
