"""The command line: the same flags for `python -m companies.graph.sandbox` and manage.py."""

import argparse
import asyncio
import json
import logging
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .harness import new_event_loop
from .server import serving
from .settings import BadSetting, Settings
from .state import State

logger = logging.getLogger("companies.graph.sandbox")


def add_arguments(parser: argparse.ArgumentParser, env: Mapping[str, str] = os.environ) -> None:
    port = env.get("PORT") or "8000"
    default = Settings()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=int(env.get("SANDBOX_PORT") or 8001))
    parser.add_argument(
        "--webhook-url",
        default=f"http://127.0.0.1:{port}/webhooks/meta",
        help="where webhooks go; empty for nowhere",
    )
    parser.add_argument("--app-secret", default=env.get("META_APP_SECRET") or default.app_secret)
    parser.add_argument(
        "--verify-token", default=env.get("META_VERIFY_TOKEN") or default.verify_token
    )
    parser.add_argument("--state", type=Path, help="a JSON file that keeps templates and numbers")
    parser.add_argument("--seed", type=int, help="makes chance repeatable")
    parser.add_argument("--mps", type=float, help="messages per second and number; 0: no limit")
    parser.add_argument("--quiet", action="store_true", help="log only what is wrong")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any setting of the control endpoint, with a JSON value; may be repeated",
    )


def settings_from(options: Mapping[str, Any]) -> Settings:
    settings = Settings()
    changes: dict[str, Any] = {
        "webhook_url": options["webhook_url"],
        "app_secret": options["app_secret"],
        "verify_token": options["verify_token"],
        "seed": options["seed"],
    }
    if options["mps"] is not None:
        changes["mps"] = options["mps"]
    for text in options["set"]:
        name, _, value = text.partition("=")
        changes[name.strip().replace("-", "_")] = _value(value)
    settings.update(changes)
    return settings


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def run(options: Mapping[str, Any]) -> int:
    """Serve until SIGTERM or SIGINT. The exit status says whether the start worked."""
    _log(quiet=options["quiet"])
    try:
        state = State(settings_from(options))
    except BadSetting as error:
        logger.error("sandbox: %s", error)
        return 2
    loop = new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(_serve(state, options["host"], options["port"], options["state"]))
    except OSError as error:
        logger.error("sandbox: it cannot listen on port %s: %s", options["port"], error)
        return 1
    finally:
        loop.close()
    return 0


async def _serve(state: State, host: str, port: int, state_file: Path | None) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, stopping.set)
        except (NotImplementedError, ValueError):  # Windows, or not the main thread
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopping.set))
    async with serving(state, host=host, port=port, state_file=state_file):
        target = state.settings.webhook_url.partition("?")[0] or "nowhere"
        logger.info("sandbox: Graph at %s, webhooks to %s", state.base_url, target)
        await stopping.wait()
        logger.info("sandbox: stopping")


def _log(*, quiet: bool) -> None:
    """Say something even where nobody configured logging."""
    package = logging.getLogger("companies.graph.sandbox")
    package.setLevel(logging.WARNING if quiet else logging.INFO)
    if not package.hasHandlers():
        logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
