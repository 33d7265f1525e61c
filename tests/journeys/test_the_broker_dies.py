"""The broker forgets everything, or dies."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.brokers import OwnRedis
from tests.journeys.callers import Stream
from tests.journeys.installation import Installation, installed
from tests.journeys.promises import assert_kept

pytestmark = pytest.mark.slow


def test_a_broker_wiped_while_sending_and_while_nobody_works_loses_nothing(
    site: Installation,
) -> None:
    accepted = site.accept(1_000)
    site.wait_until_sent(300)
    site.broker.wipe()
    accepted += site.accept(1_000)
    site.wait_until_sent(1_200)
    site.kill_worker(lease_runs_out=False)
    accepted += site.accept(500, each=1)  # whose wakes are all that the broker holds …
    site.broker.wipe()  # … and forgets

    site.worker.start()

    site.wait_until_sent(1_500)
    site.broker.wipe()
    assert_kept(site, accepted)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[OwnRedis]:
    try:
        redis = OwnRedis(tmp_path)
    except LookupError as error:
        pytest.skip(f"{error} on this machine to kill")
    redis.start()
    yield redis
    redis.remove()


def test_a_broker_killed_while_requests_come_in_fails_none_of_them(
    redis: OwnRedis, data_dir: Path
) -> None:
    with installed(data_dir / "redis", broker=redis) as site:
        stream = Stream(site, requests=150, threads=2).start()
        for share in (300, 800):
            site.wait_until_sent(share)
            redis.wipe()
        accepted = stream.wait()

        assert stream.broken == 0
        assert_kept(site, accepted)
