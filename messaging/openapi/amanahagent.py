"""AmanahAgent: everything under /v1/. Sending shares its path with EngageLab, told by the scheme."""

from typing import Any

from messaging.analytics import DEFAULT_PERIOD, PERIODS
from messaging.dialects.amanahagent import TYPES
from messaging.dialects.amanahagent_webhooks import MAX_EVENTS
from messaging.news import EVENTS
from messaging.openapi import engagelab
from messaging.openapi.amanahagent_shapes import SCHEMAS
from messaging.openapi.parts import (
    Codes,
    Contract,
    Object,
    answer,
    body,
    content,
    error,
    example,
    examples,
    in_path,
    in_query,
    number,
    one_of,
    ref,
)

_SECURITY: list[Object] = [{"bearer": []}]
_IDEMPOTENCY = ref("IdempotencyKey", "parameters")
_SHARED: Codes = {
    401: {"INVALID_API_KEY": "Invalid or missing API key"},
    403: {
        "COMPANY_SUSPENDED": "The company is suspended",
        "INSUFFICIENT_SCOPE": "This API key may not send; its scopes are: read",
    },
    405: {"METHOD_NOT_ALLOWED": "Method PUT is not allowed here"},
    429: {"RATE_LIMIT_EXCEEDED": "More than 600 requests in a minute"},
    500: {"INTERNAL_SERVER_ERROR": "Internal server error"},
}
_CONFLICT = {"IDEMPOTENCY_CONFLICT": "This Idempotency-Key came with another request before."}
_TOO_LARGE: Codes = {413: {"PAYLOAD_TOO_LARGE": "The body is larger than 5242880 bytes."}}
_BODY: Codes = {
    **_TOO_LARGE,
    415: {"UNSUPPORTED_MEDIA_TYPE": "Content-Type must be application/json"},
}
_WRITING: Codes = {409: _CONFLICT, **_BODY}
_PAGING: Codes = {
    400: {
        "INVALID_PAGE": "page must be a number from 1 to 1000000",
        "INVALID_LIMIT": "limit must be a number from 1 to 100",
    }
}
_SENDING: Codes = {
    400: {
        "INVALID_PHONE_NUMBER": "The phone number format is invalid",
        "MISSING_PHONE_NUMBER": "to is required",
        "MISSING_TYPE": "type is required",
        "INVALID_TYPE": f"type must be one of {', '.join(TYPES)}",
        "MISSING_MESSAGE": "message is required for text messages",
        "INVALID_MESSAGE": "message must be a string",
        "MISSING_MEDIA_URL": "media_url is required for media messages",
        "INVALID_MEDIA_URL": "media_url must be an absolute http or https URL",
        "MISSING_TEMPLATE_ID": "template_id is required for template messages",
        "TEMPLATE_NOT_APPROVED": "The template is not approved",
        "RECIPIENT_OPTED_OUT": "The recipient does not want messages from this company",
        "RECONNECT_WABA": "WABA channel is disconnected",
        "NO_CHANNEL": "The company has no default channel to send from",
        "INVALID_BODY": "The body is not valid JSON.",
    },
    403: {
        "INSUFFICIENT_CREDITS": "The company has not enough credits",
        "COMPANY_SUSPENDED": "The company is suspended",
        "INSUFFICIENT_SCOPE": "This API key may not send; its scopes are: read",
    },
    404: {
        "TEMPLATE_NOT_FOUND": "There is no such template",
        "MEDIA_NOT_FOUND": "There is no media with this id",
    },
    **_WRITING,
}
_WEBHOOK: Codes = {404: {"WEBHOOK_NOT_FOUND": "There is no such webhook"}}
_SWITCHED_OFF: Codes = {
    409: {"WEBHOOK_DISABLED": "The webhook is switched off: switch it on first"} | _CONFLICT
}
_BAD_KEY = {"INVALID_IDEMPOTENCY_KEY": "Idempotency-Key must be at most 255 printable characters"}
_INVALID = {"INVALID_BODY": "The body is not valid JSON."}


def _shown(codes: dict[str, str]) -> dict[str, Object]:
    return {
        code: {"error": {"code": code, "message": text, "details": {}}}
        for code, text in codes.items()
    }


def _errors(own: Codes) -> Object:
    found: Object = {}
    for status, codes in sorted((_SHARED | own).items()):
        found |= error(status, ref("AmanahAgentError"), _shown(codes))
    return found


def _errors_of_both() -> Object:
    """Of sending: the shape goes by the scheme of Authorization."""
    shape = {"oneOf": [ref("AmanahAgentError"), ref("EngageLabError")]}
    found: Object = {}
    ours = _SHARED | _SENDING
    for status in sorted(ours):
        shown = _shown(ours[status])
        if status == 400:
            shown["INVALID_PHONE_NUMBER"] = example("amanahagent/error.response")
        if status in engagelab.ERRORS:
            shown |= engagelab.shown_errors(status)
        found |= error(status, shape, shown)
    return found


def _operation(
    name: str,
    summary: str,
    responses: Object,
    errors: Codes,
    **more: Any,
) -> Object:
    return {
        "operationId": f"amanahagent_{name}",
        "tags": ["AmanahAgent"],
        "summary": summary,
        "security": _SECURITY,
        **more,
        "responses": responses | _errors(errors),
    }


_MESSAGE_ID = in_path("message_id", "`msg_…`, from the answer to a send.")
_MEDIA_ID = in_path("media_id", "`media_…`, of a file that was uploaded or received.")
_WEBHOOK_ID = in_path("webhook_id", "The webhook's id.")
_PAGE = [in_query("page", "From 1.", number(1, 1_000_000, 1))]
_PAGE += [in_query("limit", "How many at most.", number(1, 100, 50))]


def _ok(schema: str, shown: Any = None, description: str = "Done") -> Object:
    return answer(description, ref(schema), shown)


_SEND: Object = {
    "operationId": "messages_send",
    "tags": ["AmanahAgent", "EngageLab"],
    "summary": "Send a message",
    "description": "With `Authorization: Bearer KEY` this is AmanahAgent's contract, with "
    "`Authorization: Basic …` EngageLab's: bodies, answers and errors follow the scheme.",
    "security": [*_SECURITY, engagelab.SECURITY],
    "parameters": [_IDEMPOTENCY],
    "requestBody": body(
        {
            "oneOf": [
                ref("AmanahAgentText"),
                ref("AmanahAgentMedia"),
                ref("AmanahAgentTemplate"),
                ref("EngageLabMessage"),
            ]
        },
        {
            "amanahagent": {"value": example("amanahagent/send.request")},
            **{f"engagelab_{name}": shown for name, shown in engagelab.EXAMPLES.items()},
        },
    ),
    "responses": {
        "200": answer(
            "Accepted",
            {"oneOf": [ref("AmanahAgentAccepted"), ref("EngageLabAccepted")]},
            extra=("Idempotent-Replayed",),
        )
    }
    | _errors_of_both(),
}
_SEND["responses"]["200"]["content"]["application/json"]["examples"] = {
    "amanahagent": {"value": example("amanahagent/send.response")},
    "engagelab": {"value": example("engagelab/accepted.response")},
}

_FILE_ANSWER: Object = {
    "description": "The file's bytes, with its own content type",
    "headers": answer("", {})["headers"],
    "content": content({"type": "string"}, kind="*/*"),
}
_NO_CONTENT: Object = {"headers": _FILE_ANSWER["headers"]}
_MEDIA_INVALID = {
    "MISSING_FILE": "file is required, as a file of multipart/form-data",
    "UNSUPPORTED_FORMAT": "WhatsApp takes no files of this format",
}

_PATHS: Object = {
    "/v1/messages": {"post": _SEND},
    "/v1/messages/{message_id}": {
        "get": _operation(
            "message",
            "What became of a message",
            {"200": _ok("AmanahAgentMessage", example("amanahagent/status.response"))},
            {404: {"MESSAGE_NOT_FOUND": "There is no such message"}},
            parameters=[_MESSAGE_ID],
        )
    },
    "/v1/media": {
        "post": _operation(
            "upload",
            "Upload a file",
            {"201": _ok("AmanahAgentUploaded", description="Stored")},
            {**_WRITING, 400: _MEDIA_INVALID},
            parameters=[_IDEMPOTENCY],
            requestBody={
                "required": True,
                "content": content(ref("AmanahAgentUpload"), kind="multipart/form-data"),
            },
        )
    },
    "/v1/media/{media_id}": {
        "get": _operation(
            "media",
            "Read a file",
            {
                "200": _FILE_ANSWER,
                "206": {**_FILE_ANSWER, "description": "The part that `Range` asks for"},
                "304": {**_NO_CONTENT, "description": "Unchanged since `If-None-Match`"},
                "416": {**_NO_CONTENT, "description": "The file has no such part"},
            },
            {404: {"MEDIA_NOT_FOUND": "There is no media with this id"}},
            parameters=[_MEDIA_ID],
        )
    },
    "/v1/contacts": {
        "get": _operation(
            "contacts",
            "The address book",
            {"200": _ok("AmanahAgentContacts")},
            _PAGING,
            parameters=[
                *_PAGE,
                in_query("search", "Part of a name or a number."),
                in_query("tags", "Names of tags, with commas."),
            ],
        ),
        "post": _operation(
            "save_contact",
            "Add a contact, or change the one with this number",
            {
                "201": _ok("AmanahAgentContact", description="Added"),
                "200": _ok("AmanahAgentContact", description="Changed"),
            },
            {**_WRITING, 400: {"INVALID_PHONE_NUMBER": "The phone number format is invalid"}},
            parameters=[_IDEMPOTENCY],
            requestBody=body(ref("AmanahAgentNewContact"), examples("amanahagent", ("contact",))),
        ),
    },
    "/v1/templates": {
        "get": _operation(
            "templates",
            "Templates",
            {"200": _ok("AmanahAgentTemplates", example("amanahagent/templates.response"))},
            _PAGING,
            parameters=_PAGE,
        ),
        "post": _operation(
            "submit_template",
            "Submit a template",
            {"201": _ok("AmanahAgentTemplateState", description="Submitted")},
            {
                **_WRITING,
                400: {"INVALID_COMPONENTS": "components[0].text is required"},
                409: {
                    "TEMPLATE_ALREADY_EXISTS": "There is a template of this name and language",
                    **_WRITING[409],
                },
            },
            parameters=[_IDEMPOTENCY],
            requestBody=body(ref("AmanahAgentNewTemplate"), examples("amanahagent", ("template",))),
        ),
    },
    "/v1/analytics/usage": {
        "get": _operation(
            "usage",
            "What was sent in a period, by day",
            {"200": _ok("AmanahAgentUsage", example("amanahagent/usage.response"))},
            {
                400: {
                    "INVALID_PERIOD": f"period must be one of {', '.join(PERIODS)}",
                    "INVALID_START_DATE": "start_date must be a date such as 2024-01-15",
                    "INVALID_END_DATE": "end_date must be a date such as 2024-01-15",
                }
            },
            parameters=[
                in_query("period", "", {**one_of(*PERIODS), "default": DEFAULT_PERIOD}),
                in_query("start_date", "A custom period.", {"type": "string", "format": "date"}),
                in_query("end_date", "A custom period.", {"type": "string", "format": "date"}),
            ],
        )
    },
    "/v1/webhooks": {
        "get": _operation(
            "webhooks",
            "Webhooks",
            {"200": _ok("AmanahAgentWebhooks")},
            _PAGING,
            parameters=_PAGE,
        ),
        "post": _operation(
            "add_webhook",
            "Add a webhook",
            {"201": _ok("AmanahAgentNewWebhookMade", description="Added")},
            {
                **_WRITING,
                400: {
                    "MISSING_URL": "url is required",
                    "INVALID_URL": "url must be an https address",
                    "INVALID_EVENTS": f"'x' is not one of {', '.join(EVENTS)}",
                    "INVALID_SECRET": "secret must be a string of 1 to 256 characters",
                    "WEBHOOK_LIMIT_REACHED": "A company may have no more webhooks",
                },
            },
            parameters=[_IDEMPOTENCY],
            requestBody=body(ref("AmanahAgentNewWebhook"), examples("amanahagent", ("webhook",))),
        ),
    },
    "/v1/webhooks/{webhook_id}": {
        "parameters": [_WEBHOOK_ID],
        "get": _operation("webhook", "A webhook", {"200": _ok("AmanahAgentWebhook")}, _WEBHOOK),
        "patch": _operation(
            "change_webhook",
            "Change a webhook, or switch it on or off",
            {"200": _ok("AmanahAgentWebhook")},
            _WEBHOOK | _BODY | {400: {"INVALID_FIELD": "url, events and status can be changed"}},
            requestBody=body(
                ref("AmanahAgentWebhookChange"), {"off": {"value": {"status": "disabled"}}}
            ),
        ),
        "delete": _operation(
            "delete_webhook",
            "Delete a webhook",
            {"200": _ok("AmanahAgentWebhookDeleted")},
            _WEBHOOK,
        ),
    },
    "/v1/webhooks/{webhook_id}/test": {
        "parameters": [_WEBHOOK_ID],
        "post": _operation(
            "test_webhook",
            "Post a test event",
            {"202": _ok("AmanahAgentTestSent")},
            _WEBHOOK | _SWITCHED_OFF | _TOO_LARGE | {400: _BAD_KEY},
            parameters=[_IDEMPOTENCY],
        ),
    },
    "/v1/webhooks/{webhook_id}/roll-secret": {
        "parameters": [_WEBHOOK_ID],
        "post": _operation(
            "roll_secret",
            "A new secret; each one before is valid for a day still",
            {"200": _ok("AmanahAgentSecretRolled")},
            _WEBHOOK
            | _WRITING
            | {
                400: {
                    "INVALID_SECRET": "secret must be a string of 1 to 256 characters",
                    "SECRET_LIMIT_REACHED": "10 secrets before this one are valid still",
                }
            },
            parameters=[_IDEMPOTENCY],
            requestBody=body(ref("AmanahAgentSecretGiven"), required=False),
        ),
    },
    "/v1/webhooks/{webhook_id}/events": {
        "parameters": [_WEBHOOK_ID],
        "get": _operation(
            "webhook_events",
            "What a webhook was told or is to be told, in order",
            {"200": _ok("AmanahAgentEvents")},
            _WEBHOOK
            | {400: {"INVALID_AFTER": "after must be a number from 0 to 4611686018427387904"}},
            parameters=[
                in_query(
                    "after",
                    "A sequence: all that came after it.",
                    {"type": "integer", "minimum": 0, "default": 0},
                ),
                in_query("limit", "How many at most.", number(1, MAX_EVENTS, 100)),
            ],
        ),
    },
    "/v1/webhooks/{webhook_id}/replay": {
        "parameters": [_WEBHOOK_ID],
        "post": _operation(
            "replay",
            "Deliver one event again, or all that failed since a time",
            {"202": _ok("AmanahAgentReplayed")},
            {
                400: _INVALID | {"INVALID_REPLAY": "Either event_id or since is required"},
                404: {**_WEBHOOK[404], "EVENT_NOT_FOUND": "There is no such event"},
                **_BODY,
                **_SWITCHED_OFF,
            },
            parameters=[_IDEMPOTENCY],
            requestBody=body(
                ref("AmanahAgentReplay"), {"since": {"value": {"since": "2024-01-15T10:30:00Z"}}}
            ),
        ),
    },
}

WEBHOOKS: Object = {
    name: {
        "post": {
            "operationId": f"event_{name.replace('.', '_')}",
            "tags": ["AmanahAgent"],
            "summary": f"Posted to webhooks that want {name}",
            "requestBody": body(
                ref("AmanahAgentEvent"),
                examples("amanahagent", ("webhook",), kind="payload")
                if name == "message.delivered"
                else None,
            ),
            "responses": {"2XX": {"description": "Taken; anything else is tried again."}},
        }
    }
    for name in EVENTS
}

CONTRACT = Contract(
    "AmanahAgent",
    "Messages, media, contacts, templates, usage and webhooks. `Authorization: Bearer KEY`. "
    "[Coming from AmanahAgent](/moving/amanahagent)",
    _PATHS,
    SCHEMAS,
)
