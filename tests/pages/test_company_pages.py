from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from companies import audit
from companies.models import AuditEvent, Company, Membership, User
from tests import factories

pytestmark = pytest.mark.django_db


def _record(company: Company, number: int = 1, **fields: Any) -> None:
    for each in range(number):
        event = {"kind": audit.Kind.KEY_CREATED, "label": f"Key {each}", **fields}
        audit.record("Tuma’s staff", company=company, **event)


# --- Audit log -------------------------------------------------------------------------


def test_signing_in_is_noted_in_each_company_of_the_person(
    client: Client, acme: Company, rival: Company
):
    user = factories.make_user("wanjiku@x.example", company=acme)
    Membership.objects.create(user=user, company=rival)

    client.post("/accounts/login/", {"login": user.email, "password": "secret-pass-1"})

    events = AuditEvent.objects.filter(kind="person.signed_in", actor=user)
    assert {event.company for event in events} == {acme, rival}
    assert {event.address for event in events} == {"127.0.0.1"}


def test_the_log_tells_who_did_what_to_what_and_from_where(owner: Client, acme: Company):
    owner.post("/companies/settings", {"name": "Acme Ltd", "time_zone": "Africa/Lagos"})

    page = owner.get("/companies/audit").content.decode()

    for words in ("Company settings changed", "owner@acme.example", "127.0.0.1", "Acme → Acme Ltd"):
        assert words in page


def test_the_log_keeps_the_name_of_somebody_who_has_gone(owner: Client, acme: Company):
    gone = factories.make_user("gone@acme.example", company=acme)
    audit.record(gone, company=acme, kind=audit.Kind.KEY_REVOKED, label="Old key")

    gone.delete()

    assert b"gone@acme.example" in owner.get("/companies/audit").content


def test_the_log_is_read_a_page_at_a_time_and_the_filter_stays(owner: Client, acme: Company):
    _record(acme, 60)
    _record(acme, kind=audit.Kind.WEBHOOK_DELETED, label="hook")

    first = owner.get("/companies/audit?kind=key.created")
    assert len(first.context["rows"]) == 50
    older = first.context["older"]
    assert f"?kind=key.created&amp;before={older}" in first.content.decode()

    second = owner.get(f"/companies/audit?kind=key.created&before={older}")
    assert [row.event.label for row in second.context["rows"]][-1] == "Key 0"
    assert len(second.context["rows"]) == 10
    assert second.context["older"] == ""


def _labels(client: Client, **asked: str) -> list[str]:
    return [row.event.label for row in client.get("/companies/audit", asked).context["rows"]]


def test_the_log_is_filtered_by_person_whoever_that_is(owner: Client, acme: Company):
    gone = factories.make_user("gone@acme.example", company=acme)
    audit.record(gone, company=acme, kind=audit.Kind.KEY_REVOKED, label="Old key")
    _record(acme)
    gone.delete()

    page = owner.get("/companies/audit").content.decode()

    assert 'href="?who=gone%40acme.example"' in page
    assert '<option value="owner@acme.example">' in page
    assert '<option value="gone@acme.example">' not in page
    assert _labels(owner, who="gone@acme.example") == ["Old key"]
    assert _labels(owner, who="Tuma’s staff") == ["Key 0"]
    assert _labels(owner, who="Tuma’s staff", kind=audit.Kind.KEY_REVOKED) == []


def test_the_log_is_filtered_by_days_of_the_companys_time_zone(owner: Client, acme: Company):
    acme.time_zone = "Africa/Nairobi"
    acme.save()
    # An hour before and after midnight in Nairobi.
    for label, at in [("9th", "2026-03-09T20:00Z"), ("10th", "2026-03-09T22:00Z")]:
        _record(acme, label=label)
        AuditEvent.objects.filter(label=label).update(created_at=datetime.fromisoformat(at))
    _record(acme, label="today")

    assert _labels(owner, until="2026-03-09") == ["9th"]
    assert _labels(owner, since="2026-03-10", until="2026-03-10") == ["10th"]
    assert _labels(owner, since="2026-03-10") == ["today", "10th"]


def test_days_in_the_wrong_order_are_told_and_kept(owner: Client, acme: Company):
    page = owner.get("/companies/audit?since=2026-03-10&until=2026-03-09").content.decode()

    assert "This day is before the first." in page
    assert 'value="2026-03-10"' in page


def test_the_log_takes_as_many_queries_for_many_rows(
    owner: Client, acme: Company, django_assert_num_queries: Any
):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    _record(acme)
    with CaptureQueriesContext(connection) as few:
        owner.get("/companies/audit")
    _record(acme, 60)

    with django_assert_num_queries(len(few)):
        owner.get("/companies/audit")


@pytest.mark.parametrize("before", ["x", "-1", "9" * 30, "1.5"])
def test_a_place_in_the_log_that_is_none_is_not_found(owner: Client, before: str):
    assert owner.get("/companies/audit", {"before": before}).status_code == 404


def test_another_companys_events_are_not_in_the_log(stranger: Client, acme: Company):
    _record(acme, label="SECRET PLAN")

    assert b"SECRET PLAN" not in stranger.get("/companies/audit").content


def test_an_event_of_a_kind_that_is_gone_is_shown_by_its_code(owner: Client, acme: Company):
    AuditEvent.objects.create(company=acme, actor_label="x", kind="old.thing")

    assert b"old.thing" in owner.get("/companies/audit").content


# --- Settings --------------------------------------------------------------------------


def test_an_owner_changes_name_and_time_zone(owner: Client, acme: Company):
    response = owner.post("/companies/settings", {"name": "Acme Ltd", "time_zone": "Asia/Dubai"})

    assert response["Location"] == "/companies/settings"
    acme.refresh_from_db()
    assert (acme.name, acme.time_zone) == ("Acme Ltd", "Asia/Dubai")
    assert AuditEvent.objects.get(kind="company.changed").detail == {
        "name": ["Acme", "Acme Ltd"],
        "time_zone": ["Africa/Nairobi", "Asia/Dubai"],
    }


def test_saving_what_is_already_so_is_no_event(owner: Client):
    owner.post("/companies/settings", {"name": "Acme", "time_zone": "Africa/Nairobi"})

    assert not AuditEvent.objects.filter(kind="company.changed").exists()


def test_the_country_is_shown_and_not_changed(owner: Client, acme: Company):
    assert b"+254" in owner.get("/companies/settings").content

    owner.post(
        "/companies/settings", {"name": "A", "time_zone": "UTC", "country": "US", "credits": "9"}
    )

    acme.refresh_from_db()
    assert (acme.country, acme.credits) == ("KE", 1_000_000)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "", "time_zone": "UTC"},
        {"name": "x" * 121, "time_zone": "UTC"},
        {"name": "Acme", "time_zone": "Mars/Olympus"},
        {"name": "Acme", "time_zone": ""},
    ],
)
def test_settings_that_make_no_sense_are_refused_beside_their_field(
    owner: Client, acme: Company, fields: dict[str, str]
):
    response = owner.post("/companies/settings", fields)

    assert response.status_code == 422
    assert b'aria-invalid="true"' in response.content
    assert response.context["company"].name == "Acme"
    acme.refresh_from_db()
    assert (acme.name, acme.time_zone) == ("Acme", "Africa/Nairobi")


# --- Languages -------------------------------------------------------------------------


def test_people_choose_a_language_by_post_and_stay_where_they_are(owner: Client):
    response = owner.post("/language", {"language": "ar", "next": "/companies"})

    assert response["Location"] == "/companies"
    page = owner.get("/companies").content.decode()
    assert '<html lang="ar" dir="rtl">' in page
    assert "tabler.rtl.min.css" in page
    assert owner.get("/language").status_code == 302  # and nothing was chosen
    assert 'lang="ar"' in owner.get("/companies").content.decode()


def test_a_browsers_own_language_is_taken_where_none_was_chosen(client: Client):
    page = client.get("/", headers={"Accept-Language": "sw"}).content.decode()

    assert '<html lang="sw" dir="ltr">' in page


def test_programs_are_answered_in_english_whoever_was_served_before(
    owner: Client, send: Callable[..., Any]
):
    owner.get("/companies", headers={"Accept-Language": "ar"})

    answer = send({"type": "text"}, headers={"Accept-Language": "ar"})

    assert answer.status_code == 400
    assert answer.content.isascii()


def test_staff_screens_are_in_english(staff: Client):
    page = staff.get("/admin/", headers={"Accept-Language": "ar"}).content.decode()

    assert 'lang="en' in page
    assert 'dir="rtl"' not in page


def test_nobody_is_led_away_by_the_choice_of_a_language(client: Client):
    response = client.post("/language", {"language": "sw", "next": "https://evil.example/"})

    assert response["Location"] == "/"


def test_members_of_a_suspended_company_see_the_settings_without_a_button(
    browser: Callable[[User], Client], acme: Company
):
    client = browser(factories.make_user(company=acme))
    Company.objects.filter(pk=acme.pk).update(status="suspended")

    page = client.get("/companies/settings").content.decode()

    assert "is suspended" in page
    assert ">Save<" not in page
