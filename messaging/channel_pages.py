"""A company's numbers: how they fare, what they may, what is wrong with them, and connecting them.

Changes at Meta are in companies/connecting.py, the checks in companies/doctor.py. The pages stand here
because they show what is sent: today's use, what waits, and when Meta last reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import Sum
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from companies import audit, channels, connecting, doctor, doctor_words, limits
from companies.connecting import NotConnected
from companies.doctor import Heard
from companies.graph.client import Graph, GraphAway, GraphRefused
from companies.models import Channel, Company, DoctorReport
from companies.roles import Need
from companies.views import PortalRequest, View, company_page, render_page
from config import sql
from messaging import figures
from messaging.channel_forms import ConnectForm, DisconnectForm, ReconnectForm, SettingsForm
from messaging.display import QUALITIES, Pill, channel_pill, standstill
from messaging.figures import Usage
from messaging.models import DailyUsage, InboundMessage, Message, Status, StatusProof
from messaging.queue import in_queue

# Tries at Meta that a company's people may make in an hour.
TRIES_AN_HOUR = 60
CHART_DAYS = 30
# Beyond, what waits is only said to be more.
MAX_COUNTED = 10_000
# A number that nobody wrote to for so many of the company's messages counts as not written to.
INBOUND_LOOKED_AT = 500

LEVELS = {
    doctor.OK: Pill("circle-check", _("Fine"), "ok"),
    doctor.WARNING: Pill("alert-triangle", _("Look at it"), "warn"),
    doctor.BAD: Pill("alert-circle", _("Must be mended"), "bad"),
    doctor.SKIPPED: Pill("point", _("Not checked")),
}
VERDICTS = {
    doctor.OK: Pill("circle-check", _("All is well"), "ok"),
    doctor.WARNING: Pill("alert-triangle", _("Something to look at"), "warn"),
    doctor.BAD: Pill("alert-circle", _("Something must be mended"), "bad"),
}


# --- What is shown --------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class ChannelRow:
    channel: Channel
    used_today: int
    is_paused: bool

    @property
    def pill(self) -> Pill:
        return channel_pill(self.channel, now=timezone.now())

    @property
    def quality(self) -> Pill:
        return QUALITIES.get(self.channel.quality, QUALITIES["UNKNOWN"])

    @property
    def used_percent(self) -> int:
        """Of the day's limit; 0 where there is none."""
        limit = self.channel.daily_limit
        return min(100, self.used_today * 100 // limit) if limit else 0


def _rows(company: Company, found: Iterable[Channel]) -> list[ChannelRow]:
    now = timezone.now()
    used = dict(
        DailyUsage.objects.filter(company=company, day=timezone.localdate())
        .values_list("channel_id")
        .annotate(Sum("accepted"))
    )
    return [
        ChannelRow(
            channel=channel,
            used_today=used.get(channel.pk, 0),
            is_paused=channel.is_paused(now=now),
        )
        for channel in found
    ]


def _of_company(company: Company) -> Any:
    """Without the tokens: to decrypt one costs time, and no page shows any."""
    return Channel.objects.filter(company=company).defer("access_token")


def _waiting(channel: Channel) -> int:
    """How many messages are queued on it, counted up to one more than MAX_COUNTED."""
    [(count,)] = sql.fetch(
        f"""SELECT count(*) FROM (SELECT 1 FROM {Message._meta.db_table}
        WHERE channel_id = %s AND {in_queue(Status.QUEUED)} LIMIT {MAX_COUNTED + 1}) AS queued""",
        [channel.pk],
    )
    return int(count)


def last_heard(channel: Channel) -> Heard:
    """When Meta last reported on this number, as exactly as is known."""
    proven = StatusProof.objects.filter(channel=channel).order_by("-period")
    written = InboundMessage.objects.filter(company=channel.company_id).order_by("-pk")
    lately = written.values_list("channel_id", "created_at")[:INBOUND_LOOKED_AT]
    moments = [
        *proven.values_list("received_at", flat=True)[:1],
        *[at for channel_id, at in lately if channel_id == channel.pk][:1],
    ]
    if moments:
        return Heard(at=max(moments))
    days = DailyUsage.objects.filter(company=channel.company_id, channel=channel)
    reported = days.filter(delivered__gt=0) | days.filter(read__gt=0)
    return Heard(day=reported.order_by("-day").values_list("day", flat=True).first())


# --- Pages ----------------------------------------------------------------------------


def channel_page(need: Need, *, post: Need | None = None) -> Callable[[View], View]:
    """As company_page; the view gets the company's channel that the path names."""

    def decorate(view: View) -> View:
        @company_page(need, post=post)
        @wraps(view)
        def page(request: PortalRequest, pk: int, **kwargs: Any) -> HttpResponseBase:
            found = get_object_or_404(_of_company(request.company), pk=pk)
            found.company = request.company
            return view(request, found, **kwargs)

        return page

    return decorate


@require_safe
@company_page(Need.READ)
def channel_list(request: PortalRequest) -> HttpResponse:
    found = _of_company(request.company).order_by("-is_default", "name", "pk")
    return render_page(request, "channels/list.html", {"rows": _rows(request.company, found)})


@require_http_methods(["GET", "HEAD", "POST"])
@channel_page(Need.READ, post=Need.INTEGRATE)
def channel(request: PortalRequest, found: Channel) -> HttpResponse:
    """One channel; a POST changes its name and rate."""
    most = max(channels.most_per_second(found.throughput), found.rate_per_second)
    before = {"name": found.name, "rate_per_second": found.rate_per_second}
    form = SettingsForm(
        request.POST if request.method == "POST" else None, initial=before, most=most
    )
    if not form.is_valid():
        return _channel_page(request, found, form, status=422 if form.is_bound else 200)
    after = form.cleaned_data
    changed = {name: [before[name], after[name]] for name in before if before[name] != after[name]}
    if changed:
        with transaction.atomic():
            Channel.objects.filter(pk=found.pk).update(**after)
            _record(request, found, **changed)
    messages.success(request, gettext("Saved."))
    return redirect("channel", found.pk)


def _channel_page(
    request: PortalRequest, found: Channel, form: SettingsForm, *, status: int = 200
) -> HttpResponse:
    [row] = _rows(request.company, [found])
    now, today = timezone.now(), timezone.localdate()
    usage = Usage.of(request.company, today=today, days=CHART_DAYS, channel=found)
    since = today - timedelta(days=CHART_DAYS - 1)
    report = DoctorReport.objects.filter(channel=found).first()
    context = {
        "row": row,
        "channel": found,
        "form": form,
        "standstill": standstill(found, now=now),
        "waiting": _waiting(found),
        "max_counted": MAX_COUNTED,
        "chart": figures.chart(usage, CHART_DAYS),
        "reasons": figures.reasons(request.company, since=since, channel=found),
        "since": since,
        "report": report,
        "verdict": VERDICTS[doctor_words.worst(report)] if report else None,
    }
    return render_page(request, "channels/channel.html", context, status=status)


def _record(request: PortalRequest, found: Channel, **detail: Any) -> None:
    audit.record(
        request,
        company=request.company,
        kind=audit.Kind.CHANNEL_CHANGED,
        label=found.name,
        detail=detail,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@company_page(Need.INTEGRATE)
def connect(request: PortalRequest) -> HttpResponse:
    """The form for a number; a POST asks Meta before anything is stored."""
    form = ConnectForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and _may_try(request, form):
        data = form.cleaned_data
        try:
            made = connecting.request_channel(
                request,
                company=request.company,
                name=data["name"],
                waba_id=data["waba_id"],
                number_id=data["phone_number_id"],
                token=data["access_token"],
            )
        except NotConnected as refusal:
            form.add_error(refusal.field or None, str(refusal))
        else:
            messages.success(
                request,
                gettext("Meta knows %(number)s. Tuma’s staff look at it now; you will be told.")
                % {"number": made.phone_number},
            )
            return redirect("channel", made.pk)
    status = 422 if form.is_bound else 200
    return render_page(request, "channels/connect.html", {"form": form}, status=status)


def _may_try(request: PortalRequest, form: forms.Form) -> bool:
    """Counts a try at Meta, and says so in the form where they are too many."""
    window = limits.Window(f"meta:{request.company.pk}", TRIES_AN_HOUR, seconds=3600)
    if limits.hit(window).allowed:
        return True
    form.add_error(None, gettext("That is enough for now. Try again in an hour."))
    return False


@require_http_methods(["GET", "HEAD", "POST"])
@channel_page(Need.INTEGRATE)
def reconnect(request: PortalRequest, found: Channel) -> HttpResponse:
    """A new token for a channel that has lost its own, or soon will."""
    form = ReconnectForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and _may_try(request, form):
        try:
            status = connecting.reconnect(request, found, token=form.cleaned_data["access_token"])
        except NotConnected as refusal:
            field = refusal.field if refusal.field in form.fields else None
            form.add_error(field, str(refusal))
        else:
            messages.success(request, _reconnected(status, found))
            return redirect("channel", found.pk)
    context = {"form": form, "channel": found, "waiting": _waiting(found)}
    status_code = 422 if form.is_bound else 200
    return render_page(request, "channels/reconnect.html", context, status=status_code)


def _reconnected(status: str, found: Channel) -> str:
    if status == Channel.Status.CONNECTED:
        words = gettext("“%(name)s” is connected. What waited in its queue is sent now.")
    else:
        words = gettext("Meta takes the token. “%(name)s” sends once Tuma’s staff have agreed.")
    return words % {"name": found.name}


@require_http_methods(["GET", "HEAD", "POST"])
@channel_page(Need.INTEGRATE)
def disconnect(request: PortalRequest, found: Channel) -> HttpResponse:
    form = DisconnectForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        connecting.disconnect(request, found, reason=form.cleaned_data["reason"])
        messages.success(
            request, gettext("“%(name)s” is disconnected: it sends nothing.") % {"name": found.name}
        )
        return redirect("channel", found.pk)
    context = {
        "form": form,
        "channel": found,
        "waiting": _waiting(found),
        "max_counted": MAX_COUNTED,
    }
    status = 422 if form.is_bound else 200
    return render_page(request, "channels/disconnect.html", context, status=status)


@require_POST
@channel_page(Need.INTEGRATE)
def make_default(request: PortalRequest, found: Channel) -> HttpResponse:
    """Only one that is connected: requests that name no channel must find one that sends."""
    if found.status != Channel.Status.CONNECTED:
        messages.error(request, gettext("Only a connected channel can be the default."))
        return redirect("channel", found.pk)
    if not found.is_default:
        with transaction.atomic():
            channels.make_default(found)
            _record(request, found, default=gettext("yes"))
    messages.success(request, gettext("“%(name)s” is the default now.") % {"name": found.name})
    return redirect("channel", found.pk)


# --- The doctor -----------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@channel_page(Need.READ, post=Need.INTEGRATE)
def channel_doctor(request: PortalRequest, found: Channel) -> HttpResponse:
    """What was found last; a POST examines anew, with `fix` after mending one thing."""
    if request.method != "POST":
        return _doctor_page(request, found)
    window = limits.Window(f"meta:{request.company.pk}", TRIES_AN_HOUR, seconds=3600)
    if not limits.hit(window).allowed:
        messages.error(request, gettext("That is enough for now. Try again in an hour."))
        return redirect("channel_doctor", found.pk)
    try:
        _mend(request, found, request.POST.get("fix", ""))
    except (GraphAway, GraphRefused) as error:
        messages.error(request, gettext("Meta did not do it: %(words)s") % {"words": error})
    found.refresh_from_db()
    doctor.examine(found, heard=last_heard(found), now=timezone.now())
    return redirect("channel_doctor", found.pk)


def _mend(request: PortalRequest, found: Channel, fix: str) -> None:
    """Raises GraphAway and GraphRefused."""
    graph = Graph(found.access_token)
    if fix == "subscribe":
        graph.subscribe(found.waba_id)
        _record(request, found, webhooks=gettext("subscribed"))
    elif fix == "take_over":
        before = (found.daily_limit, found.rate_per_second)
        taken = connecting.take_over(found, graph.number(found.phone_number_id))
        found.save(update_fields=taken)
        after = (found.daily_limit, found.rate_per_second)
        if after != before:
            _record(
                request,
                found,
                daily_limit=[before[0] or "–", after[0] or "–"],
                rate_per_second=[before[1], after[1]],
            )


def _doctor_page(request: PortalRequest, found: Channel) -> HttpResponse:
    report = DoctorReport.objects.filter(channel=found).first()
    context = {
        "channel": found,
        "report": report,
        "lines": [(line, LEVELS[line.level]) for line in doctor_words.lines(report)]
        if report
        else [],
        "verdict": VERDICTS[doctor_words.worst(report)] if report else None,
        "fixes": doctor_words.mendable(report) if report else set(),
    }
    return render_page(request, "channels/doctor.html", context)
