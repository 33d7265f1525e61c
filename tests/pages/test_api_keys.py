import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from companies.models import ApiKey, Company
from tests import factories

pytestmark = pytest.mark.django_db

KEY = re.compile(r"tuma_[A-Za-z0-9]{27}")


@pytest.mark.parametrize("address", ["/companies", "/companies/"])
def test_the_page_answers_with_and_without_a_slash(owner: Client, address: str):
    assert owner.get(address).status_code == 200


def test_a_new_key_is_shown_once_and_works(owner: Client, client, channel):
    response = owner.post("/companies", {"name": "Checkout"})
    page = response.content.decode()
    [text] = set(KEY.findall(page))

    assert "no-store" in response["Cache-Control"]
    assert KEY.search(owner.get("/companies").content.decode()) is None
    assert text not in str(dict(owner.session))
    sent = client.post(
        f"/api/v1/whatsapp/{channel.pk}/messages",
        {"phone_number": "+254712345678", "type": "text", "message": "Hello from the API!"},
        content_type="application/json",
        headers={"Authorization": f"Bearer {text}"},
    )
    assert sent.status_code == 200


def test_a_command_to_paste_comes_with_the_key(owner: Client, channel):
    response = owner.post("/companies", {"name": "Checkout"})
    [text] = set(KEY.findall(response.content.decode()))

    assert response.context["curl"] == (
        f"curl -X POST http://testserver/api/v1/whatsapp/{channel.pk}/messages \\\n"
        f'  -H "Authorization: Bearer {text}" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        '  -d \'{"phone_number": "+254712345678", "type": "text", '
        '"message": "Hello from the API!"}\''
    )


def test_the_list_tells_who_made_a_key_and_when_it_was_used(owner: Client, acme: Company, channel):
    key = factories.key_row(factories.make_key(acme, channel=channel))
    ApiKey.objects.filter(pk=key.pk).update(
        last_used_at=timezone.now() - timedelta(minutes=5), last_used_address="41.90.0.1"
    )

    page = owner.get("/companies").content.decode()

    assert key.hint in page
    assert channel.name in page
    assert "5\xa0minutes ago" in page
    assert "41.90.0.1" in page
    assert key.secret_hash not in page


def test_a_key_may_be_bound_to_a_channel_and_end_with_a_day(owner: Client, acme: Company, channel):
    zone = ZoneInfo(acme.time_zone)
    day = timezone.localdate(timezone=zone) + timedelta(days=3)

    owner.post("/companies", {"name": "Short", "channel": channel.pk, "expires_at": str(day)})

    key = ApiKey.objects.get(name="Short")
    assert key.channel == channel
    assert key.created_by.email == "owner@acme.example"
    end = key.expires_at.astimezone(zone)
    assert (end.date(), end.hour) == (day + timedelta(days=1), 0)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "x" * 81},
        {"name": "Late", "expires_at": "2020-01-01"},
        {"name": "Far", "expires_at": "9999-12-31"},
    ],
)
def test_what_makes_no_sense_is_refused_beside_its_field(owner: Client, fields: dict[str, str]):
    response = owner.post("/companies", fields)

    assert response.status_code == 422
    assert b'aria-invalid="true"' in response.content
    assert not ApiKey.objects.exists()


def test_another_companys_channel_can_not_be_bound(owner: Client, rival: Company):
    response = owner.post("/companies", {"name": "Mine", "channel": rival.channels.get().pk})

    assert response.status_code == 422
    assert not ApiKey.objects.exists()


def test_revoking_refuses_the_key_from_then_on(owner: Client, acme: Company):
    key = factories.key_row(factories.make_key(acme))

    response = owner.post(f"/companies/keys/{key.public_id}/revoke", follow=True)

    key.refresh_from_db()
    assert key.revoked_at is not None
    assert "Revoked" in response.content.decode()


def test_revoking_takes_a_post(owner: Client, acme: Company):
    key = factories.key_row(factories.make_key(acme))

    assert owner.get(f"/companies/keys/{key.public_id}/revoke").status_code == 405

    key.refresh_from_db()
    assert key.revoked_at is None


def test_forms_without_a_csrf_token_change_nothing(acme: Company):
    client = Client(enforce_csrf_checks=True)
    client.force_login(factories.make_user(company=acme))
    key = factories.key_row(factories.make_key(acme))

    assert client.post("/companies", {"name": "Evil"}).status_code == 403
    assert client.post(f"/companies/keys/{key.public_id}/revoke").status_code == 403
    assert ApiKey.objects.get().revoked_at is None


@pytest.mark.parametrize("role", ["operator", "viewer"])
def test_operators_and_viewers_see_the_list_and_change_nothing(acme: Company, browser, role: str):
    key = factories.key_row(factories.make_key(acme))
    client = browser(factories.make_user(company=acme, role=role))

    page = client.get("/companies")

    assert key.hint in page.content.decode()
    assert b"Create key" not in page.content
    assert client.post("/companies", {"name": "Mine"}).status_code == 403
    assert client.post(f"/companies/keys/{key.public_id}/revoke").status_code == 403
    assert ApiKey.objects.get().revoked_at is None


def test_developers_may_create_keys(acme: Company, browser):
    client = browser(factories.make_user(company=acme, role="developer"))

    assert client.post("/companies", {"name": "Mine"}).status_code == 200
    assert ApiKey.objects.filter(name="Mine").exists()


def test_another_companys_keys_are_neither_seen_nor_revoked(stranger: Client, acme: Company):
    key = factories.key_row(factories.make_key(acme))

    assert key.public_id not in stranger.get("/companies").content.decode()
    assert stranger.post(f"/companies/keys/{key.public_id}/revoke").status_code == 404
    assert ApiKey.objects.get(pk=key.pk).revoked_at is None


def test_the_list_takes_as_many_queries_for_many_keys(
    owner: Client, acme, django_assert_num_queries
):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    factories.make_key(acme)
    with CaptureQueriesContext(connection) as few:
        owner.get("/companies")
    for _ in range(5):
        factories.make_key(acme, channel=factories.make_channel(acme))

    with django_assert_num_queries(len(few)):
        owner.get("/companies")
