"""The few places where PostgreSQL and SQLite want different words, for statements written by hand.

Rows are passed as one JSON text: it is one parameter on both, and both read it fast.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from django.db import connection

_KINDS = {"bigint", "text", "integer", "float8", "timestamptz"}


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
    """A datetime as a parameter of hand-written SQL."""
    return connection.ops.adapt_datetimefield_value(value)


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


def close_connection() -> None:
    """Close this thread's connection; the next use opens a new one."""
    connection.close()
