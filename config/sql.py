"""The few places where PostgreSQL and SQLite want different words, for statements written by hand.

Rows are passed as one JSON text: it is one parameter on both, and both read it fast.
"""

import functools
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.signals import connection_created
from psycopg.abc import Buffer
from psycopg.types.datetime import TimestamptzLoader

_KINDS = {"bigint", "text", "integer", "float8", "timestamptz"}


@functools.cache
def is_postgres() -> bool:
    return connection.vendor == "postgresql"


def rows_from_json(alias: str, **columns: str) -> str:
    """A FROM item over a parameter made by `as_json`: `rows_from_json("v", id="bigint")`."""
    assert set(columns.values()) <= _KINDS  # noqa: S101 - written here, never from outside
    if is_postgres():
        inner = ", ".join(
            f"(e->>{i})::{kind} AS {name}" for i, (name, kind) in enumerate(columns.items())
        )
        return f"(SELECT {inner} FROM json_array_elements(%s::json) AS e) AS {alias}"
    inner = ", ".join(f"json_extract(value, '$[{i}]') AS {name}" for i, name in enumerate(columns))
    return f"(SELECT {inner} FROM json_each(%s)) AS {alias}"


def as_json(rows: Sequence[Sequence[Any]]) -> str:
    return orjson.dumps(rows).decode()


def in_list(column: str, kind: str = "bigint") -> str:
    """`column IN (the ids in a parameter made by id_list)`."""
    if is_postgres():
        return f"{column} = ANY(%s::{kind}[])"
    return f"{column} IN (SELECT value FROM json_each(%s))"


def id_list(ids: Sequence[Any]) -> Any:
    return list(ids) if is_postgres() else orjson.dumps(list(ids)).decode()


def epoch_now() -> str:
    """The database's own clock, Unix time in seconds: leases must not depend on whose clock is off."""
    if is_postgres():
        return "extract(epoch from clock_timestamp())::float8"
    return "((julianday('now') - 2440587.5) * 86400.0)"


def greatest(left: str, right: str) -> str:
    """The greater of two columns."""
    return f"{'greatest' if is_postgres() else 'max'}({left}, {right})"


def moment(value: Any) -> Any:
    """A datetime with a zone, or None, as a parameter of hand-written SQL: what Django's fields store."""
    if value is None or is_postgres():
        return value
    return str(value.astimezone(UTC).replace(tzinfo=None))


def as_datetime(value: Any) -> datetime:
    """A time that a hand-written SELECT gave: SQLite knows no zones, and sometimes not the type."""
    moment: datetime = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def as_object(value: Any) -> Any:
    """JSON that a hand-written SELECT gave: text, whatever the database."""
    return orjson.loads(value) if isinstance(value, str) else value


def fetch(sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Run a statement that returns rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def execute(sql: str, params: Sequence[Any] = ()) -> int:
    """Run a statement; how many rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return int(cursor.rowcount)


def run(sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """As `fetch`, past Django's cursor: for the few statements that every request runs.

    PostgreSQL plans them once for a connection, where Django's own are planned each time; on SQLite
    the wrapping costs more than a small statement. Parameters have names and PostgreSQL's types,
    `%(id)s::bigint`, and come as the database takes them: times made by `moment`, JSON as text.
    """
    this = connections[DEFAULT_DB_ALIAS]  # `connection` looks it up each time it is named
    this.close_if_health_check_failed()
    this.ensure_connection()
    this.validate_no_broken_transaction()
    with this.wrap_database_errors:
        if not is_postgres():
            return list(this.connection.execute(_for_sqlite(sql), params))
        with psycopg.RawCursor(this.connection) as cursor:
            text, names = _for_postgres(sql)
            cursor.execute(text, [params[name] for name in names])
            return list(cursor.fetchall()) if cursor.description else []


_NAMED = re.compile(r"%\((\w+)\)s")


@functools.cache
def _for_postgres(sql: str) -> tuple[str, list[str]]:
    """With numbers for names, and the names in the order of their numbers; psycopg would parse a long
    statement each time.
    """
    names = list(dict.fromkeys(_NAMED.findall(sql)))
    text = _NAMED.sub(lambda match: f"${names.index(match[1]) + 1}", sql)
    return text.replace("%%", "%"), names


@functools.cache
def _for_sqlite(sql: str) -> str:
    return _NAMED.sub(r":\1", re.sub(r"::\w+", "", sql)).replace("%%", "%")


class _TimeLoader(TimestamptzLoader):
    """Times as Django wants them, read in a quarter of the time: its own loader parses them in Python.

    Its connections speak UTC, and Django asks a loader which zone it was made for.
    """

    timezone = UTC

    def load(self, data: Buffer) -> datetime:
        try:
            return datetime.fromisoformat(bytes(data).decode())
        except ValueError:  # a year of five digits, or infinity: the original says what is wrong
            return super().load(data)


def _read_times_fast(connection: Any, **_signal: Any) -> None:
    if connection.vendor == "postgresql" and connection.timezone == UTC:
        connection.connection.adapters.register_loader("timestamptz", _TimeLoader)


connection_created.connect(_read_times_fast)


def close_connection() -> None:
    """Close this thread's connection; the next use opens a new one."""
    connection.close()
