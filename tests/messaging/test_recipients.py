"""Recipients under tags: counted, deduplicated and stored by the database, in slices."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from companies.models import Channel, Company
from config.api import Answer
from contacts.models import Contact, ContactTag, Tag
from messaging import compose, dry_run, recipients, services, tasks
from messaging.models import Batch, DailyUsage, Message, UnusedInput
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def crowd(acme: Company) -> Tag:
    """3,000 people under a tag; one in ten has opted out."""
    people = Contact.objects.bulk_create(
        Contact(
            company=acme,
            phone=f"25470{number:07d}",
            opted_out_at=timezone.now() if number % 10 == 0 else None,
        )
        for number in range(3000)
    )
    return factories.make_tag(acme, *people)


def expand_all(batch: Batch) -> int:
    rounds = 1
    while services.expand(batch.pk):
        rounds += 1
    return rounds


def test_many_under_a_tag_are_stored_in_slices_after_the_answer(
    send: Any, crowd: Tag, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipients, "SLICE", 700)

    response = send(contact_tag_id=crowd.pk, type="text", message="Hi")
    batch = Batch.objects.get()
    stored_at_once = Message.objects.count()
    rounds = expand_all(batch)

    batch.refresh_from_db()
    assert response.json()["recipients_count"] == 2700
    assert (stored_at_once, rounds) == (0, 6)
    assert Message.objects.count() == batch.stored_count == batch.recipients_count == 2700
    assert batch.expand_cursor is None
    assert UnusedInput.objects.count() == 300


def test_people_under_more_tags_than_are_walked_side_by_side_are_stored_once_each(
    send: Any, acme: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipients, "SLICE", 7)
    monkeypatch.setattr(recipients, "MERGED", 2)
    monkeypatch.setattr(recipients, "INLINE", 0)
    people = [factories.make_contact(acme) for _ in range(30)]
    tags = [factories.make_tag(acme, *people[start : start + 15]) for start in (0, 5, 10, 15)]

    send(contact_tag_id=[tag.pk for tag in tags], type="text", message="Hi")
    expand_all(Batch.objects.get())

    assert sorted(Message.objects.values_list("contact_id", flat=True)) == [p.pk for p in people]


def test_storing_again_after_a_crash_doubles_nobody(
    send: Any, crowd: Tag, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipients, "SLICE", 1000)
    send(contact_tag_id=crowd.pk, type="text", message="Hi")
    batch = Batch.objects.get()

    services.expand(batch.pk)
    Batch.objects.update(expand_cursor=0, stored_count=0)  # as if the cursor had been lost
    expand_all(batch)

    assert Message.objects.count() == 2700


def test_who_opts_out_between_the_answer_and_the_storing_is_not_charged_for(
    send: Any, crowd: Tag, acme: Company
) -> None:
    acme.refresh_from_db()
    before = acme.credits
    send(contact_tag_id=crowd.pk, type="text", message="Hi")
    Contact.objects.filter(phone__in=["254700000001", "254700000002"]).update(
        opted_out_at=timezone.now()
    )

    expand_all(Batch.objects.get())

    acme.refresh_from_db()
    assert Batch.objects.get().recipients_count == Message.objects.count() == 2698
    assert acme.credits == before - 2698
    assert sum(acme.credit_entries.values_list("amount", flat=True)) == acme.credits
    assert DailyUsage.objects.get().accepted == 2698


def test_who_is_tagged_after_the_answer_is_not_written_to(
    send: Any, crowd: Tag, acme: Company
) -> None:
    send(contact_tag_id=crowd.pk, type="text", message="Hi")
    late = factories.make_contact(acme)
    ContactTag.objects.create(tag=crowd, contact=late)

    expand_all(Batch.objects.get())

    assert not Message.objects.filter(contact=late).exists()


def test_numbers_that_are_also_under_the_tag_count_once(send: Any, crowd: Tag) -> None:
    response = send(
        contact_tag_id=[crowd.pk, str(crowd.pk)],
        phone_number=["254700000001", "254799999999"],
        type="text",
        message="Hi",
    )
    expand_all(Batch.objects.get())

    assert response.json()["recipients_count"] == 2701
    assert Message.objects.count() == 2701


def test_another_companys_tag_is_no_tag(send: Any, rival: Company) -> None:
    theirs = factories.make_tag(rival, factories.make_contact(rival))

    response = send(contact_tag_id=theirs.pk, type="text", message="Hi")

    assert response.json()["code"] == "no_valid_recipients"


def test_a_hundred_thousand_numbers_in_one_request(send: Any, acme: Company) -> None:
    numbers = [f"+2547{number:08d}" for number in range(100_000)]

    response = send(phone_number=numbers, type="text", message="Hi")

    assert response.status_code == 200
    assert response.json()["recipients_count"] == 100_000
    assert Message.objects.count() == 100_000
    acme.refresh_from_db()
    assert acme.credits == 900_000


def test_the_expand_task_finishes_a_batch_and_may_run_twice(send: Any, crowd: Tag) -> None:
    send(contact_tag_id=crowd.pk, type="text", message="Hi")
    batch = Batch.objects.get()

    tasks.expand(batch.pk)
    tasks.expand(batch.pk)

    assert Message.objects.count() == 2700


def test_accepting_takes_the_same_few_queries_however_many_numbers(
    send: Any, channel: Channel, django_assert_max_num_queries: Any
) -> None:
    send(phone_number="254700000001", type="text", message="Hi")
    with django_assert_max_num_queries(20):
        send(phone_number=[f"2547{n:08d}" for n in range(500)], type="text", message="Hi")


def test_tags_that_there_are_not_are_ignored(send: Any, client: Client) -> None:
    odd = ["", "x", -1, 2**62, "9" * 30]

    response = send(contact_tag_id=odd, phone_number="254700000001", type="text", message="Hi")

    assert response.status_code == 200
    assert connection.vendor in ("sqlite", "postgresql")


USER = "KE.13491208655302741918"


def test_a_person_without_a_number_is_written_to_by_user_id(
    send: Any, acme: Company, channel: Channel, graph: Any, drain: Any
) -> None:
    known = factories.make_contact(acme, phone=None, bsuid=USER)

    response = send(phone_number=[USER, "KE.777unheard0of"], type="text", message="Hi")
    drain(channel)

    assert response.json()["recipients_count"] == 2
    assert Contact.objects.filter(bsuid="KE.777unheard0of", saved=False).exists()
    assert Message.objects.get(contact=known).recipient == USER
    [asked] = [m["payload"] for m in graph.messages(to=USER)]
    assert asked["recipient"] == USER and "to" not in asked


def test_who_is_named_by_number_and_by_user_id_is_written_to_once_by_number(
    send: Any, acme: Company
) -> None:
    both = factories.make_contact(acme, "254712345678", bsuid=USER)

    response = send(phone_number=["0712345678", USER], type="text", message="Hi")

    assert response.json()["recipients_count"] == 1
    message = Message.objects.get()
    assert (message.contact, message.recipient) == (both, "254712345678")
    assert Batch.objects.get().recipients_count == DailyUsage.objects.get().accepted == 1


@pytest.mark.parametrize("inline", [2_000, 0])
def test_under_a_tag_are_also_those_without_a_number(
    send: Any, acme: Company, monkeypatch: pytest.MonkeyPatch, inline: int
) -> None:
    monkeypatch.setattr(recipients, "INLINE", inline)
    nameless = factories.make_contact(acme, phone=None, bsuid=USER)
    out = factories.make_contact(acme, phone=None, bsuid="KE.2", opted_out_at=timezone.now())
    tag = factories.make_tag(acme, nameless, out, factories.make_contact(acme, "254712345678"))

    response = send(contact_tag_id=tag.pk, phone_number=USER, type="text", message="Hi")
    expand_all(Batch.objects.get())

    assert response.json()["recipients_count"] == 2
    assert set(Message.objects.values_list("recipient", flat=True)) == {USER, "254712345678"}
    assert UnusedInput.objects.values_list("input", "reason").get() == ("KE.2", "opted out")


def test_a_code_goes_to_numbers_only(acme: Company, channel: Channel) -> None:
    code = factories.make_template(acme, category="AUTHENTICATION")
    tag = factories.make_tag(
        acme,
        factories.make_contact(acme, phone=None, bsuid=USER),
        factories.make_contact(acme, "254712345678"),
    )
    request = services.SendRequest(
        channel=channel,
        template=code,
        payload={"type": "template", "template": {"name": code.name}},
        numbers=["KE.777unheard0of"],
        tags=[tag.pk],
        dialect="portal",
    )

    run = dry_run.run(request, company=acme, now=timezone.now())
    services.accept(
        request,
        caller=compose.caller(acme),
        now=timezone.now(),
        answer=lambda batch: Answer(200, {}),
    )

    assert (run.total, [(group.reason, group.count) for group in run.groups]) == (
        1,
        [(recipients.NO_NUMBER, 2)],
    )
    assert Message.objects.get().recipient == "254712345678"
    assert set(UnusedInput.objects.values_list("reason", flat=True)) == {recipients.NO_NUMBER}
