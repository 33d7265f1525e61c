"""Starts and stops the sandbox: the HTTP server, the tick that sends statuses, the state file."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from aiohttp import web

from . import statefile, template_events
from .app import App
from .inbound import Reply, send_reply
from .media import MB
from .sending import send_status
from .state import State
from .statuses import Due

logger = logging.getLogger(__name__)

MAX_BODY = 110 * MB  # a little over the largest medium
SAVE_AFTER = 0.5


def _request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
    """As aiohttp makes it, but with room for a document of 100 MB."""
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=MAX_BODY)


@contextlib.asynccontextmanager
async def serving(
    state: State, *, host: str, port: int, state_file: Path | None = None
) -> AsyncIterator[int]:
    """Serve while the block runs; yields the port, which matters when 0 was asked for."""
    if state_file:
        statefile.load(state, state_file)
        template_events.schedule_pending(state)
    server = web.Server(App(state), request_factory=_request, access_log=None, keepalive_timeout=75)
    runner = web.ServerRunner(server, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, host, port, backlog=1024).start()
    bound = int(runner.addresses[0][1])
    state.base_url = f"http://{host}:{bound}"
    await state.webhooks.start()
    tasks = [asyncio.create_task(_tick(state))]
    if state_file:
        tasks.append(asyncio.create_task(_save(state, state_file)))
    try:
        yield bound
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await state.webhooks.stop()
        await runner.cleanup()
        if state_file and state.changed:
            statefile.save(state, state_file)


async def _tick(state: State) -> None:
    """Every few milliseconds: what is due becomes a webhook, what waits is posted."""
    while True:
        await asyncio.sleep(max(0.005, state.settings.webhook_interval))
        try:
            step(state)
        except Exception:
            logger.exception("sandbox: a tick failed")


def step(state: State) -> None:
    for event in state.timetable.take(time.monotonic()):
        if isinstance(event, Due):
            send_status(state, event)
        elif isinstance(event, Reply):
            send_reply(state, event)
        else:
            event()
    state.webhooks.pump()


async def _save(state: State, path: Path) -> None:
    while True:
        await asyncio.sleep(SAVE_AFTER)
        if not state.changed:
            continue
        state.changed = False
        try:
            statefile.save(state, path)
        except OSError as error:
            state.changed = True
            logger.warning("sandbox: %s could not be written: %s", path, error)
