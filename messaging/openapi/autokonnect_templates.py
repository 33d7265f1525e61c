"""Autokonnect's templates under /api/v1/whatsapp/{channel_id}/templates."""

from messaging.openapi.parts import (
    INTEGER,
    STRING,
    TIME,
    TIME_OR_NULL,
    Codes,
    Object,
    answer,
    array,
    body,
    error,
    example,
    in_path,
    in_query,
    one_of,
    record,
    ref,
    said,
)
from templates_app.models import Template

_EXAMPLE = {"template": {"value": example("autokonnect/write_template.request")}}
_WRITTEN = example("autokonnect/write_template.response")
_COMPONENTS = array({"type": "object"}, description="As Meta writes them.")
_FINDING = record(
    {
        "code": said(STRING, "Stable."),
        "component": said(STRING, "The part: `components[0].text`."),
        "message": said(STRING, "What is wrong, and what to do."),
    },
    required=("code", "component", "message"),
)
_TEMPLATE = {
    "id": said(INTEGER, "The `template_id` of a send."),
    "name": STRING,
    "language": STRING,
    "category": one_of(*Template.Category.values),
    "status": one_of(*Template.Status.values),
    "reason": said(STRING, "Why staff or Meta did not approve it."),
    "quality": STRING,
    "parameter_format": one_of("POSITIONAL", "NAMED"),
    "components": _COMPONENTS,
    "created_at": TIME,
    "updated_at": TIME,
    "approved_at": TIME_OR_NULL,
}

SCHEMAS: Object = {
    "TemplateToWrite": record(
        {
            "name": {"type": "string", "maxLength": 512, "pattern": "^[a-z0-9_]+$"},
            "language": said(STRING, "One of WhatsApp's codes: en, en_US, pt_BR …"),
            "category": one_of(*Template.Category.values),
            "parameter_format": {
                "type": ["string", "null"],
                "enum": ["POSITIONAL", "NAMED", None],
                "default": "POSITIONAL",
            },
            "components": _COMPONENTS,
        },
        required=("name", "language", "category", "components"),
        about="As Meta's own API takes it, with a sample for every variable.",
    ),
    "Template": record(_TEMPLATE, required=_TEMPLATE),
    "TemplateWritten": record(
        {**_TEMPLATE, "warnings": array(_FINDING)}, required=(*_TEMPLATE, "warnings")
    ),
    "Templates": record(
        {
            "templates": array(ref("Template")),
            "next": {"type": ["integer", "null"], "description": "The next page's `after`."},
        },
        required=("templates", "next"),
    ),
    "InvalidTemplate": record(
        {
            "code": said(STRING, "`invalid_template`, or the code of a body that can't be read."),
            "message": STRING,
            "errors": array(_FINDING),
        },
        required=("code", "message"),
    ),
}

CHANNEL_ERRORS: Codes = {
    403: {
        "credential_resource_mismatch": "WABA does not belong to the authenticated company",
        "company_suspended": "The company is suspended",
        "insufficient_scope": "This API key may not manage; its scopes are: read",
    },
    404: {"waba_not_found": "WABA channel ID not found"},
}
LISTING_ERRORS: Codes = CHANNEL_ERRORS | {
    400: {
        "invalid_status": "There is no such status",
        "invalid_limit": "limit must be a number up to 1000",
    }
}
FINDING_ERRORS: Codes = CHANNEL_ERRORS | {
    404: {**CHANNEL_ERRORS[404], "template_not_found": "There is no such template"}
}
DELETING_ERRORS: Codes = FINDING_ERRORS | {
    400: {"reconnect_waba": "WABA channel is disconnected"},
    409: {
        "refused_by_meta": "Disabled templates can't be deleted.",
        "template_changed": "It was changed meanwhile. Look at it again.",
    },
    503: {"meta_unavailable": "Meta could not be reached; nothing was deleted"},
}
WRITING_ERRORS: Codes = CHANNEL_ERRORS | {
    409: {"template_already_exists": "There is a template order_shipped in en already"},
    413: {"payload_too_large": "The body is larger than 5242880 bytes."},
    415: {"unsupported_media_type": "Content-Type must be application/json"},
}

CHANNEL_ID = in_path("channel_id", "The channel's number.", INTEGER)
TEMPLATE_ID = in_path("template_id", "The template's number.", INTEGER)
FILTERS = [
    in_query("status", "Deleted ones are shown if asked for.", one_of(*Template.Status.values)),
    in_query("name", "The whole name.", STRING),
    in_query("language", "Its code.", STRING),
    in_query("category", "Its category.", one_of(*Template.Category.values)),
]
REQUEST = body(ref("TemplateToWrite"), _EXAMPLE)
WRITTEN = answer("With staff", ref("TemplateWritten"), _WRITTEN, ("Idempotent-Replayed",))
INVALID = error(
    400,
    ref("InvalidTemplate"),
    {
        "invalid_template": {
            "code": "invalid_template",
            "message": "components[0].text: The body starts with a variable.",
            "errors": [
                {
                    "code": "body_starts_with_variable",
                    "component": "components[0].text",
                    "message": "The body starts with a variable. Put words before it: Hello {{1}}.",
                }
            ],
        },
        "invalid_body": {"code": "invalid_body", "message": "The body is not valid JSON."},
    },
)
