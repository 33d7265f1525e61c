"""Batches are paused, resumed and cancelled while the worker is killed, again and again."""

import time
from typing import Any

import pytest

from messaging.models import Batch, Status
from tests.journeys.installation import Accepted, Installation
from tests.journeys.processes import until
from tests.journeys.promises import assert_books_balance, assert_kept

pytestmark = pytest.mark.slow

MESSAGES = 2_000
LATER = 50


def _change(site: Installation, one: Accepted, change: str) -> None:
    response = site.http.post(
        f"{site.url}/api/v1/batches/{one.batch}/{change}", headers=site.headers, timeout=10
    )
    assert response.status_code == 200, response.text


def _arrived(site: Installation, one: Accepted) -> int:
    """How many messages of a batch Graph has got."""
    numbers = {number.lstrip("+") for number in one.numbers}
    return sum(message["to"].lstrip("+") in numbers for message in _at_graph(site))


def _at_graph(site: Installation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = site.graph.messages(limit=4 * MESSAGES, outcome="accepted")
    return found


def _is_followed(site: Installation) -> bool:
    table = Batch._meta.db_table
    return not site.database.one(f"SELECT count(*) FROM {table} WHERE follow_cursor IS NOT NULL")


def test_paused_and_resumed_under_a_dying_worker_nothing_is_lost_and_nothing_sent_twice(
    site: Installation,
) -> None:
    paused, other = site.accept(2 * MESSAGES, each=MESSAGES)
    site.wait_until_sent(300)
    _change(site, paused, "pause")
    site.kill_worker(lease_runs_out=False)
    site.worker.start()
    # The other batch is not kept behind it.
    until(
        lambda: site.get(f"/api/v1/batches/{other.batch}")["counts"]["queued"] == 0,
        seconds=90,
        what="the other batch is sent",
    )
    at_graph = _arrived(site, paused)
    assert at_graph < MESSAGES
    time.sleep(2)
    # What was in doubt is back in the queue by now, perhaps; nothing more of it has gone out.
    assert _arrived(site, paused) == at_graph
    assert site.get(f"/api/v1/batches/{paused.batch}")["counts"]["queued"] > 0

    _change(site, paused, "resume")
    site.kill_worker(lease_runs_out=False)
    site.worker.start()

    assert_kept(site, [paused, other])


def test_cancelled_under_a_dying_worker_each_is_sent_or_failed_and_the_books_balance(
    site: Installation,
) -> None:
    [cancelled] = site.accept(MESSAGES, each=MESSAGES)
    site.wait_until_sent(200)
    _change(site, cancelled, "cancel")
    site.kill_worker(lease_runs_out=False)
    site.worker.start()
    until(lambda: _is_followed(site), seconds=60, what="the cancellation is carried out")
    # Later sends prove of those in doubt that they did not arrive: else they wait for their deadline.
    [later] = site.accept(LATER, each=LATER)

    site.wait_until_at_rest()
    references = [message["biz_opaque_callback_data"] for message in _at_graph(site)]
    assert len(set(references)) == len(references) == site.sent()
    assert _arrived(site, later) == LATER
    assert site.sent() + site.count(Status.FAILED) == MESSAGES + LATER
    assert site.count(Status.FAILED) > 0
    assert_books_balance(site)
