from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from companies.models import AuditEvent, Channel, Company
from contacts.models import Contact
from messaging import batch_state
from messaging.models import Batch, Message, Status, UnusedInput
from tests import factories

pytestmark = pytest.mark.django_db


def _text(body: str) -> dict[str, object]:
    return {"type": "text", "text": {"body": body}}


def _page(client: Client, batch: Batch) -> str:
    return client.get(f"/batches/{batch.public_id}").content.decode()


def test_the_newest_batches_come_first_and_older_ones_on_further_pages(owner: Client, channel):
    for number in range(30):
        factories.make_batch(channel, payload=_text(f"number-{number:02d}"))

    first = owner.get("/batches")
    second = owner.get(f"/batches?before={first.context['older']}")

    shown = [row.summary for row in (*first.context["rows"], *second.context["rows"])]
    assert shown == [f"number-{number:02d}" for number in reversed(range(30))]
    assert second.context["older"] == ""


def test_a_page_of_batches_costs_the_same_queries_whatever_its_length(owner: Client, acme):
    factories.make_batch(factories.make_channel(acme))
    with CaptureQueriesContext(connection) as few:
        owner.get("/batches")
    for _ in range(10):
        factories.make_batch(factories.make_channel(acme))
    with CaptureQueriesContext(connection) as many:
        owner.get("/batches")

    assert len(many) == len(few)


def test_an_id_that_is_none_is_not_found(owner: Client):
    assert owner.get("/batches?before=nonsense").status_code == 404
    assert owner.get("/batches/nonsense").status_code == 404
    assert owner.get("/batches/batch_zzzzzzzzzzzzz").status_code == 404


def test_another_companys_batch_is_not_found(stranger: Client, channel: Channel):
    batch = factories.make_batch(channel)

    assert stranger.get(f"/batches/{batch.public_id}").status_code == 404
    assert stranger.get(f"/batches/{batch.public_id}/progress").status_code == 404
    assert batch.public_id not in stranger.get("/batches").content.decode()


def test_counts_reasons_and_masked_numbers_are_shown(owner: Client, channel: Channel):
    batch = factories.make_batch(channel, recipients_count=4, failed=1, read=1, sent=1)
    for phone, status, code in (
        ("254712345678", Status.READ, ""),
        ("254712345679", Status.SENT, ""),
        ("254712345680", Status.FAILED, "131026"),
        ("254712345681", Status.QUEUED, ""),
    ):
        factories.make_message(
            channel, batch=batch, recipient=phone, status=status, error_code=code
        )
    Contact.objects.filter(phone="254712345678").update(name="Wanjiku <3")

    response = owner.get(f"/batches/{batch.public_id}")
    page = response.content.decode()

    assert {tile.name: tile.count for tile in response.context["tiles"]} == {
        "waiting": 1,
        "uncertain": 0,
        "sent": 1,
        "delivered": 0,
        "read": 1,
        "failed": 1,
    }
    [reason] = response.context["reasons"]
    assert (reason["code"], reason["count"]) == ("131026", 1)
    assert reason["title"]
    assert "+254\xa0712\xa0•••\xa0678" in page
    assert "Wanjiku &lt;3" in page
    assert "254712345678" not in page


def test_what_people_typed_is_never_markup(owner: Client, channel: Channel):
    batch = factories.make_batch(channel, payload=_text("<script>alert(1)</script> *bold* & _it_"))

    page = _page(owner, batch)

    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;" in page
    assert "<strong>bold</strong> &amp; <em>it</em>" in page


def test_a_template_is_shown_as_the_customer_sees_it(owner: Client, acme: Company, channel):
    template = factories.make_template(acme)
    payload = {
        "type": "template",
        "template": {
            "name": template.name,
            "language": {"code": "en_US"},
            "components": [
                {"type": "body", "parameters": [{"type": "text", "text": "<b>Amina</b>"}]}
            ],
        },
    }
    batch = factories.make_batch(
        channel, content_type="template", template=template, payload=payload
    )

    assert (
        'Hello <span class="wa-var">&lt;b&gt;Amina&lt;/b&gt;</span>, your order is on its way.'
        in _page(owner, batch)
    )


def test_a_one_time_code_is_not_shown(owner: Client, acme: Company, channel: Channel):
    template = factories.make_template(acme, category="AUTHENTICATION")
    parameters = [{"type": "text", "text": "918273"}]
    payload = {
        "type": "template",
        "template": {
            "name": template.name,
            "language": {"code": "en_US"},
            "components": [{"type": "body", "parameters": parameters}],
        },
    }
    batch = factories.make_batch(
        channel, template=template, payload=payload, category="AUTHENTICATION"
    )

    assert "918273" not in _page(owner, batch)
    assert "918273" not in owner.get("/batches").content.decode()


@pytest.mark.parametrize(
    "payload",
    [
        {},
        [],
        {"type": "reaction", "reaction": {"emoji": "👍"}},
        {"type": "template", "template": {"name": "gone", "language": {"code": "en"}}},
        {"type": "image", "image": {"link": "https://example.com/a.jpg"}},
        {"type": "interactive", "interactive": {"type": "list", "action": {"button": "Choose"}}},
    ],
)
def test_any_payload_has_a_page(owner: Client, channel: Channel, payload):
    batch = factories.make_batch(channel, payload=payload)

    assert owner.get(f"/batches/{batch.public_id}").status_code == 200
    assert owner.get("/batches").status_code == 200


def test_unused_inputs_are_listed_up_to_a_hundred_and_counted(owner: Client, channel: Channel):
    batch = factories.make_batch(channel)
    UnusedInput.objects.bulk_create(
        UnusedInput(batch=batch, input=f"bad{n}", reason="not a phone number") for n in range(103)
    )
    UnusedInput.objects.create(batch=factories.make_batch(channel), input="other", reason="x")

    response = owner.get(f"/batches/{batch.public_id}")

    assert response.context["unused_count"] == 103
    assert len(response.context["unused"]) == 100
    assert "other" not in [each["input"] for each in response.context["unused"]]


def test_the_page_refreshes_itself_until_all_is_at_rest(owner: Client, channel: Channel):
    batch = factories.make_batch(channel)
    assert 'hx-trigger="every 2s"' in _page(owner, batch)

    Batch.objects.filter(pk=batch.pk).update(sent=1)
    assert 'hx-trigger="every 15s"' in _page(owner, batch)

    Batch.objects.filter(pk=batch.pk).update(sent=0, read=1)
    assert "hx-trigger" not in _page(owner, batch)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"status": "disconnected", "status_reason": "Token died"}, "Main is disconnected."),
        ({"paused_until": datetime(2999, 1, 1, tzinfo=UTC)}, "Main is paused until somebody lifts"),
        ({"paused_until": timezone.now() + timedelta(days=2)}, "Main is paused until "),
    ],
)
def test_a_batch_that_waits_for_its_channel_says_so(
    owner: Client, channel: Channel, change: dict[str, Any], words: str
):
    batch = factories.make_batch(channel)
    done = factories.make_batch(channel, read=1)
    Channel.objects.update(**change)

    assert words in _page(owner, batch)
    assert words not in _page(owner, done)
    assert owner.get("/batches").content.decode().count("Waiting for its channel") == 1


def test_an_old_batch_waits_for_no_receipts(owner: Client, channel: Channel):
    batch = factories.make_batch(channel, sent=1)
    long_ago = timezone.now() - timedelta(hours=2)
    Batch.objects.filter(pk=batch.pk).update(created_at=long_ago, due_at=long_ago)

    assert "hx-trigger" not in _page(owner, batch)


def test_the_refreshed_part_is_no_whole_page(owner: Client, channel: Channel):
    batch = factories.make_batch(channel)

    part = owner.get(f"/batches/{batch.public_id}/progress", headers={"HX-Request": "true"})

    assert b"<html" not in part.content
    assert b'id="progress"' in part.content
    assert b'id="messages" hx-swap-oob="true"' in part.content


def test_a_part_asked_for_after_signing_out_reloads_the_page(client: Client, channel: Channel):
    batch = factories.make_batch(channel)

    part = client.get(f"/batches/{batch.public_id}/progress", headers={"HX-Request": "true"})

    assert part["HX-Refresh"] == "true"


def test_a_batch_of_many_shows_the_first_fifty(owner: Client, channel: Channel):
    batch = factories.make_batch(channel, recipients_count=60)
    for _ in range(60):
        factories.make_message(channel, batch=batch)

    with CaptureQueriesContext(connection) as queries:
        response = owner.get(f"/batches/{batch.public_id}")

    assert len(response.context["messages_shown"]) == 50
    assert Message.objects.count() == 60
    assert len(queries) < 12


# --- Pause, resume, cancel, another time ----------------------------------------------------


def _post(client: Client, batch: Batch, action: str, **fields: str) -> Batch:
    response = client.post(f"/batches/{batch.public_id}/{action}", fields)
    assert response["Location"] == f"/batches/{batch.public_id}"
    return Batch.objects.get(pk=batch.pk)


def _words(pages: str) -> list[str]:
    """The words of the buttons that the page offers for the batch."""
    actions = pages.partition('id="batch-actions"')[2].partition("<main")[0]
    return [
        word
        for word in ("Resume", "Pause", "Cancel the batch", "Send now")
        if f"{word}</" in actions
    ]


def test_a_batch_is_paused_resumed_and_cancelled_from_its_page(owner: Client, channel: Channel):
    batch = factories.make_batch(channel)
    assert _words(_page(owner, batch)) == ["Pause", "Cancel the batch"]

    assert _post(owner, batch, "pause").paused_at is not None
    assert _words(_page(owner, batch)) == ["Resume", "Cancel the batch"]
    assert "Paused since" in _page(owner, batch)
    assert _post(owner, batch, "resume").paused_at is None
    assert _post(owner, batch, "cancel").halt_code == "cancelled"

    page = _page(owner, batch)
    assert _words(page) == []
    assert "Cancelled by owner@acme.example." in page
    kinds = AuditEvent.objects.order_by("pk").values_list("kind", "label")
    assert list(kinds) == [
        (f"batch.{kind}", batch.public_id) for kind in ("paused", "resumed", "cancelled")
    ]


def test_what_can_not_be_done_any_more_is_said_and_leaves_no_trace(owner: Client, channel: Channel):
    batch = factories.make_batch(channel, read=1)

    _post(owner, batch, "pause")
    page = _page(owner, batch)

    assert "There is nothing left to pause." in page
    assert not AuditEvent.objects.exists()


def test_a_scheduled_batch_shows_its_time_and_takes_another(owner: Client, channel: Channel):
    due_at = timezone.now() + timedelta(days=2)
    batch = factories.make_batch(channel, due_at=due_at)
    page = _page(owner, batch)
    assert "Goes out on" in page
    assert "Scheduled" in page

    day = (due_at + timedelta(days=1)).date().isoformat()
    changed = _post(owner, batch, "time", day=day, at="10:00")
    assert changed.due_at.strftime("%Y-%m-%d %H:%M") == f"{day} 07:00"

    refused = _post(owner, batch, "time", day="2020-01-01", at="10:00")
    assert refused.due_at == changed.due_at
    assert "This time has passed." in _page(owner, batch)

    assert _post(owner, batch, "time", now="1").due_at <= timezone.now()


def test_a_viewer_sees_a_batch_and_may_not_stop_it(viewer: Client, channel: Channel):
    batch = factories.make_batch(channel)

    assert _words(_page(viewer, batch)) == []
    for action in ("pause", "resume", "cancel", "time"):
        assert viewer.post(f"/batches/{batch.public_id}/{action}").status_code == 403
    assert viewer.get(f"/batches/{batch.public_id}/messages.csv").status_code == 403


def test_another_companys_batch_is_not_stopped(stranger: Client, channel: Channel):
    batch = factories.make_batch(channel)

    for action in ("pause", "resume", "cancel", "time"):
        assert stranger.post(f"/batches/{batch.public_id}/{action}").status_code == 404
    assert stranger.get(f"/batches/{batch.public_id}/messages.csv").status_code == 404
    assert stranger.get(f"/batches/{batch.public_id}/unused.csv").status_code == 404


def test_what_can_be_done_is_refreshed_only_when_it_has_changed(owner: Client, channel: Channel):
    batch = factories.make_batch(channel)
    address = f"/batches/{batch.public_id}/progress"

    same = owner.get(f"{address}?state=running").content.decode()
    changed = owner.get(f"{address}?state=scheduled").content.decode()

    assert "batch-actions" not in same
    assert 'id="batch-actions" hx-swap-oob="true"' in changed
    assert 'id="batch-time" hx-swap-oob="true"' in changed


def test_the_messages_of_a_batch_are_exported_with_whole_numbers(
    owner: Client, channel: Channel, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("messaging.batch_pages._AT_ONCE", 2)
    batch = factories.make_batch(channel, recipients_count=5)
    for number in range(5):
        factories.make_message(
            channel, batch=batch, recipient=f"25471234567{number}", status=Status.SENT
        )
    factories.make_message(channel)

    response = owner.get(f"/batches/{batch.public_id}/messages.csv")
    lines = b"".join(response.streaming_content).decode("utf-8-sig").splitlines()

    assert lines[0].startswith("message_id,to,name,status")
    assert [line.split(",")[1] for line in lines[1:]] == [f"+25471234567{n}" for n in range(5)]
    assert AuditEvent.objects.get().kind == "message.exported"


def test_what_was_not_used_is_exported(owner: Client, channel: Channel):
    batch = factories.make_batch(channel)
    UnusedInput.objects.create(batch=batch, input="=cmd()", reason="not a phone number")

    response = owner.get(f"/batches/{batch.public_id}/unused.csv")

    assert b"".join(response.streaming_content).decode("utf-8-sig").splitlines() == [
        "given,reason",
        "'=cmd(),not a phone number",
    ]


# --- Filters --------------------------------------------------------------------------------


@pytest.fixture
def one_of_each(channel: Channel) -> dict[str, Batch]:
    now = timezone.now()
    return {
        "running": factories.make_batch(channel),
        "scheduled": factories.make_batch(channel, due_at=now + timedelta(days=1)),
        "paused": factories.make_batch(channel, paused_at=now),
        "cancelled": factories.make_batch(channel, halt_code="cancelled", failed=1),
        "done": factories.make_batch(channel, read=1),
    }


@pytest.mark.parametrize("state", ["running", "scheduled", "paused", "cancelled", "done"])
def test_batches_are_found_by_their_state(owner: Client, one_of_each: dict[str, Batch], state: str):
    rows = owner.get(f"/batches?state={state}").context["rows"]

    assert [row.batch for row in rows] == [one_of_each[state]]
    assert batch_state.state(rows[0].batch, now=timezone.now()) == state


def test_batches_are_found_by_channel_and_day(owner: Client, acme: Company, channel: Channel):
    old = factories.make_batch(channel)
    Batch.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=10))
    new = factories.make_batch(channel)
    other = factories.make_batch(factories.make_channel(acme))
    week_ago = (timezone.now() - timedelta(days=7)).date()

    def found(query: str) -> list[Batch]:
        return [row.batch for row in owner.get(f"/batches?{query}").context["rows"]]

    assert found(f"since={week_ago}") == [other, new]
    assert found(f"until={week_ago}") == [old]
    assert found(f"channel={other.channel_id}") == [other]


def test_what_is_rare_is_looked_for_page_by_page(
    owner: Client, channel: Channel, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("messaging.batch_list.LOOK", 10)
    wanted = factories.make_batch(channel, paused_at=timezone.now())
    for _ in range(15):
        factories.make_batch(channel)

    first = owner.get("/batches?state=paused")
    second = owner.get(f"/batches?state=paused&before={first.context['older']}")

    assert (first.context["rows"], first.context["is_cut"]) == ([], True)
    assert [row.batch for row in second.context["rows"]] == [wanted]


def test_a_filter_that_is_wrong_says_so(owner: Client):
    page = owner.get("/batches?since=nonsense&until=2026-01-01")

    assert page.status_code == 200
    assert "Enter a valid date" in page.content.decode()
