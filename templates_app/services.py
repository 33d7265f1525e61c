"""What happens to templates: a company submits one, Meta's webhooks and sends say what became of it."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from companies.models import Channel
from config.api import ApiError
from templates_app.models import Template


class TemplateExists(ApiError):
    code = "template_already_exists"
    status = 409


def submit(
    *,
    channel: Channel,
    name: str,
    language: str,
    category: Template.Category,
    components: list[dict[str, Any]],
) -> Template:
    """A new template, for staff to look at; its parts are checked already (templates_app/rules.py)."""
    template, is_new = Template.objects.get_or_create(
        company_id=channel.company_id,
        waba_id=channel.waba_id,
        name=name,
        language=language,
        defaults={
            "channel": channel,
            "category": category,
            "components": components,
            "status": Template.Status.SUBMITTED,
        },
    )
    if not is_new:
        raise TemplateExists(f"There is a template {name[:80]} in {language} already", param="name")
    return template


_STATUSES = set(Template.Status.values)
# Events that name no state of their own.
_MEANS = {"REINSTATED": "APPROVED", "FLAGGED": "APPROVED", "UNARCHIVED": "APPROVED"}


def told_by_send(template_id: int, *, status: str, reason: str) -> None:
    """Meta refused a send because of the template: refuse the next one ourselves."""
    Template.objects.filter(pk=template_id, status=Template.Status.APPROVED).update(
        status=status, status_reason=reason[:500]
    )


def status_update(value: dict[str, Any], *, waba_id: str, now: datetime | None = None) -> bool:
    """Apply `message_template_status_update`; whether it named a template of ours."""
    event = str(value.get("event", "")).upper()
    status = _MEANS.get(event, event)
    if status not in _STATUSES:
        return False
    found = named(value, waba_id)
    fields: dict[str, Any] = {"status": status, "status_reason": _reason(value)}
    if status == Template.Status.APPROVED:
        fields["approved_at"] = now or timezone.now()
    graph_id = str(value.get("message_template_id", ""))
    if graph_id:
        fields["graph_id"] = graph_id[:32]
    return bool(found.update(**fields))


def category_update(value: dict[str, Any], *, waba_id: str) -> bool:
    """Apply `template_category_update`. One that only announces a change changes nothing yet."""
    category = str(value.get("new_category", "")).upper()
    if category not in Template.Category.values:
        return False
    return bool(named(value, waba_id).update(category=category))


def quality_update(value: dict[str, Any], *, waba_id: str) -> bool:
    """Apply `message_template_quality_update`."""
    quality = str(value.get("new_quality_score", "")).upper()[:8]
    return bool(quality) and bool(named(value, waba_id).update(quality=quality))


def named(value: dict[str, Any], waba_id: str) -> Any:
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
