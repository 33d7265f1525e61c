"""What staff decide about templates before Meta does."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import F
from django.utils.translation import gettext_lazy as _

from companies import audit
from companies.decisions import Process, Step
from companies.models import Channel, Notice, User
from templates_app import services, workflow
from templates_app.models import Template
from templates_app.workflow import STEPS, Author, Done

_PERMISSION = "templates_app.decide_template"
# By the action's name, its step in the workflow.
_DONE = {
    "approve": Done.APPROVED,
    "request_changes": Done.CHANGES_REQUESTED,
    "reject": Done.DECLINED,
}


def _way(action: str) -> dict[str, Any]:
    """From and to where, as the workflow's table has it."""
    step = STEPS[_DONE[action]]
    return {"sources": frozenset(map(str, step.sources)), "target": str(step.target)}


def _not_approvable(template: Template, author: User) -> str:
    """Why a template can't go to Meta, or not by this person's word."""
    if workflow.wrote(author, template):
        return f"You wrote in “{template}”: somebody else has to approve it."
    errors = services.errors_of(template)
    if errors:
        first = errors[0]
        return f"“{template}” can’t go to Meta. {first.component}: {first.message} {first.remedy}"
    return _no_channel(template)


def _no_channel(template: Template) -> str:
    """Meta takes a template in the name of a number of the WABA."""
    channels = Channel.objects.filter(
        company_id=template.company_id, waba_id=template.waba_id, status=Channel.Status.CONNECTED
    )
    if template.waba_id and channels.exists():
        return ""
    return f"“{template}” can’t go to Meta: the company has no connected channel in its WABA."


def _changes(step: Step, reason: str, now: datetime) -> dict[str, object]:
    return {"status_reason": reason, "updated_at": now, "version": F("version") + 1}


def _note(template: Template, action: str, reason: str, author: User, now: datetime) -> None:
    by = Author(user=author, label=audit.STAFF)
    done = _DONE[action]
    workflow.note(template, done, by=by, to=str(STEPS[done].target), reason=reason, now=now)


TEMPLATES = Process(
    model=Template,
    changes=_changes,
    traces=_note,
    page="/templates/{row.original.pk}",
    steps={
        "approve": Step(
            label="Approve",
            done="approved",
            **_way("approve"),
            permission=_PERMISSION,
            kind=audit.Kind.TEMPLATE_APPROVED,
            level=Notice.Level.GOOD,
            title=_("The template %(name)s goes to Meta"),
            text=_("We have approved it. Meta’s review mostly takes minutes, at times a day."),
            refuse=_not_approvable,
        ),
        "request_changes": Step(
            label="Request changes",
            done="sent back",
            **_way("request_changes"),
            permission=_PERMISSION,
            kind=audit.Kind.TEMPLATE_CHANGES_REQUESTED,
            level=Notice.Level.WARNING,
            title=_("The template %(name)s needs changes"),
            text=_("Please change it and submit it again."),
            needs_reason=True,
        ),
        "reject": Step(
            label="Reject",
            done="rejected",
            **_way("reject"),
            permission=_PERMISSION,
            kind=audit.Kind.TEMPLATE_DECLINED,
            level=Notice.Level.BAD,
            title=_("The template %(name)s was declined"),
            text=_("It does not go to Meta."),
            needs_reason=True,
        ),
    },
)
