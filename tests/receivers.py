"""Companies' webhook receivers, good and bad: real servers on loopback, a thread a connection."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

Behave = Callable[["Receiver", BaseHTTPRequestHandler], None]


@dataclass
class Got:
    """One post as it came in."""

    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> dict[str, Any]:
        return orjson.loads(self.body)


@dataclass
class Receiver:
    url: str = ""
    got: list[Got] = field(default_factory=list)
    behave: Behave = lambda receiver, request: answer(request, 200)
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def sequences(self) -> list[int]:
        return [got.json["sequence"] for got in self.got]


def answer(
    request: BaseHTTPRequestHandler,
    status: int,
    body: bytes = b"",
    **headers: str,
) -> None:
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


def says(status: int, body: bytes = b"", **headers: str) -> Behave:
    return lambda receiver, request: answer(request, status, body, **headers)


def hangs(receiver: Receiver, request: BaseHTTPRequestHandler) -> None:
    receiver.done.wait(30)
    request.close_connection = True


def hangs_up(receiver: Receiver, request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True
    request.connection.shutdown(socket.SHUT_RDWR)


def talks_for_ever(receiver: Receiver, request: BaseHTTPRequestHandler) -> None:
    """A body without an end, slowly."""
    request.send_response(200)
    request.end_headers()
    while not receiver.done.wait(0.05):
        request.wfile.write(b"x" * 1000)


def answers_at_length(receiver: Receiver, request: BaseHTTPRequestHandler) -> None:
    answer(request, 200, b"y" * 5_000_000)


def speaks_no_http(receiver: Receiver, request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"\x00\xff I am a teapot\r\n\r\n")


@contextmanager
def receiver(behave: Behave | None = None) -> Iterator[Receiver]:
    mine = Receiver()
    if behave:
        mine.behave = behave

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            mine.got.append(Got(headers, body, time.monotonic()))
            try:
                mine.behave(mine, self)
            except OSError:
                self.close_connection = True

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, *args: object) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    mine.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield mine
    finally:
        mine.done.set()
        server.shutdown()
        server.server_close()
        thread.join()
