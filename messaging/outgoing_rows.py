"""News written down as events of the endpoints that want it, numbered; see messaging/outgoing.py."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import orjson
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from config import public_ids, sql
from contacts.phones import as_written
from messaging import wake
from messaging.models import Batch, Message, Status, WebhookDelivery, WebhookEndpoint
from messaging.news import OF_STATUS, Event, MessageNews, News
from messaging.reports import iso

# Whose answer to a send names the batch: their users know a message by it.
_NAMES_THE_BATCH = {"autokonnect", "engagelab"}

_W = WebhookEndpoint._meta.db_table
_D = WebhookDelivery._meta.db_table
_M, _B = Message._meta.db_table, Batch._meta.db_table


def write(news: Sequence[News]) -> None:
    if not news:
        return
    now = timezone.now()
    wanted = _wanted(news, now)
    if not wanted:
        return
    events = _as_events(news, set().union(*wanted.values()))
    with transaction.atomic():
        for endpoint in _locked(wanted):
            mine = [event for event in events if _is_for(event, endpoint)]
            append(endpoint, _untold(endpoint, mine), now=now)


def _wanted(news: Sequence[News], now: datetime) -> dict[int, set[str]]:
    """The events of each endpoint that any of `news` could be for.

    One that was switched off for failing is recorded for still: it is told when it is back.
    """
    batches = {item.batch_id for item in news if isinstance(item, MessageNews)}
    companies = {item.company_id for item in news if isinstance(item, Event)}
    rows = sql.fetch(
        f"""SELECT e.id, e.events FROM {_W} e
        WHERE e.status <> 'deleted' AND (e.status = 'active'
            OR (e.disabled_reason = 'failing' AND e.disabled_at > %s))
        AND ({sql.in_list("e.company_id")} OR EXISTS (SELECT 1 FROM {_B} b
            WHERE {sql.in_list("b.id")} AND b.company_id = e.company_id))""",
        [
            sql.moment(now - timedelta(days=settings.WEBHOOK_RETENTION_DAYS)),
            sql.id_list(sorted(companies)),
            sql.id_list(sorted(batches)),
        ],
    )
    return {endpoint_id: set(sql.as_object(events)) for endpoint_id, events in rows}


def _locked(wanted: Iterable[int]) -> list[WebhookEndpoint]:
    """The endpoints, locked in order of id, as they stand now."""
    alive = WebhookEndpoint.objects.exclude(status=WebhookEndpoint.Status.DELETED)
    return list(
        alive.select_for_update(of=("self",))
        .filter(pk__in=list(wanted))
        .defer("secret", "previous_secrets")
        .order_by("pk")
    )


def _is_for(event: Event, endpoint: WebhookEndpoint) -> bool:
    return event.company_id == endpoint.company_id and event.kind in endpoint.events


def _untold(endpoint: WebhookEndpoint, events: list[Event]) -> list[Event]:
    """Those that the endpoint was not told before."""
    ids = {event.message_id for event in events if event.message_id is not None}
    told: set[tuple[int | None, str]] = set()
    if ids:
        known = WebhookDelivery.objects.filter(endpoint=endpoint, message_id__in=ids)
        told.update(known.values_list("message_id", "event"))
    untold = []
    for event in events:
        if event.message_id is None or (event.message_id, event.kind) not in told:
            told.add((event.message_id, event.kind))
            untold.append(event)
    return untold


def append(endpoint: WebhookEndpoint, events: Sequence[Event], *, now: datetime) -> None:
    """Number the events of a locked endpoint and put them into its queue."""
    if not events:
        return
    first = endpoint.last_sequence + 1
    values = sql.rows_from_json(
        "v", sequence="bigint", event="text", at="timestamptz", data="text", message_id="bigint"
    )
    rows = [
        (
            first + place,
            event.kind,
            str(sql.moment(event.at)),
            orjson.dumps(event.data).decode(),
            event.message_id,
        )
        for place, event in enumerate(events)
    ]
    sql.execute(
        f"""INSERT INTO {_D} (endpoint_id, sequence, event, occurred_at, data, message_id, state,
            tries, attempts, due_at, error, created_at)
        SELECT %s, v.sequence, v.event, v.at, v.data, v.message_id, 0, 0, 0, %s, '', %s
        FROM {values} WHERE true ORDER BY v.sequence""",
        [endpoint.pk, sql.moment(now), sql.moment(now), sql.as_json(rows)],
    )
    endpoint.last_sequence += len(events)
    endpoint.save(update_fields=["last_sequence"])
    if endpoint.status == WebhookEndpoint.Status.ACTIVE:
        transaction.on_commit(partial(wake.wake_endpoint, endpoint.pk))


# --- What is told of a message --------------------------------------------------------


def _as_events(news: Sequence[News], kinds: set[str]) -> list[Event]:
    """`news` that anybody wants, in its order, with what is to be said of each message."""
    kept = [
        item
        for item in news
        if (item.kind if isinstance(item, Event) else OF_STATUS[Status(item.status)]) in kinds
    ]
    facts = _message_facts([item.message_id for item in kept if isinstance(item, MessageNews)])
    return [
        item if isinstance(item, Event) else _message_event(item, facts[item.message_id])
        for item in kept
        if isinstance(item, Event) or item.message_id in facts
    ]


@dataclass(frozen=True, slots=True)
class _Facts:
    company_id: int
    recipient: str
    dialect: str
    echo: dict[str, Any]


def _message_facts(ids: Sequence[int]) -> dict[int, _Facts]:
    if not ids:
        return {}
    rows = sql.fetch(
        f"""SELECT m.id, m.company_id, m.recipient, b.dialect, b.echo
        FROM {_M} m JOIN {_B} b ON b.id = m.batch_id WHERE {sql.in_list("m.id")}""",
        [sql.id_list(sorted(set(ids)))],
    )
    return {
        row_id: _Facts(company_id, recipient, dialect, sql.as_object(echo) or {})
        for row_id, company_id, recipient, dialect, echo in rows
    }


def _message_event(news: MessageNews, facts: _Facts) -> Event:
    word = Status(news.status).word
    data: dict[str, Any] = {
        "message_id": public_ids.encode("msg", news.message_id),
        "status": word,
        "to": as_written(facts.recipient),
        f"{word}_at": iso(news.at),
    }
    if news.status == Status.FAILED:
        data["error"] = {"code": news.code, "message": news.detail}
    if facts.dialect in _NAMES_THE_BATCH:
        data["batch_id"] = public_ids.encode("batch", news.batch_id)
    return Event(
        company_id=facts.company_id,
        kind=OF_STATUS[Status(news.status)],
        at=news.at,
        data={**facts.echo, **data},
        message_id=news.message_id,
    )
