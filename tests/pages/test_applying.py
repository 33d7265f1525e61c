"""A company that applies: the form, the mail, the account, and what staff see then."""

import time
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client

from companies import applying
from companies.models import AuditEvent, Company, Membership, User
from tests import factories
from tests.pages.mails import links

pytestmark = pytest.mark.django_db

PASSWORD = "a-long-pass-1"
FILLED = {
    "company": "Juma Stores",
    "country": "KE",
    "time_zone": "Africa/Nairobi",
    "email": "Juma@Stores.example",
}


@pytest.fixture(autouse=True)
def _here(settings: Any) -> None:
    settings.PUBLIC_URL = "http://testserver"


def link(client: Client, **filled: str) -> str:
    """The path in the mail that an application brings."""
    assert client.post("/apply", {**FILLED, **filled}).status_code == 200
    return links()[0]


def test_nothing_is_stored_before_the_address_is_proven(client: Client):
    response = client.post("/apply", FILLED)

    assert b"Look into your mail" in response.content
    assert mail.outbox[0].to == ["juma@stores.example"]
    assert not User.objects.exists()
    assert not Company.objects.exists()


def test_the_link_makes_an_account_and_a_company_that_waits_for_staff(
    client: Client, staff_user: User
):
    path = link(client)

    response = client.post(path, {"name": "Juma", "password": PASSWORD}, follow=True)

    assert b"Juma Stores is not active yet" in response.content
    company = Company.objects.get()
    assert (company.status, company.country, company.time_zone) == (
        "applied",
        "KE",
        "Africa/Nairobi",
    )
    member = Membership.objects.get()
    assert (member.user.email, member.role) == ("juma@stores.example", "owner")
    assert EmailAddress.objects.get().verified
    assert AuditEvent.objects.filter(company=company, kind="company.applied").exists()
    staff = Client()
    staff.force_login(staff_user)
    assert b"Juma Stores" in staff.get("/admin/queues/companies/").content


def test_who_has_an_account_signs_in_and_applies_with_it_once(client: Client, acme: Company):
    user = factories.make_user("juma@stores.example", company=acme)
    path = link(client)

    signed_out = client.get(path)
    client.force_login(user)
    asked = client.get(path)
    first, again = client.post(path), client.post(path)

    assert b"You have an account already" in signed_out.content
    assert b"Send the application" in asked.content
    assert (first.status_code, again.status_code) == (302, 302)
    assert Company.objects.filter(name="Juma Stores").count() == 1
    assert sorted(user.memberships.values_list("company__name", flat=True)) == [
        acme.name,
        "Juma Stores",
    ]


def test_the_mail_is_the_same_whether_there_is_an_account_or_not(client: Client, acme: Company):
    factories.make_user("known@stores.example", company=acme)

    answers = [
        client.post("/apply", {**FILLED, "email": email}).content.replace(email.encode(), b"")
        for email in ("known@stores.example", "new@stores.example")
    ]

    said = [answer.split(b"<h1")[1].split(b"</div>")[0] for answer in answers]
    assert said[0] == said[1]
    assert mail.outbox[0].subject == mail.outbox[1].subject


def test_somebody_elses_link_is_refused(client: Client, acme: Company):
    path = link(client)
    client.force_login(factories.make_user("other@acme.example", company=acme))

    response = client.post(path)

    assert response.status_code == 403
    assert not Company.objects.filter(name="Juma Stores").exists()


def test_a_link_that_is_old_or_changed_is_over(client: Client, time_machine: Any):
    path = link(client)

    changed = client.get(f"{path[:-2]}xx")
    time_machine.move_to(time.time() + applying.GOOD_FOR.total_seconds() + 5)
    old = client.post(path, {"name": "Juma", "password": PASSWORD})

    assert (changed.status_code, old.status_code) == (410, 410)
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("company", ""),
        ("country", "XX"),
        ("country", ""),
        ("time_zone", "Mars/Olympus"),
        ("email", "juma"),
    ],
)
def test_what_is_missing_or_wrong_is_said_and_nothing_mailed(
    client: Client, field: str, value: str
):
    response = client.post("/apply", {**FILLED, field: value})

    assert response.status_code == 422
    assert f'id="id_{field}_error"'.encode() in response.content
    assert b'value="Juma Stores"' in response.content or field == "company"
    assert not mail.outbox


def test_a_weak_password_is_refused(client: Client):
    response = client.post(link(client), {"name": "Juma", "password": "juma"})

    assert response.status_code == 422
    assert not User.objects.exists()


def test_nobodys_mailbox_is_flooded(client: Client):
    answers = [client.post("/apply", FILLED).status_code for _ in range(6)]

    assert answers == [200] * 5 + [422]
    assert len(mail.outbox) == 5


def test_a_mail_that_can_not_be_sent_is_said(client: Client, settings: Any):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9

    response = client.post("/apply", FILLED)

    assert response.status_code == 422
    assert b"could not be sent" in response.content
