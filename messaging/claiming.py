"""What a drain takes from its channel's queue, and what becomes of a claim that may not be tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from messaging import personalising, putting_off, queue
from messaging.batch_facts import BatchFacts, Job, batch_facts
from messaging.models import Lane
from messaging.personalising import Judge, People
from messaging.queue import Claimed
from messaging.results import Failed

if TYPE_CHECKING:
    from messaging.channel_drain import ChannelDrain

Batches = Mapping[int, BatchFacts]


async def claim_lane(drain: ChannelDrain, lane: Lane, limit: int, now: datetime) -> list[Job]:
    """What may be tried; what may not any more is failed without a try, what must wait put off."""
    while True:
        claimed = await drain.slice.db(
            queue.claim, drain.channel_id, lane, fence=drain.fence, limit=limit, now=now
        )
        if not claimed:
            return []
        batches = await drain.slice.db(batch_facts, {row.batch_id for row in claimed})
        waiting = {key for key, batch in batches.items() if batch.must_wait(now)}
        for batch_id in waiting:
            await _put_off(drain, batch_id, lane, claimed, now)
        ready = [row for row in claimed if row.batch_id not in waiting]
        # Those who come behind a paused batch don't wait for the next round.
        if ready or drain.must_stop():
            return await _jobs(drain, ready, batches, now)


async def _put_off(
    drain: ChannelDrain, batch_id: int, lane: Lane, claimed: list[Claimed], now: datetime
) -> None:
    if not await drain.slice.db(
        putting_off.put_off, drain.channel_id, lane, batch_id, fence=drain.fence, now=now
    ):
        ids = [row.id for row in claimed if row.batch_id == batch_id]
        await drain.slice.db(queue.unclaim, ids, fence=drain.fence)


async def _jobs(
    drain: ChannelDrain, claimed: list[Claimed], batches: Batches, now: datetime
) -> list[Job]:
    people = await _people(drain, claimed, batches)
    judges = {
        key: Judge(batch.payload, people.templates.get(batch.template_id or 0))
        for key, batch in batches.items()
        if batch.is_personal
    }
    jobs: list[Job] = []
    for row in claimed:
        batch, values = batches[row.batch_id], people.values.get(row.id)
        reason = drain.why_not(row, batch, now)
        if values is not None and not reason:
            reason = judges[row.batch_id].why_not(values)
        if reason:
            drain.results.failed.append(Failed(row.id, row.batch_id, *reason))
        elif batch.has_own_media:
            jobs += drain.media.admit(Job(row, batch, values))
        else:
            jobs.append(Job(row, batch, values))
    return jobs


async def _people(drain: ChannelDrain, claimed: Sequence[Claimed], batches: Batches) -> People:
    """Those whom personal batches speak of."""
    personal = {key: batch for key, batch in batches.items() if batch.is_personal}
    rows = [row for row in claimed if row.batch_id in personal] if personal else []
    if not rows:
        return People()
    return await drain.slice.db(
        personalising.read, drain.channel_id, rows, personal, fence=drain.fence
    )
