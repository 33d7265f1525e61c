"""Probes and metrics."""

import re
import time
from typing import Any

import pytest
from django.test import Client

from companies.models import Channel
from messaging import health, metrics_store
from messaging.models import Metric, Status
from messaging.tasks import HEARTBEAT
from tests import factories

pytestmark = pytest.mark.django_db


def test_healthz_needs_nothing(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}


def test_readyz_says_what_is_missing(client: Client) -> None:
    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["checks"]["worker"] == "no worker has run yet"
    assert response.json()["checks"]["database"] == "ok"


def test_readyz_tells_strangers_no_hosts_and_no_users(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> str:
        raise OSError("connection to 10.0.0.5 failed for user tuma")

    monkeypatch.setitem(health._CHECKS, "broker", away)

    assert client.get("/readyz").json()["checks"]["broker"] == "unavailable"
    assert "10.0.0.5" in health.outcomes(in_detail=True)["broker"]


def test_readyz_follows_the_workers_heartbeat(client: Client) -> None:
    metrics_store.put(HEARTBEAT, time.time())
    alive = client.get("/readyz")
    Metric.objects.filter(name=HEARTBEAT).update(value=time.time() - 60)
    dead = client.get("/readyz")

    assert alive.json() == {
        "status": "ok",
        "checks": {"database": "ok", "migrations": "ok", "broker": "ok", "worker": "ok"},
    }
    assert dead.status_code == 503


def scrape(client: Client, **headers: str) -> dict[str, float]:
    text = client.get("/metrics", headers=headers).content.decode()
    return {
        name: float(value) for name, value in re.findall(r"^(\w[^ ]*) ([\d.e+-]+)$", text, re.M)
    }


def test_metrics_tell_of_messages_and_queues(client: Client, channel: Channel, send: Any) -> None:
    send(phone_number=["254700000001", "254700000002"], type="text", message="Hi")
    factories.make_message(channel, status=Status.SENT)
    metrics_store.observe("send_seconds", [0.07, 0.3], metrics_store.SEND_BUCKETS)

    seen = scrape(client)

    assert seen["tuma_messages_accepted_total"] == 2
    assert seen['tuma_queue_depth{lane="bulk"}'] == 2
    assert seen['tuma_queue_oldest_due_seconds{lane="bulk"}'] >= 0
    assert seen['tuma_send_seconds_bucket{le="0.1"}'] == 1
    assert seen['tuma_send_seconds_bucket{le="+Inf"}'] == 2


def test_metrics_are_for_this_machine_or_the_token(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = "let-me-in"

    far = client.get("/metrics", REMOTE_ADDR="203.0.113.9")
    with_token = client.get(
        "/metrics", REMOTE_ADDR="203.0.113.9", headers={"Authorization": "Bearer let-me-in"}
    )
    through_proxy = client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"})

    assert (far.status_code, with_token.status_code, through_proxy.status_code) == (403, 200, 403)
