"""The staff's queue of templates."""

from __future__ import annotations

from django.db.models import F, QuerySet

from companies.staff_queues import Queue
from templates_app.decisions import TEMPLATES
from templates_app.models import Template

Status = Template.Status


def _submitted() -> QuerySet[Template]:
    rows = Template.objects.filter(status=Status.SUBMITTED).select_related("company", "channel")
    return rows.annotate(since=F("updated_at")).order_by("since", "pk")


TEMPLATE_QUEUE = Queue(
    name="templates",
    title="Templates to look at",
    icon="rule",
    process=TEMPLATES,
    rows=_submitted,
    template="admin/queue_template.html",
    empty="No template is waiting.",
    counts=(Status.PENDING, Status.APPROVED),
)
