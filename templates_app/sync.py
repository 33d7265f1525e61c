"""What Meta has and what we think that it has, made the same: webhooks get lost.

One WABA at a time: statuses, categories, quality and reasons are taken over, templates that were made
elsewhere are adopted, and what Meta has no more is deleted here. Templates that are still ours alone
(drafts, with staff, not handed over yet) are left alone.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import structlog
from django.db.models import QuerySet

from companies.decisions import watching
from companies.graph.client import GraphAway, GraphRefused
from companies.models import Channel
from templates_app import meta
from templates_app.models import Template
from templates_app.services import BEFORE_META, status_of
from templates_app.telling import tell

log = structlog.get_logger("tuma.templates")

_STATUS = Template.Status
_OTP_LINK = "https://www.whatsapp.com/otp/code/"


def sync_all(*, now: datetime) -> None:
    """Every WABA with a connected channel. One that fails is logged, and keeps nobody waiting."""
    connected = Channel.objects.filter(status=Channel.Status.CONNECTED).exclude(waba_id="")
    accounts = set(connected.values_list("company_id", "waba_id"))
    for company_id, waba_id in sorted(accounts):
        try:
            sync(company_id, waba_id, now=now)
        except (GraphAway, GraphRefused) as error:
            log.warning("templates_not_synced", waba=waba_id, error=str(error))


def sync(company_id: int, waba_id: str, *, now: datetime) -> None:
    """Take over what Meta has in a WABA. Raises GraphAway and GraphRefused, with nothing changed.

    `now` is from before Meta was asked: what changed here since is newer than Meta's list, and stays.
    """
    channel = meta.channel_of(company_id, waba_id)
    if channel is None:
        return
    listed = {
        (str(row.get("name")), str(row.get("language"))): row
        for row in meta.graph_of(channel).templates(waba_id)
    }
    known = Template.objects.filter(company_id=company_id, waba_id=waba_id)
    for template in known.exclude(status__in=BEFORE_META).select_related("company"):
        row = listed.pop((template.name, template.language), None)
        if row is not None:
            _take_over(template, row, now=now)
        elif template.graph_id and template.status != _STATUS.DELETED:
            _change(template, {"status": _STATUS.DELETED}, now=now)
    ours = set(known.values_list("name", "language"))
    for key in listed.keys() - ours:
        _adopt(channel, listed[key], now=now)


def _take_over(template: Template, row: dict[str, Any], *, now: datetime) -> None:
    graph_id = str(row.get("id", ""))[:32]
    if template.status == _STATUS.DELETED and template.graph_id == graph_id:
        return  # Meta lists what is being deleted for a while
    news = {"graph_id": graph_id, **_facts(row)}
    status = news.get("status", template.status)
    if status == _STATUS.REJECTED:
        news["status_reason"] = template.status_reason or _reason(row)
    elif status != template.status:
        news["status_reason"] = ""
    if status == _STATUS.APPROVED and template.approved_at is None:
        news["approved_at"] = now
    changes = {name: value for name, value in news.items() if getattr(template, name) != value}
    if changes:
        _change(template, changes, now=now)


def _facts(row: dict[str, Any]) -> dict[str, Any]:
    """Status, category and quality as we keep them; what Meta says in unknown words is left out."""
    status, category = status_of(row.get("status")), str(row.get("category", ""))
    score = row.get("quality_score")
    quality = str(score.get("score") or "") if isinstance(score, dict) else ""
    facts: dict[str, Any] = {"quality": (quality or "UNKNOWN")[:8]}
    if status:
        facts["status"] = status
    if category in Template.Category.values:
        facts["category"] = category
    return facts


def _reason(row: dict[str, Any]) -> str:
    reason = str(row.get("rejected_reason") or "")
    return "" if reason == "NONE" else reason[:500]


def _change(template: Template, changes: dict[str, Any], *, now: datetime) -> None:
    """Where nobody else changed the template since: a webhook that came meanwhile knew better."""
    rows: QuerySet[Template] = Template.objects.filter(
        pk=template.pk, status=template.status, updated_at__lte=now
    )
    with watching(rows):
        if rows.update(**changes, updated_at=now):
            tell(template, changes)


def _adopt(channel: Channel, row: dict[str, Any], *, now: datetime) -> None:
    """A template that was made elsewhere."""
    facts = _facts(row)
    if not {"category", "status"} <= facts.keys():
        return
    Template.objects.get_or_create(
        company_id=channel.company_id,
        waba_id=channel.waba_id,
        name=str(row["name"])[:512],
        language=str(row["language"])[:12],
        defaults={
            **facts,
            "channel": channel,
            "graph_id": str(row.get("id", ""))[:32],
            "parameter_format": str(row.get("parameter_format") or "POSITIONAL").upper()[:12],
            "components": _as_created(row.get("components"), facts["category"]),
            "status_reason": _reason(row),
            "approved_at": now if facts["status"] == _STATUS.APPROVED else None,
        },
    )


def _as_created(components: object, category: str) -> list[dict[str, Any]]:
    """Meta shows its own words in templates for codes; they are kept as they were created."""
    parts = (
        [part for part in components if isinstance(part, dict)]
        if isinstance(components, list)
        else []
    )
    if category != Template.Category.AUTHENTICATION:
        return parts
    kept = [{key: part[key] for key in part if key not in ("text", "example")} for part in parts]
    for part in kept:
        if isinstance(part.get("buttons"), list):
            part["buttons"] = [_otp(button) for button in part["buttons"]]
    return kept


def _otp(button: Any) -> Any:
    """The button that was created, of the link as which Meta shows it."""
    link = str(button.get("url", "")) if isinstance(button, dict) else ""
    if not link.startswith(_OTP_LINK):
        return button
    kinds = parse_qs(urlsplit(link).query).get("otp_type", ["COPY_CODE"])
    return {"type": "OTP", "otp_type": kinds[0], "text": button.get("text", "")}
