"""What happens to templates: a company submits one, Meta's webhooks and sends say what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from companies.models import Channel
from config.api import ApiError
from templates_app import lint
from templates_app.lint import Finding, Other
from templates_app.models import Template
from templates_app.telling import tell


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


# --- Writing --------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Written:
    """A template as somebody wrote it: without errors, in Meta's spelling."""

    name: str
    language: str
    category: str
    components: list[dict[str, Any]]
    parameter_format: str
    warnings: list[Finding]


def written(
    data: Mapping[str, Any], *, samples: bool = True, others: list[Other] | None = None
) -> Written:
    """`data` has the fields of Meta's own API; raises InvalidTemplate with all that is wrong.

    `samples=False` lets them be missing: staff add them.
    """
    fields = {
        key: data.get(key)
        for key in ("name", "language", "category", "components", "parameter_format")
    }
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
    data: Mapping[str, Any], *, channel: Channel, samples: bool = True
) -> tuple[Template, list[Finding]]:
    """A new template, for staff to look at, and the warnings about it.

    Raises InvalidTemplate as `written` does, and TemplateExists. One that was deleted makes room.
    """
    others = others_of(channel, name=data.get("name"), language=data.get("language"))
    new = written(data, samples=samples, others=list(others))
    fields: dict[str, Any] = {
        "channel": channel,
        "category": new.category,
        "components": new.components,
        "parameter_format": new.parameter_format,
        "status": Template.Status.SUBMITTED,
    }
    template, is_new = Template.objects.get_or_create(
        company_id=channel.company_id,
        waba_id=channel.waba_id,
        name=new.name,
        language=new.language,
        defaults=fields,
    )
    if not is_new:
        gone = Template.objects.filter(pk=template.pk, status=Template.Status.DELETED)
        if not gone.update(**fields, **_FRESH, updated_at=timezone.now()):
            raise TemplateExists(
                f"There is a template {new.name[:80]} in {new.language} already", param="name"
            )
        template.refresh_from_db()
    return template, new.warnings


# What a deleted template loses when its name gets a second life.
_FRESH = {"graph_id": "", "status_reason": "", "quality": "UNKNOWN", "approved_at": None}


def others_of(channel: Channel, *, name: object, language: object) -> Iterator[Other]:
    """The company's templates in a channel's WABA, for the lint, without the one that is meant."""
    known = Template.objects.filter(company_id=channel.company_id, waba_id=channel.waba_id)
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


# --- Meta's news ----------------------------------------------------------------------


# What Meta says elsewhere is not about these: they are ours alone still.
BEFORE_META = (
    Template.Status.DRAFT,
    Template.Status.SUBMITTED,
    Template.Status.CHANGES_REQUESTED,
    Template.Status.DECLINED,
)
_STATUSES = set(Template.Status.values) - set(BEFORE_META)
# Events that name no state of their own.
_MEANS = {"REINSTATED": "APPROVED", "FLAGGED": "APPROVED", "UNARCHIVED": "APPROVED"}


def status_of(word: object) -> str:
    """Meta's word for a state or an event as the state it leads to; "" for an unknown one."""
    status = _MEANS.get(str(word).upper(), str(word).upper())
    return status if status in _STATUSES else ""


def told_by_send(template_id: int, *, status: str, reason: str) -> None:
    """Meta refused a send because of the template: refuse the next one ourselves."""
    Template.objects.filter(pk=template_id, status=Template.Status.APPROVED).update(
        status=status, status_reason=reason[:500]
    )


def status_update(value: dict[str, Any], *, waba_id: str, now: datetime | None = None) -> bool:
    """Apply `message_template_status_update`; whether it named a template of ours."""
    status = status_of(value.get("event"))
    if not status:
        return False
    found = named(value, waba_id)
    fields: dict[str, Any] = {"status": status, "status_reason": _reason(value)}
    if status == Template.Status.APPROVED:
        fields["approved_at"] = now or timezone.now()
    graph_id = str(value.get("message_template_id", ""))
    if graph_id:
        fields["graph_id"] = graph_id[:32]
    return _apply(found, **fields)


def category_update(value: dict[str, Any], *, waba_id: str) -> bool:
    """Apply `template_category_update`. One that only announces a change changes nothing yet."""
    category = str(value.get("new_category", "")).upper()
    if category not in Template.Category.values:
        return False
    return _apply(named(value, waba_id), category=category)


def quality_update(value: dict[str, Any], *, waba_id: str) -> bool:
    """Apply `message_template_quality_update`."""
    quality = str(value.get("new_quality_score", "")).upper()[:8]
    return bool(quality) and _apply(named(value, waba_id), quality=quality)


def _apply(found: QuerySet[Template], **fields: Any) -> bool:
    """Meta's news of templates that Meta has; whether there is such a template at all."""
    now = timezone.now()
    at_meta = list(found.exclude(status__in=BEFORE_META).select_related("company"))
    for template in at_meta:
        with transaction.atomic():
            same = Template.objects.filter(pk=template.pk, status=template.status)
            if same.update(**fields, updated_at=now):
                tell(template, fields)
    return bool(at_meta) or found.exists()


def named(value: dict[str, Any], waba_id: str) -> QuerySet[Template]:
    """The template that a webhook speaks of: by Meta's id, else by WABA, name and language."""
    graph_id = str(value.get("message_template_id", ""))
    by_id = Template.objects.filter(graph_id=graph_id, waba_id=waba_id)
    if graph_id and by_id.exists():
        return by_id
    # Some of Meta's samples write en-US for en_US.
    language = str(value.get("message_template_language", "")).replace("-", "_")
    return Template.objects.filter(
        waba_id=waba_id, name=str(value.get("message_template_name", "")), language=language
    )


def _reason(value: dict[str, Any]) -> str:
    reason = value.get("reason")
    info = value.get("rejection_info") or value.get("other_info") or {}
    parts = [
        reason if reason and reason != "NONE" else "",
        info.get("reason") or info.get("description") or "" if isinstance(info, dict) else "",
        info.get("recommendation") or "" if isinstance(info, dict) else "",
    ]
    return " ".join(str(part) for part in parts if part)[:500]
