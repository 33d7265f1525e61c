"""Usage in a period: which days it has, and how many different people were written to."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from companies.models import Channel, Company
from config.api import ApiError
from contacts.models import Contact
from messaging import analytics, reach, services
from messaging.models import Batch, DailyReach, Message
from tests import factories

NOW = datetime(2024, 1, 15, 22, 30, tzinfo=UTC)  # the 16th in Nairobi


def period(zone: str = "UTC", **fields: str) -> tuple[str, str, str]:
    asked = {"period": "", "start_date": "", "end_date": "", **fields}
    found = analytics.period_of(**asked, now=NOW, zone=zone)
    return found.name, str(found.start), str(found.end)


@pytest.mark.parametrize(
    ("asked", "name", "start", "end"),
    [
        ({}, "7d", "2024-01-08", "2024-01-15"),
        ({"period": "7d"}, "7d", "2024-01-08", "2024-01-15"),
        ({"period": "1d"}, "1d", "2024-01-14", "2024-01-15"),
        ({"period": "30d"}, "30d", "2023-12-16", "2024-01-15"),
        ({"period": "90d"}, "90d", "2023-10-17", "2024-01-15"),
        ({"zone": "Africa/Nairobi"}, "7d", "2024-01-09", "2024-01-16"),
        (
            {"start_date": "2024-01-01", "end_date": "2024-01-03"},
            "custom",
            "2024-01-01",
            "2024-01-03",
        ),
        ({"start_date": "2024-01-01"}, "custom", "2024-01-01", "2024-01-15"),
        ({"end_date": "2024-01-10"}, "custom", "2024-01-03", "2024-01-10"),
        ({"end_date": "2024-01-10", "period": "1d"}, "custom", "2024-01-09", "2024-01-10"),
    ],
)
def test_a_period_runs_to_today_and_includes_both_ends(
    asked: dict[str, Any], name: str, start: str, end: str
) -> None:
    assert period(**asked) == (name, start, end)


def test_a_period_of_more_than_a_year_is_refused() -> None:
    assert period(start_date="2023-01-16")[1] == "2023-01-16"
    with pytest.raises(ApiError):
        period(start_date="2023-01-14")


# --- Different people -----------------------------------------------------------------


def reached(company: Company, start: date, end: date | None = None) -> int:
    return reach.unique_contacts(company_id=company.pk, start=start, end=end or start)


DAY = date(2024, 1, 15)


def written_to(channel: Channel, day: date, people: list[Contact]) -> Batch:
    """A batch of a day whose messages were stored."""
    batch = factories.make_batch(channel, day=day)
    Message.objects.bulk_create(
        Message(
            company=channel.company,
            channel=channel,
            batch=batch,
            contact=person,
            recipient=str(person.phone),
            lane=1,
            due_at=batch.due_at,
            created_at=batch.due_at,
        )
        for person in people
    )
    reach.add(batch)
    return batch


def test_a_person_counts_once_however_many_days_and_batches(
    channel: Channel, acme: Company
) -> None:
    people = [factories.make_contact(acme) for _ in range(130)]
    written_to(channel, DAY, people[:100])
    written_to(channel, DAY, people[50:120])
    written_to(channel, DAY + timedelta(days=1), people[110:])

    assert reached(acme, DAY) == 120
    assert reached(acme, DAY + timedelta(days=1)) == 20
    assert reached(acme, DAY, DAY + timedelta(days=1)) == 130
    assert reached(acme, DAY - timedelta(days=9), DAY - timedelta(days=1)) == 0


def test_neighbours_share_a_row_and_the_highest_bit_counts_too(
    channel: Channel, acme: Company
) -> None:
    last = 60 * 10**15 + 59  # ids may be large; the block and the bit are what matter
    people = [
        Contact.objects.create(pk=last - back, company=acme, phone=f"2547000000{back:02d}")
        for back in (0, 1, 59)
    ]

    written_to(channel, DAY, people)

    assert DailyReach.objects.get().bits == (1 << 59) + (1 << 58) + 1
    assert reached(acme, DAY) == 3


def test_marking_twice_changes_nothing(channel: Channel, acme: Company) -> None:
    batch = written_to(channel, DAY, [factories.make_contact(acme)])

    reach.add(batch)

    assert reached(acme, DAY) == 1


def test_another_companys_people_are_not_counted(
    channel: Channel, acme: Company, rival: Company
) -> None:
    written_to(rival.channels.get(), DAY, [factories.make_contact(rival)])

    assert reached(acme, DAY) == 0
    assert reached(rival, DAY) == 1


def test_who_is_under_tags_is_counted_whether_stored_at_once_or_in_slices(
    send: Any, acme: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [factories.make_contact(acme) for _ in range(7)]
    tag = factories.make_tag(acme, *people)
    today = {"type": "text", "message": "Hi"}

    send(**today, contact_tag_id=tag.pk, phone_number=[people[0].phone, "254700000001"])
    at_once = Batch.objects.get()
    assert reached(acme, at_once.day) == 8

    DailyReach.objects.all().delete()
    monkeypatch.setattr("messaging.recipients.INLINE", 1)
    monkeypatch.setattr("messaging.recipients.SLICE", 3)
    send(**today, contact_tag_id=tag.pk, phone_number=[people[0].phone, "254700000001"])
    batch = Batch.objects.latest("pk")
    assert reached(acme, batch.day) == 2
    while services.expand(batch.pk):
        pass
    assert reached(acme, batch.day) == 8


def test_a_refused_send_reaches_nobody(send: Any, acme: Company) -> None:
    acme.prices = {"SERVICE": acme.credits + 1}
    acme.save()

    assert send(phone_number="254700000001", type="text", message="Hi").status_code == 403
    assert not DailyReach.objects.exists()
