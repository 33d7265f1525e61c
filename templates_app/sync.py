"""What Meta has and what we think that it has, made the same: webhooks get lost.

One WABA at a time: statuses, categories, quality, reasons and words that were changed elsewhere are
taken over, templates that were made elsewhere are adopted, and what Meta has no more is deleted here.
Templates that are still ours alone (drafts, with staff, not handed over yet) are left alone.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import structlog

from companies.graph.client import GraphAway, GraphRefused
from companies.models import Channel
from templates_app import differing, meta, removal, workflow
from templates_app.models import Template
from templates_app.news import status_of, take_news
from templates_app.workflow import BEFORE_META, META, Done, Outdated

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


def sync_waba(waba_id: str, *, now: datetime) -> None:
    """One WABA, for every company that has it. Raises as `sync` does."""
    channels = Channel.objects.filter(status=Channel.Status.CONNECTED, waba_id=waba_id)
    for company_id in sorted(set(channels.values_list("company_id", flat=True))):
        sync(company_id, waba_id, now=now)


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
            _is_gone(template, now=now)
    ours = set(known.values_list("name", "language"))
    for key in listed.keys() - ours:
        _adopt(channel, listed[key], now=now)


def _take_over(template: Template, row: dict[str, Any], *, now: datetime) -> None:
    graph_id = str(row.get("id", ""))[:32]
    if template.status == _STATUS.DELETED and template.graph_id == graph_id:
        return  # Meta lists what is being deleted for a while
    if template.updated_at > now:
        return  # a webhook that came meanwhile knew better
    facts = _facts(row)
    status = facts.pop("status", template.status)
    fields: dict[str, Any] = {"graph_id": graph_id, **facts}
    if status == _STATUS.REJECTED:
        fields["status_reason"] = template.status_reason or _reason(row)
    elif status != template.status:
        fields["status_reason"] = ""
    if status == _STATUS.APPROVED and template.approved_at is None:
        fields["approved_at"] = now
    components = _as_created(row.get("components"), template.category)
    if differing.is_reworded(template.components, components):
        fields["components"] = components
    reason = fields.get("status_reason", "")
    # Should somebody be faster, the next sync looks again.
    take_news(template, _step(template, status, fields), to=status, reason=reason, **fields)


def _step(template: Template, status: str, fields: dict[str, Any]) -> Done:
    """What to call it in the history, by what matters most of it."""
    if not template.graph_id:
        return Done.ADOPTED
    if fields.get("category", template.category) != template.category:
        return Done.RECATEGORISED
    if status == template.status and fields["quality"] != template.quality:
        return Done.QUALITY
    return Done.TOLD


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


def _is_gone(template: Template, *, now: datetime) -> None:
    if template.updated_at > now:
        return
    try:
        removal.mark(template, by=META)
    except Outdated:
        return  # the next sync looks again


def _adopt(channel: Channel, row: dict[str, Any], *, now: datetime) -> None:
    """A template that was made elsewhere."""
    facts = _facts(row)
    if not {"category", "status"} <= facts.keys():
        return
    template, is_new = Template.objects.get_or_create(
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
    if is_new:
        workflow.note(template, Done.ADOPTED, by=META, to=template.status, now=now)


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
