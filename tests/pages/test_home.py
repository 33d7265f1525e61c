from collections.abc import Callable

import pytest
from django.test import Client

from companies.models import Company, Membership, User
from tests import factories

pytestmark = pytest.mark.django_db


def test_strangers_see_what_tuma_is(client):
    assert b"WhatsApp for your programs" in client.get("/").content


def test_staff_without_a_company_go_to_the_admin(staff: Client):
    assert staff.get("/")["Location"] == "/admin/"


def test_a_person_without_a_company_is_told_so(browser: Callable[[User], Client]):
    lone = browser(factories.make_user("lone@x.example"))

    assert b"belongs to no company" in lone.get("/").content
    assert lone.get("/companies")["Location"] == "/"


def test_a_member_of_two_companies_switches_by_post(
    browser: Callable[[User], Client], acme: Company, rival: Company
):
    user = factories.make_user(company=acme)
    Membership.objects.create(user=user, company=rival, role="viewer")
    client = browser(user)

    assert client.get("/").context["company"] == acme
    assert client.get("/companies/switch").status_code == 405
    client.post("/companies/switch", {"company": rival.pk})

    assert client.get("/").context["company"] == rival


def test_nobody_switches_to_a_company_of_others(owner: Client, acme: Company, rival: Company):
    assert owner.post("/companies/switch", {"company": rival.pk}).status_code == 403
    assert owner.get("/").context["company"] == acme


def test_a_company_left_in_the_session_is_forgotten_with_the_membership(
    browser: Callable[[User], Client], acme: Company, rival: Company
):
    user = factories.make_user(company=acme)
    leaving = Membership.objects.create(user=user, company=rival)
    client = browser(user)
    client.post("/companies/switch", {"company": rival.pk})

    leaving.delete()

    assert client.get("/").context["company"] == acme


def test_people_of_a_suspended_company_see_a_banner(owner: Client, acme: Company):
    assert b"is suspended" not in owner.get("/companies").content

    Company.objects.filter(pk=acme.pk).update(status="suspended")

    assert b"is suspended" in owner.get("/companies").content
