"""Connecting a company's number: checked live against Graph, then stored for staff to let it send.

The token proves that the number is the company's: only who may use the number at Meta has one.
"""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from companies import audit, channels, decisions, notices
from companies.graph.client import Graph, GraphAway, GraphRefused, Number, Token
from companies.models import Channel, Company, User
from config.masking import masked

# Whoever the audit log names: the request of a signed-in person, or a person.
Actor = HttpRequest | User
# Meta's own refusals for being asked too often.
_TOO_OFTEN = (4, 17, 80007)


class NotConnected(Exception):
    """Nothing was stored; the text says why, for people, and `field` which input it is about ("" for
    none: waba_id, phone_number_id or access_token).
    """

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


# --- The live check --------------------------------------------------------------------


def check(*, waba_id: str, number_id: str, token: str) -> tuple[Number, Token]:
    """The number and the token as Graph describes them; raises NotConnected."""
    graph = Graph(token)
    try:
        about = graph.inspect()
        _check_token(about)
        number = _number(graph, number_id)
        _check_account(graph, waba_id, number_id)
    except (GraphAway, GraphRefused) as error:
        raise _elsewise(error) from error
    if not number.phone_number:
        raise NotConnected(
            _("This is no phone number’s id. In WhatsApp Manager it stands under the number."),
            "phone_number_id",
        )
    return number, about


def _check_token(token: Token) -> None:
    if token.has_expired:
        raise NotConnected(
            _(
                "This token has expired. Make a new one for a system user, with “never” as its "
                "expiry."
            ),
            "access_token",
        )
    if not token.is_valid:
        raise NotConnected(
            _("Meta does not accept this token: %(words)s") % {"words": token.problem or "–"},
            "access_token",
        )
    if token.missing_scopes:
        raise NotConnected(
            _("This token lacks the permission %(scopes)s. Make one that has it.")
            % {"scopes": _(" and ").join(token.missing_scopes)},
            "access_token",
        )


def _number(graph: Graph, number_id: str) -> Number:
    try:
        return graph.number(number_id)
    except GraphRefused as refused:
        if not refused.is_unknown_object:
            raise
        raise NotConnected(
            _(
                "Meta knows no number with this id, or this token may not see it. Copy the phone "
                "number id (not the number itself) from WhatsApp Manager."
            ),
            "phone_number_id",
        ) from refused


def _check_account(graph: Graph, waba_id: str, number_id: str) -> None:
    try:
        is_its = graph.has_number(waba_id, number_id)
    except GraphRefused as refused:
        if not refused.is_unknown_object:
            raise
        raise NotConnected(
            _(
                "Meta knows no WhatsApp Business account with this id, or the token’s system user "
                "is not assigned to it."
            ),
            "waba_id",
        ) from refused
    if not is_its:
        raise NotConnected(
            _("The number does not belong to this WhatsApp Business account: check both ids."),
            "waba_id",
        )


def _subscribe(token: str, *, waba_id: str, app_id: str) -> None:
    """Have Meta report to us what happens in the account; raises NotConnected."""
    graph = Graph(token)
    try:
        if app_id not in graph.subscribed_apps(waba_id):
            graph.subscribe(waba_id)
    except (GraphAway, GraphRefused) as error:
        raise _elsewise(error) from error


def _elsewise(error: GraphAway | GraphRefused) -> NotConnected:
    if isinstance(error, GraphAway):
        return NotConnected(
            _("Meta could not be reached, so nothing could be checked. Try again in a minute.")
        )
    if error.code in _TOO_OFTEN:
        return NotConnected(
            _("Meta was asked too often and answers no more for now. Try again in an hour.")
        )
    field = "access_token" if error.is_about_token else ""
    return NotConnected(
        _("Meta refused (%(code)s): %(words)s") % {"code": error.code, "words": error}, field
    )


# --- Requests --------------------------------------------------------------------------


def request_channel(
    who: Actor, *, company: Company, name: str, waba_id: str, number_id: str, token: str
) -> Channel:
    """A new channel, which sends nothing until staff connect it; raises NotConnected."""
    taken = Channel.objects.filter(phone_number_id=number_id)
    mine = taken.filter(company=company).first()
    if mine:
        raise NotConnected(
            _("You have this number already: it is the channel “%(name)s”.") % {"name": mine.name},
            "phone_number_id",
        )
    number, about = check(waba_id=waba_id, number_id=number_id, token=token)
    if taken.exists():
        raise _in_use()
    _subscribe(token, waba_id=waba_id, app_id=about.app_id)
    try:
        with transaction.atomic():
            channel = Channel.objects.create(
                company=company,
                name=name,
                status=Channel.Status.REQUESTED,
                requested_at=timezone.now(),
                is_default=channels.give_up_default(company.pk),
                waba_id=waba_id,
                phone_number_id=number_id,
                access_token=token,
                rate_per_second=channels.most_per_second(number.throughput),
                **_facts(number),
            )
            _note_request(who, channel)
    except IntegrityError as error:
        raise _in_use() from error
    return channel


def _in_use() -> NotConnected:
    return NotConnected(
        _("This number is connected here already. If it is yours, please write to Tuma’s staff."),
        "phone_number_id",
    )


def _facts(number: Number) -> dict[str, object]:
    """What a channel takes over from Meta."""
    return {
        "phone_number": number.phone_number,
        "verified_name": number.verified_name,
        "quality": number.quality,
        "throughput": number.throughput,
        "daily_limit": channels.daily_limit(number.tier),
    }


def _note_request(who: Actor, channel: Channel) -> None:
    audit.record(
        who,
        company=channel.company,
        kind=audit.Kind.CHANNEL_REQUESTED,
        label=channel.name,
        detail={"number": masked(channel.phone_number.lstrip("+"))},
    )
    notices.notify(
        channel.company,
        title=_("%(name)s waits for Tuma’s staff") % {"name": channel.name},
        text=_(
            "The number passed Meta’s checks. It can send as soon as our staff have looked at it."
        ),
        link=reverse("channel", args=[channel.pk]),
    )


# --- Later -----------------------------------------------------------------------------


def reconnect(who: Actor, channel: Channel, *, token: str) -> Channel.Status:
    """Use a new token, checked as the first was; the status that the channel has now. It sends again
    if staff had let it, else it waits for them. Raises NotConnected.
    """
    number, about = check(waba_id=channel.waba_id, number_id=channel.phone_number_id, token=token)
    _subscribe(token, waba_id=channel.waba_id, app_id=about.app_id)
    rows = Channel.objects.filter(pk=channel.pk)
    with transaction.atomic():
        channel = rows.select_for_update(of=("self",)).get()
        approved = channels.was_approved(channel)
        status = Channel.Status.CONNECTED if approved else Channel.Status.REQUESTED
        with decisions.watching(rows):
            channel.status, channel.status_reason, channel.access_token = status, "", token
            taken = take_over(channel, number)
            channel.save(update_fields=["status", "status_reason", "access_token", *taken])
        audit.record(
            who, company=channel.company, kind=audit.Kind.CHANNEL_RECONNECTED, label=channel.name
        )
    return status


def take_over(channel: Channel, number: Number) -> list[str]:
    """Write Meta's facts into the channel, and slow it down to what Meta allows. Saves nothing; the
    names of the fields.
    """
    facts = _facts(number)
    for name, value in facts.items():
        setattr(channel, name, value)
    most = channels.most_per_second(number.throughput)
    channel.rate_per_second = min(channel.rate_per_second, most)
    return [*facts, "rate_per_second"]


def disconnect(who: Actor, channel: Channel, *, reason: str) -> bool:
    """Send nothing from it any more; False if it was disconnected already."""
    rows = Channel.objects.filter(pk=channel.pk)
    with transaction.atomic(), decisions.watching(rows):
        live = rows.exclude(status=Channel.Status.DISCONNECTED)
        if not live.update(status=Channel.Status.DISCONNECTED, status_reason=reason):
            return False
        audit.record(
            who,
            company=channel.company,
            kind=audit.Kind.CHANNEL_DISCONNECTED,
            label=channel.name,
            detail={"reason": reason},
        )
    return True
