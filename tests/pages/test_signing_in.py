import re
from io import StringIO

import pytest
import structlog
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.core import mail
from django.core.management import call_command
from django.test import Client

from companies.models import AuditEvent, Company, User
from tests import factories
from tests.pages.mails import links, totp_code

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
    assert mail.outbox[0].subject == "Set a new password"
    [link] = links()

    form = client.get(link, follow=True)
    url = form.redirect_chain[-1][0]
    weak = client.post(url, {"password1": "password", "password2": "password"})
    assert b"too common" in weak.content
    client.post(url, {"password1": "another-Pass-77", "password2": "another-Pass-77"})

    assert _sign_in(client, user.email, "another-Pass-77").status_code == 302
    assert AuditEvent.objects.filter(
        company=acme, kind="person.password_changed", actor=user
    ).exists()
    assert b"no longer good" in Client().get(link, follow=True).content


def test_an_unknown_address_gets_the_same_answer_as_a_known_one(client):
    response = client.post("/accounts/password/reset/", {"email": "nobody@x.example"}, follow=True)

    assert b"Look at your email" in response.content


@pytest.mark.parametrize("page", ["/companies", "/batches", "/batches/batch_0000000000000"])
def test_pages_of_a_company_ask_strangers_to_sign_in(client, page: str):
    response = client.get(page)

    assert response.status_code == 302
    assert response["Location"] == f"/accounts/login/?next={page}"


@pytest.mark.parametrize(
    ("came_from", "goes_to"),
    [
        ("http://testserver/tags?before=7", "/tags%3Fbefore%3D7"),
        ("http://elsewhere.example/tags", "/"),
        ("", "/"),
    ],
)
def test_who_was_signed_out_in_the_middle_of_a_form_is_told_and_led_back_to_its_page(
    client, came_from: str, goes_to: str
):
    response = client.post("/tags/1/delete", headers={"Referer": came_from})

    assert response["Location"] == f"/accounts/login/?next={goes_to}"
    assert b"You had been signed out" in client.get(response["Location"]).content


def test_the_admin_sends_people_to_the_same_sign_in_page(client):
    response = client.get("/admin/", follow=True)

    assert response.redirect_chain[-1][0].startswith("/accounts/login/")


def test_the_admin_is_closed_to_members_of_companies(owner: Client):
    assert owner.get("/admin/companies/company/", follow=True).status_code in (403, 404)


def test_the_admin_answers_without_its_slash(staff: Client):
    assert staff.get("/admin")["Location"] == "/admin/"


# --- The second step -------------------------------------------------------------------


@pytest.fixture
def member(acme: Company) -> User:
    return factories.make_user("owner@acme.example", company=acme)


@pytest.fixture
def signed_in(client: Client, member: User) -> Client:
    """By the form, and having proven once more that it is really them."""
    _sign_in(client, member.email)
    _prove(client)
    return client


def _prove(client: Client) -> None:
    assert client.post("/accounts/reauthenticate/", {"password": PASSWORD}).status_code == 302


def _switch_on(client: Client) -> str:
    """Switch two-factor sign-in on; the secret that the phone would keep."""
    page = client.get("/accounts/2fa/totp/activate/").content.decode()
    [secret] = re.findall(r'id="secret">([A-Z2-7]+)<', page)
    response = client.post("/accounts/2fa/totp/activate/", {"code": totp_code(secret)})
    assert response.status_code == 302
    return secret


def _recovery_codes(client: Client) -> list[str]:
    return client.get("/accounts/2fa/recovery-codes/download/").content.decode().split()


def test_with_two_factors_the_password_alone_opens_nothing(signed_in: Client, member: User):
    secret = _switch_on(signed_in)
    client = Client()

    response = _sign_in(client, member.email)

    assert response["Location"] == "/accounts/2fa/authenticate/"
    assert b"Overview" not in client.get("/").content
    wrong = client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert b"Incorrect code" in wrong.content
    client.post("/accounts/2fa/authenticate/", {"code": totp_code(secret)})
    assert b"Overview" in client.get("/").content


def test_a_recovery_code_opens_once(signed_in: Client, member: User):
    _switch_on(signed_in)
    code, *others = _recovery_codes(signed_in)
    assert len(others) == 9

    def enter() -> bytes:
        client = Client()
        _sign_in(client, member.email)
        client.post("/accounts/2fa/authenticate/", {"code": code})
        return client.get("/").content

    assert b"Overview" in enter()
    assert b"Overview" not in enter()


def test_staff_pass_the_same_second_step(client, staff_user: User):
    _sign_in(client, staff_user.email)
    _prove(client)
    _switch_on(client)
    other = Client()

    response = other.post(
        "/accounts/login/?next=/admin/", {"login": staff_user.email, "password": PASSWORD}
    )

    assert response["Location"].startswith("/accounts/2fa/authenticate/")
    assert other.get("/admin/").status_code == 302


def test_switching_the_second_step_takes_a_fresh_proof(owner: Client):
    response = owner.get("/accounts/2fa/totp/activate/")

    assert response["Location"].startswith("/accounts/reauthenticate/")


@pytest.mark.django_db(transaction=True)
def test_switching_it_is_mailed_to_the_person_and_noted_by_the_company(
    signed_in: Client, member: User, acme: Company
):
    _switch_on(signed_in)
    signed_in.post("/accounts/2fa/totp/deactivate/")

    assert not Authenticator.objects.filter(user=member).exists()
    assert [each.to for each in mail.outbox] == [[member.email]] * 2
    kinds = AuditEvent.objects.filter(company=acme, actor=member).values_list("kind", flat=True)
    assert {"person.two_factor_on", "person.two_factor_off"} <= set(kinds)


def test_what_codes_are_made_of_is_stored_encrypted_and_moves_to_a_new_key(
    signed_in: Client, member: User, settings
):
    secret = _switch_on(signed_in)
    codes = _recovery_codes(signed_in)
    assert secret not in str(list(Authenticator.objects.values_list("data", flat=True)))
    new = Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEYS = [new, *settings.FIELD_ENCRYPTION_KEYS]

    call_command("rotate_encryption", stdout=StringIO())
    settings.FIELD_ENCRYPTION_KEYS = [new]

    client = Client()
    _sign_in(client, member.email)
    client.post("/accounts/2fa/authenticate/", {"code": totp_code(secret)})
    assert b"Overview" in client.get("/").content
    assert _recovery_codes(signed_in) == codes


def test_staff_help_whoever_lost_phone_and_codes(
    signed_in: Client, member: User, staff: Client, acme: Company
):
    _switch_on(signed_in)
    totp = Authenticator.objects.get(type="totp")

    page = staff.get(f"/admin/mfa/authenticator/{totp.pk}/change/")
    staff.post(f"/admin/mfa/authenticator/{totp.pk}/delete/", {"post": "yes"})

    assert b"secret" not in page.content
    assert _sign_in(Client(), member.email)["Location"] == "/"
    assert AuditEvent.objects.get(company=acme, kind="person.two_factor_off").actor is None


# --- Sessions, password, address -------------------------------------------------------


def test_a_person_sees_own_sessions_and_ends_the_others(signed_in: Client, member: User):
    other = Client(
        headers={"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Firefox/130.0"}
    )
    _sign_in(other, member.email)

    page = signed_in.get("/accounts/sessions/").content.decode()
    assert "Firefox on Linux" in page
    assert page.count("This browser") == 1
    signed_in.post("/accounts/sessions/")

    assert other.get("/companies").status_code == 302
    assert signed_in.get("/companies").status_code == 200


def test_a_changed_password_ends_the_other_sessions(signed_in: Client, member: User, acme: Company):
    other = Client()
    _sign_in(other, member.email)

    signed_in.post(
        "/accounts/password/change/",
        {"oldpassword": PASSWORD, "password1": "another-Pass-77", "password2": "another-Pass-77"},
    )

    assert other.get("/companies").status_code == 302
    assert signed_in.get("/companies").status_code == 200
    assert AuditEvent.objects.filter(company=acme, kind="person.password_changed").exists()
    assert mail.outbox[-1].to == [member.email]


def test_a_new_address_counts_once_the_link_in_a_mail_to_it_was_clicked(
    signed_in: Client, member: User, acme: Company
):
    signed_in.post("/accounts/email/", {"email": "New@acme.example", "action_add": ""})
    member.refresh_from_db()
    assert member.email == "owner@acme.example"
    [link] = links()
    assert mail.outbox[-1].to == ["new@acme.example"]

    assert b"Yes, it is mine" in signed_in.get(link).content
    signed_in.post(link)

    member.refresh_from_db()
    assert member.email == "new@acme.example"
    assert _sign_in(Client(), "new@acme.example").status_code == 302
    assert _sign_in(Client(), "owner@acme.example").status_code == 200
    assert EmailAddress.objects.get(user=member).verified
    event = AuditEvent.objects.get(company=acme, kind="person.email_changed")
    assert event.detail == {"email": ["owner@acme.example", "new@acme.example"]}


def test_nobody_takes_anothers_address(signed_in: Client, rival: Company):
    factories.make_user("owner@rival.example", company=rival)

    response = signed_in.post(
        "/accounts/email/", {"email": "Owner@rival.example", "action_add": ""}
    )

    assert b"Another account signs in with this address" in response.content
    assert not EmailAddress.objects.filter(email="owner@rival.example").exists()
    assert mail.outbox == []


@pytest.mark.parametrize(
    "path",
    [
        "/invitations/s3cret",
        "/accounts/password/reset/key/1-s3cret/",
        "/accounts/confirm-email/s3cret/",
    ],
)
def test_the_secret_in_a_mails_link_is_not_logged(client, path: str):
    with structlog.testing.capture_logs() as logs:
        client.get(path)

    [line] = [each for each in logs if each["event"] == "request"]
    assert "s3cret" not in line["path"]


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/2fa/",
        "/accounts/2fa/totp/activate/",
        "/accounts/sessions/",
        "/accounts/password/change/",
        "/accounts/email/",
    ],
)
def test_pages_of_ones_account_stand_under_the_strict_policy(signed_in: Client, path: str):
    response = signed_in.get(path)

    assert response.status_code == 200
    assert "unsafe" not in response["Content-Security-Policy"]
    assert b"style=" not in response.content


def test_a_person_changes_their_name(owner: Client, acme: Company):
    colleague = User.objects.get(memberships__company=acme)

    response = owner.post("/accounts/name/", {"name": "Wanjikũ 🎉"}, follow=True)

    colleague.refresh_from_db()
    assert colleague.name == "Wanjikũ 🎉"
    assert "Saved." in response.content.decode()
    assert "Wanjikũ 🎉" in owner.get("/companies/team").content.decode()


def test_a_name_is_not_taken_away(owner: Client, acme: Company):
    before = User.objects.get(memberships__company=acme).name

    assert owner.post("/accounts/name/", {"name": " "}).status_code == 422

    assert User.objects.get(memberships__company=acme).name == before


def test_nobody_has_a_name_to_change_who_is_not_signed_in(client: Client):
    assert client.get("/accounts/name/")["Location"] == "/accounts/login/?next=/accounts/name/"
