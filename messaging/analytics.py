"""What a company sent in a period and what became of it, from the daily counters alone."""

import re
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Sum

from config.api import ApiError
from messaging import reach
from messaging.models import DailyUsage

PERIODS = {"1d": 1, "7d": 7, "30d": 30, "90d": 90}
DEFAULT_PERIOD = "7d"
CUSTOM = "custom"
MAX_DAYS = 366
_FIRST_YEAR = 2000
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Period:
    """Days of the company's time zone, `start` and `end` both included."""

    name: str
    start: date
    end: date

    def days(self) -> Iterator[date]:
        """The latest first."""
        for back in range((self.end - self.start).days + 1):
            yield self.end - timedelta(days=back)


def period_of(*, period: str, start_date: str, end_date: str, now: datetime, zone: str) -> Period:
    """The period that is asked for; empty strings stand for what isn't given. Raises ApiError.

    A custom one runs to today unless it ends earlier, and from as far back as `period` says unless
    its start is given.
    """
    if period and period not in PERIODS:
        raise _refuse("period", f"must be one of {', '.join(PERIODS)}")
    today = now.astimezone(zoneinfo.ZoneInfo(zone)).date()
    end = _date("end_date", end_date) or today
    start = _date("start_date", start_date)
    name = CUSTOM if start or end_date else period or DEFAULT_PERIOD
    start = start or end - timedelta(days=PERIODS[period or DEFAULT_PERIOD])
    if start > end:
        raise _refuse("start_date", "must not be after end_date")
    if (end - start).days >= MAX_DAYS:
        raise _refuse("start_date", f"must be less than {MAX_DAYS} days before end_date")
    return Period(name=name, start=start, end=end)


def _date(param: str, text: str) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or day.year < _FIRST_YEAR:
        raise _refuse(param, "must be a date such as 2024-01-15")
    return day


def _refuse(param: str, why: str) -> ApiError:
    return ApiError(f"{param} {why}", code=f"invalid_{param}", param=param)


def usage(period: Period, *, company_id: int) -> dict[str, Any]:
    """The metrics of a period and of each of its days, also of those without any message."""
    rows = (
        DailyUsage.objects.filter(company_id=company_id, day__range=(period.start, period.end))
        .values_list("day")
        .annotate(*(Sum(name) for name in ("accepted", "delivered", "read", "failed", "charged")))
    )
    days = {day: _metrics(*sums) for day, *sums in rows}
    nothing = dict.fromkeys(_METRICS, 0)
    total = {name: sum(day[name] for day in days.values()) for name in _METRICS}
    return {
        "period": period.name,
        "start_date": str(period.start),
        "end_date": str(period.end),
        "metrics": {
            "messages_sent": total["messages_sent"],
            "messages_delivered": total["messages_delivered"],
            "messages_read": total["messages_read"],
            "messages_failed": total["messages_failed"],
            "delivery_rate": _percent(total["messages_delivered"], total["messages_sent"]),
            "read_rate": _percent(total["messages_read"], total["messages_delivered"]),
            "credits_used": total["credits_used"],
            "unique_contacts": reach.unique_contacts(
                company_id=company_id, start=period.start, end=period.end
            ),
        },
        "daily_breakdown": [
            {"date": str(day), **{name: days.get(day, nothing)[name] for name in _DAILY}}
            for day in period.days()
        ],
    }


_METRICS = (
    "messages_sent",
    "messages_delivered",
    "messages_read",
    "messages_failed",
    "credits_used",
)
_DAILY = ("messages_sent", "messages_delivered", "credits_used")


def _metrics(accepted: int, delivered: int, read: int, failed: int, charged: int) -> dict[str, int]:
    return {
        "messages_sent": accepted,
        # The counters say where messages rest, and what was read was delivered before.
        "messages_delivered": delivered + read,
        "messages_read": read,
        "messages_failed": failed,
        "credits_used": charged,
    }


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0.0
