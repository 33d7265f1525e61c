from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from companies.models import Company, Membership, User
from companies.navigation import groups
from companies.roles import RANKS, May, Need, allowed_roles, allows
from tests import factories

Status = Company.Status


def _may(role: str, status: str = Status.ACTIVE) -> May:
    return May(Membership(role=role, company=Company(status=status)))


def test_each_role_may_all_that_the_ones_below_it_may():
    for lower, higher in zip(RANKS, RANKS[1:], strict=False):
        assert all(allows(higher, need) for need in Need if allows(lower, need))
        assert any(allows(higher, need) and not allows(lower, need) for need in Need)


@pytest.mark.parametrize(
    ("role", "needs"),
    [
        ("viewer", {Need.READ}),
        ("operator", {Need.READ, Need.SEND}),
        ("developer", {Need.READ, Need.SEND, Need.INTEGRATE}),
        ("owner", set(Need)),
    ],
)
def test_what_each_role_may(role: str, needs: set[Need]):
    assert {need for need in Need if allows(role, need)} == needs


def test_the_roles_that_may_are_named_from_the_lowest():
    assert allowed_roles(Need.INTEGRATE) == ["developer", "owner"]


def test_pages_offer_what_the_role_may():
    may = _may("developer")

    assert (may.send, may.integrate, may.administer) == (True, True, False)


def test_pages_offer_nothing_in_a_suspended_company():
    may = _may("owner", Status.SUSPENDED)

    assert (may.send, may.integrate, may.administer) == (False, False, False)


def test_a_company_that_is_not_active_yet_is_set_up_and_sends_nothing():
    may = _may("owner", Status.APPLIED)

    assert (may.send, may.integrate, may.administer) == (False, True, True)


# --- What stands at the side -----------------------------------------------------------


def _shown(role: str, path: str = "/") -> dict[str, bool]:
    links = [link for group in groups(role=role, path=path) for link in group.links]
    return {link.url: link.is_current for link in links}


def test_the_side_navigation_leaves_out_what_the_role_may_not_read():
    assert "/companies/audit" in _shown("owner")
    assert "/companies/audit" not in _shown("developer")
    assert "/companies" in _shown("viewer")


@pytest.mark.parametrize(
    ("path", "current"),
    [
        ("/", "/"),
        ("/companies", "/companies"),
        ("/companies/keys/abc/roll", "/companies"),
        ("/companies/audit", "/companies/audit"),
        ("/webhooks/wh_1/events/evt_1", "/webhooks"),
        ("/nowhere", None),
    ],
)
def test_the_nearest_entry_is_marked(path: str, current: str | None):
    marked = [url for url, is_current in _shown("owner", path).items() if is_current]

    assert marked == ([current] if current else [])


def test_nothing_is_marked_on_a_page_that_the_role_may_not_read():
    assert True not in _shown("viewer", "/companies/audit").values()


@pytest.mark.django_db
def test_the_refusal_names_the_roles_and_an_owner(
    owner: Client, viewer: Client, acme: Company, browser: Callable[[User], Any]
):
    response = viewer.post("/companies", {"name": "Mine"})
    page = response.content.decode()

    assert response.status_code == 403
    assert "Developer, Owner" in page
    assert "owner@acme.example" in page
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
def test_people_of_a_suspended_company_may_still_switch_to_another(
    acme: Company, rival: Company, browser: Callable[[User], Client]
):
    user = factories.make_user(company=acme)
    Membership.objects.create(user=user, company=rival)
    client = browser(user)
    Company.objects.filter(pk=acme.pk).update(status=Status.SUSPENDED)

    client.post("/companies/switch", {"company": rival.pk})

    assert client.get("/").context["company"] == rival
