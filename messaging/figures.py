"""What the start page counts and plots: a company's messages by day, from the counters of each day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Sum
from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from companies.charts import Chart, Colour, Series
from companies.models import Channel, Company
from messaging.batch_state import CANCELLED
from messaging.display import PILLS, WAITING, reason_title
from messaging.models import COUNTED, DailyFailure, DailyUsage, Status

REASONS_SHOWN = 6
_SPARK_WIDTH, _SPARK_HEIGHT = 100, 28


# --- Counters -------------------------------------------------------------------------

_FIELDS = ("accepted", "charged", *(status.word for status in COUNTED))


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Messages by where they rest; what rests nowhere is waiting. What somebody cancelled has not
    failed: it says nothing of how well the rest was delivered.
    """

    accepted: int = 0
    charged: int = 0
    cancelled: int = 0
    uncertain: int = 0
    sent: int = 0
    failed: int = 0
    delivered: int = 0
    read: int = 0

    def __add__(self, other: Counts) -> Counts:
        names = (*_FIELDS, "cancelled")
        return Counts(**{name: getattr(self, name) + getattr(other, name) for name in names})

    @property
    def waiting(self) -> int:
        rested = self.uncertain + self.sent + self.failed + self.delivered + self.read
        return max(0, self.accepted - rested - self.cancelled)

    @property
    def arrived(self) -> int:
        """What was read was delivered before."""
        return self.delivered + self.read

    @property
    def delivery_rate(self) -> float | None:
        meant = self.accepted - self.cancelled
        return 100 * self.arrived / meant if meant else None

    @property
    def read_rate(self) -> float | None:
        return 100 * self.read / self.arrived if self.arrived else None


@dataclass(frozen=True)
class Usage:
    """Counts by day and channel, of some days up to today."""

    today: date
    rows: dict[tuple[date, int], Counts]

    @classmethod
    def of(
        cls, company: Company, *, today: date, days: int, channel: Channel | None = None
    ) -> Usage:
        """Of all channels, unless one is named."""
        which: dict[str, Any] = {
            "company": company,
            "day__range": (today - timedelta(days=days - 1), today),
        }
        if channel:
            which["channel"] = channel
        summed = DailyUsage.objects.filter(**which).values_list("day", "channel_id")
        rows = {
            (day, channel_id): Counts(**dict(zip(_FIELDS, sums, strict=True)))
            for day, channel_id, *sums in summed.annotate(*(Sum(name) for name in _FIELDS))
        }
        cancelled = DailyFailure.objects.filter(**which, code=CANCELLED)
        for day, channel_id, count in cancelled.values_list("day", "channel_id", "count"):
            known = rows.get((day, channel_id), Counts())
            rows[day, channel_id] = replace(
                known, failed=max(0, known.failed - count), cancelled=count
            )
        return cls(today, rows)

    def by_day(self, days: int, *, back: int = 0) -> dict[date, Counts]:
        """Of so many days up to the one `back` days ago, the earliest first."""
        last = self.today - timedelta(days=back)
        counts = {last - timedelta(days=ago): Counts() for ago in reversed(range(days))}
        for (day, _channel), count in self.rows.items():
            if day in counts:
                counts[day] += count
        return counts

    def total(self, days: int, *, back: int = 0) -> Counts:
        return sum(self.by_day(days, back=back).values(), Counts())

    def of_channel_today(self, channel_id: int) -> Counts:
        return self.rows.get((self.today, channel_id), Counts())


def reasons(
    company: Company, *, since: date, channel: Channel | None = None
) -> list[dict[str, Any]]:
    """Why messages failed, the most frequent first."""
    found = DailyFailure.objects.filter(company=company, day__gte=since)
    counted: Iterable[tuple[str, int]] = (
        (found.filter(channel=channel) if channel else found)
        .values_list("code")
        .annotate(total=Sum("count"))
        .order_by("-total", "code")[:REASONS_SHOWN]
    )
    return [{"code": code, "count": n, "title": reason_title(code)} for code, n in counted]


# --- Figures --------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Change:
    """Against the period before. `tone` says if that is good, the icon which way it went."""

    text: str
    icon: str
    word: str
    tone: str


@dataclass(frozen=True, kw_only=True)
class Figure:
    title: str
    value: str
    before: str
    change: Change | None
    tone: str
    spark: str = ""  # the points of a line; empty for none


def figures(usage: Usage, days: int) -> list[Figure]:
    now, before = usage.total(days), usage.total(days, back=days)
    each = list(usage.by_day(days).values())
    return [
        Figure(
            title=_("Messages accepted"),
            value=intcomma(now.accepted),
            before=intcomma(before.accepted),
            change=_relative(now.accepted, before.accepted, more="ok", less=""),
            tone="ok",
            spark=_spark([day.accepted for day in each]),
        ),
        Figure(
            title=_("Delivered"),
            value=_percent(now.delivery_rate),
            before=_percent(before.delivery_rate),
            change=_points(now.delivery_rate, before.delivery_rate),
            tone="ok",
            spark=_spark([day.delivery_rate or 0 for day in each]),
        ),
        Figure(
            title=_("Read, of those delivered"),
            value=_percent(now.read_rate),
            before=_percent(before.read_rate),
            change=_points(now.read_rate, before.read_rate),
            tone="info",
            spark=_spark([day.read_rate or 0 for day in each]),
        ),
        Figure(
            title=_("Failed"),
            value=intcomma(now.failed),
            before=intcomma(before.failed),
            change=_relative(now.failed, before.failed, more="bad", less="ok"),
            tone="bad",
            spark=_spark([day.failed for day in each]),
        ),
    ]


def _percent(rate: float | None) -> str:
    return "–" if rate is None else f"{number_format(round(rate, 1), 1)}%"


def _relative(now: int, before: int, *, more: str, less: str) -> Change | None:
    return _change(100 * (now - before) / before, "%", more, less) if before else None


def _points(now: float | None, before: float | None) -> Change | None:
    """Of two rates, in percentage points."""
    if now is None or before is None:
        return None
    return _change(now - before, _(" points"), "ok", "bad")


def _change(difference: float, unit: str, more: str, less: str) -> Change:
    """`more` and `less`: the tones of a rise and of a fall."""
    shown = f"{number_format(round(abs(difference), 1), 1)}{unit}"
    if round(difference, 1) == 0:
        return Change(text=shown, icon="arrow-right", word=_("unchanged"), tone="")
    if difference > 0:
        return Change(text=shown, icon="arrow-up-right", word=_("up"), tone=more)
    return Change(text=shown, icon="arrow-down-right", word=_("down"), tone=less)


def _spark(values: Sequence[float]) -> str:
    """The points of a polyline, 100 wide and 28 high; one value makes no line."""
    if len(values) < 2 or not any(values):
        return ""
    top, step = max(values), _SPARK_WIDTH / (len(values) - 1)
    room = _SPARK_HEIGHT - 4
    return " ".join(
        f"{place * step:.1f},{2 + room - room * value / top:.1f}"
        for place, value in enumerate(values)
    )


_SERIES: tuple[tuple[Status, Colour], ...] = (
    (Status.READ, "read"),
    (Status.DELIVERED, "delivered"),
    (Status.SENT, "sent"),
    (Status.UNCERTAIN, "uncertain"),
    (Status.FAILED, "failed"),
)
# Shown even where there are none; the others only where there are some.
_ALWAYS = (Status.READ, Status.DELIVERED, Status.FAILED)


def chart(usage: Usage, days: int) -> Chart | None:
    """Messages by the day of their acceptance; None where there are none."""
    by_day = usage.by_day(days)
    if not any(counts.accepted for counts in by_day.values()):
        return None
    values = {status: [getattr(c, status.word) for c in by_day.values()] for status, _c in _SERIES}
    series = [
        _one_series(PILLS[status].word, colour, values[status])
        for status, colour in _SERIES
        if status in _ALWAYS or any(values[status])
    ]
    waiting = [counts.waiting for counts in by_day.values()]
    if any(waiting):
        series.append(_one_series(WAITING.word, "quiet", waiting))
    return Chart(series=series, labels=[date_format(day, "j M") for day in by_day], unit=_("Day"))


def _one_series(label: str | Promise, colour: Colour, values: list[int]) -> Series:
    return Series(label=label, colour=colour, values=values)
