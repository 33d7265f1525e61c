import requests

from companies.graph.sandbox.auth import proof_of

NUMBER = "100000000000001"
WABA = "200000000000001"


def test_a_number_comes_into_being_when_it_is_spoken_of(client):
    shown = client.call(
        "GET", f"{NUMBER}?fields=display_phone_number,status,quality_rating,throughput"
    ).json()

    assert shown == {
        "id": NUMBER,
        "display_phone_number": "+1555 2000001",
        "status": "CONNECTED",
        "quality_rating": "GREEN",
        "throughput": {"level": "STANDARD"},
    }


def test_a_number_and_its_account_find_each_other(client):
    rows = client.call("GET", f"{WABA}/phone_numbers").json()["data"]

    assert [row["id"] for row in rows] == [NUMBER]
    assert {"verified_name", "display_phone_number", "quality_rating"} <= rows[0].keys()
    assert client.call("GET", f"{WABA}?fields=id,name,currency").json() == {
        "id": WABA, "name": "Sandbox Business", "currency": "USD",
    }  # fmt: skip


def test_the_control_can_say_where_a_number_belongs(client, graph, receiver):
    graph.number(
        "123456789012345", waba_id="987654321098765", display_phone_number="+254 700 000001"
    )

    client.post(
        {"messaging_product": "whatsapp", "to": "254712345678", "text": {"body": "x"}},
        number="123456789012345",
    )
    graph.settle()

    assert receiver.values()[0]["metadata"] == {
        "display_phone_number": "254700000001",
        "phone_number_id": "123456789012345",
    }
    rows = client.call("GET", "987654321098765/phone_numbers").json()["data"]
    assert [row["id"] for row in rows] == ["123456789012345"]


def test_a_deregistered_number_cannot_send_until_it_is_registered(client):
    register = {"messaging_product": "whatsapp", "pin": "123456"}
    client.call("POST", f"{NUMBER}/register", json=register)

    assert client.call("POST", f"{NUMBER}/deregister").json() == {"success": True}
    assert client.text().json()["error"]["code"] == 133010
    wrong = client.call("POST", f"{NUMBER}/register", json={**register, "pin": "654321"})
    assert wrong.json()["error"]["code"] == 133005
    assert client.call("POST", f"{NUMBER}/register", json=register).json() == {"success": True}
    assert client.text().status_code == 200


def test_a_pin_has_six_digits(client):
    body = {"messaging_product": "whatsapp", "pin": "12"}

    assert client.call("POST", f"{NUMBER}/register", json=body).json()["error"]["code"] == 100


def test_the_profile_keeps_what_it_is_given(client):
    body = {"messaging_product": "whatsapp", "about": "We sell tea", "websites": ["https://x.y"]}
    client.call("POST", f"{NUMBER}/whatsapp_business_profile", json=body)

    shown = client.call("GET", f"{NUMBER}/whatsapp_business_profile?fields=about").json()

    assert shown == {"data": [{"about": "We sell tea", "messaging_product": "whatsapp"}]}


def test_a_token_can_be_looked_into(graph, client):
    client.text()

    def look(token):
        query = {"input_token": token, "access_token": "670000000000001|secret"}
        return requests.get(f"{graph.url}/debug_token", params=query, timeout=5).json()["data"]

    good, bad = look("EAAx"), look("nonsense")
    assert good["is_valid"] is True
    assert good["granular_scopes"][0] == {
        "scope": "whatsapp_business_management", "target_ids": [WABA],
    }  # fmt: skip
    assert (bad["is_valid"], bad["error"]["code"]) == (False, 190)
    assert requests.get(f"{graph.url}/debug_token", timeout=5).status_code == 401


def test_a_revoked_token_is_refused_everywhere(client, graph):
    graph.revoke("EAAsandbox")

    assert client.text().json()["error"]["error_subcode"] == 460
    assert client.call("GET", f"{WABA}/phone_numbers").status_code == 401
    graph.restore("EAAsandbox")
    assert client.text().status_code == 200


def test_a_wrong_proof_is_refused_and_a_right_one_may_be_required(client, graph):
    right = proof_of("EAAsandbox", "s3cret")

    def send(proof):
        query = f"?appsecret_proof={proof}" if proof else ""
        return client.call("POST", f"{NUMBER}/messages{query}", json={}).json()["error"]["message"]

    assert send("x") == "Invalid appsecret_proof provided in the API argument"
    assert "messaging_product" in send(right)
    graph.settings(require_appsecret_proof=True)
    assert "require an appsecret_proof" in send("")


def test_management_calls_have_an_hourly_allowance(client, graph):
    graph.settings(management_per_hour=2)

    answers = [client.call("GET", f"{WABA}/message_templates") for _ in range(3)]

    assert [a.status_code for a in answers] == [200, 200, 400]
    assert answers[2].json()["error"]["code"] == 80007
    assert '"call_count":50' in answers[0].headers["x-business-use-case-usage"]


def test_a_sign_up_code_becomes_a_token(graph):
    query = {"client_id": "1", "client_secret": "s", "code": "AQ"}

    answer = requests.get(f"{graph.url}/v25.0/oauth/access_token", params=query, timeout=5).json()

    assert answer["access_token"].startswith("EAA")
