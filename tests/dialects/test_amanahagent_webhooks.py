"""AmanahAgent's webhooks: the printed request, and what belongs to them in its style."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.test import Client
from django.utils import timezone

from companies.models import Channel, Company
from messaging import outgoing, webhook_endpoints, webhook_signing
from messaging.models import Status, WebhookDelivery, WebhookEndpoint
from tests import factories, webhooks

pytestmark = pytest.mark.django_db
FIXTURES = Path(__file__).parents[1] / "fixtures/amanahagent"
HOOK = {"url": "https://acme.example/hook", "events": ["message.read"]}
Call = Callable[..., Any]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def printed(name: str) -> dict[str, Any]:
    return orjson.loads((FIXTURES / f"{name}.json").read_bytes())


@pytest.fixture
def call(client: Client, channel: Channel, key: str) -> Call:
    def request(method: str, path: str = "", body: Any = None, **fields: Any) -> Any:
        headers = {"Authorization": f"Bearer {fields.pop('key', key)}", **fields.pop("headers", {})}
        if method == "get":
            return client.get(f"/v1/webhooks{path}", body, headers=headers)
        data = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        return getattr(client, method)(
            f"/v1/webhooks{path}", data, content_type="application/json", headers=headers
        )

    return request


@pytest.fixture
def hook(acme: Company) -> WebhookEndpoint:
    return factories.make_endpoint(acme)


def happen(endpoint: WebhookEndpoint, count: int = 1) -> None:
    outgoing.tell(
        outgoing.Event(
            company_id=endpoint.company_id,
            kind="message.received",
            at=timezone.now(),
            data={"text": f"{n}"},
        )
        for n in range(count)
    )


def refusal(response: Any) -> tuple[int, str]:
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "details"}
    return response.status_code, body["error"]["code"]


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_printed_request_makes_a_webhook(call: Call, slash: str) -> None:
    response = call("post", slash, printed("webhook.request"))

    assert response.status_code == 201
    body = response.json()
    assert set(body) == {"id", "url", "events", "status", "created_at"}
    assert body["id"].startswith("wh_")
    assert body["url"] == "https://your-app.com/webhooks/amanahagent"
    assert body["events"] == printed("webhook.request")["events"]
    assert body["status"] == "active"
    assert TIME.fullmatch(body["created_at"])
    assert WebhookEndpoint.objects.get().secret == "your-webhook-secret"


def test_the_printed_payload_is_what_is_posted(
    hook: WebhookEndpoint, client: Client, channel: Channel, apply_inbox: Any
) -> None:
    message = factories.make_message(
        channel,
        recipient="1234567890",
        status=Status.SENT,
        wamid="wamid.1",
        batch=factories.make_batch(channel, dialect="amanahagent"),
    )
    delivered = webhooks.status(message, "delivered", timestamp="1705314615")
    webhooks.post(client, webhooks.body(channel, statuses=[delivered]))
    apply_inbox()

    posted = orjson.loads(WebhookDelivery.objects.get().body())

    expected = printed("webhook.payload")
    expected["data"]["message_id"] = message.public_id
    assert {name: posted[name] for name in expected} == expected
    assert set(posted) - set(expected) == {"id", "sequence"}


def test_without_a_secret_we_make_one_and_show_it_once(call: Call) -> None:
    body = call("post", "", HOOK).json()

    assert body["secret"].startswith("whsec_")
    assert WebhookEndpoint.objects.get().secret == body["secret"]
    assert "secret" not in call("get", f"/{body['id']}").json()
    assert body["secret"] not in call("get").content.decode()


def test_a_secret_is_stored_encrypted(call: Call, django_assert_num_queries: Any) -> None:
    from django.db import connection

    call("post", "", {**HOOK, "secret": "very-secret-words"})

    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM messaging_webhookendpoint")
        assert "very-secret-words" not in cursor.fetchone()[0]


def test_a_repeated_idempotency_key_makes_one_webhook_and_keeps_no_secret(call: Call) -> None:
    from messaging.models import IdempotencyRecord

    first = call("post", "", HOOK, headers={"Idempotency-Key": "k1"})
    again = call("post", "", HOOK, headers={"Idempotency-Key": "k1"})

    assert first.json() == again.json()
    assert WebhookEndpoint.objects.count() == 1
    assert first.json()["secret"] not in IdempotencyRecord.objects.get().body


def test_a_repeated_idempotency_key_does_nothing_to_a_webhook_again(
    call: Call, hook: WebhookEndpoint
) -> None:
    from messaging.models import IdempotencyRecord

    happen(hook)
    requests = {"/test": None, "/roll-secret": None, "/replay": {"since": "2020-01-01"}}
    for path, body in requests.items():
        headers = {"Idempotency-Key": path}
        first, again = (
            call("post", f"/{hook.public_id}{path}", body, headers=headers) for _ in "12"
        )
        other = call("post", f"/{hook.public_id}{path}", {"since": "2021-01-01"}, headers=headers)

        assert again.json() == first.json()
        assert again["Idempotent-Replayed"] == "true"
        assert refusal(other) == (409, "IDEMPOTENCY_CONFLICT")
    hook.refresh_from_db()
    assert hook.last_sequence == 2
    kept = "".join(IdempotencyRecord.objects.values_list("body", flat=True))
    assert hook.secret not in kept


def test_who_asks_again_for_a_webhook_that_was_deleted_since_gets_no_secret(call: Call) -> None:
    first = call("post", "", HOOK, headers={"Idempotency-Key": "k1"}).json()
    call("delete", f"/{first['id']}")

    again = call("post", "", HOOK, headers={"Idempotency-Key": "k1"})

    assert again.status_code == 201
    assert {**again.json(), "secret": first["secret"]} == first


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "MISSING_URL"),
        ({**HOOK, "url": ""}, "MISSING_URL"),
        ({**HOOK, "url": 7}, "INVALID_URL"),
        ({**HOOK, "url": "your-app.com/hook"}, "INVALID_URL"),
        ({**HOOK, "url": "ftp://your-app.com/hook"}, "INVALID_URL"),
        ({**HOOK, "url": "http://your-app.com/hook"}, "INVALID_URL"),
        ({**HOOK, "url": "https://user:pass@your-app.com/"}, "INVALID_URL"),
        ({**HOOK, "url": "https://your-app.com:99999/"}, "INVALID_URL"),
        ({**HOOK, "url": "https://localhost/hook"}, "INVALID_URL"),
        ({**HOOK, "url": "https://127.0.0.1/hook"}, "INVALID_URL"),
        ({**HOOK, "url": "https://[::1]/hook"}, "INVALID_URL"),
        ({**HOOK, "url": "https://10.0.0.1/hook"}, "INVALID_URL"),
        ({**HOOK, "url": "https://169.254.169.254/latest"}, "INVALID_URL"),
        ({**HOOK, "url": "https://2130706433/"}, "INVALID_URL"),
        ({**HOOK, "url": "https://0x7f.1/"}, "INVALID_URL"),
        ({**HOOK, "url": "https://①②⑦.⓪.⓪.①/"}, "INVALID_URL"),
        ({"url": HOOK["url"]}, "MISSING_EVENTS"),
        ({**HOOK, "events": []}, "MISSING_EVENTS"),
        ({**HOOK, "events": "message.read"}, "INVALID_EVENTS"),
        ({**HOOK, "events": ["message.eaten"]}, "INVALID_EVENTS"),
        ({**HOOK, "events": [["message.read"]]}, "INVALID_EVENTS"),
        ({**HOOK, "events": [{}]}, "INVALID_EVENTS"),
        ({**HOOK, "secret": 7}, "INVALID_SECRET"),
        ({**HOOK, "secret": "x" * 300}, "INVALID_SECRET"),
        ({**HOOK, "secret": "a\nb"}, "INVALID_SECRET"),
        ({**HOOK, "secret": "whsec_not base64"}, "INVALID_SECRET"),
        (b"not json", "INVALID_BODY"),
        (b"[]", "INVALID_BODY"),
        (b'{"url": "https://a.example/\\u0000", "events": ["message.read"]}', "INVALID_BODY"),
    ],
)
def test_what_makes_no_sense_is_refused(call: Call, body: Any, code: str) -> None:
    assert refusal(call("post", "", body)) == (400, code)
    assert not WebhookEndpoint.objects.exists()


def test_the_operator_may_open_a_network_with_plain_http(call: Call, settings: Any) -> None:
    settings.TENANT_URL_ALLOW = ["127.0.0.0/8"]

    opened = call("post", "", {**HOOK, "url": "http://127.0.0.1:9000/hook"})
    other = call("post", "", {**HOOK, "url": "http://10.0.0.1:9000/hook"})

    assert opened.status_code == 201
    assert refusal(other) == (400, "INVALID_URL")


def test_there_is_a_limit_to_webhooks(call: Call, acme: Company) -> None:
    for _ in range(20):
        factories.make_endpoint(acme)

    assert refusal(call("post", "", HOOK)) == (400, "WEBHOOK_LIMIT_REACHED")


def test_they_are_listed_and_shown(call: Call, hook: WebhookEndpoint, rival: Company) -> None:
    factories.make_endpoint(rival)

    listed = call("get").json()

    assert listed["pagination"] == {"page": 1, "limit": 50, "total": 1, "total_pages": 1}
    assert listed["webhooks"] == [call("get", f"/{hook.public_id}").json()]
    assert listed["webhooks"][0]["id"] == hook.public_id
    assert listed["webhooks"][0]["last_sequence"] == 0


def test_a_webhook_is_changed_switched_off_and_on_again(call: Call, hook: WebhookEndpoint) -> None:
    path = f"/{hook.public_id}"

    changed = call("patch", path, {"url": "https://new.example/", "events": ["message.failed"]})
    off = call("patch", path, {"status": "disabled"})
    on = call("patch", path, {"status": "active"})

    assert changed.json()["url"] == "https://new.example/"
    assert changed.json()["events"] == ["message.failed"]
    assert (off.json()["status"], off.json()["disabled_reason"]) == ("disabled", "by_hand")
    assert (on.json()["status"], on.json()["disabled_reason"]) == ("active", None)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "INVALID_FIELD"),
        ({"secret": "x"}, "INVALID_FIELD"),
        ({"status": "on"}, "INVALID_STATUS"),
        ({"status": ["active"]}, "INVALID_STATUS"),
        ({"url": None}, "INVALID_URL"),
        ({"url": "https://10.0.0.1/"}, "INVALID_URL"),
        ({"events": []}, "INVALID_EVENTS"),
        ({"events": ["message.failed"], "url": "nowhere"}, "INVALID_URL"),
    ],
)
def test_a_change_that_makes_no_sense_changes_nothing(
    call: Call, hook: WebhookEndpoint, body: Any, code: str
) -> None:
    before = call("get", f"/{hook.public_id}").json()

    assert refusal(call("patch", f"/{hook.public_id}", body)) == (400, code)
    assert call("get", f"/{hook.public_id}").json() == before


def test_a_deleted_webhook_is_gone_and_told_nothing(call: Call, hook: WebhookEndpoint) -> None:
    assert call("delete", f"/{hook.public_id}").json() == {"id": hook.public_id, "deleted": True}
    happen(hook)

    assert refusal(call("get", f"/{hook.public_id}")) == (404, "WEBHOOK_NOT_FOUND")
    assert call("get").json()["webhooks"] == []
    assert not WebhookDelivery.objects.exists()
    hook.refresh_from_db()
    assert hook.secret == ""


def test_a_test_event_is_queued_and_refused_where_the_webhook_is_off(
    call: Call, hook: WebhookEndpoint
) -> None:
    response = call("post", f"/{hook.public_id}/test")
    call("patch", f"/{hook.public_id}", {"status": "disabled"})
    refused = call("post", f"/{hook.public_id}/test")

    assert response.status_code == 202
    assert response.json() == {
        "event_id": WebhookDelivery.objects.get().public_id,
        "event": "webhook.test",
        "sequence": 1,
    }
    assert refusal(refused) == (409, "WEBHOOK_DISABLED")


def test_a_secret_is_rolled_to_ours_or_to_one_that_is_given(
    call: Call, hook: WebhookEndpoint
) -> None:
    first = hook.secret

    ours = call("post", f"/{hook.public_id}/roll-secret").json()
    given = call("post", f"/{hook.public_id}/roll-secret", {"secret": "their-own"}).json()

    assert ours["secret"].startswith("whsec_") and ours["secret"] != first
    assert TIME.fullmatch(ours["previous_valid_until"])
    assert "secret" not in given
    hook.refresh_from_db()
    valid = webhook_endpoints.secrets_of(hook, now=timezone.now())
    assert valid == ["their-own", first, ours["secret"]]


def test_a_secret_may_be_rolled_ten_times_a_day(call: Call, hook: WebhookEndpoint) -> None:
    answers = [call("post", f"/{hook.public_id}/roll-secret") for _ in range(11)]

    hook.refresh_from_db()
    assert [answer.status_code for answer in answers[:10]] == [200] * 10
    assert refusal(answers[10]) == (400, "SECRET_LIMIT_REACHED")
    assert hook.secret == answers[9].json()["secret"]


def test_what_somebody_deleted_meanwhile_does_not_come_back(hook: WebhookEndpoint) -> None:
    seen_before = WebhookEndpoint.objects.get(pk=hook.pk)
    webhook_endpoints.delete(hook)

    now = timezone.now()
    webhook_endpoints.change(seen_before, now=now, is_on=True)
    webhook_endpoints.roll_secret(seen_before, secret="new", now=now)  # noqa: S106

    hook.refresh_from_db()
    assert (hook.status, hook.secret) == (WebhookEndpoint.Status.DELETED, "")


def test_a_receiver_can_prove_that_it_missed_nothing(call: Call, hook: WebhookEndpoint) -> None:
    happen(hook, 5)
    row = WebhookDelivery.objects.get(sequence=4)

    first = call("get", f"/{hook.public_id}/events", {"limit": 3}).json()
    rest = call("get", f"/{hook.public_id}/events", {"after": first["next_after"]}).json()

    assert [event["sequence"] for event in first["events"]] == [1, 2, 3]
    assert [event["sequence"] for event in rest["events"]] == [4, 5]
    assert rest["next_after"] is None
    assert (rest["oldest_sequence"], rest["last_sequence"]) == (1, 5)
    delivery = rest["events"][0].pop("delivery")
    assert rest["events"][0] == orjson.loads(row.body())
    assert delivery == {
        "status": "pending",
        "attempts": 0,
        "next_attempt_at": delivery["next_attempt_at"],
        "delivered_at": None,
        "response_status": None,
        "error": None,
    }


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"after": "-1"}, "INVALID_AFTER"),
        ({"after": "x"}, "INVALID_AFTER"),
        ({"after": "9" * 30}, "INVALID_AFTER"),
        ({"limit": "0"}, "INVALID_LIMIT"),
        ({"limit": "1001"}, "INVALID_LIMIT"),
        ({"limit": "٣"}, "INVALID_LIMIT"),
        ({"after": "\x00"}, "INVALID_AFTER"),
    ],
)
def test_a_bad_page_of_events_is_refused(
    call: Call, hook: WebhookEndpoint, query: dict[str, str], code: str
) -> None:
    assert refusal(call("get", f"/{hook.public_id}/events", query)) == (400, code)


def test_one_event_or_all_that_failed_are_replayed(call: Call, hook: WebhookEndpoint) -> None:
    happen(hook, 3)
    rows = WebhookDelivery.objects.filter(endpoint=hook)
    rows.update(state=WebhookDelivery.State.FAILED)
    old = rows.get(sequence=1)
    rows.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=2))
    since = (timezone.now() - timedelta(hours=1)).isoformat()

    failed = call("post", f"/{hook.public_id}/replay", {"since": since})
    one = call("post", f"/{hook.public_id}/replay", {"event_id": old.public_id})

    assert (failed.status_code, failed.json()) == (202, {"replayed": 2})
    assert (one.status_code, one.json()) == (202, {"replayed": 1})
    assert not rows.exclude(state=WebhookDelivery.State.PENDING).exists()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "INVALID_REPLAY"),
        ({"event_id": "evt_x", "since": "2024-01-01"}, 400, "INVALID_REPLAY"),
        ({"event_id": "evt_x"}, 404, "EVENT_NOT_FOUND"),
        ({"event_id": 7}, 404, "EVENT_NOT_FOUND"),
        ({"event_id": None}, 404, "EVENT_NOT_FOUND"),
        ({"since": "yesterday"}, 400, "INVALID_SINCE"),
        ({"since": 1705314615}, 400, "INVALID_SINCE"),
        ({"since": "0001-01-01T00:00:00+14:00"}, 400, "INVALID_SINCE"),
    ],
)
def test_a_replay_of_nothing_is_refused(
    call: Call, hook: WebhookEndpoint, body: Any, status: int, code: str
) -> None:
    assert refusal(call("post", f"/{hook.public_id}/replay", body)) == (status, code)


def test_another_companys_webhook_and_events_do_not_exist(
    call: Call, rival: Company, hook: WebhookEndpoint
) -> None:
    theirs = factories.make_endpoint(rival)
    happen(theirs)
    event = WebhookDelivery.objects.get(endpoint=theirs).public_id
    path = f"/{theirs.public_id}"

    answers = [
        call("get", path),
        call("patch", path, {"status": "disabled"}),
        call("delete", path),
        call("post", f"{path}/test"),
        call("post", f"{path}/roll-secret"),
        call("get", f"{path}/events"),
        call("post", f"{path}/replay", {"since": "2024-01-01"}),
        call("get", "/wh_0000000000000"),
        call("get", "/x"),
    ]
    crossed = call("post", f"/{hook.public_id}/replay", {"event_id": event})

    assert {refusal(answer) for answer in answers} == {(404, "WEBHOOK_NOT_FOUND")}
    assert refusal(crossed) == (404, "EVENT_NOT_FOUND")
    theirs.refresh_from_db()
    assert theirs.status == "active"


@pytest.mark.parametrize(
    ("method", "path"), [("put", ""), ("post", "/x"), ("get", "/x/test"), ("delete", "/x/events")]
)
def test_a_wrong_method_is_refused_in_the_documents_shape(
    call: Call, method: str, path: str
) -> None:
    response = call(method, path, {} if method != "get" else None)

    assert refusal(response) == (405, "METHOD_NOT_ALLOWED")
    assert response["Allow"]


def test_without_a_key_nothing_is_told(call: Call, hook: WebhookEndpoint) -> None:
    assert refusal(call("get", f"/{hook.public_id}", key="tuma_x"))[0] == 401


def test_our_secrets_are_of_the_standards_form() -> None:
    secret = webhook_signing.new_secret()

    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", secret)


@pytest.mark.parametrize(
    ("method", "path"), [("patch", ""), ("post", "/roll-secret"), ("post", "/replay")]
)
def test_what_is_said_of_a_body_that_is_no_json_or_too_large_is_in_the_schema(
    call: Call, hook: WebhookEndpoint, client: Client, key: str, method: str, path: str
) -> None:
    operations = client.get("/api/schema").json()["paths"][f"/v1/webhooks/{{webhook_id}}{path}"]
    large = call(method, f"/{hook.public_id}{path}", b"x" * 6_000_000)
    other = getattr(client, method)(
        f"/v1/webhooks/{hook.public_id}{path}",
        b"a=b",
        content_type="text/plain",
        headers={"Authorization": f"Bearer {key}"},
    )

    assert refusal(large) == (413, "PAYLOAD_TOO_LARGE")
    assert refusal(other) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert {"413", "415"} <= set(operations[method]["responses"])
