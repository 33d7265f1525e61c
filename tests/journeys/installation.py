"""A whole installation as people run it: web, worker and Graph sandbox as processes of their own.

The command lines are those of `make run`. Only waits are shorter, so that what takes minutes in
real life fits a test: what is left out is said at each constant.
"""

import atexit
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any
from unittest import mock

import orjson
import requests

from companies.graph.sandbox import Sandbox
from companies.models import Channel
from config import run
from messaging.models import ChannelState, Message, Status, WebhookEvent
from tests.journeys import brokers, databases
from tests.journeys.brokers import Broker, Folder
from tests.journeys.databases import Database
from tests.journeys.processes import Process, free_port, until

READY_SECONDS = 120
RATE_PER_SECOND = 500
# Proof takes twice as long as nobody sent, and a dead worker's lease alone lasts 30 s.
DOUBT = {"UNCERTAIN_GRACE_SECONDS": "3", "UNCERTAIN_DEADLINE_SECONDS": "150"}
# Graph takes a while to answer, so that a kill finds messages on the wire.
GRAPH = {
    "latency": 0.05,
    "sent_delay": 0.05,
    "delivered_delay": 0.1,
    "read_delay": 0.15,
    "webhook_retry_cap": 0.5,
}

_MESSAGES, _STATES = Message._meta.db_table, ChannelState._meta.db_table
_CHANNELS, _WEBHOOKS = Channel._meta.db_table, WebhookEvent._meta.db_table
_people = count(1)


def new_numbers(size: int) -> list[str]:
    """Phone numbers that no test has used before."""
    return [f"+25472{next(_people):07d}" for _ in range(size)]


@dataclass(frozen=True)
class Accepted:
    """A request that was answered with success."""

    batch: str
    numbers: Sequence[str]


class Installation:
    """One installation with a DATA_DIR, ports, a database and a broker of its own."""

    def __init__(
        self,
        data: Path,
        *,
        database: Database,
        broker: Broker,
        graph_port: int = 0,
        **settings: str,
    ) -> None:
        self.data, self.database, self.broker = data, database, broker
        self.port, self.sandbox_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.graph = Sandbox(f"http://127.0.0.1:{self.sandbox_port}")
        self.environment = _inherited() | {
            "DEBUG": "on",
            "LOG_LEVEL": "WARNING",
            "DATA_DIR": str(data),
            "DATABASE_URL": database.url,
            "CELERY_BROKER_URL": broker.url,
            "PORT": str(self.port),
            "SANDBOX_PORT": str(self.sandbox_port),
            "GRAPH_API_URL": f"http://127.0.0.1:{graph_port or self.sandbox_port}",
            "META_APP_SECRET": "journey-app-secret",
            "META_VERIFY_TOKEN": "journey-verify-token",
            "API_REQUESTS_PER_MINUTE": "1000000",
            **broker.environment,
            **DOUBT,
            **settings,
        }
        self.web, self.worker, self.sandbox = self._processes()
        self.begun_after = 0
        self.is_spoiled = False  # by a test that failed in the middle of something
        self.http = requests.Session()
        self.http.trust_env = False

    def _processes(self) -> list[Process]:
        """What `make run` would start, and always a sandbox, with its settings."""
        own_graph = {"GRAPH_API_URL": self.graph.url}
        with mock.patch.dict(os.environ, self.environment | own_graph):
            children = run.children(self.data)
        processes = [
            Process(child.name, child.command, self.environment, child.log) for child in children
        ]
        for name, value in GRAPH.items():
            processes[-1].command += ["--set", f"{name}={value}"]
        return processes

    @property
    def processes(self) -> list[Process]:
        return [self.web, self.worker, self.sandbox]

    # --- Start and stop ---------------------------------------------------------------

    def prepare(self, like: "Installation | None" = None) -> None:
        """Tables and the demo data, or those of another; and the demo channel may send fast."""
        self.like = like
        if like:
            self.database.copy(like.database)
            self.demo: dict[str, Any] = like.demo
        else:
            self._manage("migrate", "--verbosity", "0")
            self.demo = orjson.loads(self._manage("demo", "--json"))
        [acme, *_] = self.demo["companies"]
        self.company_id, self.channel_id = acme["id"], acme["channels"][0]["id"]
        self.headers = {"Authorization": f"Bearer {acme['api_key']}"}
        self.database.rows(
            f"UPDATE {_CHANNELS} SET rate_per_second = %s WHERE id = %s",
            RATE_PER_SECOND,
            self.channel_id,
        )

    def _manage(self, *arguments: str) -> bytes:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=run.ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            check=True,
        ).stdout

    def start(self) -> None:
        for process in self.processes:
            process.start()
        self.wait_until_ready()

    def start_over(self) -> None:
        """Everything as at the first start: whatever was left in the middle is gone."""
        for process in self.processes:
            process.clean_up()
        self.broker.wipe()
        (self.data / "sandbox.json").unlink(missing_ok=True)
        self.prepare(self.like)
        self.start()
        self.is_spoiled = False

    def wait_until_ready(self) -> None:
        until(lambda: self._answers("/readyz"), seconds=READY_SECONDS, what="/readyz answers 200")

    def _answers(self, path: str) -> bool:
        try:
            return self.http.get(self.url + path, timeout=5).ok
        except requests.RequestException:
            return False

    def remove(self) -> None:
        for process in self.processes:
            process.clean_up()
        with contextlib.suppress(Exception):  # a server that is gone has nothing to be left on it
            self.broker.remove()
            self.database.drop()
        shutil.rmtree(self.data, ignore_errors=True)

    def report(self) -> str:
        """The ends of all logs, for a test that failed."""
        return "\n".join(f"--- {p.name}\n{p.tail()}" for p in self.processes)

    # --- Sending ----------------------------------------------------------------------

    def begin(self) -> None:
        """What is in the database by now is no affair of the test that starts here."""
        self.begun_after = self.database.one(f"SELECT coalesce(max(id), 0) FROM {_MESSAGES}")

    def post(
        self, numbers: Sequence[str], *, key: str = "", http: requests.Session | None = None
    ) -> requests.Response:
        return (http or self.http).post(
            f"{self.url}/api/v1/whatsapp/{self.channel_id}/messages",
            json={"phone_number": list(numbers), "type": "text", "message": "Karibu!"},
            headers=self.headers | ({"Idempotency-Key": key} if key else {}),
            timeout=10,
        )

    def accept(self, total: int, *, each: int = 100) -> list[Accepted]:
        """Have messages to `total` new people accepted, `each` of them per request."""
        return [self._accept(min(each, total - done)) for done in range(0, total, each)]

    def _accept(self, size: int) -> Accepted:
        numbers = new_numbers(size)
        response = self.post(numbers)
        assert response.status_code == 200, response.text
        assert response.json()["recipients_count"] == size
        return Accepted(batch_of(response), numbers)

    # --- What became of it ------------------------------------------------------------

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        response = self.http.get(self.url + path, params=query, headers=self.headers, timeout=30)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    def count(self, *states: Status) -> int:
        """How many of the test's messages are in one of these states."""
        marks = ", ".join(["%s"] * len(states))
        return int(
            self.database.one(
                f"SELECT count(*) FROM {_MESSAGES} WHERE id > %s AND status IN ({marks})",
                self.begun_after,
                *map(int, states),
            )
        )

    def sent(self) -> int:
        return self.count(Status.SENT, Status.DELIVERED, Status.READ)

    def wait_until_sent(self, number: int, *, seconds: float = 120) -> None:
        until(lambda: self.sent() >= number, seconds=seconds, what=f"{number} are sent")

    def wait_until_at_rest(self, *, seconds: float = 200) -> None:
        """Until every message has come to its last state and every webhook is applied."""
        until(self._is_at_rest, seconds=seconds, what="every message is read or failed")

    def _is_at_rest(self) -> bool:
        moving = self.database.one(
            f"SELECT count(*) FROM {_MESSAGES} WHERE id > %s AND status NOT IN (%s, %s)",
            self.begun_after,
            int(Status.READ),
            int(Status.FAILED),
        )
        return not moving and self.has_heard_everything()

    def has_heard_everything(self) -> bool:
        """Whether all that Graph has to say has arrived and is applied."""
        pending = self.database.one(f"SELECT count(*) FROM {_WEBHOOKS} WHERE state = 0")
        return not pending and bool(self.graph.state()["idle"])

    # --- Dying ------------------------------------------------------------------------

    def kill_worker(self, *, lease_runs_out: bool = True) -> None:
        """kill -9 of the worker. Its lease lasts half a minute more, unless that is skipped here:
        nobody holds it any longer, so it may as well be over.
        """
        self.worker.kill()
        if not lease_runs_out:
            self.database.rows(f"UPDATE {_STATES} SET lease_until = 0")

    def is_leased(self) -> bool:
        """Whether any worker, living or dead, still holds a channel."""
        return bool(self.database.one(f"SELECT count(*) FROM {_STATES} WHERE lease_until > 0"))


def batch_of(response: requests.Response) -> str:
    return response.headers["Location"].rpartition("/")[2]


def _inherited() -> dict[str, str]:
    """Of our own environment only what a program needs to start: the rest is the test's."""
    names = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH")
    return {name: os.environ[name] for name in names if name in os.environ}


@cache
def _first(server: str) -> Installation:
    """What the others begin as copies of, since to migrate takes its time. It is never started."""
    data = Path(tempfile.mkdtemp(prefix="tuma-journeys-"))
    first = Installation(data, database=databases.make(data, server), broker=Folder(data))
    atexit.register(first.remove)
    first.prepare()
    return first


@contextlib.contextmanager
def installed(
    data: Path,
    *,
    database: Database | None = None,
    broker: Broker | None = None,
    graph_port: int = 0,
    **settings: str,
) -> Iterator[Installation]:
    """An installation that runs for as long as the block does; servers as the environment names."""
    data.mkdir(exist_ok=True)
    server = os.environ.get("DATABASE_URL", "")
    site = Installation(
        data,
        database=database or databases.make(data, server),
        broker=broker or brokers.make(data, os.environ.get("TEST_BROKER_URL", "")),
        graph_port=graph_port,
        **settings,
    )
    try:
        site.prepare(None if database else _first(server))
        site.start()
        yield site
    finally:
        site.remove()
