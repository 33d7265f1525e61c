import os
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from companies import keys
from companies.models import ApiKey, AuditEvent, Company
from companies.snippets import first_send
from messaging.models import Message
from tests import factories

pytestmark = pytest.mark.django_db

KEY = re.compile(r"tuma_[A-Za-z0-9]{27}")
NO_PROXY = {**os.environ, "no_proxy": "*", "NO_PROXY": "*"}


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


def _issued(response) -> str:
    """The text of the new key that a page shows."""
    [text] = set(KEY.findall(response.content.decode()))
    return text


def test_programs_to_paste_come_with_the_key(owner: Client, channel):
    response = owner.post("/companies", {"name": "Checkout"})
    text = _issued(response)

    programs = {snippet.slug: snippet.code for snippet in response.context["snippets"]}
    assert list(programs) == ["curl", "python", "javascript", "php"]
    for code in programs.values():
        assert f"http://testserver/api/v1/whatsapp/{channel.pk}/messages" in code
        assert f"Authorization: Bearer {text}" in code.replace('": "', ": ")
    assert programs["curl"] == (
        f"curl -X POST http://testserver/api/v1/whatsapp/{channel.pk}/messages \\\n"
        f'  -H "Authorization: Bearer {text}" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        '  -d \'{"phone_number": "+254712345678", "type": "text", '
        '"message": "Hello from the API!"}\''
    )


@pytest.mark.parametrize(
    ("slug", "ending", "command"),
    [
        ("curl", "sh", ["sh"]),
        ("python", "py", [sys.executable]),
        ("javascript", "mjs", ["node"]),
        ("php", "php", ["php"]),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_each_program_sends_a_message(
    live_server, acme: Company, channel, tmp_path, slug: str, ending: str, command: list[str]
):
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not on this machine")
    text = factories.make_key(acme)
    [code] = [s.code for s in first_send(live_server.url, channel.pk, text) if s.slug == slug]
    program = tmp_path / f"program.{ending}"
    program.write_text(code)

    subprocess.run([*command, program], check=True, timeout=60, env=NO_PROXY)

    assert Message.objects.get().recipient == "254712345678"


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
        {"name": "Odd", "scopes": "everything"},
        {"name": "None", "had_scopes": "1"},
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
    assert client.post(f"/companies/keys/{key.public_id}/roll", {"overlap": "0"}).status_code == 403
    assert b"Revoke" not in page.content
    assert ApiKey.objects.get().revoked_at is None


def test_developers_may_create_keys(acme: Company, browser):
    client = browser(factories.make_user(company=acme, role="developer"))

    assert client.post("/companies", {"name": "Mine"}).status_code == 200
    assert ApiKey.objects.filter(name="Mine").exists()


def test_another_companys_keys_are_neither_seen_nor_touched(stranger: Client, acme: Company):
    key = factories.key_row(factories.make_key(acme))

    assert key.public_id not in stranger.get("/companies").content.decode()
    assert stranger.post(f"/companies/keys/{key.public_id}/revoke").status_code == 404
    assert stranger.post(f"/companies/keys/{key.public_id}/roll").status_code == 404
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


# --- Rights and rolling ----------------------------------------------------------------


def test_a_key_may_all_unless_less_is_chosen(owner: Client):
    owner.post("/companies", {"name": "All"})
    owner.post("/companies", {"name": "Sends", "scopes": ["send"], "had_scopes": "1"})

    assert ApiKey.objects.get(name="All").scopes == ["send", "read", "manage"]
    assert ApiKey.objects.get(name="Sends").scopes == ["send"]
    assert "Send messages" in owner.get("/companies").content.decode()


def test_rolling_makes_a_key_with_the_same_rights_and_leaves_the_old_one_a_while(
    owner: Client, acme: Company, channel
):
    end = timezone.now() + timedelta(days=30)
    old_text = factories.make_key(acme, channel=channel, scopes=["send"], expires_at=end)
    old = factories.key_row(old_text)

    response = owner.post(f"/companies/keys/{old.public_id}/roll", {"overlap": "24"})

    new = factories.key_row(_issued(response))
    assert (new.name, new.channel, new.scopes, new.expires_at) == (
        old.name,
        channel,
        ["send"],
        end,
    )
    assert new.created_by.email == "owner@acme.example"
    now = timezone.now()
    old.refresh_from_db()
    assert timedelta(hours=23) < old.expires_at - now < timedelta(hours=24)
    assert keys.caller(old_text, now=now, address="")
    assert keys.caller(old_text, now=now + timedelta(hours=25), address="") is None


def test_rolling_at_once_refuses_the_old_key_from_then_on(owner: Client, acme: Company):
    text = factories.make_key(acme)

    response = owner.post(f"/companies/keys/{text[5:13]}/roll", {"overlap": "0"})

    now = timezone.now()
    assert keys.caller(text, now=now, address="") is None
    assert keys.caller(_issued(response), now=now, address="")


def test_rolling_never_lengthens_a_keys_life(owner: Client, acme: Company):
    end = timezone.now() + timedelta(hours=2)
    key = factories.key_row(factories.make_key(acme, expires_at=end))

    owner.post(f"/companies/keys/{key.public_id}/roll", {"overlap": "168"})

    key.refresh_from_db()
    assert key.expires_at == end


@pytest.mark.parametrize("overlap", ["", "2", "-1", "x"])
def test_the_overlap_is_one_of_those_offered(owner: Client, acme: Company, overlap: str):
    key = factories.key_row(factories.make_key(acme))

    page = owner.post(f"/companies/keys/{key.public_id}/roll", {"overlap": overlap}, follow=True)

    assert "how long the old key" in page.content.decode()
    assert ApiKey.objects.get().expires_at is None


def test_a_key_that_works_no_more_is_not_rolled(owner: Client, acme: Company):
    key = factories.key_row(factories.make_key(acme))
    keys.revoke(key)

    page = owner.post(f"/companies/keys/{key.public_id}/roll", {"overlap": "24"}, follow=True)

    assert "works no more" in page.content.decode()
    assert ApiKey.objects.count() == 1


def test_what_is_done_with_keys_is_in_the_audit_log_without_their_text(owner: Client):
    text = _issued(owner.post("/companies", {"name": "Checkout"}))
    new_text = _issued(owner.post(f"/companies/keys/{text[5:13]}/roll", {"overlap": "1"}))
    for _ in range(2):
        owner.post(f"/companies/keys/{new_text[5:13]}/revoke")

    events = list(AuditEvent.objects.order_by("pk"))
    assert [event.kind for event in events] == ["key.created", "key.rolled", "key.revoked"]
    assert {event.actor_label for event in events} == {"owner@acme.example"}
    assert events[0].label == f"Checkout (tuma_{text[5:13]}…)"
    for secret in (text, new_text):
        assert not any(secret in f"{event.label}{event.detail}" for event in events)
