"""The doctor of a channel: live checks at Meta and at our own door, each with the fact that was measured
and what mends it.

A finding is stored as a code with its values; companies/doctor_words.py puts it into the reader's
language.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import requests
from django.conf import settings

from companies import channels
from companies.graph.client import Graph, GraphAway, GraphRefused, Number, Token
from companies.models import Channel, DoctorReport

OK, WARNING, BAD, SKIPPED = "ok", "warning", "bad", "skipped"
EXPIRES_SOON = timedelta(days=14)
QUIET = timedelta(days=7)
# Signed news of nothing: it is stored, applied and changes nothing.
TEST_BODY = b'{"object":"whatsapp_business_account","entry":[]}'
OWN_TIMEOUT = (3, 5)


@dataclass(frozen=True)
class Finding:
    """What a check found; `code` picks its words, `values` go into them."""

    check: str
    level: str
    code: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Heard:
    """When Meta last reported anything of a number: the moment, or the day where only that is known."""

    at: datetime | None = None
    day: date | None = None


# --- Examining -------------------------------------------------------------------------


def examine(channel: Channel, *, heard: Heard, now: datetime) -> DoctorReport:
    """Run all checks and keep what they found."""
    token, number, apps, problem = _ask_graph(channel)
    findings = [
        _state(channel, now),
        problem or _token(token, now),
        _scopes(token),
        _subscription(token, apps),
        _signature(),
        _heard(heard, now),
        *_of_number(channel, number),
    ]
    report, _is_new = DoctorReport.objects.update_or_create(
        channel=channel, defaults={"at": now, "findings": [asdict(each) for each in findings]}
    )
    return report


Asked = tuple[Token | None, Number | GraphRefused | None, list[str] | None, Finding | None]


def _ask_graph(channel: Channel) -> Asked:
    """What Graph says of token, number and subscription, as far as it answers, and why it did not."""
    if not channel.access_token:
        return None, None, None, Finding("token", BAD, "no_token")
    graph = Graph(channel.access_token)
    token: Token | None = None
    number: Number | GraphRefused | None = None
    apps: list[str] | None = None
    try:
        token = graph.inspect()
        if token.is_valid:
            number = _number(graph, channel.phone_number_id)
            apps = graph.subscribed_apps(channel.waba_id)
    except GraphAway:
        return token, number, apps, None if token else Finding("token", WARNING, "graph_away")
    except GraphRefused as refused:
        values = {"code": refused.code, "words": str(refused)}
        problem = Finding("token", WARNING, "graph_refused", values)
        return token, number, apps, None if token else problem
    return token, number, apps, None


def _number(graph: Graph, number_id: str) -> Number | GraphRefused:
    try:
        return graph.number(number_id)
    except GraphRefused as refused:
        if not refused.is_unknown_object:
            raise
        return refused


def _state(channel: Channel, now: datetime) -> Finding:
    if channel.status == Channel.Status.REQUESTED:
        return Finding("state", WARNING, "requested")
    if channel.status == Channel.Status.DISCONNECTED:
        return Finding("state", BAD, "disconnected", {"reason": channel.status_reason or "–"})
    if channel.paused_until and channel.is_paused(now=now):
        values = {
            "until_at": channel.paused_until.isoformat(),
            "reason": channel.pause_reason or "–",
        }
        return Finding("state", BAD, "paused", values)
    return Finding("state", OK, "connected")


def _token(token: Token | None, now: datetime) -> Finding:
    if token is None:
        return Finding("token", SKIPPED, "graph_away")
    if token.has_expired:
        return Finding("token", BAD, "token_expired")
    if not token.is_valid:
        return Finding("token", BAD, "token_revoked", {"words": token.problem or "–"})
    if token.expires_at is None:
        return Finding("token", OK, "token_valid")
    values = {"expires_at": token.expires_at.isoformat()}
    if token.expires_at < now + EXPIRES_SOON:
        return Finding("token", WARNING, "token_ends_soon", values)
    return Finding("token", OK, "token_until", values)


def _scopes(token: Token | None) -> Finding:
    if token is None or not token.is_valid:
        return Finding("scopes", SKIPPED, "not_measured")
    if token.missing_scopes:
        return Finding("scopes", BAD, "scopes_missing", {"scopes": ", ".join(token.missing_scopes)})
    return Finding("scopes", OK, "scopes_held")


def _subscription(token: Token | None, apps: list[str] | None) -> Finding:
    if token is None or apps is None:
        return Finding("subscription", SKIPPED, "not_measured")
    if token.app_id in apps:
        return Finding("subscription", OK, "subscribed", {"app_id": token.app_id})
    return Finding("subscription", BAD, "not_subscribed", {"app_id": token.app_id})


def _signature() -> Finding:
    """Knock at our own door, as Meta does: with its signature, and with a wrong one."""
    secret = settings.META_APP_SECRET
    if not secret:
        return Finding("signature", BAD, "no_secret")
    url = f"{settings.PUBLIC_URL.rstrip('/')}/webhooks/meta"
    good = hmac.new(secret.encode(), TEST_BODY, hashlib.sha256).hexdigest()
    try:
        signed, forged = _knock(url, good), _knock(url, "0" * 64)
    except requests.RequestException:
        return Finding("signature", BAD, "own_door_shut", {"url": url})
    if signed != 200:
        return Finding("signature", BAD, "signed_refused", {"status": signed})
    if forged != 401:
        return Finding("signature", BAD, "forged_taken", {"status": forged})
    return Finding("signature", OK, "signature_good")


def _knock(url: str, digest: str) -> int:
    response = requests.post(
        url,
        data=TEST_BODY,
        headers={"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={digest}"},
        timeout=OWN_TIMEOUT,
        allow_redirects=False,
    )
    return response.status_code


def _heard(heard: Heard, now: datetime) -> Finding:
    day = heard.at.date() if heard.at else heard.day
    if day is None:
        return Finding("heard", WARNING, "never_heard")
    if day < (now - QUIET).date():
        return Finding("heard", WARNING, "heard_long_ago", {"heard_day": day.isoformat()})
    if heard.at:
        return Finding("heard", OK, "heard_at", {"heard_at": heard.at.isoformat()})
    return Finding("heard", OK, "heard_day", {"heard_day": day.isoformat()})


# --- The number ------------------------------------------------------------------------

_USABLE, _LIMITED = ("CONNECTED",), ("FLAGGED", "RATE_LIMITED", "RESTRICTED")
_QUALITIES = {
    "GREEN": (OK, "quality_green"),
    "YELLOW": (WARNING, "quality_yellow"),
    "RED": (BAD, "quality_red"),
}


def _of_number(channel: Channel, number: Number | GraphRefused | None) -> list[Finding]:
    if isinstance(number, GraphRefused):
        number_finding = Finding("number", BAD, "number_unknown")
        return [
            number_finding,
            *(_skipped(check) for check in ("name", "quality", "limit", "rate")),
        ]
    if number is None:
        return [_skipped(check) for check in ("number", "name", "quality", "limit", "rate")]
    level, code = _QUALITIES.get(number.quality, (OK, "quality_unknown"))
    return [
        _status(number),
        _name(number),
        Finding("quality", level, code, {"quality": number.quality}),
        _limit(channel, number),
        _rate(channel, number),
    ]


def _skipped(check: str) -> Finding:
    return Finding(check, SKIPPED, "not_measured")


def _status(number: Number) -> Finding:
    values = {"status": number.status or "–"}
    if number.status in _USABLE:
        return Finding("number", OK, "number_fine", values)
    if number.status in _LIMITED:
        return Finding("number", WARNING, "number_limited", values)
    return Finding("number", BAD, "number_unusable", values)


def _name(number: Number) -> Finding:
    values = {"name": number.verified_name or "–", "status": number.name_status or "–"}
    if number.name_status in ("APPROVED", "AVAILABLE_WITHOUT_REVIEW"):
        return Finding("name", OK, "name_fine", values)
    return Finding("name", WARNING, "name_pending", values)


def _limit(channel: Channel, number: Number) -> Finding:
    ours, theirs = channel.daily_limit, channels.daily_limit(number.tier)
    values = {"ours": ours, "theirs": theirs}
    if ours == theirs:
        return Finding("limit", OK, "limit_same", values)
    is_higher = ours is None or (theirs is not None and ours > theirs)
    if is_higher:
        return Finding("limit", BAD, "limit_higher", values)
    return Finding("limit", WARNING, "limit_lower", values)


def _rate(channel: Channel, number: Number) -> Finding:
    most = channels.most_per_second(number.throughput)
    values = {"ours": channel.rate_per_second, "theirs": most, "level": number.throughput}
    if channel.rate_per_second > most:
        return Finding("rate", BAD, "rate_over", values)
    return Finding("rate", OK, "rate_within", values)
