"""Delivering to real receivers on loopback: good ones, and those that fail, hang, redirect and lie."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from django.core import mail
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError

from companies import notices
from companies.models import Company, Notice
from config.safe_http import Answer
from messaging import (
    deliveries,
    delivery_queue,
    outgoing,
    tasks,
    wake,
    webhook_endpoints,
    webhook_signing,
)
from messaging.models import DeliveryAttempt, WebhookDelivery, WebhookEndpoint
from tests import factories, receivers
from tests.receivers import Receiver, receiver, says

pytestmark = pytest.mark.django_db(transaction=True)

State = WebhookDelivery.State
OK = says(200)


@pytest.fixture(autouse=True)
def loopback(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.TENANT_URL_ALLOW = ["127.0.0.0/8"]
    monkeypatch.setattr(deliveries, "LINGER", 0.0)
    monkeypatch.setattr(deliveries, "POST_SECONDS", 1.0)


@pytest.fixture
def endpoint(acme: Company) -> Iterator[tuple[WebhookEndpoint, Receiver]]:
    with receiver() as there:
        yield factories.make_endpoint(acme, url=there.url), there


def happen(endpoint: WebhookEndpoint, count: int = 1) -> None:
    outgoing.tell(
        outgoing.Event(
            company_id=endpoint.company_id,
            kind="message.received",
            at=timezone.now(),
            data={"text": f"Ünï {n}"},
        )
        for n in range(count)
    )


def make_due(endpoint: WebhookEndpoint) -> None:
    """As if the time of the next try had come."""
    WebhookDelivery.objects.filter(endpoint=endpoint).update(due_at=timezone.now())
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(resting_until=None)


def deliver(endpoint: WebhookEndpoint) -> None:
    deliveries.deliver(endpoint.pk)
    endpoint.refresh_from_db()


def states(endpoint: WebhookEndpoint) -> list[int]:
    rows = WebhookDelivery.objects.filter(endpoint=endpoint).order_by("sequence")
    return list(rows.values_list("state", flat=True))


def the_try() -> DeliveryAttempt:
    return DeliveryAttempt.objects.get()


# --- What goes out --------------------------------------------------------------------


def test_events_arrive_in_order_signed_and_logged(
    endpoint: tuple[WebhookEndpoint, Receiver],
) -> None:
    mine, there = endpoint
    there.behave = says(200, b'{"ok": true}', X_Served_By="acme")
    happen(mine, 3)

    deliver(mine)

    assert there.sequences == [1, 2, 3]
    for got in there.got:
        assert Webhook(mine.secret).verify(got.body, got.headers)["event"] == "message.received"
        assert got.headers["webhook-id"] == got.json["id"]
        assert got.headers["content-type"] == "application/json"
    assert states(mine) == [State.DELIVERED] * 3
    line = DeliveryAttempt.objects.order_by("pk").first()
    assert line.response_status == 200
    assert line.response_body == '{"ok": true}'
    assert line.response_headers["X-Served-By"] == "acme"
    assert line.request_headers["webhook-id"] == there.got[0].headers["webhook-id"]
    assert mine.secret.removeprefix("whsec_") not in str(line.request_headers)
    assert line.delivery.body() == there.got[0].body


@pytest.mark.parametrize(
    ("secret", "key"),
    [
        ("your-webhook-secret", b"your-webhook-secret"),
        ("Ωmega sécret", "Ωmega sécret".encode()),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ],
)
def test_a_secret_that_a_company_gave_signs_as_it_reads_it(secret: str, key: str | bytes) -> None:
    headers = webhook_signing.headers(
        public_id="evt_1", at=timezone.now(), body=b'{"a": 1}', keys=[secret]
    )

    assert Webhook(key).verify(b'{"a": 1}', headers) == {"a": 1}
    with pytest.raises(WebhookVerificationError):
        Webhook(key).verify(b'{"a": 2}', headers)


def test_each_secret_before_signs_for_a_day_however_often_it_is_rolled(
    endpoint: tuple[WebhookEndpoint, Receiver],
) -> None:
    mine, there = endpoint
    stale, now = mine.secret, timezone.now()
    old, newer, newest = (webhook_signing.new_secret() for _ in range(3))
    webhook_endpoints.roll_secret(mine, secret=old, now=now - timedelta(days=2))
    webhook_endpoints.roll_secret(mine, secret=newer, now=now - timedelta(hours=20))
    webhook_endpoints.roll_secret(mine, secret=newest, now=now)
    happen(mine)
    deliver(mine)

    [got] = there.got
    for secret in (old, newer, newest):
        assert Webhook(secret).verify(got.body, got.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(stale).verify(got.body, got.headers)


def test_a_long_queue_is_delivered_several_at_once_and_whole(
    endpoint: tuple[WebhookEndpoint, Receiver],
) -> None:
    mine, there = endpoint

    def slow(there: Receiver, request: Any) -> None:
        time.sleep(0.05)
        receivers.answer(request, 204)

    there.behave = slow
    happen(mine, 250)
    started = time.monotonic()

    deliver(mine)

    assert sorted(there.sequences) == list(range(1, 251))
    assert time.monotonic() - started < 250 * 0.05 / 2
    assert states(mine) == [State.DELIVERED] * 250


# --- Receivers that fail --------------------------------------------------------------


@pytest.mark.parametrize(
    ("behave", "status", "error"),
    [
        (says(500, b"Oops"), 500, "HTTP 500"),
        (says(404), 404, "HTTP 404"),
        (says(429), 429, "HTTP 429"),
        (
            says(302, Location="http://127.0.0.1:1/"),
            302,
            "HTTP 302: redirects are not followed.",
        ),
        (says(308, Location="/elsewhere"), 308, "HTTP 308: redirects are not followed."),
        (receivers.hangs, None, "No answer within 1 seconds."),
        (receivers.hangs_up, None, "ServerDisconnectedError: Server disconnected"),
        (receivers.speaks_no_http, None, "ClientResponseError"),
    ],
    ids=["500", "404", "429", "redirect", "moved", "hang", "hang up", "nonsense"],
)
def test_what_is_no_success_is_tried_again_with_the_same_id(
    endpoint: tuple[WebhookEndpoint, Receiver], behave: Any, status: int | None, error: str
) -> None:
    mine, there = endpoint
    there.behave = behave
    happen(mine)
    deliver(mine)

    line = the_try()
    assert (line.response_status, line.error[: len(error)]) == (status, error)
    row = WebhookDelivery.objects.get()
    assert row.state == State.PENDING
    assert 4 < (row.due_at - timezone.now()).total_seconds() < 6
    assert mine.failing_since is not None

    there.behave = OK
    deliver(mine)
    assert len(there.got) == 1, "it is not due yet"
    make_due(mine)
    deliver(mine)

    assert states(mine) == [State.DELIVERED]
    assert len({(got.headers["webhook-id"], got.body) for got in there.got}) == 1
    assert (mine.failures, mine.failing_since) == (0, None)


@pytest.mark.parametrize(
    "behave", [receivers.talks_for_ever, receivers.answers_at_length], ids=["endless", "huge"]
)
def test_of_an_endless_answer_only_the_beginning_is_read(
    endpoint: tuple[WebhookEndpoint, Receiver], behave: Any
) -> None:
    mine, there = endpoint
    there.behave = behave
    happen(mine)

    deliver(mine)

    assert states(mine) == [State.DELIVERED]
    assert 0 < len(the_try().response_body) <= 4096


def test_what_a_database_can_not_hold_is_left_out_of_the_log(
    endpoint: tuple[WebhookEndpoint, Receiver],
) -> None:
    mine, there = endpoint
    there.behave = says(500, b"\x00\xff\xed\xa0\x80 caf\xc3\xa9")
    happen(mine)

    deliver(mine)

    assert "café" in the_try().response_body
    assert "\x00" not in the_try().response_body


def test_a_dead_address_is_a_failure(acme: Company) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        mine = factories.make_endpoint(acme, url=f"http://127.0.0.1:{free.getsockname()[1]}/")
    happen(mine)

    deliver(mine)

    assert the_try().error.startswith("No connection")


def test_retry_after_is_obeyed(endpoint: tuple[WebhookEndpoint, Receiver]) -> None:
    mine, there = endpoint
    there.behave = says(503, Retry_After="90")
    happen(mine, 2)

    deliver(mine)

    assert len(there.got) == 1, "the endpoint asked for time, for all of its events"
    assert (mine.resting_until - timezone.now()).total_seconds() > 80
    first = WebhookDelivery.objects.get(sequence=1)
    assert (first.due_at - timezone.now()).total_seconds() > 80
    assert delivery_queue.endpoints_with_work(now=timezone.now()) == []
    assert delivery_queue.endpoints_with_work(now=timezone.now() + timedelta(seconds=100)) == [
        mine.pk
    ]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("Mon, 15 Jan 2024 10:32:00 GMT", 120),
        ("Mon, 15 Jan 2020 10:32:00 GMT", 0),
        ("999999999999999999", 6 * 3600),
        ("-5", 0),
        ("soon", 0),
        ("", 0),
        ("٣", 0),
    ],
)
def test_retry_after_has_two_forms_and_many_wrong_ones(value: str, seconds: int) -> None:
    now = datetime.fromisoformat("2024-01-15T10:30:00+00:00")

    assert delivery_queue.retry_after({"retry-AFTER": value}, now=now) == seconds


def test_one_event_that_is_always_refused_holds_nothing_up(
    endpoint: tuple[WebhookEndpoint, Receiver],
) -> None:
    mine, there = endpoint

    def picky(there: Receiver, request: Any) -> None:
        receivers.answer(request, 500 if there.got[-1].json["sequence"] == 2 else 200)

    there.behave = picky
    happen(mine, 5)

    deliver(mine)

    assert there.sequences == [1, 2, 3, 4, 5]
    assert states(mine) == [1, 0, 1, 1, 1]


def test_retries_grow_over_a_day_and_then_the_endpoint_is_switched_off_with_a_notice(
    acme: Company,
) -> None:
    owner = factories.make_user("owner@acme.example", company=acme)
    factories.make_user("dev@acme.example", company=acme, role="developer")
    factories.make_user("viewer@acme.example", company=acme, role="viewer")
    mine = factories.make_endpoint(acme)
    happen(mine)
    start = now = timezone.now()
    waits = []

    while WebhookDelivery.objects.get().state == State.PENDING:
        row = WebhookDelivery.objects.get()
        delivery_queue.store(mine.pk, [a_try(row, now, Answer(status=500))], now=now)
        row.refresh_from_db()
        waits.append((row.due_at - now).total_seconds())
        now = max(now, row.due_at)

    mine.refresh_from_db()
    assert len(waits) == 11
    assert waits[:-1] == sorted(waits[:-1])
    assert timedelta(days=1) < now - start < timedelta(hours=28)
    assert (mine.status, mine.disabled_reason) == ("disabled", "failing")

    for _ in range(2):
        for endpoint_id in delivery_queue.notices_due():
            tasks.webhook_notice(endpoint_id)
        tasks.mail_notices()
    assert [each.to for each in mail.outbox] == [[owner.email], ["dev@acme.example"]]
    assert f"/webhooks/{mine.public_id}" in mail.outbox[0].body
    assert mine.url in mail.outbox[0].body


def a_try(row: WebhookDelivery, at: datetime, answer: Answer) -> delivery_queue.Try:
    return delivery_queue.Try(
        delivery=row, at=at, milliseconds=1, url="", headers={}, answer=answer
    )


def test_a_notice_that_could_not_be_mailed_stays_due(
    acme: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.make_user("owner@acme.example", company=acme)
    mine = factories.make_endpoint(acme, status="disabled", disabled_reason="gone", notice_due=True)

    def broken(_: Any) -> None:
        raise ConnectionRefusedError

    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.backends.locmem.EmailBackend.open", broken)
        tasks.webhook_notice(mine.pk)
        tasks.mail_notices()
    assert delivery_queue.notices_due() == []
    assert notices.is_mail_due(now=timezone.now())
    tasks.mail_notices()

    assert len(mail.outbox) == 1
    assert Notice.objects.filter(company=acme).count() == 1
    assert not notices.is_mail_due(now=timezone.now())


def test_gone_switches_an_endpoint_off_at_once(
    endpoint: tuple[WebhookEndpoint, Receiver],
) -> None:
    mine, there = endpoint
    there.behave = says(410)
    happen(mine, 3)

    deliver(mine)

    assert len(there.got) == 1
    assert (mine.status, mine.disabled_reason, mine.notice_due) == ("disabled", "gone", True)
    happen(mine)
    assert states(mine) == [State.FAILED, State.PENDING, State.PENDING]


def test_an_endpoint_that_keeps_failing_is_given_rests(
    endpoint: tuple[WebhookEndpoint, Receiver],
) -> None:
    mine, there = endpoint
    there.behave = says(500)
    happen(mine, 50)

    deliver(mine)

    assert len(there.got) == 5
    assert mine.resting_until > timezone.now()


def test_what_waited_while_it_was_off_is_delivered_when_it_is_back(
    endpoint: tuple[WebhookEndpoint, Receiver],
) -> None:
    mine, there = endpoint
    WebhookEndpoint.objects.filter(pk=mine.pk).update(
        status="disabled", disabled_reason="failing", disabled_at=timezone.now()
    )
    mine.refresh_from_db()
    happen(mine, 2)
    deliver(mine)
    assert there.got == []

    webhook_endpoints.change(mine, is_on=True, now=timezone.now())
    deliver(mine)

    assert there.sequences == [1, 2]


# --- Nobody waits for another ---------------------------------------------------------


def test_a_hanging_endpoint_delays_nobody(
    acme: Company, rival: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "POST_SECONDS", 5.0)
    with receiver(receivers.hangs) as dead, receiver() as alive:
        hanging = [factories.make_endpoint(rival, url=dead.url) for _ in range(30)]
        mine = factories.make_endpoint(acme, url=alive.url)
        for each in (*hanging[:1], mine):
            happen(each, 5)

        threads = [
            threading.Thread(target=deliveries.deliver, args=(each.pk,))
            for each in (*hanging, mine)
        ]
        started = time.monotonic()
        for thread in threads:
            thread.start()
        while len(alive.got) < 5 and time.monotonic() - started < 5:
            time.sleep(0.01)
        took = time.monotonic() - started
        while len(dead.got) < 30 and time.monotonic() - started < 5:
            time.sleep(0.01)
        deliveries.stop()
        dead.done.set()
        for thread in threads:
            thread.join()

    assert len(dead.got) == 30

    assert alive.sequences == [1, 2, 3, 4, 5]
    assert took < 3
    assert states(mine) == [State.DELIVERED] * 5


def test_an_endpoint_is_served_by_one_at_a_time(
    endpoint: tuple[WebhookEndpoint, Receiver],
) -> None:
    mine, there = endpoint
    happen(mine, 10)
    couriers = [deliveries.Courier() for _ in range(3)]
    for courier in couriers:
        courier.add(mine.pk)

    threads = [threading.Thread(target=courier.run) for courier in couriers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert there.sequences == list(range(1, 11))
    assert DeliveryAttempt.objects.count() == 10


def test_a_worker_that_dies_between_the_post_and_the_storing_posts_again_with_the_same_id(
    endpoint: tuple[WebhookEndpoint, Receiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, there = endpoint
    happen(mine, 2)

    def dies(*_: Any, **__: Any) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(delivery_queue, "store", dies)
        patch.setattr(delivery_queue, "release_lease", lambda *_, **__: None)
        deliver(mine)
    assert states(mine) == [State.PENDING] * 2
    assert delivery_queue.endpoints_with_work(now=timezone.now()) == [], "the lease is the dead's"
    WebhookEndpoint.objects.filter(pk=mine.pk).update(lease_until=1)
    woken: list[tuple[Any, ...]] = []
    monkeypatch.setattr(wake, "send", lambda *task: woken.append(task))
    tasks.sweep()
    assert ("messaging.deliver", mine.pk) in woken
    deliver(mine)

    assert there.sequences == [1, 1, 2]
    assert there.got[0].headers["webhook-id"] == there.got[1].headers["webhook-id"]
    assert states(mine) == [State.DELIVERED] * 2


# --- Again ----------------------------------------------------------------------------


def test_one_event_is_replayed_with_its_number_and_id(
    endpoint: tuple[WebhookEndpoint, Receiver],
) -> None:
    mine, there = endpoint
    happen(mine, 2)
    deliver(mine)

    webhook_endpoints.replay(mine, WebhookDelivery.objects.get(sequence=1), now=timezone.now())
    deliver(mine)

    assert there.sequences == [1, 2, 1]
    assert there.got[0].body == there.got[2].body
    assert WebhookDelivery.objects.get(sequence=1).attempts == 2


def test_all_that_failed_since_a_time_is_replayed(
    endpoint: tuple[WebhookEndpoint, Receiver],
) -> None:
    mine, there = endpoint
    happen(mine, 4)
    rows = WebhookDelivery.objects.filter(endpoint=mine)
    rows.update(state=State.FAILED, tries=11)
    rows.filter(sequence=1).update(created_at=timezone.now() - timedelta(days=3))
    rows.filter(sequence=2).update(state=State.DELIVERED)

    since = timezone.now() - timedelta(days=1)
    count = webhook_endpoints.replay_failed(mine, since=since, now=timezone.now())
    deliver(mine)

    assert count == 2
    assert there.sequences == [3, 4]


def test_a_test_event_goes_to_whoever_asked_for_nothing_like_it(
    acme: Company, endpoint: tuple[WebhookEndpoint, Receiver]
) -> None:
    _, there = endpoint
    mine = factories.make_endpoint(acme, url=there.url, events=["message.read"])

    event = webhook_endpoints.send_test(mine, now=timezone.now())
    deliver(mine)

    assert there.got[0].json["event"] == "webhook.test"
    assert there.got[0].json["id"] == event.public_id
    assert there.got[0].json["data"]["webhook_id"] == mine.public_id


def test_old_events_and_those_of_deleted_endpoints_are_dropped(
    endpoint: tuple[WebhookEndpoint, Receiver], acme: Company
) -> None:
    mine, _ = endpoint
    gone = factories.make_endpoint(acme, url=mine.url)
    happen(mine, 3)
    deliver(gone)
    WebhookDelivery.objects.filter(endpoint=mine, sequence=1).update(
        created_at=timezone.now() - timedelta(days=40)
    )
    webhook_endpoints.delete(gone)

    dropped = webhook_endpoints.forget_old(now=timezone.now())

    assert dropped == 4
    assert list(WebhookDelivery.objects.values_list("sequence", flat=True)) == [2, 3]
    assert list(WebhookEndpoint.objects.all()) == [mine]


def test_the_whole_way_from_the_api_to_the_receiver(
    endpoint: tuple[WebhookEndpoint, Receiver], send: Callable[..., Any], channel: Any, drain: Any
) -> None:
    mine, there = endpoint

    send(phone_number="+254712345678", type="text", message="Hi")
    drain(channel)
    deliver(mine)

    assert [got.json["event"] for got in there.got] == ["message.sent"]
    assert orjson.loads(there.got[0].body)["data"]["to"] == "+254712345678"
