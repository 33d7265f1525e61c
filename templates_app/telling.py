"""Telling a company what Meta did to a template of theirs, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.utils.formats import date_format
from django.utils.timezone import localtime
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
    category, level = changes.get("category", template.category), Notice.Level.WARNING
    if status in _BAD and status != template.status:
        what, level = str(Template.Status(status).label), Notice.Level.BAD
    elif status == Template.Status.APPROVED and template.status != status:
        what, level = _("Meta approved it: it can be sent from now on."), Notice.Level.GOOD
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
        level=level,
        link=f"/templates/{template.pk}",
    )


def announce(template: Template, *, category: str, at: object) -> None:
    """A notice that Meta is about to put a template into another category; `at` is a Unix time."""
    is_time = isinstance(at, int) and not isinstance(at, bool) and 0 < at < _FAR
    day = date_format(localtime(datetime.fromtimestamp(at, UTC))) if is_time else ""  # type: ignore[arg-type]
    words = {"category": Template.Category(category).label, "day": day}
    text = (
        _("On %(day)s it becomes %(category)s, at that category’s price.") % words
        if day
        else _("It becomes %(category)s soon, at that category’s price.") % words
    )
    notices.notify(
        template.company,
        title=_("Meta moves the template %(name)s to another category") % {"name": template.name},
        text=f"{text} {_('A review can be asked for in WhatsApp Manager.')}",
        level=Notice.Level.WARNING,
        link=f"/templates/{template.pk}",
    )


_FAR = 2**33
