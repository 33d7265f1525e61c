"""The Socnet contract, from its document's examples. Its placeholders in brackets are filled in here."""

from collections.abc import Callable
from datetime import timedelta
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
from tests import factories, webhooks

FIXTURES = Path(__file__).parents[1] / "fixtures/socnet"
SEEDS = {
    seed["name"]: seed
    for seed in orjson.loads(
        (Path(__file__).parents[2] / "companies/graph/sandbox/seed_templates.json").read_bytes()
    )
}
PATH = "/projects/bulk/whatsapp/api.php"
NUMBER = "256701234567"
Call = Callable[..., Any]


def request_of(name: str) -> Any:
    return orjson.loads((FIXTURES / f"{name}.request.json").read_bytes())


def recorded(name: str, **placeholders: str) -> Any:
    """A printed answer with its placeholders filled in."""
    text = (FIXTURES / f"{name}.response.json").read_text()
    for placeholder, value in placeholders.items():
        text = text.replace(f"[{placeholder}]", value)
    return orjson.loads(text)


@pytest.fixture
def post(client: Client, channel: Channel, key: str) -> Call:
    """POST with acme's key: `post(msisdn="…", msg="Hi")`."""

    def call(body: Any = None, **fields: Any) -> Any:
        headers = fields.pop("headers", {})
        kind = fields.pop("content_type", "application/json")
        path = fields.pop("path", PATH)
        raw = orjson.dumps({"api_key": key, **fields}) if body is None else body
        raw = raw if isinstance(raw, bytes) else orjson.dumps(raw)
        return client.post(path, raw, content_type=kind, headers=headers)

    return call


def make_template(company: Company, seed_name: str, **fields: Any) -> Template:
    """One of the templates that Graph's sandbox has too."""
    seed = SEEDS[seed_name]
    return factories.make_template(
        company,
        **{
            "name": seed_name,
            "category": seed["category"],
            "components": seed["components"],
            **fields,
        },
    )


def sent_payload(graph: Sandbox) -> Any:
    [message] = graph.messages()
    assert message["outcome"] == "accepted"
    return message["payload"]


# --- The printed requests and answers --------------------------------------------------


def test_a_key_alone_is_checked(post: Call, key: str) -> None:
    response = post(request_of("authenticate") | {"api_key": key})

    assert response.status_code == 200
    assert response.json() == recorded("valid")
    assert not Batch.objects.exists()


def test_the_general_request_has_no_number_yet(post: Call, key: str) -> None:
    response = post(request_of("general") | {"api_key": key})

    assert response.status_code == 422
    assert response.json() == recorded("missing_field", parameter="msisdn")


def test_a_message_is_answered_as_on_channel_2(
    post: Call, key: str, channel: Channel, graph: Sandbox, drain: Any
) -> None:
    response = post(request_of("message") | {"api_key": key, "msisdn": NUMBER, "msg": "Hello"})
    drain(channel)

    assert response.status_code == 200
    expected = recorded("sent")
    expected["messages"][0]["id"] = Message.objects.get().public_id
    expected["cost"] = 1
    assert response.json() == expected
    assert list(response.json()) == list(expected)
    payload = sent_payload(graph)
    assert payload["to"] == f"+{NUMBER}"
    assert payload["text"] == {"body": "Hello"}


def test_the_cost_is_what_was_charged(post: Call, acme: Company) -> None:
    Company.objects.filter(pk=acme.pk).update(prices={"SERVICE": 90})

    assert post(msisdn=NUMBER, msg="Hello").json()["cost"] == 90
    acme.refresh_from_db()
    assert acme.credits == 1_000_000 - 90


def test_wrong_revoked_and_expired_keys_look_alike(post: Call, acme: Company, key: str) -> None:
    revoked = factories.make_key(acme)
    factories.keys.revoke(factories.key_row(revoked))
    expired = factories.make_key(acme, expires_at=timezone.now())
    wrong = key[:-1] + ("a" if key[-1] != "a" else "b")

    for text in (revoked, expired, wrong, "32-byte API key here", 5, ["x"], {"a": 1}, True):
        for fields in ({}, {"msisdn": NUMBER, "msg": "Hello"}):
            response = post({"api_key": text, **fields})
            assert response.status_code == 401
            assert response.json() == recorded("wrong_credentials")
            assert response["X-RateLimit-Remaining"]
    assert not Batch.objects.exists()


def test_without_credit_the_sentence_names_the_charge(post: Call, acme: Company) -> None:
    Company.objects.filter(pk=acme.pk).update(credits=0)

    response = post(msisdn=NUMBER, msg="Hello")

    assert response.status_code == 403
    expected = recorded("insufficient_credit")
    assert response.json() == {**expected, "message": expected["message"].replace("xxx", "1")}
    assert post().json() == recorded("valid")
    assert not Message.objects.exists()


def test_with_too_little_credit_the_sentence_names_the_balance(post: Call, acme: Company) -> None:
    Company.objects.filter(pk=acme.pk).update(credits=3, prices={"SERVICE": 90})

    assert post(msisdn=NUMBER, msg="Hello").json() == {
        "message": "Insufficient credit (3) for transaction charge of 90",
        "status": 403,
    }


@pytest.mark.parametrize(
    "body", [b"", b"  ", b"{}", b'{"api_key": ""}', b'{"api_key": null}', b'{"msisdn": "x"}']
)
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", ""])
def test_without_a_key_the_data_is_null(post: Call, body: bytes, kind: str) -> None:
    response = post(body, content_type=kind)

    assert response.status_code == 400
    assert response.json() == recorded("missing_key", parameter="api_key")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"msisdn": NUMBER}, "msg"),
        ({"msisdn": NUMBER, "msg": ""}, "msg"),
        ({"msisdn": NUMBER, "msg": " \n"}, "msg"),
        ({"msisdn": NUMBER, "template": "hello_world"}, "msg"),
        ({"msg": "Hello"}, "msisdn"),
        ({"msisdn": None, "msg": "Hello"}, "msisdn"),
        ({"template": "hello_world"}, "msisdn"),
        ({"anything": 1}, "msisdn"),
        ({"anything": None}, "msisdn"),
    ],
)
def test_a_missing_field_is_required(post: Call, fields: dict[str, Any], field: str) -> None:
    response = post(**fields)

    assert response.status_code == 422
    assert response.json() == recorded("missing_field", parameter=field)


@pytest.mark.parametrize(
    "number",
    ["254712345678", "25670123456", "2567012345678", "abc", "0701234567", 5, True, [NUMBER], {}],
)
def test_a_number_is_twelve_digits_starting_with_256(post: Call, number: Any) -> None:
    response = post(msisdn=number, msg="Hello")

    assert response.status_code == 422
    assert response.json() == recorded(
        "wrong_format", parameter="msisdn", format="12 digits starting with 256"
    )
    assert not Contact.objects.exists()


@pytest.mark.parametrize("number", [NUMBER, int(NUMBER), "+256 701 234-567", "00256701234567"])
def test_a_number_is_taken_as_people_write_it(post: Call, number: Any) -> None:
    response = post(msisdn=number, msg="Hello")

    assert response.json()["contacts"] == [{"input": NUMBER, "wa_id": NUMBER}]


@pytest.mark.parametrize(
    ("fields", "field", "what"),
    [
        ({"msg": 1234}, "msg", "a string"),
        ({"msg": ["Hello"]}, "msg", "a string"),
        ({"msg": "x" * 4097}, "msg", "at most 4096 characters"),
        ({"template": 5}, "template", "a string"),
        ({"template": "pending"}, "template", "an approved template"),
        (
            {"template": "appointment_reminder"},
            "template",
            "a template with at most one variable, in its body",
        ),
        (
            {"template": "promo_template"},
            "template",
            "a template with at most one variable, in its body",
        ),
        (
            {"template": "with_picture"},
            "template",
            "a template with at most one variable, in its body",
        ),
        (
            {"template": "order_update", "msg": "two\nlines"},
            "msg",
            "one line that fits into the template",
        ),
        (
            {"template": "order_update", "msg": "x" * 1024},
            "msg",
            "one line that fits into the template",
        ),
        (
            {"template": "otp_code", "msg": "1234567890123456"},
            "msg",
            "a code of at most 15 characters",
        ),
        ({"template": "otp_code", "msg": "12\n34"}, "msg", "a code of at most 15 characters"),
        (
            {"image": "https://example.com/a.jpg"},
            "image",
            "left out: there are only api_key, msisdn, msg, template",
        ),
    ],
)
def test_what_is_wrong_is_said_as_printed(
    post: Call, acme: Company, fields: dict[str, Any], field: str, what: str
) -> None:
    for name in ("appointment_reminder", "promo_template", "order_update", "otp_code"):
        make_template(acme, name)
    make_template(acme, "hello_world", name="pending", status=Template.Status.SUBMITTED)
    picture = [{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "Hi {{1}} there"}]
    make_template(acme, "hello_world", name="with_picture", components=picture)

    response = post(**{"msisdn": NUMBER, "msg": "Hello", **fields})

    assert response.status_code == 422
    assert response.json() == recorded("wrong_format", parameter=field, format=what)
    assert not Message.objects.exists()


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head", "options"])
def test_a_wrong_method_is_answered_as_printed(client: Client, db: None, method: str) -> None:
    response = getattr(client, method)(PATH)

    assert response.status_code == 405
    assert response["Allow"] == "POST"
    if method != "head":
        assert response.json() == recorded("method_not_allowed")


def test_an_unknown_template_is_not_found(post: Call, acme: Company, rival: Company) -> None:
    make_template(rival, "hello_world")
    make_template(acme, "order_update", waba_id="another account of ours")

    for name in ("unknown", "hello_world", "order_update"):
        response = post(msisdn=NUMBER, msg="Hello", template=name)
        assert response.status_code == 404
        assert response.json() == recorded("not_found", Resource="Template")


def test_unknown_paths_are_not_found(client: Client, db: None) -> None:
    for path in ("/projects", "/projects/bulk/whatsapp/", f"{PATH}/more"):
        response = client.post(path)
        assert response.status_code == 404
        assert response.json() == recorded("not_found", Resource="Resource")


def test_a_failure_of_ours_shows_nothing_of_itself(
    post: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("messaging.services.accept", fail)

    response = post(msisdn=NUMBER, msg="Hello")

    assert response.status_code == 500
    assert response.json() == recorded(
        "server_error", **{"Failure reason": "Internal server error"}
    )


# --- Templates -------------------------------------------------------------------------


def test_a_code_goes_into_the_text_and_the_copy_button(
    post: Call, acme: Company, channel: Channel, graph: Sandbox, drain: Any
) -> None:
    make_template(acme, "otp_code")

    response = post(msisdn=NUMBER, msg="1234", template="otp_code")
    drain(channel)

    assert response.status_code == 200
    code = [{"type": "text", "text": "1234"}]
    assert sent_payload(graph)["template"] == {
        "name": "otp_code",
        "language": {"code": "en_US"},
        "components": [
            {"type": "body", "parameters": code},
            {"type": "button", "sub_type": "url", "index": "0", "parameters": code},
        ],
    }
    assert Batch.objects.get().category == "AUTHENTICATION"


def test_a_code_template_as_meta_gives_it_back_works_too(post: Call, acme: Company) -> None:
    """Meta turns the OTP button into a URL with a variable, and fills the body in."""
    button = {
        "type": "URL",
        "text": "Copy code",
        "url": "https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp{{1}}",
    }
    components = [
        {"type": "BODY", "text": "*{{1}}* is your verification code."},
        {"type": "BUTTONS", "buttons": [button]},
    ]
    make_template(acme, "otp_code", components=components)

    assert post(msisdn=NUMBER, msg="1234", template="otp_code").status_code == 200
    assert len(Batch.objects.get().payload["template"]["components"]) == 2


def test_the_one_variable_of_a_body_is_the_message(
    post: Call, acme: Company, channel: Channel, graph: Sandbox, drain: Any
) -> None:
    make_template(acme, "order_update")

    post(msisdn=NUMBER, msg="A-1042", template="order_update")
    drain(channel)

    assert sent_payload(graph)["template"]["components"] == [
        {"type": "body", "parameters": [{"type": "text", "text": "A-1042"}]}
    ]


def test_a_variable_may_have_a_name(post: Call, acme: Company) -> None:
    body = [{"type": "BODY", "text": "Your order {{order}} has left."}]
    make_template(acme, "order_update", components=body, parameter_format="NAMED")

    assert post(msisdn=NUMBER, msg="A-1042", template="order_update").status_code == 200
    [component] = Batch.objects.get().payload["template"]["components"]
    assert component["parameters"] == [
        {"type": "text", "text": "A-1042", "parameter_name": "order"}
    ]


def test_a_template_without_variables_ignores_the_message(
    post: Call, acme: Company, channel: Channel, graph: Sandbox, drain: Any
) -> None:
    make_template(acme, "hello_world")

    post(msisdn=NUMBER, msg="Whatever\nthis is", template="hello_world")
    drain(channel)

    assert sent_payload(graph)["template"] == {
        "name": "hello_world",
        "language": {"code": "en_US"},
    }


def test_an_empty_template_name_is_none(post: Call) -> None:
    for name in ("", None, " "):
        assert post(msisdn=NUMBER, msg="Hello", template=name).status_code == 200
    assert set(Batch.objects.values_list("content_type", flat=True)) == {"text"}


@pytest.mark.parametrize(
    ("languages", "chosen"),
    [
        ({"sw": "APPROVED", "en": "APPROVED", "en_US": "APPROVED"}, "en_US"),
        ({"sw": "APPROVED", "en": "APPROVED", "en_US": "PAUSED"}, "en"),
        ({"sw": "APPROVED", "fr": "APPROVED"}, "sw"),
        ({"en_US": "REJECTED", "fr": "APPROVED"}, "fr"),
    ],
)
def test_of_several_languages_an_approved_one_is_taken_english_first(
    post: Call, acme: Company, languages: dict[str, str], chosen: str
) -> None:
    for language, status in languages.items():
        factories.make_template(
            acme,
            name="greeting",
            language=language,
            status=status,
            components=[{"type": "BODY", "text": "Hello"}],
        )

    assert post(msisdn=NUMBER, msg="Hello", template="greeting").status_code == 200
    template = Template.objects.get(pk=Batch.objects.get().template_id)
    assert template.language == chosen


# --- Numbers that are not on WhatsApp --------------------------------------------------


def test_a_number_that_meta_could_not_reach_is_invalid(
    post: Call, client: Client, channel: Channel, acme: Company, apply_inbox: Any
) -> None:
    post(msisdn=NUMBER, msg="Hello")
    failed = webhooks.failure(Message.objects.get(), 131026)
    webhooks.post(client, webhooks.body(channel, statuses=[failed]))
    apply_inbox()

    response = post(msisdn=NUMBER, msg="Hello again")

    assert response.status_code == 200
    assert response.json() == recorded("invalid")
    assert Message.objects.count() == 1
    acme.refresh_from_db()
    assert acme.credits == sum(acme.credit_entries.values_list("amount", flat=True)) == 1_000_000


def test_a_number_that_meta_refuses_in_its_answer_is_invalid_too(
    post: Call, channel: Channel, graph: Sandbox, drain: Any
) -> None:
    graph.fault(code=131026, arrives="sync", match={"to": NUMBER})
    post(msisdn=NUMBER, msg="Hello")
    drain(channel)

    assert post(msisdn=NUMBER, msg="Hello again").json() == recorded("invalid")
    assert post(msisdn="256701234568", msg="Hello").json()["messages"]


def test_it_is_tried_again_after_a_message_of_theirs(
    post: Call, client: Client, channel: Channel, acme: Company, apply_inbox: Any
) -> None:
    factories.make_contact(acme, NUMBER, not_on_whatsapp_at=timezone.now())
    assert post(msisdn=NUMBER, msg="Hello").json() == recorded("invalid")

    webhooks.post(client, webhooks.body(channel, messages=[webhooks.inbound(sender=NUMBER)]))
    apply_inbox()

    assert post(msisdn=NUMBER, msg="Hello").json()["messages"]


@pytest.mark.parametrize(("days", "is_sent"), [(29, False), (31, True)])
def test_it_is_tried_again_after_thirty_days(
    post: Call, acme: Company, days: int, is_sent: bool
) -> None:
    then = timezone.now() - timedelta(days=days)
    factories.make_contact(acme, NUMBER, not_on_whatsapp_at=then)

    assert ("messages" in post(msisdn=NUMBER, msg="Hello").json()) == is_sent


def test_what_another_company_was_told_of_a_number_counts_for_it_alone(
    post: Call, rival: Company
) -> None:
    factories.make_contact(rival, NUMBER, not_on_whatsapp_at=timezone.now())

    assert post(msisdn=NUMBER, msg="Hello").json()["messages"]


def test_a_repeated_idempotency_key_is_answered_first(post: Call, acme: Company) -> None:
    headers = {"Idempotency-Key": "order-1"}
    first = post(msisdn=NUMBER, msg="Hello", headers=headers)
    Contact.objects.update(not_on_whatsapp_at=timezone.now())

    again = post(msisdn=NUMBER, msg="Hello", headers=headers)
    other = post(msisdn=NUMBER, msg="Other", headers=headers)

    assert again.json() == first.json()
    assert (other.status_code, other.json()["status"]) == (409, 409)
    assert Message.objects.count() == 1


# --- The rest --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data", "odd", ""]
)
def test_json_is_taken_whatever_it_is_called(post: Call, kind: str) -> None:
    """PHP posts a string as a form unless it is told otherwise."""
    assert post(msisdn=NUMBER, msg="Hello", content_type=kind).status_code == 200


def test_what_is_no_json_is_refused(client: Client, post: Call, settings: Any) -> None:
    settings.MAX_BODY_BYTES = 1000

    form = client.post(PATH, {"api_key": "x"})
    large = post(b"x" * 1001)

    assert form.status_code == 415
    assert form.json() == {"message": "The request body must be JSON.", "status": 415}
    assert (large.status_code, large.json()["status"]) == (413, 413)


@pytest.mark.parametrize(
    "body",
    [b"not json", b"{'api_key': 'x'}", b"[]", b"null", b'"x"', b'{"a": "\\u0000"}', b"\xff"]
    + [b'{"a":' * 9000, b'{"a": ' + b"[" * 50 + b"]" * 50 + b"}", b'{"a": NaN}'],
)
def test_a_body_that_is_no_usable_object_is_refused(post: Call, body: bytes) -> None:
    response = post(body)

    assert response.status_code == 400
    assert response.json() == {
        "data": None,
        "message": "The request body must be a JSON object.",
        "status": 400,
    }


def test_over_the_keys_limit_requests_wait(post: Call, acme: Company) -> None:
    Company.objects.filter(pk=acme.pk).update(requests_per_minute=2)

    answers = [post() for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer["X-RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert answers[2].json()["status"] == 429
    assert 1 <= int(answers[2]["Retry-After"]) <= 60


def test_the_limit_is_that_of_the_primary_contract(post: Call) -> None:
    assert post()["X-RateLimit-Limit"] == "600"


def test_who_opted_out_is_not_written_to(post: Call, acme: Company) -> None:
    factories.make_contact(acme, NUMBER, opted_out_at=timezone.now())

    assert post(msisdn=NUMBER, msg="Hello").json() == recorded(
        "wrong_format", parameter="msisdn", format="a number that has not opted out"
    )


def test_a_suspended_companys_key_is_refused(post: Call, acme: Company) -> None:
    Company.objects.update(status=Company.Status.SUSPENDED)

    response = post()

    assert response.status_code == 403
    assert response.json() == {"message": "The account is suspended", "status": 403}


def test_without_a_connected_channel_the_service_is_unavailable(
    post: Call, channel: Channel
) -> None:
    Channel.objects.filter(pk=channel.pk).update(status=Channel.Status.DISCONNECTED)
    disconnected = post(msisdn=NUMBER, msg="Hello")
    Channel.objects.filter(pk=channel.pk).update(is_default=False)
    none = post(msisdn=NUMBER, msg="Hello")

    for response in (disconnected, none):
        assert (response.status_code, response.json()["status"]) == (503, 503)
        assert response.json()["message"].startswith("Service unavailable")


def test_a_key_sends_from_its_own_channel(post: Call, acme: Company) -> None:
    second = factories.make_channel(acme)
    bound = factories.make_key(acme, channel=second)

    assert post({"api_key": bound, "msisdn": NUMBER, "msg": "Hello"}).status_code == 200
    assert Message.objects.get().channel_id == second.pk


def test_a_trailing_slash_makes_no_difference(post: Call) -> None:
    assert post(path=f"{PATH}/").json() == recorded("valid")
