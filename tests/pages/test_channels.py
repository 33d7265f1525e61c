"""A company's channels in the portal."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from companies import doctor
from companies.models import AuditEvent, Channel, Company, DoctorReport
from messaging import channel_pages
from messaging.models import (
    DailyFailure,
    DailyUsage,
    InboundMessage,
    Status,
    StatusProof,
    WebhookDelivery,
)
from tests import factories

pytestmark = pytest.mark.django_db

GOOD = {
    "name": "Shop",
    "waba_id": "200000000000777",
    "phone_number_id": "100000000000777",
    "access_token": "EAAfresh",
}


@pytest.fixture(autouse=True)
def fresh_graph(graph: Any) -> None:
    graph.reset(everything=True)


@pytest.fixture
def developer(acme: Company, channel: Channel, browser: Any) -> Client:
    return browser(factories.make_user("dev@acme.example", company=acme, role="developer"))


def text(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return response.content.decode()


# --- Looking ---------------------------------------------------------------------------


def test_the_list_says_how_each_fares(
    viewer: Client, channel: Channel, acme: Company, rival: Company
) -> None:
    limited = factories.make_channel(acme, name="Second", daily_limit=200, quality="RED")
    DailyUsage.objects.create(
        company=acme, channel=limited, day=timezone.localdate(), category="SERVICE", accepted=50
    )
    Channel.objects.filter(pk=channel.pk).update(paused_until=timezone.now() + timedelta(hours=1))
    Channel.objects.filter(company=rival).update(name="Rival main")

    html = text(viewer, "/channels")

    assert "50 of 200" in html and 'aria-valuenow="25"' in html
    assert "Paused" in html and "Low quality" in html and "Default" in html
    assert "Rival main" not in html
    assert "Connect a number" not in html


def test_an_empty_list_says_what_to_do(developer: Client, channel: Channel) -> None:
    Channel.objects.all().delete()

    assert "No numbers yet" in text(developer, "/channels")
    assert 'href="/channels/connect"' in text(developer, "/channels")


def test_the_queries_do_not_grow_with_the_channels(owner: Client, acme: Company) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            text(owner, "/channels")
        return len(queries)

    before = count()
    for _ in range(5):
        factories.make_channel(acme)

    assert count() == before < 12


def test_no_page_ever_holds_the_token(owner: Client, channel: Channel) -> None:
    for rest in ("", "/doctor", "/reconnect", "/disconnect"):
        assert channel.access_token not in text(owner, f"/channels/{channel.pk}{rest}")


def test_the_page_counts_what_waits(owner: Client, channel: Channel) -> None:
    for _ in range(3):
        factories.make_message(channel, status=Status.QUEUED)
    factories.make_message(channel, status=Status.SENT)
    Channel.objects.update(status="disconnected", status_reason="moving")

    html = text(owner, f"/channels/{channel.pk}")

    assert "3 messages wait in its queue" in html
    assert "moving" in html


# --- Connecting ------------------------------------------------------------------------


def test_a_number_is_connected_for_staff_to_see(developer: Client, acme: Company) -> None:
    response = developer.post("/channels/connect", GOOD)

    made = Channel.objects.get(phone_number_id=GOOD["phone_number_id"])
    assert response["Location"] == f"/channels/{made.pk}"
    assert (made.company, made.status) == (acme, "requested")
    assert "Tuma’s staff are looking at it" in text(developer, f"/channels/{made.pk}")
    assert "EAAfresh" not in str(AuditEvent.objects.values_list("detail", "label"))


def test_a_refusal_stands_beside_its_field_and_the_token_does_not_come_back(
    developer: Client, graph: Any
) -> None:
    graph.revoke("EAAgone")

    response = developer.post("/channels/connect", {**GOOD, "access_token": "EAAgone"})

    html = response.content.decode()
    assert response.status_code == 422
    assert re.search(r'invalid-feedback d-block" id="id_access_token_error">Meta does not', html)
    assert "EAAgone" not in html
    assert GOOD["waba_id"] in html  # the rest is kept


@pytest.mark.parametrize(
    "change",
    [{"waba_id": "my account"}, {"phone_number_id": ""}, {"access_token": "two words"},
     {"access_token": "ключ"}, {"name": ""}],
)  # fmt: skip
def test_what_makes_no_sense_is_not_asked_of_meta(
    developer: Client, graph: Any, change: dict[str, str]
) -> None:
    response = developer.post("/channels/connect", {**GOOD, **change})

    assert response.status_code == 422
    assert graph.control("GET", "calls")["calls"] == []


def test_meta_is_not_asked_without_end(
    developer: Client, graph: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel_pages, "TRIES_AN_HOUR", 1)
    developer.post("/channels/connect", {**GOOD, "access_token": "junk"})

    response = developer.post("/channels/connect", GOOD)

    assert response.status_code == 422
    assert "enough for now" in response.content.decode()


# --- Changing --------------------------------------------------------------------------


def test_name_and_rate_are_changed_within_what_meta_allows(
    developer: Client, channel: Channel
) -> None:
    Channel.objects.update(rate_per_second=80)
    url = f"/channels/{channel.pk}"

    saved = developer.post(url, {"name": "ሱቅ", "rate_per_second": 20})
    too_fast = developer.post(url, {"name": "x", "rate_per_second": 81})
    Channel.objects.update(throughput="HIGH")
    high = developer.post(url, {"name": "ሱቅ", "rate_per_second": 900})

    channel.refresh_from_db()
    assert (saved.status_code, too_fast.status_code, high.status_code) == (302, 422, 302)
    assert (channel.name, channel.rate_per_second) == ("ሱቅ", 900)
    assert AuditEvent.objects.order_by("pk")[0].detail["rate_per_second"] == [80, 20]


def test_a_connected_channel_becomes_the_default(
    developer: Client, channel: Channel, acme: Company
) -> None:
    other = factories.make_channel(acme)
    lost = factories.make_channel(acme, status="disconnected")

    developer.post(f"/channels/{other.pk}/default")
    developer.post(f"/channels/{lost.pk}/default")

    assert Channel.objects.get(company=acme, is_default=True) == other


def test_disconnecting_asks_why_and_says_what_waits(developer: Client, channel: Channel) -> None:
    factories.make_endpoint(channel.company)
    factories.make_message(channel, status=Status.QUEUED)
    url = f"/channels/{channel.pk}/disconnect"
    assert "1 message waits in its queue" in text(developer, url)

    nameless = developer.post(url, {"reason": " "})
    done = developer.post(url, {"reason": "number moves"})

    channel.refresh_from_db()
    assert (nameless.status_code, done.status_code) == (422, 302)
    assert (channel.status, channel.status_reason) == ("disconnected", "number moves")
    assert WebhookDelivery.objects.get().event == "channel.updated"


def test_reconnecting_with_a_good_token_sends_again(developer: Client, channel: Channel) -> None:
    graph_ids = {"phone_number_id": GOOD["phone_number_id"], "waba_id": GOOD["waba_id"]}
    Channel.objects.update(status="disconnected", status_reason="lost", **graph_ids)
    url = f"/channels/{channel.pk}/reconnect"

    refused = developer.post(url, {"access_token": "junk"})
    taken = developer.post(url, {"access_token": "EAAnew"})

    channel.refresh_from_db()
    assert (refused.status_code, taken.status_code) == (422, 302)
    assert (channel.status, channel.access_token) == ("connected", "EAAnew")


# --- The doctor ------------------------------------------------------------------------


def test_a_channels_page_plots_its_own_messages_and_names_why_they_failed(
    owner: Client, acme: Company, channel: Channel
):
    other = factories.make_channel(acme)
    today = timezone.localdate()
    for each, count in ((channel, 7), (other, 1000)):
        here = {"company": acme, "channel": each, "day": today}
        DailyUsage.objects.create(**here, category="UTILITY", accepted=count, failed=count)
        DailyFailure.objects.create(**here, code="131026", count=count)

    response = owner.get(f"/channels/{channel.pk}")

    assert [sum(each.values) for each in response.context["chart"].series] == [0, 0, 7]
    assert [(each["code"], each["count"]) for each in response.context["reasons"]] == [
        ("131026", 7)
    ]
    assert "error=131026&amp;since=" in response.content.decode()
    assert f"&amp;channel={channel.pk}" in response.content.decode()


def test_a_viewer_reads_the_doctors_report_and_does_not_ask_for_one(
    viewer: Client, channel: Channel
) -> None:
    findings = [{"check": "token", "level": "bad", "code": "token_expired", "values": {}}]
    DoctorReport.objects.create(channel=channel, at=timezone.now(), findings=findings)

    html = text(viewer, f"/channels/{channel.pk}/doctor")

    assert "It has expired" in html and "What to do:" in html and "Must be mended" in html
    assert "Examine again" not in html
    assert viewer.post(f"/channels/{channel.pk}/doctor").status_code == 403


def test_the_doctor_is_asked_and_mends_what_a_button_can(
    developer: Client, channel: Channel, graph: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_knock", lambda url, digest: 401 if set(digest) == {"0"} else 200)
    ids = {"phone_number_id": GOOD["phone_number_id"], "waba_id": GOOD["waba_id"]}
    Channel.objects.update(**ids, rate_per_second=500)
    graph.number(GOOD["phone_number_id"], waba_id=GOOD["waba_id"], tier="TIER_10K")
    url = f"/channels/{channel.pk}/doctor"

    developer.post(url)
    before = text(developer, url)
    developer.post(url, {"fix": "take_over"})

    channel.refresh_from_db()
    assert "Take over Meta’s values" in before and "unlimited" in before
    assert (channel.daily_limit, channel.rate_per_second) == (10_000, 80)
    assert "Take over Meta’s values" not in text(developer, url)


def test_when_meta_last_reported_is_known_from_what_came_in(channel: Channel) -> None:
    assert channel_pages.last_heard(channel) == doctor.Heard()
    now = timezone.now()
    DailyUsage.objects.create(
        company=channel.company, channel=channel, day=now.date(), category="SERVICE", delivered=1
    )
    assert channel_pages.last_heard(channel) == doctor.Heard(day=now.date())

    StatusProof.objects.create(channel=channel, period=1, received_at=now, attempted_at=now)
    assert channel_pages.last_heard(channel).at == now
    message = InboundMessage.objects.create(
        company=channel.company, channel=channel, wamid="w", type="text", payload={}, sent_at=now
    )
    assert channel_pages.last_heard(channel).at == message.created_at
