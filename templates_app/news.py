"""What Meta says of templates: by webhook, by refusing a send, or when it is asked (sync.py)."""

from __future__ import annotations

from copy import copy
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from templates_app import workflow
from templates_app.models import Template, TemplateEvent
from templates_app.telling import announce, tell
from templates_app.workflow import Done, Outdated

# Events that name no state of their own.
_MEANS = {"REINSTATED": "APPROVED", "FLAGGED": "APPROVED", "UNARCHIVED": "APPROVED"}
# A person or another webhook may be faster; then Meta's news is looked at again, so often.
_TRIES = 5


def status_of(word: object) -> str:
    """Meta's word for a state or an event as the state it leads to; "" for an unknown one."""
    status = _MEANS.get(str(word).upper(), str(word).upper())
    return status if status in workflow.AT_META else ""


def told_by_send(template_id: int, *, status: str, reason: str) -> None:
    """Meta refused a send because of the template: refuse the next one ourselves."""
    approved = Template.objects.filter(pk=template_id, status=Template.Status.APPROVED)
    _apply(approved, Done.TOLD, to=status, reason=reason, status_reason=reason[:500])


def status_update(value: dict[str, Any], *, waba_id: str, told_at: datetime | None = None) -> bool:
    """Apply `message_template_status_update`; whether it named a template of ours.

    `told_at` is Meta's time of the news: what is older than the latest applied changes nothing.
    """
    status = status_of(value.get("event"))
    if not status:
        return False
    found, reason = named(value, waba_id), _reason(value)
    fields: dict[str, Any] = {"status_reason": reason}
    if status == Template.Status.APPROVED:
        fields["approved_at"] = timezone.now()
    if told_at is not None:
        fields["told_at"] = told_at
    graph_id = str(value.get("message_template_id", ""))
    if graph_id:
        fields["graph_id"] = graph_id[:32]
    newer = found if told_at is None else found.exclude(told_at__gt=told_at)
    _apply(newer, Done.TOLD, to=status, reason=reason, **fields)
    return found.exists()


def category_update(value: dict[str, Any], *, waba_id: str) -> bool:
    """Apply `template_category_update`. One that only announces a change is told to the company."""
    category = str(value.get("new_category", "")).upper()
    if category not in Template.Category.values:
        return False
    found = named(value, waba_id)
    coming = str(value.get("correct_category", "")).upper()
    if coming in Template.Category.values and coming != category:
        for template in found.exclude(status__in=workflow.BEFORE_META).select_related("company"):
            announce(template, category=coming, at=value.get("category_update_timestamp"))
    else:
        _apply(found, Done.RECATEGORISED, category=category)
    return found.exists()


def quality_update(value: dict[str, Any], *, waba_id: str) -> bool:
    """Apply `message_template_quality_update`."""
    quality = str(value.get("new_quality_score", "")).upper()[:8]
    found = named(value, waba_id)
    if quality:
        _apply(found, Done.QUALITY, reason=quality, quality=quality)
    return bool(quality) and found.exists()


def _apply(
    found: QuerySet[Template],
    done: TemplateEvent.Done,
    *,
    to: str | None = None,
    reason: str = "",
    **fields: Any,
) -> None:
    """Meta's news of templates that Meta has."""
    for pk in list(found.values_list("pk", flat=True)):
        for _try in range(_TRIES):
            template = found.filter(pk=pk).select_related("company").first()
            if template is None or not take_news(template, done, to=to, reason=reason, **fields):
                break


def take_news(
    template: Template,
    done: TemplateEvent.Done,
    *,
    to: str | None = None,
    reason: str = "",
    **fields: Any,
) -> bool:
    """Take over what Meta says of a template as it was read, and tell the company what it should act
    on; whether somebody was faster, and it has to be read again.
    """
    if template.status not in workflow.AT_META:
        return False
    changes = {**fields, "status": to or template.status}
    if all(
        getattr(template, name) == value for name, value in changes.items() if name != "told_at"
    ):
        return False
    content = {name: fields.pop(name) for name in template.content if name in fields}
    before = copy(template)
    try:
        with transaction.atomic():
            workflow.move(
                template, done, by=workflow.META, to=to, reason=reason, content=content, **fields
            )
            tell(before, changes)
    except Outdated:
        return True
    return False


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
