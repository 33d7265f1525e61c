"""Connecting numbers and examining them, with the Graph sandbox on the other side."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from companies import audit, channels, connecting, doctor, doctor_words, staff_pauses
from companies.connecting import NotConnected
from companies.doctor import Heard
from companies.models import AuditEvent, Channel, Company, Decision, DoctorReport, Notice, User
from tests import factories

pytestmark = pytest.mark.django_db

NUMBER, WABA, TOKEN = "100000000000777", "200000000000777", "EAAfresh"
NOW = timezone.now()


@pytest.fixture(autouse=True)
def fresh_graph(graph: Any) -> None:
    graph.reset(everything=True)


@pytest.fixture
def who(acme: Company) -> User:
    return factories.make_user(company=acme)


def ask(who: User, company: Company, **changes: str) -> Channel:
    given = {"name": "Shop", "waba_id": WABA, "number_id": NUMBER, "token": TOKEN}
    return connecting.request_channel(who, company=company, **{**given, **changes})


def refused(who: User, company: Company, **changes: str) -> NotConnected:
    with pytest.raises(NotConnected) as raised:
        ask(who, company, **changes)
    assert not Channel.objects.filter(company=company).exists()
    return raised.value


# --- Connecting ------------------------------------------------------------------------


def test_a_number_that_passes_waits_for_staff(graph: Any, who: User, acme: Company) -> None:
    graph.number(
        NUMBER, display_phone_number="+254 700 000777", verified_name="Acme", tier="TIER_2K",
        throughput="HIGH", quality_rating="YELLOW",
    )  # fmt: skip

    channel = ask(who, acme)

    channel.refresh_from_db()
    assert channel.status == Channel.Status.REQUESTED
    assert channel.is_default
    assert (channel.phone_number, channel.verified_name) == ("+254700000777", "Acme")
    assert (channel.daily_limit, channel.rate_per_second) == (2000, 1000)
    assert (channel.quality, channel.access_token) == ("YELLOW", TOKEN)
    assert AuditEvent.objects.get().kind == audit.Kind.CHANNEL_REQUESTED
    assert Notice.objects.get().link == f"/channels/{channel.pk}"


def test_the_app_is_subscribed_to_the_accounts_webhooks(
    graph: Any, who: User, acme: Company
) -> None:
    _unsubscribe(graph, WABA)

    ask(who, acme)

    assert connecting.Graph(TOKEN).subscribed_apps(WABA)


def _unsubscribe(graph: Any, waba_id: str) -> None:
    connecting.Graph(TOKEN)._call("DELETE", f"{waba_id}/subscribed_apps")


@pytest.mark.parametrize("token", ["nonsense", "EAArevoked"])
def test_a_token_that_meta_does_not_accept_is_named(
    graph: Any, who: User, acme: Company, token: str
) -> None:
    graph.revoke("EAArevoked")

    refusal = refused(who, acme, token=token)

    assert refusal.field == "access_token"
    assert "does not accept" in str(refusal)
    assert token not in str(refusal)


def test_a_token_that_has_expired_is_named(graph: Any, who: User, acme: Company) -> None:
    graph.describe_token("EAAold", expires_at=1_000_000)

    assert "has expired" in str(refused(who, acme, token="EAAold"))


def test_a_missing_permission_is_named(graph: Any, who: User, acme: Company) -> None:
    graph.describe_token("EAAweak", scopes=["whatsapp_business_management"])

    refusal = refused(who, acme, token="EAAweak")

    assert "whatsapp_business_messaging" in str(refusal)
    assert "whatsapp_business_management" not in str(refusal)


def test_an_id_that_meta_does_not_know_is_named(graph: Any, who: User, acme: Company) -> None:
    assert refused(who, acme, number_id="1234567890").field == "phone_number_id"
    assert refused(who, acme, waba_id="1234567890").field == "waba_id"


def test_a_number_of_another_account_is_named(graph: Any, who: User, acme: Company) -> None:
    graph.number(NUMBER, waba_id="200000000000555")

    refusal = refused(who, acme)

    assert refusal.field == "waba_id"
    assert "does not belong" in str(refusal)


def test_when_meta_is_away_that_is_said(graph: Any, who: User, acme: Company, settings: Any):
    settings.GRAPH_API_URL = "http://127.0.0.1:9"
    refusal = refused(who, acme)

    assert refusal.field == ""
    assert "could not be reached" in str(refusal)


def test_meta_asked_too_often_is_said(graph: Any, who: User, acme: Company) -> None:
    graph.fault(code=4, on="numbers")

    assert "too often" in str(refused(who, acme))


def test_a_number_that_another_company_has_is_refused_without_naming_it(
    graph: Any, who: User, acme: Company, rival: Company
) -> None:
    Channel.objects.filter(company=rival).update(phone_number_id=NUMBER, name="Rival main")

    refusal = refused(who, acme)

    assert "connected here already" in str(refusal)
    assert "Rival" not in str(refusal)


def test_a_number_that_is_ones_own_already_is_named(graph: Any, who: User, acme: Company) -> None:
    ask(who, acme)

    with pytest.raises(NotConnected, match="“Shop”"):
        ask(who, acme, name="Again")


def test_the_default_stays_unless_staff_rejected_it(graph: Any, who: User, acme: Company) -> None:
    first = ask(who, acme)
    second = ask(who, acme, number_id="100000000000778", waba_id="200000000000778")
    Channel.objects.filter(pk=first.pk).update(status=Channel.Status.DISCONNECTED)
    _decided(first, Channel.Status.DISCONNECTED)
    third = ask(who, acme, number_id="100000000000779", waba_id="200000000000779")

    defaults = Channel.objects.filter(company=acme, is_default=True)
    assert not second.is_default
    assert [channel.pk for channel in defaults] == [third.pk]


def _decided(channel: Channel, to_status: str) -> None:
    Decision.objects.create(
        company=channel.company, about_type="channel", about_id=channel.pk, about_label="x",
        done="decided", from_status="requested", to_status=to_status, author_label="staff",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("decided", "status"),
    [
        ([], "requested"),
        (["connected"], "connected"),
        (["connected", staff_pauses.PAUSED, staff_pauses.SENDING], "connected"),
        (["connected", "disconnected"], "requested"),
    ],
)
def test_a_reconnected_number_sends_again_only_if_staff_had_let_it(
    graph: Any, who: User, acme: Company, decided: list[str], status: str
) -> None:
    channel = ask(who, acme)
    for to_status in decided:
        _decided(channel, to_status)
    assert connecting.disconnect(who, channel, reason="moving house")
    assert not connecting.disconnect(who, channel, reason="again")

    assert connecting.reconnect(who, channel, token="EAAnew") == status

    channel.refresh_from_db()
    assert (channel.status, channel.status_reason, channel.access_token) == (status, "", "EAAnew")


def test_a_bad_token_does_not_take_the_good_ones_place(
    graph: Any, who: User, acme: Company
) -> None:
    channel = ask(who, acme)

    with pytest.raises(NotConnected):
        connecting.reconnect(who, channel, token="junk")

    channel.refresh_from_db()
    assert channel.access_token == TOKEN


def test_a_channel_that_staff_made_counts_as_let(acme: Company) -> None:
    made_by_staff = factories.make_channel(acme, status=Channel.Status.DISCONNECTED)

    assert channels.was_approved(made_by_staff)


# --- The doctor ------------------------------------------------------------------------


@pytest.fixture
def door(live_server: Any, settings: Any) -> None:
    settings.PUBLIC_URL = live_server.url


@pytest.fixture
def sound(transactional_db: None, graph: Any, door: None, acme: Company) -> Channel:
    """A channel with which all is well."""
    graph.number(NUMBER, waba_id=WABA)
    return factories.make_channel(
        acme, phone_number_id=NUMBER, waba_id=WABA, access_token=TOKEN, rate_per_second=80
    )


def found(channel: Channel, heard: Heard | None = None) -> dict[str, tuple[str, str]]:
    """By check: the level and the code."""
    channel.refresh_from_db()
    report = doctor.examine(channel, heard=heard or Heard(at=NOW), now=timezone.now())
    assert all(line.fact for line in doctor_words.lines(report))
    return {each["check"]: (each["level"], each["code"]) for each in report.findings}


def fix_of(channel: Channel, check: str) -> str:
    report = DoctorReport.objects.get(channel=channel)
    return next(line.fix for line in doctor_words.lines(report) if line.check == check)


def test_a_channel_in_health_has_no_findings_but_good_ones(sound: Channel) -> None:
    levels = {level for level, _code in found(sound).values()}

    assert levels == {doctor.OK}
    assert doctor_words.worst(DoctorReport.objects.get()) == doctor.OK


def test_a_revoked_token_is_found_and_the_fix_named(graph: Any, sound: Channel) -> None:
    graph.revoke(TOKEN)

    findings = found(sound)

    assert findings["token"] == (doctor.BAD, "token_revoked")
    assert findings["number"] == (doctor.SKIPPED, "not_measured")
    assert "reconnect the channel" in fix_of(sound, "token")


def test_a_token_near_its_end_and_past_it(graph: Any, sound: Channel) -> None:
    graph.describe_token(TOKEN, expires_at=int((NOW + timedelta(days=3)).timestamp()))
    soon = found(sound)["token"]
    graph.describe_token(TOKEN, expires_at=int((NOW + timedelta(days=60)).timestamp()))
    later = found(sound)["token"]
    graph.describe_token(TOKEN, expires_at=1_000_000)

    assert soon == (doctor.WARNING, "token_ends_soon")
    assert later == (doctor.OK, "token_until")
    assert found(sound)["token"] == (doctor.BAD, "token_expired")


def test_permissions_and_subscription(graph: Any, sound: Channel) -> None:
    _unsubscribe(graph, WABA)
    graph.describe_token(TOKEN, scopes=["whatsapp_business_management"])

    findings = found(sound)

    assert findings["scopes"] == (doctor.BAD, "scopes_missing")
    assert findings["subscription"] == (doctor.BAD, "not_subscribed")
    assert doctor_words.mendable(DoctorReport.objects.get()) == {"subscribe"}


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ({"status": "FLAGGED"}, {"number": (doctor.WARNING, "number_limited")}),
        ({"status": "BANNED"}, {"number": (doctor.BAD, "number_unusable")}),
        ({"name_status": "DECLINED"}, {"name": (doctor.WARNING, "name_pending")}),
        ({"quality_rating": "RED"}, {"quality": (doctor.BAD, "quality_red")}),
        ({"tier": "TIER_250"}, {"limit": (doctor.BAD, "limit_higher")}),
        ({"throughput": "HIGH"}, {"rate": (doctor.OK, "rate_within")}),
    ],
)
def test_the_number_as_meta_has_it(
    graph: Any, sound: Channel, number: dict[str, str], expected: dict[str, Any]
) -> None:
    graph.number(NUMBER, **number)

    findings = found(sound)

    assert {check: findings[check] for check in expected} == expected


def test_what_we_allow_against_what_meta_allows(graph: Any, sound: Channel) -> None:
    Channel.objects.update(daily_limit=250, rate_per_second=500)

    findings = found(sound)

    assert findings["limit"] == (doctor.WARNING, "limit_lower")
    assert findings["rate"] == (doctor.BAD, "rate_over")
    assert doctor_words.mendable(DoctorReport.objects.get()) == {"take_over"}


@pytest.mark.parametrize(
    ("heard", "code"),
    [
        (Heard(), "never_heard"),
        (Heard(at=NOW), "heard_at"),
        (Heard(day=NOW.date()), "heard_day"),
        (Heard(day=date(2024, 1, 1)), "heard_long_ago"),
    ],
)
def test_when_meta_last_reported(sound: Channel, heard: Heard, code: str) -> None:
    assert found(sound, heard)["heard"][1] == code


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"status": "requested"}, "requested"),
        ({"status": "disconnected", "status_reason": "50% off"}, "disconnected"),
        ({"paused_until": NOW + timedelta(days=1), "pause_reason": "100% full"}, "paused"),
    ],
)
def test_what_holds_it_up_here(sound: Channel, fields: dict[str, Any], code: str) -> None:
    Channel.objects.update(**fields)

    assert found(sound)["state"][1] == code


def test_our_own_door_is_tried(sound: Channel, settings: Any) -> None:
    settings.PUBLIC_URL = "http://127.0.0.1:9"
    shut = found(sound)["signature"]
    settings.META_APP_SECRET = ""

    assert shut == (doctor.BAD, "own_door_shut")
    assert found(sound)["signature"] == (doctor.BAD, "no_secret")


def test_when_meta_is_away_the_rest_is_still_measured(sound: Channel, settings: Any) -> None:
    settings.GRAPH_API_URL = "http://127.0.0.1:9"

    findings = found(sound)

    assert findings["token"] == (doctor.WARNING, "graph_away")
    assert findings["signature"] == (doctor.OK, "signature_good")


def test_a_channel_without_a_token_is_examined_too(sound: Channel) -> None:
    Channel.objects.filter(pk=sound.pk).update(access_token="")

    assert found(sound)["token"] == (doctor.BAD, "no_token")


def test_every_finding_has_words_and_every_bad_one_a_fix() -> None:
    without_fix = {code for code, words in doctor_words._WORDS.items() if not words.fix}

    assert without_fix == {
        "connected", "not_measured", "token_valid", "token_until", "scopes_held", "subscribed",
        "signature_good", "heard_at", "heard_day", "number_fine", "name_fine", "quality_green",
        "quality_unknown", "limit_same", "rate_within",
    }  # fmt: skip
