"""The files that a template's headers show as samples: Meta wants a handle of its own for each.

A template keeps our id of the file (`media_…`) in its `header_handle`; only what is handed over to Meta
has the handle, made anew each time. A handle of Meta's that a company brought along is left alone.
"""

from __future__ import annotations

from typing import Any

from django.core.files.storage import default_storage
from django.utils.translation import gettext as _

from messaging import media
from templates_app.meta import TemplateGraph
from templates_app.models import Template


class NoSample(Exception):
    """A sample is not there any more; the text is for the company."""


def with_handles(template: Template, graph: TemplateGraph) -> list[dict[str, Any]]:
    """The components as Meta takes them. Raises NoSample, GraphAway and GraphRefused."""
    return [_component(part, template.company_id, graph) for part in template.components]


def _component(part: dict[str, Any], company_id: int, graph: TemplateGraph) -> dict[str, Any]:
    cards = part.get("cards")
    if isinstance(cards, list):
        given = [
            {**card, "components": [_component(c, company_id, graph) for c in card["components"]]}
            for card in cards
        ]
        return {**part, "cards": given}
    example = part.get("example")
    handles = example.get("header_handle") if isinstance(example, dict) else None
    if not isinstance(handles, list) or not isinstance(example, dict):
        return part
    own = [_handle(str(handle), company_id, graph) for handle in handles]
    return {**part, "example": {**example, "header_handle": own}}


def _handle(handle: str, company_id: int, graph: TemplateGraph) -> str:
    if not handle.startswith(f"{media.PREFIX}_"):
        return handle
    file = media.find(company_id=company_id, public_id=handle)
    if file is None:
        raise NoSample(_("The sample of the header is gone. Upload it again."))
    with default_storage.open(file.storage_name) as content:
        return graph.upload_sample(content.read(), mime_type=file.content_type)
