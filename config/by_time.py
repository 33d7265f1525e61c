"""Finding rows by time where only ids are indexed: a company's ids grow with time, but for those that
are stored at the same moment by several processes.
"""

from datetime import date, datetime, time, timedelta

from django.utils import timezone

from config import sql

# A row may be stored so much later than its time says.
SLACK = timedelta(minutes=5)


def midnight(day: date | None, *, after: bool = False) -> datetime | None:
    """When a day begins, or is over, in the company's time zone (the page's current one)."""
    if day is None or day == date.max:
        return None
    return timezone.make_aware(datetime.combine(day + timedelta(days=after), time.min))


def id_bounds(
    table: str, *, company_id: int, since: datetime | None, until: datetime | None
) -> tuple[int, int | None]:
    """All of a company's rows with `since <= created_at < until` have ids above the first and up to
    the second (None: however high). A few others may have such ids too, so ask for the time as well.

    The table needs an index on (company, id).
    """
    low = _last_before(table, company_id, since - SLACK) if since else 0
    high = _last_before(table, company_id, until + SLACK) if until else None
    return low, high


def _last_before(table: str, company_id: int, moment: datetime) -> int:
    """Up to this id all rows are from before a moment: halving what is left, about 30 looks."""
    middle = "(s.low + s.high + 1) / 2"
    is_before = f"""coalesce((SELECT t.created_at FROM {table} t
        WHERE t.company_id = %s AND t.id <= {middle} ORDER BY t.id DESC LIMIT 1) < %s, true)"""
    asked = [company_id, sql.moment(moment)]
    [(low,)] = sql.fetch(
        f"""WITH RECURSIVE s(low, high) AS (
            SELECT CAST(0 AS bigint), coalesce((SELECT t.id FROM {table} t
                WHERE t.company_id = %s ORDER BY t.id DESC LIMIT 1), 0)
            UNION ALL
            SELECT CASE WHEN {is_before} THEN {middle} ELSE s.low END,
                CASE WHEN {is_before} THEN s.high ELSE {middle} - 1 END
            FROM s WHERE s.low < s.high)
        SELECT low FROM s WHERE low >= high""",
        [company_id, *asked, *asked],
    )
    return int(low)
