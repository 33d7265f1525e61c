"""The worker is killed in the middle of telling a company's endpoints what happened."""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from messaging.models import DeliveryAttempt, WebhookDelivery, WebhookEndpoint
from tests.journeys.installation import Installation, installed
from tests.journeys.processes import until
from tests.receivers import Receiver, answer, hangs, receiver

pytestmark = pytest.mark.slow

MESSAGES = 120
TOLD = ("message.sent", "message.delivered", "message.read")
EVENTS = MESSAGES * len(TOLD)
# A post takes a while, so that a kill finds some on the wire.
POST_SECONDS = 0.1

_ENDPOINTS, _DELIVERIES = WebhookEndpoint._meta.db_table, WebhookDelivery._meta.db_table
_ATTEMPTS = DeliveryAttempt._meta.db_table


def takes_its_time(receiver: Receiver, request: Any) -> None:
    time.sleep(POST_SECONDS)
    answer(request, 200)


_dice, _lock = random.Random(1), threading.Lock()


def fails_half_of_the_time(receiver: Receiver, request: Any) -> None:
    with _lock:
        is_well = _dice.random() < 0.5
    answer(request, 200 if is_well else 500)


@pytest.fixture(scope="module")
def running(data_dir: Path) -> Iterator[Installation]:
    with installed(data_dir, TENANT_URL_ALLOW="127.0.0.0/8") as site:
        yield site


@pytest.fixture
def endpoints(site: Installation) -> Iterator[dict[str, Receiver]]:
    """Three receivers that are told everything, by their webhooks' ids: good, half good, hanging."""
    with ExitStack() as stack:
        made = {}
        for behave in (takes_its_time, fails_half_of_the_time, hangs):
            there = stack.enter_context(receiver(behave))
            body = {"url": there.url, "events": list(TOLD)}
            response = site.http.post(f"{site.url}/v1/webhooks", json=body, headers=site.headers)
            assert response.status_code == 201, response.text
            made[response.json()["id"]] = there
        yield made


def test_every_event_arrives_though_the_worker_is_killed_again_and_again(
    site: Installation, endpoints: dict[str, Receiver]
) -> None:
    [(good_id, good), (half_id, _), (_, hanging)] = endpoints.items()
    site.accept(MESSAGES)

    for received in (EVENTS // 4, EVENTS // 2):
        wait_until_came_in(good, received)
        site.kill_worker(lease_runs_out=False)
        # The dead worker's leases on the endpoints last 45 s more; nobody needs them.
        site.database.rows(f"UPDATE {_ENDPOINTS} SET lease_until = 0")
        site.worker.start()

    site.wait_until_at_rest()
    wait_until_delivered(site, good_id)
    wait_until_delivered(site, half_id)
    site.worker.kill()  # it would go on trying the one that hangs while we look at its log

    for webhook_id, there in endpoints.items():
        events = all_events(site, webhook_id)
        assert_none_is_missing(events)
        assert_log_is_complete(site, there, events)
        arrived = {(got.headers["webhook-id"], got.json["sequence"]) for got in there.got}
        known = {(event["id"], event["sequence"]) for event in events}
        assert arrived <= known
        if there is hanging:
            assert not any(event["delivery"]["status"] == "delivered" for event in events)
        else:
            assert arrived == known
            assert {event["delivery"]["status"] for event in events} == {"delivered"}


def wait_until_came_in(there: Receiver, number: int) -> None:
    until(lambda: len(there.got) >= number, seconds=120, what=f"{number} events came in")


def wait_until_delivered(site: Installation, webhook_id: str) -> None:
    """What failed is asked for again, as its company may: the next tries come at once."""

    def is_done() -> bool:
        events = all_events(site, webhook_id)
        if all(event["delivery"]["status"] == "delivered" for event in events):
            return True
        again = site.http.post(
            f"{site.url}/v1/webhooks/{webhook_id}/replay",
            json={"since": events[0]["timestamp"]},
            headers=site.headers,
        )
        assert again.status_code == 202, again.text
        time.sleep(1)
        return False

    until(is_done, seconds=90, what=f"all is delivered to {webhook_id}")


def all_events(site: Installation, webhook_id: str) -> list[dict[str, Any]]:
    """As a receiver asks that wants to know what it missed."""
    found: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        page = site.get(f"/v1/webhooks/{webhook_id}/events", after=after, limit=100)
        found += page["events"]
        after = page["next_after"]
    assert len(found) == page["last_sequence"]
    return found


def assert_none_is_missing(events: list[dict[str, Any]]) -> None:
    """Numbered without a gap; each message's every step told once."""
    assert [event["sequence"] for event in events] == list(range(1, EVENTS + 1))
    steps = Counter((event["data"]["message_id"], event["event"]) for event in events)
    assert set(steps.values()) == {1}
    assert Counter(event for _, event in steps) == dict.fromkeys(TOLD, MESSAGES)


def assert_log_is_complete(
    site: Installation, there: Receiver, events: list[dict[str, Any]]
) -> None:
    """Every try whose end was seen is counted and in the log; there are no others than came in."""
    tries = sum(event["delivery"]["attempts"] for event in events)
    logged = site.database.one(
        f"""SELECT count(*) FROM {_ATTEMPTS} a JOIN {_DELIVERIES} d ON d.id = a.delivery_id
        JOIN {_ENDPOINTS} e ON e.id = d.endpoint_id WHERE e.url = %s""",
        there.url,
    )
    assert 0 < tries == logged <= len(there.got)
