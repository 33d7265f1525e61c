"""How a template stands, for its company: an icon and a word for its state, and what happens next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from messaging.display import Pill
from templates_app.models import Template
from templates_app.telling import in_words

S = Template.Status

PILLS: Mapping[str, Pill] = {
    S.DRAFT: Pill("edit", _("Draft")),
    S.SUBMITTED: Pill("hourglass", _("In review"), "info"),
    S.CHANGES_REQUESTED: Pill("alert-triangle", _("Changes requested"), "warn"),
    S.DECLINED: Pill("circle-x", _("Declined"), "bad"),
    S.PENDING: Pill("hourglass", _("With Meta"), "info"),
    S.APPROVED: Pill("circle-check", _("Approved"), "ok"),
    S.REJECTED: Pill("alert-circle", _("Rejected by Meta"), "bad"),
    S.PAUSED: Pill("player-pause", _("Paused by Meta"), "warn"),
    S.DISABLED: Pill("ban", _("Disabled by Meta"), "bad"),
    S.IN_APPEAL: Pill("hourglass", _("In appeal"), "info"),
    S.PENDING_DELETION: Pill("trash", _("Being deleted"), "warn"),
    S.DELETED: Pill("trash", _("Deleted")),
    S.ARCHIVED: Pill("file-text", _("Archived"), "warn"),
    S.LIMIT_EXCEEDED: Pill("alert-circle", _("Over Meta’s limit"), "bad"),
    S.LOCKED: Pill("lock", _("Locked by Meta"), "bad"),
}
_NEXT: Mapping[str, str | Promise] = {
    S.DRAFT: _("Only your company sees it. Submit it when it is ready."),
    S.SUBMITTED: _(
        "Tuma’s staff look at it first, then it goes to Meta. You are told of each step."
    ),
    S.CHANGES_REQUESTED: _("Tuma’s staff ask for changes. Edit it and submit it again."),
    S.DECLINED: _(
        "Tuma’s staff did not pass it on to Meta. You can change it and submit it again."
    ),
    S.PENDING: _("Meta reviews it: mostly in minutes, at times it takes a day."),
    S.APPROVED: _("It can be sent at any time."),
    S.REJECTED: _("It can’t be sent. Change what Meta objects to and submit it again."),
    S.PAUSED: _(
        "Too many people blocked or reported it, so Meta stopped it for some hours. It goes on by "
        "itself; better words, sent to fewer people, keep it from happening again."
    ),
    S.DISABLED: _("It was paused too often: Meta stopped it for good. Write a new one."),
    S.IN_APPEAL: _("Meta looks at it once more."),
    S.PENDING_DELETION: _("Meta deletes it once what was sent is delivered."),
    S.DELETED: _("It is gone. Meta may keep its name blocked for up to 30 days."),
    S.ARCHIVED: _("Meta put it away because nobody used it, and deletes it after 28 days."),
    S.LIMIT_EXCEEDED: _("The account has as many templates as Meta allows. Delete some."),
    S.LOCKED: _("Meta lets nobody change or send it."),
}
# In these somebody in the company has to do something.
TROUBLED = (S.CHANGES_REQUESTED, S.DECLINED, S.REJECTED, S.PAUSED, S.DISABLED, S.LIMIT_EXCEEDED)


@dataclass(frozen=True, kw_only=True)
class State:
    """`why` is the reason that staff or Meta gave, in plain words."""

    pill: Pill
    next: str | Promise
    why: str
    is_troubled: bool


def state(template: Template) -> State:
    on_its_way = template.status == S.PENDING and not template.graph_id
    pill = Pill("hourglass", _("On its way to Meta"), "info") if on_its_way else None
    return State(
        pill=pill or PILLS.get(template.status, PILLS[S.DRAFT]),
        next=_("It is handed over to Meta in a moment.") if on_its_way else _NEXT[template.status],
        why=in_words(template.status_reason),
        is_troubled=template.status in TROUBLED,
    )
