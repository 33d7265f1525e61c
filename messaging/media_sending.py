"""Sending our own files: in a payload they stand by our ids, and Graph wants its own.

The files of a batch are uploaded in threads of this module, at most once for each channel. Until
that is done the batch's messages wait here, claimed and not marked as sending, while the drain goes on
with other batches. Of a batch of a million only the first wait; the rest goes back to the queue for
some seconds, so that others are not kept behind it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from django.utils import timezone

from config import sql
from messaging import media, media_graph, outcomes
from messaging.error_policy import Action
from messaging.media_graph import Unreachable, UploadRefused
from messaging.models import Batch
from messaging.outcomes import Refused, Verdict
from messaging.payloads import Payload
from messaging.results import Failed, Retry

if TYPE_CHECKING:
    from messaging.batch_facts import BatchFacts, Job
    from messaging.channel_drain import ChannelDrain

log = structlog.get_logger("tuma.media")

MAX_WAITING = 500
POSTPONE_SECONDS = 5.0
RETRY_SECONDS = 10.0
# How often a message may meet an id that Graph doesn't know, with an upload in between.
MAX_UNKNOWN = 4
GONE = "media_gone"
_THREADS = 8

_HOLDING = (Action.PAUSE_CHANNEL, Action.BLOCK_CHANNEL, Action.RECONNECT)
_UNKNOWN_ID = ("media attachment id", "media id")

_threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="media")
_running: dict[int, Future[Payload]] = {}
_gate = threading.Lock()


class Gone(Exception):
    """A file was deleted after the batch that names it was accepted."""


class MediaDesk:
    """Where the messages of a drain wait for their files."""

    def __init__(self, drain: ChannelDrain) -> None:
        self.drain = drain
        self.ready: dict[int, BatchFacts] = {}
        self.waiting: dict[int, list[Job]] = {}
        self.uploads: dict[int, asyncio.Task[None]] = {}

    def admit(self, job: Job) -> list[Job]:
        """The job as it can be posted, or nothing while its files are on their way."""
        batch_id = job.row.batch_id
        if batch_id in self.ready:
            return [replace(job, batch=self.ready[batch_id])]
        waiting = self.waiting.setdefault(batch_id, [])
        if len(waiting) < MAX_WAITING:
            waiting.append(job)
        else:
            self._postpone([job], POSTPONE_SECONDS, "", "")
        if batch_id not in self.uploads:
            self.uploads[batch_id] = asyncio.create_task(self._upload(batch_id))
        return []

    def reconsider(self, job: Job, verdict: Verdict) -> Verdict:
        """An id that Graph doesn't know (any more) is no fault of the message: upload, try again."""
        if not isinstance(verdict, Refused) or not _is_unknown_id(verdict):
            return verdict
        batch_id, ids = job.row.batch_id, _graph_ids(job.batch.payload)
        if self.ready.get(batch_id) is job.batch:
            del self.ready[batch_id]
            self.drain.in_background(media_graph.forget, ids, self.drain.channel_id)
        policy = replace(
            verdict.policy, action=Action.RETRY, wait_seconds=1, max_attempts=MAX_UNKNOWN
        )
        return replace(verdict, policy=policy)

    async def close(self) -> None:
        """Wait for nothing: what waits is still claimed, and goes back with the lease."""
        for task in self.uploads.values():
            task.cancel()
        await asyncio.gather(*self.uploads.values(), return_exceptions=True)

    async def _upload(self, batch_id: int) -> None:
        try:
            payload = await asyncio.wrap_future(_start(batch_id))
        except UploadRefused as error:
            self._refused(batch_id, error)
        except Gone as error:
            self._fail(batch_id, GONE, str(error))
        except Unreachable as error:
            log.warning("media_not_uploaded", batch=batch_id, error=str(error))
            self._postpone(self._take(batch_id), RETRY_SECONDS, "unreachable", str(error))
        except Exception:
            log.exception("media_not_uploaded", batch=batch_id)
            self._postpone(
                self._take(batch_id),
                RETRY_SECONDS,
                "media_error",
                "The file could not be prepared.",
            )
        else:
            self._release(batch_id, payload)
        finally:
            self.uploads.pop(batch_id, None)

    def _take(self, batch_id: int) -> list[Job]:
        return self.waiting.pop(batch_id, [])

    def _release(self, batch_id: int, payload: Payload) -> None:
        jobs = self._take(batch_id)
        if not jobs:
            return
        facts = self.ready[batch_id] = replace(jobs[0].batch, payload=payload)
        now = timezone.now()
        for job in reversed(jobs):
            reason = self.drain.why_not(job.row, facts, now)
            if reason:
                self.drain.results.failed.append(Failed(job.row.id, batch_id, *reason))
            else:
                self.drain.buffer.appendleft(replace(job, batch=facts))

    def _refused(self, batch_id: int, error: UploadRefused) -> None:
        policy = error.refused.policy
        if policy.action in _HOLDING:
            self.drain.hold_channel(error.refused)
        elif outcomes.is_final(policy, attempts=error.times):
            self.drain.halt_batch(batch_id, error.refused)
            self._fail(batch_id, error.refused.code, error.refused.detail)
        else:
            wait = outcomes.retry_seconds(policy, attempts=error.times)
            self._postpone(self._take(batch_id), wait, error.refused.code, error.refused.detail)

    def _fail(self, batch_id: int, code: str, detail: str) -> None:
        self.drain.results.failed += [
            Failed(job.row.id, batch_id, code, detail) for job in self._take(batch_id)
        ]

    def _postpone(self, jobs: Iterable[Job], seconds: float, code: str, detail: str) -> None:
        """Back to the queue for a while. They were never tried, so there is no try to take back."""
        due_at = timezone.now() + timedelta(seconds=seconds)
        self.drain.results.retry += [Retry(job.row.id, due_at, code, detail) for job in jobs]


def _is_unknown_id(refused: Refused) -> bool:
    detail = refused.detail.lower()
    return refused.code in ("100", "131009") and any(words in detail for words in _UNKNOWN_ID)


def _graph_ids(payload: Payload) -> set[str]:
    return {content["id"] for _, content in media.all_in(payload) if "id" in content}


def _start(batch_id: int) -> Future[Payload]:
    """The upload of a batch's files; the one under way, if a drain before began it."""
    with _gate:
        future = _running.get(batch_id)
        if future is None:
            future = _running[batch_id] = _threads.submit(_in_thread, batch_id)
            future.add_done_callback(lambda _: _running.pop(batch_id, None))
        return future


def _in_thread(batch_id: int) -> Payload:
    try:
        return resolve(batch_id)
    finally:
        sql.close_connection()


def resolve(batch_id: int) -> Payload:
    """The batch's payload with Graph's ids in place of ours."""
    batch = Batch.objects.select_related("channel").get(pk=batch_id)
    payload: Payload = deepcopy(batch.payload)
    for kind, content in list(media.named_in(payload)):
        file = media.find(company_id=batch.company_id, public_id=content["id"])
        if file is None:
            raise Gone(f"{content['id']} was deleted before it could be sent.")
        if kind == "document":
            content.setdefault("filename", file.filename)
        del content["id"]
        content.update(media_graph.reference(file, batch.channel))
    return payload
