"""Batches are paused, resumed and cancelled while the worker is killed, again and again."""

import time

import pytest

from messaging.models import Batch
from tests.journeys.installation import Accepted, Installation
from tests.journeys.processes import until
from tests.journeys.promises import EVERYTHING, assert_books_balance, assert_kept

pytestmark = pytest.mark.slow

MESSAGES = 2_000
# What was on the wire when the worker was killed is at Graph by then.
WIRE_SECONDS = 1


def _change(site: Installation, one: Accepted, change: str) -> None:
    response = site.http.post(
        f"{site.url}/api/v1/batches/{one.batch}/{change}", headers=site.headers, timeout=10
    )
    assert response.status_code == 200, response.text


def _counts(site: Installation, one: Accepted) -> dict[str, int]:
    batch = site.get(f"/api/v1/batches/{one.batch}")
    return {word: number for word, number in batch["counts"].items() if number}


def _arrived(site: Installation, one: Accepted) -> set[str]:
    """Whom Graph accepted a message of this batch for."""
    recipients = {number.lstrip("+") for number in one.numbers}
    rows = site.graph.messages(limit=EVERYTHING, outcome="accepted")
    return {row["to"] for row in rows} & recipients


def _kill_worker(site: Installation) -> None:
    site.kill_worker(lease_runs_out=False)
    time.sleep(WIRE_SECONDS)


def _is_followed(site: Installation) -> bool:
    table = Batch._meta.db_table
    return not site.database.one(f"SELECT count(*) FROM {table} WHERE follow_cursor IS NOT NULL")


def test_paused_and_resumed_under_a_dying_worker_nothing_is_lost_and_nothing_sent_twice(
    site: Installation,
) -> None:
    paused, other = site.accept(2 * MESSAGES, each=MESSAGES)
    site.wait_until_sent(300)
    _change(site, paused, "pause")
    _kill_worker(site)
    arrived = _arrived(site, paused)
    assert 0 < len(arrived) < MESSAGES
    site.worker.start()

    # Others are not kept behind it. What the kill left in doubt goes back into the queue by and by,
    # and stays there, though what comes later is sent.
    _wait_until_read(site, other)
    until(
        lambda: _counts(site, paused) == {"read": len(arrived), "queued": MESSAGES - len(arrived)},
        seconds=90,
        what="of the paused batch, each is read or in the queue",
    )
    [later] = site.accept(500, each=500)
    _wait_until_read(site, later)
    assert _arrived(site, paused) == arrived
    assert _counts(site, paused)["queued"] == MESSAGES - len(arrived)

    _change(site, paused, "resume")
    _kill_worker(site)
    site.worker.start()

    assert_kept(site, [paused, other, later])
    assert _counts(site, paused) == {"read": MESSAGES}


def _wait_until_read(site: Installation, one: Accepted) -> None:
    what = "what is not paused is read"
    until(lambda: _counts(site, one) == {"read": len(one.numbers)}, seconds=90, what=what)


def test_cancelled_under_a_dying_worker_each_is_sent_or_failed_and_the_books_balance(
    site: Installation,
) -> None:
    [cancelled] = site.accept(MESSAGES, each=MESSAGES)
    site.wait_until_sent(200)
    _change(site, cancelled, "cancel")
    _kill_worker(site)
    arrived = _arrived(site, cancelled)
    assert 0 < len(arrived) < MESSAGES
    site.worker.start()
    until(lambda: _is_followed(site), seconds=60, what="the cancellation is carried out")
    # What the kill left in doubt is settled by the statuses of what is sent after it.
    [later] = site.accept(100, each=100)

    site.wait_until_at_rest()
    assert _arrived(site, cancelled) == arrived
    assert _counts(site, cancelled) == {"read": len(arrived), "failed": MESSAGES - len(arrived)}
    assert _counts(site, later) == {"read": len(later.numbers)}
    counts = site.graph.counts()
    assert counts["accepted"] == len(arrived) + len(later.numbers)
    assert counts["to"]["repeated"] == {}
    assert_books_balance(site)
