"""Several web processes and one crowd: not one request and not one credit more than there is."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from companies.models import Company
from tests.journeys.installation import Installation, installed, new_numbers
from tests.journeys.processes import members, until
from tests.journeys.promises import assert_books_balance

pytestmark = pytest.mark.slow

# Of eight threads each, with a connection for every thread: PostgreSQL gives out a hundred, and other
# tests run beside this one.
PROCESSES = 4
CROWD = 200
LIMIT = 60  # WhatsSync's own
CREDIT = 100  # what the demo data give the second company


@pytest.fixture(scope="module")
def running(data_dir: Path) -> Iterator[Installation]:
    with installed(data_dir, WEB_CONCURRENCY=str(PROCESSES)) as site:
        all_run = f"{PROCESSES} processes run"
        until(lambda: len(members(site.web.pid)) > PROCESSES, seconds=60, what=all_run)
        yield site


def all_at_once(
    site: Installation, ask: Callable[[int], dict[str, Any]], *, key: str
) -> list[requests.Response]:
    """The answers to CROWD requests, each by a caller of its own, none of whom waits for another."""
    gate = threading.Barrier(CROWD)

    def call(number: int) -> requests.Response:
        with requests.Session() as http:
            http.trust_env = False
            http.headers["Authorization"] = f"Bearer {key}"
            request = ask(number)
            gate.wait(30)
            return http.request(**request | {"url": site.url + request["url"]}, timeout=60)

    with ThreadPoolExecutor(CROWD) as callers:
        return list(callers.map(call, range(CROWD)))


def test_several_processes_let_as_many_requests_pass_as_the_limit_allows(
    site: Installation,
) -> None:
    key = site.demo["companies"][0]["api_key"]

    answers = all_at_once(site, lambda _: {"method": "GET", "url": "/api/v1/contacts"}, key=key)

    assert Counter(answer.status_code for answer in answers) == {200: LIMIT, 429: CROWD - LIMIT}
    left = [answer.headers["X-RateLimit-Remaining"] for answer in answers if answer.ok]
    assert sorted(map(int, left)) == list(range(LIMIT))
    for answer in answers:
        assert answer.headers["X-RateLimit-Limit"] == str(LIMIT)
        assert ("Retry-After" in answer.headers) == (answer.status_code == 429)


def test_of_two_hundred_sends_at_once_as_many_are_accepted_as_there_is_credit_for(
    site: Installation,
) -> None:
    rival = site.demo["companies"][1]
    numbers = new_numbers(CROWD)

    answers = all_at_once(
        site,
        lambda n: {
            "method": "POST",
            "url": "/v1/messages",
            "json": {"to": numbers[n], "type": "text", "message": "Karibu!"},
        },
        key=rival["api_key"],
    )

    assert Counter(answer.status_code for answer in answers) == {200: CREDIT, 403: CROWD - CREDIT}
    refused = {answer.json()["error"]["code"] for answer in answers if not answer.ok}
    assert refused == {"INSUFFICIENT_CREDITS"}
    site.wait_until_at_rest()
    table = Company._meta.db_table
    assert site.database.one(f"SELECT credits FROM {table} WHERE id = %s", rival["id"]) == 0
    assert site.graph.counts()["accepted"] == CREDIT
    assert_books_balance(site)
