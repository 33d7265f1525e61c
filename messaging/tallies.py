"""Every counter that follows from a change of state: a batch's progress, a day's usage, refunds.

Whoever changes states calls `record` in the same transaction, so the counters are always the sum
of the messages (`manage.py recount` compares). Locks are taken in one order (messages, contacts,
batches, companies, usage), each sorted by key, so that two of these never wait for each other;
accepting a send (messaging/services.py, messaging/batches.py) keeps to it as well. So a transaction
calls `record` once, when it has all of its messages.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from companies import credits
from config import sql
from messaging.models import COUNTED, Batch, DailyFailure, DailyUsage, Status

_WORDS = {status: status.word for status in COUNTED}
_USAGE = DailyUsage._meta.db_table
_FAILURE = DailyFailure._meta.db_table
_BATCH = Batch._meta.db_table


class Change(NamedTuple):
    """One message went from one state to another; `code` says why if it failed."""

    batch_id: int
    old: int
    new: int
    code: str = ""


def record(changes: Iterable[Change]) -> None:
    """Bring all counters in line with `changes`, refunds included."""
    moves: Counter[tuple[int, int, int]] = Counter()
    failures: Counter[tuple[int, str]] = Counter()
    for change in changes:
        moves[change.batch_id, change.old, change.new] += 1
        if change.new == Status.FAILED:
            failures[change.batch_id, change.code] += 1
    if moves:
        _apply(moves, failures)


def _apply(moves: Counter[tuple[int, int, int]], failures: Counter[tuple[int, str]]) -> None:
    deltas: dict[int, Counter[str]] = {}
    for (batch_id, old, new), count in moves.items():
        delta = deltas.setdefault(batch_id, Counter())
        if old in _WORDS:
            delta[_WORDS[Status(old)]] -= count
        if new in _WORDS:
            delta[_WORDS[Status(new)]] += count
    batches = {batch_id: _count(batch_id, deltas[batch_id]) for batch_id in sorted(deltas)}
    in_order = sorted(batches.items(), key=lambda item: item[1].key)
    for batch_id, place in in_order:
        _settle_credit(batch_id, place, deltas[batch_id]["failed"])
    for batch_id, place in in_order:
        add_usage(place, deltas[batch_id])
    for (batch_id, code), count in sorted(failures.items()):
        _add_failure(batches[batch_id], code, count)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a batch counts."""

    company_id: int
    channel_id: int
    day: date
    category: str
    price: int = 0

    @property
    def key(self) -> tuple[int, str, int, str]:
        return (self.company_id, str(self.day), self.channel_id, self.category)


def _count(batch_id: int, delta: Counter[str]) -> Place:
    changed = [word for word in _WORDS.values() if delta[word]]
    sets = ", ".join(f"{word} = {word} + %s" for word in changed) or "id = id"
    [row] = sql.fetch(
        f"""UPDATE {_BATCH} SET {sets} WHERE id = %s
        RETURNING company_id, channel_id, day, category, price""",
        [*(delta[word] for word in changed), batch_id],
    )
    return Place(*row)


def add_usage(place: Place, delta: Counter[str]) -> None:
    """Add to the row of usage of a company, day, channel and category."""
    changed = [word for word in delta if delta[word]]
    if not changed:
        return
    columns = ", ".join(changed)
    sql.execute(
        f"""INSERT INTO {_USAGE} AS u (company_id, channel_id, day, category, {columns})
        VALUES (%s, %s, %s, %s{", %s" * len(changed)})
        ON CONFLICT (company_id, day, channel_id, category) DO UPDATE SET
        {", ".join(f"{word} = u.{word} + excluded.{word}" for word in changed)}""",
        [
            place.company_id,
            place.channel_id,
            str(place.day),
            place.category,
            *(delta[word] for word in changed),
        ],
    )


def _add_failure(place: Place, code: str, count: int) -> None:
    sql.execute(
        f"""INSERT INTO {_FAILURE} AS f (company_id, channel_id, day, code, count)
        VALUES (%s, %s, %s, %s, %s)
        ON CONFLICT (company_id, day, channel_id, code)
        DO UPDATE SET count = f.count + excluded.count""",
        [place.company_id, place.channel_id, str(place.day), code, count],
    )


def _settle_credit(batch_id: int, place: Place, failed: int) -> None:
    amount = abs(failed) * place.price
    if failed > 0:
        credits.refund(company_id=place.company_id, amount=amount, batch_id=batch_id)
    elif failed < 0:
        credits.take_back(company_id=place.company_id, amount=amount, batch_id=batch_id)
