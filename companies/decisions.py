"""What staff decide: about companies and channels here, about templates in templates_app/decisions.py.

A decision moves an object from one state to another as its table of steps allows, and leaves all its
traces in one transaction: the Decision itself, a line in the company's audit log, a notice to its
people. The row is locked and its state looked at again, so of two people who decide at once the
second is told what the first did.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model, QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from companies import audit, notices
from companies.models import Channel, Company, Decision, Notice, User

REASON_MAX = 300
NO_REASON = "Give a reason: the company reads it."

Row = Any  # a model with `status`
Words = str | Promise


class Undecided(Exception):
    """Nothing was changed; the text says why, for whoever tried."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that staff may decide.

    `title` and `text` are the notice to the company, with %(name)s for the object; the reason follows
    the text. `refuse` says why an object can't take this step, or not by this person's word, although
    its state allows it.
    """

    label: str
    done: str
    sources: frozenset[str]
    target: str
    permission: str
    kind: audit.Kind
    level: str
    title: Words
    text: Words
    needs_reason: bool = False
    refuse: Callable[[Row, User], str] = lambda row, author: ""


@dataclass(frozen=True, kw_only=True)
class Process:
    """How one kind of object is decided about; `changes` gives what else becomes different with a
    step, from its reason and its time, and `traces` leaves more of them (row, action, reason, author,
    time). The company finds the object at `page`, in which {row} is the object.
    """

    model: type[Model]
    steps: Mapping[str, Step]
    changes: Callable[[Step, str, datetime], dict[str, object]] = lambda step, reason, now: {}
    traces: Callable[[Row, str, str, User, datetime], None] | None = None
    page: str = "/"

    def open_to(self, status: str) -> list[str]:
        """The actions that a state allows."""
        return [name for name, step in self.steps.items() if status in step.sources]


Watcher = Callable[[QuerySet[Any]], AbstractContextManager[None]]
# Who must see such a change happen, by model: a context around it (messaging tells the webhooks).
WATCHERS: dict[type[Model], Watcher] = {}


def watching(rows: QuerySet[Any]) -> AbstractContextManager[None]:
    """The context in which staff change these rows."""
    watcher = WATCHERS.get(rows.model)
    return watcher(rows) if watcher else nullcontext()


def decide(
    process: Process,
    pk: object,
    action: str,
    *,
    author: User,
    reason: str = "",
    seen: int | None = None,
    now: datetime,
) -> Decision:
    """Take a step. Raises Undecided where that can't be, and PermissionDenied.

    `seen` is the version that was looked at, of what has versions: another one is decided anew.
    """
    step, reason = process.steps[action], tidy(reason)
    if not author.has_perm(step.permission):
        raise PermissionDenied
    if step.needs_reason and not reason:
        raise Undecided(NO_REASON)
    rows = process.model._default_manager.filter(pk=pk)
    with transaction.atomic():
        row: Row = rows.select_for_update(of=("self",)).first()
        if row is None:
            raise Undecided("It is not there any more.")
        if row.status not in step.sources:
            raise Undecided(_too_late(row, step))
        if seen is not None and row.version != seen:
            raise Undecided(f"“{row}” was changed since you looked at it. Look at it again.")
        if why := step.refuse(row, author):
            raise Undecided(why)
        with watching(rows):
            rows.update(status=step.target, **process.changes(step, reason, now))
        if process.traces:
            process.traces(row, action, reason, author, now)
        page = process.page.format(row=row)
        return note(step, row, reason=reason, was=row.status, author=author, now=now, page=page)


def note(
    step: Step,
    row: Row,
    *,
    reason: str,
    was: str,
    author: User,
    now: datetime,
    page: str = "/",
) -> Decision:
    """Leave the traces of a step that was taken, in the caller's transaction."""
    company = row if isinstance(row, Company) else row.company
    audit.record(
        audit.STAFF,
        company=company,
        kind=step.kind,
        label=row.name,
        detail={"reason": reason} if reason else {},
    )
    notices.notify(
        company,
        title=str(step.title) % {"name": row.name},
        text=" ".join(filter(None, (str(step.text) % {"name": row.name}, reason))),
        level=step.level,
        link=page,
    )
    statuses = (was, step.target)
    return record(company, row, step.done, reason=reason, statuses=statuses, author=author, now=now)


def record(
    company: Company,
    row: Row,
    done: str,
    *,
    reason: str,
    author: User,
    now: datetime,
    statuses: tuple[str, str] = ("", ""),
) -> Decision:
    """The line among staff alone: who did what to a company or a thing of its, and why."""
    return Decision.objects.create(
        company=company,
        about_type=row._meta.model_name,
        about_id=row.pk,
        about_label=str(row)[:200],
        done=done,
        from_status=statuses[0],
        to_status=statuses[1],
        reason=reason,
        author=author,
        author_label=author.email,
        created_at=now,
    )


def tidy(reason: str) -> str:
    """As it is kept: one line of at most REASON_MAX characters."""
    return " ".join(reason.split())[:REASON_MAX]


def history(row: Row, *, limit: int = 20) -> QuerySet[Decision]:
    """What was decided about an object, the latest first."""
    about = Decision.objects.filter(about_type=row._meta.model_name, about_id=row.pk)
    return about.order_by("-pk")[:limit]


def _too_late(row: Row, step: Step) -> str:
    state = row.get_status_display()
    last = history(row, limit=1).first()
    if last is None or last.to_status != row.status:
        return f"“{row}” is {state} now and can’t be {step.done}."
    when = timezone.localtime(last.created_at)
    return (
        f"Somebody was faster: {last.author_label} {last.done} “{row}” "
        f"on {when:%-d %b %Y} at {when:%H:%M} ({when.tzname()}). It is {state} now."
    )


# --- Companies ------------------------------------------------------------------------

_COMPANY, _GOOD, _BAD = Company.Status, Notice.Level.GOOD, Notice.Level.BAD

COMPANIES = Process(
    model=Company,
    steps={
        "approve": Step(
            label="Approve",
            done="approved",
            sources=frozenset({_COMPANY.APPLIED}),
            target=_COMPANY.ACTIVE,
            permission="companies.decide_company",
            kind=audit.Kind.COMPANY_APPROVED,
            level=_GOOD,
            title=_("%(name)s is active"),
            text=_("Welcome to Tuma. Your API keys work from now on."),
        ),
        "decline": Step(
            label="Decline",
            done="declined",
            sources=frozenset({_COMPANY.APPLIED}),
            target=_COMPANY.SUSPENDED,
            permission="companies.decide_company",
            kind=audit.Kind.COMPANY_DECLINED,
            level=_BAD,
            title=_("The application of %(name)s was declined"),
            text=_("We can’t take you on as things are."),
            needs_reason=True,
        ),
        "suspend": Step(
            label="Suspend",
            done="suspended",
            sources=frozenset({_COMPANY.ACTIVE}),
            target=_COMPANY.SUSPENDED,
            permission="companies.decide_company",
            kind=audit.Kind.COMPANY_SUSPENDED,
            level=_BAD,
            title=_("%(name)s is suspended"),
            text=_("Its API keys are refused and nothing is sent; what waits stays in the queue."),
            needs_reason=True,
        ),
        "reinstate": Step(
            label="Reinstate",
            done="reinstated",
            sources=frozenset({_COMPANY.SUSPENDED}),
            target=_COMPANY.ACTIVE,
            permission="companies.decide_company",
            kind=audit.Kind.COMPANY_REINSTATED,
            level=_GOOD,
            title=_("%(name)s is active again"),
            text=_("Its API keys work, and what waited in the queue is sent now."),
        ),
    },
)

# --- Channels -------------------------------------------------------------------------

_CHANNEL = Channel.Status


def _no_token(channel: Channel, _author: User) -> str:
    if channel.access_token:
        return ""
    return f"“{channel}” has no access token: store one first, or nothing could be sent on it."


def _channel_changes(step: Step, reason: str, now: datetime) -> dict[str, object]:
    return {"status_reason": reason if step.target == _CHANNEL.DISCONNECTED else ""}


CHANNELS = Process(
    model=Channel,
    changes=_channel_changes,
    page="/channels",
    steps={
        "connect": Step(
            label="Connect",
            done="connected",
            sources=frozenset({_CHANNEL.REQUESTED}),
            target=_CHANNEL.CONNECTED,
            permission="companies.decide_channel",
            kind=audit.Kind.CHANNEL_CONNECTED,
            level=_GOOD,
            title=_("The channel %(name)s is connected"),
            text=_("You can send from it now."),
            refuse=_no_token,
        ),
        "reject": Step(
            label="Reject",
            done="rejected",
            sources=frozenset({_CHANNEL.REQUESTED}),
            target=_CHANNEL.DISCONNECTED,
            permission="companies.decide_channel",
            kind=audit.Kind.CHANNEL_REJECTED,
            level=_BAD,
            title=_("The channel %(name)s was not connected"),
            text=_("We looked at your request and could not connect the number."),
            needs_reason=True,
        ),
        "disconnect": Step(
            label="Disconnect",
            done="disconnected",
            sources=frozenset({_CHANNEL.CONNECTED}),
            target=_CHANNEL.DISCONNECTED,
            permission="companies.decide_channel",
            kind=audit.Kind.CHANNEL_DISCONNECTED,
            level=_BAD,
            title=_("The channel %(name)s was disconnected"),
            text=_("Nothing is sent from it; what waits stays in the queue."),
            needs_reason=True,
        ),
        "reconnect": Step(
            label="Reconnect",
            done="reconnected",
            sources=frozenset({_CHANNEL.DISCONNECTED}),
            target=_CHANNEL.CONNECTED,
            permission="companies.decide_channel",
            kind=audit.Kind.CHANNEL_RECONNECTED,
            level=_GOOD,
            title=_("The channel %(name)s is connected again"),
            text=_("What waited in its queue is sent now."),
            refuse=_no_token,
        ),
    },
)
