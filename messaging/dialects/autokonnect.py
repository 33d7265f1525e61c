"""Autokonnect, the primary contract: POST /api/v1/whatsapp/{channel_id}/messages.

Sentences and codes are the document's, to the letter; the order of the checks is part of it.
"""

from typing import Any

from django.http import HttpRequest

from companies import channels
from companies.keys import Caller
from companies.models import Channel
from config.api import Answer, ApiError
from messaging import interactive, payloads
from messaging.dialects.base import Dialect, Unauthenticated, bearer_token
from messaging.models import Batch
from messaging.payloads import MEDIA_TYPES, Payload
from messaging.services import SendRequest
from templates_app import parameters
from templates_app.models import Template

TYPES = ("text", *MEDIA_TYPES, "template", "interactive")

# Our codes, in this vendor's words. Codes that aren't here are the same in both.
_ERRORS: dict[str, tuple[int, str, str]] = {
    "invalid_api_key": (401, "invalid_api_key", "Invalid API key"),
    "company_suspended": (403, "company_suspended", "The company is suspended"),
    "internal_error": (500, "internal_error", "Internal server error"),
}


def refuse(code: str, message: str, status: int = 400) -> ApiError:
    return ApiError(message, code=code, status=status)


class Autokonnect(Dialect):
    slug = "autokonnect"

    def key(self, request: HttpRequest) -> str:
        token = bearer_token(request)
        if not token:
            raise Unauthenticated(
                "Missing or malformed Authorization header", code="invalid_auth_header"
            )
        return token

    def channel(self, channel_id: str, caller: Caller) -> Channel:
        """The channel of the path, if it is the caller's company's."""
        known = channel_id.isascii() and channel_id.isdigit() and len(channel_id) < 19
        lately = caller.is_remembered
        channel = channels.find(int(channel_id), lately=lately) if known else None
        if channel is None:
            raise refuse("waba_not_found", "WABA channel ID not found", 404)
        if channel.company_id != caller.company_id:
            raise refuse(
                "credential_resource_mismatch",
                "WABA does not belong to the authenticated company",
                403,
            )
        return channel

    def send_request(
        self, data: dict[str, Any], *, caller: Caller, url: dict[str, Any]
    ) -> SendRequest:
        channel: Channel = url["channel"]
        kind = self._type(data)
        numbers, tags = _many(data.get("phone_number")), _tags(data.get("contact_tag_id"))
        if not numbers and not tags:
            raise refuse(
                "missing_recipient", "Neither phone_number nor contact_tag_id was provided"
            )
        template, payload = self._content(kind, data, channel)
        if channel.status != Channel.Status.CONNECTED:
            raise refuse("reconnect_waba", "WABA channel is disconnected")
        return SendRequest(
            channel=channel,
            payload=payload,
            template=template,
            numbers=numbers,
            tags=tags,
            dialect=self.slug,
        )

    def _type(self, data: dict[str, Any]) -> str:
        kind = data.get("type")
        if kind in (None, ""):
            raise refuse("missing_type", "type field is required")
        if not isinstance(kind, str) or kind not in TYPES:
            raise refuse("invalid_type", "Message type is not supported")
        return kind

    def _content(
        self, kind: str, data: dict[str, Any], channel: Channel
    ) -> tuple[Template | None, Payload]:
        if kind == "template":
            return self._template(data, channel)
        if kind == "interactive":
            if data.get("interactive") in (None, ""):
                raise refuse("missing_interactive", "interactive is required for interactive type")
            return None, payloads.interactive(interactive.check(data["interactive"]))
        if kind == "text":
            body = data.get("message")
            if body is None or (isinstance(body, str) and not body.strip()):
                raise refuse("missing_message", "message is required for text type")
            return None, payloads.text(body)
        if data.get("link") in (None, ""):
            raise refuse("missing_link", "link is required for media types")
        return None, payloads.media(kind, link=data["link"], caption=data.get("caption"))

    def _template(self, data: dict[str, Any], channel: Channel) -> tuple[Template, Payload]:
        template_id = _template_id(data.get("template_id"))
        components = data.get("components")
        if components is None:
            raise refuse("missing_components", "components is required for template type")
        template = _find_template(template_id, data.get("language"), channel)
        if template.status != Template.Status.APPROVED:
            raise refuse("template_not_approved", "The specified template is not approved")
        fitted = parameters.fit(
            template=template.components,
            components=components,
            authentication=template.category == Template.Category.AUTHENTICATION,
        )
        return template, payloads.template(
            name=template.name, language=template.language, components=fitted
        )

    def accepted(self, batch: Batch) -> Answer:
        return Answer(
            200,
            {
                "message": "Message queued for sending",
                "recipients_count": batch.recipients_count,
            },
            {"Location": f"/api/v1/batches/{batch.public_id}"},
        )

    def error(self, error: ApiError) -> Answer:
        status, code, message = _ERRORS.get(
            error.error_code, (error.error_status, error.error_code, error.message)
        )
        return Answer(status, {"code": code, "message": message}, error.headers)


def _many(value: object) -> list[object]:
    """A single value or an array, as an array; what is empty counts as not given."""
    if value is None or value == "":
        return []
    return value if isinstance(value, list) else [value]


def _tags(value: object) -> list[object]:
    """Ids as they were given; whether there are such tags, the core looks up."""
    tags = [
        int(tag) if isinstance(tag, float) and tag.is_integer() else tag for tag in _many(value)
    ]
    if any(isinstance(tag, bool) or not isinstance(tag, int | str) for tag in tags):
        raise refuse(
            "invalid_contact_tag_id", "contact_tag_id must be a tag ID or an array of them"
        )
    return tags


def _template_id(value: object) -> int:
    if value is None or value == "":
        raise refuse("missing_template_id", "template_id is required for template type")
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:40])
    if isinstance(value, bool) or not isinstance(value, int):
        raise refuse("invalid_template_id_format", "template_id must be a number")
    return value


def _find_template(template_id: int, language: object, channel: Channel) -> Template:
    """The company's template; with `language`, the translation of the same name."""
    known = Template.objects.filter(company_id=channel.company_id)
    template = known.filter(pk=template_id).first() if 0 < template_id < 1 << 63 else None
    if template is not None and language not in (None, "", template.language):
        template = (
            known.filter(name=template.name, waba_id=template.waba_id, language=language).first()
            if isinstance(language, str)
            else None
        )
    if template is None:
        raise refuse("template_not_found", "Template ID not found for this company", 404)
    return template
