"""EngageLab: the Basic half of /v1/messages. AmanahAgent's module puts the two together."""

from messaging.dialects.engagelab import MAX_CUSTOM_ARGS, MAX_REQUEST_ID, MEDIA, TYPES
from messaging.openapi.parts import (
    LINK,
    PARAMETERS,
    PHONE,
    PHONES,
    STRING,
    STRING_OR_NULL,
    Contract,
    Object,
    examples,
    one_of,
    or_null,
    record,
    ref,
    said,
)
from messaging.payloads import MAX_TEXT

SECURITY: Object = {"basic": []}
EXAMPLES = examples(
    "engagelab",
    (
        "text",
        "image",
        "video",
        "audio",
        "document",
        "sticker",
        "sample_template",
        "template_all_parameters",
    ),
)
# By HTTP status: code and sentence.
ERRORS: dict[int, list[tuple[int, str]]] = {
    400: [
        (3002, "whatsapp.template field must be set correctly when type is template"),
        (3001, "The body is not valid JSON."),
        (3003, "to field is invalid: 'abc' is not a phone number"),
        (4001, "There is no such template"),
        (2003, "WhatsApp authentication failed: the sending number must be reconnected"),
    ],
    401: [
        (2001, "authentication failed: Authorization must be Basic credentials"),
        (2002, "authentication failed: the token is wrong, expired or disabled"),
    ],
    403: [
        (2004, "you do not have a sending number"),
        (2006, "The company has not enough credits"),
    ],
    405: [(3001, "Method PUT is not allowed here")],
    409: [(3003, "This Idempotency-Key came with another request before.")],
    413: [(3003, "The body is larger than 5242880 bytes.")],
    415: [(3001, "Content-Type must be application/json")],
    429: [(2005, "More than 600 requests in a minute")],
    500: [(1000, "internal error")],
}


def shown_errors(status: int) -> dict[str, Object]:
    return {f"engagelab_{code}": {"code": code, "message": text} for code, text in ERRORS[status]}


def _file(kind: str) -> Object:
    fields: Object = {
        "link": or_null(LINK),
        "id": said(STRING_OR_NULL, "Of a file that was uploaded here."),
    }
    if kind in ("image", "video", "document"):
        fields["caption"] = STRING_OR_NULL
    if kind == "document":
        fields["filename"] = STRING_OR_NULL
    return record(fields) | {
        "anyOf": [{"type": "object", "required": ["link"]}, {"type": "object", "required": ["id"]}]
    }


_CONTENTS: dict[str, Object] = {
    "text": record({"body": {"type": "string", "maxLength": MAX_TEXT}}, required=("body",)),
    **{kind: _file(kind) for kind in MEDIA},
    "template": record(
        {"name": STRING, "language": STRING, "components": or_null(PARAMETERS)},
        required=("name", "language"),
    ),
}
_BODIES: Object = {
    f"EngageLab{kind.capitalize()}": record(
        {"type": one_of(kind), kind: _CONTENTS[kind]}, required=("type", kind)
    )
    for kind in TYPES
}

_SCHEMAS: Object = {
    "EngageLabError": record(
        {"code": {"type": "integer"}, "message": STRING}, required=("code", "message")
    ),
    **_BODIES,
    "EngageLabMessage": record(
        {
            "from": said(
                or_null(PHONE), "One of the company's numbers; without it, the default one."
            ),
            "to": {**PHONES, "minItems": 1},
            "body": {"type": "object", "oneOf": [ref(name) for name in _BODIES]},
            "request_id": said(
                STRING_OR_NULL | {"maxLength": MAX_REQUEST_ID},
                "Comes back in the answer and in webhooks.",
            ),
            "custom_args": {
                "type": ["object", "null"],
                "description": f"Comes back in webhooks; at most {MAX_CUSTOM_ARGS} bytes of JSON.",
            },
        },
        required=("to", "body"),
    ),
    "EngageLabAccepted": record(
        {
            "message_id": said(STRING, "Of the message; of the batch where there are several."),
            "request_id": STRING,
        },
        required=("message_id",),
        closed=True,
    ),
}

CONTRACT = Contract(
    "EngageLab",
    "`POST /v1/messages` with Basic credentials: the dev_key is the first 13 characters of an API "
    "key, the dev_secret is the rest. Errors are numbers. "
    "[Coming from EngageLab](/moving/engagelab)",
    {},
    _SCHEMAS,
)
