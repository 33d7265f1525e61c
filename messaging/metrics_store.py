"""Counters of /metrics that live in the database, so that they are true across processes."""

from collections import Counter
from collections.abc import Mapping, Sequence

from config import sql
from messaging.models import Metric

SEND_BUCKETS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 15.0)
WEBHOOK_BUCKETS = (0.1, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 600.0)
_TABLE = Metric._meta.db_table


def observe(name: str, values: Sequence[float], buckets: Sequence[float]) -> None:
    """Add observations to a histogram: labels are the buckets' upper bounds, `+Inf` and `sum`."""
    counts: Counter[str] = Counter()
    for value in values:
        bound = next((str(bucket) for bucket in buckets if value <= bucket), "+Inf")
        counts[bound] += 1
    add(name, {**counts, "sum": sum(values)})


def add(name: str, amounts: Mapping[str, float]) -> None:
    """Add to counters of one name, in one statement."""
    sql.execute(
        f"""INSERT INTO {_TABLE} AS m (name, label, value)
        SELECT %s, v.label, v.value FROM {sql.rows_from_json("v", label="text", value="float8")}
        WHERE true ORDER BY v.label
        ON CONFLICT (name, label) DO UPDATE SET value = m.value + excluded.value""",
        [name, sql.as_json(list(amounts.items()))],
    )


def put(name: str, value: float, label: str = "") -> None:
    """Set a gauge."""
    sql.execute(
        f"""INSERT INTO {_TABLE} (name, label, value) VALUES (%s, %s, %s)
        ON CONFLICT (name, label) DO UPDATE SET value = excluded.value""",
        [name, label, value],
    )
