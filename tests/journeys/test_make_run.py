"""`make run`, as somebody meets it who has just fetched the code."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
import requests

from companies.graph.sandbox import Sandbox
from tests.journeys.processes import Process, free_port, until, using

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl on this machine"),
]

START_SECONDS = 120


@dataclass
class Run:
    """One `make run` with ports and a DATA_DIR of its own."""

    data: Path

    def __post_init__(self) -> None:
        self.data.mkdir()
        self.port, self.sandbox_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.graph = Sandbox(f"http://127.0.0.1:{self.sandbox_port}")
        environment = {
            "PATH": os.environ["PATH"],
            "PORT": str(self.port),
            "SANDBOX_PORT": str(self.sandbox_port),
            "DATA_DIR": str(self.data),
        }
        self.process = Process(
            "run", [sys.executable, "-m", "config.run"], environment, self.data / "run.log"
        )

    def start(self) -> None:
        self.process.log.unlink(missing_ok=True)
        self.process.start()
        until(self._says_how_to_stop, seconds=START_SECONDS, what="`make run` is ready")

    def _says_how_to_stop(self) -> bool:
        assert self.process.is_running(), self.process.tail()
        return "Ctrl-C stops everything." in self.process.tail()

    def printed_curl(self) -> str:
        said = self.process.tail(100)
        return "curl" + said.rpartition("\ncurl")[2].partition("\n\n")[0]

    def interrupt(self, *, times: int = 1) -> int:
        """Ctrl-C."""
        for _ in range(times):
            self.process.signal(signal.SIGINT)
            time.sleep(0.3)
        assert self.process.popen is not None
        return self.process.popen.wait(45)

    def clean_up(self) -> None:
        if self.process.is_running():
            self.interrupt()
        self.process.clean_up()


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[list[Run]]:
    """Two fresh copies; whatever of them was started is stopped."""
    runs = [Run(tmp_path / "one"), Run(tmp_path / "two")]
    yield runs
    for each in runs:
        each.clean_up()


def shell(command: str) -> str:
    return subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, timeout=30, check=True
    ).stdout


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def recipients(graph: Sandbox) -> list[str]:
    return [row["to"] for row in graph.messages(outcome="accepted")]


def test_the_printed_curl_sends_a_message_and_ctrl_c_stops_everything(runs: list[Run]) -> None:
    first, second = runs
    first.start()
    command = first.printed_curl()

    answer = orjson.loads(shell(command))

    assert answer == {"message": "Message queued for sending", "recipients_count": 1}
    until(lambda: recipients(first.graph) == ["254712345678"], seconds=60, what="Graph has it")

    second.start()  # side by side: each has its own ports, data and secrets
    assert recipients(second.graph) == []
    assert (first.data / "local.env").read_text() != (second.data / "local.env").read_text()

    assert first.interrupt() == 0
    assert using(first.data) == []
    assert not answers(first.port) and not answers(first.sandbox_port)
    assert answers(second.port) and answers(second.sandbox_port)


def test_a_message_of_the_second_start_is_delivered_and_read(runs: list[Run]) -> None:
    [run, _] = runs
    run.start()
    assert run.interrupt(times=3) == 0, run.process.tail()  # somebody has no patience
    run.start()
    command = run.printed_curl()
    [key] = re.findall(r"Bearer (\S+)\"", command)

    head = shell(command.replace("curl", "curl --silent --include", 1))

    [location] = re.findall(r"^location: (\S+)\r?$", head, re.IGNORECASE | re.MULTILINE)
    headers = {"Authorization": f"Bearer {key}"}

    def counts() -> dict[str, int]:
        batch = requests.get(run.url + location, headers=headers, timeout=10).json()
        return {state: count for state, count in batch["counts"].items() if count}

    until(lambda: counts() == {"read": 1}, seconds=60, what="the message is read")
    assert run.interrupt() == 0
