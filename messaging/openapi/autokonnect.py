"""Autokonnect: sending under /api/v1/whatsapp/, and the batches that it makes."""

from messaging.batch_state import State
from messaging.dialects.autokonnect import TYPES
from messaging.models import Status
from messaging.openapi import autokonnect_templates as templates
from messaging.openapi.parts import (
    INTEGER,
    LINK,
    PARAMETERS,
    PHONES,
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
    examples,
    in_path,
    in_query,
    number,
    one_of,
    or_null,
    record,
    ref,
    said,
)
from messaging.payloads import MAX_TEXT, MEDIA_TYPES

_TAG: Object = {"type": ["string", "number"]}
_ERROR = ref("AutokonnectError")
_SECURITY: list[Object] = [{"bearer": []}]
_SHOWN = (
    "text",
    "text_to_several",
    "text_to_tag",
    "text_to_tags_and_number",
    "image",
    "video",
    "audio",
    "document",
    "template",
    "template_for_each",
    "interactive_button",
    "interactive_list",
    "interactive_product",
    "interactive_product_list",
)
_COMMON: Codes = {
    400: {"invalid_body": "The body is not valid JSON."},
    401: {
        "invalid_auth_header": "Missing or malformed Authorization header",
        "invalid_api_key": "Invalid API key",
    },
    403: {
        "company_suspended": "The company is suspended",
        "insufficient_scope": "This API key may not send; its scopes are: read",
    },
    405: {"method_not_allowed": "Method PUT is not allowed here"},
    429: {"rate_limit_exceeded": "More than 600 requests in a minute"},
    500: {"internal_error": "Internal server error"},
}
_SENDING: Codes = {
    400: {
        "missing_type": "type field is required",
        "invalid_type": "Message type is not supported",
        "missing_recipient": "Neither phone_number nor contact_tag_id was provided",
        "invalid_contact_tag_id": "contact_tag_id must be a tag ID or an array of them",
        "no_valid_recipients": "Tag(s) resolved to zero contacts with valid phone numbers",
        "missing_message": "message is required for text type",
        "missing_link": "link is required for media types",
        "missing_template_id": "template_id is required for template type",
        "invalid_template_id_format": "template_id must be a number",
        "missing_components": "components is required for template type",
        "invalid_components": "body: needs 2 parameters, 1 given",
        "template_not_approved": "The specified template is not approved",
        "missing_interactive": "interactive is required for interactive type",
        "reconnect_waba": "WABA channel is disconnected",
        "invalid_body": "The body is not valid JSON.",
    },
    403: {
        "credential_resource_mismatch": "WABA does not belong to the authenticated company",
        "insufficient_credits": "The company has not enough credits",
        "company_suspended": "The company is suspended",
        "insufficient_scope": "This API key may not send; its scopes are: read",
    },
    404: {
        "waba_not_found": "WABA channel ID not found",
        "template_not_found": "Template ID not found for this company",
    },
    409: {"idempotency_conflict": "This Idempotency-Key came with another request before."},
    413: {"payload_too_large": "The body is larger than 5242880 bytes."},
    415: {"unsupported_media_type": "Content-Type must be application/json"},
}
_CHANGING: Codes = {
    404: {"batch_not_found": "There is no such batch"},
    409: {"batch_state": "There is nothing left to pause."},
}
_READING: Codes = {
    400: {"invalid_limit": "limit must be a number up to 1000"},
    404: {"batch_not_found": "There is no such batch"},
}


def _errors(own: Codes) -> Object:
    found: Object = {}
    for status, codes in sorted((_COMMON | own).items()):
        shown = {code: {"code": code, "message": text} for code, text in codes.items()}
        found |= error(status, _ERROR, shown)
    return found


def _message(kind: Object, fields: Object, required: tuple[str, ...]) -> Object:
    return record(
        {
            "phone_number": or_null(PHONES),
            "contact_tag_id": {
                "type": [*_TAG["type"], "array", "null"],
                "items": _TAG,
                "description": "One tag or an array of them; nobody gets the message twice.",
            },
            "type": kind,
            **fields,
        },
        required=("type", *required),
        about="At least one of `phone_number` and `contact_tag_id` is required.",
    ) | {
        "anyOf": [
            {"type": "object", "required": ["phone_number"]},
            {"type": "object", "required": ["contact_tag_id"]},
        ]
    }


_COUNTS = ("queued", "uncertain", "sent", "delivered", "read", "failed")
_UNUSED = array(record({"input": STRING, "reason": STRING}, required=("input", "reason")))
_NEXT: Object = {"type": ["integer", "null"], "description": "The next page's `after`."}

_SCHEMAS: Object = {
    "AutokonnectError": record(
        {"code": said(STRING, "Stable."), "message": said(STRING, "For people.")},
        required=("code", "message"),
    ),
    "AutokonnectText": _message(
        one_of("text"), {"message": {"type": "string", "maxLength": MAX_TEXT}}, ("message",)
    ),
    "AutokonnectMedia": _message(
        one_of(*MEDIA_TYPES),
        {"link": LINK, "caption": said(STRING_OR_NULL, "Not for audio.")},
        ("link",),
    ),
    "AutokonnectTemplate": _message(
        one_of("template"),
        {
            "template_id": {
                "type": ["integer", "string"],
                "description": "The template's number. The name that the printed example shows is "
                "refused with `invalid_template_id_format`, as the document's table says.",
            },
            "language": said(STRING, "Another translation of the same template."),
            "components": PARAMETERS,
        },
        ("template_id", "components"),
    ),
    "AutokonnectInteractive": _message(
        one_of("interactive"),
        {
            "interactive": record(
                {"type": STRING, "body": {"type": "object"}, "action": {"type": "object"}},
                required=("type",),
                about="Buttons, lists, products, links, flows …, as Meta writes them.",
            )
        },
        ("interactive",),
    ),
    "AutokonnectAccepted": record(
        {"message": STRING, "recipients_count": INTEGER}, required=("message", "recipients_count")
    ),
    "Batch": record(
        {
            "id": STRING,
            "channel_id": INTEGER,
            "type": STRING,
            "status": one_of("processing", "finished"),
            "state": said(one_of(*State), "What was made of it since it was accepted."),
            "recipients_count": INTEGER,
            "counts": record(dict.fromkeys(_COUNTS, INTEGER), required=_COUNTS),
            "unused": said(_UNUSED, "Inputs that were not used; the first thousand."),
            "unused_count": INTEGER,
            "created_at": TIME,
            "due_at": TIME_OR_NULL,
        }
    ),
    "BatchMessage": record(
        {
            "id": STRING,
            "to": STRING,
            "status": one_of(*dict.fromkeys(status.word for status in Status)),
            "wamid": {"type": ["string", "null"]},
            "sent_at": TIME_OR_NULL,
            "error": record({"code": {"type": ["string", "integer"]}, "message": STRING}),
        }
    ),
    "BatchMessages": record({"messages": array(ref("BatchMessage")), "next": _NEXT}),
    "BatchUnused": record({"unused": _UNUSED, "next": _NEXT}),
    **templates.SCHEMAS,
}
_BATCH_ID = in_path("batch_id", "`batch_…`, from the `Location` of the answer to a send.")
_PAGE = [
    in_query("limit", "How many at most.", number(1, 1000, 100)),
    in_query("after", "The `next` of the page before.", {"type": "integer", "minimum": 0}),
]


def _get(name: str, summary: str, schema: str, parameters: list[Object], own: Codes) -> Object:
    return {
        "get": {
            "operationId": f"autokonnect_{name}",
            "tags": ["Autokonnect"],
            "summary": summary,
            "security": _SECURITY,
            "parameters": parameters,
            "responses": {"200": answer("Found", ref(schema))} | _errors(own),
        }
    }


def _change(name: str, summary: str) -> Object:
    return {
        "post": {
            "operationId": f"autokonnect_batch_{name}",
            "tags": ["Autokonnect"],
            "summary": summary,
            "description": "Without a body. The answer is the batch as it is then.",
            "security": _SECURITY,
            "parameters": [_BATCH_ID],
            "responses": {"200": answer("Done", ref("Batch"))} | _errors(_CHANGING),
        }
    }


_PATHS: Object = {
    "/api/v1/whatsapp/{channel_id}/messages": {
        "post": {
            "operationId": "autokonnect_send",
            "tags": ["Autokonnect"],
            "summary": "Send a message to numbers and tags",
            "description": f"Types: {', '.join(TYPES)}. The `Location` of the answer is the batch "
            "that the message became.",
            "security": _SECURITY,
            "parameters": [
                in_path("channel_id", "The channel's number.", INTEGER),
                ref("IdempotencyKey", "parameters"),
            ],
            "requestBody": body(
                {
                    "oneOf": [
                        ref(f"Autokonnect{kind}")
                        for kind in ("Text", "Media", "Template", "Interactive")
                    ]
                },
                examples("autokonnect", _SHOWN),
            ),
            "responses": {
                "200": answer(
                    "Accepted: queued for sending",
                    ref("AutokonnectAccepted"),
                    {"message": "Message queued for sending", "recipients_count": 1},
                    ("Location", "Idempotent-Replayed"),
                )
            }
            | _errors(_SENDING),
        }
    },
    "/api/v1/whatsapp/{channel_id}/templates": {
        "post": {
            "operationId": "autokonnect_template_write",
            "tags": ["Autokonnect"],
            "summary": "Write a template",
            "description": "It is checked by Meta's rules, goes to Tuma's staff and then to Meta. "
            "`warnings` tell what a reviewer may not like.",
            "security": _SECURITY,
            "parameters": [templates.CHANNEL_ID, ref("IdempotencyKey", "parameters")],
            "requestBody": templates.REQUEST,
            "responses": {"201": templates.WRITTEN}
            | _errors(templates.WRITING_ERRORS)
            | templates.INVALID,
        },
        **_get(
            "templates",
            "The templates that a channel may send",
            "Templates",
            [templates.CHANNEL_ID, *templates.FILTERS, *_PAGE],
            templates.LISTING_ERRORS,
        ),
    },
    "/api/v1/whatsapp/{channel_id}/templates/{template_id}": {
        **_get(
            "template",
            "A template, and what became of it",
            "Template",
            [templates.CHANNEL_ID, templates.TEMPLATE_ID],
            templates.FINDING_ERRORS,
        ),
        "delete": {
            "operationId": "autokonnect_template_delete",
            "tags": ["Autokonnect"],
            "summary": "Delete a template",
            "description": "At Meta too, where Meta knows it. Meta keeps the name of a template that "
            "it had approved for 30 days.",
            "security": _SECURITY,
            "parameters": [templates.CHANNEL_ID, templates.TEMPLATE_ID],
            "responses": {"200": answer("Deleted", ref("Template"))}
            | _errors(templates.DELETING_ERRORS),
        },
    },
    "/api/v1/batches/{batch_id}": _get(
        "batch",
        "What became of a send: counts by status",
        "Batch",
        [_BATCH_ID],
        {404: _READING[404]},
    ),
    "/api/v1/batches/{batch_id}/messages": _get(
        "batch_messages", "A batch's messages", "BatchMessages", [_BATCH_ID, *_PAGE], _READING
    ),
    "/api/v1/batches/{batch_id}/unused": _get(
        "batch_unused",
        "A batch's inputs that were not used, and why",
        "BatchUnused",
        [_BATCH_ID, *_PAGE],
        _READING,
    ),
    "/api/v1/batches/{batch_id}/pause": _change("pause", "Send nothing more of a batch for now"),
    "/api/v1/batches/{batch_id}/resume": _change("resume", "Send on where a batch was paused"),
    "/api/v1/batches/{batch_id}/cancel": _change(
        "cancel", "Fail what was not sent of a batch, and give its credit back"
    ),
}

CONTRACT = Contract(
    "Autokonnect",
    "One message to one person, to thousands or to everybody under a tag. "
    "`Authorization: Bearer KEY`. [Coming from Autokonnect](/moving/autokonnect)",
    _PATHS,
    _SCHEMAS,
)
