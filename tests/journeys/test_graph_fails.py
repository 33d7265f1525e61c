"""Graph can't be reached, or takes a message and never says so."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from messaging.models import Message, Status
from tests.journeys.installation import DOUBT, Installation, installed
from tests.journeys.processes import until
from tests.journeys.promises import assert_kept
from tests.journeys.wire import Wire, running_wire

pytestmark = pytest.mark.slow

GRACE_SECONDS = int(DOUBT["UNCERTAIN_GRACE_SECONDS"])
DEADLINE_SECONDS = int(DOUBT["UNCERTAIN_DEADLINE_SECONDS"])
SWEEP_SECONDS = 5
OUTAGE_SECONDS = 10
_MESSAGES = Message._meta.db_table


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with running_wire() as wire:
        yield wire


@pytest.fixture(scope="module")
def running(data_dir: Path, wire: Wire) -> Iterator[Installation]:
    """An installation that reaches its Graph over the wire; Graph's webhooks don't use it."""
    with installed(data_dir, graph_port=wire.port) as site:
        wire.target = site.sandbox_port
        yield site


def tried_once(site: Installation) -> bool:
    return not site.database.one(
        f"SELECT count(*) FROM {_MESSAGES} WHERE id > %s AND attempts <> 1", site.begun_after
    )


def test_what_graph_took_without_an_answer_is_not_sent_again_and_its_status_settles_it(
    site: Installation,
) -> None:
    site.graph.settings(webhooks_paused=True)
    site.graph.fault("close_after", times=25, probability=0.2)
    accepted = site.accept(500)
    until(lambda: site.sent() == 475, seconds=60, what="475 are sent")

    time.sleep(GRACE_SECONDS + SWEEP_SECONDS + 1)

    assert site.count(Status.UNCERTAIN) == 25  # nobody has spoken: they stay in doubt
    site.graph.settings(webhooks_paused=False)
    assert_kept(site, accepted)
    assert tried_once(site)


def test_what_graph_did_not_take_is_sent_again_once_later_statuses_prove_it(
    site: Installation,
) -> None:
    site.graph.fault("close_before", times=10)
    accepted = site.accept(500)

    assert_kept(site, accepted)

    assert site.graph.counts()["dropped"] == 10
    assert site.count(Status.READ) == 500


def test_what_nobody_ever_confirms_fails_visibly_and_is_refunded(site: Installation) -> None:
    site.graph.fault("close_before")
    accepted = site.accept(20)
    until(lambda: site.count(Status.UNCERTAIN) == 20, seconds=60, what="20 are in doubt")

    # The deadline passes, counted from when the doubt was noted, and no later send proves anything.
    long_ago = datetime.now(UTC) - timedelta(seconds=DEADLINE_SECONDS)
    site.database.rows(
        f"UPDATE {_MESSAGES} SET due_at = %s WHERE id > %s", str(long_ago), site.begun_after
    )

    assert_kept(site, accepted)
    assert site.count(Status.FAILED) == 20
    assert tried_once(site)


def test_graph_gone_for_a_while_delays_and_nothing_else(site: Installation, wire: Wire) -> None:
    accepted = site.accept(3_000)
    site.wait_until_sent(1_000)

    wire.cut()
    time.sleep(OUTAGE_SECONDS)
    wire.mend()

    assert_kept(site, accepted)
    assert site.count(Status.READ) == 3_000
