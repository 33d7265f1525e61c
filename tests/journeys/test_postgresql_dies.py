"""PostgreSQL crashes and recovers while everything uses it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys import databases
from tests.journeys.callers import Stream
from tests.journeys.installation import Installation, installed
from tests.journeys.promises import assert_kept

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster() -> Iterator[databases.Cluster]:
    try:
        databases.binaries()
    except LookupError as error:
        pytest.skip(f"{error} on this machine to make a PostgreSQL of our own with")
    cluster = databases.Cluster()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()


@pytest.fixture
def on_cluster(cluster: databases.Cluster, data_dir: Path) -> Iterator[Installation]:
    with installed(data_dir, database=databases.make(data_dir, cluster.url)) as site:
        yield site


def test_postgresql_crashing_twice_loses_nothing_and_doubles_nothing(
    on_cluster: Installation, cluster: databases.Cluster
) -> None:
    site = on_cluster
    stream = Stream(site, requests=500).start()

    for sent in (1_000, 3_000):
        site.wait_until_sent(sent)
        cluster.crash_and_restart()
    accepted = stream.wait()

    assert len(accepted) == 500
    assert_kept(site, accepted)
