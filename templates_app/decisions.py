"""What staff decide about templates before Meta does."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from companies import audit
from companies.decisions import Process, Step
from companies.models import Channel, Notice
from templates_app.models import Template

_STATUS = Template.Status
_SUBMITTED = frozenset({_STATUS.SUBMITTED.value})
_PERMISSION = "templates_app.decide_template"


def _no_channel(template: Template) -> str:
    """Meta takes a template in the name of a number of the WABA."""
    channels = Channel.objects.filter(
        company_id=template.company_id, waba_id=template.waba_id, status=Channel.Status.CONNECTED
    )
    if template.waba_id and channels.exists():
        return ""
    return f"“{template}” can’t go to Meta: the company has no connected channel in its WABA."


def _changes(step: Step, reason: str, now: datetime) -> dict[str, object]:
    return {"status_reason": reason, "updated_at": now}


TEMPLATES = Process(
    model=Template,
    changes=_changes,
    steps={
        "approve": Step(
            label="Approve",
            done="approved",
            sources=_SUBMITTED,
            # The worker hands it over: messaging/template_handover.py.
            target=_STATUS.PENDING,
            permission=_PERMISSION,
            kind=audit.Kind.TEMPLATE_APPROVED,
            level=Notice.Level.GOOD,
            title=_("The template %(name)s goes to Meta"),
            text=_("We have approved it. Meta’s review mostly takes minutes, at times a day."),
            refuse=_no_channel,
        ),
        "request_changes": Step(
            label="Request changes",
            done="sent back",
            sources=_SUBMITTED,
            target=_STATUS.CHANGES_REQUESTED,
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
            sources=_SUBMITTED,
            target=_STATUS.DECLINED,
            permission=_PERMISSION,
            kind=audit.Kind.TEMPLATE_DECLINED,
            level=Notice.Level.BAD,
            title=_("The template %(name)s was declined"),
            text=_("It does not go to Meta."),
            needs_reason=True,
        ),
    },
)
