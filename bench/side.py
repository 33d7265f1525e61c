"""A process in which one side of a comparison is measured, alone with its environment.

It stays alive between calls, so imports and warm-up are outside of the clock, and the sides of a
comparison can be measured in turns. Calls and answers are lines of JSON on its pipes.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import orjson

ROOT = Path(__file__).resolve().parent.parent


class SideFailed(Exception):
    """What was to be measured raised; the text is its traceback."""


class Side:
    def __init__(self, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
        self.process = process
        self._log = log

    @classmethod
    @contextlib.contextmanager
    def started(cls, environment: dict[str, str], core: set[int] | None) -> Iterator[Side]:
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "bench.side"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                preexec_fn=lambda: os.sched_setaffinity(0, core) if core else None,
            )
            side = cls(process, log)
            try:
                yield side
            finally:
                process.kill()
                process.wait()
                for pipe in (process.stdin, process.stdout):
                    with contextlib.suppress(OSError):
                        pipe.close()  # type: ignore[union-attr]

    def call(self, name: str, /, **arguments: Any) -> Any:
        """Run `bench.<name>` there with these arguments; what it returns."""
        self.begin(name, **arguments)
        return self.end()

    def begin(self, name: str, /, **arguments: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(orjson.dumps([name, arguments]) + b"\n")
        self.process.stdin.flush()

    def end(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SideFailed(f"The process ended.\n{self._tail()}")
        answer = orjson.loads(line)
        if "error" in answer:
            sys.stderr.write(answer["error"])
            raise SideFailed(answer["error"].strip().splitlines()[-1])
        return answer["result"]

    def _tail(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")[-2000:]


def main() -> None:
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever prints must not mix with the answers
    if os.environ.get("DATABASE_URL"):
        import django

        django.setup()
    for line in sys.stdin.buffer:
        name, arguments = orjson.loads(line)
        try:
            module, _, function = name.rpartition(".")
            result = getattr(importlib.import_module(f"bench.{module}"), function)(**arguments)
            answers.write(orjson.dumps({"result": result}) + b"\n")
        except Exception:
            answers.write(orjson.dumps({"error": traceback.format_exc()}) + b"\n")


if __name__ == "__main__":
    main()
