"""A template as staff review it: its bubble, beside what can be said by rule."""

from __future__ import annotations

from typing import Any

from django import template as library

from templates_app import differing, history, review
from templates_app.models import Template

register = library.Library()


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
def part_in_words(part: str) -> str:
    """The part of a change as people call it."""
    return differing.in_words(part)
