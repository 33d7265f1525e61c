import pytest

NUMBER = "100000000000001"
USER = "254712345678"


def received(receiver):
    receiver.wait()
    return receiver.messages()[0]


def test_a_text_has_the_shape_that_meta_gives_it(graph, receiver):
    graph.inbound(NUMBER, "+254 712 345678", text="Habari", name="Ann")
    (value,) = receiver.wait()

    message = value["messages"][0]
    assert value == {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15552000001", "phone_number_id": NUMBER},
        "contacts": [
            {"profile": {"name": "Ann"}, "wa_id": USER, "user_id": "KE.82171610845125613"}
        ],
        "messages": [
            {
                "from": USER,
                "from_user_id": "KE.82171610845125613",
                "id": message["id"],
                "timestamp": message["timestamp"],
                "type": "text",
                "text": {"body": "Habari"},
            }
        ],
    }


SHAPES = [
    ({"type": "button", "text": "Stop", "payload": "STOP"},
     {"type": "button", "button": {"payload": "STOP", "text": "Stop"}}),
    ({"type": "button_reply", "reply_id": "1", "title": "Yes"},
     {"type": "interactive",
      "interactive": {"type": "button_reply", "button_reply": {"id": "1", "title": "Yes"}}}),
    ({"type": "list_reply", "reply_id": "1", "title": "Tea", "description": "Hot"},
     {"type": "interactive",
      "interactive": {"type": "list_reply",
                      "list_reply": {"id": "1", "title": "Tea", "description": "Hot"}}}),
    ({"type": "nfm_reply", "response_json": "{}"},
     {"type": "interactive",
      "interactive": {"type": "nfm_reply",
                      "nfm_reply": {"name": "flow", "body": "Sent", "response_json": "{}"}}}),
    ({"type": "location", "location": {"latitude": 1.5, "longitude": 2.5}},
     {"type": "location", "location": {"latitude": 1.5, "longitude": 2.5}}),
    ({"type": "reaction", "message_id": "wamid.x", "emoji": ""},
     {"type": "reaction", "reaction": {"message_id": "wamid.x", "emoji": ""}}),
    ({"type": "system", "new_wa_id": "254712345679", "body": "moved"},
     {"type": "system", "system": {"body": "moved", "wa_id": "254712345679",
                                   "type": "user_changed_number"}}),
    ({"type": "revoke", "original_message_id": "wamid.x"},
     {"type": "revoke", "revoke": {"original_message_id": "wamid.x"}}),
    ({"type": "edit", "original_message_id": "wamid.x", "text": "new"},
     {"type": "edit", "edit": {"original_message_id": "wamid.x",
                               "message": {"type": "text", "text": {"body": "new"}}}}),
    ({"message": {"type": "novelty", "novelty": {"x": 1}}},
     {"type": "novelty", "novelty": {"x": 1}}),
    ({"text": "Yes", "context": "wamid.x"},
     {"type": "text", "context": {"from": "15552000001", "id": "wamid.x"}}),
]  # fmt: skip


@pytest.mark.parametrize(("order", "expected"), SHAPES, ids=lambda d: str(d.get("type", "raw")))
def test_every_kind_of_message_can_be_made(graph, receiver, order, expected):
    graph.inbound(NUMBER, USER, **order)

    assert expected.items() <= received(receiver).items()


@pytest.mark.parametrize("kind", ["contacts", "order", "interactive"])
def test_kinds_with_much_inside_have_a_plausible_default(graph, receiver, kind):
    graph.inbound(NUMBER, USER, type=kind)

    assert received(receiver)[kind]


def test_an_unsupported_message_carries_its_error(graph, receiver):
    graph.inbound(NUMBER, USER, type="unsupported")

    assert received(receiver)["errors"][0]["code"] == 131051


def test_a_user_may_be_known_by_the_user_id_only(graph, receiver):
    graph.inbound(NUMBER, from_user_id="KE.1", no_profile=True)

    (value,) = receiver.wait()
    assert value["contacts"] == [{"user_id": "KE.1"}]
    assert "from" not in value["messages"][0]
    assert value["messages"][0]["from_user_id"] == "KE.1"


def test_the_same_message_can_come_twice(graph, receiver):
    for _ in range(2):
        graph.inbound(NUMBER, USER, id="wamid.same", timestamp="1700000000")
    receiver.wait(count=2)

    first, second = receiver.messages()
    assert first == second
