"""What companies' endpoints are told: events become rows, in the transaction of the change itself.

Whoever changes something says so here with one line. Where no endpoint wants to know, that costs one
small query for a whole batch of changes. The rows of an endpoint are numbered under a lock on it, so
that its numbers have no gaps and become visible in their order. Those locks come last of all (see
messaging/tallies.py), in order of id: what is told inside `collected` is written at its end.

Told is what Meta said and no more: a message that was read is not said to have been delivered unless
Meta said that too. Each is told once, however often Meta repeats it.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from companies.models import Channel
from config import public_ids
from contacts.phones import as_written
from messaging import outgoing_rows
from messaging.models import InboundMessage, Status
from messaging.news import (
    CHANNEL,
    EVENTS,
    RECEIVED,
    TEMPLATE,
    TEST,
    Event,
    MessageNews,
    News,
)
from messaging.outgoing_rows import append
from messaging.reports import iso
from messaging.results import Failed
from templates_app.models import Template

__all__ = ["EVENTS", "TEST", "Event", "MessageNews", "append"]

# A shorter pause is the machinery's affair.
_LONG_PAUSE = timedelta(hours=1)


def tell(news: Iterable[News]) -> None:
    """Write `news` for the endpoints that want it; at the end of `collected` if inside of it."""
    if _open.stack:
        _open.stack[-1].extend(news)
    else:
        outgoing_rows.write(list(news))


class _Open(threading.local):
    def __init__(self) -> None:
        self.stack: list[list[News]] = []


_open = _Open()


@contextmanager
def collected() -> Iterator[None]:
    """What is told inside is written at the end, when no other lock will be asked for any more.

    Inside a transaction only. They nest as savepoints do: what is told in one that fails is gone.
    """
    mine: list[News] = []
    _open.stack.append(mine)
    try:
        yield
    finally:
        _open.stack.pop()
    tell(mine)


def tell_failures(failed: Iterable[Failed], *, now: datetime) -> None:
    """These messages have failed."""
    tell(
        MessageNews(one.id, one.batch_id, Status.FAILED, now, one.code, one.detail)
        for one in failed
    )


def received(inbound: InboundMessage) -> None:
    """A person wrote. A message with a file is told of when our copy is there, or long in coming."""
    contact, channel, file = inbound.contact, inbound.channel, inbound.stored_media
    data: dict[str, Any] = {
        "message_id": public_ids.encode("msg_in", inbound.pk),
        "status": "received",
        "from": as_written((contact.phone or contact.bsuid or "") if contact else ""),
        "name": contact.name if contact else "",
        "to": channel.phone_number,
        "type": inbound.type,
        "text": inbound.text,
        "media_id": file.public_id if file else None,
        "content": _content(inbound),
        "received_at": iso(inbound.sent_at),
    }
    tell(
        [
            Event(
                company_id=inbound.company_id,
                kind=RECEIVED,
                at=inbound.sent_at,
                data=data,
                message_id=-inbound.pk,
            )
        ]
    )


def _content(inbound: InboundMessage) -> dict[str, Any] | None:
    """The message's own part as Meta sent it; of a file, not Meta's id, which opens nothing here."""
    content = inbound.payload.get(inbound.type)
    if not isinstance(content, dict):
        return None
    if inbound.media_id:
        return {
            name: content[name] for name in ("caption", "filename", "mime_type") if name in content
        }
    return content


@contextmanager
def watching_templates(templates: QuerySet[Template]) -> Iterator[None]:
    """Tell what becomes different about these templates inside; an edit is no affair of programs."""
    with _watching(templates.filter(edit_of=None), TEMPLATE, _template_facts):
        yield


@contextmanager
def watching_channels(channels: QuerySet[Channel]) -> Iterator[None]:
    """Tell what becomes different about these channels inside."""
    with _watching(channels, CHANNEL, _channel_facts):
        yield


Facts = Callable[[Any], dict[str, Any]]


@contextmanager
def _watching(rows: QuerySet[Any], kind: str, facts: Facts) -> Iterator[None]:
    before = {row.pk: facts(row) for row in rows}
    with transaction.atomic():
        yield
        after = rows.model._default_manager.filter(pk__in=list(before)).order_by("pk")
        news = [_difference(row, kind, before[row.pk], facts(row)) for row in after]
        tell([event for event in news if event])


def _difference(row: Any, kind: str, old: dict[str, Any], new: dict[str, Any]) -> Event | None:
    changed = [name for name, value in new.items() if value != old[name]]
    if not changed:
        return None
    data = {**new, "changed": changed}
    return Event(company_id=row.company_id, kind=kind, at=timezone.now(), data=data)


def _template_facts(template: Template) -> dict[str, Any]:
    return {
        "template_id": template.public_id,
        "name": template.name,
        "language": template.language,
        "category": template.category,
        "status": template.status,
        "reason": template.status_reason,
        "quality": template.quality,
    }


def _channel_facts(channel: Channel) -> dict[str, Any]:
    now = timezone.now()
    is_paused = channel.is_paused(now=now + _LONG_PAUSE)
    reason = channel.pause_reason if is_paused else channel.status_reason
    return {
        "channel_id": channel.pk,
        "name": channel.name,
        "phone_number": channel.phone_number,
        "status": "paused" if is_paused and channel.status == "connected" else channel.status,
        "reason": "" if channel.status == "connected" and not is_paused else reason,
        "quality": channel.quality,
        "daily_limit": channel.daily_limit,
    }
