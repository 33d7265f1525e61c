"""A power cut: all of our processes at once, in the middle of sending. Meta goes on."""

import time
from collections.abc import Iterator

import pytest

from tests.journeys.installation import GRAPH, Installation
from tests.journeys.promises import assert_kept

pytestmark = pytest.mark.slow

# Graph repeats a webhook that failed after 1 s, then 2, 4, 8 …: what it had to say at the cut it
# tries 7 s after it, in vain, and then 15 s after it. Between the two, what is sent after the cut
# has its statuses, and the grace is long over.
FIRST_REPEAT_SECONDS = 1
OUTAGE_SECONDS = 8


@pytest.fixture
def slow_to_repeat(site: Installation) -> Iterator[None]:
    """A Graph that repeats each webhook at its own pace, whatever else got through in between."""
    first = FIRST_REPEAT_SECONDS
    site.graph.settings(
        webhook_retry_first=first, webhook_retry_cap=60, webhook_concurrency=64, latency=0.1
    )
    yield
    site.graph.settings(webhook_retry_first=0.5, webhook_concurrency=8, **GRAPH)


def test_after_a_power_cut_what_graph_took_is_not_sent_again_however_late_it_says_so(
    site: Installation, slow_to_repeat: None
) -> None:
    accepted = site.accept(5_000)
    site.wait_until_sent(1_500)

    site.web.kill()
    site.kill_worker(lease_runs_out=False)
    time.sleep(OUTAGE_SECONDS)
    site.web.start()
    site.worker.start()

    assert_kept(site, accepted)
