"""Socnet: one address, the key in the body."""

from messaging.openapi.parts import (
    INTEGER,
    PHONE,
    STRING,
    Codes,
    Contract,
    Object,
    answer,
    array,
    body,
    error,
    example,
    examples,
    one_of,
    record,
    ref,
    said,
)
from messaging.payloads import MAX_TEXT

_KEY = said(STRING, "A whole API key.")
_ERRORS: Codes = {
    400: {
        "missing_key": "The api_key field is required.",
        "invalid_body": "The request body must be a JSON object.",
    },
    401: {"wrong_credentials": "Invalid user credentials"},
    403: {
        "insufficient_credit": "Insufficient credit (0) for transaction charge of 1",
        "suspended": "The account is suspended",
        "insufficient_scope": "This API key may not send; its scopes are: read",
    },
    404: {"template_not_found": "Template not found"},
    405: {"method_not_allowed": "Method is not allowed for the requested route"},
    409: {"conflict": "This Idempotency-Key came with another request before."},
    413: {"too_large": "The body is larger than 5242880 bytes."},
    415: {"not_json": "The request body must be JSON."},
    422: {
        "missing_field": "The msisdn field is required.",
        "wrong_format": "The msisdn field must be 12 digits starting with 256.",
        "not_approved": "The template field must be an approved template.",
        "opted_out": "The msisdn field must be a number that has not opted out.",
    },
    429: {"too_many": "More than 600 requests in a minute"},
    500: {"internal": "Internal server error"},
    503: {"disconnected": "Service unavailable: the WhatsApp number is disconnected"},
}


def _errors() -> Object:
    found: Object = {}
    for status, sentences in _ERRORS.items():
        data = {"data": None} if status in (400, 404) else {}
        found |= error(
            status,
            ref("SocnetError"),
            {n: {**data, "message": text, "status": status} for n, text in sentences.items()},
            "; ".join(sentences.values()),
        )
    return found


_SCHEMAS: Object = {
    "SocnetError": record(
        {
            "data": {"type": "null", "description": "With 400 and 404 only."},
            "message": STRING,
            "status": INTEGER,
        },
        required=("message", "status"),
    ),
    "SocnetCheck": record({"api_key": _KEY}, required=("api_key",), closed=True),
    "SocnetMessage": record(
        {
            "api_key": _KEY,
            "msisdn": said(PHONE, "12 digits starting with 256."),
            "msg": said(
                {"type": "string", "maxLength": MAX_TEXT},
                "The text, or what stands for the template's one variable, or the code. For a template "
                "it may hold `{{contact.name|friend}}`, `{{contact.phone}}` and "
                "`{{contact.custom.field}}`, which are filled in when the message is sent.",
            ),
            "template": said(STRING, "The name of an approved template."),
        },
        required=("api_key", "msisdn", "msg"),
        closed=True,
    ),
    "SocnetValidity": record(
        {"status": one_of("valid", "invalid")},
        required=("status",),
        about="`valid`: the key is. `invalid`: the number is known not to be on WhatsApp; nothing "
        "was sent or paid.",
    ),
    "SocnetSent": record(
        {
            "messaging_product": one_of("whatsapp"),
            "contacts": array(record({"input": STRING, "wa_id": STRING})),
            "messages": array(record({"id": STRING, "message_status": STRING})),
            "cost": INTEGER,
        },
        required=("messaging_product", "contacts", "messages", "cost"),
    ),
}
_OK = answer(
    "Sent, or the state of the key or the number",
    {"oneOf": [ref("SocnetSent"), ref("SocnetValidity")]},
    extra=("Idempotent-Replayed",),
)
_OK["content"]["application/json"]["examples"] = examples(
    "socnet", ("sent", "valid", "invalid"), kind="response"
)

_PATHS: Object = {
    "/projects/bulk/whatsapp/api.php": {
        "post": {
            "operationId": "socnet_send",
            "tags": ["Socnet"],
            "summary": "Check a key, or send a message",
            "description": "The key alone is a check of it. Any content type will do.",
            "security": [],
            "parameters": [ref("IdempotencyKey", "parameters")],
            "requestBody": body(
                {"oneOf": [ref("SocnetMessage"), ref("SocnetCheck")]},
                {
                    "message": {"value": example("socnet/message.request")},
                    "authenticate": {"value": example("socnet/authenticate.request")},
                },
            ),
            "responses": {"200": _OK} | _errors(),
        }
    }
}

CONTRACT = Contract(
    "Socnet",
    "Texts and templates to numbers in Uganda; the API key is the body's `api_key`. "
    "[Coming from Socnet](/moving/socnet)",
    _PATHS,
    _SCHEMAS,
)
