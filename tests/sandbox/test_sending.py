import time

import pytest
import requests

NUMBER = "100000000000001"


def test_an_accepted_message_gets_the_answer_that_meta_gives(client):
    answer = client.text("+254 712 345-678")

    wamid = answer.json()["messages"][0]["id"]
    assert answer.status_code == 200
    assert answer.json() == {
        "messaging_product": "whatsapp",
        "contacts": [{"input": "+254 712 345-678", "wa_id": "254712345678"}],
        "messages": [{"id": wamid}],
    }
    assert wamid.startswith("wamid.HBgMMjU0NzEyMzQ1Njc4FQIAERgS")


def test_sent_delivered_and_read_follow(client, graph, receiver):
    wamid = client.text(biz_opaque_callback_data="job-42").json()["messages"][0]["id"]

    graph.settle()

    value = receiver.values()[0]
    stamp = value["statuses"][0]["timestamp"]
    assert receiver.story() == ["sent", "delivered", "read"]
    assert stamp.isdigit()
    assert abs(int(stamp) - time.time()) < 5
    assert value == {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15552000001", "phone_number_id": NUMBER},
        "contacts": [{"wa_id": "254712345678", "user_id": "KE.82171610845125613"}],
        "statuses": [
            {
                "id": wamid,
                "status": "sent",
                "timestamp": stamp,
                "recipient_id": "254712345678",
                "recipient_user_id": "KE.82171610845125613",
                "biz_opaque_callback_data": "job-42",
                "pricing": {
                    "billable": True,
                    "pricing_model": "PMP",
                    "type": "regular",
                    "category": "service",
                },
            }
        ],
    }


def test_only_sent_and_the_first_sign_of_receipt_are_priced(client, graph, receiver):
    client.text()

    graph.settle()

    assert [("pricing" in status) for status in receiver.statuses()] == [True, True, False]


@pytest.mark.parametrize("prefix", ["", "/v19.0", "/v26.0"])
def test_any_version_or_none_will_do(graph, prefix):
    answer = requests.post(
        f"{graph.url}{prefix}/{NUMBER}/messages",
        json={"messaging_product": "whatsapp", "to": "254712345678", "text": {"body": "x"}},
        headers={"Authorization": "Bearer EAAx"},
        timeout=5,
    )

    assert answer.status_code == 200


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer abc", "Basic EAAx", "Bearer 1|secret"])
def test_without_a_good_token_it_is_code_190(graph, header):
    headers = {"Authorization": header} if header else {}
    answer = requests.post(
        f"{graph.url}/v25.0/{NUMBER}/messages", json={}, headers=headers, timeout=5
    )

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == 190
    assert answer.headers["WWW-Authenticate"].startswith('OAuth "Facebook Platform"')


def test_a_token_may_also_come_in_the_query(client, graph):
    answer = requests.post(f"{graph.url}/{NUMBER}/messages?access_token=EAAx", json={}, timeout=5)

    assert answer.json()["error"]["message"] == (
        "(#100) The parameter messaging_product is required."
    )


@pytest.mark.parametrize("node", ["abc", "12", "123456789012345678", "²" * 15])
def test_what_is_no_id_is_an_unknown_object(client, node):
    answer = client.call("POST", f"{node}/messages", json={})

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["error_subcode"]) == (400, 100, 33)
    assert error["type"] == "GraphMethodException"


def test_an_unknown_edge_is_an_unknown_path(client):
    assert client.call("GET", f"{NUMBER}/nonsense").json()["error"]["code"] == 2500


def test_a_messaging_error_has_metas_shape(client):
    answer = client.text("abc")

    trace = answer.json()["error"]["fbtrace_id"]
    assert answer.status_code == 400
    assert answer.json() == {
        "error": {
            "message": "(#131009) Parameter value is not valid",
            "type": "OAuthException",
            "code": 131009,
            "error_data": {
                "messaging_product": "whatsapp",
                "details": "Recipient is not a valid phone number",
            },
            "fbtrace_id": trace,
        }
    }
    assert trace.startswith("A")
    assert len(trace) == 23


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"null", b'"text"', b"NaN"])
def test_what_is_not_json_lacks_its_first_parameter(client, body):
    answer = client.call("POST", f"{NUMBER}/messages", data=body)

    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == (
        "(#100) The parameter messaging_product is required."
    )


def test_a_read_receipt_succeeds_and_is_no_message(client, graph):
    answer = client.post(
        {
            "messaging_product": "whatsapp",
            "status": "read",
            "message_id": "wamid.x",
            "typing_indicator": {"type": "text"},
        }
    )

    assert answer.json() == {"success": True}
    assert graph.counts()["accepted"] == 0


def test_a_user_id_may_take_the_place_of_a_number(client, graph, receiver):
    answer = client.post(
        {"messaging_product": "whatsapp", "recipient": "KE.123456", "text": {"body": "x"}}
    )
    graph.settle()

    assert answer.json()["contacts"] == [{"input": "KE.123456", "user_id": "KE.123456"}]
    assert "recipient_id" not in receiver.statuses()[0]
    assert receiver.statuses()[0]["recipient_user_id"] == "KE.123456"


def test_a_reaction_is_only_ever_sent(client, graph, receiver):
    client.post(
        {
            "messaging_product": "whatsapp",
            "to": "254712345678",
            "type": "reaction",
            "reaction": {"message_id": "wamid.x", "emoji": "👍"},
        }
    )

    graph.settle()

    assert receiver.story() == ["sent"]


def test_a_template_says_that_it_was_accepted(client, graph, receiver):
    answer = client.template("hello_world")
    graph.settle()

    assert answer.json()["messages"][0]["message_status"] == "accepted"
    assert receiver.statuses()[0]["pricing"]["category"] == "utility"


def test_an_unknown_template_is_not_found(client):
    answer = client.template("nonsense")

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == 132001
    assert answer.json()["error"]["error_data"]["details"] == (
        "template name (nonsense) does not exist in en_US"
    )


def test_a_number_cannot_write_to_itself(client):
    assert client.text("+1 555 2000001").json()["error"]["code"] == 131021


def test_marketing_messages_takes_marketing_templates_only(client):
    def send(content):
        return client.call("POST", f"{NUMBER}/marketing_messages", json=content)

    base = {"messaging_product": "whatsapp", "to": "254712345678", "type": "template"}
    utility = {"name": "hello_world", "language": {"code": "en_US"}}

    text = send({**base, "type": "text", "text": {"body": "x"}})

    assert text.json()["error"]["message"] == "(#100) Message must be a template message."
    assert send({**base, "template": utility}).json()["error"]["code"] == 134100
