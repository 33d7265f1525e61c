"""What waits to be sent, per channel and lane: counted no further than anybody needs to know, each
count and each age a look into the queue's own index.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from companies.models import Channel
from config import sql
from messaging.models import Lane, Message, Status
from messaging.queue import QUEUE, in_queue

COUNTED_UP_TO = 10_000

_M, _C = Message._meta.db_table, Channel._meta.db_table


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """What is due on a channel: how many (up to the cap), and since when the oldest."""

    channel_id: int
    express: int
    express_oldest: datetime | None
    bulk: int
    bulk_oldest: datetime | None
    in_flight: int
    in_doubt: int

    @property
    def oldest(self) -> datetime | None:
        return min(filter(None, (self.express_oldest, self.bulk_oldest)), default=None)


def backlogs(*, now: datetime, channel_ids: Iterable[int] | None = None) -> list[Backlog]:
    """Of the channels on which something is due, in flight or in doubt, the longest due first."""
    given = None if channel_ids is None else list(channel_ids)
    if given == []:
        return []
    among = "" if given is None else f"AND {sql.in_list('c.id')}"
    moment = sql.moment(now)
    params: list[Any] = []
    columns = []
    for lane in (Lane.EXPRESS, Lane.BULK):
        due = f"""FROM {_M} m WHERE m.channel_id = c.id AND m.status = {Status.QUEUED:d}
            AND m.{QUEUE} AND m.lane = {lane:d} AND m.due_at <= %s"""
        columns += [
            f"(SELECT count(*) FROM (SELECT 1 {due} LIMIT {COUNTED_UP_TO}) AS capped)",
            f"(SELECT min(m.due_at) {due})",
        ]
        params += [moment, moment]
    for low, high in ((Status.CLAIMED, Status.SENDING), (Status.UNCERTAIN, Status.UNCERTAIN)):
        columns.append(
            f"""(SELECT count(*) FROM (SELECT 1 FROM {_M} m WHERE m.channel_id = c.id
            AND m.status >= {low:d} AND m.status <= {high:d} AND m.{QUEUE}
            LIMIT {COUNTED_UP_TO}) AS capped)"""
        )
    rows = sql.fetch(
        f"""SELECT c.id, {", ".join(columns)} FROM {_C} c
        WHERE EXISTS (SELECT 1 FROM {_M} m WHERE m.channel_id = c.id AND m.{QUEUE}) {among}""",
        [*params, *([sql.id_list(given)] if given is not None else [])],
    )
    found = [_backlog(*row) for row in rows]
    found = [each for each in found if each.oldest or each.in_flight or each.in_doubt]
    return sorted(found, key=lambda each: (each.oldest is None, each.oldest or now))


def _backlog(
    channel_id: int,
    express: int,
    express_oldest: Any,
    bulk: int,
    bulk_oldest: Any,
    in_flight: int,
    in_doubt: int,
) -> Backlog:
    return Backlog(
        channel_id=channel_id,
        express=express,
        express_oldest=_moment(express_oldest),
        bulk=bulk,
        bulk_oldest=_moment(bulk_oldest),
        in_flight=in_flight,
        in_doubt=in_doubt,
    )


def _moment(value: Any) -> datetime | None:
    return sql.as_datetime(value) if value else None


def overdue_doubts(*, before: datetime, limit: int = 20) -> list[Message]:
    """Messages that have been in doubt since `before`; by the queue's index, channel by channel."""
    ids = [
        row_id
        for (row_id,) in sql.fetch(
            f"""SELECT m.id FROM {_C} c JOIN {_M} m ON m.channel_id = c.id
            WHERE {in_queue(Status.UNCERTAIN, "m.")} AND m.due_at <= %s
            ORDER BY m.due_at LIMIT {int(limit)}""",
            [sql.moment(before)],
        )
    ]
    found = Message.objects.filter(pk__in=ids).select_related("company", "channel")
    return sorted(found, key=lambda message: message.due_at)
