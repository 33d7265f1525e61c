"""Deleting a template: at Meta where Meta knows it, and here."""

from __future__ import annotations

from django.utils import timezone

from companies.decisions import watching
from companies.graph.client import GraphAway, GraphRefused
from config.api import ApiError
from templates_app import meta
from templates_app.models import Template

# Graph: "Message Template Not Found".
_GONE = 2593002


def delete(template: Template) -> Template:
    """The template, marked as deleted; its name can be used anew here, at Meta after some weeks.

    Raises ApiError where Meta can't be asked or refuses; then nothing has changed.
    """
    if template.status == Template.Status.DELETED:
        return template
    if template.graph_id:
        _delete_at_meta(template)
    rows = Template.objects.filter(pk=template.pk)
    with watching(rows):
        rows.update(status=Template.Status.DELETED, updated_at=timezone.now())
    template.refresh_from_db()
    return template


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
