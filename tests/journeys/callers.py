"""Companies' programs that send a stream of requests, and try again as they are told to."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import uuid4

import requests

from tests.journeys.installation import Accepted, Installation, batch_of, new_numbers
from tests.journeys.processes import until

RETRY_SECONDS = 0.2


@dataclass
class Stream:
    """Requests from several threads at once, each with an Idempotency-Key, until all are accepted."""

    site: Installation
    requests: int
    each: int = 10
    threads: int = 4
    answered: list[Accepted] = field(default_factory=list)
    broken: int = 0  # connections that broke, and answers that were no success
    _pool: ThreadPoolExecutor = field(init=False, repr=False)
    _futures: list[Future[None]] = field(default_factory=list, repr=False)
    _local: threading.local = field(default_factory=threading.local, repr=False)

    def start(self) -> "Stream":
        self._pool = ThreadPoolExecutor(self.threads)
        self._futures = [self._pool.submit(self._send) for _ in range(self.requests)]
        return self

    def wait_until_answered(self, number: int) -> None:
        what = f"{number} requests are answered"
        until(lambda: len(self.answered) >= number, seconds=120, what=what)

    def wait(self) -> list[Accepted]:
        with self._pool:
            for future in self._futures:
                future.result(120)
        return self.answered

    def _send(self) -> None:
        numbers, key = new_numbers(self.each), uuid4().hex
        while (response := self._try(numbers, key)) is None or response.status_code != 200:
            assert response is None or response.status_code >= 500, response.text
            self.broken += 1
            time.sleep(RETRY_SECONDS)
        self.answered.append(Accepted(batch_of(response), numbers))

    def _try(self, numbers: list[str], key: str) -> requests.Response | None:
        if not hasattr(self._local, "http"):
            self._local.http = requests.Session()
        with suppress(requests.RequestException):
            return self.site.post(numbers, key=key, http=self._local.http)
        return None
