"""What the staff's templates say of times and channels."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.timesince import timesince

from companies.models import Channel

register = template.Library()


@register.filter
def waited(since: datetime | None) -> str:
    """How long ago, in one unit: “3 hours”."""
    if since is None:
        return "–"
    if (timezone.now() - since).total_seconds() < 60:
        return "less than a minute"
    return timesince(since, depth=1).replace("\xa0", " ")


@register.filter
def why_still(channel: Channel, now: datetime) -> str:
    """Why nothing is sent from a channel at the time; empty if it may send."""
    return channel.why_still(now=now)


@register.inclusion_tag("admin/parts/pill.html")
def channel_pill(channel: Channel, now: datetime) -> dict[str, str]:
    """Whether a channel sends, as a pill."""
    if channel.status == Channel.Status.REQUESTED:
        return {"icon": "hourglass_top", "word": "Requested", "tone": "info"}
    if channel.status == Channel.Status.DISCONNECTED:
        return {"icon": "link_off", "word": "Disconnected", "tone": "bad"}
    if channel.is_paused(now=now):
        return {"icon": "pause_circle", "word": "Paused", "tone": "warn"}
    return {"icon": "check_circle", "word": "Connected", "tone": "ok"}
