"""Draining one channel under its lease: claim -> mark as sending -> POST -> store what came of it.

The pump keeps a buffer of claimed messages, hands out micro-batches as the token bucket allows, and a
flusher stores results as they come. A message whose POST never started goes back to the queue; one
whose POST was written and not answered is uncertain, and is settled later (messaging/settling.py).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from companies.models import Channel
from config import public_ids, sql
from messaging import channel_state, outcomes, payloads, queue
from messaging.batch_facts import BatchFacts, Job
from messaging.claiming import claim_lane
from messaging.error_policy import Action
from messaging.media_sending import MediaDesk
from messaging.models import Lane
from messaging.outcomes import Accepted, NoAnswer, Refused, Verdict
from messaging.pacing import TokenBucket
from messaging.queue import Claimed
from messaging.results import Failed, Results, Retry, Sent, Unanswered

if TYPE_CHECKING:
    from messaging.dispatch import Drain

log = structlog.get_logger("tuma.dispatch")

MAX_CLAIM = 500
MAX_STORE = 500
RENEW_EVERY = 5.0
FLUSH_EVERY = 0.05
POLL_EVERY = 0.1
# Longer than the second in which wakes are coalesced: what came without a wake is found here.
LINGER = 2.0
# Marked as sending at once: what a kill can put in doubt.
MARK_SECONDS = 0.05
SLOTS_WORTH_WAKING = 0.98
# Between the last moment a POST may start and the end of the lease.
LEASE_MARGIN = 16.0
MAX_HOLD = 30.0


class ChannelDrain:
    """The drain of one channel, from taking its lease to giving it back."""

    def __init__(
        self, channel_id: int, *, fence: int, session: aiohttp.ClientSession, slice_: Drain
    ) -> None:
        self.channel_id = channel_id
        self.fence = fence
        self.session = session
        self.slice = slice_
        self.loop = asyncio.get_running_loop()
        self.lease_deadline = self.loop.time() + queue.LEASE_SECONDS
        self.buffer: deque[Job] = deque()
        self.marked: deque[Job] = deque()  # `sending` in the table, and not posted yet
        self.halted: dict[int, Refused] = {}
        self.results = Results()
        self.media = MediaDesk(self)
        self.posts: set[asyncio.Task[None]] = set()
        self.is_done = False
        self.is_held_up = False  # the channel must not send now: paused, disconnected, lease lost
        self.was_cut_off = False  # from the database, with results in hand
        self.hold_until = 0.0
        self.holds = 0
        self.latencies: list[float] = []
        self.unposted: list[int] = []
        self.claiming: asyncio.Task[None] | None = None
        self.claimed_at = 0.0
        self.marking: asyncio.Task[None] | None = None
        self.slot_freed = asyncio.Event()

    # --- The loop ---------------------------------------------------------------------

    async def run(self) -> None:
        if not await self._load_channel():
            return
        self.bucket = TokenBucket(self.channel.rate_per_second, now=self.loop.time())
        flusher = asyncio.create_task(self._flush())
        keeper = asyncio.create_task(self._keep_lease())
        try:
            await self._pump()
        finally:
            unfinished = [*self.posts, *filter(None, (self.claiming, self.marking))]
            await asyncio.gather(*unfinished, return_exceptions=True)
            await self.media.close()
            keeper.cancel()
            # Not cancelled: what it holds while it waits for the database would be lost.
            self.is_done = True
            await asyncio.gather(flusher, keeper, return_exceptions=True)

    async def _pump(self) -> None:
        idle_since = self.loop.time()
        while not self.must_stop():
            await self._refill()
            if self._has_more() and self.loop.time() >= self.hold_until:
                await self._send_some()
                idle_since = self.loop.time()
            elif self.posts or self.media.uploads or self.loop.time() - idle_since < LINGER:
                await asyncio.sleep(POLL_EVERY)
            else:
                break

    def _has_more(self) -> bool:
        return bool(self.buffer or self.marked or self.marking)

    async def _refill(self) -> None:
        """Claim ahead while there is something to send; wait for it only when there is nothing.

        Express messages are looked for all the time: they don't wait for what is claimed already.
        """
        is_low = len(self.buffer) < self._low_water()
        if self.claiming is None and (is_low or self.loop.time() - self.claimed_at > POLL_EVERY):
            self.claiming = asyncio.create_task(self._claim(with_bulk=is_low))
        if self.claiming is not None and (self.claiming.done() or not self._has_more()):
            await self.claiming
            self.claiming = None

    def must_stop(self) -> bool:
        return (
            self.is_held_up
            or self.was_cut_off
            or self.slice.is_over()
            or self.loop.time() > self.lease_deadline - LEASE_MARGIN
        )

    def _claim_size(self) -> int:
        """About a second's worth: what a dead drain puts back, or a pause has to wait for."""
        return max(1, min(MAX_CLAIM, int(self.bucket.rate)))

    def _low_water(self) -> int:
        return max(1, self._claim_size() // 2)

    async def _claim(self, *, with_bulk: bool) -> None:
        now, size = timezone.now(), self._claim_size()
        express = await claim_lane(self, Lane.EXPRESS, size, now)
        self.buffer.extendleft(reversed(express))
        if with_bulk and len(express) < size:
            self.buffer.extend(await claim_lane(self, Lane.BULK, size - len(express), now))
        self.claimed_at = self.loop.time()

    def why_not(self, row: Claimed, batch: BatchFacts, now: datetime) -> tuple[str, str] | None:
        """Why a message is not to be tried any more: code and detail."""
        if row.batch_id in self.halted:
            refused = self.halted[row.batch_id]
            return refused.code, refused.detail
        if batch.halt_code:
            return batch.halt_code, batch.halt_detail
        if batch.expires_at is not None and batch.expires_at <= now:
            return "expired", "The code's life had ended before it could be sent."
        return None

    async def _send_some(self) -> None:
        """Post what is marked, as slots and tokens allow; mark the next ones meanwhile."""
        self._mark_ahead()
        if not self.marked and self.marking is not None:
            await self.marking
        free = self.slice.max_in_flight - len(self.posts)
        if free <= 0:
            self.slot_freed.clear()
            await self.slot_freed.wait()
            return
        ready = min(self.bucket.available(self.loop.time()), free, len(self.marked))
        if ready < 1:
            if self.marked:
                await asyncio.sleep(max(0.001, self.bucket.seconds_to_next()))
            return
        self.bucket.take(ready)
        for _ in range(ready):
            self._spawn(self._post(self.marked.popleft()))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self.posts.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self.posts.discard(task)
        # Waking the pump for each slot would cost more than the slot is worth.
        if len(self.posts) <= self.slice.max_in_flight * SLOTS_WORTH_WAKING:
            self.slot_freed.set()

    def _mark_ahead(self) -> None:
        if self.marking is not None and self.marking.done():
            self.marking.result()
            self.marking = None
        most = self.slice.max_in_flight // 4
        size = max(1, min(int(self.bucket.rate * MARK_SECONDS), most))
        if self.marking is None and self.buffer and len(self.marked) <= size // 2:
            jobs = [self.buffer.popleft() for _ in range(min(size, len(self.buffer)))]
            self.marking = asyncio.create_task(self._mark(jobs))

    async def _mark(self, jobs: list[Job]) -> None:
        now, rows = timezone.now(), [job.row for job in jobs]
        try:
            done = await self.slice.db(queue.mark_sending, rows, fence=self.fence, now=now)
        except (DatabaseError, InterfaceError):
            self.unposted += [row.id for row in rows]  # perhaps marked; certainly not posted
            raise
        self.marked.extend(job for job in jobs if job.row.id in done)
        held_back = [row for row in rows if row.id not in done]
        for row in (row for row in held_back if row.batch_id in self.halted):
            refused = self.halted[row.batch_id]
            self.results.failed.append(Failed(row.id, row.batch_id, refused.code, refused.detail))
        others = [row.id for row in held_back if row.batch_id not in self.halted]
        if others:  # the next claim sees why
            await self.slice.db(queue.unclaim, others, fence=self.fence)

    # --- One message ------------------------------------------------------------------

    async def _post(self, job: Job) -> None:
        row = job.row
        body = orjson.dumps(
            payloads.addressed(
                job.payload(),
                recipient=row.recipient,
                reference=public_ids.encode("msg", row.id),
            )
        )
        started = self.loop.time()
        try:
            async with self.session.post(
                self.url, data=body, headers=self.headers, allow_redirects=False
            ) as response:
                verdict = outcomes.judge(response.status, await response.read())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            self._not_connected(row, error)
            return
        except Exception as error:  # written, perhaps: nothing else tells what Meta made of it
            verdict = NoAnswer(f"No answer: {type(error).__name__}")
        else:
            self.latencies.append(self.loop.time() - started)
        if job.batch.has_own_media:
            verdict = self.media.reconsider(job, verdict)
        self._note(row, verdict)

    def _not_connected(self, row: Claimed, error: Exception) -> None:
        """Nothing was written, so it was not sent. The channel rests; the try doesn't count."""
        if self.loop.time() >= self.hold_until:
            self.holds += 1
            wait = min(MAX_HOLD, 2.0**self.holds)
            self.hold_until = self.loop.time() + wait
            log.warning("graph_unreachable", channel=self.channel_id, error=repr(error)[:200])
        due_at = timezone.now() + timedelta(seconds=self.hold_until - self.loop.time())
        self.results.retry.append(
            Retry(row.id, due_at, "unreachable", "Graph could not be reached.", counts=False)
        )

    def _note(self, row: Claimed, verdict: Verdict) -> None:
        if isinstance(verdict, Accepted):
            self.holds = 0
            self.results.sent.append(Sent(row.id, row.batch_id, verdict.wamid))
        elif isinstance(verdict, NoAnswer):
            self.results.unanswered.append(Unanswered(row.id, row.batch_id, verdict.detail))
        else:
            self._note_refusal(row, verdict)

    def _note_refusal(self, row: Claimed, refused: Refused) -> None:
        policy, attempts = refused.policy, row.attempts + 1
        if policy.action == Action.SLOW:
            self.bucket.slow_down()
        elif policy.action in _HOLDING:
            self.hold_channel(refused)
        elif policy.action == Action.FAIL_TEMPLATE:
            self.halt_batch(row.batch_id, refused)
        if outcomes.is_final(policy, attempts=attempts):
            self.results.failed.append(Failed(row.id, row.batch_id, refused.code, refused.detail))
            return
        wait = outcomes.retry_seconds(policy, attempts=attempts)
        due_at = timezone.now() + timedelta(seconds=0 if policy.action in _HOLDING else wait)
        counts = policy.action not in (Action.RECONNECT, Action.BLOCK_CHANNEL)
        self.results.retry.append(
            Retry(row.id, due_at, refused.code, refused.detail, counts=counts)
        )

    def hold_channel(self, refused: Refused) -> None:
        if not self.is_held_up:
            self.is_held_up = True
            self.in_background(channel_state.hold, self.channel_id, refused)

    def halt_batch(self, batch_id: int, refused: Refused) -> None:
        """All of a batch would meet the same end: fail what is left of it."""
        if batch_id in self.halted:
            return
        self.halted[batch_id] = refused
        for jobs in (self.buffer, self.marked):
            for job in [job for job in jobs if job.row.batch_id == batch_id]:
                jobs.remove(job)
                self.results.failed.append(
                    Failed(job.row.id, batch_id, refused.code, refused.detail)
                )
        self.in_background(channel_state.halt_batch, batch_id, refused)

    def in_background(self, call: Any, *args: Any) -> None:
        self._spawn(self.slice.db(call, *args))

    # --- Storing, and holding the lease -----------------------------------------------

    async def _flush(self) -> None:
        while not self.is_done:
            await asyncio.sleep(FLUSH_EVERY)
            await self._store()

    async def _store(self) -> None:
        """Store what is known. Should the database be away, keep it and try again: the fence on each
        row, not the time, decides whether it still counts. Nothing is claimed any more meanwhile: what
        looks unstored may have been stored, and must not meet the same message on its next attempt.
        """
        while len(self.results):
            part = self.results.take(MAX_STORE)
            try:
                await self.slice.db(queue.store_results, part, fence=self.fence, now=timezone.now())
            except (DatabaseError, InterfaceError) as error:
                self.was_cut_off = True
                self.results.put_back(part)
                log.warning("database_away", channel=self.channel_id, error=repr(error)[:200])
                await self.slice.db(sql.close_connection)
                await asyncio.sleep(0.5)

    def _observe(self) -> None:
        if self.latencies:
            latencies, self.latencies = self.latencies, []
            self.slice.observe(latencies)

    async def _keep_lease(self) -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY)
            self._observe()
            try:
                asked = self.loop.time()
                if (
                    await self.slice.db(queue.renew_lease, self.channel_id, fence=self.fence)
                    and await self._load_channel()
                ):
                    self.lease_deadline = asked + queue.LEASE_SECONDS
                    self.bucket.full_rate = float(self.channel.rate_per_second)
                    self.bucket.recover()
                else:
                    self.is_held_up = True
            except (DatabaseError, InterfaceError) as error:
                log.warning("lease_not_renewed", channel=self.channel_id, error=repr(error)[:200])
                await self.slice.db(sql.close_connection)

    async def _load_channel(self) -> bool:
        """Read the channel afresh; whether it may send."""
        channels = Channel.objects.select_related("company")
        self.channel = await self.slice.db(channels.get, pk=self.channel_id)
        self.url = (
            f"{settings.GRAPH_API_URL}/{settings.GRAPH_API_VERSION}"
            f"/{self.channel.phone_number_id}/messages"
        )
        self.headers = {
            "Authorization": f"Bearer {self.channel.access_token}",
            "Content-Type": "application/json",
        }
        self.is_held_up = not self.channel.may_send(now=timezone.now())
        return not self.is_held_up

    async def give_back(self) -> None:
        """Store the rest and let the next one in; if the database is away, the lease runs out."""
        await self._store()
        self._observe()
        self.unposted += [job.row.id for job in self.marked]
        if self.unposted:
            await self.slice.db(queue.unclaim, self.unposted, fence=self.fence)
        await self.slice.db(queue.release_lease, self.channel_id, fence=self.fence)


_HOLDING = (Action.PAUSE_CHANNEL, Action.BLOCK_CHANNEL, Action.RECONNECT)
