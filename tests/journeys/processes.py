"""Processes of an installation under test, each a group of its own that can be killed outright."""

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from config import run

POLL_SECONDS = 0.05
STOP_SECONDS = 40.0
# Below the ports that the kernel gives to outgoing connections: nobody takes such a port while its
# owner is dead, and no client of a dead port connects to itself.
# Tests that run at the same time, in up to STRIDE processes, have ports of their own to choose from.
STRIDE = 16
PORTS = range(20_000 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]), 32_000, STRIDE)
_given: set[int] = set()


def free_port() -> int:
    """A port that nobody listens at, and that nobody else in this run of the tests is given."""
    while True:
        port = random.choice(PORTS)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            _given.add(port)
            return port


def until(condition: Callable[[], object], *, seconds: float, what: str) -> None:
    """Ask again and again until the condition holds; fail with `what` was waited for."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"after {seconds:.0f} s still not: {what}"
        time.sleep(POLL_SECONDS)


@dataclass
class Process:
    """One command line, started again after every death."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    popen: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def pid(self) -> int:
        assert self.popen is not None, f"{self.name} was not started"
        return self.popen.pid

    def start(self) -> None:
        assert not self.is_running(), f"{self.name} runs already"
        with self.log.open("ab") as output:
            self.popen = subprocess.Popen(
                self.command,
                cwd=run.ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=run.die_with_parent,
            )

    def is_running(self) -> bool:
        return self.popen is not None and self.popen.poll() is None

    def kill(self) -> None:
        """kill -9 of it and all of its children."""
        self.signal(signal.SIGKILL)
        self._wait()

    def stop(self) -> int:
        """Ask it to end (SIGTERM), and wait; the exit status."""
        os.kill(self.pid, signal.SIGTERM)
        return self._wait()

    def signal(self, number: signal.Signals) -> None:
        os.killpg(self.pid, number)

    def clean_up(self) -> None:
        """Leave nothing behind, whatever state it is in."""
        if self.popen is not None and (self.is_running() or members(self.pid)):
            self.kill()

    def _wait(self) -> int:
        assert self.popen is not None
        status = self.popen.wait(STOP_SECONDS)
        until(lambda: not members(self.pid), seconds=10, what=f"all of {self.name} ended")
        return status

    def tail(self, lines: int = 30) -> str:
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def members(group: int) -> list[int]:
    """The living processes of a process group, where /proc tells."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, group_id = path.read_text().rpartition(")")[2].split()[:3]
        except (OSError, ValueError):
            continue  # it ended while we looked
        if int(group_id) == group and state not in "ZX":
            found.append(int(path.parent.name))
    return found


def using(data: Path) -> list[int]:
    """The living processes that were started with this DATA_DIR, where /proc tells."""
    wanted = f"DATA_DIR={data}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if wanted in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found
