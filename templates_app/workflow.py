"""The life of a template: the one table of what may follow what, and the one way to do it.

    the company   draft -> submitted (and back by withdrawing)
    Tuma's staff  submitted -> approved, which is PENDING without an id of Meta's; or back to the company
    Meta          pending -> approved, rejected, paused, disabled … as it says

`move` takes a step by compare and swap: of two who act on the same version of a template, people or
Meta's news, the second is told that it has changed. Each step leaves a TemplateEvent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from companies import audit
from companies.decisions import watching
from companies.models import User
from config.api import ApiError
from templates_app.differing import Content, differences
from templates_app.models import Template, TemplateEvent

Done = TemplateEvent.Done
_S = Template.Status

# Still ours alone: what Meta says elsewhere is not about these.
BEFORE_META = frozenset({_S.DRAFT, _S.SUBMITTED, _S.CHANGES_REQUESTED, _S.DECLINED})
AT_META = frozenset(set(_S) - BEFORE_META)
# In these a company may write in a template that Meta doesn't have.
WRITABLE = frozenset({_S.DRAFT, _S.CHANGES_REQUESTED, _S.DECLINED, _S.REJECTED})
# Meta takes edits of what is in one of these.
EDITABLE = frozenset({_S.APPROVED, _S.REJECTED, _S.PAUSED})


@dataclass(frozen=True)
class Step:
    """From which states, and to which; no target where whoever takes it says which, or it stays."""

    sources: frozenset[Template.Status]
    target: Template.Status | None = None


STEPS: Mapping[TemplateEvent.Done, Step] = {
    Done.WRITTEN: Step(WRITABLE),
    Done.SUBMITTED: Step(WRITABLE, _S.SUBMITTED),
    Done.WITHDRAWN: Step(frozenset({_S.SUBMITTED}), _S.DRAFT),
    Done.APPROVED: Step(frozenset({_S.SUBMITTED}), _S.PENDING),
    Done.CHANGES_REQUESTED: Step(frozenset({_S.SUBMITTED}), _S.CHANGES_REQUESTED),
    Done.DECLINED: Step(frozenset({_S.SUBMITTED}), _S.DECLINED),
    Done.CORRECTED: Step(frozenset({_S.DRAFT, _S.SUBMITTED, _S.CHANGES_REQUESTED})),
    Done.HANDED_OVER: Step(frozenset({_S.PENDING})),
    Done.NOT_TAKEN: Step(frozenset({_S.PENDING}), _S.REJECTED),
    Done.EDITED: Step(AT_META),
    Done.TOLD: Step(AT_META),
    Done.RECATEGORISED: Step(AT_META),
    Done.QUALITY: Step(AT_META),
    Done.ADOPTED: Step(AT_META),
    Done.DELETED: Step(frozenset(_S), _S.DELETED),
}


class Outdated(ApiError):
    """Somebody changed it since it was looked at; nothing was done."""

    code = "template_changed"
    status = 409


class NotPossible(ApiError):
    """Its state does not allow that; the message is for people."""

    code = "template_state"
    status = 409


@dataclass(frozen=True, kw_only=True)
class Author:
    """Who does something: a person, or what stands for one. `label` is how the history names them."""

    label: str
    user: User | None = None

    @classmethod
    def of(cls, request: HttpRequest) -> Author:
        """Who is signed in; staff who work as a member stay themselves."""
        user: User = request.user  # type: ignore[assignment]  # the pages let nobody else in
        behind = request.session.get(audit.IMPERSONATION)
        if behind:
            staff = User.objects.filter(pk=behind[0]).first()
            return cls(user=staff, label=audit.STAFF)
        return cls(user=user, label=str(user))


META = Author(label="Meta")


def move(
    template: Template,
    done: TemplateEvent.Done,
    *,
    by: Author,
    to: str | None = None,
    reason: str = "",
    content: Content | None = None,
    now: datetime | None = None,
    **fields: Any,
) -> Template:
    """Take a step with the template as `template` shows it; the template as it is then.

    `content` is its new content, `fields` are other columns, `to` the state where the table leaves it
    open. Raises NotPossible where the table has no such step, and Outdated.
    """
    step, now = STEPS[done], now or timezone.now()
    if template.status not in step.sources:
        raise NotPossible(_("That can’t be done now: it is %s.") % template.get_status_display())
    status = to or step.target or template.status
    changed = {**fields, **(content or {}), "status": status}
    rows = Template.everything.filter(pk=template.pk, version=template.version)
    with transaction.atomic(), watching(rows):
        if not rows.update(**changed, version=F("version") + 1, updated_at=now):
            raise Outdated(_("It was changed meanwhile. Look at it again."))
        note(template, done, by=by, to=status, reason=reason, content=content, now=now)
    template.refresh_from_db()
    return template


def note(
    template: Template,
    done: TemplateEvent.Done,
    *,
    by: Author,
    to: str,
    reason: str = "",
    content: Content | None = None,
    now: datetime,
) -> TemplateEvent:
    """Write a step into the history; `template` is as it was before, `content` what it has now.

    An edit's steps stand in the history of its template.
    """
    after = {**template.content, **(content or {})}
    return TemplateEvent.objects.create(
        template_id=template.edit_of_id or template.pk,
        created_at=now,
        done=done,
        from_status=template.status,
        to_status=to,
        reason=reason[:500],
        author=by.user,
        author_label=by.label[:254],
        changes=[list(change) for change in differences(template.content, after)],
        content=after if done == Done.SUBMITTED else None,
    )


def wrote(user: User, template: Template) -> bool:
    """Whether a person has a part in what a template says now: in what was written since Meta or
    staff took it last.
    """
    events = TemplateEvent.objects.filter(template_id=template.original.pk)
    taken = events.filter(done__in=(Done.APPROVED, Done.EDITED)).order_by("-pk").first()
    since = events.filter(pk__gt=taken.pk if taken else 0)
    return since.filter(
        author=user, done__in=(Done.WRITTEN, Done.SUBMITTED, Done.CORRECTED)
    ).exists()
