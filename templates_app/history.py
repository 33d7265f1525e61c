"""What happened to a template, and what was different each time, for people to read."""

from __future__ import annotations

from dataclasses import dataclass

from templates_app.differing import Change, differences
from templates_app.models import Template, TemplateEvent
from templates_app.telling import in_words
from templates_app.workflow import Done

SHOWN = 50


@dataclass(frozen=True, kw_only=True)
class Line:
    """One step: `states` are the two that it led from and to, if they differ; `why` is in plain words,
    `changes` are against the version before.
    """

    event: TemplateEvent
    states: tuple[str, str] | None
    why: str
    changes: list[Change]


def history(template: Template, *, limit: int = SHOWN) -> list[Line]:
    """The steps of a template and its edits, the latest first."""
    events = TemplateEvent.objects.filter(template_id=template.original.pk)
    return [
        Line(
            event=event,
            states=_states(event),
            why=in_words(event.reason),
            changes=[Change(*change) for change in event.changes],
        )
        for event in events.select_related("author").order_by("-pk")[:limit]
    ]


def _states(event: TemplateEvent) -> tuple[str, str] | None:
    if event.from_status == event.to_status:
        return None
    label = dict(Template.Status.choices)
    return str(label.get(event.from_status, "")), str(label.get(event.to_status, ""))


def to_review(template: Template) -> tuple[str, list[Change]]:
    """Against what a reviewer should compare it, in words, and what is different: what Meta has, or
    what was handed in the last time. Nothing for what is handed in for the first time.
    """
    if template.edit_of is not None:
        return "what Meta has", differences(template.edit_of.content, template.content)
    handed_in = list(template.events.filter(done=Done.SUBMITTED).order_by("-pk")[:2])
    if len(handed_in) < 2:
        return "", []
    return "what was submitted before", differences(handed_in[1].content or {}, template.content)
