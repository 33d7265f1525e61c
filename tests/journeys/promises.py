"""The two promises, checked against everything that can be asked: the API, the database, Graph."""

import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any

from companies.models import Company, CreditEntry
from config import public_ids
from messaging.models import COUNTED, Batch, DailyUsage, Message, Status
from messaging.settling import UNCONFIRMED
from tests.journeys.installation import Accepted, Installation

log = logging.getLogger("journeys")

_MESSAGES, _BATCHES = Message._meta.db_table, Batch._meta.db_table
_USAGE = DailyUsage._meta.db_table
_COMPANIES, _LEDGER = Company._meta.db_table, CreditEntry._meta.db_table
_WORDS = [status.word for status in COUNTED]
# What the sandbox can list at once: more than any test sends.
EVERYTHING = 10_000


def assert_kept(site: Installation, accepted: Sequence[Accepted]) -> None:
    """Wait until all is at rest; then nothing is lost, nothing came twice, the books balance."""
    site.wait_until_at_rest()
    messages = _messages(site)
    arrivals = _arrivals(site)
    log.warning("%s", _summary(messages, arrivals))
    _assert_nothing_lost(messages, accepted)
    _assert_nothing_twice(site, messages, arrivals)
    _assert_api_tells(site, accepted, messages)
    assert_books_balance(site)


def _messages(site: Installation) -> list[dict[str, Any]]:
    names = ("id", "batch_id", "recipient", "status", "error_code", "attempts")
    rows = site.database.rows(
        f"SELECT {', '.join(names)} FROM {_MESSAGES} WHERE id > %s ORDER BY id", site.begun_after
    )
    return [
        dict(zip(names, row, strict=True))
        | {
            "batch": public_ids.encode("batch", row[1]),
            "reference": public_ids.encode("msg", row[0]),
        }
        for row in rows
    ]


def _arrivals(site: Installation) -> Counter[str]:
    """How often Graph accepted each of our references."""
    rows = site.graph.messages(limit=EVERYTHING, outcome="accepted")
    return Counter(row["biz_opaque_callback_data"] for row in rows)


def _summary(messages: list[dict[str, Any]], arrivals: Counter[str]) -> str:
    states = Counter(Status(message["status"]).word for message in messages)
    codes = Counter(message["error_code"] for message in messages if message["error_code"])
    return (
        f"{len(messages)} messages: {dict(states)}, failed as {dict(codes)}; Graph accepted "
        f"{arrivals.total()}, {sum(n > 1 for n in arrivals.values())} of them more than once; "
        f"{sum(message['attempts'] > 1 for message in messages)} were tried more than once"
    )


def _assert_nothing_lost(messages: list[dict[str, Any]], accepted: Sequence[Accepted]) -> None:
    stored = {(message["batch"], message["recipient"]) for message in messages}
    promised = {(a.batch, number.lstrip("+")) for a in accepted for number in a.numbers}
    assert promised <= stored
    for message in messages:
        assert message["status"] in (Status.READ, Status.FAILED)
        assert message["error_code"] or message["status"] != Status.FAILED


def _assert_nothing_twice(
    site: Installation, messages: list[dict[str, Any]], arrivals: Counter[str]
) -> None:
    counts = site.graph.counts()
    assert counts["biz_opaque_callback_data"]["repeated"] == {}
    assert counts["to"]["repeated"] == {}
    assert counts["accepted"] == arrivals.total()
    assert set(arrivals) <= {message["reference"] for message in messages}
    for message in messages:
        times = arrivals[message["reference"]]
        if message["status"] == Status.READ:
            assert times == 1, message
        else:
            assert message["error_code"] == UNCONFIRMED and times <= 1, message


def _assert_api_tells(
    site: Installation, accepted: Sequence[Accepted], messages: list[dict[str, Any]]
) -> None:
    """The batch resources say the same as the rows, and their counts add up."""
    rows: dict[str, Counter[str]] = {}
    for message in messages:
        rows.setdefault(message["batch"], Counter())[Status(message["status"]).word] += 1
    for request in accepted:
        batch = site.get(f"/api/v1/batches/{request.batch}")
        assert batch["status"] == "finished"
        assert batch["recipients_count"] == len(request.numbers) == sum(batch["counts"].values())
        assert Counter(batch["counts"]) == rows[request.batch]


def assert_books_balance(site: Installation) -> None:
    """Whatever is counted or charged is the sum of the rows that it follows from."""
    _assert_batches_add_up(site)
    _assert_usage_is_a_recount(site)
    for company_id, balance in site.database.rows(f"SELECT id, credits FROM {_COMPANIES}"):
        ledger = site.database.one(
            f"SELECT coalesce(sum(amount), 0) FROM {_LEDGER} WHERE company_id = %s", company_id
        )
        assert balance == ledger
    spent = site.database.one(
        f"""SELECT coalesce(sum(b.price), 0) FROM {_MESSAGES} m JOIN {_BATCHES} b
        ON b.id = m.batch_id WHERE m.status <> %s""",
        int(Status.FAILED),
    )
    moved = site.database.one(
        f"SELECT coalesce(-sum(amount), 0) FROM {_LEDGER} WHERE batch_id IS NOT NULL"
    )
    assert moved == spent


def _assert_batches_add_up(site: Installation) -> None:
    counted = _counts(site, "id", f"{_BATCHES} b", "recipients_count")
    assert counted == _recount(site, "b.id")


def _assert_usage_is_a_recount(site: Installation) -> None:
    place = "company_id, channel_id, day, category"
    counted = _counts(site, place, _USAGE, "accepted")
    assert counted == _recount(site, "b.company_id, b.channel_id, b.day, b.category")


def _counts(site: Installation, key: str, table: str, total: str) -> dict[Any, list[int]]:
    size = len(key.split(","))
    rows = site.database.rows(f"SELECT {key}, {total}, {', '.join(_WORDS)} FROM {table}")
    return {row[:size]: list(row[size:]) for row in rows}


def _recount(site: Installation, key: str) -> dict[Any, list[int]]:
    size = len(key.split(","))
    words = ", ".join(
        f"sum(CASE WHEN m.status = {status:d} THEN 1 ELSE 0 END)" for status in COUNTED
    )
    rows = site.database.rows(
        f"""SELECT {key}, count(*), {words} FROM {_MESSAGES} m
        JOIN {_BATCHES} b ON b.id = m.batch_id GROUP BY {key}"""
    )
    return {row[:size]: list(row[size:]) for row in rows}
