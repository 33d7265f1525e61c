"""R11 to R13: what a request costs, against an empty Django view under the same gunicorn.

The server's command line is the one `make run` uses; only the WSGI module of the baseline differs.
All servers stand at once and are loaded in turns by 16 kept connections. The load generator shares
the cores with the server that it loads, on both sides of a ratio alike. The empty view is Django and
nothing else, which is the hardest baseline: the product's own middleware counts as the product's.
"""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.figures import Line, ratios, spread
from bench.machine import ROOT, Bench, Database, free_port
from bench.side import Side
from config import run

EMPTY = "empty"
PEOPLE = 10_000


def web_command(port: int, data: Path) -> list[str]:
    """The command line that `make run` gives the web server."""
    before = dict(os.environ)
    os.environ |= {"PORT": str(port), "GRAPH_API_URL": "", "SANDBOX_PORT": "0"}
    os.environ.pop("WEB_CONCURRENCY", None)
    try:
        return run.children(data)[0].command
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def served(
    bench: Bench, database: Database | None, module: str, path: str, **environment: str
) -> Iterator[int]:
    """A gunicorn on a free port; the port, once `path` answers."""
    port = free_port()
    env = bench.environment(database, CELERY_BROKER_URL="filesystem://", **environment)
    data = Path(env["DATA_DIR"])
    command = [module if part == "config.wsgi" else part for part in web_command(port, data)]
    with (data / "web.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)
    try:
        _wait_until_up(f"http://127.0.0.1:{port}{path}", process, data / "web.log")
        yield port
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 40
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"{url} did not answer: {log.read_text(errors='replace')[-1000:]}")


@functools.cache
def measure(
    bench: Bench, kinds: tuple[str, ...], rounds: int, seconds: float
) -> dict[tuple[str, str], list[float]]:
    """Requests a second, by (server, kind of request)."""
    rates: dict[tuple[str, str], list[float]] = defaultdict(list)
    with contextlib.ExitStack() as stack:
        load = stack.enter_context(Side.started(bench.environment(None), None))
        targets: list[tuple[str, str, dict[str, Any]]] = []
        port = stack.enter_context(served(bench, None, "bench.empty", "/empty"))
        targets.append((EMPTY, EMPTY, {"port": port}))
        for name in bench.kinds:
            database = bench.database(name, stack)
            with contextlib.ExitStack() as short:
                maker = bench.side(database, short)
                stock = maker.call("stock.company")
                maker.call("stock.people", company=stock["company"], count=PEOPLE)
            port = stack.enter_context(served(bench, database, "config.wsgi", "/healthz"))
            place = {"port": port, "channel": stock["channel"], "key": stock["key"]}
            targets += [(name, kind, place) for kind in kinds]
        for number in range(rounds + 1):
            for name, kind, place in targets:
                took = seconds if number else 0.5  # the first round warms up
                rate = load.call("load.run", kind=kind, seconds=took, **place)["rate"]
                if number:
                    rates[name, kind].append(rate)
    return rates


def _rates(bench: Bench, *kinds: str) -> dict[tuple[str, str], list[float]]:
    if bench.quick:
        return measure(bench, kinds, 2, 3.0)
    return measure(bench, ("webhook", "single", "hundred"), 3, 3.0)


def _against_empty(bench: Bench, figure: str, kind: str, what: str, target: float) -> Line:
    rates = _rates(bench, kind)
    values = {name: ratios(rates[name, kind], rates[EMPTY, EMPTY]) for name in bench.kinds}
    note = ", ".join(
        f"{name} {spread(rates[name, sort])}/s"
        for name, sort in [(EMPTY, EMPTY), *((name, kind) for name in bench.kinds)]
    )
    return Line(figure, what, ">=", {"": target}, values, note)


def r11(bench: Bench) -> list[Line]:
    return [_against_empty(bench, "R11", "webhook", "webhook requests/s / empty Django view", 0.28)]


def r12(bench: Bench) -> list[Line]:
    return [_against_empty(bench, "R12", "single", "single POSTs/s / empty Django view", 0.15)]


def r13(bench: Bench) -> list[Line]:
    rates = _rates(bench, "single", "hundred")
    values = {
        name: 100 * ratios(rates[name, "hundred"], rates[name, "single"]) for name in bench.kinds
    }
    note = ", ".join(
        f"{name} {spread([100 * rate for rate in rates[name, 'hundred']])} messages/s"
        for name in bench.kinds
    )
    what = "messages accepted/s in POSTs of 100 numbers / single POSTs"
    return [Line("R13", what, ">=", {"": 15}, values, note)]
