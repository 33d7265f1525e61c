"""The staff's page of a company, and its money."""

import re
import zoneinfo
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from companies.models import AuditEvent, Company, CreditEntry
from messaging.models import DailyFailure, DailyUsage
from tests import factories

pytestmark = pytest.mark.django_db

PRICES = {
    "price_marketing": "",
    "price_utility": "",
    "price_authentication": "",
    "price_service": "",
}


def _page(company: Company) -> str:
    return reverse("admin:companies_company_change", args=[company.pk])


def _form(company: Company, **fields: object) -> dict[str, object]:
    names = ("name", "country", "time_zone", "credit_floor")
    return {**{name: getattr(company, name) for name in names}, **PRICES, **fields}


def _move(client: Client, company: Company, action: str, **fields: object):
    url = reverse(f"admin:companies_company_{action}", args=[company.pk])
    form = {"_form_submitted": "True", "amount": 500, "note": "Receipt 7", "once": "a", **fields}
    return client.post(url, form, follow=True)


def test_a_company_is_shown_at_a_glance(staff: Client, acme: Company, channel):
    factories.make_user("amina@acme.example", company=acme)
    key = factories.make_key(acme)
    today = timezone.now().astimezone(zoneinfo.ZoneInfo(acme.time_zone)).date()
    DailyUsage.objects.create(
        company=acme, channel=channel, day=today, category="UTILITY", accepted=9, read=4, failed=2
    )
    DailyFailure.objects.create(company=acme, channel=channel, day=today, code="131026", count=2)
    factories.make_message(channel, due_at=timezone.now() - timedelta(minutes=5))

    response = staff.get(_page(acme))

    page = response.content.decode()
    assert response.context["today"]["accepted"] == 9
    assert response.context["failures"][0]["count"] == 2
    assert response.context["backlog"]["shown"] == "1"
    for words in ("1,000,000", "amina@acme.example", key[:13], "Main", "Message undeliverable"):
        assert words in page
    assert key not in page
    assert channel.access_token not in page


def test_an_owner_is_invited_by_mail_and_the_company_reads_of_staff_only(
    staff: Client, acme: Company
):
    assert "invite its owner" in staff.get(_page(acme)).content.decode()
    url = reverse("admin:companies_company_invite", args=[acme.pk])
    form = {"_form_submitted": "True", "email": "Amina@acme.example", "role": "owner"}

    page = staff.post(url, form, follow=True).content.decode()

    [mailed] = mail.outbox
    assert mailed.to == ["amina@acme.example"]
    assert "Tuma’s staff invites you" in mailed.body
    event = AuditEvent.objects.get(company=acme)
    assert (event.kind, event.actor_label) == ("team.invited", "Tuma’s staff")
    assert "amina@acme.example" in page and "invited less than a minute ago" in page
    link = re.search(r"/invitations/\S+", mailed.body)
    assert link and b"Amina" not in Client().get(link[0]).content


def test_who_is_in_the_team_is_not_invited_again(staff: Client, acme: Company):
    factories.make_user("amina@acme.example", company=acme)
    url = reverse("admin:companies_company_invite", args=[acme.pk])
    form = {"_form_submitted": "True", "email": "amina@acme.example", "role": "owner"}

    page = staff.post(url, form, follow=True).content.decode()

    assert "in the team already" in page
    assert not mail.outbox


def test_without_messages_there_is_nothing_to_plot(staff: Client, acme: Company):
    page = staff.get(_page(acme)).content.decode()

    assert "nothing was sent in these days" in page
    assert "<canvas" not in page


def test_another_companys_figures_are_not_among_them(staff: Client, acme, channel, rival):
    DailyUsage.objects.create(
        company=rival,
        channel=rival.channels.get(),
        day=timezone.now().date(),
        category="UTILITY",
        accepted=9,
    )

    assert staff.get(_page(acme)).context["today"]["accepted"] == 0


def test_the_page_costs_the_same_for_few_rows_and_many(staff: Client, acme, channel):
    def make() -> None:
        factories.make_user(company=acme)
        factories.make_key(acme)
        factories.make_channel(acme)
        factories.make_message(channel)

    make()
    staff.get(_page(acme))
    with CaptureQueriesContext(connection) as few:
        staff.get(_page(acme))
    for _ in range(4):
        make()
    with CaptureQueriesContext(connection) as many:
        staff.get(_page(acme))

    assert len(many) == len(few), [query["sql"] for query in many]


def test_credit_is_topped_up_with_a_note(staff: Client, acme: Company):
    _move(staff, acme, "top_up")

    acme.refresh_from_db()
    entry = CreditEntry.objects.latest("pk")
    event = AuditEvent.objects.get()
    assert acme.credits == 1_000_500
    assert (entry.kind, entry.amount, entry.note) == ("top_up", 500, "Receipt 7")
    assert entry.author.email == "staff@tuma.example"
    assert (event.kind, event.detail) == ("credit.added", {"credits": 500, "note": "Receipt 7"})


def test_a_top_up_that_is_sent_twice_counts_once(staff: Client, acme: Company):
    _move(staff, acme, "top_up")
    _move(staff, acme, "top_up")

    acme.refresh_from_db()
    assert acme.credits == 1_000_500

    _move(staff, acme, "top_up", once="b")
    acme.refresh_from_db()
    assert acme.credits == 1_001_000


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("top_up", {"note": ""}),
        ("top_up", {"amount": -5}),
        ("top_up", {"amount": "x"}),
        ("top_up", {"amount": 10**12}),
        ("adjust", {"amount": 0}),
        ("adjust", {"note": " "}),
    ],
)
def test_a_bad_movement_changes_nothing(staff: Client, acme: Company, action: str, fields):
    response = _move(staff, acme, action, **fields)

    acme.refresh_from_db()
    assert acme.credits == 1_000_000
    assert b"<form" in response.content


def test_credit_is_not_taken_below_the_floor(staff: Client, acme: Company):
    page = _move(staff, acme, "adjust", amount=-1_000_001).content.decode()

    acme.refresh_from_db()
    assert acme.credits == 1_000_000
    assert "Nothing was changed: 1000001 credits are needed" in page
    assert not AuditEvent.objects.exists()


def test_prices_are_set_one_by_one(staff: Client, acme: Company):
    Company.objects.filter(pk=acme.pk).update(prices={"UTILITY": 3})

    staff.post(_page(acme), _form(acme, price_marketing=2, price_service=0))

    acme.refresh_from_db()
    event = AuditEvent.objects.get()
    assert acme.prices == {"MARKETING": 2, "SERVICE": 0}
    assert event.detail["price_utility"] == ["3", "None"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"price_marketing": -1}, "greater than or equal to 0"),
        ({"price_marketing": "two"}, "Enter a whole number"),
        ({"country": "XX"}, "two letters of a country"),
        ({"time_zone": "Nairobi"}, "is not a time zone name"),
        ({"credit_floor": 2_000_000}, "The balance is 1,000,000 already"),
    ],
)
def test_a_bad_setting_is_refused_by_its_field(staff: Client, acme: Company, fields, words: str):
    before = Company.objects.filter(pk=acme.pk).values().get()

    page = staff.post(_page(acme), _form(acme, **fields)).content.decode()

    assert words in page
    assert Company.objects.filter(pk=acme.pk).values().get() == before


def test_a_status_is_not_typed_in(staff: Client, acme: Company, channel):
    staff.post(_page(acme), _form(acme, status="suspended", credits=5))

    acme.refresh_from_db()
    assert (acme.status, acme.credits) == ("active", 1_000_000)


def test_names_in_any_script_are_shown_safely(staff: Client, acme: Company):
    Company.objects.filter(pk=acme.pk).update(name="<b>شركة ☕</b>")

    page = staff.get(_page(acme)).content.decode()

    assert "<b>شركة" not in page
    assert "&lt;b&gt;شركة ☕" in page


def test_a_new_company_may_be_put_into_the_queue(staff: Client):
    new = {"name": "Juma", "country": "ke", "time_zone": "UTC", "credit_floor": 0, **PRICES}

    staff.post(reverse("admin:companies_company_add"), {**new, "status": "suspended"})
    assert not Company.objects.exists()

    staff.post(reverse("admin:companies_company_add"), {**new, "status": "applied"})
    company = Company.objects.get()
    assert (company.status, company.country) == ("applied", "KE")
    assert "Juma" in staff.get(reverse("queue_companies")).content.decode()
