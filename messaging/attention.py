"""What a company's people should look at now, and where: the notes on top of their start page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from companies.models import ApiKey, Channel, Company
from config import sql
from messaging.display import standstill
from messaging.models import Message, Status, WebhookEndpoint
from messaging.queue import in_queue
from templates_app.models import Template

KEYS_WITHIN = timedelta(days=7)
TEMPLATES_SINCE = timedelta(days=14)
_T = Template.Status
TROUBLED_TEMPLATES = (_T.CHANGES_REQUESTED, _T.DECLINED, _T.REJECTED, _T.PAUSED, _T.DISABLED)


@dataclass(frozen=True, kw_only=True)
class Item:
    """`page` is a URL's name, `query` what follows its path, `action` the words of the link."""

    tone: str  # bad or warn
    icon: str
    title: str
    text: str = ""
    page: str = ""
    query: str = ""
    action: str = ""


def items(
    company: Company, *, channels: Sequence[Channel], uncertain: int, now: datetime
) -> list[Item]:
    """The worst first. `uncertain`: how many messages are in doubt."""
    found = [
        *_balance(company),
        *_channels(channels, now),
        *_endpoints(company),
        *_templates(company, now),
        *_keys(company, now),
        *_uncertain(uncertain),
    ]
    return sorted(found, key=lambda item: item.tone != "bad")


def _balance(company: Company) -> Iterator[Item]:
    there: dict[str, Any] = {"page": "usage", "action": _("Usage and credits")}
    if company.credits <= company.credit_floor:
        yield Item(
            tone="bad",
            icon="coins",
            title=_("There is no credit left."),
            text=_("Nothing more is accepted. Ask Tuma’s staff for a top-up."),
            **there,
        )
    elif company.low_balance_at is not None and company.credits < company.low_balance_at:
        yield Item(
            tone="warn",
            icon="coins",
            title=_("Your credit is running low."),
            text=_("Tuma’s staff top it up."),
            **there,
        )


def _channels(channels: Sequence[Channel], now: datetime) -> Iterator[Item]:
    there: dict[str, Any] = {"page": "channels", "action": _("Channels")}
    waiting = _with_waiting(channels)
    for channel in channels:
        name = {"name": channel.name}
        # An old number that was put away needs nobody.
        is_lost = channel.status == Channel.Status.DISCONNECTED
        if is_lost and (channel.is_default or channel.pk in waiting):
            yield Item(
                tone="bad",
                icon="unlink",
                title=standstill(channel, now=now),
                text=channel.status_reason,
                **there,
            )
        elif channel.status == Channel.Status.CONNECTED:
            if channel.is_paused(now=now):
                yield Item(
                    tone="warn",
                    icon="player-pause",
                    title=standstill(channel, now=now),
                    text=channel.pause_reason,
                    **there,
                )
            if channel.quality in ("RED", "YELLOW"):
                yield Item(
                    tone="bad" if channel.quality == "RED" else "warn",
                    icon="alert-triangle",
                    title=(
                        _("The quality of %(name)s is low.")
                        if channel.quality == "RED"
                        else _("The quality of %(name)s has dropped.")
                    )
                    % name,
                    text=_(
                        "People blocked or reported it. Send less, and only what was asked for."
                    ),
                    **there,
                )


def _with_waiting(channels: Sequence[Channel]) -> set[int]:
    """Those of the disconnected ones that have something to send."""
    lost = [c.pk for c in channels if c.status == Channel.Status.DISCONNECTED]
    rows = sql.fetch(
        f"""SELECT c.id FROM {Channel._meta.db_table} c WHERE {sql.in_list("c.id")}
        AND EXISTS (SELECT 1 FROM {Message._meta.db_table} m
            WHERE m.channel_id = c.id AND {in_queue(Status.QUEUED, "m.")})""",
        [sql.id_list(lost)],
    )
    return {channel_id for (channel_id,) in rows}


def _endpoints(company: Company) -> Iterator[Item]:
    off = Q(status=WebhookEndpoint.Status.DISABLED, disabled_reason__in=("gone", "failing"))
    failing = Q(status=WebhookEndpoint.Status.ACTIVE, failing_since__isnull=False)
    found = WebhookEndpoint.objects.filter(company=company).exclude(
        status=WebhookEndpoint.Status.DELETED
    )
    for endpoint in found.filter(off | failing).only("url", "status").order_by("pk")[:3]:
        is_off = endpoint.status == WebhookEndpoint.Status.DISABLED
        yield Item(
            tone="bad" if is_off else "warn",
            icon="webhook",
            title=_("A webhook was switched off.") if is_off else _("A webhook keeps failing."),
            text=endpoint.url,
            page="webhooks",
            action=_("Webhooks"),
        )


def _templates(company: Company, now: datetime) -> Iterator[Item]:
    found = Template.objects.filter(
        company=company, status__in=TROUBLED_TEMPLATES, updated_at__gte=now - TEMPLATES_SINCE
    )
    names = list(found.order_by("-updated_at").values_list("name", flat=True)[:20])
    if names:
        yield Item(
            tone="warn",
            icon="template",
            title=ngettext(
                "%d template can’t be sent as it is.",
                "%d templates can’t be sent as they are.",
                len(names),
            )
            % len(names),
            text=", ".join(names[:3]) + ("…" if len(names) > 3 else ""),
            page="templates",
            action=_("Templates"),
        )


def _keys(company: Company, now: datetime) -> Iterator[Item]:
    ending = ApiKey.objects.filter(
        company=company, revoked_at=None, expires_at__gt=now, expires_at__lte=now + KEYS_WITHIN
    )
    for key in ending.order_by("expires_at", "pk")[:3]:
        at = date_format(localtime(key.expires_at), "j M, H:i") if key.expires_at else ""
        yield Item(
            tone="warn",
            icon="key",
            title=_("The API key %(name)s ends on %(at)s.") % {"name": key.name, "at": at},
            text=_("Roll it in time: its program is refused afterwards."),
            page="api_keys",
            action=_("API keys"),
        )


def _uncertain(count: int) -> Iterator[Item]:
    if count:
        yield Item(
            tone="warn",
            icon="help-circle",
            title=ngettext("%d message is in doubt.", "%d messages are in doubt.", count) % count,
            text=_("Meta’s answer never came. It is settled by itself, within the hour."),
            page="messages",
            query="?status=uncertain",
            action=_("Show"),
        )
