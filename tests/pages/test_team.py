import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from companies.models import ApiKey, AuditEvent, Company, Invitation, Membership, Notice, User
from tests import factories
from tests.companies.test_money_and_limits import at_once

pytestmark = pytest.mark.django_db

PASSWORD = "a-long-Password-77"
INVITED = {"email": "New.Person@acme.example", "role": "developer"}


@pytest.fixture
def post(django_capture_on_commit_callbacks: Any) -> Callable[..., Any]:
    """`post(client, path, fields)`, with what comes after the commit done too: mails."""

    def send(client: Client, path: str, fields: dict[str, Any] | None = None) -> Any:
        with django_capture_on_commit_callbacks(execute=True):
            return client.post(path, fields or {})

    return send


def link() -> str:
    """The link in the newest mail."""
    [path] = re.findall(r"https?://[^/\s]+(/invitations/\S+)", str(mail.outbox[-1].body))
    return str(path)


def member(company: Company, email: str, role: str = "viewer") -> Membership:
    return factories.make_user(email, company=company, role=role).memberships.get(company=company)


def kinds(company: Company) -> list[str]:
    return list(company.audit_events.order_by("pk").values_list("kind", flat=True))


# --- Looking ---------------------------------------------------------------------------


def test_everybody_sees_the_team_and_only_owners_its_invitations(
    viewer: Client, owner: Client, acme: Company
):
    Authenticator.objects.create(
        user=User.objects.get(email="owner@acme.example"), type="totp", data={}
    )
    factories.make_invitation(acme, "invited@x.example")

    page = viewer.get("/companies/team").content.decode()

    assert "viewer@acme.example" in page and "owner@acme.example" in page
    assert "shield-check" in page  # the owner's second step
    assert "invited@x.example" not in page
    assert "/remove" not in page
    assert "invited@x.example" in owner.get("/companies/team").content.decode()


def test_another_companys_people_are_not_in_the_list(owner: Client, rival: Company):
    member(rival, "somebody@rival.example")
    factories.make_invitation(rival, "invited@rival.example")

    assert b"rival.example" not in owner.get("/companies/team").content


def test_the_list_takes_as_many_queries_for_many_people(owner: Client, acme: Company):
    def queries() -> int:
        with CaptureQueriesContext(connection) as counted:
            owner.get("/companies/team")
        return len(counted)

    factories.make_invitation(acme, invited_by=User.objects.first())
    few = queries()
    for number in range(5):
        inviter = member(acme, f"p{number}@acme.example").user
        factories.make_invitation(acme, invited_by=inviter)

    assert queries() == few


# --- Inviting --------------------------------------------------------------------------


def test_a_newcomer_joins_by_the_link_with_a_name_and_a_password(
    owner: Client, client: Client, acme: Company, post: Any
):
    response = post(owner, "/companies/team", INVITED)
    assert response.status_code == 302
    assert mail.outbox[-1].to == ["new.person@acme.example"]
    assert "Acme" in mail.outbox[-1].body

    page = client.get(link())
    assert b"new.person@acme.example" in page.content
    joined = post(client, link(), {"name": "New Person", "password": PASSWORD})

    assert joined["Location"] == "/"
    assert client.get("/").context["company"] == acme
    found = Membership.objects.get(user__email="new.person@acme.example")
    assert (found.company, found.role, found.user.name) == (acme, "developer", "New Person")
    assert EmailAddress.objects.get(user=found.user).verified
    assert kinds(acme) == ["team.invited", "team.joined", "person.signed_in"]
    notice = Notice.objects.get(company=acme)
    assert "New Person" in notice.title
    assert notice.mail_to == ["owner"]
    # The same words open the sign-in from now on.
    again = Client().post(
        "/accounts/login/", {"login": "new.person@acme.example", "password": PASSWORD}
    )
    assert again.status_code == 302


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "", "password": PASSWORD},
        {"name": "New", "password": ""},
        {"name": "New", "password": "12345678"},
        {"name": "New", "password": "short"},
        {"name": "New", "password": "new.person@acme.example"},
    ],
)
def test_a_newcomers_weak_password_is_refused_beside_its_field(
    owner: Client, client: Client, post: Any, fields: dict[str, str]
):
    post(owner, "/companies/team", INVITED)

    response = post(client, link(), fields)

    assert response.status_code == 422
    assert b'aria-invalid="true"' in response.content
    assert not User.objects.filter(email="new.person@acme.example").exists()
    assert Invitation.objects.get().accepted_at is None


def test_whoever_has_an_account_signs_in_and_accepts(
    owner: Client, client: Client, acme: Company, rival: Company, post: Any
):
    person = factories.make_user("new.person@acme.example", company=rival)
    post(owner, "/companies/team", INVITED)

    page = client.get(link()).content.decode()
    assert f"/accounts/login/?next={link()}" in page
    # Without signing in, nobody sets a new password for an account that exists.
    assert client.post(link(), {"name": "x", "password": PASSWORD}).status_code == 200
    assert person.memberships.count() == 1
    client.force_login(person)
    assert b"Join the team" in client.get(link()).content
    post(client, link())

    assert client.get("/").context["company"] == acme
    assert person.memberships.get(company=acme).role == "developer"


def test_the_wrong_person_is_told_so(owner: Client, stranger: Client, acme: Company, post: Any):
    post(owner, "/companies/team", INVITED)

    for response in (stranger.get(link()), stranger.post(link())):
        assert response.status_code == 403
        assert b"for somebody else" in response.content
    assert acme.memberships.count() == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"accepted_at": timezone.now()}, b"accepted already"),
        ({"revoked_at": timezone.now()}, b"withdrawn"),
        ({"expires_at": timezone.now() - timedelta(minutes=1)}, b"good for seven days"),
    ],
)
def test_a_link_that_is_no_longer_good_says_why(
    client: Client, acme: Company, fields: dict[str, Any], words: bytes
):
    factories.make_invitation(acme, token="t0ken", **fields)

    for response in (
        client.get("/invitations/t0ken"),
        client.post("/invitations/t0ken", {"name": "New", "password": PASSWORD}),
    ):
        assert response.status_code == 410
        assert words in response.content
    assert not User.objects.exists()


def test_a_link_that_never_was_is_not_found(client: Client):
    assert client.get("/invitations/nothing").status_code == 404


def test_a_link_works_once(owner: Client, client: Client, post: Any):
    post(owner, "/companies/team", INVITED)
    used = link()
    post(client, used, {"name": "New", "password": PASSWORD})

    assert Client().get(used).status_code == 410


def test_sending_again_makes_the_old_link_void(owner: Client, client: Client, post: Any):
    post(owner, "/companies/team", INVITED)
    old, invitation = link(), Invitation.objects.get()
    Invitation.objects.update(expires_at=timezone.now() - timedelta(days=1))

    post(owner, f"/companies/team/invitations/{invitation.pk}/again")

    assert link() != old
    assert client.get(old).status_code == 404
    assert client.get(link()).status_code == 200


def test_a_revoked_invitation_can_not_be_sent_again(owner: Client, acme: Company, post: Any):
    invitation = factories.make_invitation(acme)
    post(owner, f"/companies/team/invitations/{invitation.pk}/revoke")

    response = owner.post(f"/companies/team/invitations/{invitation.pk}/again", follow=True)

    assert b"accepted or revoked meanwhile" in response.content
    assert mail.outbox == []
    assert kinds(acme) == ["team.invitation_revoked"]


def test_inviting_an_address_twice_renews_the_one_invitation(
    owner: Client, acme: Company, post: Any
):
    post(owner, "/companies/team", INVITED)
    post(owner, "/companies/team", {**INVITED, "role": "viewer"})

    assert Invitation.objects.get().role == "viewer"
    assert len(mail.outbox) == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"email": "", "role": "viewer"},
        {"email": "nonsense", "role": "viewer"},
        {"email": "new@x.example", "role": "emperor"},
        {"email": "OWNER@acme.example", "role": "viewer"},  # in the team already
    ],
)
def test_what_makes_no_sense_invites_nobody(owner: Client, post: Any, fields: dict[str, str]):
    response = post(owner, "/companies/team", fields)

    assert response.status_code == 422
    assert b'aria-invalid="true"' in response.content
    assert not Invitation.objects.exists()
    assert mail.outbox == []


def test_the_link_is_in_the_mail_only(owner: Client, post: Any):
    response = post(owner, "/companies/team", INVITED)
    token = link().rpartition("/")[2]

    assert token not in owner.get(response["Location"]).content.decode()
    assert token not in str(Invitation.objects.values().get())


def test_nobody_floods_mailboxes_with_invitations(
    owner: Client, post: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("companies.team.MAILS_AN_HOUR", 2)

    answers = [
        post(owner, "/companies/team", {"email": f"p{n}@x.example", "role": "viewer"}).status_code
        for n in range(3)
    ]

    assert answers == [302, 302, 422]
    assert len(mail.outbox) == 2


def test_a_mail_server_that_is_away_loses_no_invitation_and_is_told(
    owner: Client, post: Any, settings: Any
):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9

    response = post(owner, "/companies/team", INVITED)

    assert b"the mail could not be sent" in response.content
    assert b"Send again" in response.content
    assert Invitation.objects.count() == 1


def test_nobody_joins_a_suspended_company(client: Client, acme: Company):
    factories.make_invitation(acme, "new@x.example", token="t0ken")
    Company.objects.update(status="suspended")

    response = client.post("/invitations/t0ken", {"name": "New", "password": PASSWORD})

    assert response.status_code == 409
    assert b"suspended" in response.content
    assert not User.objects.exists()


# --- Changing and leaving --------------------------------------------------------------


def test_an_owner_gives_another_role_which_holds_at_once_and_is_mailed(
    owner: Client, acme: Company, browser: Any, post: Any
):
    dev = member(acme, "dev@acme.example", "developer")
    theirs = browser(dev.user)

    post(owner, f"/companies/team/{dev.pk}/role", {"role": "viewer"})

    assert theirs.post("/companies", {"name": "Mine"}).status_code == 403
    [message] = mail.outbox
    assert message.to == ["dev@acme.example"] and "viewer of Acme" in message.body
    event = AuditEvent.objects.get(kind="team.role_changed")
    assert (event.label, event.detail) == ("dev@acme.example", {"role": ["developer", "viewer"]})


def test_a_role_that_does_not_exist_changes_nothing(owner: Client, acme: Company):
    dev = member(acme, "dev@acme.example", "developer")

    response = owner.post(f"/companies/team/{dev.pk}/role", {"role": "emperor"}, follow=True)

    dev.refresh_from_db()
    assert dev.role == "developer"
    assert b"no such role" in response.content


def test_who_is_removed_loses_access_at_once_and_is_told(
    owner: Client, acme: Company, browser: Any, post: Any
):
    dev = member(acme, "dev@acme.example", "developer")
    key = factories.make_key(acme, created_by=dev.user)
    theirs = browser(dev.user)
    assert theirs.get("/companies").status_code == 200

    post(owner, f"/companies/team/{dev.pk}/remove")

    assert theirs.get("/companies")["Location"] == "/"
    assert b"belongs to no company" in theirs.get("/").content
    assert mail.outbox[-1].to == ["dev@acme.example"]
    assert kinds(acme) == ["team.removed"]
    # A key is the company's, not its maker's.
    assert ApiKey.objects.get(public_id=key[5:13]).revoked_at is None


def test_the_last_owner_can_be_neither_demoted_nor_leave(owner: Client, acme: Company):
    me = acme.memberships.get()

    for path, fields in (
        (f"/companies/team/{me.pk}/role", {"role": "viewer"}),
        (f"/companies/team/{me.pk}/remove", {}),
        ("/companies/team/leave", {}),
    ):
        response = owner.post(path, fields, follow=True)
        assert b"make somebody else an owner first" in response.content

    assert acme.memberships.get().role == "owner"
    assert kinds(acme) == []


def test_an_owner_whose_account_is_off_does_not_count_as_one(owner: Client, acme: Company):
    other = member(acme, "gone@acme.example", "owner")
    User.objects.filter(pk=other.user_id).update(is_active=False)

    response = owner.post("/companies/team/leave", follow=True)

    assert b"make somebody else an owner first" in response.content


def test_anybody_may_leave_and_owners_are_told(viewer: Client, acme: Company):
    factories.make_user(company=acme)

    viewer.post("/companies/team/leave")

    assert not Membership.objects.filter(user__email="viewer@acme.example").exists()
    assert "has left" in Notice.objects.get(company=acme).title
    assert kinds(acme) == ["team.left"]


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_remove_each_other_at_once_leave_one(browser: Any):
    for _ in range(3):
        acme = factories.make_company()
        one, two = (factories.make_user(company=acme) for _ in range(2))
        targets = [
            (browser(one), two.memberships.get().pk),
            (browser(two), one.memberships.get().pk),
        ]

        def remove(number: int, targets: Any = targets) -> int:
            client, pk = targets[number]
            return int(client.post(f"/companies/team/{pk}/remove").status_code)

        at_once(2, remove, threads=2)

        assert acme.memberships.filter(role="owner").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_link_that_is_used_twice_at_once_makes_one_member(acme: Company):
    factories.make_invitation(acme, "new@x.example", token="t0ken")

    def join(_: int) -> int:
        fields = {"name": "New", "password": PASSWORD}
        return int(Client().post("/invitations/t0ken", fields).status_code)

    answers = at_once(4, join, threads=4)

    assert answers.count(302) == 1
    assert acme.memberships.count() == 1
