"""What a run needs of the machine: cores, folders, fresh databases, and processes that end with it.

The mock and this process live on one core, what is measured on the other, so that neither takes time
from the other; a database server goes where the scheduler puts it.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from bench.mock import Mock
from bench.side import Side

ROOT = Path(__file__).resolve().parent.parent
POSTGRES = "PostgreSQL"
SQLITE = "SQLite"
# Where a server is looked for if DATABASE_URL names none.
LOCAL_POSTGRES = "postgres://postgres@127.0.0.1:5432/postgres"
TICKS = os.sysconf("SC_CLK_TCK")


def cores() -> tuple[set[int] | None, set[int] | None]:
    """The core of what is measured and the core of everything else; None where we can't choose."""
    if not hasattr(os, "sched_getaffinity"):
        return None, None
    mine = sorted(os.sched_getaffinity(0))
    return ({mine[0]}, {mine[1]}) if len(mine) > 1 else (None, None)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Database:
    """A migrated, empty database of this run."""

    kind: str
    url: str
    name: str

    @property
    def is_postgres(self) -> bool:
        return self.kind == POSTGRES


@dataclass(eq=False)
class Bench:
    """One run: what it may use, and what it has to clean up."""

    quick: bool
    folder: Path
    stack: contextlib.ExitStack
    server: str = ""  # PostgreSQL's URL; empty when there is none
    skipped: str = ""
    _templates: dict[str, Database] = field(default_factory=dict)
    _made: int = 0

    def __post_init__(self) -> None:
        self.client_core, self.other_core = cores()
        self.server, self.skipped = find_postgres()
        self.secrets = {
            "SECRET_KEY": secrets.token_urlsafe(50),
            "FIELD_ENCRYPTION_KEYS": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "META_APP_SECRET": secrets.token_hex(16),
            "META_VERIFY_TOKEN": secrets.token_hex(16),
        }
        if self.other_core:
            os.sched_setaffinity(0, self.other_core)

    @property
    def kinds(self) -> list[str]:
        return [POSTGRES, SQLITE] if self.server else [SQLITE]

    def mock(self, stack: contextlib.ExitStack | None = None, *, delay: float = 0.15) -> Mock:
        return (stack or self.stack).enter_context(Mock.started(delay, self.other_core))

    def environment(self, database: Database | None, **more: str) -> dict[str, str]:
        """As in production: DEBUG off, secrets of its own, a data folder of its own."""
        self._made += 1
        data = self.folder / f"data{self._made}"
        data.mkdir()
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        return {
            **kept,
            **self.secrets,
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DEBUG": "off",
            "HTTPS": "off",
            "LOG_LEVEL": "WARNING",
            "DATA_DIR": str(data),
            "CELERY_BROKER_URL": "memory://",
            **({"DATABASE_URL": database.url} if database else {}),
            **more,
        }

    def side(
        self, database: Database | None, stack: contextlib.ExitStack, **environment: str
    ) -> Side:
        """A process to measure in, on the client's core, with its imports done."""
        return stack.enter_context(
            Side.started(self.environment(database, **environment), self.client_core)
        )

    def database(self, kind: str, stack: contextlib.ExitStack) -> Database:
        """A fresh, migrated database; dropped when `stack` closes."""
        if kind not in self._templates:
            self._templates[kind] = self._migrated(kind)
        template = self._templates[kind]
        if kind == SQLITE:
            path = self._sqlite_path()
            shutil.copy(template.name, path)
            return Database(kind, f"sqlite:///{path}", str(path))
        database = self._created(stack, template.name)
        return database

    def _migrated(self, kind: str) -> Database:
        if kind == SQLITE:
            path = self._sqlite_path()
            database = Database(kind, f"sqlite:///{path}", str(path))
        else:
            database = self._created(self.stack)
        self.manage(database, "migrate", "--verbosity", "0")
        return database

    def manage(self, database: Database, *arguments: str) -> None:
        subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment(database),
            check=True,
        )

    def _sqlite_path(self) -> Path:
        self._made += 1
        return self.folder / f"bench{self._made}.sqlite3"

    def _created(self, stack: contextlib.ExitStack, template: str = "template0") -> Database:
        self._made += 1
        name = f"tuma_bench_{os.getpid()}_{self._made}"
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        stack.callback(self._drop, name)
        return Database(POSTGRES, re.sub(r"/[^/?]*(\?|$)", rf"/{name}\1", self.server), name)

    def _drop(self, name: str) -> None:
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def find_postgres() -> tuple[str, str]:
    """The URL of a server where databases may be created, or why there is none."""
    url = os.environ.get("DATABASE_URL", LOCAL_POSTGRES)
    if not url.startswith("postgres"):
        url = LOCAL_POSTGRES
    try:
        with psycopg.connect(url, connect_timeout=3) as connection:
            row = connection.execute(
                "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
    except psycopg.Error as error:
        return "", str(error).strip().splitlines()[0]
    return (url, "") if row and row[0] else ("", "its role may not create databases")


@contextlib.contextmanager
def prepared(*, quick: bool) -> Iterator[Bench]:
    """A run with its temporary folder; everything is stopped, dropped and removed at the end."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tuma-bench-")))
        yield Bench(quick=quick, folder=folder, stack=stack)


class ServerCpu:
    """CPU that PostgreSQL's processes spend on one database, read from /proc while it happens.

    Processes that end between two looks lose at most the last quarter of a second.
    """

    def __init__(self, bench: Bench, database: Database) -> None:
        self.bench, self.database = bench, database
        self.seconds: float | None = None

    def __enter__(self) -> ServerCpu:
        self._first: dict[int, float] = {}
        self._last: dict[int, float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        if self.database.is_postgres:
            self._connection = psycopg.connect(self.bench.server, autocommit=True)
            self._look(fresh=False)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if not self.database.is_postgres:
            self.seconds = 0.0  # it works inside of the client
            return
        self._over.set()
        self._thread.join()
        self._look()
        self._connection.close()
        if self._last:
            self.seconds = sum(self._last[pid] - self._first[pid] for pid in self._last)

    def _watch(self) -> None:
        while not self._over.wait(0.25):
            self._look()

    def _look(self, *, fresh: bool = True) -> None:
        rows = self._connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = %s", [self.database.name]
        )
        for (pid,) in rows.fetchall():
            spent = cpu_of(pid)
            if spent is not None:
                # What started after the first look has spent all of it here.
                self._first.setdefault(pid, 0.0 if fresh else spent)
                self._last[pid] = spent


def cpu_of(pid: int) -> float | None:
    """Seconds of CPU of a process so far."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / TICKS


def children_of(pid: int) -> list[int]:
    try:
        return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def wait_for(condition: object, *, seconds: float, what: str) -> None:
    """Poll a callable until it is true; raises TimeoutError, naming what never came."""
    until = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        if time.monotonic() > until:
            raise TimeoutError(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(0.05)
