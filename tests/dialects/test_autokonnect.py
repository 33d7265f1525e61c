"""The Autokonnect contract, from its document's examples and its table of errors."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.test import Client
from django.utils import timezone

from companies.graph.sandbox import Sandbox
from companies.models import Channel, Company
from contacts.models import Contact
from messaging.models import Batch, Message
from templates_app.models import Template
from tests import factories

EXAMPLES = sorted((Path(__file__).parents[1] / "fixtures/autokonnect").glob("*.json"))
SEEDS = orjson.loads(
    (Path(__file__).parents[2] / "companies/graph/sandbox/seed_templates.json").read_bytes()
)
Send = Callable[..., Any]


@pytest.fixture
def promo(acme: Company, channel: Channel) -> Template:
    seed = next(seed for seed in SEEDS if seed["name"] == "promo_template")
    return factories.make_template(
        acme, name=seed["name"], category=seed["category"], components=seed["components"]
    )


def as_printed(path: Path, *, template: Template, tags: dict[str, int]) -> dict[str, Any]:
    """An example of the document with this installation's ids in place of the printed ones."""
    body: dict[str, Any] = orjson.loads(path.read_bytes())
    if "template_id" in body:
        body["template_id"] = template.pk
    if "contact_tag_id" in body:
        asked = body["contact_tag_id"]
        body["contact_tag_id"] = (
            [str(tags[tag]) for tag in asked] if isinstance(asked, list) else str(tags[asked])
        )
    return body


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_printed_request_reaches_graph_in_metas_form(
    path: Path,
    send: Send,
    acme: Company,
    channel: Channel,
    promo: Template,
    graph: Sandbox,
    drain: Any,
) -> None:
    people = [factories.make_contact(acme) for _ in range(3)]
    tags = {
        "42": factories.make_tag(acme, *people[:2]).pk,
        "57": factories.make_tag(acme, *people[1:]).pk,
    }
    body = as_printed(path, template=promo, tags=tags)

    response = send(body)
    drain(channel)

    assert response.status_code == 200
    expected = {"text_to_several": 2, "text_to_tag": 2, "text_to_tags_and_number": 4}
    count = expected.get(path.stem.removeprefix("curl_"), 1)
    assert response.json() == {"message": "Message queued for sending", "recipients_count": count}
    got = graph.messages()
    assert len(got) == count
    assert {message["outcome"] for message in got} == {"accepted"}
    assert not Message.objects.exclude(status=40).exists()


def test_the_template_example_arrives_with_its_components_nested_as_meta_wants(
    send: Send, channel: Channel, promo: Template, graph: Sandbox, drain: Any
) -> None:
    path = next(path for path in EXAMPLES if path.stem == "template")

    send(as_printed(path, template=promo, tags={}))
    drain(channel)

    [message] = graph.messages()
    payload = message["payload"]
    assert payload.pop("biz_opaque_callback_data").startswith("msg_")
    assert payload == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+254712345678",
        "type": "template",
        "template": {
            "name": "promo_template",
            "language": {"code": "en_US"},
            "components": [
                {
                    "type": "header",
                    "parameters": [
                        {"type": "image", "image": {"link": "https://example.com/header.jpg"}}
                    ],
                },
                {
                    "type": "body",
                    "parameters": [
                        {"type": "text", "text": "Dennis"},
                        {"type": "text", "text": "20% OFF"},
                    ],
                },
                {
                    "type": "button",
                    "sub_type": "url",
                    "index": "0",
                    "parameters": [{"type": "text", "text": "promo123"}],
                },
            ],
        },
    }


TO = {"phone_number": "+254712345678"}


@pytest.mark.parametrize(
    ("body", "status", "code", "message"),
    [
        (TO, 400, "missing_type", "type field is required"),
        (
            {"type": "text", "message": "Hi"},
            400,
            "missing_recipient",
            "Neither phone_number nor contact_tag_id was provided",
        ),
        (
            {"type": "text", "message": "Hi", "contact_tag_id": "999999"},
            400,
            "no_valid_recipients",
            "Tag(s) resolved to zero contacts with valid phone numbers",
        ),
        ({**TO, "type": "fax"}, 400, "invalid_type", "Message type is not supported"),
        ({**TO, "type": "text"}, 400, "missing_message", "message is required for text type"),
        ({**TO, "type": "image"}, 400, "missing_link", "link is required for media types"),
        (
            {**TO, "type": "template"},
            400,
            "missing_template_id",
            "template_id is required for template type",
        ),
        (
            {**TO, "type": "template", "template_id": "promo_template", "components": []},
            400,
            "invalid_template_id_format",
            "template_id must be a number",
        ),
        (
            {**TO, "type": "template", "template_id": 999999},
            400,
            "missing_components",
            "components is required for template type",
        ),
        (
            {**TO, "type": "template", "template_id": 999999, "components": []},
            404,
            "template_not_found",
            "Template ID not found for this company",
        ),
        ({**TO, "type": "interactive"}, 400, "missing_interactive", None),
        ({**TO, "type": "text", "message": "x" * 4097}, 400, "invalid_message", None),
        ({**TO, "type": "text", "message": 12}, 400, "invalid_message", None),
        (
            {**TO, "type": "image", "link": "https://a.example/i.jpg", "caption": "x" * 1025},
            400,
            "invalid_caption",
            None,
        ),
        ({**TO, "type": "image", "link": "ftp://a.example/i.jpg"}, 400, "invalid_link", None),
        ({**TO, "type": "image", "link": "/i.jpg"}, 400, "invalid_link", None),
        (
            {**TO, "type": "interactive", "interactive": {"type": "button"}},
            400,
            "invalid_interactive",
            None,
        ),
    ],
)
def test_each_error_of_the_table(
    send: Send, body: dict[str, Any], status: int, code: str, message: str | None
) -> None:
    response = send(body)

    assert response.status_code == status
    assert response["Content-Type"] == "application/json"
    answer = response.json()
    assert set(answer) == {"code", "message"}
    assert answer["code"] == code
    if message is not None:
        assert answer["message"] == message
    assert not Batch.objects.exists()


def test_a_template_that_is_not_approved_is_refused(send: Send, acme: Company) -> None:
    template = factories.make_template(acme, status=Template.Status.SUBMITTED)

    response = send(**TO, type="template", template_id=template.pk, components=[])

    assert response.status_code == 400
    assert response.json() == {
        "code": "template_not_approved",
        "message": "The specified template is not approved",
    }


def test_another_companys_template_does_not_exist(send: Send, rival: Company) -> None:
    template = factories.make_template(rival)

    response = send(**TO, type="template", template_id=template.pk, components=[])

    assert response.json()["code"] == "template_not_found"


def test_language_picks_the_translation_of_the_same_name(
    send: Send, acme: Company, channel: Channel
) -> None:
    english = factories.make_template(
        acme, name="greeting", components=[{"type": "BODY", "text": "Hi"}]
    )
    swahili = factories.make_template(
        acme, name="greeting", language="sw", components=[{"type": "BODY", "text": "Habari"}]
    )

    response = send(**TO, type="template", template_id=english.pk, language="sw", components=[])
    missing = send(**TO, type="template", template_id=english.pk, language="fr", components=[])

    assert response.status_code == 200
    assert Batch.objects.get().template_id == swahili.pk
    assert missing.json()["code"] == "template_not_found"


def test_components_that_do_not_fit_name_the_part(send: Send, acme: Company) -> None:
    template = factories.make_template(acme)

    response = send(**TO, type="template", template_id=str(template.pk), components=[])

    assert response.status_code == 400
    assert response.json() == {
        "code": "invalid_components",
        "message": "body: needs 1 parameter, 0 given",
    }


def test_a_disconnected_channel_must_be_reconnected(send: Send, acme: Company) -> None:
    old = factories.make_channel(acme, status=Channel.Status.DISCONNECTED)

    response = send(**TO, type="text", message="Hi", channel_id=old.pk)

    assert response.status_code == 400
    assert response.json() == {
        "code": "reconnect_waba",
        "message": "WABA channel is disconnected",
    }


@pytest.mark.parametrize("header", ["", "Bearer", "Basic abc", "tuma_x", "Bearer a b"])
def test_a_missing_or_malformed_header_is_refused(send: Send, header: str) -> None:
    response = send(**TO, type="text", message="Hi", headers={"Authorization": header})

    assert response.status_code == 401
    assert response.json() == {
        "code": "invalid_auth_header",
        "message": "Missing or malformed Authorization header",
    }
    assert response["X-RateLimit-Limit"]
    assert response["X-Request-Id"]


def test_wrong_revoked_and_expired_keys_look_alike(send: Send, acme: Company, key: str) -> None:
    revoked = factories.make_key(acme)
    factories.keys.revoke(factories.key_row(revoked))
    expired = factories.make_key(acme, expires_at=timezone.now())
    wrong = key[:-1] + ("a" if key[-1] != "a" else "b")

    answers = [
        send(**TO, type="text", message="Hi", headers={"Authorization": f"Bearer {text}"})
        for text in (revoked, expired, wrong, "tuma_unknown", "x" * 5000)
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert [answer.json() for answer in answers] == [
        {"code": "invalid_api_key", "message": "Invalid API key"}
    ] * 5


def test_another_companys_channel_is_refused_and_an_unknown_one_not_found(
    send: Send, rival: Company
) -> None:
    stranger = rival.channels.get()

    refused = send(**TO, type="text", message="Hi", channel_id=stranger.pk)
    unknown = [
        send(**TO, type="text", message="Hi", channel_id=number)
        for number in ("999999", "abc", "1e3", "9" * 40, "٣")
    ]

    assert refused.status_code == 403
    assert refused.json() == {
        "code": "credential_resource_mismatch",
        "message": "WABA does not belong to the authenticated company",
    }
    assert {answer.status_code for answer in unknown} == {404}
    assert unknown[0].json() == {"code": "waba_not_found", "message": "WABA channel ID not found"}


def test_checks_come_in_the_documents_order(client: Client, channel: Channel, key: str) -> None:
    """The body is looked at last of all: whoever may not send learns nothing from it."""
    path = "/api/v1/whatsapp/999999/messages"

    without_key = client.post(path, b"not json", content_type="application/json")
    unknown_channel = client.post(
        path,
        b"not json",
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )

    assert without_key.json()["code"] == "invalid_auth_header"
    assert unknown_channel.json()["code"] == "waba_not_found"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b'"text"',
        b"null",
        b'{"type": NaN}',
        b'{"type": "text", "phone_number": "254712345678", "message": "a\\u0000b"}',
        b'{"type": "text", "phone_number": "254712345678", "message": "\\ud800"}',
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b'{"type": "text", "phone_number": "254712345678", "message": "\xff"}',
        b'{"type": "interactive", "phone_number": "254712345678", "interactive": {"a":'
        + b"[" * 200
        + b"]" * 200
        + b"}}",
    ],
)
def test_a_body_that_is_no_usable_object_is_invalid(
    client: Client, channel: Channel, key: str, body: bytes
) -> None:
    response = client.post(
        f"/api/v1/whatsapp/{channel.pk}/messages",
        body,
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )

    assert response.status_code == 400
    assert response.json()["code"] == "invalid_body"
    assert not Batch.objects.exists()


def test_other_content_types_and_large_bodies_are_refused(
    client: Client, channel: Channel, key: str
) -> None:
    path = f"/api/v1/whatsapp/{channel.pk}/messages"
    headers = {"Authorization": f"Bearer {key}"}

    form = client.post(path, {"type": "text"}, headers=headers)
    large = client.post(
        path, b'"' + b"x" * 10_000_000 + b'"', content_type="application/json", headers=headers
    )

    assert (form.status_code, form.json()["code"]) == (415, "unsupported_media_type")
    assert (large.status_code, large.json()["code"]) == (413, "payload_too_large")


def test_unknown_paths_and_wrong_methods_answer_in_json(client: Client, channel: Channel) -> None:
    path = f"/api/v1/whatsapp/{channel.pk}/messages"

    for method in ("get", "put", "delete", "patch", "head", "options"):
        response = getattr(client, method)(path)
        assert response.status_code == 405
        assert response["Allow"] == "POST"
    assert client.get(path).json()["code"] == "method_not_allowed"
    for lost in ("/api", "/api/", "/api/v1/nothing", "/api/v2/whatsapp/1/messages"):
        answer = client.post(lost)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert answer["X-RateLimit-Remaining"]


def test_a_trailing_slash_makes_no_difference(client: Client, channel: Channel, key: str) -> None:
    response = client.post(
        f"/api/v1/whatsapp/{channel.pk}/messages/",
        orjson.dumps({**TO, "type": "text", "message": "Hi"}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )

    assert response.status_code == 200


def test_so_many_tags_as_a_body_can_hold_are_looked_up(send: Send, acme: Company) -> None:
    tag = factories.make_tag(acme, factories.make_contact(acme, "254700000001"))
    unknown = list(range(10**6, 10**6 + 260_000))

    response = send(contact_tag_id=[tag.pk, *unknown], type="text", message="Hi")

    assert (response.status_code, response.json().get("recipients_count")) == (200, 1)


def test_numbers_and_tags_are_merged_and_what_is_not_used_is_on_the_batch(
    send: Send, client: Client, key: str, acme: Company, rival: Company
) -> None:
    theirs = factories.make_tag(rival, factories.make_contact(rival, "254700000009"))
    friend = factories.make_contact(acme, "254700000001")
    gone = factories.make_contact(acme, "254700000002", opted_out_at=timezone.now())
    tag = factories.make_tag(acme, friend, gone)

    response = send(
        phone_number=["0700000001", 254700000003, "abc", "+254 700 000 003", "254700000002"],
        contact_tag_id=[float(tag.pk), theirs.pk, 1e20, "no tag"],
        type="text",
        message="Hi",
    )
    batch = client.get(response["Location"], headers={"Authorization": f"Bearer {key}"}).json()

    assert response.json()["recipients_count"] == 2
    assert set(Message.objects.values_list("recipient", flat=True)) == {
        "254700000001",
        "254700000003",
    }
    assert batch["counts"] == {
        "queued": 2,
        "uncertain": 0,
        "sent": 0,
        "delivered": 0,
        "read": 0,
        "failed": 0,
    }
    assert {"input": "abc", "reason": "not a phone number"} in batch["unused"]
    assert {"input": "+254 700 000 003", "reason": "repeats an earlier number"} in batch["unused"]
    assert {"input": "+254700000002", "reason": "opted out"} in batch["unused"]
    for tag_id in (str(theirs.pk), "100000000000000000000", "no tag"):
        assert {"input": tag_id, "reason": "no tag of this company"} in batch["unused"]


@pytest.mark.parametrize(
    ("phone", "known_as"),
    [
        ("+254712345678", "254712345678"),
        ("254 712-345-678", "254712345678"),
        ("00447911123456", "447911123456"),
        ("0712345678", "254712345678"),
        (254712345678, "254712345678"),
        (254712345678.0, "254712345678"),
        ("+1234567890", "1234567890"),
    ],
)
def test_phone_numbers_are_taken_as_people_write_them(
    send: Send, phone: Any, known_as: str
) -> None:
    assert send(phone_number=phone, type="text", message="Hi").status_code == 200
    assert Message.objects.get().recipient == known_as


@pytest.mark.parametrize(
    "phone", ["abc", "123", "1" * 16, True, {"a": 1}, 1.5, [[]], "0000123456789"]
)
def test_what_is_no_phone_number_leaves_no_recipients(send: Send, phone: Any) -> None:
    response = send(phone_number=phone, type="text", message="Hi")

    assert response.status_code == 400
    assert response.json()["code"] == "no_valid_recipients"
    assert not Contact.objects.exists()


def test_a_batch_is_only_shown_to_its_company(send: Send, client: Client, rival: Company) -> None:
    location = send(**TO, type="text", message="Hi")["Location"]
    stranger = factories.make_key(rival)

    response = client.get(location, headers={"Authorization": f"Bearer {stranger}"})

    assert response.status_code == 404
    assert response.json()["code"] == "batch_not_found"


def test_a_repeated_idempotency_key_gets_the_first_answer_and_sends_nothing(send: Send) -> None:
    body = {**TO, "type": "text", "message": "Hi"}

    first = send(body, headers={"Idempotency-Key": "order-1"})
    again = send(body, headers={"Idempotency-Key": "order-1"})
    other = send({**body, "message": "Ho"}, headers={"Idempotency-Key": "order-1"})

    assert again.json() == first.json()
    assert again["Location"] == first["Location"]
    assert other.status_code == 409
    assert other.json()["code"] == "idempotency_conflict"
    assert Message.objects.count() == 1


def test_without_credit_nothing_is_accepted(client: Client, rival: Company) -> None:
    poor = factories.make_company("Poor", credit=1)
    channel, key = factories.make_channel(poor), factories.make_key(poor)

    def post(numbers: list[str]) -> Any:
        return client.post(
            f"/api/v1/whatsapp/{channel.pk}/messages",
            orjson.dumps({"phone_number": numbers, "type": "text", "message": "Hi"}),
            content_type="application/json",
            headers={"Authorization": f"Bearer {key}"},
        )

    refused = post(["254700000001", "254700000002"])
    taken = post(["254700000001"])

    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_credits")
    assert taken.status_code == 200
    poor.refresh_from_db()
    assert poor.credits == 0
    assert sum(poor.credit_entries.values_list("amount", flat=True)) == 0


def test_a_suspended_companys_key_is_refused(send: Send, acme: Company) -> None:
    acme.status = Company.Status.SUSPENDED
    acme.save()

    response = send(**TO, type="text", message="Hi")

    assert (response.status_code, response.json()["code"]) == (403, "company_suspended")


def test_over_the_keys_limit_requests_wait(send: Send, acme: Company) -> None:
    acme.requests_per_minute = 2
    acme.save()

    answers = [send(**TO, type="text", message="Hi") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer["X-RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert answers[2].json()["code"] == "rate_limit_exceeded"
    assert 1 <= int(answers[2]["Retry-After"]) <= 60


def test_over_the_channels_daily_limit_nothing_is_accepted(send: Send, channel: Channel) -> None:
    channel.daily_limit = 2
    channel.save()

    over = send(
        phone_number=["254700000001", "254700000002", "254700000003"], type="text", message="Hi"
    )
    within = send(phone_number=["254700000001", "254700000002"], type="text", message="Hi")
    more = send(**TO, type="text", message="Hi")

    assert [over.status_code, within.status_code, more.status_code] == [429, 200, 429]
    assert int(more["Retry-After"]) <= 86_400
    assert Message.objects.count() == 2
