"""Socnet: POST /projects/bulk/whatsapp/api.php, one address for everything, the key in the body.

Answers are the document's second channel, which is Meta's own wording. Its first channel is another
technology that we don't have; clients are told to expect either.
"""

from typing import Any

from django.http import HttpRequest

from companies.credits import InsufficientCredits
from companies.keys import Caller
from companies.models import Channel
from config.api import (
    Answer,
    ApiError,
    InvalidBody,
    UnsupportedMediaType,
    is_json,
    parse_object,
    read_body,
)
from contacts.phones import to_e164
from messaging import payloads
from messaging.dialects.base import (
    Dialect,
    Unauthenticated,
    find_template,
    only_message,
    sending_channel,
    template_payload,
)
from messaging.models import Batch
from messaging.payloads import MAX_TEXT, Payload
from messaging.services import SendRequest
from templates_app.models import Template
from templates_app.parameters import MAX_CODE, InvalidComponents, variables

FIELDS = ("api_key", "msisdn", "msg", "template")
_UGANDA, _DIGITS = "256", 12

# Our codes, in this vendor's words. Codes that aren't here keep the core's.
_ERRORS: dict[str, tuple[int, str]] = {
    "invalid_api_key": (401, "Invalid user credentials"),
    "invalid_body": (400, "The request body must be a JSON object."),
    "company_suspended": (403, "The account is suspended"),
    "template_not_found": (404, "Template not found"),
    "not_found": (404, "Resource not found"),
    "method_not_allowed": (405, "Method is not allowed for the requested route"),
    "unsupported_media_type": (415, "The request body must be JSON."),
    "template_not_approved": (422, "The template field must be an approved template."),
    "no_valid_recipients": (422, "The msisdn field must be a number that has not opted out."),
    "invalid_message": (422, f"The msg field must be at most {MAX_TEXT} characters."),
    "internal_error": (500, "Internal server error"),
    "no_channel": (503, "Service unavailable: the account has no WhatsApp number"),
    "reconnect_waba": (503, "Service unavailable: the WhatsApp number is disconnected"),
}


def missing(field: str, status: int = 422) -> ApiError:
    return ApiError(f"The {field} field is required.", code="missing_field", status=status)


def wrong(field: str, what: str) -> ApiError:
    return ApiError(f"The {field} field must be {what}.", code="invalid_field", status=422)


class Socnet(Dialect):
    slug = "socnet"

    def key(self, request: HttpRequest) -> str:
        key = body_of(request)[0].get("api_key")
        if _is_empty(key):
            raise missing("api_key", 400)
        if not isinstance(key, str):
            raise Unauthenticated("The api_key is no string")
        return key

    def send_request(
        self, data: dict[str, Any], *, caller: Caller, url: dict[str, Any]
    ) -> SendRequest:
        for field in ("msisdn", "msg"):
            if _is_empty(data.get(field)):
                raise missing(field)
        number, msg = _msisdn(data["msisdn"], caller.country), data["msg"]
        if not isinstance(msg, str):
            raise wrong("msg", "a string")
        for field, value in data.items():
            if field not in FIELDS and value is not None:
                raise wrong(field[:40], f"left out: there are only {', '.join(FIELDS)}")
        channel = sending_channel(caller)
        template, payload = _content(msg, data.get("template"), channel)
        return SendRequest(
            channel=channel,
            payload=payload,
            template=template,
            numbers=[number],
            dialect=self.slug,
        )

    def accepted(self, batch: Batch) -> Answer:
        message = only_message(batch)
        number = message.recipient
        return Answer(
            200,
            {
                "messaging_product": "whatsapp",
                "contacts": [{"input": number, "wa_id": number}],
                "messages": [{"id": message.public_id, "message_status": "accepted"}],
                "cost": batch.price,
            },
        )

    def error(self, error: ApiError) -> Answer:
        status, message = _ERRORS.get(error.error_code, (error.error_status, error.message))
        if isinstance(error, InsufficientCredits):
            message = (
                f"Insufficient credit ({error.balance}) for transaction charge of {error.needed}"
            )
        body: dict[str, Any] = {"message": message, "status": status}
        if status in (400, 404):
            body = {"data": None, **body}
        return Answer(status, body, error.headers)


def body_of(request: HttpRequest) -> tuple[dict[str, Any], bytes]:
    """The JSON object and its bytes; read once, as the key and the message are both in it.

    Any content type will do: PHP posts a string as a form unless it is told otherwise. No body at all
    is an object without an api_key.
    """
    known: tuple[dict[str, Any], bytes] | None = getattr(request, "socnet_body", None)
    if known is None:
        body = read_body(request)
        try:
            known = (parse_object(body) if body.strip() else {}, body)
        except InvalidBody as error:
            raise error if is_json(request) else UnsupportedMediaType(error.message) from error
        request.socnet_body = known  # type: ignore[attr-defined]
    return known


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _msisdn(value: object, country: str) -> str:
    number = to_e164(value, country=country)
    if number is None or len(number) != _DIGITS or not number.startswith(_UGANDA):
        raise wrong("msisdn", f"{_DIGITS} digits starting with {_UGANDA}")
    return number


def _content(msg: str, name: object, channel: Channel) -> tuple[Template | None, Payload]:
    if _is_empty(name):
        return None, payloads.text(msg)
    if not isinstance(name, str):
        raise wrong("template", "a string")
    template = find_template(name=name, channel=channel)
    if template.status != Template.Status.APPROVED:
        raise ApiError("The template is not approved", code="template_not_approved")
    if template.category == Template.Category.AUTHENTICATION:
        return template, _one_time_code(template, msg)
    return template, _filled(template, msg)


def _one_time_code(template: Template, code: str) -> Payload:
    """The code goes where the customer reads it and where the button copies it from."""
    parameters = [{"type": "text", "text": code}]
    components: list[Payload] = [{"type": "body", "parameters": parameters}]
    for index, button in enumerate(_part(template, "BUTTONS").get("buttons", [])):
        # Meta gives back the buttons that were made as OTP as URLs with a variable.
        if button.get("type") == "OTP" or variables(str(button.get("url", ""))):
            components.append({"type": "button", "index": index, "parameters": parameters})
    try:
        return template_payload(template, components)
    except InvalidComponents as error:
        raise wrong("msg", f"a code of at most {MAX_CODE} characters") from error


def _filled(template: Template, msg: str) -> Payload:
    """`msg` is the body's one variable; a template without any says all by itself."""
    names = variables(str(_part(template, "BODY").get("text", "")))
    parameter = {"type": "text", "text": msg}
    if names and not names[0].isdigit():
        parameter["parameter_name"] = names[0]
    components = [{"type": "body", "parameters": [parameter]}] if names else []
    try:
        return template_payload(template, components)
    except InvalidComponents as error:
        if len(names) == 1 and error.param.startswith("body"):
            why = f": {error.message.partition(': ')[2]}" if "{" in msg else ""
            raise wrong("msg", f"one line that fits into the template{why}") from error
        raise wrong("template", "a template with at most one variable, in its body") from error


def _part(template: Template, kind: str) -> Payload:
    """The component of a kind; an empty one where the template has none."""
    parts = (part for part in template.components if str(part.get("type", "")).upper() == kind)
    return next(parts, {})
