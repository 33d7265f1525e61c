"""The AmanahAgent contract, from its document's examples: messages, contacts, templates, usage."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.test import Client
from django.utils import timezone

from companies.graph.sandbox import Sandbox
from companies.models import Channel, Company
from config import public_ids
from contacts.models import Contact, Tag
from messaging import media
from messaging.models import Batch, DailyUsage, Message, Status, StatusEvent
from templates_app.models import Template
from tests import factories

FIXTURES = Path(__file__).parents[1] / "fixtures/amanahagent"
Call = Callable[..., Any]
TEXT = {"to": "+254712345678", "type": "text", "message": "Hi"}


def printed(name: str) -> dict[str, Any]:
    example: dict[str, Any] = orjson.loads((FIXTURES / f"{name}.json").read_bytes())
    return example


@pytest.fixture
def call(client: Client, channel: Channel, key: str) -> Call:
    """`call("post", "messages", {...})`; as another company with `key=`."""

    def request(method: str, path: str, body: Any = None, **fields: Any) -> Any:
        headers = {"Authorization": f"Bearer {fields.pop('key', key)}", **fields.pop("headers", {})}
        if method == "get":
            return client.get(f"/v1/{path}", body, headers=headers)
        data = body if isinstance(body, bytes) else orjson.dumps(body)
        return getattr(client, method)(
            f"/v1/{path}", data, content_type="application/json", headers=headers
        )

    return request


@pytest.fixture
def post(call: Call) -> Call:
    return lambda body=None, **fields: call("post", "messages", body or {**TEXT, **fields})


# --- Sending --------------------------------------------------------------------------


def test_the_printed_request_gets_the_printed_answer_and_reaches_graph(
    call: Call, channel: Channel, graph: Sandbox, drain: Any
) -> None:
    response = call("post", "messages", printed("send.request"))
    drain(channel)

    message = Message.objects.get()
    assert response.status_code == 200
    assert response.json() == printed("send.response") | {
        "message_id": message.public_id,
        "timestamp": f"{message.batch.created_at:%Y-%m-%dT%H:%M:%SZ}",
    }
    [sent] = graph.messages()
    assert sent["payload"]["to"] == "+1234567890"
    assert sent["payload"]["text"] == {"body": "Hello from AmanahAgent!"}


def test_a_message_is_shown_with_the_printed_keys_as_it_goes_on(call: Call, post: Call) -> None:
    message_id = post(printed("send.request")).json()["message_id"]
    accepted = call("get", f"messages/{message_id}").json()
    at = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
    message = Message.objects.get()
    Message.objects.update(status=Status.DELIVERED, sent_at=at)
    for seconds in (20, 15):
        StatusEvent.objects.create(
            message=message, status=Status.DELIVERED, at=at + timedelta(seconds=seconds)
        )

    delivered = call("get", f"messages/{message_id}").json()

    expected = printed("status.response") | {"message_id": message_id}
    assert accepted == expected | {"status": "sent", "sent_at": None, "delivered_at": None}
    assert delivered == expected


def test_a_failed_message_says_why(call: Call, post: Call) -> None:
    message_id = post().json()["message_id"]
    Message.objects.update(
        status=Status.FAILED, error_code="131026", error_detail="Message undeliverable"
    )

    shown = call("get", f"messages/{message_id}").json()

    assert shown["status"] == "failed"
    assert shown["error"] == {"code": "131026", "message": "Message undeliverable"}


def test_another_companys_message_does_not_exist(call: Call, post: Call, rival: Company) -> None:
    message_id = post().json()["message_id"]
    unknown = public_ids.encode("msg", 10**9)

    answers = [
        call("get", f"messages/{message_id}", key=factories.make_key(rival)),
        *(call("get", f"messages/{lost}") for lost in (unknown, "1", "msg_", "%00")),
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert {answer.json()["error"]["code"] for answer in answers} == {"MESSAGE_NOT_FOUND"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.jpg", "image"),
        ("a.PNG?size=2", "image"),
        ("a.gif", "document"),
        ("a.mp4", "video"),
        ("a.mp3", "audio"),
        ("a.pdf", "document"),
        ("a", "document"),
    ],
)
def test_media_goes_as_what_its_links_extension_says(post: Call, name: str, kind: str) -> None:
    link = f"https://files.example.com/{name}"

    response = post(type="media", media_url=link, message="Look")

    content = Batch.objects.get().payload[kind]
    assert response.json()["type"] == "media"
    assert content["link"] == link
    assert content.get("caption") == (None if kind == "audio" else "Look")


def test_own_media_goes_as_what_it_is_by_url_or_id(post: Call, acme: Company) -> None:
    video = factories.make_media(acme, kind="video", content_type="video/mp4", filename="a.jpg")
    sticker = factories.make_media(acme, kind="sticker", content_type="image/webp")
    gif = factories.make_media(acme, kind="document", content_type="image/gif")

    for link in (media.public_url(video), sticker.public_id, gif.public_id):
        assert post(type="media", media_url=link).status_code == 200

    payloads = [batch.payload for batch in Batch.objects.order_by("pk")]
    assert payloads[0] == {
        "type": "video",
        "video": {"id": video.public_id, "caption": "Hi"},
    }
    assert [payload["type"] for payload in payloads] == ["video", "document", "document"]


def test_another_companys_media_id_does_not_exist(post: Call, rival: Company) -> None:
    response = post(type="media", media_url=factories.make_media(rival).public_id)

    assert response.status_code == 404
    assert response.json()["error"]["code"] == "MEDIA_NOT_FOUND"


@pytest.mark.parametrize("as_number", [False, True])
def test_a_template_is_named_by_either_id_and_takes_components(
    post: Call, acme: Company, as_number: bool
) -> None:
    template = factories.make_template(acme)
    parameters = [{"type": "text", "text": "Dennis"}]

    response = post(
        {
            "to": "+254712345678",
            "type": "template",
            "template_id": template.pk if as_number else template.public_id,
            "components": [{"type": "body", "parameters": parameters}],
        }
    )

    assert response.status_code == 200
    assert response.json()["type"] == "template"
    assert Batch.objects.get().template_id == template.pk


TEMPLATE = {"to": "+254712345678", "type": "template"}
MEDIA = {"to": "+254712345678", "type": "media"}


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"type": "text", "message": "Hi"}, 400, "MISSING_PHONE_NUMBER", "to"),
        ({**TEXT, "to": ["+254712345678"]}, 400, "INVALID_PHONE_NUMBER", "to"),
        ({"to": "+254712345678"}, 400, "MISSING_TYPE", "type"),
        ({**TEXT, "type": "fax"}, 400, "INVALID_TYPE", "type"),
        ({**TEXT, "type": ["text"]}, 400, "INVALID_TYPE", "type"),
        ({**TEXT, "message": " "}, 400, "MISSING_MESSAGE", "message"),
        ({**TEXT, "message": 5}, 400, "INVALID_MESSAGE", "message"),
        ({**TEXT, "message": "x" * 4097}, 400, "INVALID_MESSAGE", "message"),
        ({**TEXT, "media_url": "https://a.example/a.jpg"}, 400, "INVALID_MEDIA_URL", "media_url"),
        (MEDIA, 400, "MISSING_MEDIA_URL", "media_url"),
        ({**MEDIA, "media_url": "/a.jpg"}, 400, "INVALID_MEDIA_URL", "media_url"),
        ({**MEDIA, "media_url": {"a": 1}}, 400, "INVALID_MEDIA_URL", "media_url"),
        ({**MEDIA, "media_url": "http://[a.jpg"}, 400, "INVALID_MEDIA_URL", "media_url"),
        (
            {**MEDIA, "media_url": "https://a.example/a.jpg", "message": "x" * 1025},
            400,
            "INVALID_MESSAGE",
            "message",
        ),
        (TEMPLATE, 400, "MISSING_TEMPLATE_ID", "template_id"),
        (
            {**TEMPLATE, "template_id": "tpl_0000000000000"},
            404,
            "TEMPLATE_NOT_FOUND",
            "template_id",
        ),
        ({**TEMPLATE, "template_id": "9" * 5000}, 404, "TEMPLATE_NOT_FOUND", "template_id"),
        ({**TEMPLATE, "template_id": -5}, 404, "TEMPLATE_NOT_FOUND", "template_id"),
        ({**TEMPLATE, "template_id": 1, "message": "Hi"}, 400, "INVALID_MESSAGE", "message"),
    ],
)
def test_what_is_wrong_names_its_field(
    post: Call, body: dict[str, Any], status: int, code: str, field: str
) -> None:
    response = post(body)

    error = response.json()["error"]
    assert set(response.json()) == {"error"}
    assert set(error) == {"code", "message", "details"}
    assert (response.status_code, error["code"], error["details"]["field"]) == (status, code, field)
    assert not Batch.objects.exists()


def test_a_template_that_is_in_no_account_yet_is_not_approved(post: Call, acme: Company) -> None:
    draft = factories.make_template(acme, waba_id="", status=Template.Status.SUBMITTED)

    answer = post({**TEMPLATE, "template_id": draft.public_id})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "TEMPLATE_NOT_APPROVED")


@pytest.mark.parametrize(
    ("to", "shown"),
    [("x" * 5000, "x" * 200), (["x"], ["x"]), (["x"] * 5000, None), (True, True)],
)
def test_an_error_shows_no_more_of_what_was_wrong_than_one_reads(
    post: Call, to: Any, shown: Any
) -> None:
    assert post({**TEXT, "to": to}).json()["error"]["details"].get("value") == shown


def test_an_invalid_number_gets_the_printed_error(post: Call) -> None:
    response = post(to="invalid-number")

    assert response.status_code == 400
    assert response.json() == printed("error.response")


def test_templates_that_may_not_be_sent(post: Call, acme: Company, rival: Company) -> None:
    pending = factories.make_template(acme, status=Template.Status.SUBMITTED)
    variables = factories.make_template(acme)
    theirs = factories.make_template(rival)

    def code(template: Template) -> tuple[int, str]:
        answer = post({**TEMPLATE, "template_id": template.public_id})
        return answer.status_code, answer.json()["error"]["code"]

    assert code(pending) == (400, "TEMPLATE_NOT_APPROVED")
    assert code(variables) == (400, "INVALID_COMPONENTS")
    assert code(theirs) == (404, "TEMPLATE_NOT_FOUND")


def test_who_opted_out_is_not_written_to(post: Call, acme: Company) -> None:
    factories.make_contact(acme, "254712345678", opted_out_at=timezone.now())

    response = post()

    assert (response.status_code, response.json()["error"]["code"]) == (400, "RECIPIENT_OPTED_OUT")


def test_a_disconnected_or_missing_channel_is_told(
    post: Call, channel: Channel, acme: Company
) -> None:
    Channel.objects.update(status=Channel.Status.DISCONNECTED)
    disconnected = post()
    Channel.objects.update(is_default=False)
    missing = post()

    assert disconnected.json()["error"]["code"] == "RECONNECT_WABA"
    assert missing.json()["error"]["code"] == "NO_CHANNEL"


def test_a_key_of_a_channel_sends_from_it(call: Call, acme: Company) -> None:
    other = factories.make_channel(acme)

    call("post", "messages", TEXT, key=factories.make_key(acme, channel=other))

    assert Batch.objects.get().channel_id == other.pk


# --- Contacts -------------------------------------------------------------------------


def test_the_printed_contact_is_created_and_shown(call: Call) -> None:
    response = call("post", "contacts", printed("contact.request"))

    contact = Contact.objects.get()
    assert response.status_code == 201
    assert response.json() == {
        "id": public_ids.encode("contact", contact.pk),
        **printed("contact.request"),
        "created_at": f"{contact.created_at:%Y-%m-%dT%H:%M:%SZ}",
        "updated_at": f"{contact.updated_at:%Y-%m-%dT%H:%M:%SZ}",
    }


def test_a_known_phone_is_updated_and_its_tags_merged(call: Call) -> None:
    call("post", "contacts", printed("contact.request"))

    response = call(
        "post",
        "contacts",
        {
            "phone": "1 234 567 890",
            "tags": ["premium", "vip", "vip"],
            "custom_fields": {"department": "Support", "floor": 3},
        },
    )
    named = call("post", "contacts", {"phone": "+1234567890", "name": "Jane Doe"})

    assert response.status_code == 200
    shown = response.json()
    assert shown["name"] == "John Doe"
    assert shown["tags"] == ["customer", "premium", "vip"]
    assert shown["custom_fields"] == {"company": "Acme Corp", "department": "Support", "floor": 3}
    assert named.json()["name"] == "Jane Doe"
    assert Tag.objects.count() == 3


def test_custom_fields_have_a_limit_in_all_however_they_come(call: Call) -> None:
    first = call("post", "contacts", {"phone": "+1234567890", "custom_fields": {"a": "x" * 9_000}})
    second = call("post", "contacts", {"phone": "+1234567890", "custom_fields": {"b": "x" * 9_000}})

    assert first.status_code == 201
    assert (second.status_code, second.json()["error"]["code"]) == (400, "INVALID_CUSTOM_FIELDS")
    assert list(Contact.objects.get().custom_fields) == ["a"]


def test_who_was_only_written_to_is_new_in_the_address_book(call: Call, post: Call) -> None:
    post()
    before = call("get", "contacts").json()

    response = call("post", "contacts", {"phone": TEXT["to"], "name": "Amina"})

    assert before["contacts"] == []
    assert response.status_code == 201
    assert call("get", "contacts").json()["pagination"]["total"] == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"phone": None}, "MISSING_PHONE_NUMBER"),
        ({"phone": "abc"}, "INVALID_PHONE_NUMBER"),
        ({"phone": {"a": 1}}, "INVALID_PHONE_NUMBER"),
        ({"name": 5}, "INVALID_NAME"),
        ({"name": "x" * 201}, "INVALID_NAME"),
        ({"tags": "customer"}, "INVALID_TAGS"),
        ({"tags": [1]}, "INVALID_TAGS"),
        ({"tags": [""]}, "INVALID_TAGS"),
        ({"tags": ["x" * 81]}, "INVALID_TAGS"),
        ({"tags": ["a"] * 101}, "INVALID_TAGS"),
        ({"custom_fields": [1]}, "INVALID_CUSTOM_FIELDS"),
        ({"custom_fields": {"a": "x" * 17_000}}, "INVALID_CUSTOM_FIELDS"),
    ],
)
def test_a_wrong_contact_leaves_nothing(call: Call, fields: dict[str, Any], code: str) -> None:
    response = call("post", "contacts", {**printed("contact.request"), **fields})

    assert (response.status_code, response.json()["error"]["code"]) == (400, code)
    assert not Contact.objects.exists()
    assert not Tag.objects.exists()


@pytest.fixture
def people(acme: Company, rival: Company) -> list[Contact]:
    amina = factories.make_contact(acme, "254700000001", name="Amina Wanjiku")
    brian = factories.make_contact(acme, "254700000002", name="Brian")
    farah = factories.make_contact(acme, "256700000003", name="Farah")
    stranger = factories.make_contact(rival, "254700000001", name="Amina")
    factories.make_tag(acme, amina, brian, name="customer")
    factories.make_tag(acme, amina, farah, name="premium")
    factories.make_tag(rival, stranger, name="customer")
    return [amina, brian, farah]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["Amina Wanjiku", "Brian", "Farah"]),
        ({"search": "amina"}, ["Amina Wanjiku"]),
        ({"search": "+254 700"}, ["Amina Wanjiku", "Brian"]),
        ({"search": "0700000002"}, ["Brian"]),
        ({"search": "nobody"}, []),
        ({"search": "%"}, []),
        ({"tags": "customer"}, ["Amina Wanjiku", "Brian"]),
        ({"tags": "customer, premium"}, ["Amina Wanjiku"]),
        ({"tags": "unknown"}, []),
        ({"tags": "customer", "search": "bri"}, ["Brian"]),
        ({"limit": "2"}, ["Amina Wanjiku", "Brian"]),
        ({"limit": "2", "page": "2"}, ["Farah"]),
        ({"limit": "2", "page": "3"}, []),
    ],
)
def test_contacts_are_listed_searched_and_filtered(
    call: Call, people: list[Contact], query: dict[str, str], names: list[str]
) -> None:
    response = call("get", "contacts", query)

    assert response.status_code == 200
    assert [contact["name"] for contact in response.json()["contacts"]] == names


def test_a_page_of_contacts_is_counted(call: Call, people: list[Contact]) -> None:
    shown = call("get", "contacts", {"limit": "2"}).json()

    assert shown["pagination"] == {"page": 1, "limit": 2, "total": 3, "total_pages": 2}
    assert shown["contacts"][0]["tags"] == ["customer", "premium"]
    assert set(shown["contacts"][0]) == {
        "id",
        "phone",
        "name",
        "tags",
        "custom_fields",
        "created_at",
        "updated_at",
    }


@pytest.mark.parametrize("path", ["contacts", "templates"])
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"limit": "101"}, "INVALID_LIMIT"),
        ({"limit": "0"}, "INVALID_LIMIT"),
        ({"limit": "-1"}, "INVALID_LIMIT"),
        ({"limit": "ten"}, "INVALID_LIMIT"),
        ({"page": "0"}, "INVALID_PAGE"),
        ({"page": "9" * 30}, "INVALID_PAGE"),
        ({"page": "٣"}, "INVALID_PAGE"),
        ({"page": "\x00"}, "INVALID_PAGE"),
    ],
)
def test_a_page_that_cannot_be_is_refused(
    call: Call, path: str, query: dict[str, str], code: str
) -> None:
    response = call("get", path, query)

    assert (response.status_code, response.json()["error"]["code"]) == (400, code)


@pytest.mark.parametrize("name", ["search", "tags"])
def test_a_nul_character_in_a_query_is_refused(call: Call, name: str) -> None:
    assert call("get", "contacts", {name: "a\x00"}).status_code == 400


# --- Templates ------------------------------------------------------------------------


def test_the_printed_template_goes_to_staff_and_is_shown_as_pending(
    call: Call, channel: Channel
) -> None:
    response = call("post", "templates", printed("template.request"))

    template = Template.objects.get()
    shown = {
        **{name: printed("template.request")[name] for name in ("name", "language", "category")},
        "id": template.public_id,
        "status": "PENDING",
        "created_at": f"{template.created_at:%Y-%m-%dT%H:%M:%SZ}",
        "approved_at": None,
    }
    assert response.status_code == 201
    assert response.json() == shown
    assert call("get", "templates").json()["templates"] == [shown]
    assert template.status == Template.Status.SUBMITTED
    assert template.waba_id == channel.waba_id
    assert template.components == printed("template.request")["components"]


def test_templates_are_listed_as_printed(call: Call, acme: Company, rival: Company) -> None:
    approved = datetime(2024, 1, 12, 14, 20, tzinfo=UTC)
    template = factories.make_template(
        acme, name="welcome_message", language="en", approved_at=approved
    )
    Template.objects.update(created_at=datetime(2024, 1, 10, 10, 30, tzinfo=UTC))
    factories.make_template(rival)

    expected = printed("templates.response")
    expected["templates"][0]["id"] = template.public_id
    assert call("get", "templates").json() == expected


def test_the_same_template_again_is_a_conflict(call: Call) -> None:
    headers = {"Idempotency-Key": "template-1"}
    first = call("post", "templates", printed("template.request"), headers=headers)

    again = call("post", "templates", printed("template.request"))
    replayed = call("post", "templates", printed("template.request"), headers=headers)
    other = call("post", "templates", printed("template.request") | {"language": "ar"})

    assert (again.status_code, again.json()["error"]["code"]) == (409, "TEMPLATE_ALREADY_EXISTS")
    assert (replayed.status_code, replayed.json()) == (201, first.json())
    assert other.status_code == 201


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"name": ""}, "MISSING_NAME", "name"),
        ({"name": "Welcome"}, "INVALID_NAME", "name"),
        ({"language": "xx"}, "INVALID_LANGUAGE", "language"),
        ({"category": "PROMO"}, "INVALID_CATEGORY", "category"),
        ({"components": None}, "MISSING_COMPONENTS", "components"),
        (
            {"components": [{"type": "BODY", "text": "x" * 1025}]},
            "INVALID_COMPONENTS",
            "components[0].text",
        ),
    ],
)
def test_a_wrong_template_names_its_part(
    call: Call, fields: dict[str, Any], code: str, field: str
) -> None:
    response = call("post", "templates", printed("template.request") | fields)

    error = response.json()["error"]
    assert response.status_code == 400
    assert (error["code"], error["details"]["field"]) == (code, field)
    assert not Template.objects.exists()


# --- Usage ----------------------------------------------------------------------------


def test_usage_adds_up_as_in_the_printed_answer(
    call: Call, channel: Channel, acme: Company
) -> None:
    for day, (accepted, delivered, read, failed) in {
        "2024-01-15": (180, 75, 100, 5),
        "2024-01-08": (1070, 155, 850, 65),
        "2024-01-07": (9, 9, 0, 0),
    }.items():
        DailyUsage.objects.create(
            company=acme,
            channel=channel,
            day=day,
            category="SERVICE",
            accepted=accepted,
            charged=accepted,
            delivered=delivered,
            read=read,
            failed=failed,
        )

    shown = call(
        "get", "analytics/usage", {"start_date": "2024-01-08", "end_date": "2024-01-15"}
    ).json()

    expected = printed("usage.response")
    assert shown["metrics"] == expected["metrics"] | {"unique_contacts": 0}
    assert shown["daily_breakdown"][:1] == expected["daily_breakdown"]
    assert len(shown["daily_breakdown"]) == 8
    assert set(shown) == set(expected)


def test_todays_messages_are_in_the_default_period(call: Call, post: Call) -> None:
    post()
    post()
    post(to="+254700000001")

    shown = call("get", "analytics/usage").json()

    assert shown["period"] == "7d"
    assert shown["metrics"] == {
        "messages_sent": 3,
        "messages_delivered": 0,
        "messages_read": 0,
        "messages_failed": 0,
        "delivery_rate": 0.0,
        "read_rate": 0.0,
        "credits_used": 3,
        "unique_contacts": 2,
    }


def test_usage_is_the_companys_own(call: Call, post: Call, rival: Company) -> None:
    post()

    shown = call("get", "analytics/usage", key=factories.make_key(rival)).json()

    assert shown["metrics"]["messages_sent"] == shown["metrics"]["unique_contacts"] == 0


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"period": "2d"}, "INVALID_PERIOD"),
        ({"start_date": "15-01-2024"}, "INVALID_START_DATE"),
        ({"start_date": "2024-02-30"}, "INVALID_START_DATE"),
        ({"end_date": "20240115"}, "INVALID_END_DATE"),
        ({"end_date": "0001-01-01"}, "INVALID_END_DATE"),
        ({"start_date": "2024-01-16", "end_date": "2024-01-15"}, "INVALID_START_DATE"),
        ({"start_date": "2020-01-01", "end_date": "2024-01-15"}, "INVALID_START_DATE"),
        ({"start_date": "\x00"}, "INVALID_START_DATE"),
    ],
)
def test_a_period_that_cannot_be_is_refused(call: Call, query: dict[str, str], code: str) -> None:
    response = call("get", "analytics/usage", query)

    assert (response.status_code, response.json()["error"]["code"]) == (400, code)


# --- Everywhere -----------------------------------------------------------------------


def test_unknown_paths_and_wrong_methods_answer_in_the_vendors_shape(
    client: Client, channel: Channel
) -> None:
    for method, path in [("get", "messages"), ("put", "contacts"), ("delete", "messages/msg_1")]:
        response = getattr(client, method)(f"/v1/{path}")
        assert response.status_code == 405
        assert response.json()["error"]["code"] == "METHOD_NOT_ALLOWED"
    for lost in ("/v1", "/v1/", "/v1/nothing", "/v1/contacts/1/2"):
        response = client.post(lost)
        assert response.status_code == 404
        assert response.json()["error"] == {
            "code": "NOT_FOUND",
            "message": "There is nothing at this path",
            "details": {},
        }


def test_without_a_key_it_says_so(client: Client, channel: Channel) -> None:
    for headers in ({}, {"Authorization": "Bearer tuma_x"}, {"Authorization": "Token x"}):
        response = client.get("/v1/contacts/", headers=headers)
        assert response.status_code == 401
        assert response["WWW-Authenticate"] == 'Bearer realm="Tuma"'
        assert response.json() == {
            "error": {
                "code": "INVALID_API_KEY",
                "message": "Invalid or missing API key",
                "details": {},
            }
        }
