"""The web process is killed while requests and Meta's webhooks come in."""

import pytest

from messaging.models import Batch
from tests.journeys.callers import Stream
from tests.journeys.installation import Installation
from tests.journeys.promises import assert_kept

pytestmark = pytest.mark.slow

REQUESTS = 500
KILLS = 3


def test_what_was_answered_before_the_kill_is_sent_and_a_repeated_request_changes_nothing(
    site: Installation,
) -> None:
    before = site.database.one(f"SELECT count(*) FROM {Batch._meta.db_table}")
    stream = Stream(site, requests=REQUESTS).start()

    for kill in range(1, KILLS + 1):
        stream.wait_until_answered(kill * REQUESTS // (KILLS + 1))
        site.web.kill()
        site.web.start()
    accepted = stream.wait()

    assert stream.broken >= KILLS
    batches = site.database.one(f"SELECT count(*) FROM {Batch._meta.db_table}") - before
    assert batches == len(accepted) == REQUESTS
    assert_kept(site, accepted)
