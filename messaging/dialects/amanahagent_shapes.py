"""What AmanahAgent's documents show of a message, a contact, a template."""

from collections.abc import Sequence
from typing import Any

from config import public_ids
from contacts.models import Contact
from contacts.phones import as_written
from messaging.models import Batch, Message, Status
from messaging.payloads import MEDIA_TYPES
from messaging.reports import iso
from templates_app.models import Template

_STATUSES = {
    Status.FAILED: "failed",
    Status.DELIVERED: "delivered",
    Status.READ: "read",
}
# This vendor's users know WhatsApp's states alone; ours before them read like its own.
_TEMPLATE_STATUSES = {
    Template.Status.SUBMITTED: "PENDING",
    Template.Status.CHANGES_REQUESTED: "REJECTED",
    Template.Status.DECLINED: "REJECTED",
}


def type_of(batch: Batch) -> str:
    """The three types of the document; what it has no word for keeps Meta's."""
    is_media = batch.content_type in (*MEDIA_TYPES, "sticker")
    return "media" if is_media else batch.content_type


def message(message: Message) -> dict[str, Any]:
    """Nine keys, and `error` when it failed."""
    batch = message.batch
    shown: dict[str, Any] = {
        "message_id": message.public_id,
        "status": _STATUSES.get(Status(message.status), "sent"),
        "to": as_written(message.recipient),
        "type": type_of(batch),
        "message": _text(batch.payload),
        "sent_at": iso(message.sent_at),
        "delivered_at": None,
        "read_at": None,
        "credits_used": batch.price,
    }
    for status, at in message.events.order_by("-at").values_list("status", "at"):
        if status in (Status.DELIVERED, Status.READ):  # the earliest comes last and stays
            shown[f"{_STATUSES[Status(status)]}_at"] = iso(at)
    if message.status == Status.FAILED:
        shown["error"] = {"code": message.error_code, "message": message.error_detail}
    return shown


def _text(payload: dict[str, Any]) -> str | None:
    """A text, or a caption; a template's words are not the caller's."""
    content = payload.get(payload["type"])
    text = content.get("caption", content.get("body")) if isinstance(content, dict) else None
    return text if isinstance(text, str) else None


def contact(contact: Contact, tags: Sequence[str]) -> dict[str, Any]:
    return {
        "id": public_ids.encode("contact", contact.pk),
        "phone": f"+{contact.phone}" if contact.phone else None,
        "name": contact.name,
        "tags": list(tags),
        "custom_fields": contact.custom_fields,
        "created_at": iso(contact.created_at),
        "updated_at": iso(contact.updated_at),
    }


def template(template: Template) -> dict[str, Any]:
    return {
        "id": template.public_id,
        "name": template.name,
        "language": template.language,
        "category": template.category,
        "status": _TEMPLATE_STATUSES.get(Template.Status(template.status), template.status),
        "created_at": iso(template.created_at),
        "approved_at": iso(template.approved_at),
    }
