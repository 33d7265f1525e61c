"""What people write to us, and what they want to be left alone with."""

from typing import Any

import orjson
import pytest
from django.test import Client
from django.utils import timezone

from companies.models import Channel, Company
from contacts.models import Contact
from messaging.models import InboundMessage
from tests import webhooks

pytestmark = pytest.mark.django_db


@pytest.fixture
def tell(client: Client, channel: Channel, apply_inbox: Any) -> Any:
    """Post a `messages` webhook of acme's channel, and apply it."""

    def post(field: str = "messages", **value: Any) -> None:
        assert webhooks.post(client, webhooks.body(channel, field, **value)).status_code == 200
        apply_inbox()

    return post


INBOUND: list[tuple[dict[str, Any], str]] = [
    ({"type": "text", "text": {"body": "Hi"}}, "Hi"),
    ({"type": "image", "image": {"id": "9", "caption": "Look", "mime_type": "image/jpeg"}}, "Look"),
    ({"type": "audio", "audio": {"id": "9", "voice": True}}, ""),
    ({"type": "document", "document": {"id": "9", "filename": "a.pdf"}}, "a.pdf"),
    ({"type": "button", "button": {"payload": "p", "text": "Yes"}}, "Yes"),
    (
        {
            "type": "interactive",
            "interactive": {"type": "list_reply", "list_reply": {"id": "1", "title": "Bruno"}},
        },
        "Bruno",
    ),
    ({"type": "location", "location": {"latitude": 1.0, "longitude": 2.0, "name": "Here"}}, "Here"),
    ({"type": "contacts", "contacts": [{"name": {"formatted_name": "A"}}]}, ""),
    ({"type": "reaction", "reaction": {"message_id": "wamid.x", "emoji": "👍"}}, "👍"),
    ({"type": "order", "order": {"catalog_id": "1", "text": "Two", "product_items": []}}, "Two"),
    ({"type": "unsupported", "errors": [{"code": 131051}]}, ""),
    ({"type": "edit", "edit": {"original_message_id": "wamid.x"}}, ""),
    (
        {
            "type": "edit",
            "edit": {
                "original_message_id": "wamid.x",
                "message": {"type": "text", "text": {"body": "Three"}},
            },
        },
        "Three",
    ),
    ({"type": "revoke", "revoke": {"original_message_id": "wamid.x"}}, ""),
    ({"type": "something_new", "something_new": ["x"]}, ""),
]


@pytest.mark.parametrize(("fields", "text"), INBOUND, ids=lambda value: str(value)[:20])
def test_inbound_messages_of_every_type_are_stored(
    tell: Any, acme: Company, fields: dict[str, Any], text: str
) -> None:
    message = {**webhooks.inbound(), **fields}

    tell(
        contacts=[{"profile": {"name": "Sheena"}, "wa_id": "254711111111", "user_id": "KE.1"}],
        messages=[message],
    )
    tell(messages=[message])

    stored = InboundMessage.objects.get()
    assert (stored.type, stored.text) == (fields["type"], text)
    assert stored.payload == orjson.loads(orjson.dumps(message))
    contact = Contact.objects.get()
    assert (contact.phone, contact.bsuid, contact.name) == ("254711111111", "KE.1", "Sheena")
    assert contact.last_inbound_at is not None


def test_nobody_has_written_in_the_future(tell: Any, acme: Company) -> None:
    tell(messages=[webhooks.inbound(timestamp="4102444800")])

    heard = Contact.objects.get().last_inbound_at
    assert heard is not None
    assert heard <= timezone.now()
    assert InboundMessage.objects.get().sent_at <= timezone.now()


def test_a_person_known_by_bsuid_only_becomes_a_contact(tell: Any) -> None:
    message = {**webhooks.inbound(), "from_user_id": "KE.13491208655302741918"}
    del message["from"]

    tell(contacts=[{"profile": {}, "user_id": "KE.13491208655302741918"}], messages=[message])

    contact = Contact.objects.get()
    assert (contact.phone, contact.bsuid) == (None, "KE.13491208655302741918")


def test_who_has_another_number_or_another_bsuid_stays_the_same_person(tell: Any) -> None:
    def system(**said: str) -> dict[str, Any]:
        return {**webhooks.inbound(), "type": "system", "system": said}

    tell(messages=[{**webhooks.inbound(), "from_user_id": "KE.1"}])
    tell(messages=[system(type="user_changed_number", wa_id="254722222222")])
    renamed = {
        **system(type="user_changed_user_id", previous_user_id="KE.1", user_id="KE.2"),
        "from": "254722222222",
        "from_user_id": "KE.2",
    }
    tell(messages=[renamed])

    contact = Contact.objects.get()
    assert (contact.phone, contact.bsuid) == ("254722222222", "KE.2")
    assert InboundMessage.objects.filter(contact=contact).count() == 3


@pytest.mark.parametrize("word", ["STOP", "stop.", " Unsubscribe ", "Sitisha"])
def test_stop_words_opt_out_and_start_words_opt_in_again(tell: Any, word: str) -> None:
    tell(messages=[webhooks.inbound(word)])
    out = Contact.objects.get().opted_out_at
    tell(messages=[webhooks.inbound("START")])

    assert out is not None
    assert Contact.objects.get().opted_out_at is None


def test_ordinary_words_do_not_opt_out(tell: Any) -> None:
    tell(messages=[webhooks.inbound("Please stop by tomorrow")])

    assert Contact.objects.get().opted_out_at is None


def test_metas_marketing_preference_opts_out_and_in(tell: Any) -> None:
    preference = {
        "wa_id": "254711111111",
        "category": "marketing_messages",
        "timestamp": 1731705721,
    }

    tell("user_preferences", user_preferences=[{**preference, "value": "stop"}])
    out = Contact.objects.get().opted_out_at
    tell("user_preferences", user_preferences=[{**preference, "value": "resume"}])

    assert out is not None
    assert Contact.objects.get().opted_out_at is None


def test_a_preference_told_again_does_not_undo_a_later_one(tell: Any) -> None:
    told = {"wa_id": "254711111111", "category": "marketing_messages"}
    stop, resume = ({**told, "value": v, "timestamp": t} for v, t in (("stop", 1), ("resume", 2)))

    for preference in (stop, resume, stop):
        tell("user_preferences", user_preferences=[preference])

    assert Contact.objects.get().opted_out_at is None
