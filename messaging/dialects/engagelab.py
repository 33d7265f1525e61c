"""EngageLab: POST /v1/messages with Basic credentials. Codes are its table's numbers.

Missing and misplaced parameters are 3002, unacceptable values 3003; each names the field.
"""

import base64
import binascii
from typing import Any

import orjson
from django.http import HttpRequest

from companies.keys import PREFIX, Caller
from companies.models import Channel
from config import public_ids
from config.api import Answer, ApiError
from contacts.phones import to_e164
from messaging import media, payloads
from messaging.dialects.base import (
    Dialect,
    Unauthenticated,
    find_template,
    only_message,
    sending_channel,
    template_payload,
)
from messaging.models import Batch
from messaging.payloads import InvalidCaption, InvalidFilename, InvalidLink, Payload
from messaging.services import SendRequest
from templates_app.models import Template
from templates_app.parameters import InvalidComponents

MEDIA = ("image", "video", "audio", "document", "sticker")
TYPES = ("text", *MEDIA, "template")
_DEV_KEY = len(PREFIX) + 8
# Both are kept with every event that is told of the message.
MAX_REQUEST_ID = 1000
MAX_CUSTOM_ARGS = 16_384  # bytes of JSON

# Our code: its code and HTTP status. What isn't here is an unacceptable value, 3003.
_CODES: dict[str, tuple[int, int]] = {
    "internal_error": (1000, 500),
    "malformed_credentials": (2001, 401),
    "invalid_api_key": (2002, 401),
    "reconnect_waba": (2003, 400),
    "company_suspended": (2004, 403),
    "insufficient_scope": (2004, 403),
    "no_channel": (2004, 403),
    "not_your_number": (2004, 403),
    "rate_limit_exceeded": (2005, 429),
    "insufficient_credits": (2006, 403),
    "invalid_body": (3001, 400),
    "unsupported_media_type": (3001, 415),
    "method_not_allowed": (3001, 405),
    "not_found": (3001, 404),
    "missing_parameter": (3002, 400),
    "payload_too_large": (3003, 413),
    "idempotency_conflict": (3003, 409),
    "template_not_found": (4001, 400),
    "media_not_found": (4001, 400),
}
_SENTENCES = {
    "internal_error": "internal error",
    "malformed_credentials": "authentication failed: Authorization must be Basic credentials",
    "invalid_api_key": "authentication failed: the token is wrong, expired or disabled",
    "reconnect_waba": "WhatsApp authentication failed: the sending number must be reconnected",
    "no_channel": "you do not have a sending number",
    "no_valid_recipients": "to holds nobody who wants messages from this company",
}


class EngageLab(Dialect):
    slug = "engagelab"
    challenge = 'Basic realm="Tuma"'

    def key(self, request: HttpRequest) -> str:
        """The dev_key and the dev_secret are the two parts of a key."""
        dev_key, dev_secret = _basic_credentials(request.headers.get("Authorization", ""))
        return dev_key + dev_secret if len(dev_key) == _DEV_KEY else ""

    def send_request(
        self, data: dict[str, Any], *, caller: Caller, url: dict[str, Any]
    ) -> SendRequest:
        channel = _channel(data.get("from"), caller)
        numbers = _recipients(data.get("to"), caller.country)
        kind, content = _body(data.get("body"))
        template: Template | None = None
        if kind == "template":
            template, payload = _template(content, channel)
        elif kind == "text":
            payload = _text(content)
        else:
            payload = _media(kind, content)
        return SendRequest(
            channel=channel,
            payload=payload,
            template=template,
            numbers=numbers,
            dialect=self.slug,
            echo=_echo(data),
        )

    def accepted(self, batch: Batch) -> Answer:
        """One recipient: the message's id; several: the batch's. Webhooks carry both."""
        single = batch.recipients_count == 1
        answer = {"message_id": only_message(batch).public_id if single else batch.public_id}
        if "request_id" in batch.echo:
            answer["request_id"] = batch.echo["request_id"]
        return Answer(200, answer)

    def error(self, error: ApiError) -> Answer:
        code, status = _CODES.get(error.error_code, (3003, 400))
        message = _SENTENCES.get(error.error_code, error.message)
        return Answer(status, {"code": code, "message": message}, error.headers)


def _basic_credentials(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.strip().partition(" ")
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    name, colon, password = text.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise Unauthenticated("Malformed credentials", code="malformed_credentials")
    return name, password


def _missing(field: str, kind: str = "") -> ApiError:
    when = f" when type is {kind}" if kind else ""
    return ApiError(f"{field} field must be set correctly{when}", code="missing_parameter")


def _invalid(field: str, why: str) -> ApiError:
    return ApiError(f"{field} field is invalid: {why}", code="invalid_value")


def _channel(sender: object, caller: Caller) -> Channel:
    if sender in (None, ""):
        return sending_channel(caller)
    if isinstance(sender, bool) or not isinstance(sender, str | int):
        raise _missing("from")
    number = to_e164(sender, country=caller.country)
    channels = Channel.objects.defer("access_token").filter(
        company_id=caller.company_id, phone_number=f"+{number}"
    )
    connected = Channel.Status.CONNECTED
    channel = min(channels, key=lambda channel: channel.status != connected, default=None)
    if channel is None:
        raise ApiError(
            "you do not have the permission to send from this number", code="not_your_number"
        )
    if channel.status != connected:
        raise ApiError("The channel is disconnected", code="reconnect_waba")
    return channel


def _recipients(to: object, country: str) -> list[object]:
    """One or several; an answer has no place for those that are no phone numbers, so none is sent."""
    numbers = to if isinstance(to, list) else [to]
    if not numbers or any(number in (None, "") for number in numbers):
        raise _missing("to")
    for number in numbers:
        if to_e164(number, country=country) is None:
            raise _invalid("to", f"{str(number)[:40]!r} is not a phone number")
    return numbers


def _body(body: object) -> tuple[str, dict[str, Any]]:
    if not isinstance(body, dict):
        raise _missing("body")
    kind = body.get("type")
    if not isinstance(kind, str) or not kind:
        raise _missing("whatsapp.type")
    if kind not in TYPES:
        raise _invalid("whatsapp.type", f"it must be one of {', '.join(TYPES)}")
    for other in TYPES:
        if other != kind and body.get(other) not in (None, "", {}):
            raise _invalid(f"whatsapp.{other}", f"it can't be set when type is {kind}")
    content = body.get(kind)
    if not isinstance(content, dict):
        raise _missing(f"whatsapp.{kind}", kind)
    return kind, content


def _words(content: dict[str, Any], field: str, kind: str) -> str:
    """An optional string; "" where there is none."""
    value = content.get(field)
    if value is not None and not isinstance(value, str):
        raise _missing(f"whatsapp.{kind}.{field}", kind)
    return value or ""


def _required(content: dict[str, Any], field: str, kind: str) -> str:
    value = _words(content, field, kind)
    if not value.strip():
        raise _missing(f"whatsapp.{kind}.{field}", kind)
    return value


def _text(content: dict[str, Any]) -> Payload:
    body = _required(content, "body", "text")
    if len(body) > payloads.MAX_TEXT:
        raise _invalid("whatsapp.text.body", f"it is over {payloads.MAX_TEXT} characters")
    return payloads.text(body)


def _media(kind: str, content: dict[str, Any]) -> Payload:
    media_id, link = (_words(content, field, kind) for field in ("id", "link"))
    if not media_id and not link:
        raise _missing(f"whatsapp.{kind}.link", kind)
    caption = _words(content, "caption", kind)
    # A document goes by its filename, else by its caption, else by the URL's last part.
    filename = _words(content, "filename", kind) or caption[: payloads.MAX_FILENAME]
    try:
        payload = payloads.media(
            kind, link=link, media_id=media_id, caption=caption, filename=filename
        )
    except (InvalidLink, InvalidCaption, InvalidFilename) as error:
        raise _invalid(f"whatsapp.{kind}.{error.param}", error.message) from error
    _refuse_foreign_ids(payload)
    return payload


def _refuse_foreign_ids(payload: Payload) -> None:
    """An `id` is one of ours; whether there is such a file, the core looks up."""
    for _kind, content in media.all_in(payload):
        if "id" in content and public_ids.decode(media.PREFIX, content["id"]) is None:
            raise media.MediaNotFound("there is no media with this id")


def _template(content: dict[str, Any], channel: Channel) -> tuple[Template, Payload]:
    name = _required(content, "name", "template")
    language = _required(content, "language", "template")
    template = find_template(name=name, language=language, channel=channel)
    components = content.get("components")
    try:
        payload = template_payload(template, [] if components is None else components)
    except InvalidComponents as error:
        if components is None:
            raise _missing("whatsapp.template.components", "template") from error
        raise _invalid("whatsapp.template.components", error.message) from error
    _refuse_foreign_ids(payload)
    return template, payload


def _echo(data: dict[str, Any]) -> dict[str, Any]:
    """What comes back as it was given: in the answer, in webhooks."""
    echo: dict[str, Any] = {}
    for field, kind in (("request_id", str), ("custom_args", dict)):
        value = data.get(field)
        if value is None:
            continue
        if not isinstance(value, kind):
            raise _missing(field)
        echo[field] = value
    if len(echo.get("request_id", "")) > MAX_REQUEST_ID:
        raise _invalid("request_id", f"it is over {MAX_REQUEST_ID} characters")
    if len(orjson.dumps(echo.get("custom_args"))) > MAX_CUSTOM_ARGS:
        raise _invalid("custom_args", f"it is over {MAX_CUSTOM_ARGS} bytes of JSON")
    return echo
