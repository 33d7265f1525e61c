"""Templates that staff approved come to Meta: once, and with Meta's answer kept."""

import pytest
from django.utils import timezone

from companies.graph.sandbox import Sandbox
from companies.models import Channel, Company, Notice
from messaging import tasks, template_handover
from messaging.template_handover import NotNow
from templates_app.models import Template
from tests import factories

pytestmark = pytest.mark.django_db

WABA = "200000000000001"
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
        name="order_ready",
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
