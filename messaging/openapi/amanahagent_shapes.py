"""AmanahAgent's bodies: what is sent and answered under /v1/."""

from messaging.media import MAX_UPLOAD
from messaging.news import EVENTS
from messaging.openapi.parts import (
    INTEGER,
    LINK,
    PARAMETERS,
    PHONE,
    STRING,
    STRING_OR_NULL,
    TIME,
    TIME_OR_NULL,
    Object,
    array,
    one_of,
    or_null,
    record,
    ref,
    said,
)
from messaging.payloads import MAX_TEXT

_ANYTHING: Object = {"type": ["string", "number", "boolean", "object", "array", "null"]}
_NUMBER: Object = {"type": "number"}


def _message(kind: str, fields: Object, required: tuple[str, ...]) -> Object:
    return record({"to": PHONE, "type": one_of(kind), **fields}, required=("to", "type", *required))


def _listed(name: str, schema: str) -> Object:
    return record({name: array(ref(schema)), "pagination": ref("AmanahAgentPagination")})


_COMPONENTS = array({"type": "object"}, description="As Meta writes them.")
_METRICS = ("messages_sent", "messages_delivered", "messages_read", "messages_failed")
_PRINTED_WEBHOOK: Object = {
    "id": STRING,
    "url": LINK,
    "events": array(one_of(*EVENTS)),
    "status": one_of("active", "disabled"),
    "created_at": TIME,
}
_SECRET = said(STRING_OR_NULL, "Without one, a secret is made and shown this once.")

SCHEMAS: Object = {
    "AmanahAgentError": record(
        {
            "error": record(
                {
                    "code": STRING,
                    "message": STRING,
                    "details": record(
                        {"field": STRING, "value": _ANYTHING}, about="The field that is wrong."
                    ),
                },
                required=("code", "message", "details"),
            )
        },
        required=("error",),
    ),
    "AmanahAgentPagination": record(
        dict.fromkeys(("page", "limit", "total", "total_pages"), INTEGER)
    ),
    "AmanahAgentText": _message(
        "text", {"message": {"type": "string", "maxLength": MAX_TEXT}}, ("message",)
    ),
    "AmanahAgentMedia": _message(
        "media",
        {
            "media_url": said(STRING, "An address, or the `media_…` of an uploaded file."),
            "message": said(STRING, "The caption."),
        },
        ("media_url",),
    ),
    "AmanahAgentTemplate": _message(
        "template",
        {"template_id": {"type": ["string", "integer"]}, "components": PARAMETERS},
        ("template_id",),
    ),
    "AmanahAgentAccepted": record(
        {
            "message_id": STRING,
            "status": STRING,
            "to": STRING,
            "type": STRING,
            "timestamp": TIME,
            "credits_used": INTEGER,
            "delivery_status": STRING,
        },
        required=("message_id", "status"),
    ),
    "AmanahAgentMessage": record(
        {
            "message_id": STRING,
            "status": one_of("sent", "delivered", "read", "failed"),
            "to": STRING,
            "type": STRING,
            "message": STRING_OR_NULL,
            "sent_at": TIME_OR_NULL,
            "delivered_at": TIME_OR_NULL,
            "read_at": TIME_OR_NULL,
            "credits_used": INTEGER,
            "error": record({"code": {"type": ["string", "integer"]}, "message": STRING}),
        }
    ),
    "AmanahAgentNewContact": record(
        {
            "phone": PHONE,
            "name": STRING_OR_NULL,
            "tags": or_null(array(STRING)),
            "custom_fields": {"type": ["object", "null"]},
        },
        required=("phone",),
    ),
    "AmanahAgentContact": record(
        {
            "id": STRING,
            "phone": STRING_OR_NULL,
            "name": STRING,
            "tags": array(STRING),
            "custom_fields": {"type": "object"},
            "created_at": TIME,
            "updated_at": TIME,
        }
    ),
    "AmanahAgentContacts": _listed("contacts", "AmanahAgentContact"),
    "AmanahAgentNewTemplate": record(
        {
            "name": STRING,
            "language": STRING,
            "category": one_of("AUTHENTICATION", "MARKETING", "UTILITY"),
            "components": _COMPONENTS,
        },
        required=("name", "language", "category", "components"),
    ),
    "AmanahAgentTemplateState": record(
        {
            "id": STRING,
            "name": STRING,
            "language": STRING,
            "category": STRING,
            "status": STRING,
            "created_at": TIME,
            "approved_at": TIME_OR_NULL,
        }
    ),
    "AmanahAgentTemplates": _listed("templates", "AmanahAgentTemplateState"),
    "AmanahAgentUsage": record(
        {
            "period": STRING,
            "start_date": {"type": "string", "format": "date"},
            "end_date": {"type": "string", "format": "date"},
            "metrics": record(
                {
                    **dict.fromkeys(_METRICS, INTEGER),
                    "delivery_rate": _NUMBER,
                    "read_rate": _NUMBER,
                    "credits_used": INTEGER,
                    "unique_contacts": INTEGER,
                }
            ),
            "daily_breakdown": array(
                record(
                    {
                        "date": {"type": "string", "format": "date"},
                        "messages_sent": INTEGER,
                        "messages_delivered": INTEGER,
                        "credits_used": INTEGER,
                    }
                )
            ),
        }
    ),
    "AmanahAgentUpload": record(
        {
            # The format is of older OpenAPI: most tools know a file by it alone.
            "file": {
                "type": "string",
                "format": "binary",
                "contentMediaType": "application/octet-stream",
            },
            "filename": STRING,
        },
        required=("file",),
        about=f"At most {MAX_UPLOAD >> 20} MB.",
    ),
    "AmanahAgentUploaded": record(
        {
            "media_id": STRING,
            "url": LINK,
            "filename": STRING,
            "content_type": STRING,
            "size": INTEGER,
            "created_at": TIME,
        }
    ),
    "AmanahAgentNewWebhook": record(
        {"url": LINK, "events": array(one_of(*EVENTS), minItems=1), "secret": _SECRET},
        required=("url", "events"),
    ),
    "AmanahAgentNewWebhookMade": record(
        {**_PRINTED_WEBHOOK, "secret": said(STRING, "Only if it was made here.")}
    ),
    "AmanahAgentWebhook": record(
        {
            **_PRINTED_WEBHOOK,
            "last_sequence": INTEGER,
            "failing_since": TIME_OR_NULL,
            "disabled_at": TIME_OR_NULL,
            "disabled_reason": STRING_OR_NULL,
        }
    ),
    "AmanahAgentWebhooks": _listed("webhooks", "AmanahAgentWebhook"),
    "AmanahAgentWebhookChange": record(
        {
            "url": LINK,
            "events": array(one_of(*EVENTS), minItems=1),
            "status": one_of("active", "disabled"),
        },
        closed=True,
    )
    | {"minProperties": 1},
    "AmanahAgentWebhookDeleted": record({"id": STRING, "deleted": {"const": True}}),
    "AmanahAgentEvent": record(
        {
            "event": STRING,
            "timestamp": TIME,
            "data": {"type": "object"},
            "id": STRING,
            "sequence": INTEGER,
        },
        required=("event", "timestamp", "data"),
        about="What is posted to a webhook, signed by the Standard Webhooks specification: "
        "`webhook-id`, `webhook-timestamp`, `webhook-signature`.",
    ),
    "AmanahAgentEvents": record(
        {
            "events": array(
                {
                    "allOf": [
                        ref("AmanahAgentEvent"),
                        record(
                            {
                                "delivery": record(
                                    {
                                        "status": one_of("pending", "delivered", "failed"),
                                        "attempts": INTEGER,
                                        "next_attempt_at": TIME_OR_NULL,
                                        "delivered_at": TIME_OR_NULL,
                                        "response_status": {"type": ["integer", "null"]},
                                        "error": STRING_OR_NULL,
                                    }
                                )
                            }
                        ),
                    ]
                }
            ),
            "next_after": {"type": ["integer", "null"]},
            "oldest_sequence": {"type": ["integer", "null"]},
            "last_sequence": INTEGER,
        }
    ),
    "AmanahAgentTestSent": record({"event_id": STRING, "event": STRING, "sequence": INTEGER}),
    "AmanahAgentSecretGiven": record({"secret": _SECRET}),
    "AmanahAgentSecretRolled": record(
        {
            "id": STRING,
            "previous_valid_until": TIME_OR_NULL,
            "secret": said(STRING, "Only if it was made here."),
        }
    ),
    "AmanahAgentReplay": {
        "oneOf": [
            record({"event_id": STRING}, required=("event_id",)),
            record({"since": TIME}, required=("since",)),
        ]
    },
    "AmanahAgentReplayed": record({"replayed": INTEGER}),
}
