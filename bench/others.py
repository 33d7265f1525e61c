"""R4 to R6: the product against what one would otherwise build or install, on the same core.

Celery, one task per message: a worker with 100 threads; each task reads its message with what it
needs, posts it with a kept `requests` session, and saves the result. The tasks are queued before the
clock starts. Its connections to PostgreSQL are pooled, so that none waits and none is made anew.

pywa: its async client, without any database, 50 messages under way, which is where it is fastest
(its HTTP library slows down with more). The product does its whole work in both comparisons.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.figures import Line
from bench.machine import ROOT, Bench, Database, ServerCpu, cpu_of, wait_for
from bench.mock import Mock
from bench.sending import Sender

THREADS = 100
PYWA_IN_FLIGHT = 50
REDIS = "redis://127.0.0.1:6379/15"

# --- In a side ------------------------------------------------------------------------


def send_with_pywa(*, url: str, messages: int) -> dict[str, float]:
    return asyncio.run(_send_with_pywa(url, messages))


async def _send_with_pywa(url: str, messages: int) -> dict[str, float]:
    import httpx
    from pywa_async import WhatsApp

    session = httpx.AsyncClient()
    client = WhatsApp(phone_id="100000000000001", token="EAAbench", session=session)
    session.base_url = httpx.URL(f"{url}/v25.0")  # pywa has set Meta's own
    numbers = iter(range(messages))

    async def sender() -> None:
        for number in numbers:
            await client.send_message(
                to=str(254_700_000_000 + number), text="Your order KE-2041-88 is on its way."
            )

    started, cpu = time.monotonic(), time.process_time()
    await asyncio.gather(*(sender() for _ in range(PYWA_IN_FLIGHT)))
    return {"started": started, "cpu": time.process_time() - cpu}


# --- The sides ------------------------------------------------------------------------


def redis_answers() -> bool:
    import redis

    try:
        return bool(redis.Redis.from_url(REDIS, socket_connect_timeout=1).ping())
    except redis.RedisError:
        return False


@contextlib.contextmanager
def celery_worker(bench: Bench, environment: dict[str, str]) -> Iterator[int]:
    """A worker with a thread per message under way, on the client's core; its process id."""
    command = [sys.executable, "-m", "celery", "--app", "bench.celery_per_message", "worker"]
    command += ["--pool", "threads", "--concurrency", str(THREADS), "--loglevel", "WARNING"]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    core = bench.client_core
    with (Path(environment["DATA_DIR"]) / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
            preexec_fn=lambda: os.sched_setaffinity(0, core) if core else None,
        )
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGQUIT)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _celery(
    bench: Bench, database: Database, sender: Sender, mock: Mock, messages: int
) -> tuple[float, float, float]:
    """Messages a second, CPU ms a message of the worker, and of the database."""
    assert sender.stock is not None
    channel = sender.stock["channel"]
    environment = bench.environment(
        database,
        GRAPH_API_URL=mock.url,
        # With SQLite nothing else is installed, so its broker is a folder, as the product's is.
        CELERY_BROKER_URL=REDIS if database.is_postgres and redis_answers() else "filesystem://",
        BENCH_QUEUE=f"bench{os.getpid()}",
    )
    ids = {"company": sender.stock["company"], "channel": channel}
    sender.side.call("stock.fill", **ids, tags=sender.tags)
    mock.reset()
    subprocess.run(
        [sys.executable, "-m", "bench.celery_per_message", str(channel), str(messages)],
        cwd=ROOT, env=environment, check=True,
    )  # fmt: skip
    warm_up = messages // 4
    with celery_worker(bench, environment) as pid:
        # Until a quarter is sent: imports, connections, threads.
        wait_for(lambda: mock.count() >= warm_up, seconds=60, what="the start of Celery's sending")
        with ServerCpu(bench, database) as server:
            first, started, cpu = mock.count(), time.monotonic(), cpu_of(pid) or 0.0
            wait_for(lambda: mock.count() >= messages * 0.97, seconds=120, what="sending by Celery")
            took, sent = time.monotonic() - started, mock.count() - first
            cpu = (cpu_of(pid) or 0.0) - cpu
    sender.side.call("storing.empty_queue")
    return sent / took, cpu * 1000 / sent, (server.seconds or 0.0) * 1000 / sent


@functools.cache
def against_celery(bench: Bench, kind: str) -> dict[str, Any]:
    messages, few = (6_000, 1_200) if bench.quick else (12_000, 2_400)
    with contextlib.ExitStack() as stack:
        mock = bench.mock(stack)
        sender = Sender.of_product(bench, kind, mock, stack, messages)
        assert sender.database is not None
        sender.round(messages=messages, in_flight=400)
        with ServerCpu(bench, sender.database) as server:
            rate, cpu = sender.round(messages=messages, in_flight=400)
        # Filling the queue is in the server's CPU here; the product is charged for it.
        database = (server.seconds or 0.0) * 1000 / messages
        sender.side.call("storing.empty_queue")
        theirs = _celery(bench, sender.database, sender, mock, few)
    return {"product": (rate, cpu, database), "celery": theirs}


@functools.cache
def against_pywa(bench: Bench, kind: str) -> dict[str, tuple[float, float]]:
    messages, few = (6_000, 1_500) if bench.quick else (10_000, 2_000)
    with contextlib.ExitStack() as stack:
        mock = bench.mock(stack)
        sender = Sender.of_product(bench, kind, mock, stack, messages)
        theirs = bench.side(None, stack)
        theirs.call("others.send_with_pywa", url=mock.url, messages=100)
        rounds: dict[str, list[tuple[float, float]]] = {"product": [], "pywa": []}
        sender.round(messages=messages, in_flight=400)
        for _ in range(2):
            rounds["product"].append(sender.round(messages=messages, in_flight=400))
            mock.reset()
            run = theirs.call("others.send_with_pywa", url=mock.url, messages=few)
            took = mock.arrivals().seconds_since(run["started"])
            rounds["pywa"].append((few / took, run["cpu"] * 1000 / few))
    return {
        name: (statistics.median(r for r, _ in pairs), statistics.median(c for _, c in pairs))
        for name, pairs in rounds.items()
    }


def r4(bench: Bench) -> list[Line]:
    values, notes = {}, []
    for kind in bench.kinds:
        both = against_celery(bench, kind)
        values[kind] = both["product"][0] / both["celery"][0]
        notes.append(f"{kind} {both['product'][0]:,.0f}/s against {both['celery'][0]:,.0f}/s")
    what = "messages/s / a Celery task per message (100 threads)"
    return [Line("R4", what, ">=", {"": 10}, values, "; ".join(notes))]


def r5(bench: Bench) -> list[Line]:
    values, notes = {}, []
    for kind in bench.kinds:
        both = against_celery(bench, kind)
        ours, theirs = sum(both["product"][1:]), sum(both["celery"][1:])
        values[kind] = theirs / ours
        notes.append(f"{kind} {theirs:.2f} ms against {ours:.3f} ms, database included")
    what = "CPU of a Celery task per message / CPU a message"
    return [Line("R5", what, ">=", {"": 14}, values, "; ".join(notes))]


def r6(bench: Bench) -> list[Line]:
    rates, cpus, notes = {}, {}, []
    for kind in bench.kinds:
        both = against_pywa(bench, kind)
        (rate, cpu), (their_rate, their_cpu) = both["product"], both["pywa"]
        rates[kind], cpus[kind] = rate / their_rate, their_cpu / cpu
        notes.append(
            f"{kind} {rate:,.0f}/s, {cpu:.3f} ms; pywa {their_rate:,.0f}/s, {their_cpu:.2f} ms"
        )
    return [
        Line("R6", "messages/s / pywa at its best", ">=", {"": 7}, rates, "; ".join(notes)),
        Line("R6", "CPU of pywa / CPU a message", ">=", {"": 7}, cpus),
    ]
