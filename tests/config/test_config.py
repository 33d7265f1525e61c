"""Secrets at the start, masking, encryption, public ids, request ids."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.db import connection
from django.test import Client, RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from companies.models import Channel
from config import fields, public_ids
from config.logging import mask
from config.middleware import client_address

ROOT = Path(__file__).parents[2]
SECRETS = {
    "SECRET_KEY": "x" * 60,
    "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    "META_APP_SECRET": "secret",
    "META_VERIFY_TOKEN": "token",
}


def start(tmp_path: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *(command or ("manage.py", "check"))],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "DATA_DIR": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("missing", [None, *SECRETS])
def test_with_debug_off_a_missing_secret_stops_the_start_with_a_sentence(
    tmp_path: Path, missing: str | None
) -> None:
    done = start(tmp_path, **{name: value for name, value in SECRETS.items() if name != missing})

    if missing is None:
        assert done.returncode == 0, done.stderr
    else:
        assert done.returncode != 0
        assert done.stderr.startswith(f"Tuma does not start: {missing} is not set.")
        assert "Traceback" not in done.stderr


def test_without_secrets_the_web_server_ends_too(tmp_path: Path) -> None:
    done = start(tmp_path, "-m", "gunicorn", "config.wsgi", "--bind", "127.0.0.1:0")

    assert done.returncode != 0
    assert "Tuma does not start: SECRET_KEY is not set." in done.stderr


def test_logs_mask_numbers_keys_and_tokens() -> None:
    line = mask(
        "+254712345678 tuma_abcdefgh1234567890123456789 EAAabcdefghijk id 100000000000001234 "
        "/contacts/+254 712-345 678 at 2026-11-28 12:51:44+00:00"
    )

    assert line == (
        "254•••678 tuma_abcdefgh••• EAA••• id 100000000000001234 "
        "/contacts/254•••678 at 2026-11-28 12:51:44+00:00"
    )


@pytest.mark.django_db
def test_tokens_are_encrypted_in_the_database(channel: Channel) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT access_token FROM companies_channel")
        [stored] = cursor.fetchone()

    assert channel.access_token not in stored
    assert Channel.objects.get().access_token == channel.access_token


def test_encryption_keys_can_be_rotated(settings: Any) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEYS = [old]
    cipher = fields.encrypt("token")

    settings.FIELD_ENCRYPTION_KEYS = [new, old]
    still_read = fields.decrypt(cipher)
    settings.FIELD_ENCRYPTION_KEYS = [new]

    assert still_read == "token"
    with pytest.raises(InvalidToken):
        fields.decrypt(cipher)


@given(st.integers(min_value=1, max_value=2**63 - 1))
def test_public_ids_lead_back_to_their_row(pk: int) -> None:
    public_id = public_ids.encode("msg", pk)

    assert public_ids.decode("msg", public_id) == pk
    assert public_ids.decode("batch", public_id) is None


@given(st.one_of(st.text(), st.integers(), st.none(), st.text().map(lambda text: f"msg_{text}")))
def test_anything_else_is_no_public_id(text: Any) -> None:
    pk = public_ids.decode("msg", text)

    assert pk is None or public_ids.encode("msg", pk) == text


@pytest.mark.parametrize(("path", "status"), [("/v1/contacts", 200), ("/webhooks/meta", 403)])
def test_a_query_as_long_as_a_server_lets_through_is_read(
    client: Client, key: str, path: str, status: int
) -> None:
    bearer = {"Authorization": f"Bearer {key}"}

    assert client.get(f"{path}?{'&' * 4000}", headers=bearer).status_code == status


def test_every_response_carries_a_request_id(client: Client, db: None) -> None:
    own = client.get("/healthz", headers={"X-Request-Id": "order-7"})
    made = client.get("/healthz", headers={"X-Request-Id": "no good\n"})

    assert own["X-Request-Id"] == "order-7"
    assert len(made["X-Request-Id"]) == 20


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("198.51.100.1, 192.0.2.7:4711", "192.0.2.7"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("unknown", ""),
        ("", "127.0.0.1"),
    ],
)
def test_a_callers_address_is_read_as_proxies_write_it(
    rf: RequestFactory, settings: Any, forwarded: str, address: str
) -> None:
    settings.TRUSTED_PROXIES = 1

    assert client_address(rf.get("/", headers={"X-Forwarded-For": forwarded})) == address
