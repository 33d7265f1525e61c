"""Templates that staff approved come to Meta: once, and with Meta's answer kept."""

from io import BytesIO
from itertools import count
from typing import Any

import pytest
from django.utils import timezone

from companies.graph.sandbox import Sandbox
from companies.models import Channel, Company, Notice
from messaging import media, tasks, template_handover
from messaging.template_handover import NotNow
from templates_app import drafts, meta
from templates_app.models import Template
from templates_app.workflow import Author
from tests import factories, media_files

pytestmark = pytest.mark.django_db

WABA = "200000000000001"
_numbers = count(1)
BODY = {
    "type": "BODY",
    "text": "Your order {{1}} is ready for collection now.",
    "example": {"body_text": [["A1"]]},
}


@pytest.fixture
def template(acme: Company, graph: Sandbox) -> Template:
    channel = factories.make_channel(
        acme, waba_id=WABA, phone_number_id="100000000000001", phone_number="+254700000001"
    )
    return factories.make_template(
        acme,
        channel=channel,
        waba_id=WABA,
        # The sandbox keeps its templates, and when they were edited, from test to test.
        name=f"order_ready_{next(_numbers)}",
        status=Template.Status.PENDING,
        components=[BODY],
    )


def hand_over() -> None:
    template_handover.hand_over_due(now=timezone.now())


def test_an_approved_template_goes_to_meta_and_gets_its_id(template: Template):
    assert template_handover.is_waiting()

    hand_over()

    template.refresh_from_db()
    assert template.graph_id.isdigit()
    assert template.status == Template.Status.PENDING
    assert not template_handover.is_waiting()


def test_a_lost_answer_does_not_make_a_second_template(template: Template):
    hand_over()
    template.refresh_from_db()
    first = template.graph_id
    Template.objects.update(graph_id="")

    hand_over()

    template.refresh_from_db()
    assert template.graph_id == first


def test_what_meta_refuses_is_rejected_with_its_words(template: Template):
    Template.objects.update(components=[{**BODY, "example": {}}])

    hand_over()

    template.refresh_from_db()
    assert template.status == Template.Status.REJECTED
    assert template.status_reason
    assert Notice.objects.get().text == template.status_reason


def test_without_a_channel_it_waits_and_says_why(template: Template):
    Channel.objects.update(status=Channel.Status.DISCONNECTED)

    with pytest.raises(NotNow, match="no connected channel"):
        hand_over()

    template.refresh_from_db()
    assert template.status == Template.Status.PENDING
    assert template.status_reason.startswith("Not with Meta yet:")


def test_while_meta_is_away_it_waits(template: Template, settings):
    settings.GRAPH_API_URL = "http://127.0.0.1:9"

    with pytest.raises(NotNow, match="could not be reached"):
        hand_over()

    assert template_handover.is_waiting()


def test_the_sweep_has_it_handed_over_and_rests_after_a_failure(template, monkeypatch):
    sent = []
    monkeypatch.setattr("messaging.wake.send", lambda task, *args: sent.append(task))
    Channel.objects.update(status=Channel.Status.DISCONNECTED)

    tasks.sweep()
    tasks.hand_over_templates()
    tasks.sweep()

    assert sent.count("messaging.hand_over_templates") == 1


# --- Samples --------------------------------------------------------------------------


IMAGE = {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["media_…"]}}


def with_image(template: Template, handle: str) -> None:
    header = {**IMAGE, "example": {"header_handle": [handle]}}
    Template.objects.update(components=[header, BODY])


def at_meta(graph: Sandbox, template: Template) -> dict[str, Any]:
    rows = graph.control("GET", f"templates?waba_id={WABA}")["templates"]
    [row] = [row for row in rows if row["id"] == template.graph_id]
    return row


def test_a_sample_of_ours_is_uploaded_and_goes_by_metas_handle(template: Template, graph: Sandbox):
    file = media.store(
        company_id=template.company_id, file=BytesIO(media_files.PNG), filename="offer.png"
    )
    with_image(template, file.public_id)

    hand_over()

    template.refresh_from_db()
    assert template.graph_id
    assert template.components[0]["example"]["header_handle"] == [file.public_id]
    assert file.public_id not in str(at_meta(graph, template))


def test_a_sample_that_is_gone_or_anothers_keeps_the_template_from_meta(
    template: Template, rival: Company
):
    with_image(template, factories.make_media(rival).public_id)

    hand_over()

    template.refresh_from_db()
    assert template.status == Template.Status.REJECTED
    assert "Upload it again" in Notice.objects.get().text


# --- Edits ----------------------------------------------------------------------------


@pytest.fixture
def edit(template: Template, graph: Sandbox) -> Template:
    """An edit that staff approved of a template that Meta approved."""
    hand_over()
    template.refresh_from_db()
    graph.control("POST", "templates", {"action": "approve", "id": template.graph_id})
    Template.objects.update(status=Template.Status.APPROVED)
    template.refresh_from_db()
    edit = drafts.edit(template, by=WRITER)
    mended = {**BODY, "text": "Your order {{1}} is ready at our shop."}
    fields = {"name": template.name, "language": template.language, **template.content}
    drafts.save(template.channel, {**fields, "components": [mended]}, by=WRITER, template=edit)
    drafts.submit(edit, by=WRITER)
    Template.everything.filter(pk=edit.pk).update(status=Template.Status.PENDING)
    return edit


WRITER = Author(label="a writer")


def test_an_edit_replaces_the_content_at_meta_and_here(edit: Template, graph: Sandbox):
    assert template_handover.is_waiting()

    hand_over()

    template = Template.everything.get()
    assert template.pk == edit.edit_of_id
    assert template.status == Template.Status.APPROVED
    assert template.components[0]["text"] == "Your order {{1}} is ready at our shop."
    assert at_meta(graph, template)["components"] == template.components
    last = template.events.order_by("-pk")[0]
    assert (last.done, last.changes[0][0]) == ("edited", "BODY.text")
    assert not template_handover.is_waiting()


def test_an_edit_whose_answer_was_lost_is_not_called_refused(edit: Template, graph: Sandbox):
    asked = meta.graph_of(Channel.objects.get())
    asked.edit(edit.original.graph_id, {"components": edit.components})

    hand_over()

    template = Template.everything.get()
    assert template.components == edit.components


def test_an_edit_that_meta_refuses_leaves_the_template_as_it_was(edit: Template, graph: Sandbox):
    before = edit.original.components
    asked = meta.graph_of(Channel.objects.get())
    other = [{**BODY, "text": "Your order {{1}} can be fetched today."}]
    asked.edit(edit.original.graph_id, {"components": other})

    hand_over()

    edit.refresh_from_db()
    template = Template.objects.get()
    assert (template.status, template.components) == (Template.Status.APPROVED, before)
    assert edit.status == Template.Status.REJECTED
    assert "once in 24 hours" in edit.status_reason
    drafts.save(
        edit.channel,
        {**edit.content, "name": edit.name, "language": edit.language},
        by=WRITER,
        template=edit,
    )
    assert edit.status == Template.Status.DRAFT
