"""AmanahAgent: /v1/messages and the resources beside it.

Codes are upper snake case, `INVALID_PHONE_NUMBER` as printed and the others like it; `details` names
the field that is wrong and shows what it held.
"""

from typing import Any
from urllib.parse import urlsplit

import orjson
from django.http import HttpRequest

from companies.keys import Caller
from companies.models import Channel
from config import public_ids
from config.api import Answer, ApiError
from contacts.phones import as_written, to_e164
from messaging import media, payloads
from messaging.dialects import amanahagent_shapes as shapes
from messaging.dialects.base import (
    Dialect,
    Unauthenticated,
    bearer_token,
    only_message,
    sending_channel,
    template_payload,
)
from messaging.models import Batch
from messaging.payloads import Payload
from messaging.reports import iso
from messaging.services import SendRequest
from templates_app.models import Template

TYPES = ("text", "media", "template")
INVALID_PHONE_NUMBER = "The phone number format is invalid"
_SHOWN = 200

# Our codes where this vendor's users should read others: status, code, sentence (None: the core's).
_ERRORS: dict[str, tuple[int, str, str | None]] = {
    "invalid_auth_header": (401, "INVALID_API_KEY", "Invalid or missing API key"),
    "invalid_api_key": (401, "INVALID_API_KEY", "Invalid or missing API key"),
    "no_valid_recipients": (
        400,
        "RECIPIENT_OPTED_OUT",
        "The recipient does not want messages from this company",
    ),
    "invalid_caption": (400, "INVALID_MESSAGE", None),
    "invalid_link": (400, "INVALID_MEDIA_URL", "media_url must be an absolute http or https URL"),
    "internal_error": (500, "INTERNAL_SERVER_ERROR", "Internal server error"),
}
# The core's names of what a request holds, where this vendor has others.
_FIELDS = {"link": "media_url", "id": "media_url", "caption": "message"}
# What Meta shows as it is; any other file goes as a document (Meta takes no GIF images).
_EXTENSIONS = {
    "jpg": "image",
    "jpeg": "image",
    "png": "image",
    "mp4": "video",
    "3gp": "video",
    "3gpp": "video",
    "mp3": "audio",
    "ogg": "audio",
    "amr": "audio",
    "aac": "audio",
    "m4a": "audio",
}


class Refused(ApiError):
    """A field that is wrong, with what it held."""

    def __init__(self, code: str, message: str, field: str, value: object = None) -> None:
        super().__init__(message, code=code, param=field)
        self.value = value


class AmanahAgent(Dialect):
    slug = "amanahagent"

    def key(self, request: HttpRequest) -> str:
        token = bearer_token(request)
        if not token:
            raise Unauthenticated("Invalid or missing API key")
        return token

    def send_request(
        self, data: dict[str, Any], *, caller: Caller, url: dict[str, Any]
    ) -> SendRequest:
        number = phone(data.get("to"), field="to", country=caller.country)
        kind = _type(data)
        _refuse_other_types_fields(kind, data)
        channel = sending_channel(caller)
        template: Template | None = None
        if kind == "text":
            payload = payloads.text(_text(data))
        elif kind == "media":
            payload = _media(data, caller.company_id)
        else:
            template, payload = _template(data, channel)
        return SendRequest(
            channel=channel,
            payload=payload,
            template=template,
            numbers=[number],
            dialect=self.slug,
        )

    def accepted(self, batch: Batch) -> Answer:
        message = only_message(batch)
        return Answer(
            200,
            {
                "message_id": message.public_id,
                "status": "sent",
                "to": as_written(message.recipient),
                "type": shapes.type_of(batch),
                "timestamp": iso(batch.created_at),
                "credits_used": batch.price,
                "delivery_status": "pending",
            },
        )

    def error(self, error: ApiError) -> Answer:
        status, code, sentence = _ERRORS.get(
            error.error_code, (error.error_status, error.error_code.upper(), None)
        )
        body = {"code": code, "message": sentence or error.message, "details": _details(error)}
        return Answer(status, {"error": body}, error.headers)


def phone(value: object, *, field: str, country: str) -> str:
    """A required phone number, as digits."""
    if value is None or value == "":
        raise Refused("missing_phone_number", f"{field} is required", field)
    number = to_e164(value, country=country)
    if number is None:
        raise Refused("invalid_phone_number", INVALID_PHONE_NUMBER, field, value)
    return number


def _details(error: ApiError) -> dict[str, Any]:
    if not error.param:
        return {}
    details: dict[str, Any] = {"field": _FIELDS.get(error.param, error.param)}
    value = getattr(error, "value", None)
    if isinstance(value, str):
        details["value"] = value[:_SHOWN]
    elif value is not None and len(orjson.dumps(value)) <= _SHOWN:
        details["value"] = value
    return details


def _type(data: dict[str, Any]) -> str:
    kind = data.get("type")
    if kind in (None, ""):
        raise Refused("missing_type", "type is required", "type")
    if not isinstance(kind, str) or kind not in TYPES:
        raise Refused("invalid_type", f"type must be one of {', '.join(TYPES)}", "type", kind)
    return kind


def _refuse_other_types_fields(kind: str, data: dict[str, Any]) -> None:
    """What this type of message can't carry is refused, so that nobody thinks it was sent."""
    takes = {
        "text": ("message",),
        "media": ("message", "media_url"),
        "template": ("template_id", "components"),
    }[kind]
    for field in ("message", "media_url", "template_id", "components"):
        if field not in takes and data.get(field) not in (None, "", []):
            raise Refused(
                f"invalid_{field}", f"{field} can't be sent with type {kind}", field, data[field]
            )


def _text(data: dict[str, Any]) -> str:
    text = data.get("message")
    if text is None or (isinstance(text, str) and not text.strip()):
        raise Refused("missing_message", "message is required for text messages", "message")
    if not isinstance(text, str):
        raise Refused("invalid_message", "message must be a string", "message", text)
    return text


def _media(data: dict[str, Any], company_id: int) -> Payload:
    link = data.get("media_url")
    if link in (None, ""):
        raise Refused("missing_media_url", "media_url is required for media messages", "media_url")
    own = media.find(company_id=company_id, public_id=link) or media.find_by_url(
        company_id=company_id, url=link
    )
    if own is None and public_ids.decode(media.PREFIX, link):
        raise media.MediaNotFound("There is no media with this id", param="media_url")
    kind = _kind_of(link)
    if own:
        # A sticker is none of this document's four.
        kind = own.kind if own.kind in payloads.MEDIA_TYPES else "document"
    caption = None if kind == "audio" else data.get("message")
    return payloads.media(kind, link=link, media_id=own.public_id if own else "", caption=caption)


def _kind_of(link: object) -> str:
    """What a file is by its name's extension: a document where that says nothing else."""
    try:
        path = urlsplit(link).path if isinstance(link, str) else ""
    except ValueError:
        path = ""
    return _EXTENSIONS.get(path.rpartition(".")[2].lower(), "document")


def _template(data: dict[str, Any], channel: Channel) -> tuple[Template, Payload]:
    given = data.get("template_id")
    if given in (None, ""):
        raise Refused(
            "missing_template_id", "template_id is required for template messages", "template_id"
        )
    template = _find_template(given, channel)
    components = data.get("components")
    return template, template_payload(template, [] if components is None else components)


def _find_template(given: object, channel: Channel) -> Template:
    """By `tpl_…`, or by the template's plain number."""
    pk = public_ids.decode("tpl", given)
    if pk is None and str(given).isascii() and str(given).isdigit():
        pk = int(str(given)[:40])
    known = Template.objects.filter(
        company_id=channel.company_id, waba_id__in=(channel.waba_id, "")
    )
    template = known.filter(pk=pk).first() if pk is not None and 0 < pk < 1 << 63 else None
    if template is None:
        raise ApiError(
            "There is no such template",
            code="template_not_found",
            status=404,
            param="template_id",
        )
    if template.status != Template.Status.APPROVED:
        raise ApiError(
            "The template is not approved", code="template_not_approved", param="template_id"
        )
    return template
