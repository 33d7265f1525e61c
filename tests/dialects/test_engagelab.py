"""The EngageLab contract, from its document's examples and its table of codes."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.test import Client
from django.utils import timezone

from companies.graph.sandbox import Sandbox
from companies.models import Channel, Company
from messaging.models import Batch, Message
from templates_app.models import Template
from tests import factories

FIXTURES = Path(__file__).parents[1] / "fixtures/engagelab"
SEEDS = orjson.loads(
    (Path(__file__).parents[2] / "companies/graph/sandbox/seed_templates.json").read_bytes()
)
Send = Callable[..., Any]


def printed(name: str) -> dict[str, Any]:
    example: dict[str, Any] = orjson.loads((FIXTURES / f"{name}.json").read_bytes())
    return example


REQUESTS = sorted(path.stem for path in FIXTURES.glob("*.request.json"))
TEXT = {"to": ["254712345678"], "body": {"type": "text", "text": {"body": "Hi"}}}


def basic(key: str) -> str:
    """A key as this vendor's users hold it: dev_key and dev_secret."""
    return "Basic " + base64.b64encode(f"{key[:13]}:{key[13:]}".encode()).decode()


@pytest.fixture
def post(client: Client, channel: Channel, key: str) -> Send:
    def send(whole: Any = None, /, **fields: Any) -> Any:
        headers = {"Authorization": basic(fields.pop("key", key)), **fields.pop("headers", {})}
        data = whole if isinstance(whole, bytes) else orjson.dumps(whole or {**TEXT, **fields})
        return client.post("/v1/messages", data, content_type="application/json", headers=headers)

    return send


@pytest.fixture
def receipt(acme: Company, channel: Channel) -> Template:
    return seeded(acme, "order_receipt", "zh_CN")


def seeded(company: Company, name: str, language: str) -> Template:
    [seed] = [s for s in SEEDS if (s["name"], s["language"]) == (name, language)]
    return factories.make_template(
        company,
        name=name,
        language=language,
        category=seed["category"],
        components=seed["components"],
    )


@pytest.fixture
def code(acme: Company, channel: Channel) -> Template:
    body = {"type": "BODY", "text": "您的验证码是 {{1}}，请勿告诉他人。"}
    return factories.make_template(acme, name="code", language="zh_CN", components=[body])


def as_printed(name: str) -> dict[str, Any]:
    """An example; its last one stands for the demo template and has no link that could be fetched."""
    body = printed(name)
    if name == "template_all_parameters.request":
        body["body"]["template"]["name"] = "order_receipt"
        header = body["body"]["template"]["components"][0]["parameters"][0]
        header["document"]["link"] = "https://files.example.com/receipt.pdf"
    return body


@pytest.mark.parametrize("name", REQUESTS)
def test_every_printed_request_reaches_graph(
    name: str,
    post: Send,
    channel: Channel,
    code: Template,
    receipt: Template,
    graph: Sandbox,
    drain: Any,
) -> None:
    channel.phone_number = "+8613800138000"
    channel.save()

    if name == "sample_template.request":
        # The sandbox has no template of this name: what it would be sent is looked at elsewhere.
        assert post(as_printed(name)).status_code == 200
        return
    response = post(as_printed(name))
    drain(channel)

    assert response.status_code == 200
    [message] = graph.messages()
    assert message["outcome"] == "accepted"
    assert response.json() == {"message_id": Message.objects.get().public_id}


def test_the_answer_holds_the_keys_of_the_printed_one(post: Send) -> None:
    response = post(request_id="your-sendno-string")

    assert response.status_code == 200
    assert response.json() == printed("accepted.response") | {
        "message_id": Message.objects.get().public_id
    }


def test_the_last_printed_template_is_sent_with_all_kinds_of_parameters(
    post: Send, receipt: Template
) -> None:
    post(as_printed("template_all_parameters.request") | {"from": None})

    template = printed("template_all_parameters.request")["body"]["template"]
    header, body = template["components"]
    header["parameters"][0]["document"]["link"] = "https://files.example.com/receipt.pdf"
    assert Batch.objects.get().payload == {
        "type": "template",
        "template": {
            "name": "order_receipt",
            "language": {"code": "zh_CN"},
            "components": [header, body],
        },
    }


def test_its_literal_link_is_an_invalid_value(post: Send, receipt: Template) -> None:
    body = printed("template_all_parameters.request") | {"from": None}
    body["body"]["template"]["name"] = "order_receipt"

    response = post(body)

    assert (response.status_code, response.json()["code"]) == (400, 3003)
    assert "link" in response.json()["message"]


def test_the_printed_sender_belongs_to_nobody_here(post: Send) -> None:
    response = post({**TEXT, "from": "+8613800138000"})

    assert (response.status_code, response.json()["code"]) == (403, 2004)


def test_a_template_without_its_object_gets_the_printed_error(post: Send) -> None:
    response = post({**TEXT, "body": {"type": "template"}})

    assert response.status_code == 400
    assert response.json() == printed("error.response")


@pytest.mark.parametrize(
    ("content", "filename"),
    [
        ({"caption": "Invoice", "filename": "a.pdf"}, "a.pdf"),
        ({"caption": "Invoice"}, "Invoice"),
        ({}, "x.pdf"),
    ],
)
def test_a_document_goes_by_its_filename_else_its_caption_else_its_links_last_part(
    post: Send, content: dict[str, Any], filename: str
) -> None:
    document = {"link": "https://files.example.com/x.pdf", **content}

    post(body={"type": "document", "document": document}, to="254712345678")

    assert Batch.objects.get().payload["document"]["filename"] == filename


def test_several_recipients_get_one_id_and_the_request_id_comes_back(post: Send) -> None:
    response = post(
        to=["254700000001", "+254 700 000 002", "0700000001"],
        request_id="123asdbbqwe9faweg",
        custom_args={"arg1": "string val", "arg2": 123},
    )

    batch = Batch.objects.get()
    assert response.json() == {
        "message_id": batch.public_id,
        "request_id": "123asdbbqwe9faweg",
    }
    assert batch.recipients_count == 2
    assert batch.echo == {
        "request_id": "123asdbbqwe9faweg",
        "custom_args": {"arg1": "string val", "arg2": 123},
    }


def test_a_request_id_may_be_used_again(post: Send) -> None:
    first, second = post(request_id="same"), post(request_id="same")

    assert first.json()["message_id"] != second.json()["message_id"]
    assert Message.objects.count() == 2


def test_from_picks_among_the_companys_channels(post: Send, acme: Company) -> None:
    other = factories.make_channel(acme)

    response = post(**{"from": other.phone_number.removeprefix("+")})

    assert response.status_code == 200
    assert Batch.objects.get().channel_id == other.pk


def test_from_of_another_company_is_refused(post: Send, rival: Company) -> None:
    response = post(**{"from": rival.channels.get().phone_number})

    assert (response.status_code, response.json()["code"]) == (403, 2004)
    assert not Batch.objects.exists()


def test_a_disconnected_sender_must_be_reconnected(post: Send, acme: Company) -> None:
    old = factories.make_channel(acme, status=Channel.Status.DISCONNECTED)

    response = post(**{"from": old.phone_number})

    assert (response.status_code, response.json()["code"]) == (400, 2003)


def template(**fields: Any) -> dict[str, Any]:
    return {"type": "template", "template": {"name": "hi", "language": "en_US", **fields}}


def body_of(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, kind: fields}


LINK = "https://files.example.com/a.jpg"


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        ({"to": None}, 3002, "to field must be set correctly"),
        ({"to": []}, 3002, "to field must be set correctly"),
        ({"to": ["254700000001", ""]}, 3002, "to field must be set correctly"),
        ({"to": "abc"}, 3003, "to field is invalid: 'abc' is not a phone number"),
        (
            {"to": ["254700000001", "123"]},
            3003,
            "to field is invalid: '123' is not a phone number",
        ),
        ({"to": {"a": 1}}, 3003, None),
        ({"from": ["254700000001"]}, 3002, "from field must be set correctly"),
        ({"from": True}, 3002, "from field must be set correctly"),
        ({"body": None}, 3002, "body field must be set correctly"),
        ({"body": "text"}, 3002, "body field must be set correctly"),
        ({"body": {}}, 3002, "whatsapp.type field must be set correctly"),
        ({"body": {"type": ["text"]}}, 3002, "whatsapp.type field must be set correctly"),
        ({"body": {"type": "fax"}}, 3003, None),
        (
            {"body": {"type": "text"}},
            3002,
            "whatsapp.text field must be set correctly when type is text",
        ),
        (
            {"body": {"type": "text", "text": {"body": "a"}, "image": {"link": LINK}}},
            3003,
            "whatsapp.image field is invalid: it can't be set when type is text",
        ),
        (
            {"body": body_of("text", body=" ")},
            3002,
            "whatsapp.text.body field must be set correctly when type is text",
        ),
        ({"body": body_of("text", body=5)}, 3002, None),
        (
            {"body": body_of("text", body="x" * 4097)},
            3003,
            "whatsapp.text.body field is invalid: it is over 4096 characters",
        ),
        (
            {"body": body_of("image", caption="a")},
            3002,
            "whatsapp.image.link field must be set correctly when type is image",
        ),
        ({"body": body_of("image", link=5)}, 3002, None),
        ({"body": body_of("image", link="ftp://a.example/i.jpg")}, 3003, None),
        ({"body": body_of("image", link=LINK, caption="x" * 1025)}, 3003, None),
        ({"body": body_of("image", link=LINK, caption=["x"])}, 3002, None),
        ({"body": body_of("audio", link=LINK, caption="x")}, 3003, None),
        ({"body": body_of("sticker", link=LINK, caption="x")}, 3003, None),
        ({"body": body_of("document", link=LINK, filename="x" * 300)}, 3003, None),
        ({"body": body_of("image", id="media_0000000000000")}, 4001, None),
        ({"body": body_of("image", id="123456")}, 4001, None),
        ({"body": template(name=None)}, 3002, None),
        ({"body": template(language=5)}, 3002, None),
        ({"body": template()}, 4001, None),
        ({"request_id": 5}, 3002, "request_id field must be set correctly"),
        ({"custom_args": [1]}, 3002, "custom_args field must be set correctly"),
        (
            {"request_id": "x" * 1001},
            3003,
            "request_id field is invalid: it is over 1000 characters",
        ),
        (
            {"custom_args": {"a": "x" * 16_384}},
            3003,
            "custom_args field is invalid: it is over 16384 bytes of JSON",
        ),
    ],
)
def test_what_is_missing_is_3002_and_what_is_unacceptable_3003(
    post: Send, fields: dict[str, Any], code: int, message: str | None
) -> None:
    response = post({**TEXT, **fields})

    answer = response.json()
    assert response.status_code == 400
    assert set(answer) == {"code", "message"}
    assert answer["code"] == code
    if message is not None:
        assert answer["message"] == message
    assert not Batch.objects.exists()


def test_a_template_is_known_by_name_and_language(
    post: Send, acme: Company, rival: Company
) -> None:
    factories.make_template(acme, name="hi", components=[{"type": "BODY", "text": "Hi"}])
    pending = factories.make_template(acme, name="soon", status=Template.Status.SUBMITTED)
    factories.make_template(rival, name="theirs")

    assert post(body=template()).status_code == 200
    assert post(body=template(language="sw")).json()["code"] == 4001
    assert post(body=template(name="theirs")).json()["code"] == 4001
    assert post(body=template(name=pending.name)).json()["code"] == 3003


def test_parameters_that_a_template_lacks_are_missing_and_others_invalid(
    post: Send, acme: Company
) -> None:
    factories.make_template(acme, name="hi")

    missing = post(body=template()).json()
    wrong = post(body=template(components=[{"type": "body", "parameters": []}])).json()

    assert missing == {
        "code": 3002,
        "message": "whatsapp.template.components field must be set correctly when type is template",
    }
    assert wrong == {
        "code": 3003,
        "message": "whatsapp.template.components field is invalid: "
        "body: needs 1 parameter, 0 given",
    }


@pytest.mark.parametrize(
    "header",
    ["Basic", "Basic ", "Basic !!!", "Basic YWJj", "basic \xff", "Basic //79"],
)
def test_malformed_credentials_are_2001(post: Send, header: str) -> None:
    response = post(headers={"Authorization": header})

    assert (response.status_code, response.json()["code"]) == (401, 2001)
    assert response["WWW-Authenticate"] == 'Basic realm="Tuma"'
    assert response["X-RateLimit-Limit"]


def test_unknown_wrong_revoked_and_expired_credentials_are_2002(
    post: Send, client: Client, acme: Company, key: str
) -> None:
    revoked = factories.make_key(acme)
    factories.keys.revoke(factories.key_row(revoked))
    expired = factories.make_key(acme, expires_at=timezone.now())
    wrong = key[:-1] + ("a" if key[-1] != "a" else "b")
    shifted = base64.b64encode(f"{key[:10]}:{key[10:]}".encode()).decode()

    answers = [post(key=text) for text in (revoked, expired, wrong, "tuma_unknown")]
    answers.append(post(headers={"Authorization": f"Basic {shifted}"}))
    answers.append(post(headers={"Authorization": "Basic amlndWFuZ2RldjpkZXZfc2VjcmV0"}))

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].json() == {
        "code": 2002,
        "message": "authentication failed: the token is wrong, expired or disabled",
    }


def test_a_file_of_the_company_is_sent_by_its_id_and_a_strangers_does_not_exist(
    post: Send, acme: Company, rival: Company
) -> None:
    mine, theirs = factories.make_media(acme), factories.make_media(rival)

    sent = post(body=body_of("image", id=mine.public_id, caption="Look"))
    refused = post(body=body_of("image", id=theirs.public_id))
    as_audio = post(body=body_of("audio", id=mine.public_id))

    assert sent.status_code == 200
    assert Batch.objects.get().payload == {
        "type": "image",
        "image": {"id": mine.public_id, "caption": "Look"},
    }
    assert (refused.status_code, refused.json()["code"]) == (400, 4001)
    assert (as_audio.status_code, as_audio.json()["code"]) == (400, 3003)


def test_limits_and_money_have_codes_of_their_own(post: Send, acme: Company) -> None:
    acme.requests_per_minute = 1
    acme.prices = {"SERVICE": acme.credits + 1}
    acme.save()

    poor, over = post(), post()

    assert (poor.status_code, poor.json()["code"]) == (403, 2006)
    assert (over.status_code, over.json()["code"]) == (429, 2005)
    assert over["Retry-After"]


def test_other_methods_types_and_sizes_answer_in_codes(
    client: Client, post: Send, key: str
) -> None:
    headers = {"Authorization": basic(key)}

    method = client.get("/v1/messages", headers=headers)
    form = client.post("/v1/messages", {"to": "1"}, headers=headers)
    large = post(b'"' + b"x" * 10_000_000 + b'"')
    broken = post(b'{"to": "254712345678" // the recipient\n}')

    assert (method.status_code, method.json()["code"]) == (405, 3001)
    assert (form.status_code, form.json()["code"]) == (415, 3001)
    assert (large.status_code, large.json()["code"]) == (413, 3003)
    assert (broken.status_code, broken.json()["code"]) == (400, 3001)


def test_a_repeated_idempotency_key_gets_the_first_answer(post: Send) -> None:
    headers = {"Idempotency-Key": "order-1"}

    first, again = post(headers=headers), post(headers=headers)
    other = post(to="254700000009", headers=headers)

    assert again.json() == first.json()
    assert (other.status_code, other.json()["code"]) == (409, 3003)
    assert Message.objects.count() == 1
