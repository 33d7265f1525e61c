"""How often something may happen, counted exactly by the database, whatever the number of processes.

A window starts with the first use and lasts its `seconds`; the count is one statement, so two
processes can't both take the last place.
"""

import time
from dataclasses import dataclass

from companies.models import RateWindow
from config import sql


@dataclass(frozen=True)
class Usage:
    """Where a caller stands after an attempt."""

    limit: int
    used: int
    reset: int

    @property
    def allowed(self) -> bool:
        return self.used <= self.limit

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)

    def headers(self) -> dict[str, str]:
        headers = {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset),
        }
        if not self.allowed:
            headers["Retry-After"] = str(max(1, self.reset - int(time.time())))
        return headers


def hit(key: str, *, limit: int, seconds: int = 60) -> Usage:
    """Count one use of `key`."""
    now = int(time.time())
    table = RateWindow._meta.db_table
    [(count, started)] = sql.fetch(
        f"""INSERT INTO {table} AS w (key, started, count) VALUES (%s, %s, 1)
        ON CONFLICT (key) DO UPDATE SET
            count = CASE WHEN w.started <= %s THEN 1 ELSE w.count + 1 END,
            started = CASE WHEN w.started <= %s THEN excluded.started ELSE w.started END
        RETURNING count, started""",  # noqa: S608
        [key[:80], now, now - seconds, now - seconds],
    )
    return Usage(limit=limit, used=count, reset=started + seconds)


def peek(key: str, *, limit: int, seconds: int = 60) -> Usage:
    """Where `key` stands, without counting."""
    now = int(time.time())
    row = RateWindow.objects.filter(pk=key[:80], started__gt=now - seconds).first()
    if row is None:
        return Usage(limit=limit, used=0, reset=now + seconds)
    return Usage(limit=limit, used=row.count, reset=row.started + seconds)


def forget_old(*, seconds: int = 3600) -> int:
    """Housekeeping: drop windows that ended long ago."""
    return RateWindow.objects.filter(started__lt=int(time.time()) - seconds).delete()[0]
