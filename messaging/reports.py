"""What the API shows of a batch."""

from typing import Any

from django.utils import timezone

from config import public_ids
from contacts.phones import as_written
from messaging import batch_state
from messaging.models import Batch, Message, Status, UnusedInput

UNUSED_SHOWN = 1_000


def iso(moment: Any) -> str | None:
    """UTC, whole seconds, `Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def batch(batch: Batch) -> dict[str, Any]:
    """Counts by status always add up to `recipients_count`."""
    waiting = batch.waiting
    page = unused(batch, limit=UNUSED_SHOWN, after=0)
    return {
        "id": batch.public_id,
        "channel_id": batch.channel_id,
        "type": batch.content_type,
        "status": "processing" if waiting or batch.uncertain else "finished",
        "state": batch_state.state(batch, now=timezone.now()).value,
        "recipients_count": batch.recipients_count,
        "counts": {
            "queued": waiting,
            "uncertain": batch.uncertain,
            "sent": batch.sent,
            "delivered": batch.delivered,
            "read": batch.read,
            "failed": batch.failed,
        },
        "unused": page["unused"],
        "unused_count": UnusedInput.objects.filter(batch=batch).count(),
        "created_at": iso(batch.created_at),
        "due_at": iso(batch.due_at),
    }


def unused(batch: Batch, *, limit: int, after: int) -> dict[str, Any]:
    rows = list(
        UnusedInput.objects.filter(batch=batch, pk__gt=after)
        .order_by("pk")
        .values_list("pk", "input", "reason")[: limit + 1]
    )
    return {
        "unused": [{"input": text, "reason": reason} for _, text, reason in rows[:limit]],
        "next": rows[limit - 1][0] if len(rows) > limit else None,
    }


def messages(batch: Batch, *, limit: int, after: int) -> dict[str, Any]:
    """In order of contact, which the unique (batch, contact) index gives without sorting."""
    rows = list(
        Message.objects.filter(batch=batch, contact_id__gt=after).order_by("contact_id")[
            : limit + 1
        ]
    )
    return {
        "messages": [message(row) for row in rows[:limit]],
        "next": rows[limit - 1].contact_id if len(rows) > limit else None,
    }


def message(message: Message) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": public_ids.encode("msg", message.pk),
        "to": as_written(message.recipient),
        "status": Status(message.status).word,
        "wamid": message.wamid,
        "sent_at": iso(message.sent_at),
    }
    if message.error_code:
        shown["error"] = {"code": message.error_code, "message": message.error_detail}
    return shown
