"""Staff hold what is sent, and let it go on: of one channel, or of all of a company's.

A pause is what the engine obeys whoever sets it (Channel.paused_until). It is a decision like others:
with a reason, an author, and a notice to the company.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from companies import audit, decisions
from companies.decisions import Step, Undecided
from companies.models import Channel, Company, Decision, Notice, User

Subject = Channel | Company

# Until somebody lifts it.
FOR_EVER = timedelta(days=3650)
SENDING, PAUSED = "sending", "paused"


def _step(label: str, done: str, **rest: Any) -> Step:
    source, target = (SENDING, PAUSED) if done == "paused" else (PAUSED, SENDING)
    return Step(label=label, done=done, sources=frozenset({source}), target=target, **rest)


STEPS = {
    "pause": _step(
        "Pause",
        "paused",
        permission="companies.pause_channel",
        kind=audit.Kind.CHANNEL_PAUSED,
        level=Notice.Level.WARNING,
        title=_("The channel %(name)s is paused"),
        text=_("What you send is accepted, and waits."),
        needs_reason=True,
    ),
    "resume": _step(
        "Resume",
        "resumed",
        permission="companies.pause_channel",
        kind=audit.Kind.CHANNEL_RESUMED,
        level=Notice.Level.GOOD,
        title=_("The channel %(name)s goes on"),
        text=_("What waited is sent now."),
    ),
    "pause_sending": _step(
        "Pause sending",
        "paused",
        permission="companies.pause_company",
        kind=audit.Kind.COMPANY_PAUSED,
        level=Notice.Level.WARNING,
        title=_("All sending of %(name)s is paused"),
        text=_("What you send is accepted, and waits."),
        needs_reason=True,
    ),
    "resume_sending": _step(
        "Resume sending",
        "resumed",
        permission="companies.pause_company",
        kind=audit.Kind.COMPANY_RESUMED,
        level=Notice.Level.GOOD,
        title=_("All sending of %(name)s goes on"),
        text=_("What waited is sent now."),
    ),
}


def hold(
    subject: Subject, *, author: User, reason: str, duration: timedelta = FOR_EVER, now: datetime
) -> Decision:
    """Pause a channel, or all of a company's that send. Raises Undecided where none does, and
    PermissionDenied.
    """
    action = "pause" if isinstance(subject, Channel) else "pause_sending"
    until = now + duration
    return _act(action, subject, running(now), until, author=author, reason=reason, now=now)


def release(subject: Subject, *, author: User, reason: str = "", now: datetime) -> Decision:
    """Let a paused channel, or all of a company's, go on. Raises Undecided where none is paused, and
    PermissionDenied.
    """
    action = "resume" if isinstance(subject, Channel) else "resume_sending"
    return _act(action, subject, paused(now), None, author=author, reason=reason, now=now)


def paused(now: datetime) -> Q:
    """Of channels."""
    return Q(paused_until__gt=now)


def running(now: datetime) -> Q:
    """Of channels: those that a pause would hold."""
    return Q(status=Channel.Status.CONNECTED) & (Q(paused_until=None) | Q(paused_until__lte=now))


def channels_of(subject: Subject) -> QuerySet[Channel]:
    if isinstance(subject, Channel):
        return Channel.objects.filter(pk=subject.pk)
    return Channel.objects.filter(company=subject)


def _act(
    action: str,
    subject: Subject,
    which: Q,
    until: datetime | None,
    *,
    author: User,
    reason: str,
    now: datetime,
) -> Decision:
    step, reason = STEPS[action], decisions.tidy(reason)
    if not author.has_perm(step.permission):
        raise PermissionDenied
    if step.needs_reason and not reason:
        raise Undecided(decisions.NO_REASON)
    rows, pause_reason = channels_of(subject), reason if until else ""
    with transaction.atomic():
        with decisions.watching(rows):
            # The condition is part of the UPDATE: of two at once, one wins.
            changed = rows.filter(which).update(paused_until=until, pause_reason=pause_reason)
        if not changed:
            raise Undecided(_nothing_to(step, subject))
        was = min(step.sources)
        return decisions.note(step, subject, reason=reason, was=was, author=author, now=now)


def _nothing_to(step: Step, subject: Subject) -> str:
    if step.target == SENDING:
        return f"Nothing is paused on “{subject}”."
    return f"Nothing is sent on “{subject}” as it is: paused already, or not connected."
