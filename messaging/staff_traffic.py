"""What was sent, for staff: from the daily counters alone, along their index."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import QuerySet, Sum
from django.utils.formats import date_format

from companies.charts import Chart, Series
from companies.models import Company
from messaging.display import reason_title
from messaging.models import DailyFailure, DailyUsage

_COUNTS = ("accepted", "read", "delivered", "sent", "uncertain", "failed")
DAYS = 30
FAILURE_DAYS = 7
REASONS_SHOWN = 8


def _companies(company: Company | None) -> Any:
    """The index starts with the company, so all are named for it to serve where all are meant."""
    return [company.pk] if company else Company.objects.values("pk")


def usage(company: Company | None, *, days: Iterable[date]) -> dict[date, dict[str, int]]:
    """Counts of each of these days, also of those without any message."""
    wanted = list(days)
    rows: QuerySet[Any] = DailyUsage.objects.filter(
        company__in=_companies(company), day__range=(min(wanted), max(wanted))
    )
    sums = rows.values("day").annotate(**{f"total_{name}": Sum(name) for name in _COUNTS})
    found = {row["day"]: {name: row[f"total_{name}"] for name in _COUNTS} for row in sums}
    return {day: found.get(day, dict.fromkeys(_COUNTS, 0)) for day in wanted}


def last_days(count: int, *, now: datetime) -> list[date]:
    """Up to today, by the time zone of `now`."""
    today = now.date()
    return [today - timedelta(days=back) for back in range(count - 1, -1, -1)]


def total(days: Iterable[dict[str, int]]) -> dict[str, int]:
    counts = dict.fromkeys(_COUNTS, 0)
    for day in days:
        for name in _COUNTS:
            counts[name] += day[name]
    return counts


def chart(by_day: dict[date, dict[str, int]]) -> Chart:
    """Days along the bottom; where their messages rest, one on the other."""
    days = by_day.values()
    return Chart(
        labels=[date_format(day, "j M") for day in by_day],
        unit="Day",
        series=[
            Series(label="Read", colour="read", values=[day["read"] for day in days]),
            Series(
                label="Delivered", colour="delivered", values=[day["delivered"] for day in days]
            ),
            Series(label="Sent", colour="sent", values=[day["sent"] for day in days]),
            Series(
                label="Uncertain", colour="uncertain", values=[day["uncertain"] for day in days]
            ),
            Series(label="Failed", colour="failed", values=[day["failed"] for day in days]),
        ],
    )


def failures(company: Company | None, *, since: date) -> list[dict[str, Any]]:
    """The most frequent reasons since a day, with what each means."""
    rows = (
        DailyFailure.objects.filter(company__in=_companies(company), day__gte=since)
        .values("code")
        .annotate(total=Sum("count"))
        .order_by("-total", "code")[:REASONS_SHOWN]
    )
    return [
        {
            "code": row["code"],
            "title": reason_title(row["code"]) or "No words for it",
            "count": row["total"],
        }
        for row in rows
    ]
