"""Rules that are off until they are switched on: windows, throughput, pairs, allow lists."""

import pytest

from companies.graph.sandbox.buckets import Bucket

NUMBER = "100000000000001"
USER = "254712345678"


def test_outside_the_window_a_free_message_fails_by_webhook(client, graph, receiver):
    graph.settings(enforce_window="async")

    assert client.text(USER).status_code == 200
    graph.settle()

    assert receiver.story() == ["failed"]
    assert receiver.statuses()[0]["errors"][0]["code"] == 131047


def test_the_answer_can_say_so_at_once(client, graph):
    graph.settings(enforce_window="sync")

    assert client.text(USER).json()["error"]["code"] == 131047


def test_a_template_needs_no_window(client, graph):
    graph.settings(enforce_window="sync")

    assert client.template("hello_world").status_code == 200


def test_a_users_message_opens_the_window_for_24_hours(client, graph):
    graph.settings(enforce_window="sync")
    graph.inbound(NUMBER, USER)

    assert client.text(USER).status_code == 200
    assert client.text("254712345679").status_code == 400
    graph.settings(clock_offset=86400)
    assert client.text(USER).status_code == 400


def test_a_message_opens_the_window_for_the_user_id_too(client, graph):
    graph.settings(enforce_window="sync")
    user = "KE.13491208655302741918"
    text = {"messaging_product": "whatsapp", "recipient": user, "text": {"body": "Hi"}}
    assert client.post(text).status_code == 400

    graph.inbound(NUMBER, from_user_id=user)

    assert client.post(text).status_code == 200


def test_over_the_throughput_it_is_130429(client, graph):
    graph.settings(mps=5)

    answers = [client.text() for _ in range(8)]

    assert [a.status_code for a in answers[:5]] == [200] * 5
    assert answers[7].json()["error"]["code"] == 130429


def test_each_number_has_its_own_throughput(client, graph):
    graph.number(NUMBER, mps=1)

    assert [client.text().status_code for _ in range(2)] == [200, 400]
    other = {"messaging_product": "whatsapp", "to": USER, "text": {"body": "x"}}
    assert client.post(other, number="100000000000002").status_code == 200


def test_the_status_of_a_throttled_answer_can_be_429(client, graph):
    graph.settings(mps=1, throttle_status=429)
    client.text()

    assert client.text().status_code == 429


def test_a_pair_gets_a_burst_of_45_and_then_one_in_six_seconds(client, graph):
    graph.settings(pair_limit=True, statuses=False)

    codes = [client.text(USER).status_code for _ in range(46)]

    assert codes == [200] * 45 + [400]
    assert client.text("254712345679").status_code == 200
    graph.settings(clock_offset=6)
    assert client.text(USER).status_code == 200
    assert client.text(USER).json()["error"]["code"] == 131056


def test_a_test_number_reaches_its_allow_list_only(client, graph):
    graph.settings(allow_list=["+254 712 345678"])

    assert client.text(USER).status_code == 200
    assert client.text("254712345679").json()["error"]["code"] == 131030


@pytest.mark.parametrize("seconds", [0, -5])
def test_a_bucket_gains_nothing_from_a_clock_that_stands_or_goes_back(seconds):
    bucket = Bucket.full(rate=10, burst=1, now=100)

    assert bucket.take(100)
    assert not bucket.take(100 + seconds)
    assert bucket.take(101)
