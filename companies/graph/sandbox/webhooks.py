"""Posts webhooks as Meta does: signed, batched, and again until the answer is 200.

Changes wait in a queue per address. Every tick takes what waits, up to a batch per POST and a
number of POSTs at once. A POST that fails comes again by itself after a growing delay, with the
very same bytes. When an address only fails, its queue waits and the failed POSTs serve as
probes; the first 200 lets everything go.
"""

import asyncio
import hashlib
import heapq
import hmac
import json
import logging
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from .settings import Settings

logger = logging.getLogger(__name__)

DEFAULT = ""  # the address in the settings, whatever it is when the POST is made
SNIPPET = 200


@dataclass(slots=True)
class Change:
    """One element of entry[].changes."""

    waba_id: str
    field: str
    value: dict[str, Any]
    time: int = 0  # entry[].time, for account fields
    done: asyncio.Future[None] | None = None  # resolved after the first attempt


@dataclass(slots=True)
class Delivery:
    """One POST, with all its attempts."""

    id: int
    address: str
    body: bytes
    changes: int
    first_at: float
    generation: int = 0
    attempts: int = 0
    state: str = "pending"  # pending | delivered | given up
    answers: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "changes": self.changes,
            "bytes": len(self.body),
            "attempts": self.attempts,
            "state": self.state,
            "first_at": self.first_at,
            "answers": self.answers[-10:],
        }


@dataclass(slots=True)
class Address:
    waiting: deque[Change] = field(default_factory=deque)
    failures: int = 0  # in a row


def body_of(changes: Sequence[Change]) -> bytes:
    """The bytes that Meta would send: non-ASCII as \\uXXXX and every slash escaped."""
    entries: dict[tuple[str, int], dict[str, Any]] = {}
    for change in changes:
        entry = entries.get((change.waba_id, change.time))
        if entry is None:
            entry = {"id": change.waba_id}
            if change.time:
                entry["time"] = change.time
            entry["changes"] = []
            entries[change.waba_id, change.time] = entry
        entry["changes"].append({"value": change.value, "field": change.field})
    document = {"object": "whatsapp_business_account", "entry": list(entries.values())}
    text = json.dumps(document, separators=(",", ":"))
    return text.replace("/", "\\/").encode("ascii")


def signature(body: bytes, secret: str) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class WebhookSender:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.addresses: dict[str, Address] = {}
        self.retries: list[tuple[float, int, Delivery]] = []
        self.log: deque[Delivery] = deque(maxlen=1000)
        self.in_flight = 0
        self.posted = self.delivered_changes = self.failed_attempts = 0
        self.last_id = 0
        self.generation = 0  # grows when all is forgotten
        self.tasks: set[asyncio.Task[None]] = set()
        self.http: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        self.http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "facebookexternalua", "Accept": "*/*"},
        )

    async def stop(self) -> None:
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        if self.http:
            await self.http.close()

    def add(self, change: Change, address: str = DEFAULT) -> None:
        if not (address or self.settings.webhook_url):
            self._resolve([change])
            return
        self.addresses.setdefault(address, Address()).waiting.append(change)

    def forget(self) -> None:
        """Drop whatever was not delivered yet; what is under way will not come again."""
        self.generation += 1
        for address in self.addresses.values():
            self._resolve(address.waiting)
        self.addresses.clear()
        self.retries.clear()
        self.log.clear()
        self.posted = self.delivered_changes = self.failed_attempts = 0

    def pump(self) -> None:
        """Start as many POSTs as may run at once: the due repeats first, then what waits."""
        if self.settings.webhooks_paused or self.http is None:
            return
        limit = self.settings.webhook_concurrency
        now = time.monotonic()
        while self.retries and self.retries[0][0] <= now and self.in_flight < limit:
            self._start(heapq.heappop(self.retries)[2], [])
        for name, address in self.addresses.items():
            down = address.failures >= limit
            while address.waiting and self.in_flight < limit and not down:
                self._start(*self._next_batch(name, address))

    def _next_batch(self, name: str, address: Address) -> tuple[Delivery, list[Change]]:
        size = min(self.settings.webhook_batch, len(address.waiting))
        changes = [address.waiting.popleft() for _ in range(size)]
        self.last_id += 1
        delivery = Delivery(
            self.last_id, name, body_of(changes), size, time.time(), self.generation
        )
        self.log.append(delivery)
        return delivery, changes

    def _start(self, delivery: Delivery, changes: list[Change]) -> None:
        self.in_flight += 1
        task = asyncio.get_running_loop().create_task(self._attempt(delivery, changes))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _attempt(self, delivery: Delivery, changes: list[Change]) -> None:
        try:
            answer = await self._post(delivery)
        finally:
            self.in_flight -= 1
            self._resolve(changes)
        delivery.attempts += 1
        delivery.answers.append(answer)
        if answer["status"] == 200:
            self._succeeded(delivery)
        else:
            self._failed(delivery, answer)
        self.pump()

    async def _post(self, delivery: Delivery) -> dict[str, Any]:
        started = time.time()
        url = delivery.address or self.settings.webhook_url
        headers = {"Content-Type": "application/json"}
        if self.settings.app_secret:
            headers["X-Hub-Signature-256"] = signature(delivery.body, self.settings.app_secret)
        answer: dict[str, Any] = {"time": started, "status": None, "body": ""}
        if self.http is None:
            return answer
        timeout = aiohttp.ClientTimeout(total=self.settings.webhook_timeout)
        try:
            async with self.http.post(
                url, data=delivery.body, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                answer["status"] = response.status
                text = await response.content.read(SNIPPET)
                answer["body"] = text.decode(errors="replace")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            answer["body"] = f"{type(error).__name__}: {error}"[:SNIPPET]
        answer["seconds"] = round(time.time() - started, 4)
        return answer

    def _succeeded(self, delivery: Delivery) -> None:
        delivery.state = "delivered"
        self.posted += 1
        self.delivered_changes += delivery.changes
        address = self.addresses.setdefault(delivery.address, Address())
        was_down = address.failures >= self.settings.webhook_concurrency
        if address.failures:
            logger.info("webhooks: %s answers again", self._shown(delivery.address))
        address.failures = 0
        if was_down:
            self._repeat_now(delivery.address)

    def _failed(self, delivery: Delivery, answer: dict[str, Any]) -> None:
        self.failed_attempts += 1
        address = self.addresses.setdefault(delivery.address, Address())
        if not address.failures:
            reason = answer["status"] or answer["body"]
            logger.warning("webhooks: %s failed: %s", self._shown(delivery.address), reason)
        address.failures += 1
        forgotten = delivery.generation != self.generation
        if forgotten or time.time() - delivery.first_at > self.settings.webhook_retry_for:
            delivery.state = "given up"
            return
        doublings = min(delivery.attempts - 1, 20)
        pause = min(
            self.settings.webhook_retry_first * 2**doublings, self.settings.webhook_retry_cap
        )
        heapq.heappush(self.retries, (time.monotonic() + pause, delivery.id, delivery))

    def _repeat_now(self, address: str) -> None:
        self.retries = [
            (0.0 if delivery.address == address else due, number, delivery)
            for due, number, delivery in self.retries
        ]
        heapq.heapify(self.retries)

    def _shown(self, address: str) -> str:
        return (address or self.settings.webhook_url).partition("?")[0]

    @staticmethod
    def _resolve(changes: "deque[Change] | list[Change]") -> None:
        for change in changes:
            if change.done and not change.done.done():
                change.done.set_result(None)

    def as_json(self) -> dict[str, Any]:
        return {
            "posted": self.posted,
            "delivered_changes": self.delivered_changes,
            "failed_attempts": self.failed_attempts,
            "in_flight": self.in_flight,
            "waiting_changes": sum(len(a.waiting) for a in self.addresses.values()),
            "waiting_repeats": len(self.retries),
        }

    def idle(self) -> bool:
        waiting = any(address.waiting for address in self.addresses.values())
        return not (waiting or self.retries or self.in_flight)
