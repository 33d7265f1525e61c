"""A sandbox over real HTTP, and a webhook receiver that it posts to."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from companies.graph.sandbox import Sandbox, running_sandbox

NUMBER = "100000000000001"
WABA = "200000000000001"
TOKEN = "EAAsandbox"
SECRET = "s3cret"


class Receiver:
    """Takes webhooks; answers with what is in `answers`, then with 200."""

    def __init__(self) -> None:
        self.posts: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self.verify_token = "verify"
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.posts.append((dict(self.headers), body))
                self._answer(receiver.answers.pop(0) if receiver.answers else 200, b"")

            def do_GET(self) -> None:
                query = {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
                good = query.get("hub.verify_token") == receiver.verify_token
                self._answer(200 if good else 403, query.get("hub.challenge", "").encode())

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *args: Any) -> None:
                """A sandbox that stops hangs up in the middle of an answer."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/webhooks/meta"

    def values(self, field: str = "messages") -> list[dict[str, Any]]:
        return [
            change["value"]
            for _, body in list(self.posts)
            for entry in json.loads(body)["entry"]
            for change in entry["changes"]
            if change["field"] == field
        ]

    def statuses(self) -> list[dict[str, Any]]:
        return [status for value in self.values() for status in value.get("statuses", [])]

    def story(self) -> list[str]:
        return [status["status"] for status in self.statuses()]

    def messages(self) -> list[dict[str, Any]]:
        return [message for value in self.values() for message in value.get("messages", [])]

    def wait(self, field: str = "messages", count: int = 1) -> list[dict[str, Any]]:
        deadline = time.monotonic() + 5
        while len(self.values(field)) < count:
            assert time.monotonic() < deadline, f"{len(self.values(field))} of {count} webhooks"
            time.sleep(0.01)
        return self.values(field)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Client:
    """What a program that uses Graph would do."""

    def __init__(self, graph: Sandbox) -> None:
        self.graph = graph
        self.http = requests.Session()
        self.http.headers["Authorization"] = f"Bearer {TOKEN}"

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.http.request(method, f"{self.graph.url}/v25.0/{path}", timeout=15, **options)

    def post(self, payload: Any, number: str = NUMBER) -> requests.Response:
        return self.call("POST", f"{number}/messages", json=payload)

    def text(self, to: str = "254712345678", body: str = "Hello", **more: Any) -> requests.Response:
        return self.post(text(to, body, **more))

    def template(self, name: str, components: Any = None, **more: Any) -> requests.Response:
        content: dict[str, Any] = {"name": name, "language": {"code": "en_US"}}
        if components is not None:
            content["components"] = components
        base = {"messaging_product": "whatsapp", "to": "254712345678", "type": "template"}
        return self.post({**base, "template": {**content, **more}})


def text(to: str = "254712345678", body: str = "Hello", **more: Any) -> dict[str, Any]:
    return {
        "messaging_product": "whatsapp",
        "to": to,
        "type": "text",
        "text": {"body": body},
        **more,
    }


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def graph(receiver: Receiver) -> Iterator[Sandbox]:
    with running_sandbox(
        webhook_url=receiver.url,
        app_secret=SECRET,
        seed=1,
        jitter=0,
        sent_delay=0.0,
        delivered_delay=0.02,
        read_delay=0.04,
        webhook_interval=0.01,
        webhook_concurrency=1,  # keeps the order
        webhook_retry_first=0.05,
        template_review_seconds=0.0,
    ) as sandbox:
        yield sandbox


@pytest.fixture
def client(graph: Sandbox) -> Iterator[Client]:
    client = Client(graph)
    yield client
    client.http.close()
