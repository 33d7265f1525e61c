"""Why a message is where it is, and what to do about it: in words for a company's people.

What Meta's codes mean stands in messaging/error_policy.json; here are our own reasons, and what keeps a
message waiting.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from companies.models import Channel
from contacts.models import Contact
from messaging import personalising, previews
from messaging.batch_state import CANCELLED
from messaging.compose import WINDOW
from messaging.display import reason_title
from messaging.error_policy import Action, Policy, policy_for
from messaging.media_sending import GONE
from messaging.models import Message, Status
from messaging.personalising import MISSING, UNFIT
from messaging.settling import UNCONFIRMED
from templates_app.models import Template

EXPIRED = "expired"
# Refusals that say nothing against the message itself: the same may pass another time.
_PASSING = (
    Action.RETRY,
    Action.RETRY_LATER,
    Action.SLOW,
    Action.PAUSE_CHANNEL,
    Action.BLOCK_CHANNEL,
    Action.RECONNECT,
    Action.FAIL_TEMPLATE,
)
Words = str | Promise


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """`tone` is ok, info, warn, bad or none; an empty remedy means that there is nothing to do."""

    title: str
    why: str
    remedy: str = ""
    tone: str = ""
    icon: str = "info-circle"


# Our own reasons for a failure: why, and what to do.
_OWN: dict[str, tuple[Words, Words]] = {
    UNCONFIRMED: (
        gettext_lazy(
            "The connection broke while it was handed to Meta, and no sign came within the hour that "
            "Meta had taken it. It was not sent again, so that nobody gets it twice."
        ),
        gettext_lazy("Ask the person if it came; if not, send it again."),
    ),
    EXPIRED: (
        gettext_lazy("A code is good for some minutes only, and these had passed."),
        gettext_lazy("Let the person ask for a new code."),
    ),
    CANCELLED: (gettext_lazy("Its batch was cancelled before it was its turn."), ""),
    GONE: (
        gettext_lazy("The file that it names was deleted after it had been accepted."),
        gettext_lazy("Upload the file again, and send it anew."),
    ),
    MISSING: (
        gettext_lazy(
            "The message has a place for something of each contact, such as the name. This contact has "
            "none, and the message no word to say instead, so it was not sent half empty."
        ),
        gettext_lazy(
            "Fill it in on the contact’s page and send the message again; or write a default into the "
            "next one, as in {{contact.name|friend}}."
        ),
    ),
    UNFIT: (
        gettext_lazy(
            "The message has a place for something of each contact. With what this contact holds, it "
            "would be longer than WhatsApp allows, or not what the template asks for."
        ),
        gettext_lazy("Shorten it on the contact’s page, and send the message again."),
    ),
}


def policy_of(code: str) -> Policy | None:
    """What we know of one of Meta's codes; None for our own reasons and for what is no code."""
    is_number = code.removeprefix("-").isdigit() and code.isascii()
    return policy_for(int(code), http_status=0) if is_number else None


def explain(message: Message, *, now: datetime) -> Explanation:
    """The message's batch and channel should be at hand."""
    status = Status(message.status)
    if status is Status.FAILED:
        return _failed(message)
    if status is Status.UNCERTAIN:
        return _uncertain(message)
    if status in (Status.QUEUED, Status.CLAIMED):
        return _waiting(message, now)
    if status is Status.SENDING:
        return Explanation(
            title=_("It is being handed to Meta"),
            why=_("This takes a moment."),
            tone="info",
            icon="send",
        )
    if status is Status.SENT:
        return Explanation(
            title=_("Meta has it"),
            why=_("It is delivered once the person’s phone is on and has a connection."),
            icon="check",
        )
    read = status is Status.READ
    return Explanation(
        title=_("The person has seen it") if read else _("It is on the person’s phone"),
        why=""
        if read
        else _("It counts as read once it was opened; whoever hides that never tells us."),
        tone="ok" if read else "info",
        icon="eye" if read else "checks",
    )


def _failed(message: Message) -> Explanation:
    code = message.error_code
    title = reason_title(code) or _("Meta refused it")
    if code in _OWN:
        why, remedy = map(str, _OWN[code])
        why = message.batch.halt_detail or why if code == CANCELLED else why
    else:
        policy = policy_of(code)
        why = _translated(policy.meaning) if policy else ""
        remedy = _translated(policy.remedy) if policy else ""
        why = why if why and why != title else _("Meta gives no more reason than this.")
    return Explanation(title=title, why=why, remedy=remedy, tone="bad", icon="alert-circle")


def _translated(text: str) -> str:
    return _(text) if text else ""


def _uncertain(message: Message) -> Explanation:
    deadline = message.due_at + timedelta(seconds=settings.UNCERTAIN_DEADLINE_SECONDS)
    return Explanation(
        title=_("Nobody knows yet whether Meta took it"),
        why=_(
            "The connection broke while it was handed over. Meta can’t be asked, so we wait for a sign: "
            "its receipt, or proof that there is none. Then it is sent again by itself."
        ),
        remedy=_("Nothing to do. By %(at)s it is settled, or given up and its credit given back.")
        % {"at": _moment(deadline)},
        tone="warn",
        icon="help-circle",
    )


def _waiting(message: Message, now: datetime) -> Explanation:
    batch, channel = message.batch, message.channel
    if batch.halt_code:
        return Explanation(
            title=_("It will not be sent"),
            why=batch.halt_detail or reason_title(batch.halt_code),
            tone="bad",
            icon="ban",
        )
    if batch.paused_at:
        return Explanation(
            title=_("Its batch is paused"),
            why=_("Somebody of your company paused it."),
            remedy=_("Resume the batch to send it."),
            tone="warn",
            icon="player-pause",
        )
    if channel.status != Channel.Status.CONNECTED:
        return Explanation(
            title=_("Its channel is disconnected"),
            why=channel.status_reason,
            remedy=_("It is sent once the channel is connected again."),
            tone="bad",
            icon="unlink",
        )
    if channel.is_paused(now=now):
        return Explanation(
            title=_("Its channel is paused"),
            why=channel.pause_reason,
            remedy=_("It is sent once the pause is over."),
            tone="warn",
            icon="player-pause",
        )
    if message.attempts and message.error_code:
        policy = policy_of(message.error_code)
        return Explanation(
            title=_("It is tried again at %(at)s") % {"at": _moment(message.due_at)}
            if message.due_at > now
            else _("It is tried again"),
            why=(policy and _translated(policy.meaning)) or message.error_detail,
            remedy=_translated(policy.remedy) if policy else "",
            tone="warn",
            icon="rotate-clockwise",
        )
    if message.due_at > now:
        return Explanation(
            title=_("It is scheduled for %(at)s") % {"at": _moment(message.due_at)},
            why=_("It is sent then, by itself."),
            tone="info",
            icon="calendar-time",
        )
    return Explanation(
        title=_("It waits for its turn"),
        why=_("Its channel sends up to %(rate)s messages a second, one batch after the other.")
        % {"rate": channel.rate_per_second},
        icon="clock",
    )


def _moment(at: datetime) -> str:
    return date_format(localtime(at), "j M, H:i")


def why_not_again(message: Message, contact: Contact | None, *, now: datetime) -> str:
    """Why a failed message can't be sent once more as it is; empty if it can."""
    batch, policy = message.batch, policy_of(message.error_code)
    is_ours = message.error_code in (UNCONFIRMED, MISSING, UNFIT)
    if previews.is_secret(batch):
        return _("A code is never sent twice: the person asks for a new one.")
    if not is_ours and (policy is None or policy.action not in _PASSING):
        return _("As it is, it would fail for the same reason.")
    if batch.is_personal and personalising.problem_now(message):
        return _("What it says of the contact is still missing, or still does not fit.")
    if contact is None or not (contact.phone or contact.bsuid):
        return _("The person’s number is not known any more.")
    if contact.opted_out_at:
        return _("The person has opted out.")
    if message.channel.status != Channel.Status.CONNECTED:
        return _("Its channel is disconnected: connect it first.")
    if batch.template is not None:
        is_good = batch.template.status == Template.Status.APPROVED
        return "" if is_good else _("Its template is not approved at present.")
    heard = contact.last_inbound_at
    if heard is None or heard <= now - WINDOW:
        return _("The person last wrote more than 24 hours ago: only a template may be sent.")
    return ""
