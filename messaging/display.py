"""How states look on a screen: an icon, a word and a tone each, never a colour alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from companies.models import Channel
from messaging import batch_state
from messaging.batch_state import State
from messaging.error_policy import POLICIES
from messaging.models import Batch, Status
from messaging.outcomes import HTTP

Words = str | Promise


@dataclass(frozen=True)
class Pill:
    icon: str
    word: Words
    tone: str = ""  # ok, info, warn, bad or none
    hint: Words = ""


WAITING = Pill("clock", _("Waiting"), "", _("Accepted, not sent yet"))
PILLS = {
    Status.QUEUED: Pill("clock", _("Queued")),
    Status.CLAIMED: Pill("clock", _("Queued")),
    Status.SENDING: Pill("send", _("Sending"), "info"),
    Status.UNCERTAIN: Pill(
        "help-circle", _("Uncertain"), "warn", _("No answer yet, being settled")
    ),
    Status.SENT: Pill("check", _("Sent"), "", _("Meta has it, not delivered yet")),
    Status.DELIVERED: Pill("checks", _("Delivered"), "info", _("On the phone, not read yet")),
    Status.READ: Pill("eye", _("Read"), "ok", _("Seen by the person")),
    Status.FAILED: Pill("alert-circle", _("Failed"), "bad", _("Not sent, credit given back")),
}
# From the best end to the worst, as bars and tiles show them.
ORDER = (Status.READ, Status.DELIVERED, Status.SENT, Status.UNCERTAIN, Status.FAILED)
BAR_WIDTH, MIN_WIDTH = 1000, 8
# Whoever pauses a channel until further notice gives it some such time.
FOR_GOOD = timedelta(days=365)


QUALITIES = {
    "GREEN": Pill("circle-check", _("High quality"), "ok"),
    "YELLOW": Pill("alert-triangle", _("Medium quality"), "warn"),
    "RED": Pill("alert-circle", _("Low quality"), "bad"),
    "UNKNOWN": Pill("help-circle", _("Quality not known")),
}


def status_pill(status: Status) -> Pill:
    return PILLS[status]


def channel_pill(channel: Channel, *, now: datetime) -> Pill:
    """Whether it sends."""
    if channel.status == Channel.Status.REQUESTED:
        return Pill("clock", _("Requested"))
    if channel.status != Channel.Status.CONNECTED:
        return Pill("alert-circle", _("Disconnected"), "bad")
    if channel.is_paused(now=now):
        return Pill("player-pause", _("Paused"), "warn")
    return Pill("circle-check", _("Connected"), "ok")


def standstill(channel: Channel, *, now: datetime) -> str:
    """That nothing is sent from it, and for how long; empty while it may send. `Channel.why_still` says
    why.
    """
    name = {"name": channel.name}
    if channel.status != Channel.Status.CONNECTED:
        return gettext("%(name)s is disconnected.") % name
    if channel.paused_until is None or not channel.is_paused(now=now):
        return ""
    if channel.paused_until > now + FOR_GOOD:
        return gettext("%(name)s is paused until somebody lifts it.") % name
    at = date_format(timezone.localtime(channel.paused_until), "j M, H:i")
    return gettext("%(name)s is paused until %(at)s.") % {**name, "at": at}


_CHANGED_PILLS = {
    State.CANCELLING: Pill("circle-x", _("Being cancelled"), "warn"),
    State.CANCELLED: Pill("circle-x", _("Cancelled"), "warn"),
    State.HALTED: Pill("ban", _("Stopped"), "bad"),
    State.PAUSED: Pill("player-pause", _("Paused"), "warn"),
    State.SCHEDULED: Pill("calendar-time", _("Scheduled")),
}


def batch_pill(batch: Batch) -> Pill:
    """One word for a whole batch."""
    now = timezone.now()
    state = batch_state.state(batch, now=now)
    if state in _CHANGED_PILLS:
        return _CHANGED_PILLS[state]
    if state is State.RUNNING and standstill(batch.channel, now=now):
        return Pill("clock", _("Waiting for its channel"), "warn")
    if state is State.RUNNING:
        return Pill("send", _("Sending"), "info")
    if batch.recipients_count == 0:
        return Pill("circle-x", _("No recipients"), "warn")
    if batch.failed == batch.recipients_count:
        return Pill("alert-circle", _("Failed"), "bad")
    if batch.uncertain:
        return Pill("help-circle", _("In doubt"), "warn")
    if batch.failed:
        return Pill("alert-triangle", _("Some failed"), "warn")
    return Pill("circle-check", _("Done"), "ok")


@dataclass(frozen=True, kw_only=True)
class Tile:
    pill: Pill
    count: int
    name: str


def tiles(counts: Mapping[str, int], *, total: int) -> list[Tile]:
    """A number for each state; what rests in none of them is waiting."""
    waiting = max(0, total - sum(counts.values()))
    order = (Status.SENT, Status.DELIVERED, Status.READ, Status.FAILED)
    rest = [_tile(status, counts) for status in order]
    return [
        Tile(pill=WAITING, count=waiting, name="waiting"),
        _tile(Status.UNCERTAIN, counts),
        *rest,
    ]


def _tile(status: Status, counts: Mapping[str, int]) -> Tile:
    return Tile(pill=PILLS[status], count=counts[status.word], name=status.word)


@dataclass(frozen=True, kw_only=True)
class Segment:
    name: str
    word: Words
    count: int
    x: int
    width: int


def bar(counts: Mapping[str, int], total: int) -> list[Segment]:
    """The states as parts of a bar 1000 wide; a state that has any is never too thin to see."""
    present = [status for status in ORDER if counts[status.word] and total]
    widths = [max(MIN_WIDTH, counts[s.word] * BAR_WIDTH // total) for s in present]
    if sum(widths) > BAR_WIDTH:
        widths[widths.index(max(widths))] -= sum(widths) - BAR_WIDTH
    return [
        Segment(
            name=status.word,
            word=PILLS[status].word,
            count=counts[status.word],
            x=sum(widths[:place]),
            width=widths[place],
        )
        for place, status in enumerate(present)
    ]


# Reasons of our own, which Meta never says.
OWN_TITLES = {
    "unconfirmed": _("Never confirmed by Meta, so given up rather than sent twice"),
    "unanswered": _("Meta’s answer never came"),
    "expired": _("Too old to be sent: the code’s life had ended"),
    "cancelled": _("Cancelled before it was sent"),
    "media_gone": _("Its file was deleted before it was sent"),
    "value_missing": _("A value of the contact is missing"),
    "value_unfit": _("A value of the contact does not fit into the message"),
}
_TITLES = {str(policy.code): policy.title for policy in POLICIES if not policy.subcode}


def reason_title(code: str) -> str:
    """What an error code means, in a few words; empty for one that we don't know."""
    if code.startswith(HTTP):
        return gettext("Meta’s servers answered HTTP %(status)s") % {"status": code[len(HTTP) :]}
    return str(OWN_TITLES.get(code) or _TITLES.get(code, ""))
