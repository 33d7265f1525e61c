"""`Idempotency-Key`: the same request again gets the first answer again, and does nothing.

The record is written in the transaction that accepts the batch. When both arrive at once, the second
waits on the unique key until the first has committed, then finds its answer.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from django.db.models import QuerySet

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
    _records(key, company_id).filter(created_at__lt=now - LIFE).delete()
    taken = sql.execute(
        f"""INSERT INTO {_TABLE} (company_id, key, request_hash, status, body, location, created_at)
        VALUES (%s, %s, %s, 200, '', '', %s) ON CONFLICT (company_id, key) DO NOTHING""",
        [company_id, key.text, key.request_hash, sql.moment(now)],
    )
    return None if taken == 1 else _answer(_records(key, company_id).get(), key)


def came_before(key: Key, *, company_id: int, now: datetime) -> bool:
    """Whether `begin` would find an answer, or a conflict."""
    return _records(key, company_id).filter(created_at__gte=now - LIFE).exists()


def answered(key: Key, *, company_id: int, now: datetime) -> Answer | None:
    """The answer that the key had before, if there is one: asked before a request is looked at, since
    what was right the first time may have become wrong (a channel disconnected, a template paused).
    """
    record = _records(key, company_id).filter(created_at__gte=now - LIFE).first()
    return _answer(record, key) if record else None


def _records(key: Key, company_id: int) -> QuerySet[IdempotencyRecord]:
    return IdempotencyRecord.objects.filter(company_id=company_id, key=key.text)


def _answer(record: IdempotencyRecord, key: Key) -> Answer:
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
    _records(key, company_id).update(
        status=answer.status,
        body=orjson.dumps(answer.body).decode(),
        location=answer.headers.get("Location", ""),
    )


def forget_old(*, now: datetime) -> int:
    return IdempotencyRecord.objects.filter(created_at__lt=now - LIFE).delete()[0]
