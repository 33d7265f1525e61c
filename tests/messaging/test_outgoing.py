"""What endpoints are told, and that their numbers have no gaps."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from companies.models import Channel, Company
from messaging import account_events, channel_state, media_inbound, outgoing, queue, settling
from messaging.models import Message, Status, WebhookDelivery, WebhookEndpoint
from messaging.results import Failed, Results, Sent
from messaging.webhook_body import ObjectUpdate
from tests import factories, webhooks

pytestmark = pytest.mark.django_db


@pytest.fixture
def endpoint(acme: Company) -> WebhookEndpoint:
    return factories.make_endpoint(acme)


@pytest.fixture
def meta(client: Any, apply_inbox: Any) -> Callable[..., None]:
    """Meta says something, and it is applied."""

    def say(channel: Channel, **value: Any) -> None:
        assert webhooks.post(client, webhooks.body(channel, **value)).status_code == 200
        apply_inbox()

    return say


def told(endpoint: WebhookEndpoint) -> list[dict[str, Any]]:
    rows = WebhookDelivery.objects.filter(endpoint=endpoint).order_by("sequence")
    return [orjson.loads(row.body()) for row in rows]


def kinds(endpoint: WebhookEndpoint) -> list[str]:
    return [event["event"] for event in told(endpoint)]


def test_a_delivery_is_told_as_the_document_prints_it(
    endpoint: WebhookEndpoint, channel: Channel, meta: Any
) -> None:
    message = factories.make_message(
        channel,
        recipient="1234567890",
        status=Status.SENT,
        wamid="wamid.1",
        batch=factories.make_batch(channel, dialect="amanahagent"),
    )
    at = datetime(2024, 1, 15, 10, 30, 15, tzinfo=UTC)

    meta(
        channel,
        statuses=[webhooks.status(message, "delivered", timestamp=str(int(at.timestamp())))],
    )

    [event] = told(endpoint)
    assert event == {
        "event": "message.delivered",
        "timestamp": "2024-01-15T10:30:15Z",
        "data": {
            "message_id": message.public_id,
            "status": "delivered",
            "to": "+1234567890",
            "delivered_at": "2024-01-15T10:30:15Z",
        },
        "id": WebhookDelivery.objects.get().public_id,
        "sequence": 1,
    }


def test_each_state_is_told_once_however_often_and_in_whatever_order_meta_says_it(
    endpoint: WebhookEndpoint, channel: Channel, meta: Any
) -> None:
    message = factories.make_message(channel, status=Status.SENT, wamid="wamid.1")

    for said in (["read"], ["sent", "delivered"], ["delivered", "read", "sent"]):
        meta(channel, statuses=[webhooks.status(message, status) for status in said])

    assert kinds(endpoint) == ["message.read", "message.sent", "message.delivered"]


def test_a_message_that_was_read_is_not_said_to_have_been_delivered_unless_meta_says_so(
    endpoint: WebhookEndpoint, channel: Channel, meta: Any
) -> None:
    message = factories.make_message(channel, status=Status.SENT, wamid="wamid.1")

    meta(channel, statuses=[webhooks.status(message, "read")])

    assert kinds(endpoint) == ["message.read"]


def test_a_failure_carries_its_reason_and_a_late_one_is_not_told(
    endpoint: WebhookEndpoint, channel: Channel, meta: Any
) -> None:
    failed = factories.make_message(channel, status=Status.SENT, wamid="wamid.1")
    delivered = factories.make_message(channel, status=Status.DELIVERED, wamid="wamid.2")

    meta(channel, statuses=[webhooks.failure(failed, 131026), webhooks.failure(delivered, 131026)])
    meta(channel, statuses=[webhooks.status(failed, "sent"), webhooks.failure(failed, 131026)])

    [event] = told(endpoint)
    assert event["event"] == "message.failed"
    assert event["data"]["message_id"] == failed.public_id
    assert event["data"]["error"] == {"code": "131026", "message": "Error 131026: Because."}
    assert event["data"]["failed_at"] == event["timestamp"]


def test_what_graph_took_and_what_it_refused_is_told(
    endpoint: WebhookEndpoint, channel: Channel, send: Any, drain: Any
) -> None:
    send(phone_number="+254712345678", type="text", message="Hi")
    drain(channel)

    [event] = told(endpoint)
    message = Message.objects.get()
    assert event["event"] == "message.sent"
    assert event["data"] == {
        "message_id": message.public_id,
        "status": "sent",
        "to": "+254712345678",
        "sent_at": event["timestamp"],
        "batch_id": message.batch.public_id,
    }


def test_results_of_a_drain_are_told_together(endpoint: WebhookEndpoint, channel: Channel) -> None:
    rows = [factories.make_message(channel, status=Status.SENDING, fence=7) for _ in range(3)]
    results = Results(
        sent=[Sent(row.pk, row.batch_id, f"wamid.{row.pk}") for row in rows[:2]],
        failed=[Failed(rows[2].pk, rows[2].batch_id, "131026", "Because.")],
    )

    queue.store_results(results, fence=7, now=timezone.now())

    assert kinds(endpoint) == ["message.sent", "message.sent", "message.failed"]


def test_a_message_given_up_as_unconfirmed_is_told_as_failed(
    endpoint: WebhookEndpoint, channel: Channel
) -> None:
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    factories.make_message(channel, status=Status.UNCERTAIN, attempted_at=long_ago, due_at=long_ago)

    settling.settle(now=timezone.now())

    [event] = told(endpoint)
    assert event["data"]["error"]["code"] == "unconfirmed"


def test_engagelabs_own_arguments_come_back(
    endpoint: WebhookEndpoint, channel: Channel, meta: Any
) -> None:
    batch = factories.make_batch(
        channel,
        dialect="engagelab",
        echo={"request_id": "r-1", "custom_args": {"order": 7, "deep": ["ü"]}},
    )
    message = factories.make_message(channel, batch=batch, status=Status.SENT, wamid="wamid.1")

    meta(channel, statuses=[webhooks.status(message, "delivered")])

    data = told(endpoint)[0]["data"]
    assert data["request_id"] == "r-1"
    assert data["custom_args"] == {"order": 7, "deep": ["ü"]}
    assert data["message_id"] == message.public_id
    assert data["batch_id"] == batch.public_id


def test_a_message_from_a_person_is_told(
    endpoint: WebhookEndpoint, channel: Channel, meta: Any
) -> None:
    meta(
        channel,
        contacts=[{"wa_id": "254711111111", "profile": {"name": "Wanjiku"}}],
        messages=[webhooks.inbound("Karibu", sender="254711111111")] * 2,
    )

    [event] = told(endpoint)
    data = event["data"]
    assert event["event"] == "message.received"
    assert data.pop("message_id").startswith("msg_in_")
    assert data == {
        "status": "received",
        "from": "+254711111111",
        "name": "Wanjiku",
        "to": channel.phone_number,
        "type": "text",
        "text": "Karibu",
        "media_id": None,
        "content": {"body": "Karibu"},
        "received_at": event["timestamp"],
    }


def test_a_message_with_a_file_is_told_once_with_our_copy_or_after_a_second_try_without(
    endpoint: WebhookEndpoint, channel: Channel, meta: Any, graph: Any
) -> None:
    image = {"id": "404404", "mime_type": "image/jpeg", "sha256": "x", "caption": "Look"}
    meta(channel, messages=[{**webhooks.inbound(), "type": "image", "image": image}])
    assert told(endpoint) == []

    later = timezone.now()
    for _ in range(4):
        later += timezone.timedelta(hours=1)
        media_inbound.fetch_next(now=later)

    [event] = told(endpoint)
    assert event["data"]["type"] == "image"
    assert event["data"]["text"] == "Look"
    assert event["data"]["media_id"] is None
    assert event["data"]["content"] == {"caption": "Look", "mime_type": "image/jpeg"}


def test_a_template_that_meta_approves_is_told_once(
    endpoint: WebhookEndpoint, acme: Company, channel: Channel
) -> None:
    template = factories.make_template(acme, status="PENDING")
    value = {
        "event": "APPROVED",
        "message_template_name": template.name,
        "message_template_language": template.language,
    }
    update = ObjectUpdate(
        waba_id=channel.waba_id, field="message_template_status_update", value=value
    )

    account_events.apply(update)
    account_events.apply(update)

    [event] = told(endpoint)
    assert event["event"] == "template.updated"
    assert event["data"]["template_id"] == template.public_id
    assert event["data"]["status"] == "APPROVED"
    assert event["data"]["changed"] == ["status"]


def test_a_channel_that_is_lost_is_told_and_a_short_pause_is_not(
    endpoint: WebhookEndpoint, channel: Channel
) -> None:
    channel_state.pause(channel.pk, "Too fast.", timezone.timedelta(seconds=30))
    channel_state.disconnect(channel.pk, "The token is no longer valid.")

    [event] = told(endpoint)
    assert event["event"] == "channel.updated"
    assert event["data"]["status"] == "disconnected"
    assert event["data"]["reason"] == "The token is no longer valid."


def test_an_endpoint_is_told_only_what_it_chose_and_only_of_its_company(
    acme: Company, rival: Company, channel: Channel, meta: Any
) -> None:
    reads = factories.make_endpoint(acme, events=["message.read"])
    off = factories.make_endpoint(acme, status="disabled", disabled_reason="by_hand")
    strangers = factories.make_endpoint(rival)
    message = factories.make_message(channel, status=Status.SENT, wamid="wamid.1")

    meta(channel, statuses=[webhooks.status(message, said) for said in ("delivered", "read")])

    assert kinds(reads) == ["message.read"]
    assert kinds(off) == []
    assert kinds(strangers) == []


def test_what_happens_while_an_endpoint_is_off_for_failing_is_recorded(
    acme: Company, channel: Channel, meta: Any
) -> None:
    endpoint = factories.make_endpoint(
        acme, status="disabled", disabled_reason="failing", disabled_at=timezone.now()
    )
    message = factories.make_message(channel, status=Status.SENT, wamid="wamid.1")

    meta(channel, statuses=[webhooks.status(message, "delivered")])

    assert kinds(endpoint) == ["message.delivered"]


def test_five_hundred_statuses_cost_one_query_where_nobody_wants_to_know(
    channel: Channel, rival: Company
) -> None:
    factories.make_endpoint(rival)
    batch = factories.make_batch(channel)
    news = [outgoing.MessageNews(n, batch.pk, Status.SENT, timezone.now()) for n in range(1, 501)]

    with CaptureQueriesContext(connection) as queries:
        outgoing.tell(news)

    assert len(queries) == 1


def test_five_hundred_statuses_are_a_handful_of_statements(
    endpoint: WebhookEndpoint, channel: Channel
) -> None:
    batch = factories.make_batch(channel)
    rows = [factories.make_message(channel, batch=batch) for _ in range(50)]
    news = [outgoing.MessageNews(row.pk, batch.pk, Status.SENT, timezone.now()) for row in rows]

    with CaptureQueriesContext(connection) as queries:
        outgoing.tell(news)

    assert len([query for query in queries if "SAVEPOINT" not in query["sql"]]) <= 6
    assert WebhookDelivery.objects.count() == 50


def test_what_is_told_in_a_savepoint_that_fails_is_gone(
    endpoint: WebhookEndpoint, acme: Company
) -> None:
    def event(text: str) -> outgoing.Event:
        return outgoing.Event(
            company_id=acme.pk, kind="message.received", at=timezone.now(), data={"text": text}
        )

    with transaction.atomic(), outgoing.collected():
        outgoing.tell([event("one")])
        with pytest.raises(ZeroDivisionError), transaction.atomic(), outgoing.collected():
            outgoing.tell([event("lost")])
            raise ZeroDivisionError
        outgoing.tell([event("two")])
        assert told(endpoint) == []

    assert [each["data"]["text"] for each in told(endpoint)] == ["one", "two"]


@pytest.mark.django_db(transaction=True)
def test_numbers_have_no_gaps_when_many_tell_at_once_and_some_fail(
    acme: Company, channel: Channel
) -> None:
    endpoints = [factories.make_endpoint(acme) for _ in range(2)]
    batch = factories.make_batch(channel)
    rows = [factories.make_message(channel, batch=batch) for _ in range(60)]
    errors: list[BaseException] = []

    def tell(mine: list[Message], spoil: bool) -> None:
        try:
            for row in mine:
                try:
                    with transaction.atomic(), outgoing.collected():
                        outgoing.tell(
                            outgoing.MessageNews(row.pk, batch.pk, status, timezone.now())
                            for status in (Status.SENT, Status.DELIVERED)
                        )
                    with transaction.atomic():
                        outgoing.tell(
                            [outgoing.MessageNews(row.pk, batch.pk, Status.READ, timezone.now())]
                        )
                        if spoil:
                            raise ZeroDivisionError
                except ZeroDivisionError:
                    pass
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=tell, args=(rows[place::6], place % 2 == 0)) for place in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not errors
    for endpoint in endpoints:
        numbers = [event["sequence"] for event in told(endpoint)]
        assert numbers == list(range(1, 151))
        endpoint.refresh_from_db()
        assert endpoint.last_sequence == 150
