"""Applying what Meta says became of our messages: monotone, in any order, however often it is said.

A webhook names a message by our own id (`biz_opaque_callback_data`), by its wamid, or both. Ours also
settles a send whose answer never came: a status proves that Meta took it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from companies.models import Channel
from config import sql
from contacts import services as contacts
from messaging import outgoing, tallies
from messaging.models import Message, Status, StatusEvent, StatusProof
from messaging.webhook_body import StatusUpdate

NOT_ON_WHATSAPP = "131026"
# Proofs are kept one for so many seconds.
PROOF_SECONDS = 5

_M = Message._meta.db_table
_E = StatusEvent._meta.db_table
_P = StatusProof._meta.db_table


@dataclass(slots=True)
class _Row:
    """A message as it stands, locked."""

    id: int
    batch_id: int
    channel_id: int
    contact_id: int
    status: int
    wamid: str | None
    attempted_at: Any
    phone_number_id: str


def apply(updates: Sequence[StatusUpdate], *, received_at: datetime) -> list[StatusUpdate]:
    """Apply them in the caller's transaction; those that name a message that isn't there (yet).

    All at once, however many: locks must be taken in the order that messaging/tallies.py gives, and a
    second round would ask for messages and batches with a day's usage in hand. `received_at` is when
    the last of them had come in.
    """
    if not updates:
        return []
    by_id, by_wamid = _lock_messages(updates)
    unknown: list[StatusUpdate] = []
    told: dict[int, list[StatusUpdate]] = {}
    for update in updates:
        row = by_id.get(update.message_id) if update.message_id else None
        row = row or by_wamid.get(update.wamid)
        if row is None:
            unknown.append(update)
        elif row.phone_number_id == update.phone_number_id:
            told.setdefault(row.id, []).append(update)
            by_id[row.id] = row
    _note_people(told, by_id)
    _write(told, by_id)
    _note_proof(told, by_id, received_at)
    return unknown


def _lock_messages(updates: Sequence[StatusUpdate]) -> tuple[dict[int, _Row], dict[str, _Row]]:
    """The messages that are spoken of, by our id and by wamid.

    Nearly all come with our id and have their wamid: those are looked up by the id alone.
    """
    ids = {update.message_id for update in updates if update.message_id}
    ids |= _ids([update.wamid for update in updates if not update.message_id])
    rows = _locked(ids)
    settled = {row.id for row in rows if row.wamid}
    others = _ids([update.wamid for update in updates if update.message_id not in settled])
    rows += _locked(others - {row.id for row in rows})
    return {row.id: row for row in rows}, {row.wamid: row for row in rows if row.wamid}


def _ids(wamids: Sequence[str]) -> set[int]:
    if not wamids:
        return set()
    values = sql.rows_from_json("v", wamid="text")
    found = sql.fetch(
        f"SELECT m.id FROM {values} JOIN {_M} m ON m.wamid = v.wamid",
        [sql.as_json([[wamid] for wamid in wamids])],
    )
    return {int(pk) for (pk,) in found}


def _locked(ids: Iterable[int]) -> list[_Row]:
    rows = [[pk] for pk in sorted(ids)]
    if not rows:
        return []
    values = sql.rows_from_json("v", id="bigint")  # leads, as in messaging/queue.py
    lock = "ORDER BY m.id FOR UPDATE OF m" if sql.is_postgres() else ""
    return [
        _Row(*row)
        for row in sql.fetch(
            f"""SELECT m.id, m.batch_id, m.channel_id, m.contact_id, m.status, m.wamid,
                m.attempted_at, c.phone_number_id
            FROM {values} JOIN {_M} m ON m.id = v.id
            JOIN {Channel._meta.db_table} c ON c.id = m.channel_id {lock}""",
            [sql.as_json(rows)],
        )
    ]


def fold(current: int, updates: Iterable[StatusUpdate]) -> int:
    """The state after `updates`, whatever their order: states only grow (see messaging/models.py)."""
    return max([current, *(int(update.status) for update in updates)])


def _write(told: dict[int, list[StatusUpdate]], rows: dict[int, _Row]) -> None:
    moved: list[tuple[Any, ...]] = []
    changes: list[tallies.Change] = []
    news: list[outgoing.MessageNews] = []
    taken_wamids = {row.wamid for row in rows.values() if row.wamid}
    for row_id, updates in told.items():
        row = rows[row_id]
        new = fold(row.status, updates)
        # The first of a message that two statuses speak of is enough: they share its wamid.
        wamid = row.wamid or next(
            (update.wamid for update in updates if update.wamid not in taken_wamids), None
        )
        if wamid:
            taken_wamids.add(wamid)
        if new != row.status or wamid != row.wamid:
            moved.append((row_id, new, wamid, *_reason(new, updates), str(_sent_at(updates))))
        if new != row.status:
            code = _reason(new, updates)[0]
            changes.append(tallies.Change(row.batch_id, row.status, new, code))
        news += _news(row, new, updates)
    if moved:
        _update_messages(moved)
    _add_events(told)
    tallies.record(changes)
    outgoing.tell(news)


def _news(row: _Row, new: int, updates: list[StatusUpdate]) -> list[outgoing.MessageNews]:
    """What endpoints may want to be told, in the order of states: what Meta said, save for a failure
    that does not count and a sending that has already failed.
    """
    said: dict[int, StatusUpdate] = {}
    for update in sorted(updates, key=_when) if len(updates) > 1 else updates:
        said.setdefault(update.status, update)
    if new != Status.FAILED or row.status == Status.FAILED:
        said.pop(Status.FAILED, None)
    if row.status == Status.FAILED:
        said.pop(Status.SENT, None)
    return [
        outgoing.MessageNews(
            row.id, row.batch_id, status, update.at, update.error_code, update.error_detail
        )
        for status, update in sorted(said.items())
    ]


def _when(update: StatusUpdate) -> datetime:
    return update.at


def _reason(new: int, updates: list[StatusUpdate]) -> tuple[str, str]:
    failed = [update for update in updates if update.status == Status.FAILED]
    if new == Status.FAILED and failed:
        return failed[0].error_code, failed[0].error_detail
    return "", ""


def _sent_at(updates: list[StatusUpdate]) -> Any:
    return sql.moment(min(update.at for update in updates))


def _update_messages(moved: list[tuple[Any, ...]]) -> None:
    values = sql.rows_from_json(
        "v",
        id="bigint",
        status="integer",
        wamid="text",
        code="text",
        detail="text",
        at="timestamptz",
    )
    # A message that has failed and is only now given its wamid keeps its reason.
    sql.execute(
        f"""UPDATE {_M} AS m SET status = v.status, wamid = v.wamid,
            error_code = CASE WHEN m.status = v.status THEN m.error_code ELSE v.code END,
            error_detail = CASE WHEN m.status = v.status THEN m.error_detail ELSE v.detail END,
            sent_at = coalesce(m.sent_at, v.at)
        FROM {values} WHERE m.id = v.id""",
        [sql.as_json(moved)],
    )


def _add_events(told: dict[int, list[StatusUpdate]]) -> None:
    rows = [
        (
            row_id,
            int(update.status),
            str(sql.moment(update.at)),
            update.error_code,
            update.error_detail,
            update.pricing,
        )
        for row_id, updates in told.items()
        for update in updates
    ]
    if not rows:
        return
    values = sql.rows_from_json(
        "v",
        message_id="bigint",
        status="integer",
        at="timestamptz",
        code="text",
        detail="text",
        pricing="text",
    )
    sql.execute(
        f"""INSERT INTO {_E} (message_id, status, at, error_code, error_detail, pricing)
        SELECT v.message_id, v.status, v.at, v.code, v.detail, v.pricing FROM {values} WHERE true
        ON CONFLICT DO NOTHING""",
        [sql.as_json(rows)],
    )


def _note_proof(
    told: dict[int, list[StatusUpdate]], rows: dict[int, _Row], received_at: datetime
) -> None:
    """Remember up to which attempt each channel's statuses had come through, and when."""
    proof: dict[int, Any] = {}
    for row_id in told:
        row = rows[row_id]
        if row.attempted_at is not None:
            known = proof.get(row.channel_id, row.attempted_at)
            proof[row.channel_id] = max(row.attempted_at, known)
    period = int(received_at.timestamp()) // PROOF_SECONDS * PROOF_SECONDS
    for channel_id, attempted_at in sorted(proof.items()):
        sql.execute(
            f"""INSERT INTO {_P} AS p (channel_id, period, received_at, attempted_at)
            VALUES (%s, %s, %s, %s)
            ON CONFLICT (channel_id, period) DO UPDATE SET
            received_at = {sql.greatest("p.received_at", "excluded.received_at")},
            attempted_at = {sql.greatest("p.attempted_at", "excluded.attempted_at")}""",
            [
                channel_id,
                period,
                sql.moment(received_at),
                sql.moment(sql.as_datetime(attempted_at)),
            ],
        )


def _note_people(told: dict[int, list[StatusUpdate]], rows: dict[int, _Row]) -> None:
    """Whom Meta can't reach is marked; who got something is unmarked."""
    unreachable: list[int] = []
    reached: list[int] = []
    for row_id, updates in told.items():
        contact_id = rows[row_id].contact_id
        if any(update.status in (Status.DELIVERED, Status.READ) for update in updates):
            reached.append(contact_id)
        elif any(update.error_code == NOT_ON_WHATSAPP for update in updates):
            unreachable.append(contact_id)
    now: datetime = timezone.now()
    contacts.mark_reachable(reached)
    contacts.mark_unreachable(unreachable, now=now)
