"""A company's batches, newest first, and what they can be filtered by.

They are read along the index batch_log. What is asked for may be rare among a million: a page looks at
so many batches, and where it finds too few says from where to look on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from companies.forms import DaysForm
from companies.models import Channel, Company
from config import by_time
from messaging import batch_state
from messaging.batch_state import State
from messaging.models import Batch

LOOK = 10_000
_DAY = forms.DateInput(attrs={"type": "date"})


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked for; None where it doesn't matter. Times: `since <= … < until`."""

    state: State | None = None
    channel: Channel | None = None
    since: datetime | None = None
    until: datetime | None = None


class BatchFilter(DaysForm):
    """Bound to request.GET; `wanted` is what it asks for, once it is valid."""

    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[
            ("", _("Any")),
            (State.RUNNING, _("Sending")),
            (State.SCHEDULED, _("Scheduled")),
            (State.PAUSED, _("Paused")),
            (State.CANCELLED, _("Cancelled")),
            (State.DONE, _("Done")),
        ],
    )
    channel = forms.ModelChoiceField(
        label=_("Channel"), queryset=Channel.objects.none(), required=False, empty_label=_("Any")
    )
    since = forms.DateField(label=_("From"), required=False, widget=_DAY)
    until = forms.DateField(label=_("To"), required=False, widget=_DAY)

    def __init__(self, *args: Any, company: Company, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        channels = Channel.objects.filter(company=company).defer("access_token")
        self.fields["channel"].queryset = channels.order_by("name", "pk")  # type: ignore[attr-defined]

    @property
    def wanted(self) -> Wanted:
        data = self.cleaned_data
        return Wanted(
            state=State(data["state"]) if data["state"] else None,
            channel=data["channel"],
            since=by_time.midnight(data["since"]),
            until=by_time.midnight(data["until"], after=True),
        )


@dataclass(frozen=True)
class Page:
    rows: list[Batch]
    next: int | None  # the page after it is before this batch; None where there are no more
    is_cut: bool  # it stopped because it had looked at LOOK batches, not because it was full


def page(wanted: Wanted, *, company_id: int, before: int | None, size: int) -> Page:
    """The next batches before one, each with its channel."""
    reach = _reach(wanted, company_id, before)
    fits = _fits(wanted)
    # A channel's token costs time to decrypt, and nobody reads it here.
    shown = Batch.objects.select_related("channel").defer("channel__access_token").order_by("-pk")
    if not fits:
        found = shown.filter(pk__in=reach.values("pk")[: size + 1])
        return _page(list(found), size, end=None)
    found = shown.filter(fits, pk__in=reach.values("pk")[:LOOK])
    rows = list(found[: size + 1])
    is_full = len(rows) > size
    end = None if is_full else reach.values_list("pk", flat=True)[LOOK - 1 : LOOK].first()
    return _page(rows, size, end=end)


def _page(rows: list[Batch], size: int, *, end: int | None) -> Page:
    last = rows[size - 1].pk if len(rows) > size else end
    return Page(rows[:size], last, is_cut=len(rows) <= size and end is not None)


def _reach(wanted: Wanted, company_id: int, before: int | None) -> QuerySet[Batch]:
    """Where to look at all, in the order of the index."""
    found = Batch.objects.filter(company_id=company_id).order_by("-pk")
    low, high = by_time.id_bounds(
        Batch._meta.db_table, company_id=company_id, since=wanted.since, until=wanted.until
    )
    if low:
        found = found.filter(pk__gt=low)
    if high is not None:
        found = found.filter(pk__lte=high)
    return found if before is None else found.filter(pk__lt=before)


def _fits(wanted: Wanted) -> Q:
    fits = Q()
    if wanted.state is not None:
        fits &= batch_state.in_state(wanted.state, now=timezone.now())
    if wanted.channel is not None:
        fits &= Q(channel=wanted.channel)
    if wanted.since is not None:
        fits &= Q(created_at__gte=wanted.since)
    if wanted.until is not None:
        fits &= Q(created_at__lt=wanted.until)
    return fits
