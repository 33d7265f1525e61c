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
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset),
        }

    @property
    def retry_after(self) -> int:
        """In so many seconds there is room again."""
        return max(1, self.reset - int(time.time()))


# One use, counted: `{source}` is what it hinges on. Takes the parameters of a Window.
COUNT = f"""INSERT INTO {RateWindow._meta.db_table} AS w (key, started, count)
    SELECT %(window)s::varchar, %(second)s::bigint, 1 {{source}}
    ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN w.started <= %(over)s::bigint THEN 1 ELSE w.count + 1 END,
        started = CASE WHEN w.started <= %(over)s::bigint THEN excluded.started ELSE w.started END
    RETURNING count, started"""
_HIT = COUNT.format(source="WHERE true")


@dataclass(frozen=True)
class Window:
    """What is counted, and how often it may happen in `seconds`."""

    key: str
    limit: int
    seconds: int = 60

    def params(self) -> dict[str, object]:
        """For a statement with COUNT in it."""
        now = int(time.time())
        return {"window": self.key[:80], "second": now, "over": now - self.seconds}

    def usage(self, count: int, started: int) -> Usage:
        return Usage(limit=self.limit, used=count, reset=started + self.seconds)


def hit(window: Window) -> Usage:
    """Count one use."""
    [(count, started)] = sql.run(_HIT, window.params())
    return window.usage(count, started)


def peek(window: Window) -> Usage:
    """Where `window` stands, without counting."""
    now = int(time.time())
    current = RateWindow.objects.filter(pk=window.key[:80], started__gt=now - window.seconds)
    row = current.first()
    return window.usage(row.count, row.started) if row else window.usage(0, now)


def forget_old(*, seconds: int = 3600) -> int:
    """Housekeeping: drop windows that ended long ago."""
    return RateWindow.objects.filter(started__lt=int(time.time()) - seconds).delete()[0]
