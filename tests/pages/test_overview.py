from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from companies.models import ApiKey, Channel, Company, User
from messaging.models import ChannelState, DailyFailure, DailyUsage, Status
from tests import factories

pytestmark = pytest.mark.django_db


def _today(company: Company) -> Any:
    return timezone.localdate(timezone=ZoneInfo(company.time_zone))


def _use(channel: Channel, *, days_ago: int = 0, **counts: int) -> None:
    day = _today(channel.company) - timedelta(days=days_ago)
    place = {"company": channel.company, "channel": channel, "day": day}
    DailyUsage.objects.create(**place, category=f"C{days_ago}", **counts)


def _titles(client: Client) -> list[str]:
    return [item.title for item in client.get("/").context["attention"]]


# --- Figures --------------------------------------------------------------------------


def test_credit_channels_and_the_counts_of_the_days_are_shown(owner: Client, channel: Channel):
    _use(channel, accepted=2000, read=1200, delivered=600, failed=100, charged=2000)

    response = owner.get("/")
    page = response.content.decode()

    assert "1,000,000" in page
    # Not "used": what failed gave its credit back.
    assert "2,000 charged in these 7 days" in page
    assert channel.phone_number in page
    values = [figure.value for figure in response.context["figures"]]
    assert values == ["2,000", "90.0%", "66.7%", "100"]
    # What rests nowhere is waiting.
    waiting = response.context["chart"].series[-1]
    assert (str(waiting.label), waiting.values[-1]) == ("Waiting", 100)


def test_what_somebody_cancelled_has_not_failed(owner: Client, channel: Channel):
    _use(channel, accepted=500, read=200, delivered=30, failed=260)
    place = {"company": channel.company, "channel": channel, "day": _today(channel.company)}
    DailyFailure.objects.create(**place, code="cancelled", count=250)

    response = owner.get("/")

    values = [figure.value for figure in response.context["figures"]]
    assert values == ["500", "92.0%", "87.0%", "10"]
    waiting = response.context["chart"].series[-1]
    assert (str(waiting.label), waiting.values[-1]) == ("Waiting", 10)


def test_a_period_is_held_against_as_many_days_before(owner: Client, channel: Channel):
    _use(channel, days_ago=0, accepted=100, delivered=80, failed=20)
    _use(channel, days_ago=6, accepted=50, delivered=40, failed=10)
    _use(channel, days_ago=7, accepted=100, delivered=90, failed=10)
    _use(channel, days_ago=14, accepted=999)

    accepted, delivered, _read, failed = owner.get("/?days=7").context["figures"]

    assert (accepted.value, accepted.before) == ("150", "100")
    assert (accepted.change.text, accepted.change.tone) == ("50.0%", "ok")
    assert (delivered.change.text, delivered.change.tone) == ("10.0 points", "bad")
    assert (failed.value, failed.change.tone) == ("30", "bad")


def test_the_period_is_today_or_a_number_of_days_and_nothing_else(owner: Client, channel: Channel):
    _use(channel, days_ago=1, accepted=5)

    today = owner.get("/?days=1").context
    assert today["figures"][0].value == "0"
    assert today["figures"][0].before == "5"
    assert len(today["chart"].labels) == 7
    assert len(owner.get("/?days=30").context["chart"].labels) == 30
    assert owner.get("/?days=0").context["days"] == 7
    assert owner.get("/?days=nonsense").context["days"] == 7


def test_nothing_sent_makes_no_figures_of_nothing(owner: Client):
    response = owner.get("/")

    assert [figure.value for figure in response.context["figures"]] == ["0", "–", "–", "0"]
    assert b"No messages in these days" in response.content
    assert b"No failures" in response.content


def test_reasons_lead_to_the_log_of_their_messages(owner: Client, channel: Channel, acme: Company):
    place = {"company": acme, "channel": channel}
    DailyFailure.objects.create(**place, day=_today(acme), code="131026", count=7)
    DailyFailure.objects.create(
        **place, day=_today(acme) - timedelta(days=40), code="131047", count=900
    )

    response = owner.get("/")

    assert [(r["code"], r["count"]) for r in response.context["reasons"]] == [("131026", 7)]
    assert "/messages?error=131026&amp;since=" in response.content.decode()


def test_another_companys_rows_are_not_on_the_overview(owner: Client, rival: Company):
    theirs = rival.channels.get()
    factories.make_batch(theirs, payload={"type": "text", "text": {"body": "RIVAL"}})
    _use(theirs, accepted=424242)

    page = owner.get("/").content

    assert b"RIVAL" not in page
    assert b"424,242" not in page
    assert theirs.phone_number.encode() not in page


def test_first_steps_vanish_when_all_are_done(owner: Client, channel: Channel):
    assert b"First steps" in owner.get("/").content

    factories.make_batch(channel)

    assert b"First steps" not in owner.get("/").content


def test_the_overview_costs_the_same_queries_however_much_there_is(owner: Client, acme: Company):
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            owner.get("/?days=30")
        return len(seen)

    for _ in range(2):
        factories.make_batch(factories.make_channel(acme, status="disconnected"))
    few = queries()
    for number in range(12):
        channel = factories.make_channel(acme, status="disconnected")
        factories.make_batch(channel)
        _use(channel, days_ago=number, accepted=5, failed=1)

    assert queries() == few


# --- Channels and what needs attention ------------------------------------------------


def test_a_channel_shows_how_much_of_its_daily_limit_is_used(owner: Client, channel: Channel):
    Channel.objects.filter(pk=channel.pk).update(daily_limit=1000, quality="GREEN")
    state = ChannelState.objects.filter(channel=channel)
    state.update(day=_today(channel.company), day_count=250)

    [health] = owner.get("/").context["channels"]
    assert (health.today, health.used_percent) == (250, 25)

    state.update(day=_today(channel.company) - timedelta(days=1))
    [health] = owner.get("/").context["channels"]
    assert (health.today, health.used_percent) == (0, 0)


def test_nothing_needs_attention_where_all_is_well(owner: Client, channel: Channel):
    assert _titles(owner) == []


def test_a_lost_channel_is_named_if_it_is_the_default_or_has_work(owner: Client, acme: Company):
    old = factories.make_channel(acme, name="Old line", status="disconnected")
    assert _titles(owner) == []

    factories.make_message(old)
    assert _titles(owner) == ["Old line is disconnected."]


def test_pauses_and_poor_quality_are_named(owner: Client, channel: Channel):
    now = timezone.now()
    Channel.objects.filter(pk=channel.pk).update(
        paused_until=now + timedelta(days=3650), pause_reason="Meta said so", quality="RED"
    )

    page = owner.get("/").content.decode()

    assert "Main is paused until somebody lifts it." in page
    assert "Meta said so" in page
    assert "The quality of Main is low." in page


def test_credit_is_named_when_it_runs_low_or_is_gone(owner: Client, acme: Company):
    Company.objects.filter(pk=acme.pk).update(credits=40, low_balance_at=50)
    assert _titles(owner) == ["Your credit is running low."]

    Company.objects.filter(pk=acme.pk).update(credits=0)
    assert _titles(owner) == ["There is no credit left."]


def test_failing_webhooks_rejected_templates_and_ending_keys_are_named(
    owner: Client, acme: Company, channel: Channel
):
    factories.make_endpoint(acme, status="disabled", disabled_reason="failing")
    factories.make_endpoint(acme, status="disabled", disabled_reason="by_hand")
    factories.make_template(acme, status="REJECTED", name="spring_sale")
    factories.make_key(acme)
    ApiKey.objects.update(expires_at=timezone.now() + timedelta(days=3))

    page = owner.get("/").content.decode()

    assert len(_titles(owner)) == 3
    assert "A webhook was switched off." in page
    assert "spring_sale" in page
    assert "The API key Test ends on" in page


def test_messages_in_doubt_are_named_with_the_way_to_them(owner: Client, channel: Channel):
    _use(channel, accepted=3, uncertain=2)

    page = owner.get("/").content.decode()

    assert "2 messages are in doubt." in page
    assert 'href="/messages?status=uncertain"' in page


def test_a_viewer_sees_the_overview_too(viewer: Client, channel: Channel):
    factories.make_message(channel, status=Status.READ)

    assert viewer.get("/").status_code == 200


def test_names_in_any_script_are_shown(
    browser: Callable[[User], Client], acme: Company, channel: Channel
):
    Channel.objects.filter(pk=channel.pk).update(name="مطعم <b>الواحة</b> 🌿 ሰላም")

    page = browser(factories.make_user(company=acme)).get("/").content.decode()

    assert "مطعم &lt;b&gt;الواحة&lt;/b&gt; 🌿 ሰላም" in page
