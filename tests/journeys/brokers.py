"""The broker of an installation under test, and what can befall it."""

import secrets
import shutil
from pathlib import Path

from kombu import Connection

from tests.journeys.processes import Process, free_port, until


class Folder:
    """The broker that needs no server: a folder in DATA_DIR."""

    url = "filesystem://"

    def __init__(self, data: Path) -> None:
        self.folder = data / "broker"
        self.environment: dict[str, str] = {}

    def wipe(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def remove(self) -> None:
        """It goes with DATA_DIR."""


class Shared:
    """A queue of our own on a server that others use: RabbitMQ or Redis."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.queue = f"tuma-journey-{secrets.token_hex(6)}"
        self.environment = {
            "DJANGO_SETTINGS_MODULE": "tests.journeys.own_queue",
            "JOURNEY_QUEUE": self.queue,
        }

    def wipe(self) -> None:
        with Connection(self.url, connect_timeout=5) as connection:
            connection.default_channel.queue_purge(self.queue)

    def remove(self) -> None:
        with Connection(self.url, connect_timeout=5) as connection:
            connection.default_channel.queue_delete(self.queue)
            connection.default_channel.exchange_delete(self.queue)


class OwnRedis:
    """A Redis of our own without a disk: killed, it has forgotten everything."""

    environment: dict[str, str] = {}

    def __init__(self, data: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        program = shutil.which("redis-server")
        if program is None:
            raise LookupError("there is no redis-server")
        command = [program, "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--save", "", "--appendonly", "no", "--dir", str(data)]
        self.process = Process("redis", command, {}, data / "redis.log")

    def start(self) -> None:
        self.process.start()
        until(self._answers, seconds=20, what="Redis answers")

    def _answers(self) -> bool:
        try:
            with Connection(self.url, connect_timeout=1) as connection:
                connection.ensure_connection(max_retries=1, timeout=1)
        except OSError:
            return False
        return True

    def wipe(self) -> None:
        self.process.kill()
        self.start()

    def remove(self) -> None:
        self.process.clean_up()


Broker = Folder | Shared | OwnRedis


def make(data: Path, url: str = "") -> Broker:
    """A queue of our own on the server that is named, else a folder in `data`."""
    return Shared(url) if url.startswith(("amqp", "redis")) else Folder(data)
