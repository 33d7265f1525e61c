import hashlib
import hmac
import json
import time

import pytest
import requests

from companies.graph.sandbox import running_sandbox, webhooks

NUMBER = "100000000000001"
WABA = "200000000000001"


def test_the_signature_covers_the_exact_bytes(graph, receiver):
    graph.inbound(NUMBER, "254712345678", text='Zoë/👍 "x" \\ /')
    receiver.wait()

    headers, body = receiver.posts[0]
    expected = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    assert headers["X-Hub-Signature-256"] == f"sha256={expected}"
    assert headers["Content-Type"] == "application/json"
    assert receiver.messages()[0]["text"]["body"] == 'Zoë/👍 "x" \\ /'


def test_non_ascii_and_slashes_are_escaped_as_meta_does():
    change = webhooks.Change("1", "messages", {"text": "é/👍"})

    assert webhooks.body_of([change]) == (
        b'{"object":"whatsapp_business_account","entry":[{"id":"1","changes":'
        b'[{"value":{"text":"\\u00e9\\/\\ud83d\\udc4d"},"field":"messages"}]}]}'
    )


def test_many_changes_share_a_body_grouped_by_account():
    changes = [
        webhooks.Change("1", "messages", {"n": 1}),
        webhooks.Change("2", "messages", {"n": 2}),
        webhooks.Change("1", "messages", {"n": 3}),
        webhooks.Change("1", "account_update", {"n": 4}, time=5),
    ]

    document = json.loads(webhooks.body_of(changes))

    assert [(e["id"], e.get("time"), len(e["changes"])) for e in document["entry"]] == [
        ("1", None, 2), ("2", None, 1), ("1", 5, 1),
    ]  # fmt: skip


def test_statuses_that_wait_travel_together_up_to_the_batch_size(client, graph, receiver):
    graph.settings(webhooks_paused=True, webhook_batch=4)
    for _ in range(3):
        client.text()
    graph.wait(lambda sandbox: sandbox.state()["statuses_due"] == 0)

    graph.settings(webhooks_paused=False)
    graph.settle()

    assert sorted(len(json.loads(body)["entry"][0]["changes"]) for _, body in receiver.posts) == [
        1, 4, 4,
    ]  # fmt: skip


@pytest.mark.parametrize("answers", [[500], [403, 302], [201, 204, 500]])
def test_a_webhook_comes_again_until_the_answer_is_200(graph, receiver, answers):
    receiver.answers = list(answers)

    graph.inbound(NUMBER, "254712345678")
    graph.settle()

    bodies = [body for _, body in receiver.posts]
    assert len(bodies) == len(answers) + 1
    assert len(set(bodies)) == 1
    (delivery,) = graph.webhooks()["deliveries"]
    assert [answer["status"] for answer in delivery["answers"]] == [*answers, 200]
    assert delivery["state"] == "delivered"


def test_the_pause_between_attempts_grows_up_to_its_cap(graph, receiver):
    graph.settings(webhook_retry_first=0.04, webhook_retry_cap=0.08)
    receiver.answers = [500] * 4

    graph.inbound(NUMBER, "254712345678")
    graph.settle()

    times = [a["time"] for a in graph.webhooks()["deliveries"][0]["answers"]]
    pauses = [later - earlier for earlier, later in zip(times, times[1:], strict=False)]
    assert pauses[0] >= 0.04
    assert all(0.08 <= pause < 0.5 for pause in pauses[1:])


def test_one_poisoned_body_does_not_hold_up_the_others(graph, receiver):
    receiver.answers = [500]
    graph.settings(webhook_retry_first=0.5, webhook_concurrency=8)

    graph.inbound(NUMBER, "254712345678", text="first")
    receiver.wait()
    graph.inbound(NUMBER, "254712345678", text="second")
    receiver.wait(count=2)

    assert [m["text"]["body"] for m in receiver.messages()] == ["first", "second"]


def test_after_an_outage_everything_arrives(receiver):
    with running_sandbox(
        webhook_url="http://127.0.0.1:1/", webhook_interval=0.01, webhook_concurrency=2,
        webhook_retry_first=0.02, webhook_retry_cap=0.05,
    ) as graph:  # fmt: skip
        for n in range(10):
            graph.inbound(NUMBER, "254712345678", text=str(n))
            time.sleep(0.01)
        graph.wait(lambda sandbox: sandbox.state()["webhooks"]["failed_attempts"] > 3)
        held = graph.state()["webhooks"]["waiting_changes"]

        graph.settings(webhook_url=receiver.url)
        graph.settle()

    assert held > 0
    assert sorted(m["text"]["body"] for m in receiver.messages()) == [str(n) for n in range(10)]


def test_a_delivery_is_given_up_after_seven_days(graph, receiver):
    graph.settings(webhook_retry_for=0)
    receiver.answers = [500]

    graph.inbound(NUMBER, "254712345678")
    graph.settle()

    assert graph.webhooks()["deliveries"][0]["state"] == "given up"


def test_without_an_address_nothing_is_posted(client, graph, receiver):
    graph.settings(webhook_url="")

    client.text()
    graph.settle()

    assert receiver.posts == []
    assert [s["status"] for s in graph.messages()[0]["statuses"]] == ["sent", "delivered", "read"]


def test_a_number_may_have_an_address_of_its_own(client, graph, receiver):
    graph.settings(webhook_url="http://127.0.0.1:1/")
    override = {"override_callback_uri": receiver.url, "verify_token": "verify"}

    answer = client.call("POST", NUMBER, json={"webhook_configuration": override})
    graph.inbound(NUMBER, "254712345678")

    assert answer.json() == {"success": True}
    assert receiver.wait()


def test_an_account_may_have_an_address_of_its_own(client, graph, receiver):
    graph.settings(webhook_url="http://127.0.0.1:1/")
    override = {"override_callback_uri": receiver.url, "verify_token": "verify"}

    client.call("POST", f"{WABA}/subscribed_apps", json=override)
    graph.inbound(NUMBER, "254712345678")

    assert receiver.wait()
    assert (
        client.call("GET", f"{WABA}/subscribed_apps").json()["data"][0]["override_callback_uri"]
        == receiver.url
    )


def test_an_address_that_fails_the_handshake_is_refused(client, graph, receiver):
    override = {"override_callback_uri": receiver.url, "verify_token": "wrong"}

    answer = client.call("POST", f"{WABA}/subscribed_apps", json=override)

    assert answer.json()["error"]["code"] == 2200


def test_the_apps_address_is_set_after_a_handshake(graph, receiver):
    graph.settings(webhook_url="")

    def subscribe(token):
        return requests.post(
            f"{graph.url}/v25.0/670000000000001/subscriptions",
            data={
                "object": "whatsapp_business_account",
                "callback_url": receiver.url,
                "verify_token": token,
                "fields": "messages,message_template_status_update",
            },
            headers={"Authorization": "Bearer 670000000000001|secret"},
            timeout=5,
        ).json()

    assert subscribe("wrong")["error"]["code"] == 2200
    assert subscribe("verify") == {"success": True}
    graph.inbound(NUMBER, "254712345678")
    assert receiver.wait()


def test_an_unsubscribed_account_hears_nothing(client, graph, receiver):
    client.call("DELETE", f"{WABA}/subscribed_apps")

    client.text()
    graph.settle()

    assert receiver.posts == []
    assert client.call("GET", f"{WABA}/subscribed_apps").json() == {"data": []}


def test_what_a_reset_forgets_does_not_come_again(graph, receiver):
    receiver.answers = [500]
    graph.inbound(NUMBER, "254712345678")
    receiver.wait()

    graph.reset()
    graph.settle()
    time.sleep(0.1)

    assert len(receiver.posts) == 1
