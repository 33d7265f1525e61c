"""Templates that are approved on our side, and edits of them, are handed over to Meta by the worker.

What is `PENDING` without an id of Meta's is still to be handed over. A lost answer does no harm: Meta
says the next time that it has the template, and which it is. What Meta refuses for good is rejected,
with Meta's words; anything else (no channel, a bad token, Meta away) is tried again later.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import structlog
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from companies import notices
from companies.graph.client import GraphAway, GraphRefused
from companies.models import Notice
from messaging import template_samples
from templates_app import meta, news, workflow
from templates_app.differing import differences
from templates_app.meta import TemplateGraph
from templates_app.models import Template
from templates_app.workflow import META, Done, Outdated

log = structlog.get_logger("tuma.templates")

AT_ONCE = 50
# After a try that came to nothing, the rest waits so long.
REST_SECONDS = 60
TIMEOUT = (5, 30)
# Graph: "Content in This Language Already Exists".
EXISTS = 2388024
# Graph: it can't be edited, be it in this state or so soon after the last time.
FROZEN = 2388039
INVALID = 100


class NotNow(Exception):
    """It could not be handed over as things are; later it may."""


def due() -> QuerySet[Template]:
    return Template.everything.filter(status=Template.Status.PENDING, graph_id="")


def is_waiting() -> bool:
    return due().exists()


def hand_over_due(*, now: datetime) -> None:
    """Hand over what is due, the oldest first; raises the last NotNow after all were tried."""
    problem: NotNow | None = None
    waiting = due().select_related("company", "edit_of").order_by("pk")
    for template in waiting[:AT_ONCE]:
        try:
            _hand_over(template, now=now)
        except NotNow as error:
            problem = error
            due().filter(pk=template.pk).update(status_reason=f"Not with Meta yet: {error}"[:500])
            log.warning("template_not_handed_over", template=template.pk, error=str(error))
        except Outdated:
            continue  # a webhook of Meta's was faster, and said the same or knew better
    if problem:
        raise problem


def _hand_over(template: Template, *, now: datetime) -> None:
    channel = meta.channel_of(template.company_id, template.waba_id)
    if channel is None:
        raise NotNow("The company has no connected channel in its WABA.")
    graph = meta.graph_of(channel, timeout=TIMEOUT)
    give = _give_new if template.edit_of is None else _give_edit
    try:
        components = template_samples.with_handles(template, graph)
        give(template, graph, {**template.content, "components": components}, now=now)
    except template_samples.NoSample as error:
        _not_taken(template, str(error), now=now)
    except GraphAway as away:
        raise NotNow(f"Graph could not be reached: {away}") from away
    except GraphRefused as refused:
        if refused.code != INVALID:
            raise NotNow(refused.said) from refused
        _not_taken(template, refused.said, now=now)


def _give_new(
    template: Template, graph: TemplateGraph, content: dict[str, Any], *, now: datetime
) -> None:
    body = {"name": template.name, "language": template.language, **content}
    try:
        row = graph.create(template.waba_id, body)
    except GraphRefused as refused:
        if refused.subcode != EXISTS:
            raise
        row = _existing(template, graph)
    fields: dict[str, Any] = {"graph_id": str(row.get("id", ""))[:32], "status_reason": ""}
    status, category = news.status_of(row.get("status")), str(row.get("category", ""))
    if category in Template.Category.values:
        fields["category"] = category
    if status == Template.Status.APPROVED:
        fields["approved_at"] = now
    if not fields["graph_id"]:
        raise NotNow("Meta gave the template no id.")
    news.take_news(template, Done.HANDED_OVER, to=status or None, **fields)
    log.info("template_handed_over", template=template.pk, status=status)


def _existing(template: Template, graph: TemplateGraph) -> dict[str, Any]:
    """What Meta has under the template's name and language."""
    wanted = {"name": template.name, "language": template.language}
    for found in graph.templates(template.waba_id, name=template.name):
        if wanted.items() <= found.items():
            return found
    raise NotNow("Meta says that it has the template, and does not list it.")


def _give_edit(
    edit: Template, graph: TemplateGraph, content: dict[str, Any], *, now: datetime
) -> None:
    live = edit.original
    if content["category"] == live.category:
        del content["category"]
    try:
        graph.edit(live.graph_id, content)
    except GraphRefused as refused:
        # Perhaps it was taken the last time, and the answer was lost.
        if refused.subcode != FROZEN or not _is_there(edit, graph):
            raise
    status = news.status_of(graph.template(live.graph_id).get("status")) or live.status
    with transaction.atomic():
        if not due().filter(pk=edit.pk, version=edit.version).delete()[0]:
            raise Outdated("The edit was changed meanwhile")
        workflow.move(
            live, Done.EDITED, by=META, to=status, content=edit.content, status_reason="", now=now
        )
    log.info("template_edit_handed_over", template=live.pk, status=status)


def _is_there(edit: Template, graph: TemplateGraph) -> bool:
    """Whether Meta has the template as the edit wants it; it shows samples in a way of its own."""
    row = graph.template(edit.original.graph_id)
    at_meta = {**edit.content, "components": row.get("components")}
    return all(change.part.endswith(".example") for change in differences(at_meta, edit.content))


def _not_taken(template: Template, reason: str, *, now: datetime) -> None:
    with transaction.atomic():
        workflow.move(
            template, Done.NOT_TAKEN, by=META, reason=reason, status_reason=reason[:500], now=now
        )
        notices.notify(
            template.company,
            title=_("Meta did not take the template %(name)s") % {"name": template.name},
            text=reason,
            level=Notice.Level.BAD,
            link=f"/templates/{template.original.pk}",
        )
