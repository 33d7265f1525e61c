"""The staff's queue of templates and of edits of them."""

from __future__ import annotations

from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce

from companies.staff_queues import Queue
from templates_app.decisions import TEMPLATES
from templates_app.models import Template

Status = Template.Status


def _submitted() -> QuerySet[Template]:
    rows = Template.everything.filter(status=Status.SUBMITTED)
    rows = rows.select_related("company", "channel", "edit_of")
    # What was made before submissions were timed has no time of it.
    return rows.annotate(since=Coalesce(F("submitted_at"), F("created_at"))).order_by("since", "pk")


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
