"""Wishes, merging, removing, erasing."""

from datetime import timedelta

import pytest
from django.utils import timezone

from companies.models import Channel, Company
from contacts import keepers, people, services, words
from contacts.models import ConsentEvent, Contact, ContactTag
from messaging import conversations
from messaging.models import InboundMessage, Media, Message, Status, UnusedInput
from tests import factories

pytestmark = pytest.mark.django_db


def received(
    channel: Channel, contact: Contact, wamid: str = "wamid.1", **fields
) -> InboundMessage:
    return InboundMessage.objects.create(
        **{
            "company": channel.company,
            "channel": channel,
            "contact": contact,
            "wamid": wamid,
            "type": "text",
            "text": "Hello there",
            "payload": {"from": contact.phone},
            "sent_at": timezone.now(),
            **fields,
        }
    )


def merge(kept: Contact, gone: Contact) -> None:
    people.merge(kept, gone, now=timezone.now(), author="owner@acme.example")
    kept.refresh_from_db()
    gone.refresh_from_db()


# --- Wishes ----------------------------------------------------------------------------


def test_each_wish_is_kept_with_its_source(acme: Company):
    contact, now = factories.make_contact(acme), timezone.now()

    services.wrote(contact, at=now, text="STOP")
    services.wrote(contact, at=now, text="stop.")
    services.wrote(contact, at=now, text="Start")

    wishes = ConsentEvent.objects.order_by("pk").values_list("kind", "source", "reason")
    assert list(wishes) == [
        ("opted_out", "word", "wrote “stop”"),
        ("opted_in", "word", "wrote “start”"),
    ]


@pytest.mark.parametrize("order", [(0, 1, 0), (1, 0)])
def test_what_they_said_before_does_not_undo_what_they_have_said_since(acme: Company, order):
    contact, now = factories.make_contact(acme), timezone.now()
    said = [("STOP", now - timedelta(minutes=1)), ("START", now)]

    for text, at in (said[index] for index in order):
        services.wrote(contact, at=at, text=text)

    contact.refresh_from_db()
    assert contact.opted_out_at is None


@pytest.mark.parametrize(
    "text",
    ["*STOP*", "“stop”", "Stop 🙏", "ＳＴＯＰ", "stop\u200e,", "opt-out", "Stop promotions"]
    + ["ARRETER", "Arrêtez !", "ايقاف", "الغاء", "አቁም", "बंद करो", "Sitisha", "cancelar", "BAJA"],
)
def test_a_wish_to_be_left_alone_is_understood_however_it_is_written(text: str):
    assert words.is_stop(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "🙏",
        "Please stop by tomorrow",
        "The end",
        "don't stop",
        "bus stop",
        "stop" + " " * 99 + "x",
    ],
)
def test_other_texts_are_no_wish(text: str):
    assert not words.is_stop(text)
    assert not words.is_start(text)


# --- Merging ---------------------------------------------------------------------------


def test_merging_unites_tags_fields_and_wishes(acme: Company):
    kept = factories.make_contact(acme, name="Jane", custom_fields={"city": "Nairobi"})
    gone = factories.make_contact(
        acme, name="J.", custom_fields={"city": "Mombasa", "age": "30"}, opted_out_at=timezone.now()
    )
    first, second = factories.make_tag(acme, kept, gone), factories.make_tag(acme, gone)

    merge(kept, gone)

    assert (kept.name, kept.custom_fields) == ("Jane", {"city": "Nairobi", "age": "30"})
    assert set(kept.tags.all()) == {first, second}
    assert kept.opted_out_at is not None
    assert (gone.merged_into, gone.saved, gone.name) == (kept, False, "")
    assert not ContactTag.objects.filter(contact=gone).exists()
    assert ConsentEvent.objects.get(contact=kept).source == "merge"


def test_what_was_said_with_the_merged_one_is_said_with_the_kept_one(channel: Channel):
    batch = factories.make_batch(channel)
    one = factories.make_message(channel, batch=batch, status=Status.READ)
    other = factories.make_message(channel, batch=batch, status=Status.READ)
    received(channel, other.contact)

    merge(one.contact, other.contact)

    said = conversations.messages(one.contact, limit=10, after=None).rows
    assert len(said) == 3


def test_who_writes_from_the_merged_number_is_the_kept_one(acme: Company):
    kept, gone = factories.make_contact(acme, name="Jane"), factories.make_contact(acme)
    number = gone.phone
    merge(kept, gone)

    person = services.person(company_id=acme.pk, phone=number, bsuid=None)
    saved, is_new = services.save_contact(company_id=acme.pk, phone=number, name="Jane W.")
    services.wrote(person, at=timezone.now(), text="stop")

    assert (person, saved, is_new) == (kept, kept, False)
    gone.refresh_from_db()
    assert gone.opted_out_at is not None  # a send to that number is refused as well
    assert Contact.objects.filter(saved=True).get().name == "Jane W."


def test_a_number_and_a_bsuid_become_one_contact_with_both(acme: Company):
    nameless = Contact.objects.create(company=acme, bsuid="KE.abc")
    known = factories.make_contact(acme, "254712345678", name="Jane")

    merge(nameless, known)

    assert (nameless.phone, nameless.bsuid, nameless.name) == ("254712345678", "KE.abc", "Jane")


def test_merging_twice_leads_to_the_last_one(acme: Company):
    a, b, c = (factories.make_contact(acme) for _ in range(3))
    merge(b, c)
    merge(a, b)

    assert services.find(company_id=acme.pk, phone=c.phone) == a
    with pytest.raises(people.PeopleError):
        merge(b, a)


# --- Removing and erasing --------------------------------------------------------------


def test_a_removed_contact_is_left_alone_still(acme: Company):
    contact = factories.make_contact(
        acme, name="Jane", custom_fields={"a": 1}, opted_out_at=timezone.now()
    )
    factories.make_tag(acme, contact)

    people.remove(contact)

    contact.refresh_from_db()
    assert (contact.saved, contact.name, contact.custom_fields) == (False, "", {})
    assert contact.opted_out_at is not None
    assert not contact.tags.exists()


def test_erasing_leaves_nothing_that_tells_who_it_was(channel: Channel):
    acme = channel.company
    message = factories.make_message(
        channel, recipient="254712345678", status=Status.READ, wamid="wamid.HBgM254712345678"
    )
    contact, bystander = message.contact, factories.make_contact(acme, name="Bob")
    contact.bsuid, contact.name, contact.custom_fields = "KE.abc", "Jane", {"city": "Nairobi"}
    contact.save()
    merged = factories.make_contact(acme, "254799999999")
    merge(contact, merged)
    file = factories.make_media(acme, origin=Media.Origin.INBOUND, filename="jane.jpg")
    received(channel, contact, wamid="wamid.in", stored_media=file)
    received(channel, merged, wamid="wamid.in2")
    UnusedInput.objects.create(batch=message.batch, input="+254712345678", reason="opted out")
    services.opt_out(contact, at=timezone.now(), reason="x", source=services.Source.API)

    people.erase(contact, now=timezone.now())

    rows = [
        *Contact.objects.exclude(pk=bystander.pk).values(),
        *Message.objects.values(),
        *InboundMessage.objects.values(),
        *UnusedInput.objects.values(),
        *ConsentEvent.objects.values(),
        *Media.objects.values("filename"),
    ]
    told = str(rows)
    for word in ("254712345678", "254799999999", "KE.abc", "Jane", "Nairobi", "Hello", "jane"):
        assert word not in told, word
    assert Message.objects.count() == 1
    assert Media.objects.get().expires_at <= timezone.now()
    bystander.refresh_from_db()
    assert bystander.name == "Bob"


def test_an_erased_number_is_a_new_person_when_it_comes_back(acme: Company):
    contact = factories.make_contact(acme, "254712345678", name="Jane")
    people.erase(contact, now=timezone.now())

    again = services.person(company_id=acme.pk, phone="254712345678", bsuid=None)

    assert again.pk != contact.pk
    assert again.name == ""


def test_nobody_is_erased_while_a_message_to_them_waits(channel: Channel):
    message = factories.make_message(channel, recipient="254712345678")

    with pytest.raises(keepers.StillBusy):
        people.erase(message.contact, now=timezone.now())

    message.refresh_from_db()
    assert message.recipient == message.contact.phone == "254712345678"
