"""What happens to templates from outside: Meta's webhooks, and what a send was told."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from templates_app.models import Template

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
    found = _named(value, waba_id)
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
    return bool(_named(value, waba_id).update(category=category))


def quality_update(value: dict[str, Any], *, waba_id: str) -> bool:
    """Apply `message_template_quality_update`."""
    quality = str(value.get("new_quality_score", "")).upper()[:8]
    return bool(quality) and bool(_named(value, waba_id).update(quality=quality))


def _named(value: dict[str, Any], waba_id: str) -> Any:
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
