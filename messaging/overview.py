"""The start page: how a company's sending does, and what needs somebody.

Every number comes from the counters of each day (DailyUsage, DailyFailure), never from messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from companies.models import ApiKey, Channel, Company
from companies.roles import Need
from companies.views import PortalRequest, company_page, find_membership, render_page
from messaging import attention, figures, pages
from messaging.display import QUALITIES, Pill, channel_pill
from messaging.figures import Usage
from messaging.models import ChannelState

PERIODS = (1, 7, 30)
USUAL_PERIOD = 7
# One bar would be no chart.
CHART_DAYS = 7
BATCHES_SHOWN = 8
CHANNELS_SHOWN = 6


@require_safe
def home(request: HttpRequest) -> HttpResponseBase:
    """The start page, the staff's admin, or the company's overview: whatever is one's own."""
    if isinstance(request.user, AnonymousUser):
        return render(request, "start.html")
    if find_membership(request) is not None:
        return overview(request)
    if request.user.is_staff:
        return redirect("admin:index")
    return render(request, "no_company.html")


@company_page(Need.READ)
def overview(request: PortalRequest) -> HttpResponse:
    """Of today, or of the last `?days=` 7 or 30, against as many days before."""
    company, today = request.company, timezone.localdate()
    asked = request.GET.get("days", "")
    days = int(asked) if asked in map(str, PERIODS) else USUAL_PERIOD
    usage = Usage.of(company, today=today, days=max(2 * days, CHART_DAYS))
    channels = list(Channel.objects.filter(company=company).order_by("-is_default", "name", "pk"))
    batches = pages.newest_batches(company, BATCHES_SHOWN)
    steps = _first_steps(company, channels=channels, sent=bool(batches))
    context = {
        "days": days,
        "period": _period_words(days),
        "tabs": [(_period_words(each), f"?days={each}", each == days) for each in PERIODS],
        "since": today - timedelta(days=days - 1),
        "attention": attention.items(
            company, channels=channels, uncertain=usage.total(2).uncertain, now=timezone.now()
        ),
        "steps": [] if all(step["done"] for step in steps) else steps,
        "figures": figures.figures(usage, days),
        "chart": figures.chart(usage, max(days, CHART_DAYS)),
        "chart_days": max(days, CHART_DAYS),
        "channels": _health(channels[:CHANNELS_SHOWN], usage),
        "channels_left": max(0, len(channels) - CHANNELS_SHOWN),
        "reasons": figures.reasons(company, since=today - timedelta(days=days - 1)),
        "rows": batches,
        "charged": usage.total(days).charged,
    }
    return render_page(request, "messaging/dashboard.html", context)


# --- Channels, reasons, first steps ---------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Health:
    channel: Channel
    pill: Pill
    quality: Pill
    today: int
    used_percent: int | None  # of the daily limit; None where there is none


def _health(channels: list[Channel], usage: Usage) -> list[Health]:
    states = ChannelState.objects.filter(channel__in=channels, day=usage.today)
    counted = dict(states.values_list("channel_id", "day_count"))
    now = timezone.now()
    return [
        Health(
            channel=channel,
            pill=channel_pill(channel, now=now),
            quality=QUALITIES.get(channel.quality, QUALITIES["UNKNOWN"]),
            today=usage.of_channel_today(channel.pk).accepted
            if channel.daily_limit is None
            else counted.get(channel.pk, 0),
            used_percent=None
            if channel.daily_limit is None
            else min(100, counted.get(channel.pk, 0) * 100 // max(1, channel.daily_limit)),
        )
        for channel in channels
    ]


def _first_steps(company: Company, *, channels: list[Channel], sent: bool) -> list[dict[str, Any]]:
    connected = any(channel.status == Channel.Status.CONNECTED for channel in channels)
    return [
        {
            "done": connected,
            "title": _("Get a WhatsApp channel"),
            "text": _("A number of yours, from which your messages come."),
            "page": "channels",
        },
        {
            "done": sent or ApiKey.objects.filter(company=company).exists(),
            "title": _("Create an API key"),
            "text": _("Your program signs its requests with it."),
            "page": "api_keys",
        },
        {
            "done": sent,
            "title": _("Send a first message"),
            "text": _("From here, or with the command that comes with the key."),
            "page": "send",
        },
    ]


def _period_words(days: int) -> str:
    """`Today`, `Last 7 days`."""
    return _("Today") if days == 1 else ngettext("Last %d day", "Last %d days", days) % days
