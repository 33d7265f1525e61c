"""Delivering: one event loop that serves every endpoint it can lease, and a thread for the database.

An endpoint that hangs costs a waiting coroutine and nobody else anything. Each is served in the order
of its numbers, one post at a time; where many wait, several at once, so that a campaign's receipts don't
take hours. One that fails is tried one event at a time. What is left when the slice ends is woken again.
"""

import asyncio
import queue as thread_queue
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.utils import timezone

from config import sql
from config.safe_http import SafeClient
from messaging import delivery_queue, wake, webhook_endpoints, webhook_signing
from messaging.delivery_queue import Standing, Try
from messaging.models import WebhookDelivery, WebhookEndpoint

log = structlog.get_logger("tuma.webhooks")

SLICE_SECONDS = 25.0
POST_SECONDS = 10.0
# Longer than the second in which wakes are coalesced: what came without a wake is found here.
LINGER = 1.5
POLL_EVERY = 0.25
TAKE = 100
# So many waiting are served in order; more of them, WIDTH at a time.
IN_ORDER = 20
WIDTH = 10

T = TypeVar("T")


class Courier:
    """One slice of delivering, for as many endpoints as are handed to it."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._inbox: thread_queue.SimpleQueue[int] = thread_queue.SimpleQueue()
        self._open = True
        self._gate = threading.Lock()
        self._database = ThreadPoolExecutor(1, thread_name_prefix="deliver-db")
        self._served: dict[int, asyncio.Task[None]] = {}

    def add(self, endpoint_id: int) -> bool:
        """Hand over an endpoint, from any thread; False once the slice is over."""
        with self._gate:
            if self._open:
                self._inbox.put(endpoint_id)
            return self._open

    def run(self) -> None:
        """Deliver until the slice is over or nothing is left to do."""
        asyncio.run(self._main())

    async def db(self, call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run a database function in the courier's own thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._database, lambda: call(*args, **kwargs))

    def is_over(self) -> bool:
        return self.stopping.is_set() or time.monotonic() >= self.ends_at

    async def _main(self) -> None:
        self.ends_at = time.monotonic() + SLICE_SECONDS
        async with SafeClient(seconds=POST_SECONDS) as client:
            try:
                await self._serve_all(client)
            finally:
                self._close()
                await asyncio.gather(*self._served.values(), return_exceptions=True)
        await self.db(sql.close_connection)
        self._database.shutdown()

    async def _serve_all(self, client: SafeClient) -> None:
        while not self.is_over():
            while not self._inbox.empty():
                endpoint_id = self._inbox.get()
                if endpoint_id not in self._served:
                    task = asyncio.create_task(self._serve(endpoint_id, client))
                    self._served[endpoint_id] = task
            self._served = {key: task for key, task in self._served.items() if not task.done()}
            if not self._served and self._close_if_idle():
                return
            await asyncio.sleep(0.02)

    def _close_if_idle(self) -> bool:
        with self._gate:
            if self._inbox.empty():
                self._open = False
            return not self._open

    def _close(self) -> None:
        with self._gate:
            self._open = False
        while not self._inbox.empty():
            wake.send("messaging.deliver", self._inbox.get())

    async def _serve(self, endpoint_id: int, client: SafeClient) -> None:
        try:
            await self.db(close_old_connections)
            fence = await self.db(delivery_queue.take_lease, endpoint_id, now=timezone.now())
            if fence is None:
                return
            try:
                await _Round(endpoint_id, fence=fence, client=client, courier=self).run()
            finally:
                await self.db(delivery_queue.release_lease, endpoint_id, fence=fence)
            if await self.db(delivery_queue.has_work, endpoint_id, now=timezone.now()):
                wake.send("messaging.deliver", endpoint_id)
        except (DatabaseError, InterfaceError) as error:
            # The rows are safe: the lease runs out and the sweep wakes the endpoint.
            log.warning("database_away", endpoint=endpoint_id, error=repr(error)[:200])
            await self.db(sql.close_connection)
        except Exception:
            log.exception("delivering_failed", endpoint=endpoint_id)


class _Round:
    """One endpoint, from taking its lease to giving it back."""

    def __init__(
        self, endpoint_id: int, *, fence: int, client: SafeClient, courier: Courier
    ) -> None:
        self.endpoint_id = endpoint_id
        self.fence = fence
        self.client = client
        self.courier = courier
        self.waiting: deque[WebhookDelivery] = deque()
        self.posts: set[asyncio.Task[Try]] = set()
        self.has_succeeded = False

    async def run(self) -> None:
        await self._look_at_endpoint()
        idle_since = time.monotonic()
        while self._may_go_on() and await self._renew():
            taken = await self.courier.db(
                delivery_queue.due, self.endpoint_id, limit=TAKE, now=timezone.now()
            )
            if taken:
                await self._deliver(taken)
                idle_since = time.monotonic()
            elif time.monotonic() - idle_since > LINGER:
                return
            else:
                await asyncio.sleep(POLL_EVERY)

    async def _look_at_endpoint(self) -> None:
        """Its address and secrets as they are now: they may have been changed since."""
        self.endpoint = await self.courier.db(WebhookEndpoint.objects.get, pk=self.endpoint_id)
        self.standing: Standing = delivery_queue.standing(self.endpoint, now=timezone.now())

    def _may_go_on(self) -> bool:
        return self.standing.is_on and not self.standing.is_resting and not self.courier.is_over()

    async def _renew(self) -> bool:
        """Long before the lease ends: a take may last as long as its slowest post."""
        renewed = await self.courier.db(
            delivery_queue.renew_lease, self.endpoint_id, fence=self.fence
        )
        if renewed:
            await self._look_at_endpoint()
        return renewed and self._may_go_on()

    async def _deliver(self, taken: list[WebhookDelivery]) -> None:
        """Post them in order; what may not be posted any more stays in the queue."""
        self.waiting = deque(taken)
        lease_ends = time.monotonic() + delivery_queue.LEASE_SECONDS - 2 * POST_SECONDS
        wide = WIDTH if len(taken) > IN_ORDER else 1
        try:
            while self.waiting or self.posts:
                may_post = self._may_go_on() and time.monotonic() < lease_ends
                # Not many at once before it is known to be well.
                is_well = self.has_succeeded and not self.standing.is_failing
                width = wide if is_well else 1
                while may_post and self.waiting and len(self.posts) < width:
                    self.posts.add(asyncio.create_task(self._post(self.waiting.popleft())))
                if not self.posts:
                    return
                await self._store_finished()
        finally:
            await asyncio.gather(*self.posts, return_exceptions=True)

    async def _store_finished(self) -> None:
        done, self.posts = await asyncio.wait(self.posts, return_when=asyncio.FIRST_COMPLETED)
        tries = [task.result() for task in done]
        self.standing = await self.courier.db(
            delivery_queue.store, self.endpoint_id, tries, now=timezone.now()
        )
        self.has_succeeded |= any(one.succeeded for one in tries)

    async def _post(self, delivery: WebhookDelivery) -> Try:
        at, started = timezone.now(), time.monotonic()
        body, url = delivery.body(), self.endpoint.url
        headers = {
            "content-type": "application/json",
            "user-agent": "Tuma-Webhooks/1",
            **webhook_signing.headers(
                public_id=delivery.public_id,
                at=at,
                body=body,
                keys=webhook_endpoints.secrets_of(self.endpoint, now=at),
            ),
        }
        answer = await self.client.post(url, body, headers)
        return Try(
            delivery=delivery,
            at=at,
            milliseconds=round((time.monotonic() - started) * 1000),
            url=url,
            headers=headers,
            answer=answer,
        )


_gate = threading.Lock()
_running: Courier | None = None


def deliver(endpoint_id: int) -> None:
    """Serve an endpoint: in this process's running loop if there is one, else become it."""
    global _running
    with _gate:
        if _running is not None and _running.add(endpoint_id):
            return
        mine = _running = Courier()
        mine.add(endpoint_id)
    try:
        mine.run()
    finally:
        with _gate:
            if _running is mine:
                _running = None


def stop() -> None:
    """Let the running courier finish what is in flight, and start nothing more."""
    with _gate:
        if _running is not None:
            _running.stopping.set()
