"""WhatsSync: /api/v1/messages, and conversations under /api/v1/contacts."""

from messaging.dialects.whatssync import TYPES
from messaging.dialects.whatssync_views import DEFAULT_LIMIT, MAX_LIMIT
from messaging.openapi.parts import (
    INTEGER,
    LINK,
    PARAMETERS,
    PHONE,
    STRING,
    STRING_OR_NULL,
    TIME,
    TIME_OR_NULL,
    Codes,
    Contract,
    Object,
    answer,
    array,
    body,
    error,
    example,
    examples,
    in_path,
    in_query,
    number,
    one_of,
    record,
    ref,
)
from messaging.payloads import MAX_TEXT

_SECURITY: list[Object] = [{"bearer": []}]
_COMMON: Codes = {
    401: {"invalid_api_key": "The API key provided is missing or not valid"},
    403: {
        "company_suspended": "The company is suspended",
        "insufficient_scope": "This API key may not send; its scopes are: read",
    },
    405: {"method_not_allowed": "Method PUT is not allowed here"},
    429: {"rate_limit_exceeded": "More than 60 requests in a minute"},
    500: {"internal_error": "Internal server error"},
}
_SENDING: Codes = {
    400: {
        "invalid_phone_number": "The phone number provided is not valid",
        "missing_phone_number": "to is required",
        "missing_type": "type is required",
        "invalid_type": f"type must be one of: {', '.join(TYPES)}",
        "unknown_field": "caption is no field of a text message",
        "missing_text": "text is required for text messages",
        "invalid_text": f"text must have at most {MAX_TEXT} characters",
        "missing_url": "image.url is required",
        "invalid_url": "url must be an absolute http or https URL",
        "template_not_approved": "The template is not approved",
        "recipient_opted_out": "The contact has opted out of messages",
        "reconnect_waba": "WABA channel is disconnected",
        "no_channel": "The company has no default channel to send from",
    },
    403: {
        "insufficient_credits": "The company has not enough credits",
        "company_suspended": "The company is suspended",
        "insufficient_scope": "This API key may not send; its scopes are: read",
    },
    404: {"template_not_found": "There is no such template"},
    409: {"idempotency_conflict": "This Idempotency-Key came with another request before."},
    413: {"payload_too_large": "The body is larger than 5242880 bytes."},
    415: {"unsupported_media_type": "Content-Type must be application/json"},
}
_LISTING: Codes = {400: {"invalid_limit": f"limit must be a number from 1 to {MAX_LIMIT}"}}
_ONE: Codes = {404: {"contact_not_found": "There is no such contact"}}


def _errors(own: Codes) -> Object:
    found: Object = {}
    for status, codes in sorted((_COMMON | own).items()):
        shown = {
            code: {"error": {"code": code, "message": text, "status": status}}
            for code, text in codes.items()
        }
        found |= error(status, ref("WhatsSyncError"), shown)
    return found


def _message(kind: str, field: Object) -> Object:
    return record(
        {"to": PHONE, "type": one_of(kind), kind: field}, required=("to", "type", kind), closed=True
    )


def _file(*fields: str) -> Object:
    return record(
        {"url": LINK, **dict.fromkeys(fields, STRING_OR_NULL)}, required=("url",), closed=True
    )


_COORDINATE: Object = {"type": ["number", "string"]}
_CONTENTS: dict[str, Object] = {
    "text": {"type": "string", "maxLength": MAX_TEXT},
    "image": _file("caption"),
    "video": _file("caption"),
    "audio": _file(),
    "document": _file("caption", "filename"),
    "location": record(
        {
            "latitude": _COORDINATE,
            "longitude": _COORDINATE,
            "name": STRING_OR_NULL,
            "address": STRING_OR_NULL,
        },
        required=("latitude", "longitude"),
        closed=True,
    ),
    "template": record(
        {
            "name": STRING,
            "language": {
                **record({"code": STRING}, required=("code",)),
                "type": ["object", "string"],
            },
            "components": PARAMETERS,
        },
        required=("name", "language"),
        closed=True,
    ),
}
_NAMES = {kind: f"WhatsSync{kind.capitalize()}" for kind in TYPES}
_CURSOR = record({"next": {"type": ["string", "null"], "description": "The next `cursor`."}})
_CONTACT: Object = {"id": STRING, "phone": STRING, "name": STRING, "lastMessageAt": TIME_OR_NULL}

_SCHEMAS: Object = {
    "WhatsSyncError": record(
        {
            "error": record(
                {"code": STRING, "message": STRING, "status": INTEGER},
                required=("code", "message", "status"),
            )
        },
        required=("error",),
    ),
    **{_NAMES[kind]: _message(kind, _CONTENTS[kind]) for kind in TYPES},
    "WhatsSyncMessage": record(
        {
            "id": STRING,
            "from": STRING,
            "to": STRING,
            "type": STRING,
            "timestamp": TIME,
            "status": one_of("queued", "sent", "delivered", "read", "failed"),
            "error": record({"code": {"type": ["string", "integer"]}, "message": STRING}),
        },
        about="The content stands under the type's own name.",
    ),
    "WhatsSyncMessages": record(
        {"messages": array(ref("WhatsSyncMessage")), "pagination": _CURSOR}
    ),
    "WhatsSyncContacts": record({"contacts": array(record(_CONTACT)), "pagination": _CURSOR}),
    "WhatsSyncContact": record(
        {**_CONTACT, "profileImage": {"type": ["string", "null"]}, "tags": array(STRING)}
    ),
}
_PHONE = in_path("phone", "The contact's phone number.")
_PAGE = [
    in_query("limit", "How many at most.", number(1, MAX_LIMIT, DEFAULT_LIMIT)),
    in_query("cursor", "The `next` of the page before."),
]


def _get(name: str, summary: str, schema: str, parameters: list[Object], own: Codes) -> Object:
    return {
        "get": {
            "operationId": f"whatssync_{name}",
            "tags": ["WhatsSync"],
            "summary": summary,
            "security": _SECURITY,
            "parameters": parameters,
            "responses": {
                "200": answer("Found", ref(schema), example(f"whatssync/{name}.response"))
            }
            | _errors(own),
        }
    }


_PATHS: Object = {
    "/api/v1/messages": {
        "post": {
            "operationId": "whatssync_send",
            "tags": ["WhatsSync"],
            "summary": "Send a message",
            "security": _SECURITY,
            "parameters": [ref("IdempotencyKey", "parameters")],
            "requestBody": body(
                {"oneOf": [ref(name) for name in _NAMES.values()]},
                examples("whatssync", ("text", "image", "document", "location", "template")),
            ),
            "responses": {
                "200": answer(
                    "Accepted: the message, as lists show it",
                    ref("WhatsSyncMessage"),
                    example("whatssync/messages.response")["messages"][0] | {"status": "queued"},
                    ("Idempotent-Replayed",),
                )
            }
            | _errors(_SENDING),
        }
    },
    "/api/v1/contacts": _get("contacts", "Contacts", "WhatsSyncContacts", _PAGE, _LISTING),
    "/api/v1/contacts/{phone}": _get("contact", "A contact", "WhatsSyncContact", [_PHONE], _ONE),
    "/api/v1/contacts/{phone}/messages": _get(
        "messages",
        "The conversation with a contact, oldest first",
        "WhatsSyncMessages",
        [_PHONE, *_PAGE],
        _LISTING | _ONE,
    ),
}

CONTRACT = Contract(
    "WhatsSync",
    "One message to one person, and the conversation with them. `Authorization: Bearer KEY`; it "
    "is sent from the key's channel, else from the default one. "
    "[Coming from WhatsSync](/moving/whatssync)",
    _PATHS,
    _SCHEMAS,
)
