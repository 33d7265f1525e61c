"""An installation per test module, and its logs in the report of what failed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.installation import Installation, installed


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("installation")


@pytest.fixture(scope="module")
def running(data_dir: Path) -> Iterator[Installation]:
    with installed(data_dir) as site:
        yield site


@pytest.fixture
def site(running: Installation) -> Installation:
    """The module's installation, all of it alive, with a Graph that remembers nothing.

    A test that failed has left it anyhow, with a paused batch or a Graph that is silent: after that
    it starts over.
    """
    if running.is_spoiled:
        running.start_over()
    for process in running.processes:
        if not process.is_running():
            process.start()
    running.wait_until_ready()
    running.graph.reset()
    running.begin()
    return running


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome: Any = yield
    report = outcome.get_result()
    if report.failed:
        arguments = getattr(item, "funcargs", {})
        for value in list(arguments.values()):
            if isinstance(value, Installation):
                value.is_spoiled = True
                report.sections.append(("Logs of the installation", value.report()))
