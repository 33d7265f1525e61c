"""`make run`: everything on one machine. Writes secrets once, migrates, loads the demo data, starts
web, worker and Graph sandbox, waits until they are ready, and says what to try.

Plain Python: it must run before the settings can be read, since it writes what they need.
"""

import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

import environ
import orjson

ROOT = Path(__file__).resolve().parent.parent
READY_SECONDS = 90
STOP_SECONDS = 30
RESTART_SECONDS = 1.0
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1

EXAMPLE = """curl -X POST {base}/api/v1/whatsapp/{channel}/messages \\
  -H "Authorization: Bearer {key}" \\
  -H "Content-Type: application/json" \\
  -d '{{"phone_number": "+254712345678", "type": "text", "message": "Hello from the API!"}}'"""


def say(text: str = "") -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def prepare_environment() -> Path:
    """Fill os.environ with what isn't set: from .env, from DATA_DIR/local.env, and the sandbox."""
    environ.Env.read_env(ROOT / ".env")
    data = ROOT / os.environ.setdefault("DATA_DIR", "data")
    data.mkdir(parents=True, exist_ok=True)
    local = data / "local.env"
    if not local.exists():
        write_secrets(local)
    environ.Env.read_env(local)
    os.environ.setdefault("PORT", "8000")
    os.environ.setdefault("SANDBOX_PORT", "8001")
    os.environ.setdefault("GRAPH_API_URL", sandbox_url())
    return data


def write_secrets(path: Path) -> None:
    lines = [
        "# Written once by `make run`: this copy's own secrets. Keep it out of version control.",
        "DEBUG=on",
        f"SECRET_KEY={secrets.token_urlsafe(50)}",
        f"FIELD_ENCRYPTION_KEYS={urlsafe_b64encode(secrets.token_bytes(32)).decode()}",
        f"META_APP_SECRET={secrets.token_hex(16)}",
        f"META_VERIFY_TOKEN={secrets.token_hex(16)}",
    ]
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("\n".join(lines) + "\n")


def note_ports(data: Path) -> None:
    """So that `manage.py` in another terminal speaks of this start's addresses."""
    lines = [f"{name}={os.environ[name]}" for name in ("PORT", "SANDBOX_PORT", "GRAPH_API_URL")]
    (data / "running.env").write_text("\n".join(lines) + "\n")


def sandbox_url() -> str:
    return f"http://127.0.0.1:{os.environ['SANDBOX_PORT']}"


def base_url() -> str:
    return f"http://127.0.0.1:{os.environ['PORT']}"


def die_with_parent() -> None:
    """In a child: be told to stop if this supervisor is killed outright (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Child:
    """One of the processes, started again if it dies."""

    name: str
    command: list[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started_at: float = field(default=0.0)

    def start(self) -> None:
        self.started_at = time.monotonic()
        output: IO[bytes]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 - our own command lines
                self.command,
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                # Ctrl-C is for us: we stop the children, in our order.
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509
            )

    def keep_alive(self) -> None:
        if self.process is None or self.process.poll() is None:
            return
        if time.monotonic() - self.started_at > RESTART_SECONDS:
            say(f"{self.name} ended ({self.process.returncode}); starting it again. See {self.log}")
            self.start()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def wait(self, until: float) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()


def children(data: Path) -> list[Child]:
    logs = data / "logs"
    logs.mkdir(exist_ok=True)
    python = sys.executable
    web = [python, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{os.environ['PORT']}"]
    web += ["--worker-class", "gthread", "--threads", "8", "--graceful-timeout", "20"]
    web += ["--workers", os.environ.get("WEB_CONCURRENCY", "2"), "--log-level", "warning"]
    worker = [python, "-m", "celery", "--app", "config", "worker", "--pool", "threads"]
    worker += ["--concurrency", "16", "--beat", "--loglevel", "WARNING"]
    worker += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    started = [Child("web", web, logs / "web.log"), Child("worker", worker, logs / "worker.log")]
    if os.environ["GRAPH_API_URL"].rstrip("/") == sandbox_url():
        sandbox = [python, "manage.py", "sandbox", "--state", str(data / "sandbox.json")]
        started.append(Child("sandbox", sandbox, logs / "sandbox.log"))
    return started


def manage(*arguments: str) -> bytes:
    """Run a management command to its end; what it printed."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "manage.py", *arguments], cwd=ROOT, stdout=subprocess.PIPE, check=False
    )
    if done.returncode:
        sys.exit(f"`manage.py {' '.join(arguments)}` failed; see above.")
    return done.stdout


def refuse_taken_ports() -> None:
    for name in ("PORT", "SANDBOX_PORT"):
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", int(os.environ[name]))) == 0:
                sys.exit(
                    f"Port {os.environ[name]} is taken. Stop what uses it, or set another {name}: "
                    f"`{name}=9000 make run`."
                )


def wait_until_ready(processes: list[Child]) -> None:
    until = time.monotonic() + READY_SECONDS
    answer = "no answer yet"
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{base_url()}/readyz", timeout=5):  # noqa: S310
                return
        except urllib.error.HTTPError as error:
            answer = error.read().decode(errors="replace")[:500]
        except OSError as error:
            answer = str(error)
        for child in processes:
            child.keep_alive()
        time.sleep(0.2)
    logs = ", ".join(str(child.log) for child in processes)
    say(f"Not ready after {READY_SECONDS} s: {answer}\nSee {logs}")


def is_on(text: str) -> bool:
    return text.strip().lower() in environ.Env.BOOLEAN_TRUE_STRINGS


def explain(demo: bytes, processes: list[Child]) -> None:
    """Say where everything is; `demo` is what `manage.py demo --json` printed, or nothing."""
    made = orjson.loads(demo) if demo else None
    say()
    say(f"Tuma runs at {base_url()}")
    say(f"  sign in     {base_url()}/accounts/login/")
    if made:
        for who in (made["staff"], *(company["owner"] for company in made["companies"])):
            say(f"              {who['email']}  {who['password']}")
    else:
        say("              DEBUG is off, so there is no demo data: `manage.py createsuperuser`")
    say(f"  API keys    {base_url()}/companies")
    say(f"  staff       {base_url()}/admin/")
    if len(processes) > 2:
        say(f"  sandbox     {sandbox_url()}")
    say(f"  logs        {processes[0].log.parent}")
    if made:
        acme = made["companies"][0]
        channel, key = acme["channels"][0]["id"], acme["api_key"]
        say("\nSend a first message from another terminal:\n")
        say(EXAMPLE.format(base=base_url(), channel=channel, key=key))
    say("\nCtrl-C stops everything.")


class Stop(Exception):
    """Somebody asked us to end."""


def raise_stop(_signal: int, _frame: FrameType | None) -> None:
    for name in SIGNALS:  # once is enough: what is in flight takes its time
        signal.signal(name, signal.SIG_IGN)
    raise Stop


def main() -> None:
    data = prepare_environment()
    refuse_taken_ports()
    note_ports(data)
    for name in SIGNALS:
        signal.signal(name, raise_stop)
    processes: list[Child] = []
    try:
        manage("migrate", "--verbosity", "0")
        demo = manage("demo", "--json") if is_on(os.environ.get("DEBUG", "")) else b""
        processes = children(data)
        for child in processes:
            child.start()
        wait_until_ready(processes)
        explain(demo, processes)
        while True:
            time.sleep(0.5)
            for child in processes:
                child.keep_alive()
    except Stop:
        say("\nStopping: what is in flight is finished first.")
    finally:
        for child in processes:
            child.stop()
        until = time.monotonic() + STOP_SECONDS
        for child in processes:
            child.wait(until)


if __name__ == "__main__":
    main()
