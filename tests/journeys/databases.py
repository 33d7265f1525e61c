"""An installation's own database, read and arranged with plain SQL: its processes may be dead."""

import os
import pwd
import secrets
import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from tests.journeys.processes import free_port

BINARIES = Path("/usr/lib/postgresql")


@dataclass(frozen=True)
class Database:
    """What DATABASE_URL names."""

    url: str

    def rows(self, statement: str, *params: Any) -> list[tuple[Any, ...]]:
        """Run a statement, with %s for parameters; its rows, if it has any."""
        if self.url.startswith("sqlite:"):
            return self._sqlite(statement.replace("%s", "?"), params)
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement, params)
            return cursor.fetchall() if cursor.description else []

    def one(self, statement: str, *params: Any) -> Any:
        [[value]] = self.rows(statement, *params)
        return value

    @property
    def path(self) -> Path:
        return Path(self.url.removeprefix("sqlite:///"))

    def _sqlite(self, statement: str, params: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.path, timeout=30, isolation_level=None)) as connection:
            return connection.execute(statement, params).fetchall()

    def copy(self, other: "Database") -> None:
        """Become like another on the same server. Nobody uses either."""
        for path in self.path.parent.glob(f"{self.path.name}*"):
            path.unlink()
        shutil.copy(other.path, self.path)

    def drop(self) -> None:
        """Leave no trace on a server that others use; a file goes with its folder."""


@dataclass(frozen=True)
class OwnDatabase(Database):
    """A database of our own on a PostgreSQL server that others use too."""

    server: str

    @property
    def name(self) -> str:
        return urlsplit(self.url).path.lstrip("/")

    def create(self, *, like: str = "template1") -> None:
        self._run(f'CREATE DATABASE "{self.name}" TEMPLATE "{like}"')

    def copy(self, other: Database) -> None:
        assert isinstance(other, OwnDatabase)
        self.drop()
        self.create(like=other.name)

    def drop(self) -> None:
        self._run(f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')

    def _run(self, statement: str) -> None:
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(statement)


def make(data: Path, server: str = "") -> Database:
    """A database on the server that is named, else a SQLite file in `data`."""
    if not server.startswith("postgres"):
        return Database(f"sqlite:///{data / 'tuma.sqlite3'}")
    name = f"tuma_journey_{secrets.token_hex(6)}"
    database = OwnDatabase(urlsplit(server)._replace(path=f"/{name}").geturl(), server)
    database.create()
    return database


class Cluster:
    """A PostgreSQL server of our own, that may be crashed."""

    def __init__(self) -> None:
        # Not pytest's folder: that one is closed to the unprivileged user that PostgreSQL insists on.
        self.folder = Path(tempfile.mkdtemp(prefix="tuma-postgres-"))
        self.data = self.folder / "data"
        self.port = free_port()
        self.user = _unprivileged()
        if self.user:
            os.chown(self.folder, pwd.getpwnam(self.user).pw_uid, -1)
        self._run("initdb", "-D", self.data, "-U", "tuma", "-A", "trust", "-N", "-E", "UTF8")

    @property
    def url(self) -> str:
        return f"postgres://tuma@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1"
        self._ctl("start", "-w", "-t", "30", "-o", options)

    def crash_and_restart(self) -> None:
        """Every backend dies at once, as by a power cut; then it recovers from its log."""
        self._ctl("restart", "-w", "-t", "60", "-m", "immediate")

    def remove(self) -> None:
        if (self.data / "postmaster.pid").exists():
            self._ctl("stop", "-w", "-m", "immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _ctl(self, *arguments: object) -> None:
        self._run("pg_ctl", "-D", self.data, "-l", self.folder / "log", *arguments)

    def _run(self, program: str, *arguments: object) -> None:
        subprocess.run(
            [str(binaries() / program), *map(str, arguments)],
            cwd=self.folder,
            user=self.user,
            extra_groups=[] if self.user else None,
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=90,
        )


def binaries() -> Path:
    """Where the newest initdb is; raises LookupError where there is none."""
    found = sorted(BINARIES.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    on_path = shutil.which("initdb")
    if found:
        return found[-1].parent
    if on_path:
        return Path(on_path).resolve().parent
    raise LookupError("there is no initdb")


def _unprivileged() -> str | None:
    """Who runs PostgreSQL when we are root, which it refuses."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
