"""The guide to taking webhooks, and its samples run against what we really post."""

import base64
import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from companies.models import Company
from messaging import webhook_endpoints, webhook_signing
from messaging.docs_pages import SAMPLES, SAMPLES_FOLDER
from tests import factories

BODY = '{"event":"message.read","data":{"text":"Ünï"},"sequence":1}'.encode()
# Each verifies what is on its standard input and prints the event.
DRIVERS = {
    "Python": (
        ["python3", "-c"],
        "import json, runpy, sys, base64\n"
        "verify = runpy.run_path({path!r})['verify']\n"
        "given = json.load(sys.stdin)\n"
        "print(json.dumps(verify(given['headers'], base64.b64decode(given['body']), given['secret'])))",
    ),
    "JavaScript": (
        ["node", "--input-type=module", "-e"],
        "import { readFileSync } from 'node:fs';\n"
        "const { verify } = await import({path!r});\n"
        "const given = JSON.parse(readFileSync(0, 'utf8'));\n"
        "const body = Buffer.from(given.body, 'base64');\n"
        "console.log(JSON.stringify(verify(given.headers, body, given.secret)));",
    ),
    "PHP": (
        ["php", "-r"],
        "require {path!r};\n"
        "$given = json_decode(file_get_contents('php://stdin'), true);\n"
        "echo json_encode(verify($given['headers'], base64_decode($given['body']), $given['secret']));",
    ),
}
Verify = Callable[..., dict[str, Any] | None]


@pytest.fixture(params=SAMPLES)
def verify(request: pytest.FixtureRequest) -> Verify:
    """What a sample makes of a post: the event, or None where it throws."""
    command, driver = DRIVERS[request.param]
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed")
    sample = Path(SAMPLES_FOLDER) / SAMPLES[request.param]

    def run(headers: dict[str, str], secret: str, *, body: bytes = BODY) -> dict[str, Any] | None:
        given = {"headers": headers, "secret": secret, "body": base64.b64encode(body).decode()}
        done = subprocess.run(
            [*command, driver.replace("{path!r}", repr(str(sample)))],
            input=json.dumps(given),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        event: dict[str, Any] | None = json.loads(done.stdout) if done.returncode == 0 else None
        assert event is not None or "secret" in done.stderr or "too old" in done.stderr, done.stderr
        return event

    return run


def signed(*secrets: str, at: datetime | None = None) -> dict[str, str]:
    return webhook_signing.headers(
        public_id="evt_1", at=at or timezone.now(), body=BODY, keys=list(secrets)
    )


@pytest.mark.parametrize(
    "secret",
    [
        "whsec_" + base64.b64encode(bytes(range(32))).decode(),
        "your-webhook-secret",
        "ключ für alle",
        base64.b64encode(b"sixteen bytes or more").decode(),
        "whsec_" + base64.b64encode(b"without padding!!").decode().rstrip("="),
    ],
)
def test_a_sample_knows_what_we_signed(verify: Verify, secret: str) -> None:
    assert verify(signed(secret), secret) == json.loads(BODY)


def test_a_sample_knows_it_by_either_secret_while_one_is_rolled(
    verify: Verify, acme: Company
) -> None:
    old, new = webhook_signing.new_secret(), "the-new-secret"
    endpoint = factories.make_endpoint(acme, secret=old)
    webhook_endpoints.roll_secret(endpoint, secret=new, now=timezone.now())
    headers = signed(*webhook_endpoints.secrets_of(endpoint, now=timezone.now()))

    assert verify(headers, old) == verify(headers, new) == json.loads(BODY)


def test_a_sample_refuses_what_was_changed_replayed_or_signed_by_others(verify: Verify) -> None:
    secret = webhook_signing.new_secret()
    headers = signed(secret)

    assert verify(headers, secret, body=BODY.replace(b"1", b"2")) is None
    assert verify({**headers, "webhook-id": "evt_2"}, secret) is None
    assert verify(headers, webhook_signing.new_secret()) is None
    assert verify({**headers, "webhook-signature": "v1 v1,x v2," + "A" * 44}, secret) is None
    for minutes in (-6, 6):
        at = timezone.now() + timedelta(minutes=minutes)
        assert verify(signed(secret, at=at), secret) is None


@pytest.mark.django_db
def test_the_guide_shows_the_samples_and_when_we_try_again(client: Client) -> None:
    html = client.get("/docs/webhooks").content.decode()

    for name in SAMPLES.values():
        assert escape((Path(SAMPLES_FOLDER) / name).read_text()) in html
    assert "<td>11</td><td>9 h 23 min</td>" in html
    assert "evt_" in html and "&quot;sequence&quot;: 42" in html


def test_the_guide_is_found(client: Client, owner: Client) -> None:
    assert 'href="/docs/webhooks"' in owner.get("/webhooks").content.decode()
    assert "(/docs/webhooks)" in client.get("/api/schema").json()["info"]["description"]
