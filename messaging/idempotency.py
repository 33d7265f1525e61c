"""`Idempotency-Key`: the same request again gets the first answer again, and does nothing.

The record is written in the transaction that accepts the batch. When both arrive at once, the second
waits on the unique key until the first has committed, then finds its answer.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

from config import sql
from config.api import Answer, ApiError
from messaging.models import IdempotencyRecord

LIFE = timedelta(hours=24)
MAX_KEY = 255
_TABLE = IdempotencyRecord._meta.db_table


class IdempotencyConflict(ApiError):
    code = "idempotency_conflict"
    status = 409


@dataclass(frozen=True)
class Key:
    """A caller's key with a digest of the request that it came with."""

    text: str
    request_hash: str

    @classmethod
    def of(cls, text: str, *, path: str, body: bytes) -> "Key":
        if len(text) > MAX_KEY or not text.isprintable():
            raise ApiError(
                f"Idempotency-Key must be at most {MAX_KEY} printable characters",
                code="invalid_idempotency_key",
                param="Idempotency-Key",
            )
        return cls(text, hashlib.sha256(path.encode() + b"\0" + body).hexdigest())


def begin(key: Key, *, company_id: int, now: datetime) -> Answer | None:
    """Take the key in the current transaction, or return the answer that it had before."""
    IdempotencyRecord.objects.filter(
        company_id=company_id, key=key.text, created_at__lt=now - LIFE
    ).delete()
    taken = sql.execute(
        f"""INSERT INTO {_TABLE} (company_id, key, request_hash, status, body, location, created_at)
        VALUES (%s, %s, %s, 200, '', '', %s) ON CONFLICT (company_id, key) DO NOTHING""",
        [company_id, key.text, key.request_hash, sql.moment(now)],
    )
    return None if taken == 1 else _first_answer(key, company_id)


def came_before(key: Key, *, company_id: int, now: datetime) -> bool:
    """Whether `begin` would find an answer, or a conflict."""
    return IdempotencyRecord.objects.filter(
        company_id=company_id, key=key.text, created_at__gte=now - LIFE
    ).exists()


def _first_answer(key: Key, company_id: int) -> Answer:
    record = IdempotencyRecord.objects.get(company_id=company_id, key=key.text)
    if record.request_hash != key.request_hash:
        raise IdempotencyConflict(
            "This Idempotency-Key came with another request before.", param="Idempotency-Key"
        )
    headers = {"Idempotent-Replayed": "true"}
    if record.location:
        headers["Location"] = record.location
    return Answer(record.status, orjson.loads(record.body), headers)


def finish(key: Key, answer: Answer, *, company_id: int) -> None:
    """Keep the answer for the next time."""
    IdempotencyRecord.objects.filter(company_id=company_id, key=key.text).update(
        status=answer.status,
        body=orjson.dumps(answer.body).decode(),
        location=answer.headers.get("Location", ""),
    )


def forget_old(*, now: datetime) -> int:
    return IdempotencyRecord.objects.filter(created_at__lt=now - LIFE).delete()[0]
