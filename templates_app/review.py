"""What can be said by rule about a template that staff review: each check, and whether it is met."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from templates_app import services
from templates_app.models import Template
from templates_app.previews import Bubble, template_bubble
from templates_app.samples import samples_of


@dataclass(frozen=True, kw_only=True)
class Check:
    title: str
    text: str
    ok: bool


def checks(template: Template, *, beside_others: bool) -> Iterator[Check]:
    """What the lint finds, the worst first; a single good one where it finds nothing."""
    found = services.findings_of(template, beside_others=beside_others)
    if not found:
        text = "Format, lengths, variables, samples and wording fit."
        yield Check(title="Meta’s rules", ok=True, text=text)
    for finding in found:
        text = f"{finding.message} {finding.remedy}"
        yield Check(title=f"{finding.severity.title()} in {finding.component}", ok=False, text=text)


def bubble(template: Template) -> Bubble:
    """As the customer would see it, with the samples in their places."""
    return template_bubble(
        template,
        head=samples_of(_part(template, "HEADER")),
        body=samples_of(_part(template, "BODY")),
    )


def _part(template: Template, kind: str) -> dict[str, Any]:
    parts = template.components if isinstance(template.components, list) else []
    return next(
        (p for p in parts if isinstance(p, dict) and str(p.get("type", "")).upper() == kind), {}
    )
