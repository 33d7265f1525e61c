"""Staff at work as one of a company's people."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from companies.models import AuditEvent, Company, Decision, Membership, User
from tests import factories

pytestmark = pytest.mark.django_db

WHY = "They see no channel."


@pytest.fixture
def member(acme: Company, channel) -> User:
    return factories.make_user("owner@acme.example", company=acme)


def _enter(client: Client, company: Company, user: User, reason: str = WHY):
    membership = Membership.objects.get(user=user, company=company)
    url = reverse("admin:companies_company_impersonate", args=[company.pk])
    form = {"_form_submitted": "True", "member": membership.pk, "reason": reason}
    return client.post(url, form)


def test_staff_work_as_a_member_under_a_banner(staff: Client, acme: Company, member: User):
    response = _enter(staff, acme, member)

    page = staff.get(response["Location"])
    assert page.context["company"] == acme
    assert page.context["user"] == member
    assert "staff-banner" in page.content.decode()


def test_stopping_leads_back_to_the_admin(staff: Client, acme: Company, member: User):
    _enter(staff, acme, member)

    response = staff.post("/admin/impersonation/stop/")

    assert response["Location"] == "/admin/"
    assert staff.get("/admin/").context["user"].email == "staff@tuma.example"
    assert "staff-banner" not in staff.get("/admin/").content.decode()


def test_a_refusal_on_the_way_to_the_admin_still_offers_to_stop(
    staff: Client, acme: Company, member: User
):
    _enter(staff, acme, member)

    refused = staff.get("/admin/", follow=True)

    assert refused.status_code == 403
    assert 'action="/admin/impersonation/stop/"' in refused.content.decode()


def test_a_member_alone_has_no_banner(owner: Client):
    assert "staff-banner" not in owner.get("/").content.decode()


def test_the_company_reads_of_it(staff: Client, acme: Company, member: User):
    _enter(staff, acme, member)
    staff.post("/companies/settings", {"name": "Acme 2", "time_zone": "UTC"})
    staff.post("/admin/impersonation/stop/")

    events = list(AuditEvent.objects.filter(company=acme).order_by("pk"))
    assert [event.kind for event in events] == ["staff.entered", "company.changed", "staff.left"]
    assert events[0].actor_label == "Tuma’s staff as owner@acme.example"
    assert events[0].detail == {"reason": WHY}
    assert events[1].actor_label == "Tuma’s staff as owner@acme.example"
    decision = Decision.objects.get()
    assert (decision.author_label, decision.done) == ("staff@tuma.example", "entered as a member")
    assert WHY in decision.reason


def test_of_a_member_of_two_companies_the_chosen_one_is_shown(staff: Client, acme, rival, member):
    Membership.objects.create(user=member, company=rival)

    response = _enter(staff, rival, member)

    assert staff.get(response["Location"]).context["company"] == rival
    assert AuditEvent.objects.filter(company=acme, kind="staff.entered").exists()


def test_it_needs_a_reason(staff: Client, acme: Company, member: User):
    assert _enter(staff, acme, member, "").status_code == 200
    assert staff.get("/admin/").status_code == 200


@pytest.mark.parametrize("fields", [{"is_staff": True}, {"is_superuser": True}])
def test_nobody_works_as_staff(staff: Client, acme: Company, member: User, fields):
    User.objects.filter(pk=member.pk).update(**fields)

    response = _enter(staff, acme, member)

    assert response.status_code == 200  # the dialog again: it does not list them
    assert staff.get("/admin/").context["user"].email == "staff@tuma.example"


def test_a_member_of_another_company_can_not_be_named(staff: Client, acme, rival, member):
    stranger = factories.make_user(company=rival)
    membership = Membership.objects.get(user=stranger)
    url = reverse("admin:companies_company_impersonate", args=[acme.pk])

    form = {"_form_submitted": "True", "member": membership.pk, "reason": WHY}

    assert staff.post(url, form).status_code == 200
    assert staff.get("/admin/").status_code == 200


@pytest.mark.parametrize(
    ("role", "status"), [("Reviewer", 403), ("Support", 403), ("Operations", 302)]
)
def test_only_a_role_with_the_permission_may(browser, acme, member, role: str, status: int):
    user = User.objects.create_user("someone@tuma.example", is_staff=True)
    user.groups.set([Group.objects.get(name=role)])

    assert _enter(browser(user), acme, member).status_code == status


@pytest.mark.parametrize(
    "path", ["/accounts/password/change/", "/accounts/email/", "/accounts/2fa/"]
)
def test_the_persons_own_account_stays_closed(staff: Client, acme, member, path: str):
    _enter(staff, acme, member)

    assert staff.get(path)["Location"] == "/"
    assert staff.post(path, {"password1": "x"})["Location"] == "/"


def test_the_admin_is_out_of_reach_meanwhile(staff: Client, acme: Company, member: User):
    _enter(staff, acme, member)

    assert staff.get("/admin/").status_code == 302


def test_signing_out_ends_it(staff: Client, acme: Company, member: User):
    _enter(staff, acme, member)

    staff.post("/accounts/logout/")

    assert "_auth_user_id" not in staff.session


def test_stopping_needs_a_post_a_token_and_something_to_stop(owner: Client, staff_user: User):
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff_user)

    assert owner.post("/admin/impersonation/stop/").status_code == 403
    assert owner.get("/admin/impersonation/stop/").status_code in (403, 405)
    assert client.post("/admin/impersonation/stop/").status_code == 403
