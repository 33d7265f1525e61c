"""Autokonnect's templates: the "GET templates API" that its document refers to, and writing them."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from companies.keys import Caller
from companies.models import Channel
from config.api import Answer, ApiError
from messaging.dialects import AUTOKONNECT
from messaging.dialects.autokonnect_views import page_of
from messaging.dialects.base import author
from messaging.dialects.views import DialectView
from messaging.reports import iso
from templates_app import removal, services
from templates_app.lint import LANGUAGES, Finding
from templates_app.models import Template
from templates_app.telling import in_words

# What a filter may ask for; any name may be.
_FILTERS: dict[str, frozenset[str] | None] = {
    "status": frozenset(Template.Status.values),
    "name": None,
    "language": LANGUAGES,
    "category": frozenset(Template.Category.values),
}


class TemplatesView(DialectView):
    """The templates that a channel's WABA has; POST submits a new one to staff."""

    dialect = AUTOKONNECT

    def get(self, request: HttpRequest, caller: Caller, *, channel_id: str) -> Answer:
        found = _filtered(request, _of(AUTOKONNECT.channel(channel_id, caller)))
        page = page_of(request)
        rows = list(found.filter(pk__gt=page["after"]).order_by("pk")[: page["limit"] + 1])
        shown, more = rows[: page["limit"]], rows[page["limit"] :]
        body = {"templates": list(map(as_json, shown)), "next": shown[-1].pk if more else None}
        return Answer(200, body)

    def post(self, request: HttpRequest, caller: Caller, *, channel_id: str) -> Answer:
        channel = AUTOKONNECT.channel(channel_id, caller)
        data, body = self.read_object(request)

        def make() -> Answer:
            template, warnings = services.submit(data, channel=channel, by=author(caller))
            shown = as_json(template) | {"warnings": list(map(finding_json, warnings))}
            return Answer(201, shown)

        try:
            return self.once(request, caller, body, make)
        except services.InvalidTemplate as invalid:
            answer = AUTOKONNECT.error(invalid)
            errors = list(map(finding_json, invalid.errors))
            return Answer(answer.status, answer.body | {"errors": errors}, answer.headers)


class TemplateView(DialectView):
    dialect = AUTOKONNECT

    def get(
        self, request: HttpRequest, caller: Caller, *, channel_id: str, template_id: str
    ) -> Answer:
        channel = AUTOKONNECT.channel(channel_id, caller)
        return Answer(200, as_json(_find(template_id, channel)))

    def delete(
        self, request: HttpRequest, caller: Caller, *, channel_id: str, template_id: str
    ) -> Answer:
        channel = AUTOKONNECT.channel(channel_id, caller)
        template = removal.delete(_find(template_id, channel), by=author(caller))
        return Answer(200, as_json(template))


def _of(channel: Channel) -> QuerySet[Template]:
    return Template.objects.filter(company_id=channel.company_id, waba_id=channel.waba_id)


def _filtered(request: HttpRequest, found: QuerySet[Template]) -> QuerySet[Template]:
    """By what the query asks for; deleted ones are shown to who asks for them only."""
    asked = {name: request.GET[name] for name in _FILTERS if request.GET.get(name)}
    for name, value in asked.items():
        allowed = _FILTERS[name]
        if "\x00" in value or (allowed is not None and value not in allowed):
            raise ApiError(f"There is no such {name}", code=f"invalid_{name}")
    if "status" not in asked:
        found = found.exclude(status=Template.Status.DELETED)
    return found.filter(**asked)


def _find(template_id: str, channel: Channel) -> Template:
    is_number = template_id.isascii() and template_id.isdigit() and len(template_id) < 19
    template = _of(channel).filter(pk=int(template_id)).first() if is_number else None
    if template is None:
        raise ApiError("There is no such template", code="template_not_found", status=404)
    return template


def as_json(template: Template) -> dict[str, Any]:
    return {
        "id": template.pk,
        "name": template.name,
        "language": template.language,
        "category": template.category,
        "status": template.status,
        "reason": in_words(template.status_reason),
        "quality": template.quality,
        "parameter_format": template.parameter_format,
        "components": template.components,
        "created_at": iso(template.created_at),
        "updated_at": iso(template.updated_at),
        "approved_at": iso(template.approved_at),
    }


def finding_json(finding: Finding) -> dict[str, str]:
    return {
        "code": finding.code,
        "component": finding.component,
        "message": f"{finding.message} {finding.remedy}",
    }
