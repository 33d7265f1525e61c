"""Each magic recipient, over real HTTP."""

from pathlib import Path

import pytest
import requests

from companies.graph.sandbox import faults
from companies.graph.sandbox.settings import TYPES

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("to", "status", "code"),
    [
        ("15550130429", 400, 130429),
        ("15550131056", 400, 131056),
        ("15550000190", 401, 190),
        ("15550000002", 503, 2),
        ("15550131016", 500, 131016),
        ("15550132001", 404, 132001),
        ("15550000368", 403, 368),
    ],
)
def test_a_code_that_comes_in_the_answer(client, graph, to, status, code):
    answer = client.text(to)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert graph.counts()["accepted"] == 0


@pytest.mark.parametrize("code", [131026, 131047, 131049, 131050, 131053, 130472])
def test_a_code_that_comes_by_webhook(client, graph, receiver, code):
    answer = client.text(f"15550{code}")
    graph.settle()

    assert answer.status_code == 200
    assert receiver.story() == ["failed"]
    error = receiver.statuses()[0]["errors"][0]
    assert error["code"] == code
    assert error.keys() == {"code", "title", "message", "error_data", "href"}
    assert "contacts" not in receiver.values()[0]


def test_a_code_that_meta_does_not_have_is_an_ordinary_number(client, graph, receiver):
    client.text("15550783881")
    graph.settle()

    assert receiver.story() == ["sent", "delivered", "read"]


@pytest.mark.parametrize("digits", [d for d in faults.BY_MAGIC if d[0] in "012"])
def test_the_six_digit_form_is_the_same_recipient(digits):
    assert faults.of_recipient(f"155510{'0'}{digits}") is faults.BY_MAGIC[digits]
    assert faults.of_recipient(f"15551{digits}") is faults.BY_MAGIC[digits]


@pytest.mark.parametrize(
    ("digits", "status"), [("0500", 500), ("0502", 502), ("0503", 503), ("0429", 429)]
)
def test_an_http_error_without_json(client, graph, digits, status):
    answer = client.text(f"15551{digits}")

    assert answer.status_code == status
    with pytest.raises(requests.JSONDecodeError):
        answer.json()
    assert graph.counts()["dropped"] == 1


def test_a_slow_answer_was_accepted_before_it_came(client, graph, receiver):
    graph.fault("slow", seconds=0.3, times=1)

    answer = client.text()

    assert answer.elapsed.total_seconds() >= 0.3
    assert answer.status_code == 200
    assert receiver.story() == ["sent", "delivered", "read"]
    assert faults.BEHAVIOURS["slow"].wait == 8


@pytest.mark.parametrize(("digits", "accepted"), [("1002", 0), ("1003", 1)])
def test_a_closed_connection_before_and_after_accepting(client, graph, receiver, digits, accepted):
    with pytest.raises(requests.ConnectionError):
        client.text(f"15551{digits}", biz_opaque_callback_data="tag")
    graph.settle()

    assert graph.counts(biz_opaque_callback_data="tag")["accepted"] == accepted
    assert receiver.story() == ["sent", "delivered", "read"] * accepted


def test_slow_close_waits_and_accepts_nothing(client, graph):
    graph.fault("slow_close", seconds=0.1, times=1)

    with pytest.raises(requests.ConnectionError):
        client.text()

    assert graph.counts()["accepted"] == 0


@pytest.mark.parametrize(
    ("digits", "status", "body"),
    [
        ("1005", 200, b'{"messaging_product":"whatsapp","mess'),
        ("1006", 200, b'{"messaging_product":"whatsapp"}'),
        ("1007", 500, faults.HTML_500),
    ],
)
def test_an_answer_that_says_nothing_about_an_accepted_message(
    client, graph, receiver, digits, status, body
):
    answer = client.text(f"15551{digits}")
    graph.settle()

    assert (answer.status_code, answer.content) == (status, body)
    assert receiver.story() == ["sent", "delivered", "read"]


@pytest.mark.parametrize(
    ("digits", "story"),
    [
        ("2001", ["sent", "sent", "delivered", "delivered", "read", "read"]),
        ("2002", ["read", "delivered", "sent"]),
        ("2004", []),
        ("2005", ["sent", "read"]),
        ("2007", ["failed", "delivered"]),
        ("2008", ["sent", "delivered", "failed"]),
        ("2009", ["sent"]),
        ("2012", ["sent", "delivered", "read"]),
        ("2013", ["failed"]),
        ("2014", ["sent", "delivered"]),
    ],
)
def test_the_statuses_of_a_magic_recipient(client, graph, receiver, digits, story):
    assert client.text(f"15551{digits}").status_code == 200
    graph.settle()

    assert receiver.story() == story


def test_read_alone_carries_the_price_of_the_delivery(client, graph, receiver):
    client.text("155512005")
    graph.settle()

    assert all("pricing" in status for status in receiver.statuses())


def test_a_status_before_the_response(client, graph, receiver):
    graph.settings(delivered_delay=1.0, read_delay=1.1)  # long after the answer was read

    answer = client.text("155512003")
    story_at_the_answer = receiver.story()
    graph.settle()

    assert answer.status_code == 200
    assert story_at_the_answer == ["sent"]
    assert receiver.story() == ["sent", "delivered", "read"]


def test_timestamps_in_milliseconds(client, graph, receiver):
    client.text("155512006")
    graph.settle()

    assert all(len(status["timestamp"]) == 13 for status in receiver.statuses())


def test_bare_statuses_have_no_contacts_and_no_price(client, graph, receiver):
    client.text("155512010")
    graph.settle()

    assert not any("contacts" in value for value in receiver.values())
    assert not any("pricing" in status for status in receiver.statuses())


def test_statuses_that_name_the_user_id_only(client, graph, receiver):
    client.text("155512011")
    graph.settle()

    assert not any("recipient_id" in status for status in receiver.statuses())
    assert all(status["recipient_user_id"] for status in receiver.statuses())


def test_a_held_template_says_so(client, graph, receiver):
    graph.fault("held_dropped", times=1)

    answer = client.template("hello_world")
    graph.settle()

    assert answer.json()["messages"][0]["message_status"] == "held_for_quality_assessment"
    assert receiver.statuses()[0]["errors"][0]["code"] == 132015


@pytest.mark.parametrize(("digits", "status"), [("3001", 500), ("3002", 400), ("3004", 500)])
def test_two_attempts_fail_and_the_third_succeeds(client, graph, digits, status):
    answers = [client.text(f"15551{digits}").status_code for _ in range(3)]

    assert answers == [status, status, 200]
    assert graph.counts()["accepted"] == 1


def test_the_first_attempt_fails_by_webhook_and_the_second_arrives(client, graph, receiver):
    client.text("155513003", biz_opaque_callback_data="one")
    client.text("155513003", biz_opaque_callback_data="two")
    graph.settle()

    assert sorted(receiver.story()) == ["delivered", "failed", "read", "sent"]
    assert graph.counts()["to"]["repeated"] == {"155513003": 2}
    assert graph.counts()["reached"]["to"]["more_than_once"] == 0


def test_the_answer_may_name_another_wa_id(client, graph, receiver):
    answer = client.text("155514001")
    graph.settle()

    assert answer.json()["contacts"] == [{"input": "155514001", "wa_id": "1559514001"}]
    assert receiver.statuses()[0]["recipient_id"] == "1559514001"


@pytest.mark.parametrize(("digits", "words"), [("5001", "Thank you!"), ("5002", "STOP")])
def test_a_recipient_that_writes_back(client, graph, receiver, digits, words):
    wamid = client.text(f"15551{digits}").json()["messages"][0]["id"]
    graph.settle()

    (message,) = receiver.messages()
    assert message["text"] == {"body": words}
    assert message["from"] == f"15551{digits}"
    assert message["context"] == {"from": "15552000001", "id": wamid}


def test_every_behaviour_with_a_number_is_told_on_the_front_page(graph):
    page = requests.get(graph.url, headers={"Accept": "text/html"}, timeout=5).text

    assert all(f"15551{digits}" in page for digits in faults.BY_MAGIC)


def test_every_behaviour_is_told_in_the_documentation():
    text = (ROOT / "docs" / "sandbox.md").read_text()

    for name, behaviour in faults.BEHAVIOURS.items():
        assert f"`{name}`" in text
        if behaviour.magic:
            assert f"| `15551{behaviour.magic}` | `{name}` | {behaviour.about} |" in text


def test_every_setting_is_told_in_the_documentation():
    text = (ROOT / "docs" / "sandbox.md").read_text()

    assert [name for name in TYPES if f"`{name}`" not in text] == []
