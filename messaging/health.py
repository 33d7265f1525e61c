"""/healthz: this process answers. /readyz: everything that sending needs is there."""

import time
from collections.abc import Callable

import structlog
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from config.celery import app
from messaging.models import Metric
from messaging.tasks import HEARTBEAT

log = structlog.get_logger("tuma.health")

# The sweep beats every 5 s, through beat, broker and worker.
HEARTBEAT_SECONDS = 30


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 if all is well, else 503; either way what was looked at and how it is.

    Anybody may ask, so what an exception says of hosts and users stays in the log.
    """
    checks = outcomes(in_detail=False)
    healthy = all(outcome == "ok" for outcome in checks.values())
    return JsonResponse(
        {"status": "ok" if healthy else "unavailable", "checks": checks},
        status=200 if healthy else 503,
    )


def outcomes(*, in_detail: bool) -> dict[str, str]:
    """What was looked at: "ok", or what is wrong with it; in detail for staff."""
    return {name: _outcome(name, check, in_detail) for name, check in _CHECKS.items()}


def _outcome(name: str, check: Callable[[], str], in_detail: bool) -> str:
    try:
        return check()
    except Exception as error:  # whatever keeps it from working is the finding
        said = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        log.warning("not_ready", check=name, error=said)
        return said if in_detail else "unavailable"


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


_migrated = False


def _migrations() -> str:
    global _migrated
    if not _migrated:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if plan:
            return f"{len(plan)} migrations are not applied"
        _migrated = True
    return "ok"


def _broker() -> str:
    with app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=1, timeout=2)
    return "ok"


def _worker() -> str:
    beat = Metric.objects.filter(name=HEARTBEAT).values_list("value", flat=True).first()
    if beat is None:
        return "no worker has run yet"
    age = time.time() - beat
    return "ok" if age < HEARTBEAT_SECONDS else f"the last heartbeat was {age:.0f} s ago"


_CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "migrations": _migrations,
    "broker": _broker,
    "worker": _worker,
}
