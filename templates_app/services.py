"""Writing templates: a company hands one in as a whole, or part by part (templates_app/drafts.py)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from companies.models import Channel
from config.api import ApiError
from templates_app import lint, workflow
from templates_app.lint import Finding, Other
from templates_app.models import Template
from templates_app.workflow import Author, Done


class TemplateExists(ApiError):
    code = "template_already_exists"
    status = 409


class InvalidTemplate(ApiError):
    """`errors` are the lint's; the message tells of the first."""

    code = "invalid_template"

    def __init__(self, errors: list[Finding]) -> None:
        first = errors[0]
        super().__init__(f"{first.component}: {first.message}", param=first.component)
        self.errors = errors


@dataclass(frozen=True, kw_only=True)
class Written:
    """A template as somebody wrote it: without errors, in Meta's spelling."""

    name: str
    language: str
    category: str
    components: list[dict[str, Any]]
    parameter_format: str
    warnings: list[Finding]


def fields_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """What a template is made of, of an object of Meta's API; None for what it lacks."""
    names = ("name", "language", "category", "components", "parameter_format")
    return {name: data.get(name) for name in names}


def written(
    data: Mapping[str, Any], *, samples: bool = True, others: list[Other] | None = None
) -> Written:
    """`data` has the fields of Meta's own API; raises InvalidTemplate with all that is wrong.

    `samples=False` lets them be missing: staff add them.
    """
    fields = fields_of(data)
    found = lint.check(**fields, others=others or ())
    errors = lint.errors_in(found, samples=samples)
    if errors:
        raise InvalidTemplate(errors)
    return Written(
        name=str(fields["name"]),
        language=str(fields["language"]),
        category=str(fields["category"]).upper(),
        components=lint.spelled(fields["components"]),
        parameter_format=str(fields["parameter_format"] or "POSITIONAL").upper(),
        warnings=[finding for finding in found if finding.severity == lint.Severity.WARNING],
    )


@transaction.atomic
def submit(
    data: Mapping[str, Any], *, channel: Channel, by: Author, samples: bool = True
) -> tuple[Template, list[Finding]]:
    """A new template, for staff to look at, and the warnings about it.

    Raises InvalidTemplate as `written` does, and TemplateExists. One that was deleted makes room.
    Those of a trusted company go straight to Meta, unless samples are missing.
    """
    others = others_of(channel, name=data.get("name"), language=data.get("language"))
    new = written(data, samples=samples, others=list(others))
    template = create(
        channel,
        {
            "name": new.name,
            "language": new.language,
            "category": new.category,
            "parameter_format": new.parameter_format,
            "components": new.components,
        },
    )
    template = hand_in(template, by=by, is_complete=samples or not errors_of(template))
    return template, new.warnings


def create(channel: Channel, fields: Mapping[str, Any]) -> Template:
    """A draft of that name and language. Raises TemplateExists; one that was deleted makes room."""
    name, language = fields["name"], fields["language"]
    fresh: dict[str, Any] = {
        **{key: value for key, value in fields.items() if key not in ("name", "language")},
        "channel": channel,
        "status": Template.Status.DRAFT,
    }
    template, is_new = Template.objects.get_or_create(
        company_id=channel.company_id,
        waba_id=channel.waba_id,
        name=name,
        language=language,
        defaults=fresh,
    )
    if not is_new:
        gone = Template.objects.filter(pk=template.pk, status=Template.Status.DELETED)
        if not gone.update(
            **fresh, **_FORGOTTEN, version=F("version") + 1, updated_at=timezone.now()
        ):
            raise TemplateExists(
                f"There is a template {name[:80]} in {language} already", param="name"
            )
        template.refresh_from_db()
    return template


# What a deleted template loses when its name gets a second life.
_FORGOTTEN = {
    "graph_id": "",
    "status_reason": "",
    "quality": "UNKNOWN",
    "approved_at": None,
    "told_at": None,
}


def hand_in(template: Template, *, by: Author, is_complete: bool = True) -> Template:
    """What is without errors goes to staff, and that of a trusted company on to Meta."""
    now = timezone.now()
    trusted = template.company.trusts_templates and is_complete
    return workflow.move(
        template,
        Done.SUBMITTED,
        by=by,
        to=Template.Status.PENDING if trusted else Template.Status.SUBMITTED,
        now=now,
        status_reason="",
        submitted_at=now,
    )


def findings_of(template: Template, *, beside_others: bool = True) -> list[Finding]:
    """What the lint says of a template as it is stored, beside the others of its WABA."""
    name, language = template.name, template.language
    others = _others(template.company_id, template.waba_id, name=name, language=language)
    return lint.check(
        name=name,
        language=language,
        category=template.category,
        components=template.components,
        parameter_format=template.parameter_format,
        others=others if beside_others else (),
    )


def errors_of(template: Template) -> list[Finding]:
    """What keeps Meta from taking it."""
    return lint.errors_in(findings_of(template))


def others_of(channel: Channel, *, name: object, language: object) -> Iterator[Other]:
    """The company's templates in a channel's WABA, for the lint, without the one that is meant."""
    return _others(channel.company_id, channel.waba_id, name=name, language=language)


def _others(company_id: int, waba_id: str, *, name: object, language: object) -> Iterator[Other]:
    known = Template.objects.filter(company_id=company_id, waba_id=waba_id)
    known = known.exclude(status=Template.Status.DELETED)
    for row in known.values_list("name", "language", "category", "components").iterator():
        if row[:2] != (name, language):
            texts = {
                str(part.get("type", "")).upper(): str(part.get("text") or "")
                for part in row[3]
                if isinstance(part, dict)
            }
            yield Other(
                name=row[0],
                language=row[1],
                category=row[2],
                body=texts.get("BODY", ""),
                footer=texts.get("FOOTER", ""),
            )
