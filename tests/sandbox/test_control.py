import pytest
import requests

from companies.graph.sandbox import ControlError

NUMBER = "100000000000001"
OTHER = "100000000000002"
WABA = "200000000000001"


def test_messages_show_payload_outcome_and_statuses(client, graph):
    client.text(biz_opaque_callback_data="tag")
    client.text("abc")
    graph.settle()

    good, bad = graph.messages()
    assert (good["outcome"], good["to"], good["biz_opaque_callback_data"]) == (
        "accepted", "254712345678", "tag"
    )  # fmt: skip
    assert good["payload"]["text"] == {"body": "Hello"}
    assert [s["status"] for s in good["statuses"]] == ["sent", "delivered", "read"]
    assert (bad["outcome"], bad["error_code"], bad["wamid"]) == ("rejected", 131009, None)


def test_messages_can_be_filtered_and_paged(client, graph):
    for to in ("254712345671", "254712345672", "254712345671"):
        client.text(to)

    first, third = graph.messages(to="+254 712 345671")
    assert [m["seq"] for m in graph.messages(after=first["seq"])] == [2, 3]
    assert [m["seq"] for m in graph.messages(limit=1)] == [third["seq"]]
    assert graph.messages(phone_number_id=OTHER) == []
    with pytest.raises(ControlError, match="no filter 'colour'"):
        graph.messages(colour="red")


def test_the_counters_are_exact_though_the_ring_is_small(client, graph):
    graph.settings(ring_size=2)
    for n in range(5):
        client.text(f"25471234567{n % 3}", biz_opaque_callback_data=f"tag-{n % 4}")

    counts = graph.counts()

    assert len(graph.messages()) == 2
    assert counts["accepted"] == 5
    assert counts["to"] == {
        "distinct": 3, "more_than_once": 2, "repeated": {"254712345670": 2, "254712345671": 2},
    }  # fmt: skip
    assert counts["biz_opaque_callback_data"]["repeated"] == {"tag-0": 2}
    assert graph.counts(to="254712345671") == {"accepted": 2, "reached": 2}
    assert graph.counts(biz_opaque_callback_data="nobody") == {"accepted": 0, "reached": 0}


def test_a_fault_strikes_as_often_as_ordered(client, graph):
    graph.fault("http_500", times=2)

    assert [client.text().status_code for _ in range(3)] == [500, 500, 200]
    assert graph.faults()[0]["hits"] == 2


@pytest.mark.parametrize(
    "match", [{"to": "+254712345678"}, {"phone_number_id": NUMBER}, {"type": "text"}]
)
def test_a_fault_strikes_what_it_matches(client, graph, match):
    graph.fault(code=131016, match=match)

    assert client.text("254712345678").status_code == 500
    other = {"messaging_product": "whatsapp", "to": "254712345679", "type": "location",
             "location": {"latitude": 1, "longitude": 1}}  # fmt: skip
    assert client.post(other, number=OTHER).status_code == 200


def test_a_fault_can_strike_one_template(client, graph):
    graph.fault(code=132015, template="hello_world")

    assert client.template("hello_world").json()["error"]["code"] == 132015
    assert client.text().status_code == 200


def test_a_seeded_chance_strikes_the_same_messages_again(client, graph):
    def story():
        graph.reset()
        graph.settings(seed=7)
        graph.fault("http_500", probability=0.5)
        return [client.text().status_code for _ in range(20)]

    first = story()

    assert first == story()
    assert 3 < first.count(500) < 17


def test_any_code_can_be_made_to_arrive_either_way(client, graph, receiver):
    graph.fault(code=131026, arrives="sync", times=1)
    graph.fault(code=130429, arrives="async", details="so it was", times=1)

    assert client.text().json()["error"]["code"] == 131026
    assert client.text().status_code == 200
    graph.settle()
    error = receiver.statuses()[0]["errors"][0]
    assert (error["code"], error["error_data"]) == (130429, {"details": "so it was"})


def test_the_http_status_of_an_error_can_be_chosen(client, graph):
    graph.fault(code=130429, http_status=429)

    assert client.text().status_code == 429


def test_a_revoked_token_can_be_ordered_for_one_number(client, graph):
    graph.fault("token_revoked", phone_number_id=OTHER)

    assert client.text().status_code == 200
    refused = client.post({"messaging_product": "whatsapp", "to": "254712345678",
                           "text": {"body": "x"}}, number=OTHER)  # fmt: skip
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, 190)


def test_a_throttle_lets_so_many_through(client, graph):
    graph.fault("throttle", per_second=3)

    codes = [client.text().status_code for _ in range(8)]

    assert codes[:3] == [200, 200, 200]
    assert 400 in codes[3:]


def test_faults_strike_other_calls_too(client, graph):
    graph.fault("http_503", on="templates", times=1)
    graph.fault(code=4, on="numbers", times=1)

    assert client.call("GET", f"{WABA}/message_templates").status_code == 503
    assert client.call("GET", f"{WABA}/phone_numbers").json()["error"]["code"] == 4
    assert client.call("GET", f"{WABA}/phone_numbers").status_code == 200


def test_faults_are_cancelled_one_by_one_or_all(client, graph):
    first = graph.fault("http_500")
    graph.fault("http_503")

    assert graph.control("DELETE", "faults", id=first["id"]) == {"cancelled": 1}
    assert [f["fault"] for f in graph.faults()] == ["http_503"]
    graph.clear_faults()
    assert graph.faults() == []


WRONG = {
    "no such thing": ("GET", "nonsense", None, "There is no 'nonsense'."),
    "wrong method": ("DELETE", "settings", None, "settings takes GET or POST."),
    "unknown setting": ("POST", "settings", {"x": 1}, "There is no setting 'x'."),
    "negative delay": ("POST", "settings", {"sent_delay": -1}, "sent_delay is at least 0"),
    "bad choice": ("POST", "settings", {"enforce_window": "x"}, "enforce_window is one of"),
    "bad type": ("POST", "settings", {"pair_limit": 1}, "pair_limit is true or false"),
    "unknown fault": ("POST", "faults", {"fault": "x"}, "There is no fault 'x'."),
    "no code": ("POST", "faults", {}, "An error fault needs the code"),
    "unknown field": ("POST", "faults", {"fault": "slow", "x": 1}, "There is no field 'x'"),
    "bad probability": ("POST", "faults", {"fault": "slow", "probability": 2}, "probability is"),
    "bad times": ("POST", "faults", {"fault": "slow", "times": 0}, "times is a whole number"),
    "no sender": ("POST", "inbound", {"phone_number_id": NUMBER}, "from: a phone number"),
    "no number": ("POST", "inbound", {"from": "254712345678"}, "phone_number_id: an id"),
    "unknown type": ("POST", "inbound",
                     {"phone_number_id": NUMBER, "from": "254712345678", "type": "x"},
                     "type: one of text"),
    "unknown wamid": ("POST", "status", {"wamid": "x", "status": "read"}, "no such message"),
    "no value": ("POST", "webhook", {}, "value is a JSON object"),
    "unknown template": ("POST", "templates", {"waba_id": WABA, "name": "x", "action": "pause"},
                         "there is no such template"),
    "unknown action": ("POST", "templates", {"action": "x"}, "action is one of"),
    "bad number": ("POST", "numbers", {"id": "12"}, "'12' is no id"),
    "token twice": ("POST", "tokens", {"revoke": "a", "restore": "b"}, "Either revoke or restore"),
}  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "sentence"), WRONG.values(), ids=WRONG.keys())
def test_bad_control_input_is_answered_with_a_sentence(graph, method, path, body, sentence):
    with pytest.raises(ControlError, match="error") as caught:
        graph.control(method, path, body)

    assert sentence in str(caught.value)


@pytest.mark.parametrize("body", [b"{", b"[]", b"1", b"\xff"])
def test_control_bodies_must_be_json_objects(graph, body):
    answer = requests.post(f"{graph.url}/_sandbox/settings", data=body, timeout=5)

    assert answer.status_code == 400
    assert "JSON" in answer.json()["error"]


def test_half_wrong_settings_change_nothing(graph):
    with pytest.raises(ControlError):
        graph.settings(sent_delay=5, nonsense=1)

    assert graph.settings()["sent_delay"] == 0


def test_secrets_are_never_shown(graph):
    assert graph.settings()["app_secret"] is True
    assert "s3cret" not in str(graph.state())


def test_a_status_can_be_sent_at_will(client, graph, receiver):
    graph.settings(statuses=False)
    wamid = client.text().json()["messages"][0]["id"]

    graph.status(wamid, "failed", code=131053, copies=2)
    receiver.wait(count=2)

    assert receiver.story() == ["failed", "failed"]
    assert receiver.statuses()[0]["errors"][0]["code"] == 131053


def test_any_value_can_be_sent_signed(graph, receiver):
    graph.webhook({"event": "ACCOUNT_DELETED"}, field="account_update", waba_id=WABA)

    assert receiver.wait("account_update") == [{"event": "ACCOUNT_DELETED"}]


def test_a_reset_forgets_messages_and_faults_but_not_templates(client, graph):
    graph.template(WABA, "hello_world", "pause")
    graph.fault("http_500", match={"to": "254712345679"})
    client.text()

    graph.reset()

    assert (graph.counts()["accepted"], graph.messages(), graph.faults()) == (0, [], [])
    assert client.template("hello_world").json()["error"]["code"] == 132015
    graph.reset(everything=True)
    assert client.template("hello_world").status_code == 200


def test_the_front_page_speaks_json_to_programs(graph):
    page = requests.get(graph.url, timeout=5).json()

    assert page["base_url"] == graph.url
    assert "POST /_sandbox/faults" in page["control"]


def test_other_calls_are_noted_without_their_tokens(client, graph):
    client.call("GET", f"{WABA}/phone_numbers")

    (call,) = graph.control("GET", "calls")["calls"]
    assert (call["method"], call["path"], call["status"]) == (
        "GET", f"/v25.0/{WABA}/phone_numbers", 200,
    )  # fmt: skip
    assert "EAA" not in str(call)
