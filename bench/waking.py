"""R17: how soon an idle installation sends, from the answer to a POST to the call of Graph.

The processes are those of `make run` (gunicorn, and a Celery worker with the folder broker and beat),
with its command lines and its default of SQLite; the mock stands for Graph. Sends are spaced so that
each finds the drain of the one before at its end and the worker idle.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import orjson

from bench.figures import Line, spread
from bench.machine import ROOT, SQLITE, Bench, free_port, wait_for
from bench.mock import Mock
from config import run

SENDS = 10
# Longer than a drain lingers on a channel without work.
PAUSE_SECONDS = 3.0


@contextlib.contextmanager
def installation(environment: dict[str, str]) -> Iterator[None]:
    """Web and worker as `make run` starts them; stopped at the end."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    try:
        children = run.children(Path(environment["DATA_DIR"]))
    finally:
        os.environ.clear()
        os.environ.update(before)
    processes = []
    try:
        for child in children:
            with child.log.open("wb") as log:
                processes.append(
                    subprocess.Popen(
                        child.command, cwd=ROOT, env=environment, stdout=log, stderr=log
                    )
                )
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _send(port: int, stock: dict[str, str], number: int) -> float:
    """POST one message; when its answer was there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    body = {"phone_number": f"+{254_700_000_000 + number}", "type": "text", "message": "Hello"}
    headers = {"Authorization": f"Bearer {stock['key']}", "Content-Type": "application/json"}
    path = f"/api/v1/whatsapp/{stock['channel']}/messages"
    connection.request("POST", path, orjson.dumps(body), headers)
    answer = connection.getresponse()
    at = time.monotonic()
    if answer.status >= 300:
        raise AssertionError(f"{answer.status}: {answer.read()[:300]!r}")
    connection.close()
    return at


def _latencies(port: int, stock: dict[str, str], mock: Mock) -> list[float]:
    latencies = []
    for number in range(SENDS + 1):
        answered = _send(port, stock, 1000 + number)
        wait_for(lambda count=number: mock.count() > count, seconds=20, what="a send")
        if number:  # the first warms up
            latencies.append(1000 * (max(mock.arrivals().times) - answered))
        time.sleep(PAUSE_SECONDS)
    return latencies


def r17(bench: Bench) -> list[Line]:
    with contextlib.ExitStack() as stack:
        mock = bench.mock(stack)
        database = bench.database(SQLITE, stack)
        maker = bench.side(database, stack)
        stock = maker.call("stock.company")
        port = free_port()
        environment = bench.environment(
            database,
            GRAPH_API_URL=mock.url,
            CELERY_BROKER_URL="filesystem://",
            PORT=str(port),
            SANDBOX_PORT=str(free_port()),
        )
        stack.enter_context(installation(environment))
        wait_for(lambda: _is_ready(port), seconds=60, what="the start of web and worker")
        latencies = _latencies(port, stock, mock)
    note = f"{spread(latencies)} ms over {len(latencies)} sends, {PAUSE_SECONDS:.0f} s apart"
    what = "POST answered -> Graph called, idle one-machine default, median"
    values = {SQLITE: statistics.median(latencies)}
    return [Line("R17", what, "<=", {"": 250}, values, note, " ms")]
