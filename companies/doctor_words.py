"""What the doctor found, in words: the fact that was measured, and what mends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from companies.doctor import BAD, OK, WARNING, Finding
from companies.models import DoctorReport


class Words(NamedTuple):
    fact: str | Promise
    fix: str | Promise = ""


TITLES = {
    "state": _("Here"),
    "token": _("Access token"),
    "scopes": _("Permissions"),
    "subscription": _("Webhook subscription"),
    "signature": _("Webhook signature"),
    "heard": _("Meta’s reports"),
    "number": _("Number at Meta"),
    "name": _("Display name"),
    "quality": _("Quality"),
    "limit": _("Messages a day"),
    "rate": _("Messages a second"),
}

_NEW_TOKEN = _("Reconnect the channel with a new token.")
_STAFF = _("Tuma’s staff must mend this: please write to them.")
_WORDS = {
    "connected": Words(_("The channel is connected and may send.")),
    "paused": Words(
        _("Sending is paused until %(until_at)s: %(reason)s"),
        _("It goes on by itself then; what is queued waits. Staff can lift it earlier."),
    ),
    "requested": Words(
        _("Tuma’s staff have not looked at it yet, so it does not send."),
        _("Nothing to do: you are told as soon as they have."),
    ),
    "disconnected": Words(
        _("The channel is disconnected: %(reason)s"),
        _("Reconnect it with a good token; what is queued is sent then."),
    ),
    "graph_away": Words(
        _("Meta could not be reached, so this could not be measured."),
        _("Try again in a few minutes."),
    ),
    "graph_refused": Words(
        _("Meta refused to answer (%(code)s): %(words)s"), _("Try again in a few minutes.")
    ),
    "not_measured": Words(_("It can’t be measured without a valid token.")),
    "no_token": Words(_("No token is stored."), _NEW_TOKEN),
    "token_valid": Words(_("Meta accepts it; it never expires.")),
    "token_until": Words(_("Meta accepts it until %(expires_at)s.")),
    "token_ends_soon": Words(
        _("Meta accepts it, but only until %(expires_at)s."),
        _(
            "Make a token of a system user that never expires, and reconnect the channel with it "
            "before that day."
        ),
    ),
    "token_expired": Words(
        _("It has expired: Meta refuses everything that is sent with it."),
        _("Make a new token of a system user, and reconnect the channel with it."),
    ),
    "token_revoked": Words(
        _("Meta does not accept it any more: %(words)s"),
        _(
            "It was revoked, or its system user removed. Make a new token in Meta’s business "
            "settings, and reconnect the channel with it."
        ),
    ),
    "scopes_held": Words(_("It may send messages and manage the account.")),
    "scopes_missing": Words(
        _("It lacks %(scopes)s."),
        _("Make a token that has both WhatsApp permissions, and reconnect the channel with it."),
    ),
    "subscribed": Words(_("Meta reports to the token’s app (%(app_id)s).")),
    "not_subscribed": Words(
        _(
            "Meta does not report to the token’s app (%(app_id)s): no receipts and no answers come in."
        ),
        _("Subscribe the app with the button below."),
    ),
    "signature_good": Words(
        _("A signed report was taken, and one with a wrong signature refused.")
    ),
    "no_secret": Words(_("No app secret is set, so every report of Meta’s is refused."), _STAFF),
    "own_door_shut": Words(
        _("Our own address %(url)s could not be reached, so Meta may not reach it either."), _STAFF
    ),
    "signed_refused": Words(_("A signed report was answered with HTTP %(status)s."), _STAFF),
    "forged_taken": Words(
        _("A report with a wrong signature was answered with HTTP %(status)s, not refused."), _STAFF
    ),
    "heard_at": Words(_("The last one came in %(heard_at)s.")),
    "heard_day": Words(_("The last receipts are of messages of %(heard_day)s.")),
    "heard_long_ago": Words(
        _("None has come in since %(heard_day)s."),
        _("If you have sent since then, look at the subscription above; else send a message."),
    ),
    "never_heard": Words(
        _("None has ever come in for this number."),
        _("Send a message: a receipt follows within seconds if all is well."),
    ),
    "number_fine": Words(_("Meta has it as %(status)s.")),
    "number_limited": Words(
        _("Meta has it as %(status)s."),
        _("People blocked or reported it. Send less, and only to who asked for it."),
    ),
    "number_unusable": Words(
        _("Meta has it as %(status)s: it can’t send."),
        _("Settle it in WhatsApp Manager, under Phone numbers; register the number there."),
    ),
    "number_unknown": Words(
        _("Meta knows no number with this id, or the token may not see it."),
        _("Assign the account to the token’s system user, or connect the right number."),
    ),
    "name_fine": Words(_("“%(name)s” is approved.")),
    "name_pending": Words(
        _("“%(name)s” is %(status)s."),
        _("Until it is approved people see the number instead; settle it in WhatsApp Manager."),
    ),
    "quality_green": Words(_("Meta rates it high (GREEN).")),
    "quality_unknown": Words(_("Meta has no rating yet (%(quality)s).")),
    "quality_yellow": Words(
        _("Meta rates it medium (YELLOW)."),
        _("People block or report some messages: write to those who answer, and less often."),
    ),
    "quality_red": Words(
        _("Meta rates it low (RED)."),
        _(
            "Meta may lower the daily limit. Stop campaigns for a week, and send only what people "
            "expect."
        ),
    ),
    "limit_same": Words(_("Meta allows %(theirs)s, and so do we.")),
    "limit_higher": Words(
        _("We take up to %(ours)s, but Meta allows %(theirs)s: the rest would be refused."),
        _("Take over Meta’s values with the button below."),
    ),
    "limit_lower": Words(
        _("We take up to %(ours)s, although Meta allows %(theirs)s."),
        _("Take over Meta’s values with the button below."),
    ),
    "rate_within": Words(_("We send %(ours)s, Meta allows %(theirs)s (%(level)s).")),
    "rate_over": Words(
        _("We send %(ours)s, but Meta allows %(theirs)s (%(level)s)."),
        _("Take over Meta’s values with the button below."),
    ),
}
UNLIMITED = _("unlimited")


@dataclass(frozen=True, kw_only=True)
class Line:
    """A finding in the reader's words."""

    check: str
    level: str
    title: str
    fact: str
    fix: str


def lines(report: DoctorReport) -> list[Line]:
    """In the order of the checks; a finding whose code is known no more is left out."""
    found = [Finding(**each) for each in report.findings]
    return [
        Line(
            check=each.check,
            level=each.level,
            title=str(TITLES[each.check]),
            fact=str(_WORDS[each.code].fact) % _shown(each.values),
            fix=str(_WORDS[each.code].fix),
        )
        for each in found
        if each.code in _WORDS and each.check in TITLES
    ]


def mendable(report: DoctorReport) -> set[str]:
    """What a button mends: `subscribe`, `take_over`."""
    codes = {each["code"] for each in report.findings}
    fixes = {"subscribe"} if "not_subscribed" in codes else set()
    return fixes | (
        {"take_over"} if codes & {"limit_higher", "limit_lower", "rate_over"} else set()
    )


def worst(report: DoctorReport) -> str:
    """The gravest level of its findings."""
    levels = {each["level"] for each in report.findings}
    return next((level for level in (BAD, WARNING) if level in levels), OK)


def _shown(values: dict[str, Any]) -> dict[str, str]:
    return {name: _value(name, value) for name, value in values.items()}


def _value(name: str, value: Any) -> str:
    if value is None:
        return str(UNLIMITED)
    if name.endswith("_at") and (moment := parse_datetime(str(value))):
        return date_format(timezone.localtime(moment), "j M Y, H:i")
    if name.endswith("_day") and (day := parse_date(str(value))):
        return date_format(day, "j M Y")
    return f"{value:,}" if isinstance(value, int) and name in ("ours", "theirs") else str(value)
