"""Telling a company what Meta did to a template of theirs, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from companies import notices
from companies.models import Notice
from templates_app.models import Template

# Meta's reasons of a rejection, with what to do.
_REASONS = {
    "ABUSIVE_CONTENT": gettext_lazy(
        "Meta found threatening or insulting content, or questions for personal data. Take it out."
    ),
    "INCORRECT_CATEGORY": gettext_lazy(
        "The text belongs to another category. Choose that one, or change the text."
    ),
    "TAG_CONTENT_MISMATCH": gettext_lazy(
        "The text does not fit its language or category. Choose the right ones."
    ),
    "INVALID_FORMAT": gettext_lazy(
        "The format is not right, often the variables: their braces, their order, or no words "
        "between them."
    ),
    "PROMOTIONAL": gettext_lazy("The text promotes something: choose the category MARKETING."),
    "SCAM": gettext_lazy(
        "Meta takes it for an attempt to deceive people. Say who you are and why."
    ),
}
_BAD = (Template.Status.REJECTED, Template.Status.PAUSED, Template.Status.DISABLED)
_LOW = ("YELLOW", "RED")


def in_words(reason: str) -> str:
    """A template's `status_reason`, with Meta's code in front of it put into words."""
    code, _space, rest = reason.partition(" ")
    if code not in _REASONS:
        return reason
    return " ".join(filter(None, (str(_REASONS[code]), rest)))


def tell(template: Template, changes: Mapping[str, Any]) -> None:
    """A notice of what the company should act on; `template` is as it was before the changes."""
    status, quality = changes.get("status", ""), changes.get("quality", "")
    category = changes.get("category", template.category)
    if status in _BAD and status != template.status:
        what = str(Template.Status(status).label)
    elif quality in _LOW and quality != template.quality:
        what = _("Its quality fell to %(quality)s.") % {"quality": quality}
    elif category != template.category:
        what = _("Meta put it into the category %(category)s.") % {"category": category}
    else:
        return
    why = in_words(str(changes.get("status_reason", "")))
    notices.notify(
        template.company,
        title=_("The template %(name)s has changed at Meta") % {"name": template.name},
        text="\n".join(filter(None, (what, why))),
        level=Notice.Level.WARNING,
    )
