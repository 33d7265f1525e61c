"""Fixtures that many tests share, and the guard that no test talks to the outside."""

import socket
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import orjson
import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from xdist.scheduler import LoadFileScheduling

from companies.graph.sandbox import Sandbox, running_sandbox
from companies.models import Channel, Company
from config import sql
from config.memory import Memory
from messaging import dispatch, tasks
from tests import factories

_connect = socket.socket.connect


class _Scheduling(LoadFileScheduling):
    """Each file in one process, and all that share the browsers' installation in the same."""

    def _split_scope(self, nodeid: str) -> str:
        together = "tests/browser/"
        return together if nodeid.startswith(together) else super()._split_scope(nodeid)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of several processes, some wait with the slow tests while others work off the many quick ones."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _Scheduling:
    return _Scheduling(config, log)


@pytest.fixture(autouse=True)
def only_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(self: socket.socket, address: Any) -> Any:
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "localhost", "::1"):
            raise AssertionError(f"a test tried to reach {address}")
        return _connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture(autouse=True)
def fast_passwords(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def quick_clients(settings: Any) -> None:
    """A test's client is a server of its own, which would list every static file at its start."""
    settings.WHITENOISE_AUTOREFRESH = True  # look for a file when it is asked for


def _delete_rows(
    operations: Any, style: Any, tables: list[str], *, reset_sequences: bool = False, **_: Any
) -> list[str]:
    """Foreign keys are checked at the commit, so the order does not matter."""
    assert not reset_sequences
    return [f"DELETE FROM {operations.quote_name(table)}" for table in tables]


@pytest.fixture(scope="session", autouse=True)
def quick_flush() -> Iterator[None]:
    """Empty the few rows after a test with transactions of its own: PostgreSQL's TRUNCATE, Django's
    choice, makes new files for each table and index, and would take longer than most tests.
    """
    if not sql.is_postgres():
        yield
        return
    with mock.patch.object(type(connection.ops), "sql_flush", _delete_rows):
        yield


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    cache.clear()
    Memory.forget_everything()


@pytest.fixture
def acme(db: None) -> Company:
    return factories.make_company()


@pytest.fixture
def channel(acme: Company) -> Channel:
    return factories.make_channel(acme)


@pytest.fixture
def key(acme: Company) -> str:
    return factories.make_key(acme)


@pytest.fixture
def rival(db: None) -> Company:
    """Another company with a channel of its own: the stranger of every rule about tenants."""
    rival = factories.make_company("Rival", country="UG", time_zone="Africa/Kampala")
    factories.make_channel(rival)
    return rival


@pytest.fixture
def send(client: Client, channel: Channel, key: str) -> Callable[..., Any]:
    """POST a message to acme's channel: `send(phone_number="…", type="text", message="Hi")`."""

    def post(body: dict[str, Any] | None = None, **fields: Any) -> Any:
        headers = fields.pop("headers", {})
        channel_id = fields.pop("channel_id", channel.pk)
        return client.post(
            f"/api/v1/whatsapp/{channel_id}/messages",
            orjson.dumps(body if body is not None else fields),
            content_type="application/json",
            headers={"Authorization": f"Bearer {key}", **headers},
        )

    return post


@pytest.fixture(scope="session")
def _sandbox() -> Iterator[Sandbox]:
    with running_sandbox(webhook_url="") as sandbox:
        yield sandbox


@pytest.fixture
def graph(_sandbox: Sandbox, settings: Any) -> Sandbox:
    """A Graph sandbox without memory of other tests, which sends no webhooks of its own accord."""
    _sandbox.reset()
    settings.GRAPH_API_URL = _sandbox.url
    return _sandbox


@pytest.fixture
def drain(transactional_db: None, graph: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Send what is due on a channel, as the worker's task does."""
    monkeypatch.setattr("messaging.channel_drain.LINGER", 0.2)
    return lambda channel: dispatch.drain(channel.pk)


@pytest.fixture
def apply_inbox(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(tasks, "APPLY_LINGER", 0.0)
    return tasks.apply_inbox
