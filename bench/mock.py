"""Graph as the bench needs it: answers every send after a fixed delay, and remembers what came.

One thread, no framework: about 0.02 ms of CPU a message, so it is never what is measured. Answers
leave in the order of the requests, since all wait equally long: a queue and one timer are enough.
Arrivals are kept as two arrays (time, recipient) and handed out on GET /arrivals.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import os
import re
import subprocess
import sys
import urllib.request
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import uvloop

ROOT = Path(__file__).resolve().parent.parent
_TO = re.compile(rb'"to":\s*"\+?(\d+)"')
_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


@dataclass(frozen=True)
class Arrivals:
    """What the mock got: when (monotonic clock of this machine), and for whom."""

    times: array.array[float]
    recipients: array.array[int]

    def __len__(self) -> int:
        return len(self.times)

    def seconds_since(self, start: float) -> float:
        """From `start` to the answer to the last message."""
        return max(self.times) - start + 0.15

    def most_often(self) -> Counter[int]:
        return Counter(self.recipients)


class Mock:
    """The running mock, seen from the bench."""

    def __init__(self, url: str) -> None:
        self.url = url

    @classmethod
    @contextlib.contextmanager
    def started(cls, delay: float, core: set[int] | None) -> Iterator[Mock]:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.mock", str(delay)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            preexec_fn=lambda: os.sched_setaffinity(0, core) if core else None,
        )
        assert process.stdout is not None
        try:
            yield cls(f"http://127.0.0.1:{int(process.stdout.readline())}")
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=30) as response:
            return bytes(response.read())

    def reset(self) -> None:
        self._get("/reset")

    def count(self) -> int:
        return int(self._get("/count"))

    def arrivals(self) -> Arrivals:
        raw = self._get("/arrivals")
        times, recipients = array.array("d"), array.array("q")
        times.frombytes(raw[: len(raw) // 2])
        recipients.frombytes(raw[len(raw) // 2 :])
        return Arrivals(times, recipients)


class _Server:
    def __init__(self, delay: float) -> None:
        self.loop = asyncio.get_running_loop()
        self.delay = delay
        self.number = 0
        self.times: array.array[float] = array.array("d")
        self.recipients: array.array[int] = array.array("q")
        self.waiting: deque[tuple[float, asyncio.Transport, bytes]] = deque()
        self.is_timed = False

    def send(self, transport: asyncio.Transport, body: bytes) -> None:
        now = self.loop.time()
        found = _TO.search(body)
        to = found.group(1) if found else b"0"
        self.times.append(now)
        self.recipients.append(int(to))
        self.number += 1
        answer = (
            b'{"messaging_product":"whatsapp","contacts":[{"input":"+%b","wa_id":"%b"}],'
            b'"messages":[{"id":"wamid.HBgMMjU0NzEyMzQ1Njc4FQIAERgS%024X"}]}'
        ) % (to, to, self.number)
        self.waiting.append((now + self.delay, transport, _HEAD % len(answer) + answer))
        if not self.is_timed:
            self.is_timed = True
            self.loop.call_at(now + self.delay, self.flush)

    def flush(self) -> None:
        now = self.loop.time() + 0.0005
        waiting = self.waiting
        while waiting and waiting[0][0] <= now:
            _, transport, answer = waiting.popleft()
            if not transport.is_closing():  # the client may have been killed meanwhile
                transport.write(answer)
        self.is_timed = bool(waiting)
        if waiting:
            self.loop.call_at(max(waiting[0][0], now + 0.0005), self.flush)

    def tell(self, transport: asyncio.Transport, path: bytes) -> None:
        if path == b"/reset":
            del self.times[:], self.recipients[:]
        body = b""
        if path == b"/count":
            body = str(len(self.times)).encode()
        elif path == b"/arrivals":
            body = self.times.tobytes() + self.recipients.tobytes()
        transport.write(_HEAD % len(body) + body)


class _Connection(asyncio.Protocol):
    def __init__(self, server: _Server) -> None:
        self.server = server
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.buffer = self.buffer + data if self.buffer else data
        while self.buffer:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self.buffer[: end + 2]
            length = _LENGTH.search(head)
            whole = end + 4 + (int(length.group(1)) if length else 0)
            if len(self.buffer) < whole:
                return
            body, self.buffer = self.buffer[end + 4 : whole], self.buffer[whole:]
            if head.startswith(b"POST"):
                self.server.send(self.transport, body)
            else:
                self.server.tell(self.transport, head.split(b" ", 2)[1])


async def _serve(delay: float) -> None:
    server = _Server(delay)
    listening = await server.loop.create_server(
        lambda: _Connection(server), "127.0.0.1", 0, backlog=4096
    )
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


def main() -> None:
    with contextlib.suppress(OSError):
        os.nice(-10)  # where we may: a mock that waits for its core would report lumps nobody sent
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(float(sys.argv[1])))


if __name__ == "__main__":
    main()
