"""Deleting a template: at Meta where Meta knows it, and here."""

from __future__ import annotations

from django.db import transaction

from companies.graph.client import GraphAway, GraphRefused
from config.api import ApiError
from templates_app import meta, workflow
from templates_app.models import Template
from templates_app.workflow import Author, Done

# Graph: "Message Template Not Found".
_GONE = 2593002


def delete(template: Template, *, by: Author) -> Template:
    """The template, marked as deleted; its name can be used anew here, at Meta after some weeks.

    An edit of it goes with it. Raises ApiError where Meta can't be asked or refuses; then nothing has
    changed.
    """
    if template.status == Template.Status.DELETED:
        return template
    if template.graph_id:
        _delete_at_meta(template)
    return mark(template, by=by)


def mark(template: Template, *, by: Author) -> Template:
    """What Meta has no more is deleted here too."""
    with transaction.atomic():
        Template.everything.filter(edit_of=template).delete()
        return workflow.move(template, Done.DELETED, by=by)


def _delete_at_meta(template: Template) -> None:
    channel = meta.channel_of(template.company_id, template.waba_id)
    if channel is None:
        raise ApiError("WABA channel is disconnected", code="reconnect_waba")
    try:
        meta.graph_of(channel).delete(
            template.waba_id, name=template.name, graph_id=template.graph_id
        )
    except GraphAway as away:
        raise ApiError(
            "Meta could not be reached; nothing was deleted", code="meta_unavailable", status=503
        ) from away
    except GraphRefused as refused:
        if refused.subcode != _GONE:
            raise ApiError(refused.said, code="refused_by_meta", status=409) from refused
