import re

import pytest
from django.core import mail
from django.test import Client

from companies.models import Company, User
from tests import factories

PASSWORD = "secret-pass-1"
pytestmark = pytest.mark.django_db


def _sign_in(client: Client, email: str, password: str = PASSWORD):
    return client.post("/accounts/login/", {"login": email, "password": password})


def test_a_member_signs_in_by_email_and_lands_on_the_dashboard(client, acme: Company):
    factories.make_user("owner@acme.example", company=acme)

    response = _sign_in(client, "OWNER@acme.example")

    assert response.status_code == 302
    assert response["Location"] == "/"
    assert b"Overview" in client.get("/").content


def test_a_wrong_password_is_refused_with_a_sentence(client, acme: Company):
    factories.make_user("owner@acme.example", company=acme)

    response = _sign_in(client, "owner@acme.example", "wrong")

    assert response.status_code == 200
    assert b"not correct" in response.content


def test_signing_in_needs_a_csrf_token(acme: Company):
    factories.make_user("owner@acme.example", company=acme)

    response = _sign_in(Client(enforce_csrf_checks=True), "owner@acme.example")

    assert response.status_code == 403
    assert b"The form had grown old" in response.content


def test_sign_up_is_closed(client):
    response = client.post(
        "/accounts/signup/", {"email": "new@x.example", "password1": "abc-123-x"}
    )

    assert b"No open sign-up" in response.content
    assert not User.objects.exists()


def test_signing_out_takes_a_post(owner: Client):
    assert owner.get("/accounts/logout/").status_code == 200
    assert b"Overview" in owner.get("/").content

    owner.post("/accounts/logout/")

    assert b"Overview" not in owner.get("/").content


def test_a_forgotten_password_is_set_anew_by_a_link_in_a_mail(client, acme: Company):
    user = factories.make_user("owner@acme.example", company=acme)
    client.post("/accounts/password/reset/", {"email": user.email})
    [link] = re.findall(r"http://testserver(/accounts/password/reset/key/\S+)", mail.outbox[0].body)

    form = client.get(link, follow=True)
    url = form.redirect_chain[-1][0]
    client.post(url, {"password1": "another-Pass-77", "password2": "another-Pass-77"})

    assert _sign_in(client, user.email, "another-Pass-77").status_code == 302


def test_an_unknown_address_gets_the_same_answer_as_a_known_one(client):
    response = client.post("/accounts/password/reset/", {"email": "nobody@x.example"}, follow=True)

    assert b"Look at your email" in response.content


@pytest.mark.parametrize("page", ["/companies", "/batches", "/batches/batch_0000000000000"])
def test_pages_of_a_company_ask_strangers_to_sign_in(client, page: str):
    response = client.get(page)

    assert response.status_code == 302
    assert response["Location"] == f"/accounts/login/?next={page}"


def test_the_admin_sends_people_to_the_same_sign_in_page(client):
    response = client.get("/admin/", follow=True)

    assert response.redirect_chain[-1][0].startswith("/accounts/login/")


def test_the_admin_is_closed_to_members_of_companies(owner: Client):
    assert owner.get("/admin/companies/company/", follow=True).status_code in (403, 404)


def test_the_admin_answers_without_its_slash(staff: Client):
    assert staff.get("/admin")["Location"] == "/admin/"
