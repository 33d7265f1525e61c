"""Sending: one event loop that drains every channel it can lease, and a thread for the database.

A drain lasts a slice (half a minute), so that a deploy or a dead worker never holds a channel for
long; what is left is woken again. Nothing here is a task per message.
"""

import asyncio
import os
import queue as thread_queue
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import aiohttp
import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.utils import timezone

from config import heap, sql
from messaging import metrics_store, queue, wake
from messaging.channel_drain import ChannelDrain

log = structlog.get_logger("tuma.dispatch")

SLICE_SECONDS = 25.0
# A POST that takes longer is given up, and in doubt. Well under the lease, so that it ends in it.
REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=15, sock_connect=5)
KEEP_ALIVE_SECONDS = 10
# POSTs under way per channel: 1,000 a second at 400 ms.
MAX_IN_FLIGHT = 400

T = TypeVar("T")


class Drain:
    """One slice of sending, for as many channels as are handed to it."""

    def __init__(
        self, *, slice_seconds: float = SLICE_SECONDS, max_in_flight: int = MAX_IN_FLIGHT
    ) -> None:
        self.max_in_flight = max_in_flight
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"
        self.slice_seconds = slice_seconds
        self.stopping = threading.Event()
        self._inbox: thread_queue.SimpleQueue[int] = thread_queue.SimpleQueue()
        self._open = True
        self._gate = threading.Lock()
        self._database = ThreadPoolExecutor(1, thread_name_prefix="drain-db")
        self._pumps: dict[int, asyncio.Task[None]] = {}

    def add(self, channel_id: int) -> bool:
        """Hand over a channel, from any thread; False once the slice is over."""
        with self._gate:
            if self._open:
                self._inbox.put(channel_id)
            return self._open

    def run(self) -> None:
        """Drain until the slice is over or nothing is left to do."""
        heap.settle()
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(self._main())

    async def db(self, call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run a database function in the drain's own thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._database, lambda: call(*args, **kwargs))

    async def _main(self) -> None:
        loop = asyncio.get_running_loop()
        self.ends_at = loop.time() + self.slice_seconds
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS)
        async with aiohttp.ClientSession(
            connector=connector, timeout=REQUEST_TIMEOUT, cookie_jar=aiohttp.DummyCookieJar()
        ) as session:
            try:
                await self._serve(session)
            finally:
                self._close()
                await asyncio.gather(*self._pumps.values(), return_exceptions=True)
        await self.db(sql.close_connection)
        self._database.shutdown()

    async def _serve(self, session: aiohttp.ClientSession) -> None:
        while not self.is_over():
            while not self._inbox.empty():
                channel_id = self._inbox.get()
                if channel_id not in self._pumps:
                    self._pumps[channel_id] = asyncio.create_task(self._pump(channel_id, session))
            self._pumps = {key: task for key, task in self._pumps.items() if not task.done()}
            if not self._pumps and self._inbox.empty() and self._close_if_idle():
                return
            await asyncio.sleep(0.02)

    def observe(self, latencies: list[float]) -> None:
        """Count answers of Graph for /metrics, without making anybody wait for it."""
        self._database.submit(
            metrics_store.observe, "send_seconds", latencies, metrics_store.SEND_BUCKETS
        )

    def is_over(self) -> bool:
        return self.stopping.is_set() or asyncio.get_running_loop().time() >= self.ends_at

    def _close_if_idle(self) -> bool:
        with self._gate:
            if self._inbox.empty():
                self._open = False
            return not self._open

    def _close(self) -> None:
        with self._gate:
            self._open = False
        while not self._inbox.empty():
            wake.send("messaging.drain", self._inbox.get())

    async def _pump(self, channel_id: int, session: aiohttp.ClientSession) -> None:
        try:
            await self.db(close_old_connections)
            fence = await self.db(queue.take_lease, channel_id, owner=self.owner)
            if fence is None:
                return
            drain = ChannelDrain(channel_id, fence=fence, session=session, slice_=self)
            try:
                await drain.run()
            finally:
                await drain.give_back()
            if not drain.is_held_up and await self.db(
                queue.has_due, channel_id, now=timezone.now()
            ):
                wake.send("messaging.drain", channel_id)
        except (DatabaseError, InterfaceError) as error:
            # The rows are safe: the lease runs out and the sweep wakes the channel.
            log.warning("database_away", channel=channel_id, error=repr(error)[:200])
            await self.db(sql.close_connection)
        except Exception:
            log.exception("drain_failed", channel=channel_id)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


_gate = threading.Lock()
_running: Drain | None = None
_is_stopping = False


def drain(channel_id: int) -> None:
    """Drain a channel: in this process's running loop if there is one, else become it."""
    global _running
    with _gate:
        if _is_stopping:
            return  # a wake that our own drain sent as it ended: it is for the next worker
        if _running is not None and _running.add(channel_id):
            return
        mine = _running = Drain()
        mine.add(channel_id)
    try:
        mine.run()
    finally:
        with _gate:
            if _running is mine:
                _running = None


def stop() -> None:
    """Let the running drain finish what is in flight, and start nothing more."""
    global _is_stopping
    with _gate:
        _is_stopping = True
        if _running is not None:
            _running.stopping.set()
