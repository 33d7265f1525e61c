"""A small HTTP load generator: a few kept connections, the next request as soon as one is answered.

Requests are made before the clock starts, so that a round costs little more than its bytes.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import re
import time
from collections.abc import Iterator
from itertools import cycle

import orjson
import uvloop

CONNECTIONS = 16
WARM_UP_SECONDS = 0.7
# Numbers that requests go to: people whom bench.stock has made and who have not opted out.
NUMBERS = [254_700_000_000 + n for n in range(1, 10_001) if n % 50]
_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)


def run(
    *, port: int, kind: str, seconds: float, channel: int = 0, key: str = ""
) -> dict[str, float]:
    """Requests a second of one kind against 127.0.0.1:`port`."""
    pool = list(requests(kind, channel=channel, key=key))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return {"rate": runner.run(_load(port, pool, seconds))}


def requests(kind: str, *, channel: int, key: str) -> Iterator[bytes]:
    """Different requests of a kind, as bytes."""
    if kind == "empty":
        yield b"GET /empty HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    elif kind == "webhook":
        for number in range(1000):
            body = status_body(f"wamid.HBgMMjU0NzEyMzQ1Njc4FQIAERgS{number:024X}")
            signature = hmac.new(os.environ["META_APP_SECRET"].encode(), body, hashlib.sha256)
            yield _post(
                "/webhooks/meta", body, f"X-Hub-Signature-256: sha256={signature.hexdigest()}"
            )
    else:
        size = {"single": 1, "hundred": 100}[kind]
        for start in range(0, len(NUMBERS), size):
            numbers = [f"+{number}" for number in NUMBERS[start : start + size]]
            body = orjson.dumps(
                {
                    "phone_number": numbers if size > 1 else numbers[0],
                    "type": "text",
                    "message": "Your order KE-2041-88 is on its way.",
                }
            )
            path = f"/api/v1/whatsapp/{channel}/messages"
            yield _post(path, body, f"Authorization: Bearer {key}")


def _post(path: str, body: bytes, header: str) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def status_body(wamid: str, *, status: str = "delivered", reference: str = "") -> bytes:
    """What Meta posts about one message: one status a body, as it mostly does."""
    item = {
        "id": wamid,
        "status": status,
        "timestamp": "1790000000",
        "recipient_id": "254712345678",
        "conversation": {
            "id": "7f1c0bd4a2b94a6f9d8f7a3c51f2e0aa",
            "origin": {"type": "utility"},
        },
        "pricing": {
            "billable": True,
            "pricing_model": "PMP",
            "category": "utility",
            "type": "regular",
        },
        **({"biz_opaque_callback_data": reference} if reference else {}),
    }
    value = {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": "254700000000",
            "phone_number_id": "100000000000001",
        },
        "statuses": [item],
    }
    change = {"value": value, "field": "messages"}
    return orjson.dumps(
        {
            "object": "whatsapp_business_account",
            "entry": [{"id": "200000000000001", "changes": [change]}],
        }
    )


class _Connection(asyncio.Protocol):
    def __init__(self, pool: Iterator[bytes], over: asyncio.Future[None]) -> None:
        self.pool, self.over = pool, over
        self.answered: list[float] = []
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.transport.write(next(self.pool))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.buffer[: end + 2]
        length = _LENGTH.search(head)
        if length is None and b"chunked" in head:
            if not self.buffer.endswith(b"0\r\n\r\n", end + 4):
                return
        elif len(self.buffer) < end + 4 + (int(length.group(1)) if length else 0):
            return
        if self.buffer[9:10] != b"2" and not self.over.done():
            self.over.set_exception(AssertionError(self.buffer[:1000].decode()))
        self.buffer = b""
        self.answered.append(time.monotonic())
        if not self.over.done():
            self.transport.write(next(self.pool))

    def connection_lost(self, error: Exception | None) -> None:
        if not self.over.done():
            self.over.set_exception(error or ConnectionResetError("the server hung up"))


async def _load(port: int, pool: list[bytes], seconds: float) -> float:
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()
    source = cycle(pool)
    started = time.monotonic() + WARM_UP_SECONDS
    connections = [
        (await loop.create_connection(lambda: _Connection(source, over), "127.0.0.1", port))[1]
        for _ in range(CONNECTIONS)
    ]
    loop.call_later(
        WARM_UP_SECONDS + seconds, lambda: None if over.done() else over.set_result(None)
    )
    await over
    for connection in connections:
        connection.transport.abort()
    until = started + seconds
    return sum(started <= at < until for c in connections for at in c.answered) / seconds
