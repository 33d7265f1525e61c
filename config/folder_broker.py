"""The folder broker: kombu's `filesystem://` transport, made safe for several processes.

kombu writes a message into the file that a reader may already have picked up, and keeps its routing
in a file that a wiped folder takes along. Here a message appears whole, by a rename; every exchange
leads to the queue of its name; and a folder that was removed is made again.
"""

import os
import uuid
from pathlib import Path
from queue import Empty
from time import time_ns
from typing import Any

from kombu.transport import filesystem
from kombu.utils.json import dumps, loads


class Channel(filesystem.Channel):
    def get_table(self, exchange: str) -> list[Any]:
        return [filesystem.exchange_queue_t(exchange, "", exchange)]

    def _queue_bind(self, *args: Any) -> None:
        """Nothing to keep: see get_table."""

    def _folder(self) -> Path:
        folder = Path(self.data_folder_out)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]
        name = f"{time_ns()}_{uuid.uuid4().hex}"
        part = self._folder() / f"{name}.part"
        part.write_text(dumps(payload))
        part.rename(part.with_name(f"{name}.{queue}.msg"))

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        for path in sorted(self._folder().glob(f"*.{queue}.msg")):
            taken = path.with_suffix(f".{os.getpid()}-{uuid.uuid4().hex}.taken")
            try:
                path.rename(taken)  # one of us gets it
            except FileNotFoundError:
                continue
            try:
                return loads(taken.read_text())
            except ValueError:
                continue  # not ours, or cut off by a full disk: the sweep makes up for it
            finally:
                taken.unlink(missing_ok=True)
        raise Empty

    def _size(self, queue: str) -> int:
        return sum(1 for _ in self._folder().glob(f"*.{queue}.msg"))

    def _purge(self, queue: str) -> int:
        paths = list(self._folder().glob(f"*.{queue}.msg"))
        for path in paths:
            path.unlink(missing_ok=True)
        return len(paths)


class Transport(filesystem.Transport):
    Channel = Channel
