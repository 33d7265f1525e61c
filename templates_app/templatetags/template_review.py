"""A template as staff review it: its bubble, beside what can be said by rule."""

from __future__ import annotations

from typing import Any

from django import template as library

from templates_app import review
from templates_app.models import Template

register = library.Library()


@register.inclusion_tag("admin/template_review.html")
def template_review(template: Template) -> dict[str, Any]:
    return {
        "template": template,
        "bubble": review.bubble(template),
        "checks": list(review.checks(template)),
    }
