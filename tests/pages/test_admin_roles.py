"""The staff's roles: what each may, and that the pages obey."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse

from companies import staff_roles
from companies.models import Company, User
from companies.staff_roles import MAY, OPERATIONS, REVIEWER, SUPPORT
from messaging import demo
from templates_app.models import Template
from tests import factories

pytestmark = pytest.mark.django_db

OURS = ("companies", "contacts", "templates_app", "messaging")
LISTS = [
    f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    for model in admin.site._registry
    if model._meta.app_label in OURS
]


@pytest.fixture
def signed_in(browser):
    def sign_in(role: str) -> Client:
        user = User.objects.create_user(f"{role.lower()}@tuma.example", is_staff=True)
        user.groups.set([Group.objects.get(name=role)])
        return browser(user)

    return sign_in


def _permissions(role: str) -> set[str]:
    found = Permission.objects.filter(group__name=role).select_related("content_type")
    return {f"{each.content_type.app_label}.{each.codename}" for each in found}


def test_the_groups_are_what_the_table_says():
    for role, more in MAY.items():
        names = _permissions(role)
        assert {name for name in names if ".view_" not in name} == set(more)
        assert "companies.view_company" in names


def test_what_somebody_changed_by_hand_does_not_last():
    Group.objects.get(name=SUPPORT).permissions.add(
        Permission.objects.get(codename="decide_company")
    )

    staff_roles.write_groups()

    assert "companies.decide_company" not in _permissions(SUPPORT)


def test_no_role_makes_users_or_roles():
    for role in MAY:
        assert not {name for name in _permissions(role) if name.endswith(("_user", "_group"))} - {
            "companies.view_user"
        }


@pytest.mark.parametrize("role", list(MAY))
def test_each_role_sees_every_list_and_page(signed_in, acme: Company, channel, role: str):
    client = signed_in(role)
    pages = [*LISTS, "admin:index", "operations", "error_policy"]
    pages += ["queue_companies", "queue_channels", "queue_templates"]

    for page in pages:
        assert client.get(reverse(page)).status_code == 200, page


def test_support_changes_nothing(signed_in, acme: Company):
    client = signed_in(SUPPORT)
    url = reverse("admin:companies_company_change", args=[acme.pk])

    page = client.get(url)
    refused = client.post(url, {"name": "Other", "country": "KE", "time_zone": "UTC"})

    assert page.status_code == 200
    assert page.context["actions_detail"] == []
    assert refused.status_code == 403
    assert client.get(reverse("admin:companies_company_add")).status_code == 403


def test_a_reviewer_decides_and_moves_no_money(signed_in, acme: Company):
    client = signed_in(REVIEWER)

    page = client.get(reverse("admin:companies_company_change", args=[acme.pk]))
    titles = {action["title"] for action in page.context["actions_detail"]}

    assert titles == {"Suspend"}
    refused = client.post(
        reverse("admin:companies_company_top_up", args=[acme.pk]),
        {"_form_submitted": "True", "amount": 5, "note": "x", "once": "a"},
    )
    assert refused.status_code == 403


def test_operations_does_not_review_templates(signed_in, acme: Company, channel):
    template = factories.make_template(acme, status=Template.Status.SUBMITTED)
    client = signed_in(OPERATIONS)

    url = reverse("admin:templates_app_template_approve", args=[template.pk])

    assert client.post(url, {"_form_submitted": "True"}).status_code == 403


@pytest.mark.parametrize("role", list(MAY))
def test_the_navigation_shows_what_is_theirs(signed_in, role: str):
    page = signed_in(role).get(reverse("operations")).content.decode()

    for path in ("/admin/", "/admin/queues/templates/", "/admin/error-policy/"):
        assert f'<a href="{path}"' in page


def test_the_navigation_leaves_out_what_is_not_theirs(browser):
    nobody = User.objects.create_user("new@tuma.example", is_staff=True)

    page = browser(nobody).get("/admin/").content.decode()

    assert "There is nothing for you here yet." in page
    assert "/admin/queues/" not in page


@pytest.mark.parametrize("path", ["/admin/operations/", "/admin/queues/companies/"])
def test_pages_beside_the_tables_ask_for_a_role(browser, owner: Client, path: str):
    nobody = User.objects.create_user("new@tuma.example", is_staff=True)

    assert browser(nobody).get(path).status_code == 403
    assert owner.get(path).status_code == 302
    assert Client().get(path).status_code == 302


def test_the_demo_has_somebody_of_each_role():
    made = demo.make()

    assert [each["role"] for each in made["staff_roles"]] == [OPERATIONS, REVIEWER, SUPPORT]
    for each in made["staff_roles"]:
        user = User.objects.get(email=each["email"])
        assert user.is_staff and not user.is_superuser
        assert list(user.groups.values_list("name", flat=True)) == [each["role"]]
