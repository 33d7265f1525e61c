"""The worker is killed, or told to stop, in the middle of its work."""

from collections.abc import Iterator

import pytest

from messaging.models import Status
from tests.journeys.installation import GRAPH, Installation
from tests.journeys.promises import assert_kept

pytestmark = pytest.mark.slow

MESSAGES = 5_000


@pytest.fixture
def slow_to_tell(site: Installation) -> Iterator[None]:
    """A Graph whose statuses come after the next worker has found what the dead one left."""
    site.graph.settings(sent_delay=6, delivered_delay=6.1, read_delay=6.2)
    yield
    site.graph.settings(**GRAPH)


def test_a_worker_killed_again_and_again_loses_nothing_and_sends_nothing_twice(
    site: Installation, slow_to_tell: None
) -> None:
    accepted = site.accept(MESSAGES - 20) + site.accept(20, each=1)

    # The first time its lease has to run out, as it does in real life.
    for fifth in (1, 2, 3, 4):
        site.wait_until_sent(fifth * MESSAGES // 5)
        site.kill_worker(lease_runs_out=fifth == 1)
        site.worker.start()

    assert_kept(site, accepted)


def test_a_worker_told_to_stop_finishes_what_is_in_flight_and_leaves_the_rest_to_the_next(
    site: Installation,
) -> None:
    accepted = site.accept(3_000)

    for sent in (400, 800, 1_200):
        site.wait_until_sent(sent)
        status = site.worker.stop()

        assert status == 0
        assert site.count(Status.CLAIMED, Status.SENDING, Status.UNCERTAIN) == 0
        assert site.count(Status.QUEUED) > 0
        assert not site.is_leased()
        site.worker.start()

    assert_kept(site, accepted)
