"""What waits and what is stuck, as staff see it."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from companies.models import Channel, Company
from messaging.models import Lane, Status, WebhookDelivery, WebhookEndpoint, WebhookEvent
from messaging.staff_backlog import backlogs, overdue_doubts
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def now():
    return timezone.now()


def test_what_is_due_is_counted_by_channel_and_lane(acme: Company, channel: Channel, now):
    other = factories.make_channel(acme)
    for minutes in (5, 9):
        factories.make_message(channel, due_at=now - timedelta(minutes=minutes))
    factories.make_message(channel, lane=Lane.BULK, due_at=now - timedelta(minutes=3))
    factories.make_message(channel, due_at=now + timedelta(hours=1))
    factories.make_message(channel, status=Status.SENDING)
    factories.make_message(channel, status=Status.SENT)
    factories.make_message(other, status=Status.UNCERTAIN)

    first, second = backlogs(now=now)

    assert (first.channel_id, first.express, first.bulk) == (channel.pk, 2, 1)
    assert first.oldest == now - timedelta(minutes=9)
    assert first.bulk_oldest == now - timedelta(minutes=3)
    assert (first.in_flight, first.in_doubt) == (1, 0)
    assert (second.channel_id, second.oldest, second.in_doubt) == (other.pk, None, 1)


def test_a_count_ends_at_its_cap(channel: Channel, now, monkeypatch):
    monkeypatch.setattr("messaging.staff_backlog.COUNTED_UP_TO", 2)
    for _ in range(3):
        factories.make_message(channel)

    assert backlogs(now=timezone.now())[0].express == 2


def test_only_the_channels_asked_for_are_counted(channel: Channel, rival: Company, now):
    factories.make_message(channel)
    factories.make_message(rival.channels.get())

    found = backlogs(now=timezone.now(), channel_ids=[channel.pk])

    assert [each.channel_id for each in found] == [channel.pk]
    assert backlogs(now=now, channel_ids=[]) == []


def test_doubts_past_the_deadline_are_found(channel: Channel, now):
    old = factories.make_message(channel, status=Status.UNCERTAIN, due_at=now - timedelta(hours=2))
    factories.make_message(channel, status=Status.UNCERTAIN, due_at=now)

    assert overdue_doubts(before=now - timedelta(hours=1)) == [old]


def test_the_page_shows_what_is_stuck(staff: Client, acme: Company, channel: Channel, now):
    factories.make_message(channel, due_at=now - timedelta(minutes=30))
    doubt = factories.make_message(
        channel, status=Status.UNCERTAIN, due_at=now - timedelta(hours=9)
    )
    event = WebhookEvent.objects.create(
        body=b"{}",
        state=WebhookEvent.State.PROBLEM,
        problem="KeyError",
        due_at=now,
        received_at=now,
    )
    factories.make_endpoint(
        acme,
        url="https://off.example/",
        status="disabled",
        disabled_reason="failing",
        failing_since=now - timedelta(days=1),
    )
    factories.make_endpoint(
        acme, url="https://by-hand.example/", status="disabled", disabled_reason="by_hand"
    )

    page = staff.get(reverse("operations")).content.decode()

    assert "30 minutes" in page
    assert doubt.public_id in page
    assert f"/admin/messaging/webhookevent/{event.pk}/replay_one/" in page
    assert "https://off.example/" in page
    assert "by-hand" not in page
    assert "WEBHOOK_RETENTION_DAYS" in page
    assert "no worker has run yet" in page


def test_a_pause_that_is_over_is_no_longer_given_as_a_reason(staff: Client, channel: Channel, now):
    factories.make_message(channel)
    paused = {"pause_reason": "Meta said so", "quality": "RED"}
    Channel.objects.update(**paused, paused_until=now + timedelta(hours=1))
    pages = (reverse("operations"), reverse("admin:index"))
    assert all("Meta said so" in staff.get(page).content.decode() for page in pages)

    Channel.objects.update(paused_until=now - timedelta(hours=1))

    assert not any("Meta said so" in staff.get(page).content.decode() for page in pages)


def test_a_channel_is_paused_from_the_page_and_resumed(staff: Client, channel: Channel):
    factories.make_message(channel)
    pause = reverse("admin:companies_channel_pause", args=[channel.pk])
    resume = reverse("admin:companies_channel_resume", args=[channel.pk])
    form = {"_form_submitted": "True", "reason": "Complaints.", "duration": "6"}
    assert pause in staff.get(reverse("operations")).content.decode()

    staff.post(pause, form)

    channel.refresh_from_db()
    hours = (channel.paused_until - timezone.now()).total_seconds() / 3600
    assert 5.9 < hours < 6
    assert channel.pause_reason == "Complaints."
    page = staff.get(reverse("operations")).content.decode()
    assert resume in page
    assert pause not in page

    staff.post(resume, {"_form_submitted": "True"})

    channel.refresh_from_db()
    assert (channel.paused_until, channel.pause_reason) == (None, "")


def test_failed_events_of_a_company_are_sent_again(staff: Client, acme: Company, now):
    endpoint = factories.make_endpoint(acme, last_sequence=1)
    failed = WebhookDelivery.objects.create(
        endpoint=endpoint,
        sequence=1,
        event="webhook.test",
        data="{}",
        occurred_at=now,
        created_at=now,
        due_at=now,
        state=WebhookDelivery.State.FAILED,
        tries=9,
    )

    url = reverse("admin:messaging_webhookendpoint_replay_failed", args=[endpoint.pk])
    page = staff.post(url, {"_form_submitted": "True"}, follow=True).content.decode()

    failed.refresh_from_db()
    assert (failed.state, failed.tries) == (WebhookDelivery.State.PENDING, 0)
    assert "1 event is sent again" in page


def test_an_endpoint_that_is_off_is_not_served(staff: Client, acme: Company):
    endpoint = factories.make_endpoint(acme, status=WebhookEndpoint.Status.DISABLED)

    url = reverse("admin:messaging_webhookendpoint_replay_failed", args=[endpoint.pk])
    page = staff.post(url, {"_form_submitted": "True"}, follow=True).content.decode()

    assert "Nothing was changed. The webhook is switched off" in page


def test_the_first_page_names_what_is_in_trouble(staff: Client, acme: Company, channel, now):
    factories.make_company("Juma Stores", status=Company.Status.APPLIED)
    Channel.objects.filter(pk=channel.pk).update(status="disconnected", status_reason="Token died")
    factories.make_channel(acme, name="Retired", status="disconnected", is_default=False)

    response = staff.get(reverse("admin:index"))

    page = response.content.decode()
    assert response.context["queues"][0]["waiting"] == 1
    assert "Token died" in page
    assert "Retired" not in page
