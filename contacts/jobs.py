"""Jobs on many contacts: stored first, then done by the worker in slices, resumed whatever dies when.

A slice and the job's cursor are one transaction, under the fence of whoever holds the lease, so a
slice is done once however many workers take the job. A lost wake or a dead worker is found by the
sweep, once the lease has run out.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import structlog
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from companies.models import Company, User
from config import sql, wakes
from contacts.models import ContactImport, Job, Tagging

log = structlog.get_logger("tuma.jobs")

LEASE_SECONDS = 60
# Of a slice that fails by a fault of ours, or whose worker dies with it.
MAX_TRIES = 20
TASKS: dict[type[Job], str] = {
    ContactImport: "contacts.run_import",
    Tagging: "contacts.run_tagging",
}

AnyJob = TypeVar("AnyJob", bound=Job)


class Stopped(Exception):  # noqa: N818 - not a fault: somebody else has the job, or it has ended
    """The job is no longer this holder's to do."""


class Impossible(Exception):  # noqa: N818
    """The job can't go on; its text says why, for people."""


def wake(job: Job) -> None:
    """Have the job done soon, once the transaction is committed."""
    task, pk = TASKS[type(job)], job.pk
    transaction.on_commit(lambda: wakes.send(task, pk))


def live(*, company: Company, kind: type[AnyJob]) -> list[AnyJob]:
    """The company's jobs that are waiting or under way, the newest first."""
    found = kind._default_manager.filter(company=company, state__in=Job.LIVE)
    return list(found.order_by("-pk")[:5])


def waiting() -> list[tuple[str, int]]:
    """Task and id of each job that nobody does."""
    return [
        (task, pk)
        for kind, task in TASKS.items()
        for (pk,) in sql.fetch(
            f"""SELECT id FROM {kind._meta.db_table}
            WHERE state IN ('queued', 'running', 'undoing')
            AND lease_until < {sql.epoch_now()} ORDER BY id LIMIT 100"""
        )
    ]


def run(kind: type[AnyJob], pk: int, step: Callable[[AnyJob], bool], *, now: datetime) -> None:
    """Do a job to its end: `step` does a slice, moves the cursor, and says whether more is left; it
    may raise Impossible. Does nothing where somebody else is at it.
    """
    fence = _claim(kind, pk)
    if fence is None:
        return
    try:
        while _slice(kind, pk, step, fence=fence, now=now):
            pass
    except Stopped:
        return
    except Impossible as error:
        _fail(kind, pk, str(error), now=now)
    except Exception:
        if fence > MAX_TRIES:
            _fail(
                kind, pk, _("Something unexpected happened. Tuma’s staff can look it up."), now=now
            )
        # Whoever comes next need not wait for the lease to run out.
        kind._default_manager.filter(pk=pk, fence=fence).update(lease_until=0)
        raise


def _claim(kind: type[AnyJob], pk: int) -> int | None:
    """Take the lease; its fence, or None where somebody else has it."""
    taken = sql.fetch(
        f"""UPDATE {kind._meta.db_table}
        SET lease_until = {sql.epoch_now()} + %s, fence = fence + 1
        WHERE id = %s AND state IN ('queued', 'running', 'undoing')
        AND lease_until < {sql.epoch_now()} RETURNING fence""",
        [LEASE_SECONDS, pk],
    )
    return int(taken[0][0]) if taken else None


def _slice(
    kind: type[AnyJob], pk: int, step: Callable[[AnyJob], bool], *, fence: int, now: datetime
) -> bool:
    with transaction.atomic():
        # The row is locked first: nobody takes the job, or undoes it, in the middle of a slice.
        sql.execute(
            f"""UPDATE {kind._meta.db_table} SET lease_until = {sql.epoch_now()} + %s
            WHERE id = %s AND fence = %s""",
            [LEASE_SECONDS, pk, fence],
        )
        job = kind._default_manager.filter(pk=pk, fence=fence, state__in=Job.LIVE).first()
        if job is None:
            raise Stopped
        if job.state == Job.State.QUEUED:
            job.state = Job.State.RUNNING
        more = step(job)
        if not more:
            undone = job.state == Job.State.UNDOING
            job.state = Job.State.UNDONE if undone else Job.State.DONE
            job.finished_at, job.lease_until = now, 0
        fields = [field.name for field in kind._meta.concrete_fields]
        kept = {"id", "company", "author", "created_at", "fence"} | (
            {"lease_until"} if more else set()
        )
        job.save(update_fields=[name for name in fields if name not in kept])
    return more


def _fail(kind: type[AnyJob], pk: int, why: str, *, now: datetime) -> None:
    log.warning("job_stopped", job=kind.__name__, id=pk, why=why)
    kind._default_manager.filter(pk=pk).update(
        state=Job.State.FAILED, problem=why[:300], finished_at=now, lease_until=0
    )


def start(job: Job, *, state: str = Job.State.QUEUED) -> bool:
    """Hand a job to the worker from its beginning; False if somebody did already."""
    kind, was = type(job), job.state
    started = kind._default_manager.filter(pk=job.pk, state=was).update(
        state=state, cursor=0, lease_until=0, fence=F("fence") + 1
    )
    if started:
        wake(job)
    return bool(started)


def author(user: User) -> dict[str, object]:
    """Who started a job, as its rows keep it."""
    return {"author": user, "author_label": str(user)[:254]}
