import json

import pytest

WABA = "200000000000001"

BODY = {
    "type": "BODY",
    "text": "Your order {{1}} is ready for collection now.",
    "example": {"body_text": [["A1"]]},
}
NEW = {"name": "order_ready", "language": "en_US", "category": "UTILITY", "components": [BODY]}


@pytest.fixture
def create(client):
    def create(**changes):
        return client.call("POST", f"{WABA}/message_templates", json={**NEW, **changes})

    return create


def listed(client, **query):
    return client.call("GET", f"{WABA}/message_templates", params={"limit": 100, **query}).json()


def test_every_account_is_born_with_the_same_templates(client):
    names = sorted((t["name"], t["language"]) for t in listed(client, status="approved")["data"])

    assert names == [
        ("appointment_reminder", "en_US"),
        ("hello_world", "en_US"),
        ("order_receipt", "en_US"),
        ("order_receipt", "zh_CN"),
        ("order_update", "en_US"),
        ("otp_code", "en_US"),
        ("promo_template", "en_US"),
    ]


def test_a_listing_has_pages_fields_filters_and_a_summary(client):
    first = listed(client, limit=3, fields="name,status")
    second = client.http.get(first["paging"]["next"], timeout=5).json()

    assert [set(row) for row in first["data"]] == [{"name", "status", "id"}] * 3
    assert len(second["data"]) == 3
    assert {r["id"] for r in first["data"]}.isdisjoint(r["id"] for r in second["data"])
    assert [r["name"] for r in listed(client, category="marketing")["data"]] == ["promo_template"]
    assert listed(client, language="zh_CN", summary="total_count")["summary"]["total_count"] == 1


def test_a_new_template_is_reviewed_and_approved(client, graph, receiver, create):
    answer = create().json()
    (value,) = receiver.wait("message_template_status_update")

    assert answer["status"] == "PENDING"
    assert answer["category"] == "UTILITY"
    assert value == {
        "event": "APPROVED",
        "message_template_id": int(answer["id"]),
        "message_template_name": "order_ready",
        "message_template_language": "en_US",
        "reason": "NONE",
        "message_template_category": "UTILITY",
    }
    entry = [e for _, b in receiver.posts for e in json.loads(b)["entry"]][0]
    assert (entry["id"], isinstance(entry["time"], int)) == (WABA, True)
    assert client.call("GET", answer["id"]).json()["status"] == "APPROVED"


def test_a_name_with_reject_in_it_is_rejected(client, receiver, create):
    answer = create(name="please_reject_me").json()
    (value,) = receiver.wait("message_template_status_update")

    assert (value["event"], value["reason"]) == ("REJECTED", "INVALID_FORMAT")
    assert value["rejection_info"].keys() == {"reason", "recommendation"}
    shown = client.call("GET", f"{answer['id']}?fields=status,rejected_reason").json()
    assert shown == {"id": answer["id"], "status": "REJECTED", "rejected_reason": "INVALID_FORMAT"}


def test_the_decision_can_be_left_to_the_control(client, graph, receiver, create):
    graph.settings(template_decision="manual")
    create()

    assert client.template("order_ready").json()["error"]["code"] == 132001
    graph.template(WABA, "order_ready", "approve")
    receiver.wait("message_template_status_update")
    body = [{"type": "body", "parameters": [{"type": "text", "text": "A1"}]}]
    assert client.template("order_ready", body).status_code == 200


def test_a_rule_that_is_broken_is_told_in_the_management_envelope(create):
    answer = create(components=[{**BODY, "text": "{{1}} is ready for you now."}])

    error = answer.json()["error"]
    assert answer.status_code == 400
    assert error == {
        "message": "Invalid parameter",
        "type": "OAuthException",
        "code": 100,
        "error_subcode": 2388299,
        "is_transient": False,
        "error_user_title": "Leading or trailing params not allowed",
        "error_user_msg": "Variables can't be at the start or end of the template.",
        "fbtrace_id": error["fbtrace_id"],
    }


def test_the_same_name_and_language_cannot_come_twice(create):
    create()

    assert create().json()["error"]["error_subcode"] == 2388024


def test_all_languages_of_a_name_share_a_category(create):
    create()

    error = create(language="fr", category="MARKETING").json()["error"]

    assert error["error_user_msg"] == (
        "The category MARKETING doesn't match the one that's already associated with this "
        "template, UTILITY."
    )


def test_a_deleted_name_stays_taken(client, graph, receiver, create):
    create()
    receiver.wait("message_template_status_update")

    answer = client.call("DELETE", f"{WABA}/message_templates", params={"name": "order_ready"})

    assert answer.json() == {"success": True}
    assert "4 weeks" in create().json()["error"]["error_user_msg"]
    graph.settings(clock_offset=31 * 86400)
    assert create().status_code == 200


def test_one_language_is_deleted_by_its_id(client):
    rows = listed(client, name="order_receipt")["data"]
    chinese = next(row["id"] for row in rows if row["language"] == "zh_CN")

    client.call(
        "DELETE", f"{WABA}/message_templates", params={"name": "order_receipt", "hsm_id": chinese}
    )

    assert [r["language"] for r in listed(client, name="order_receipt")["data"]] == ["en_US"]
    assert client.call("GET", chinese).json()["error"]["error_subcode"] == 33


def test_deleting_what_is_not_there_is_an_error(client):
    answer = client.call("DELETE", f"{WABA}/message_templates", params={"name": "nonsense"})

    assert answer.status_code == 400


def test_an_approved_template_is_edited_once_a_day(client, graph, create):
    node = listed(client, name="order_update")["data"][0]["id"]
    edit = {"components": [{**BODY, "text": "Order {{1}} is on the way to you now."}]}

    assert client.call("POST", node, json=edit).json() == {"success": True}
    assert client.call("POST", node, json=edit).json()["error"]["error_subcode"] == 2388039
    graph.settings(clock_offset=86401)
    assert client.call("POST", node, json=edit).json() == {"success": True}
    assert client.call("GET", node).json()["components"] == edit["components"]


def test_a_template_in_review_cannot_be_edited(client, graph, create):
    graph.settings(template_decision="manual")
    node = create().json()["id"]

    answer = client.call("POST", node, json={"components": [BODY]})

    assert answer.json()["error"]["error_subcode"] == 2388039


def test_pauses_come_by_webhook_and_the_third_one_disables(client, graph, receiver):
    for _ in range(3):
        graph.template(WABA, "hello_world", "pause")
    values = receiver.wait("message_template_status_update", 3)

    assert [v["event"] for v in values] == ["PAUSED", "PAUSED", "DISABLED"]
    assert [v["other_info"]["title"] for v in values[:2]] == ["FIRST_PAUSE", "SECOND_PAUSE"]
    assert values[2]["disable_info"]["disable_date"] > 0


@pytest.mark.parametrize(
    ("action", "code"), [("pause", 132015), ("disable", 132016), ("reject", 132001)]
)
def test_only_an_approved_template_can_be_sent(client, graph, action, code):
    graph.template(WABA, "hello_world", action)

    assert client.template("hello_world").json()["error"]["code"] == code


def test_a_paused_template_can_be_unpaused(client, graph):
    (row,) = graph.template(WABA, "hello_world", "pause")["templates"]

    assert client.call("POST", f"{row['id']}/unpause").json() == {"success": True}
    assert client.call("POST", f"{row['id']}/unpause").json()["success"] is False
    assert client.template("hello_world").status_code == 200


def test_quality_and_category_changes_have_webhooks_of_their_own(graph, receiver):
    graph.template(WABA, "order_update", "quality", score="YELLOW")
    graph.template(WABA, "order_update", "category", category="MARKETING", announce=True)
    graph.template(WABA, "order_update", "category", category="MARKETING")

    (quality,) = receiver.wait("message_template_quality_update")
    coming, done = receiver.wait("template_category_update", 2)
    assert (quality["previous_quality_score"], quality["new_quality_score"]) == (
        "UNKNOWN", "YELLOW"
    )  # fmt: skip
    assert (coming["correct_category"], coming["new_category"]) == ("MARKETING", "UTILITY")
    assert (done["previous_category"], done["new_category"]) == ("UTILITY", "MARKETING")


def test_a_one_time_password_is_read_back_as_a_link(client):
    (row,) = listed(client, name="otp_code")["data"]

    button = row["components"][2]["buttons"][0]
    assert button["type"] == "URL"
    assert button["url"].startswith("https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE")


def test_a_template_can_be_put_there_without_review(client, graph):
    graph.template(WABA, "", "add", template={**NEW, "name": "at_once", "status": "APPROVED"})

    body = [{"type": "body", "parameters": [{"type": "text", "text": "A1"}]}]
    assert client.template("at_once", body).status_code == 200


def test_passwords_are_made_in_many_languages_at_once(client):
    body = {
        "name": "code",
        "category": "AUTHENTICATION",
        "languages": ["en_US", "fr"],
        "components": [
            {"type": "BODY"},
            {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE"}]},
        ],
    }

    rows = client.call("POST", f"{WABA}/upsert_message_templates", json=body).json()["data"]

    assert [row["language"] for row in rows] == ["en_US", "fr"]
