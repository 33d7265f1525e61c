"""What Meta has and what we have is made the same, although webhooks got lost."""

from typing import Any

import pytest
from django.utils import timezone

from companies.graph.client import GraphAway
from companies.graph.sandbox import Sandbox
from companies.models import Channel, Company, Notice
from templates_app import lint, meta, news, tasks
from templates_app.models import Template
from templates_app.sync import sync, sync_all
from tests import factories

pytestmark = pytest.mark.django_db
ORDER: dict[str, Any] = {
    "language": "en",
    "category": "UTILITY",
    "components": [{"type": "BODY", "text": "Your order has left our warehouse."}],
}


@pytest.fixture
def waba(channel: Channel, graph: Sandbox) -> str:
    return channel.waba_id


@pytest.fixture
def known(acme: Company, waba: str, graph: Sandbox) -> Template:
    """A template that Meta approved, as both know."""
    name = f"order_{timezone.now().timestamp():.6f}".replace(".", "_")
    body = {**ORDER, "name": name, "status": "APPROVED"}
    row = graph.control("POST", "templates", {"action": "add", "waba_id": waba, "template": body})
    graph_id = row["templates"][0]["id"]
    return factories.make_template(
        acme, **ORDER, name=name, graph_id=graph_id, approved_at=timezone.now()
    )


def synced(template: Template) -> Template:
    sync(template.company_id, template.waba_id, now=timezone.now())
    template.refresh_from_db()
    return template


def act(graph: Sandbox, template: Template, action: str, **more: Any) -> None:
    order = {"action": action, "id": template.graph_id, **more}
    graph.control("POST", "templates", order)


def test_a_lost_rejection_is_learned_and_told(graph: Sandbox, known: Template) -> None:
    act(graph, known, "reject", reason="INVALID_FORMAT")

    synced(known)

    assert (known.status, known.status_reason) == ("REJECTED", "INVALID_FORMAT")
    assert known.name in Notice.objects.get().title


def test_pause_quality_and_category_are_taken_over(graph: Sandbox, known: Template) -> None:
    act(graph, known, "pause")
    act(graph, known, "quality", score="RED")
    act(graph, known, "category", category="MARKETING")

    synced(known)

    assert (known.status, known.quality, known.category) == ("PAUSED", "RED", "MARKETING")


def test_a_webhook_tells_the_company_once_and_in_words(known: Template) -> None:
    told = {"message_template_id": known.graph_id, "event": "REJECTED", "reason": "PROMOTIONAL"}

    for _ in range(2):
        assert news.status_update(told, waba_id=known.waba_id)

    known.refresh_from_db()
    assert known.status == "REJECTED"
    assert "choose the category MARKETING" in Notice.objects.get().text


def test_a_webhook_does_not_decide_for_staff(known: Template) -> None:
    Template.objects.update(status="SUBMITTED")
    told = {"message_template_id": known.graph_id, "event": "APPROVED"}

    assert news.status_update(told, waba_id=known.waba_id)

    known.refresh_from_db()
    assert known.status == "SUBMITTED"


def test_nothing_new_tells_nobody(known: Template) -> None:
    before = known.updated_at

    synced(known)

    assert known.updated_at == before
    assert not Notice.objects.exists()


def test_templates_made_elsewhere_are_adopted(acme: Company, waba: str) -> None:
    sync(acme.pk, waba, now=timezone.now())

    adopted = Template.objects.get(name="otp_code")
    assert Template.objects.get(name="promo_template").status == "APPROVED"
    assert adopted.components[-1]["buttons"][0]["type"] == "OTP"
    fields = ("name", "language", "category", "components", "parameter_format")
    found = lint.check(**{name: getattr(adopted, name) for name in fields})
    assert lint.errors_in(found) == []


def test_a_second_sync_adopts_nothing_twice(acme: Company, waba: str) -> None:
    counts = []
    for _ in range(2):
        sync(acme.pk, waba, now=timezone.now())
        counts.append(Template.objects.count())

    assert counts[0] == counts[1] >= 7


def test_what_meta_has_no_more_is_deleted(channel: Channel, known: Template) -> None:
    meta.graph_of(channel).delete(channel.waba_id, name=known.name, graph_id=known.graph_id)

    assert synced(known).status == "DELETED"


@pytest.mark.parametrize("status", ["DRAFT", "SUBMITTED", "CHANGES_REQUESTED", "DECLINED"])
def test_what_is_still_ours_is_left_alone(known: Template, status: str) -> None:
    Template.objects.update(status=status)

    assert synced(known).status == status


def test_what_waits_to_be_handed_over_is_not_deleted(acme: Company, waba: str) -> None:
    waiting = factories.make_template(acme, status="PENDING", graph_id="")

    assert synced(waiting).status == "PENDING"


def test_news_that_came_while_meta_was_asked_stay(graph: Sandbox, known: Template) -> None:
    asked = timezone.now()
    act(graph, known, "pause")
    known.status_reason = "A webhook was faster."
    known.save()

    sync(known.company_id, known.waba_id, now=asked)

    known.refresh_from_db()
    assert known.status_reason == "A webhook was faster."


def test_another_companys_templates_are_not_touched(
    known: Template, rival: Company, graph: Sandbox
) -> None:
    act(graph, known, "pause")

    sync(rival.pk, known.waba_id, now=timezone.now())

    known.refresh_from_db()
    assert known.status == "APPROVED"


def test_while_meta_is_away_nothing_changes(known: Template, settings: Any) -> None:
    settings.GRAPH_API_URL = "http://127.0.0.1:9"

    with pytest.raises(GraphAway):
        synced(known)
    sync_all(now=timezone.now())

    known.refresh_from_db()
    assert known.status == "APPROVED"


def test_the_schedule_has_it_done_every_hour(settings: Any, graph: Sandbox, waba: str) -> None:
    [entry] = [row for row in settings.CELERY_BEAT_SCHEDULE.values() if "templates" in row["task"]]

    assert entry["task"] == tasks.sync_all.name
    tasks.sync_all()

    assert entry["schedule"] == 3600
    assert Template.objects.filter(name="promo_template", waba_id=waba).exists()


def test_a_sample_can_be_uploaded_for_a_new_template(channel: Channel, graph: Sandbox) -> None:
    asked = meta.graph_of(channel)

    handle = asked.upload_sample(b"\x89PNG\r\n\x1a\n" + b"0" * 64, mime_type="image/png")

    header = {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": [handle]}}
    body = {**ORDER, "name": "with_image", "components": [header, *ORDER["components"]]}
    created = asked.create(channel.waba_id, body)
    assert created["status"] == "PENDING"
    assert lint.errors_in(lint.check(**body)) == []


def test_an_approved_template_can_be_edited(
    channel: Channel, known: Template, graph: Sandbox
) -> None:
    asked = meta.graph_of(channel)

    asked.edit(known.graph_id, {"components": [{"type": "BODY", "text": "It is on its way."}]})

    [row] = [row for row in asked.templates(channel.waba_id) if row["id"] == known.graph_id]
    assert row["components"][0]["text"] == "It is on its way."


def test_words_that_were_changed_elsewhere_are_taken_over(graph: Sandbox, known: Template) -> None:
    words = [{"type": "BODY", "text": "Your order has left our house today."}]
    asked = meta.graph_of(Channel.objects.get())
    asked.edit(known.graph_id, {"components": words})
    Template.objects.update(components=ORDER["components"])

    synced(known)

    assert known.components == words
    [event] = known.events.all()
    assert event.changes == [["BODY.text", ORDER["components"][0]["text"], words[0]["text"]]]


def test_other_samples_at_meta_are_no_change(graph: Sandbox, known: Template) -> None:
    own = [{**ORDER["components"][0], "example": {"body_text": [["our own sample"]]}}]
    Template.objects.update(components=own)

    synced(known)

    assert known.components == own
    assert not known.events.exists()
