"""What this process found lately, kept for a few seconds.

Only for what is proven again before it counts: another process may have changed it a moment ago.
"""

import time
from typing import ClassVar, Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Memory(Generic[Key, Value]):
    """A dictionary whose entries are forgotten after `seconds`; safe between threads."""

    MOST: ClassVar[int] = 10_000
    _all: ClassVar[list["Memory"]] = []  # type: ignore[type-arg]

    def __init__(self, *, seconds: float) -> None:
        self.seconds = seconds
        self._entries: dict[Key, tuple[float, Value]] = {}
        self._all.append(self)

    def get(self, key: Key) -> Value | None:
        until, value = self._entries.get(key, (0.0, None))
        return value if until > time.monotonic() else None

    def put(self, key: Key, value: Value) -> None:
        if len(self._entries) >= self.MOST:
            self._entries = {}
        self._entries[key] = (time.monotonic() + self.seconds, value)

    @classmethod
    def forget_everything(cls) -> None:
        """For tests, whose databases start anew with the same ids."""
        for memory in cls._all:
            memory._entries = {}
