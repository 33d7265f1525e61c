"""Telling a worker that there is work. A wake may be lost, and never fails a request: if the broker is
away, nobody is told until it is back. The sweep (messaging/tasks.py) makes up for it.
"""

import time

import structlog

from config.celery import app

log = structlog.get_logger("tuma.wake")

# While the broker is away, asking it again for every request would make each of them slow.
BROKER_REST_SECONDS = 5
_quiet_until = 0.0


def send(task: str, *args: object) -> None:
    """Send a task; a broker that can't take it is logged, not raised."""
    global _quiet_until
    if time.monotonic() < _quiet_until:
        return
    try:
        # Stale wakes are worthless: the sweep has made new ones by then.
        app.send_task(task, args=args, expires=60)
    except Exception as error:  # every broker has its own exceptions
        _quiet_until = time.monotonic() + BROKER_REST_SECONDS
        log.warning("broker_unreachable", task=task, error=repr(error)[:200])
