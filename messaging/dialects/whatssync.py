"""WhatsSync: /api/v1/messages and /api/v1/contacts.

The content of a message stands under the type's own name, the same in a request and in a list;
codes are lower snake case like the printed `invalid_phone_number`.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from companies.keys import Caller
from companies.models import Channel
from config import public_ids
from config.api import Answer, ApiError
from contacts.models import Contact
from contacts.phones import as_written, to_e164
from messaging import media, payloads, previews
from messaging.dialects.base import (
    Dialect,
    Unauthenticated,
    bearer_token,
    find_template,
    only_message,
    sending_channel,
    template_payload,
)
from messaging.models import Batch, InboundMessage, Message, Status
from messaging.payloads import MAX_TEXT, MEDIA_TYPES, Payload
from messaging.reports import iso
from messaging.services import SendRequest
from templates_app.models import Template

Object = dict[str, Any]

TYPES = ("text", *MEDIA_TYPES, "location", "template")
# What the object under a type's name may hold.
_FIELDS = {
    "image": {"url", "caption"},
    "video": {"url", "caption"},
    "audio": {"url"},
    "document": {"url", "caption", "filename"},
    "location": {"latitude", "longitude", "name", "address"},
    "template": {"name", "language", "components"},
}
# What is not with WhatsApp for certain is still queued to this vendor's users.
_WORDS = {
    Status.SENT: "sent",
    Status.FAILED: "failed",
    Status.DELIVERED: "delivered",
    Status.READ: "read",
}
# Our codes where this vendor's users should read others. Codes that aren't here are the same.
_ERRORS: dict[str, tuple[int, str, str]] = {
    "invalid_api_key": (401, "invalid_api_key", "The API key provided is missing or not valid"),
    "no_valid_recipients": (400, "recipient_opted_out", "The contact has opted out of messages"),
    "invalid_message": (400, "invalid_text", f"text must have at most {MAX_TEXT} characters"),
    "invalid_link": (400, "invalid_url", "url must be an absolute http or https URL"),
    "internal_error": (500, "internal_error", "Internal server error"),
}


def refuse(code: str, message: str, status: int = 400) -> ApiError:
    return ApiError(message, code=code, status=status)


class WhatsSync(Dialect):
    slug = "whatssync"
    rate_scope = "whatssync"

    def requests_per_minute(self) -> int:
        return int(settings.WHATSSYNC_REQUESTS_PER_MINUTE)

    def key(self, request: HttpRequest) -> str:
        token = bearer_token(request)
        if not token:
            raise Unauthenticated("The API key is missing")
        return token

    def send_request(
        self, data: dict[str, Any], *, caller: Caller, url: dict[str, Any]
    ) -> SendRequest:
        number = _number(data.get("to"), country=caller.country)
        kind = _type(data)
        for field, value in data.items():
            if field not in ("to", "type", kind) and value is not None:
                raise refuse("unknown_field", f"{field[:40]} is no field of a {kind} message")
        channel = sending_channel(caller)
        template, payload = _content(kind, data.get(kind), channel)
        return SendRequest(
            channel=channel,
            payload=payload,
            template=template,
            numbers=[number],
            dialect=self.slug,
        )

    def accepted(self, batch: Batch) -> Answer:
        return Answer(200, sent_message(only_message(batch)))

    def error(self, error: ApiError) -> Answer:
        status, code, message = _ERRORS.get(
            error.error_code, (error.error_status, error.error_code, error.message)
        )
        body = {"error": {"code": code, "message": message, "status": status}}
        return Answer(status, body, error.headers)


def _number(value: object, *, country: str) -> str:
    if value is None or value == "":
        raise refuse("missing_phone_number", "to is required")
    number = to_e164(value, country=country)
    if number is None:
        raise refuse("invalid_phone_number", "The phone number provided is not valid")
    return number


def _type(data: Object) -> str:
    kind = data.get("type")
    if kind is None or kind == "":
        raise refuse("missing_type", "type is required")
    if not isinstance(kind, str) or kind not in TYPES:
        raise refuse("invalid_type", f"type must be one of: {', '.join(TYPES)}")
    return kind


def _content(kind: str, content: object, channel: Channel) -> tuple[Template | None, Payload]:
    if content is None or (isinstance(content, str) and not content.strip()):
        raise refuse(f"missing_{kind}", f"{kind} is required for {kind} messages")
    if kind == "text":
        if not isinstance(content, str):
            raise refuse("invalid_text", "text must be a string")
        return None, payloads.text(content)
    if not isinstance(content, dict):
        raise refuse(f"invalid_{kind}", f"{kind} must be an object")
    for field, value in content.items():
        if field not in _FIELDS[kind] and value is not None:
            raise refuse(f"invalid_{kind}", f"{field[:40]} is no field of {kind}")
    if kind == "template":
        return _template(content, channel)
    if kind == "location":
        return None, payloads.location(
            latitude=content.get("latitude"),
            longitude=content.get("longitude"),
            name=content.get("name"),
            address=content.get("address"),
        )
    return None, _media(kind, content)


def _media(kind: str, content: Object) -> Payload:
    if content.get("url") in (None, ""):
        raise refuse("missing_url", f"{kind}.url is required")
    return payloads.media(
        kind,
        link=content["url"],
        caption=content.get("caption"),
        filename="" if content.get("filename") is None else content["filename"],
    )


def _template(content: Object, channel: Channel) -> tuple[Template, Payload]:
    name, language = content.get("name"), content.get("language")
    code = language.get("code") if isinstance(language, dict) else language
    for field, value in (("name", name), ("language.code", code)):
        if not isinstance(value, str) or not value:
            raise refuse("invalid_template", f"template.{field} is required and must be a string")
    template = find_template(name=str(name), channel=channel, language=str(code))
    components = content.get("components")
    return template, template_payload(template, [] if components is None else components)


def sent_message(message: Message) -> Object:
    """A message of ours as lists show it; its batch and channel are at hand."""
    shown = {
        "id": message.public_id,
        "from": message.channel.phone_number,
        "to": as_written(message.recipient),
        **_sent_content(message),
        "timestamp": iso(message.created_at),
        "status": _WORDS.get(Status(message.status), "queued"),
    }
    if message.error_code:
        shown["error"] = {"code": message.error_code, "message": message.error_detail}
    return shown


def _sent_content(message: Message) -> Object:
    kind = message.batch.content_type
    content = message.payload.get(kind)
    if kind == "text":
        content = content["body"]
    elif kind == "template" and previews.is_secret(message.batch):
        # A list of messages is no place to read one-time codes from.
        content = {field: content[field] for field in ("name", "language")}
    elif kind in MEDIA_TYPES or kind == "sticker":
        content = _with_url(content)
    return {"type": kind, kind: content}


def _with_url(content: Object) -> Object:
    """A file by its address; one of ours is opened with the company's key."""
    kept = {field: content[field] for field in content if field not in ("id", "link")}
    url = media.private_url(content["id"]) if "id" in content else content["link"]
    return {"url": url, **kept}


def received_message(row: InboundMessage, contact: Contact) -> Object:
    """A message of theirs: it got here, which is what "delivered" says of ours."""
    shown: Object = {
        "id": public_ids.encode("msg_in", row.pk),
        "from": contact_phone(contact),
        "to": row.channel.phone_number,
        "type": row.type,
    }
    content = _RECEIVED.get(row.type, _as_meta_said)(row)
    if content is not None:
        shown.setdefault(row.type, content)
    return shown | {"timestamp": iso(row.sent_at), "status": "delivered"}


def _as_meta_said(row: InboundMessage) -> object:
    return row.payload.get(row.type)


def _received_text(row: InboundMessage) -> object:
    return row.text


def _received_media(row: InboundMessage) -> object:
    """Our copy, once it is there, in place of Meta's ids, which are no use without its token."""
    content = row.payload.get(row.type)
    content = content if isinstance(content, dict) else {}
    kept = {field: content[field] for field in ("caption", "filename") if field in content}
    file_id = row.stored_media_id
    url = media.private_url(public_ids.encode(media.PREFIX, file_id)) if file_id else None
    return {"url": url, **kept}


_RECEIVED: dict[str, Callable[[InboundMessage], object]] = {
    "text": _received_text,
    **dict.fromkeys((*MEDIA_TYPES, "sticker"), _received_media),
}


def contact_phone(contact: Contact) -> str:
    return as_written(contact.phone or contact.bsuid or "")
