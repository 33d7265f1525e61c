"""The wire between the worker and Graph, which can be cut: a small TCP proxy in a thread."""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterator
from typing import Any

from tests.journeys.processes import free_port

CHUNK = 65_536


class Wire:
    """Passes on whatever comes to `port`. Cut, it loses what is on it and lets nobody connect."""

    def __init__(self) -> None:
        self.port = free_port()
        self.target = 0  # where it leads; known once Graph has its port
        self.loop = asyncio.new_event_loop()
        self.server: asyncio.Server | None = None
        self.ends: set[asyncio.StreamWriter] = set()

    def mend(self) -> None:
        self._run(self._listen())

    def cut(self) -> None:
        self._run(self._drop())

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    async def _listen(self) -> None:
        self.server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)

    async def _drop(self) -> None:
        if self.server is not None:
            self.server.close()
        for end in self.ends:
            end.transport.abort()

    async def _connected(self, near: asyncio.StreamReader, near_end: asyncio.StreamWriter) -> None:
        self.ends.add(near_end)
        try:
            far, far_end = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            near_end.transport.abort()
            return
        self.ends.add(far_end)
        await asyncio.gather(_copy(near, far_end), _copy(far, near_end))
        self.ends -= {near_end, far_end}


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await source.read(CHUNK):
            sink.write(chunk)
            await sink.drain()
    sink.close()


@contextlib.contextmanager
def running_wire() -> Iterator[Wire]:
    wire = Wire()
    thread = threading.Thread(target=wire.loop.run_forever, name="wire", daemon=True)
    thread.start()
    wire.mend()
    try:
        yield wire
    finally:
        wire.cut()
        wire.loop.call_soon_threadsafe(wire.loop.stop)
        thread.join(10)
