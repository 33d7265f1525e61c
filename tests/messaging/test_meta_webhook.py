"""Meta's webhook: handshake, signature, and what follows from each kind of news."""

import itertools
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from companies.models import Channel, Company
from contacts.models import Contact
from messaging import inbox
from messaging.models import (
    Batch,
    DailyUsage,
    Message,
    Status,
    StatusEvent,
    WebhookEvent,
)
from templates_app.models import Template
from tests import factories, webhooks

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(channel: Channel) -> Message:
    message = factories.make_message(
        channel, status=Status.SENT, wamid="wamid.one", attempted_at=timezone.now()
    )
    Batch.objects.update(sent=1)
    return message


@pytest.fixture
def tell(client: Client, channel: Channel, apply_inbox: Any) -> Any:
    """Post a `messages` webhook of acme's channel, and apply it."""

    def post(field: str = "messages", **value: Any) -> None:
        assert webhooks.post(client, webhooks.body(channel, field, **value)).status_code == 200
        apply_inbox()

    return post


def state(message: Message) -> Status:
    return Status(Message.objects.values_list("status", flat=True).get(pk=message.pk))


def test_the_handshake_returns_the_challenge(client: Client, settings: Any) -> None:
    query = {"hub.mode": "subscribe", "hub.challenge": "1158201444"}

    right = client.get("/webhooks/meta", {**query, "hub.verify_token": settings.META_VERIFY_TOKEN})
    wrong = client.get("/webhooks/meta", {**query, "hub.verify_token": "guess"})
    slashed = client.get(
        "/webhooks/meta/", {**query, "hub.verify_token": settings.META_VERIFY_TOKEN}
    )

    assert slashed.content == b"1158201444"
    assert (right.status_code, right.content) == (200, b"1158201444")
    assert wrong.status_code == 403


def test_only_what_our_app_secret_signed_is_taken(
    client: Client, channel: Channel, settings: Any
) -> None:
    raw = webhooks.body(channel, messages=[webhooks.inbound()])

    refused = [
        webhooks.post(client, raw, signature)
        for signature in ("", "sha256=", webhooks.sign(raw, "other"), webhooks.sign(raw + b" "))
    ]
    settings.META_APP_SECRET = ""
    without_secret = webhooks.post(client, raw, webhooks.sign(raw, ""))

    assert {answer.status_code for answer in refused} == {401}
    assert without_secret.status_code == 401
    assert not WebhookEvent.objects.exists()


@pytest.mark.parametrize("order", list(itertools.permutations(["sent", "delivered", "read"])))
def test_statuses_in_any_order_end_at_the_furthest(tell: Any, sent: Message, order: Any) -> None:
    for word in order:
        tell(statuses=[webhooks.status(sent, word)])

    assert state(sent) == Status.READ
    assert StatusEvent.objects.count() == 3
    batch = Batch.objects.get()
    assert (batch.sent, batch.delivered, batch.read, batch.failed) == (0, 0, 1, 0)


def test_statuses_told_twice_count_once(tell: Any, sent: Message) -> None:
    update = webhooks.status(sent, "delivered")

    tell(statuses=[update, update])
    tell(statuses=[update])

    assert StatusEvent.objects.count() == 1
    assert Batch.objects.get().delivered == 1
    assert DailyUsage.objects.get().delivered == 1


def test_a_failure_refunds_once_and_a_late_delivery_takes_it_back(
    tell: Any, sent: Message, acme: Company
) -> None:
    acme.refresh_from_db()
    before = acme.credits

    tell(statuses=[webhooks.failure(sent, 131026)])
    tell(statuses=[webhooks.failure(sent, 131026)])
    acme.refresh_from_db()
    refunded = acme.credits
    tell(statuses=[webhooks.status(sent, "sent")])
    still_failed = state(sent)
    tell(statuses=[webhooks.status(sent, "delivered")])
    acme.refresh_from_db()

    assert refunded == before + 1
    assert still_failed == Status.FAILED
    assert state(sent) == Status.DELIVERED
    assert acme.credits == before
    assert sum(acme.credit_entries.values_list("amount", flat=True)) == acme.credits


def test_a_failure_after_delivery_is_ignored(tell: Any, sent: Message) -> None:
    tell(statuses=[webhooks.status(sent, "delivered")])
    tell(statuses=[webhooks.failure(sent, 131000)])

    assert state(sent) == Status.DELIVERED


def test_a_failure_keeps_metas_code_and_words(tell: Any, sent: Message) -> None:
    tell(statuses=[webhooks.failure(sent, 131047)])

    sent.refresh_from_db()
    assert (sent.error_code, sent.error_detail) == ("131047", "Error 131047: Because.")


def test_what_failed_for_want_of_an_answer_keeps_its_reason_when_meta_names_it_later(
    tell: Any, channel: Channel
) -> None:
    message = factories.make_message(
        channel, status=Status.FAILED, error_code="unconfirmed", error_detail="Never answered."
    )
    Batch.objects.update(failed=1)

    tell(statuses=[webhooks.status(message, "sent", with_wamid="wamid.late")])

    message.refresh_from_db()
    assert (message.status, message.wamid) == (Status.FAILED, "wamid.late")
    assert (message.error_code, message.error_detail) == ("unconfirmed", "Never answered.")


def test_prices_are_kept(tell: Any, sent: Message) -> None:
    pricing = {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "utility"}

    tell(statuses=[webhooks.status(sent, "delivered", pricing=pricing)])

    assert StatusEvent.objects.get().pricing == "utility regular billable"


def test_a_status_before_the_answer_settles_the_send(tell: Any, channel: Channel) -> None:
    """Our id comes back in each status, so it is found before its wamid is known."""
    message = factories.make_message(channel, status=Status.SENDING, attempted_at=timezone.now())

    tell(statuses=[webhooks.status(message, "delivered", with_wamid="wamid.early")])

    message.refresh_from_db()
    assert (message.status, message.wamid) == (Status.DELIVERED, "wamid.early")


def test_a_status_without_our_id_is_found_by_its_wamid(tell: Any, sent: Message) -> None:
    update = webhooks.status(sent, "read")
    del update["biz_opaque_callback_data"]

    tell(statuses=[update])

    assert state(sent) == Status.READ


def test_a_status_of_a_message_not_stored_yet_is_tried_again(
    tell: Any, channel: Channel, apply_inbox: Any
) -> None:
    message = factories.make_message(channel, status=Status.SENDING)
    update = webhooks.status(message, "delivered", with_wamid="wamid.later")
    del update["biz_opaque_callback_data"]

    tell(statuses=[update])
    waiting = WebhookEvent.objects.get()
    Message.objects.filter(pk=message.pk).update(status=Status.SENT, wamid="wamid.later")
    WebhookEvent.objects.update(due_at=timezone.now())
    apply_inbox()

    assert waiting.state == WebhookEvent.State.PENDING
    assert state(message) == Status.DELIVERED
    assert WebhookEvent.objects.get().state == WebhookEvent.State.APPLIED


def test_a_status_under_another_companys_number_changes_nothing(
    client: Client, sent: Message, rival: Company, apply_inbox: Any
) -> None:
    stranger = rival.channels.get()

    webhooks.post(client, webhooks.body(stranger, statuses=[webhooks.status(sent, "read")]))
    apply_inbox()

    assert state(sent) == Status.SENT


@pytest.mark.parametrize(
    "raw",
    [b"", b"not json", b"[]", b"{}", b'{"entry": 1}', b'{"entry": [1, {"changes": [null, {}]}]}'],
)
def test_what_does_not_parse_is_kept_and_can_be_replayed(
    client: Client, channel: Channel, apply_inbox: Any, raw: bytes
) -> None:
    assert webhooks.post(client, raw).status_code == 200
    apply_inbox()

    event = WebhookEvent.objects.get()
    assert (event.state, bytes(event.body)) == (WebhookEvent.State.PROBLEM, raw)
    assert event.problem
    inbox.replay([event.pk])
    assert inbox.is_waiting(now=timezone.now())


def test_a_thousand_changes_in_one_body(client: Client, channel: Channel, apply_inbox: Any) -> None:
    batch = factories.make_batch(channel, recipients_count=1000)
    messages = [
        factories.make_message(channel, batch=batch, status=Status.SENT, wamid=f"wamid.{n}")
        for n in range(1000)
    ]
    updates = [webhooks.status(message, "delivered") for message in messages]
    padding = [{**webhooks.inbound(), "unknown": "x" * 2_000_000}]
    raw = webhooks.body(channel, statuses=updates, messages=padding)
    assert len(raw) < 3_000_000

    assert webhooks.post(client, raw).status_code == 200
    apply_inbox()

    assert Message.objects.filter(status=Status.DELIVERED).count() == 1000


def test_who_is_not_on_whatsapp_is_marked_until_something_arrives(tell: Any, sent: Message) -> None:
    tell(statuses=[webhooks.failure(sent, 131026)])
    marked = Contact.objects.get().not_on_whatsapp_at
    tell(statuses=[webhooks.status(sent, "delivered")])

    assert marked is not None
    assert Contact.objects.get().not_on_whatsapp_at is None


def test_template_events_update_the_template(tell: Any, acme: Company, channel: Channel) -> None:
    template = factories.make_template(acme, name="promo", status=Template.Status.PENDING)
    named = {
        "message_template_id": 1689556908129832,
        "message_template_name": "promo",
        "message_template_language": "en-US",
    }

    tell("message_template_status_update", event="APPROVED", reason="NONE", **named)
    template.refresh_from_db()
    approved = (template.status, template.graph_id, template.approved_at is not None)
    tell(
        "message_template_status_update",
        event="REJECTED",
        reason="INVALID_FORMAT",
        rejection_info={"reason": "Side by side.", "recommendation": "Separate them."},
        **named,
    )
    tell("message_template_quality_update", new_quality_score="YELLOW", **named)
    tell("template_category_update", new_category="MARKETING", **named)
    template.refresh_from_db()

    assert approved == ("APPROVED", "1689556908129832", True)
    assert template.status == "REJECTED"
    assert template.status_reason == "INVALID_FORMAT Side by side. Separate them."
    assert (template.quality, template.category) == ("YELLOW", "MARKETING")


def test_words_changed_at_meta_are_asked_for(
    tell: Any,
    acme: Company,
    channel: Channel,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    factories.make_template(acme, name="promo", graph_id="4711")
    woken: list[tuple[object, ...]] = []
    monkeypatch.setattr("config.wakes.send", lambda *task: woken.append(task))

    with django_capture_on_commit_callbacks(execute=True):
        tell(
            "message_template_components_update",
            message_template_id=4711,
            message_template_name="promo",
            message_template_language="en_US",
            message_template_element="Other words.",
        )

    assert ("templates_app.sync_waba", channel.waba_id) in woken


def test_number_and_account_events_update_the_channel(tell: Any, channel: Channel) -> None:
    number = {"display_phone_number": channel.phone_number.lstrip("+")}

    tell(
        "phone_number_quality_update",
        event="THROUGHPUT_UPGRADE",
        max_daily_conversations_per_business="TIER_10K",
        **number,
    )
    tell(
        "phone_number_name_update",
        decision="APPROVED",
        requested_verified_name="Acme Ltd",
        **number,
    )
    channel.refresh_from_db()
    updated = (channel.rate_per_second, channel.daily_limit, channel.verified_name)
    tell(
        "account_update",
        event="ACCOUNT_RESTRICTION",
        restriction_info=[{"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING"}],
    )
    channel.refresh_from_db()
    paused = channel.is_paused(now=timezone.now())
    tell("account_update", event="PARTNER_REMOVED", waba_info={"waba_id": "someone else's"})
    channel.refresh_from_db()
    untouched = channel.status
    tell("account_update", event="PARTNER_REMOVED", waba_info={"waba_id": channel.waba_id})
    channel.refresh_from_db()

    assert updated == (1000, 10_000, "Acme Ltd")
    assert paused
    assert (untouched, channel.status) == (Channel.Status.CONNECTED, Channel.Status.DISCONNECTED)
