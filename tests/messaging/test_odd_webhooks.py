"""Meta's webhooks with something in them that nobody has thought of: the rest is applied all the same."""

from typing import Any

import orjson
import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from companies.models import Channel
from messaging.models import InboundMessage, Message, Status, WebhookEvent
from tests import factories, webhooks

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(channel: Channel) -> Message:
    return factories.make_message(
        channel, status=Status.SENT, wamid="wamid.one", attempted_at=timezone.now()
    )


@pytest.fixture
def tell(client: Client, channel: Channel, apply_inbox: Any) -> Any:
    """Post a `messages` webhook of acme's channel, and apply it."""

    def post(**value: Any) -> None:
        assert webhooks.post(client, webhooks.body(channel, **value)).status_code == 200
        apply_inbox()

    return post


def state(message: Message) -> Status:
    return Status(Message.objects.values_list("status", flat=True).get(pk=message.pk))


def test_odd_entries_do_not_hide_the_valid_ones_beside_them(tell: Any, sent: Message) -> None:
    tell(
        statuses=[
            None,
            {"id": 5},
            {**webhooks.status(sent, "sent"), "timestamp": "soon"},
            {**webhooks.status(sent, "sent"), "status": "vanished"},
            webhooks.status(sent, "read"),
        ]
    )

    assert state(sent) == Status.READ
    event = WebhookEvent.objects.get()
    assert event.state == WebhookEvent.State.PROBLEM
    assert len(event.problem.splitlines()) == 4


@pytest.mark.parametrize(
    ("word", "odd", "state_then"),
    [
        ("read", {"pricing": "free"}, Status.READ),
        ("failed", {"errors": "131026"}, Status.FAILED),
        ("failed", {"errors": [131026]}, Status.FAILED),
        ("failed", {"errors": {"code": 131026}}, Status.FAILED),
    ],
)
def test_a_status_counts_whatever_else_it_says(
    tell: Any, sent: Message, word: str, odd: dict[str, Any], state_then: Status
) -> None:
    tell(statuses=[webhooks.status(sent, word, **odd)])

    assert state(sent) == state_then


ODD: list[tuple[str, dict[str, Any]]] = [
    ("messages", {"messages": [{**webhooks.inbound(), "type": "system", "system": "odd"}]}),
    ("messages", {"messages": [{**webhooks.inbound(), "from": "2547\x001111111"}]}),
    ("messages", {"statuses": 5}),
    ("messages", {"metadata": {"phone_number_id": "\x00"}, "messages": [webhooks.inbound()]}),
    ("messages", {"metadata": None, "errors": ["odd\x00"]}),
    ("phone_number_quality_update", {"event": ["odd"], "current_limit": ["odd"]}),
    ("business_capability_update", {"max_daily_conversations_per_business": ["odd"]}),
    ("business_capability_update", {"max_daily_conversations_per_business": 10**12}),
    ("account_update", {"event": "DISABLED_UPDATE", "ban_info": "odd"}),
    ("account_update", {"event": "ACCOUNT_RESTRICTION", "restriction_info": "odd"}),
    ("message_template_status_update", {"event": "APPROVED", "message_template_name": "\x00"}),
]


@pytest.mark.parametrize(("field", "value"), ODD, ids=lambda value: str(value)[:40])
def test_an_odd_change_does_not_hide_the_valid_ones_beside_it(
    client: Client, channel: Channel, sent: Message, apply_inbox: Any, field: str, value: Any
) -> None:
    valid = {"statuses": [webhooks.status(sent, "read")], "messages": [webhooks.inbound("Hello")]}
    body = orjson.loads(webhooks.body(channel, **valid))
    odd = orjson.loads(webhooks.body(channel, field, **value))["entry"][0]["changes"]
    body["entry"][0]["changes"] = odd + body["entry"][0]["changes"]

    webhooks.post(client, orjson.dumps(body))
    apply_inbox()

    assert state(sent) == Status.READ
    assert InboundMessage.objects.filter(text="Hello").exists()
    assert WebhookEvent.objects.get().state != WebhookEvent.State.PENDING


def test_half_an_emoji_does_not_hide_the_rest_of_the_body(
    client: Client, channel: Channel, sent: Message, apply_inbox: Any
) -> None:
    raw = webhooks.body(
        channel,
        statuses=[webhooks.status(sent, "read")],
        messages=[webhooks.inbound("CUT")],
    )

    webhooks.post(client, raw.replace(b"CUT", rb"Thanks \ud83d"))
    apply_inbox()

    assert state(sent) == Status.READ
    assert InboundMessage.objects.get().text == "Thanks ?"


def test_a_body_that_met_a_busy_database_is_applied_later(
    tell: Any, sent: Message, apply_inbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: Any, **__: Any) -> None:
        raise OperationalError("deadlock detected")

    with monkeypatch.context() as patch:
        patch.setattr("messaging.statuses.apply", busy)
        tell(statuses=[webhooks.status(sent, "read")])
    waiting = WebhookEvent.objects.get()
    WebhookEvent.objects.update(due_at=timezone.now())
    apply_inbox()

    assert waiting.state == WebhookEvent.State.PENDING
    assert state(sent) == Status.READ
