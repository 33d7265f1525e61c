"""What a drain learns of its messages, on its way into the database.

Made once for each message, so these are named tuples: a frozen dataclass takes four times as long.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import NamedTuple


class Sent(NamedTuple):
    id: int
    batch_id: int
    wamid: str


class Retry(NamedTuple):
    """Back to the queue: it was certainly not sent."""

    id: int
    due_at: datetime
    code: str
    detail: str
    counts: bool = True  # whether the attempt counts against the cap


class Failed(NamedTuple):
    id: int
    batch_id: int
    code: str
    detail: str


class Unanswered(NamedTuple):
    """Written to the network, and no answer came: it may or may not have been sent."""

    id: int
    batch_id: int
    detail: str


@dataclass
class Results:
    """What is known and not stored yet."""

    sent: list[Sent] = field(default_factory=list)
    retry: list[Retry] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    unanswered: list[Unanswered] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.sent) + len(self.retry) + len(self.failed) + len(self.unanswered)

    def take(self, most: int) -> "Results":
        """Take out up to `most` of each kind."""
        taken = Results()
        for kind in fields(self):
            known = getattr(self, kind.name)
            setattr(taken, kind.name, known[:most])
            setattr(self, kind.name, known[most:])
        return taken

    def singly(self) -> "Iterator[Results]":
        """The same results, each on its own."""
        for kind in fields(self):
            for result in getattr(self, kind.name):
                yield Results(**{kind.name: [result]})

    def put_back(self, taken: "Results") -> None:
        """They could not be stored after all."""
        for kind in fields(self):
            setattr(self, kind.name, getattr(taken, kind.name) + getattr(self, kind.name))
