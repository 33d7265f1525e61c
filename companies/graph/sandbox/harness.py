"""A sandbox in a thread, and a small client of its control endpoint: for tests and benchmarks."""

import asyncio
import contextlib
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson

from .server import serving
from .settings import Settings
from .state import State

START_SECONDS = 10.0


class ControlError(Exception):
    """The control endpoint said no."""


class Sandbox:
    """The address of a sandbox and what can be asked of it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def control(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """One call to /_sandbox/{path}: control("GET", "counts", to="254700000001")."""
        given = {name: value for name, value in query.items() if value is not None}
        address = f"{self.url}/_sandbox/{path}" + (f"?{urlencode(given)}" if given else "")
        data = None if body is None else orjson.dumps(body)
        request = urllib.request.Request(address, data=data, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
                return orjson.loads(response.read())
        except urllib.error.HTTPError as error:
            raise ControlError(error.read().decode(errors="replace")) from None

    def state(self) -> dict[str, Any]:
        return dict(self.control("GET", "state"))

    def messages(self, **filters: Any) -> list[dict[str, Any]]:
        return list(self.control("GET", "messages", **filters)["messages"])

    def counts(self, **filters: Any) -> dict[str, Any]:
        return dict(self.control("GET", "counts", **filters))

    def settings(self, **changes: Any) -> dict[str, Any]:
        if not changes:
            return dict(self.control("GET", "settings"))
        return dict(self.control("POST", "settings", changes))

    def fault(self, fault: str = "error", **details: Any) -> dict[str, Any]:
        """fault("close_after", times=1, match={"to": "254700000001"}), fault(code=131026)."""
        return dict(self.control("POST", "faults", {"fault": fault, **details}))

    def faults(self) -> list[dict[str, Any]]:
        return list(self.control("GET", "faults")["faults"])

    def clear_faults(self) -> None:
        self.control("DELETE", "faults")

    def inbound(self, phone_number_id: str, sender: str = "", **message: Any) -> dict[str, Any]:
        order = {"phone_number_id": phone_number_id, "from": sender, **message}
        return dict(self.control("POST", "inbound", order))

    def status(self, wamid: str, status: str, **details: Any) -> dict[str, Any]:
        return dict(self.control("POST", "status", {"wamid": wamid, "status": status, **details}))

    def webhook(self, value: dict[str, Any], field: str = "messages", **more: Any) -> Any:
        return self.control("POST", "webhook", {"value": value, "field": field, **more})

    def webhooks(self, **filters: Any) -> dict[str, Any]:
        return dict(self.control("GET", "webhooks", **filters))

    def template(self, waba_id: str, name: str, action: str, **details: Any) -> dict[str, Any]:
        order = {"waba_id": waba_id, "name": name, "action": action, **details}
        return dict(self.control("POST", "templates", order))

    def number(self, number_id: str, **details: Any) -> dict[str, Any]:
        return dict(self.control("POST", "numbers", {"id": number_id, **details}))

    def revoke(self, token: str) -> None:
        self.control("POST", "tokens", {"revoke": token})

    def restore(self, token: str) -> None:
        self.control("POST", "tokens", {"restore": token})

    def describe_token(self, token: str, **facts: Any) -> None:
        """describe_token("EAA…", scopes=["whatsapp_business_messaging"], expires_at=1893456000)."""
        self.control("POST", "tokens", {"describe": token, **facts})

    def reset(self, **what: Any) -> None:
        self.control("POST", "reset", what)

    def wait(self, condition: Callable[["Sandbox"], bool], seconds: float = 5.0) -> None:
        """Ask again and again until the condition holds."""
        deadline = time.monotonic() + seconds
        while not condition(self):
            if time.monotonic() > deadline:
                raise TimeoutError("the sandbox did not get there in time")
            time.sleep(0.02)

    def settle(self, seconds: float = 10.0) -> None:
        """Wait until every status is due, posted and answered with 200."""
        self.wait(lambda sandbox: bool(sandbox.state()["idle"]), seconds)


class _Thread(threading.Thread):
    def __init__(self, state: State, host: str, port: int, state_file: Path | None) -> None:
        super().__init__(name="graph-sandbox", daemon=True)
        self.state = state
        self.where = (host, port, state_file)
        self.started_up = threading.Event()
        self.loop = new_event_loop()
        self.stopping = asyncio.Event()
        self.failure: BaseException | None = None

    def run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self._serve())
        except BaseException as error:  # told to the thread that waits for the start
            self.failure = error
        finally:
            self.started_up.set()
            self.loop.close()

    async def _serve(self) -> None:
        host, port, state_file = self.where
        async with serving(self.state, host=host, port=port, state_file=state_file):
            self.started_up.set()
            await self.stopping.wait()

    def stop(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            self.loop.call_soon_threadsafe(self.stopping.set)
        self.join(timeout=10)


def new_event_loop() -> asyncio.AbstractEventLoop:
    """uvloop's where it is installed: twice the messages for the same CPU."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


@contextlib.contextmanager
def running_sandbox(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    state_file: Path | str | None = None,
    clock: Callable[[], float] = time.time,
    **settings: Any,
) -> Iterator[Sandbox]:
    """A sandbox on a free port of the loopback for as long as the block runs."""
    chosen = Settings()
    chosen.update(settings)
    state = State(chosen, clock=clock)
    thread = _Thread(state, host, port, Path(state_file) if state_file else None)
    thread.start()
    thread.started_up.wait(START_SECONDS)
    if thread.failure or not state.base_url:
        thread.stop()
        raise RuntimeError("The sandbox did not start.") from thread.failure
    try:
        yield Sandbox(state.base_url)
    finally:
        thread.stop()
