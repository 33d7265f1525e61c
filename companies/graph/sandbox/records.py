"""What the sandbox got: a bounded ring of messages, and counters that forget nothing."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass(slots=True)
class Record:
    """One POST to /messages, with the body as it came."""

    seq: int
    at: float
    phone_number_id: str
    to: str
    body: bytes
    outcome: str = "accepted"  # accepted | rejected | dropped
    wamid: str = ""
    code: int = 0
    behaviour: str = ""
    tag: str = ""  # biz_opaque_callback_data
    category: str = "service"
    template: str = ""
    statuses: list[tuple[str, float, int]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        try:
            payload = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            payload = self.body.decode(errors="replace")
        return {
            "seq": self.seq,
            "time": self.at,
            "phone_number_id": self.phone_number_id,
            "to": self.to,
            "outcome": self.outcome,
            "wamid": self.wamid or None,
            "error_code": self.code if self.outcome == "rejected" else None,
            "behaviour": self.behaviour or None,
            "biz_opaque_callback_data": self.tag or None,
            "template": self.template or None,
            "payload": payload,
            "statuses": [
                {"status": status, "time": at, **({"error_code": code} if code else {})}
                for status, at, code in self.statuses
            ],
        }


class Ring:
    """The latest messages, also by wamid."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.rows: deque[Record] = deque()
        self.by_wamid: dict[str, Record] = {}

    def add(self, record: Record) -> None:
        self.rows.append(record)
        if record.wamid:
            self.by_wamid[record.wamid] = record
        while len(self.rows) > self.size:
            self.by_wamid.pop(self.rows.popleft().wamid, None)

    def resize(self, size: int) -> None:
        self.size = size
        while len(self.rows) > size:
            self.by_wamid.pop(self.rows.popleft().wamid, None)

    def find(self, *, after: int = 0, **wanted: str) -> Iterator[Record]:
        """Oldest first; `after` is the seq of the last one that the caller has."""
        for record in self.rows:
            if record.seq > after and all(getattr(record, k) == v for k, v in wanted.items()):
                yield record


class Tally:
    """How often each key came. Most come once, so those cost no more than a set's entry."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.more: dict[str, int] = {}

    def add(self, key: str) -> None:
        if key not in self.seen:
            self.seen.add(key)
            return
        self.more[key] = self.more.get(key, 1) + 1

    def of(self, key: str) -> int:
        return self.more.get(key, 1 if key in self.seen else 0)

    def as_json(self, limit: int) -> dict[str, Any]:
        shown = dict(list(self.more.items())[:limit])
        return {"distinct": len(self.seen), "more_than_once": len(self.more), "repeated": shown}


class Counts:
    """Exact since the start or the last reset, however small the ring is.

    `accepted` counts what got a wamid, whether or not the answer reached the client; `reached`
    leaves out what then failed by webhook, so that a rightful second attempt is no duplicate.
    """

    def __init__(self) -> None:
        self.accepted = 0
        self.rejected = 0
        self.dropped = 0
        self.errors: dict[int, int] = {}
        self.by_number: dict[str, int] = {}
        self.accepted_to, self.accepted_tag = Tally(), Tally()
        self.reached_to, self.reached_tag = Tally(), Tally()

    def accept(self, record: Record, *, reaches: bool) -> None:
        self.accepted += 1
        number = record.phone_number_id
        self.by_number[number] = self.by_number.get(number, 0) + 1
        self.accepted_to.add(record.to)
        if record.tag:
            self.accepted_tag.add(record.tag)
        if reaches:
            self.reached_to.add(record.to)
            if record.tag:
                self.reached_tag.add(record.tag)

    def reject(self, code: int) -> None:
        self.rejected += 1
        self.errors[code] = self.errors.get(code, 0) + 1

    def as_json(self, limit: int = 100) -> dict[str, Any]:
        return {
            "accepted": self.accepted,
            "rejected": self.rejected,
            "dropped": self.dropped,
            "errors": {str(code): n for code, n in self.errors.items()},
            "by_phone_number_id": self.by_number,
            "to": self.accepted_to.as_json(limit),
            "biz_opaque_callback_data": self.accepted_tag.as_json(limit),
            "reached": {
                "to": self.reached_to.as_json(limit),
                "biz_opaque_callback_data": self.reached_tag.as_json(limit),
            },
        }

    def of(self, *, to: str = "", tag: str = "") -> dict[str, int]:
        """How often one recipient or one tag was accepted."""
        if tag:
            return {"accepted": self.accepted_tag.of(tag), "reached": self.reached_tag.of(tag)}
        return {"accepted": self.accepted_to.of(to), "reached": self.reached_to.of(to)}
