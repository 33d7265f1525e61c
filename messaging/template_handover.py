"""Templates that staff approved are handed over to Meta, by the worker.

What is `PENDING` without an id of Meta's is still to be handed over. A lost answer does no harm: Meta
says the next time that it has the template, and which it is. What Meta refuses for good is rejected,
with Meta's words; anything else (no channel, a bad token, Meta away) is tried again later.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import requests
import structlog
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from companies import notices
from companies.models import Channel, Notice
from messaging import outgoing
from messaging.media_graph import headers, json_of, url
from messaging.outcomes import describe
from templates_app.models import Template

log = structlog.get_logger("tuma.templates")

AT_ONCE = 50
# After a try that came to nothing, the rest waits so long.
REST_SECONDS = 60
TIMEOUT = (5, 30)
# Graph: "Content in This Language Already Exists".
EXISTS = 2388024
INVALID = 100


class NotNow(Exception):
    """It could not be handed over as things are; later it may."""


def due() -> QuerySet[Template]:
    return Template.objects.filter(status=Template.Status.PENDING, graph_id="")


def is_waiting() -> bool:
    return due().exists()


def hand_over_due(*, now: datetime) -> None:
    """Hand over what is due, the oldest first; raises the last NotNow after all were tried."""
    problem: NotNow | None = None
    for template in due().order_by("pk")[:AT_ONCE]:
        try:
            _hand_over(template, now=now)
        except NotNow as error:
            problem = error
            due().filter(pk=template.pk).update(status_reason=f"Not with Meta yet: {error}"[:500])
            log.warning("template_not_handed_over", template=template.pk, error=str(error))
    if problem:
        raise problem


def _hand_over(template: Template, *, now: datetime) -> None:
    channel = Channel.objects.filter(
        company_id=template.company_id,
        waba_id=template.waba_id,
        status=Channel.Status.CONNECTED,
    ).first()
    if channel is None:
        raise NotNow("The company has no connected channel in its WABA.")
    body = {
        "name": template.name,
        "language": template.language,
        "category": template.category,
        "parameter_format": template.parameter_format,
        "components": template.components,
    }
    status, data = _call("POST", channel, json=body)
    error = _error(data)
    if status == 200 and data.get("id"):
        _taken(template, data, now=now)
    elif error.get("error_subcode") == EXISTS:
        _taken(template, _existing(template, channel), now=now)
    elif error.get("code") == INVALID:
        _rejected(template, _said(error))
    else:
        raise NotNow(_said(error) or f"HTTP {status}")


def _error(data: dict[str, Any]) -> dict[str, Any]:
    error = data.get("error")
    return error if isinstance(error, dict) else {}


def _call(method: str, channel: Channel, **kwargs: Any) -> tuple[int, dict[str, Any]]:
    try:
        response = requests.request(
            method,
            url(f"{channel.waba_id}/message_templates"),
            headers=headers(channel),
            timeout=TIMEOUT,
            allow_redirects=False,
            **kwargs,
        )
    except requests.RequestException as error:
        raise NotNow(f"Graph could not be reached: {type(error).__name__}") from error
    return response.status_code, json_of(response)


def _existing(template: Template, channel: Channel) -> dict[str, Any]:
    """What Meta has under the template's name and language."""
    wanted = {"name": template.name, "language": template.language}
    _status, data = _call(
        "GET", channel, params={**wanted, "fields": "id,name,language,status,category"}
    )
    for found in data.get("data") or []:
        if isinstance(found, dict) and wanted.items() <= found.items():
            return found
    raise NotNow("Meta says that it has the template, and does not list it.")


def _taken(template: Template, data: dict[str, Any], *, now: datetime) -> None:
    status, category = str(data.get("status", "")), str(data.get("category", ""))
    fields: dict[str, Any] = {"graph_id": str(data["id"])[:32], "status_reason": ""}
    if status in Template.Status.values:
        fields["status"] = status
    if category in Template.Category.values:
        fields["category"] = category
    if status == Template.Status.APPROVED:
        fields["approved_at"] = now
    with outgoing.watching_templates(due().filter(pk=template.pk)):
        # If a webhook of Meta's was faster, it said the same or knew better.
        due().filter(pk=template.pk).update(**fields)
    log.info("template_handed_over", template=template.pk, status=status)


def _rejected(template: Template, reason: str) -> None:
    with outgoing.watching_templates(due().filter(pk=template.pk)):
        changed = (
            due()
            .filter(pk=template.pk)
            .update(
                status=Template.Status.REJECTED,
                status_reason=reason[:500],
                updated_at=timezone.now(),
            )
        )
        if changed:
            notices.notify(
                template.company,
                title=_("Meta did not take the template %(name)s") % {"name": template.name},
                text=reason,
                level=Notice.Level.BAD,
            )


def _said(error: dict[str, Any]) -> str:
    """Meta's own words, those that it wrote for people first."""
    words = [error.get("error_user_title"), error.get("error_user_msg")]
    return ": ".join(str(text) for text in words if text) or describe(error)
