"""Credit, rates and keys under many callers at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from companies import credits, keys, limits
from companies.models import Company
from messaging import webhook_endpoints
from messaging.models import Message
from tests import factories


def at_once(count: int, call: Any, *, threads: int = 10) -> list[Any]:
    """`call(n)` from several threads, each with a database connection of its own."""

    def run(number: int) -> Any:
        try:
            return call(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(count)))


@pytest.mark.django_db(transaction=True)
def test_of_200_requests_at_once_with_credit_for_100_exactly_100_are_accepted() -> None:
    company = factories.make_company(credit=100)
    channel, key = factories.make_channel(company), factories.make_key(company)
    body = orjson.dumps({"phone_number": "254712345678", "type": "text", "message": "Hi"})

    def post(_: int) -> int:
        return int(
            Client()
            .post(
                f"/api/v1/whatsapp/{channel.pk}/messages",
                body,
                content_type="application/json",
                headers={"Authorization": f"Bearer {key}"},
            )
            .status_code
        )

    answers = at_once(200, post)

    company.refresh_from_db()
    assert sorted(answers) == [200] * 100 + [403] * 100
    assert Message.objects.count() == 100
    assert company.credits == 0 == sum(company.credit_entries.values_list("amount", flat=True))


@pytest.mark.django_db(transaction=True)
def test_of_100_hits_at_once_at_a_limit_of_60_exactly_60_pass() -> None:
    usages = at_once(100, lambda _: limits.hit(limits.Window("key:1", 60)))

    assert sum(usage.allowed for usage in usages) == 60


@pytest.mark.django_db(transaction=True)
def test_the_last_webhook_that_a_company_may_have_is_given_out_once() -> None:
    company = factories.make_company()
    for _ in range(webhook_endpoints.MAX_ENDPOINTS - 1):
        factories.make_endpoint(company)
    start = threading.Barrier(10)

    def add(_: int) -> bool:
        connection.ensure_connection()
        start.wait()
        try:
            webhook_endpoints.create(
                company_id=company.pk,
                url="https://acme.example/hook",
                events=["message.read"],
                secret="one",  # noqa: S106
            )
        except webhook_endpoints.TooManyWebhooks:
            return False
        return True

    assert sum(at_once(10, add)) == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_idempotency_key_at_once_sends_once() -> None:
    company = factories.make_company()
    channel, key = factories.make_channel(company), factories.make_key(company)
    body = orjson.dumps({"phone_number": "254712345678", "type": "text", "message": "Hi"})

    def post(_: int) -> Any:
        return Client().post(
            f"/api/v1/whatsapp/{channel.pk}/messages",
            body,
            content_type="application/json",
            headers={"Authorization": f"Bearer {key}", "Idempotency-Key": "one"},
        )

    answers = at_once(20, post)

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer["Location"] for answer in answers}) == 1
    assert Message.objects.count() == 1


@pytest.mark.django_db
def test_a_window_starts_with_the_first_use_and_ends(time_machine: Any) -> None:
    time_machine.move_to("2026-01-01T00:00:30Z")
    first = [limits.hit(limits.Window("key:1", 2)) for _ in range(3)]
    wait = first[2].retry_after
    time_machine.move_to("2026-01-01T00:01:31Z")
    later = limits.hit(limits.Window("key:1", 2))

    assert [usage.allowed for usage in first] == [True, True, False]
    assert wait == 60
    assert later.allowed and later.remaining == 1


@pytest.mark.django_db
def test_the_balance_never_passes_the_floor(acme: Company) -> None:
    with pytest.raises(credits.InsufficientCredits):
        credits.charge(company_id=acme.pk, amount=acme.credits + 1, batch_id=1)
    with pytest.raises(credits.InsufficientCredits):
        credits.top_up(company=acme, amount=-acme.credits - 1)

    acme.refresh_from_db()
    assert acme.credits == 1_000_000


@pytest.mark.django_db
def test_a_refund_taken_back_stops_at_the_floor() -> None:
    company = factories.make_company(credit=10)
    credits.refund(company_id=company.pk, amount=5, batch_id=1)
    credits.charge(company_id=company.pk, amount=13, batch_id=2)

    credits.take_back(company_id=company.pk, amount=5, batch_id=1)

    company.refresh_from_db()
    assert company.credits == 0 == sum(company.credit_entries.values_list("amount", flat=True))


@pytest.mark.django_db
def test_a_key_has_32_characters_and_only_its_hash_is_kept(acme: Company) -> None:
    row, text = keys.issue(company=acme, name="Checkout")

    assert len(text) == 32 and text.startswith("tuma_")
    assert text[13:] not in " ".join(str(value) for value in vars(row).values())
    assert keys.caller(text, now=timezone.now(), address="127.0.0.1") is not None


@pytest.mark.django_db
def test_a_revoked_key_is_refused_at_once(acme: Company) -> None:
    row, text = keys.issue(company=acme, name="Checkout")
    assert keys.caller(text, now=timezone.now(), address="") is not None

    keys.revoke(row)

    assert keys.caller(text, now=timezone.now(), address="") is None


@pytest.mark.django_db
def test_the_use_of_a_key_is_noted(acme: Company) -> None:
    row, text = keys.issue(company=acme, name="Checkout")

    keys.caller(text, now=timezone.now(), address="203.0.113.9")

    row.refresh_from_db()
    assert row.last_used_at is not None
    assert row.last_used_address == "203.0.113.9"
