"""What Graph's answers mean, what is tried again, and how fast."""

import orjson
import pytest

from messaging.display import reason_title
from messaging.error_policy import POLICIES, Action, policy_for
from messaging.outcomes import Accepted, NoAnswer, Refused, is_final, judge, retry_seconds
from messaging.pacing import TokenBucket


def error(code: int, **fields: object) -> bytes:
    return orjson.dumps({"error": {"code": code, "message": f"(#{code}) Said", **fields}})


def test_a_wamid_means_accepted() -> None:
    assert judge(200, b'{"messages":[{"id":"wamid.1"}]}') == Accepted("wamid.1")


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b""), (200, b"{}"), (200, b'{"messages":[]}'), (502, b"<html>"), (504, b"{}")],
)
def test_what_graph_did_not_say_itself_proves_nothing(status: int, body: bytes) -> None:
    assert isinstance(judge(status, body), NoAnswer)


@pytest.mark.parametrize(
    ("status", "body", "action"),
    [
        (400, error(131009), Action.FAIL_MESSAGE),
        (400, error(131026), Action.FAIL_RECIPIENT),
        (400, error(132001), Action.FAIL_TEMPLATE),
        (500, error(131000), Action.RETRY),
        (429, error(130429), Action.SLOW),
        (400, error(131048), Action.PAUSE_CHANNEL),
        (400, error(131042), Action.BLOCK_CHANNEL),
        (401, error(190, error_subcode=463), Action.RECONNECT),
        (403, error(210), Action.RECONNECT),
        (500, error(987654), Action.RETRY),
        (429, error(987654), Action.PAUSE_CHANNEL),
        (403, error(987654), Action.RECONNECT),
        (400, error(987654), Action.FAIL_MESSAGE),
        (400, error(987654, is_transient=True), Action.RETRY),
        (400, b"<html>", Action.FAIL_MESSAGE),
    ],
)
def test_each_error_has_its_rule(status: int, body: bytes, action: Action) -> None:
    verdict = judge(status, body)

    assert isinstance(verdict, Refused)
    assert verdict.policy.action == action


def test_an_answer_without_graphs_json_is_named_by_its_http_status() -> None:
    verdict = judge(429, b"<html>")

    assert isinstance(verdict, Refused)
    assert (verdict.code, verdict.said) == ("http_429", "Meta answered HTTP 429")
    assert reason_title(verdict.code) == "Meta’s servers answered HTTP 429"


def test_the_details_are_metas_own_words() -> None:
    verdict = judge(400, error(131009, error_data={"details": "Row title is too long."}))

    assert isinstance(verdict, Refused)
    assert verdict.detail == "(#131009) Said: Row title is too long."


def test_every_rule_tells_staff_what_it_means_and_what_to_do() -> None:
    assert len(POLICIES) > 70
    assert all(policy.meaning and policy.remedy for policy in POLICIES)


def test_retries_grow_and_end() -> None:
    policy = policy_for(131016)

    waits = [retry_seconds(policy, attempts=n) for n in (1, 3, 6)]

    assert waits[0] < waits[1] < waits[2]
    assert not is_final(policy, attempts=1)
    assert is_final(policy, attempts=policy.max_attempts)


def test_the_pair_limit_waits_as_meta_advises() -> None:
    policy = policy_for(131056)

    assert 6 <= retry_seconds(policy, attempts=1) < 8
    assert 24 <= retry_seconds(policy, attempts=2) < 32


def test_a_message_waits_for_its_channel_however_often() -> None:
    assert not is_final(policy_for(190), attempts=99)


@pytest.mark.parametrize("rate", [1, 10, 80, 1000])
def test_no_second_sees_more_than_the_rate(rate: int) -> None:
    bucket, sent, now = TokenBucket(rate, now=0.0), [], 0.0
    while now < 10:
        count = bucket.available(now)
        bucket.take(count)
        sent += [now] * count
        now += 0.002

    busiest = max(sum(1 for at in sent if start <= at < start + 1) for start in sent[::7])
    assert len(sent) >= (rate * 10 - 1) * 0.97
    assert busiest <= max(rate * 1.04, rate + 1)


def test_after_a_stall_what_was_lost_is_made_good_without_a_rush() -> None:
    bucket, sent, now = TokenBucket(1000, now=0.0), [], 0.0
    while now < 20:
        now += 0.3 if 3 <= now < 3.002 else 0.002
        count = bucket.available(now)
        bucket.take(count)
        sent += [now] * count

    busiest = max(sum(1 for at in sent if start <= at < start + 1) for start in sent[::50])
    assert busiest <= 1045
    assert len(sent) >= 20_000 * 0.98


def test_a_complaint_halves_the_rate_and_peace_brings_it_back() -> None:
    bucket = TokenBucket(80, now=0.0)
    bucket.slow_down()
    slowed = bucket.rate
    for _ in range(10):
        bucket.recover()

    assert slowed == 40
    assert bucket.rate == 80
