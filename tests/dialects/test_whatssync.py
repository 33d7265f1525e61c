"""The WhatsSync contract, from its document's examples."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from companies.graph.sandbox import Sandbox
from companies.models import Channel, Company
from config import public_ids
from contacts.models import Contact
from messaging import conversations, media
from messaging.conversations import InvalidCursor, Place
from messaging.models import Batch, FilledIn, InboundMessage, Message, Status
from messaging.reports import iso
from templates_app.models import Template
from tests import factories, media_files, webhooks

FIXTURES = Path(__file__).parents[1] / "fixtures/whatssync"
REQUESTS = sorted(FIXTURES.glob("*.request.json"))
SEEDS = orjson.loads(
    (Path(__file__).parents[2] / "companies/graph/sandbox/seed_templates.json").read_bytes()
)
TO = "+1234567890"
DIGITS = "1234567890"
NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
Call = Callable[..., Any]


def recorded(name: str) -> Any:
    return orjson.loads((FIXTURES / f"{name}.response.json").read_bytes())


@pytest.fixture
def post(client: Client, channel: Channel, key: str) -> Call:
    """POST a message: `post(to="…", type="text", text="Hi")`."""

    def call(body: dict[str, Any] | None = None, **fields: Any) -> Any:
        headers = fields.pop("headers", {})
        return client.post(
            fields.pop("path", "/api/v1/messages"),
            orjson.dumps(body if body is not None else fields),
            content_type="application/json",
            headers={"Authorization": f"Bearer {key}", **headers},
        )

    return call


@pytest.fixture
def get(client: Client, channel: Channel, key: str) -> Call:
    def call(path: str, *, as_key: str = key, **query: Any) -> Any:
        return client.get(f"/api/v1/{path}", query, headers={"Authorization": f"Bearer {as_key}"})

    return call


def make_reminder(company: Company, **fields: Any) -> Template:
    seed = next(seed for seed in SEEDS if seed["name"] == "appointment_reminder")
    return factories.make_template(
        company, **{"name": seed["name"], "components": seed["components"], **fields}
    )


def sent(contact: Contact, at: datetime = NOON, text: str = "Hi", **fields: Any) -> Message:
    """A message of ours to a contact, accepted at a time."""
    channel = contact.company.channels.get()
    batch = factories.make_batch(channel, payload={"type": "text", "text": {"body": text}})
    return Message.objects.create(
        **{
            "company": contact.company,
            "channel": channel,
            "batch": batch,
            "contact": contact,
            "recipient": contact.phone or contact.bsuid,
            "status": Status.SENT,
            "lane": 0,
            "due_at": at,
            "created_at": at,
            **fields,
        }
    )


def received(contact: Contact, at: datetime = NOON, text: str = "Hi", **fields: Any) -> Any:
    """A message of a contact's, written at a time."""
    channel = contact.company.channels.get()
    number = InboundMessage.objects.count()
    Contact.objects.filter(pk=contact.pk).exclude(last_inbound_at__gt=at).update(last_inbound_at=at)
    return InboundMessage.objects.create(
        **{
            "company": contact.company,
            "channel": channel,
            "contact": contact,
            "wamid": f"wamid.in{number}",
            "type": "text",
            "text": text,
            "payload": {"type": "text", "text": {"body": text}},
            "sent_at": at,
            **fields,
        }
    )


def test_a_personal_template_is_listed_as_it_was_sent(
    post: Call, get: Call, acme: Company, channel: Channel
) -> None:
    template = factories.make_template(acme)
    components = [
        {"type": "body", "parameters": [{"type": "text", "text": "{{contact.name|you}}"}]}
    ]
    content = {"name": template.name, "language": {"code": "en_US"}, "components": components}
    answer = post({"to": TO, "type": "template", "template": content}).json()
    FilledIn.objects.create(message=Message.objects.get(), texts={"contact.name": "Amina"})

    [listed] = get(f"contacts/{TO}/messages").json()["messages"]

    assert answer["template"] == content
    [body] = listed["template"]["components"]
    assert body["parameters"] == [{"type": "text", "text": "Amina"}]


# --- The printed requests --------------------------------------------------------------


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.stem)
def test_every_printed_request_is_answered_as_it_will_be_listed(
    path: Path, post: Call, get: Call, acme: Company, channel: Channel
) -> None:
    make_reminder(acme)
    body = orjson.loads(path.read_bytes())

    response = post(body)

    message = Message.objects.get()
    assert response.status_code == 200
    assert response.json() == {
        "id": message.public_id,
        "from": channel.phone_number,
        "to": TO,
        "type": body["type"],
        body["type"]: body[body["type"]],
        "timestamp": f"{message.created_at:%Y-%m-%dT%H:%M:%SZ}",
        "status": "queued",
    }
    assert list(response.json()) == [
        "id",
        "from",
        "to",
        "type",
        body["type"],
        "timestamp",
        "status",
    ]
    listed = get(f"contacts/{TO}/messages").json()
    assert listed == {"messages": [response.json()], "pagination": {"next": None}}


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.stem)
def test_every_printed_request_reaches_graph_in_metas_form(
    path: Path, post: Call, acme: Company, channel: Channel, graph: Sandbox, drain: Any
) -> None:
    make_reminder(acme)
    body = orjson.loads(path.read_bytes())
    content = {"body": body["text"]} if body["type"] == "text" else dict(body[body["type"]])
    if "url" in content:
        content["link"] = content.pop("url")

    assert post(body).status_code == 200
    drain(channel)

    [message] = graph.messages()
    assert message["outcome"] == "accepted"
    assert message["payload"]["to"] == TO
    assert message["payload"]["type"] == body["type"]
    assert message["payload"][body["type"]] == content


@pytest.mark.parametrize("kind", ["video", "audio"])
def test_the_types_without_an_example_take_a_url_too(
    kind: str, post: Call, channel: Channel, graph: Sandbox, drain: Any
) -> None:
    url = f"https://example.com/{kind}.bin"

    response = post(to=TO, type=kind, **{kind: {"url": url}})
    drain(channel)

    assert response.json()[kind] == {"url": url}
    assert graph.messages()[0]["payload"][kind] == {"link": url}


# --- The printed answers ---------------------------------------------------------------


def test_the_printed_conversation(get: Call, acme: Company, channel: Channel) -> None:
    Channel.objects.update(phone_number="+0987654321")
    john = factories.make_contact(acme, DIGITS)
    first = received(john, datetime(2023, 6, 15, 14, 22, 30, tzinfo=UTC), "Hello!")
    second = sent(
        john, datetime(2023, 6, 15, 14, 23, 15, tzinfo=UTC), "Hi there!", status=Status.READ
    )
    sent(john, datetime(2023, 6, 15, 14, 30, tzinfo=UTC))

    answer = get(f"contacts/{TO}/messages", limit=2).json()

    expected = recorded("messages")
    expected["messages"][0]["id"] = public_ids.encode("msg_in", first.pk)
    expected["messages"][1]["id"] = second.public_id
    expected["pagination"]["next"] = answer["pagination"]["next"]
    assert answer == expected
    assert answer["pagination"]["next"].startswith("cursor_")


def test_the_printed_contacts(get: Call, acme: Company, channel: Channel) -> None:
    john = factories.make_contact(acme, DIGITS, name="John Doe")
    jane = factories.make_contact(acme, "0987654321", name="Jane Smith")
    later = factories.make_contact(acme, "254700000009")
    received(john, datetime(2023, 6, 15, 14, 22, 30, tzinfo=UTC))
    sent(john, datetime(2023, 6, 15, 14, 23, 15, tzinfo=UTC))
    sent(jane, datetime(2023, 6, 13, 10, 15, 30, tzinfo=UTC))
    received(jane, datetime(2023, 6, 14, 10, 15, 30, tzinfo=UTC))

    answer = get("contacts", limit=2).json()
    rest = get("contacts", limit=2, cursor=answer["pagination"]["next"]).json()

    expected = recorded("contacts")
    for shown, contact in zip(expected["contacts"], (john, jane), strict=True):
        shown["id"] = public_ids.encode("contact", contact.pk)
    expected["pagination"]["next"] = answer["pagination"]["next"]
    # In order of number: an order that stays while messages come in.
    expected["contacts"].sort(key=lambda shown: shown["phone"])
    assert answer == expected
    assert rest == {
        "contacts": [
            {
                "id": public_ids.encode("contact", later.pk),
                "phone": "+254700000009",
                "name": "",
                "lastMessageAt": None,
            }
        ],
        "pagination": {"next": None},
    }


@pytest.mark.parametrize("phone", [TO, DIGITS, "%2B1234567890", "+1%20(234)%20567-890"])
def test_the_printed_contact(get: Call, acme: Company, channel: Channel, phone: str) -> None:
    john = factories.make_contact(acme, DIGITS, name="John Doe")
    for name in ("premium", "customer"):
        factories.make_tag(acme, john, name=name)
    received(john, datetime(2023, 6, 15, 14, 23, 15, tzinfo=UTC))

    answer = get(f"contacts/{phone}").json()

    expected = recorded("contact")
    expected["id"] = public_ids.encode("contact", john.pk)
    expected["profileImage"] = None  # WhatsApp gives businesses none
    assert answer == expected
    assert list(answer) == list(expected)


def test_what_was_written_to_a_merged_contact_counts_for_who_it_is_now(
    get: Call, acme: Company, channel: Channel
) -> None:
    john = factories.make_contact(acme, DIGITS)
    sent(factories.make_contact(acme, "254711111111", merged_into=john))

    [listed] = get("contacts").json()["contacts"]

    assert (listed["phone"], listed["lastMessageAt"]) == (TO, iso(NOON))


def test_the_printed_error(post: Call) -> None:
    response = post(to="not a number", type="text", text="Hi")

    assert response.status_code == 400
    assert response.json() == recorded("error")
    assert response["Content-Type"] == "application/json"


# --- Conversations ---------------------------------------------------------------------


def test_a_reply_that_meta_reports_stands_in_the_conversation(
    post: Call, get: Call, client: Client, channel: Channel, apply_inbox: Any
) -> None:
    first = post(to=TO, type="text", text="Are you coming?").json()
    # Within the same second as what it answers, as far as Meta tells.
    at = Message.objects.get().created_at
    message = webhooks.inbound("Yes", sender=DIGITS, timestamp=str(int(at.timestamp())))
    webhooks.post(client, webhooks.body(channel, messages=[message]))
    apply_inbox()

    listed = get(f"contacts/{TO}/messages").json()["messages"]

    assert [(row["from"], row["to"], row["text"]) for row in listed] == [
        (channel.phone_number, TO, "Are you coming?"),
        (TO, channel.phone_number, "Yes"),
    ]
    assert listed[0] == first
    assert listed[1]["status"] == "delivered"
    assert listed[1]["timestamp"] == iso(at)


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (Status.QUEUED, "queued"),
        (Status.CLAIMED, "queued"),
        (Status.SENDING, "queued"),
        (Status.UNCERTAIN, "queued"),
        (Status.SENT, "sent"),
        (Status.DELIVERED, "delivered"),
        (Status.READ, "read"),
        (Status.FAILED, "failed"),
    ],
)
def test_states_have_this_vendors_words(
    get: Call, acme: Company, channel: Channel, status: Status, word: str
) -> None:
    sent(factories.make_contact(acme, DIGITS), status=status)

    assert get(f"contacts/{TO}/messages").json()["messages"][0]["status"] == word


def test_a_failed_message_says_why(get: Call, acme: Company, channel: Channel) -> None:
    sent(
        factories.make_contact(acme, DIGITS),
        status=Status.FAILED,
        error_code="131026",
        error_detail="Message undeliverable",
    )

    assert get(f"contacts/{TO}/messages").json()["messages"][0]["error"] == {
        "code": "131026",
        "message": "Message undeliverable",
    }


def test_one_time_codes_are_not_listed(get: Call, acme: Company, channel: Channel) -> None:
    message = sent(factories.make_contact(acme, DIGITS))
    content = {"name": "otp_code", "language": {"code": "en_US"}, "components": [{"secret": 1}]}
    Batch.objects.filter(pk=message.batch_id).update(
        category="AUTHENTICATION",
        content_type="template",
        payload={"type": "template", "template": content},
    )

    [row] = get(f"contacts/{TO}/messages").json()["messages"]

    assert row["template"] == {"name": "otp_code", "language": {"code": "en_US"}}


@pytest.mark.parametrize(
    ("kind", "payload", "shown"),
    [
        (
            "image",
            {"image": {"id": "1", "sha256": "x", "caption": "Look"}},
            {"url": None, "caption": "Look"},
        ),
        (
            "document",
            {"document": {"id": "1", "filename": "a.pdf"}},
            {"url": None, "filename": "a.pdf"},
        ),
        (
            "location",
            {"location": {"latitude": 1.5, "longitude": 2.5}},
            {"latitude": 1.5, "longitude": 2.5},
        ),
        (
            "button",
            {"button": {"text": "Yes", "payload": "y"}},
            {"text": "Yes", "payload": "y"},
        ),
        ("unsupported", {}, None),
        ("image", {"image": "odd"}, {"url": None}),
        ("status", {"status": "odd"}, "delivered"),
    ],
)
def test_what_people_send_stands_under_its_type(
    get: Call,
    acme: Company,
    channel: Channel,
    kind: str,
    payload: dict[str, Any],
    shown: object,
) -> None:
    john = factories.make_contact(acme, DIGITS)
    row = received(john, type=kind, payload={"type": kind, **payload})

    [message] = get(f"contacts/{TO}/messages").json()["messages"]

    assert message.get(kind) == shown
    assert message["id"] == public_ids.encode("msg_in", row.pk)
    assert message["from"] == TO


def test_a_file_is_listed_by_an_address_that_the_companys_key_opens(
    get: Call, acme: Company, channel: Channel, client: Client, key: str
) -> None:
    john, content = factories.make_contact(acme, DIGITS), ContentFile(media_files.PNG)
    ours = media.store(company_id=acme.pk, file=content, filename="a.png")
    message = sent(john)
    payload = {"type": "image", "image": {"id": ours.public_id, "caption": "Look"}}
    Batch.objects.filter(pk=message.batch_id).update(content_type="image", payload=payload)
    theirs = media.keep(
        media.check(content, filename=""),
        company_id=acme.pk,
        now=timezone.now(),
        origin="inbound",
    )
    received(john, NOON + timedelta(minutes=1), type="image", payload={}, stored_media=theirs)

    listed = get(f"contacts/{TO}/messages").json()["messages"]

    assert listed[0]["image"]["caption"] == "Look"
    for row in listed:
        path = urlsplit(row["image"]["url"]).path
        opened = client.get(path, headers={"Authorization": f"Bearer {key}"})
        assert b"".join(opened.streaming_content) == media_files.PNG
        assert client.get(path).status_code == 401


def test_who_has_no_number_is_found_by_user_id(get: Call, acme: Company, channel: Channel) -> None:
    user = "US.13491208655302741918"
    Contact.objects.create(company=acme, phone=None, bsuid=user, name="Nameless")
    factories.make_contact(acme, DIGITS)

    first = get("contacts", limit=1).json()
    second = get("contacts", limit=1, cursor=first["pagination"]["next"]).json()

    assert [row["phone"] for row in first["contacts"] + second["contacts"]] == [TO, user]
    assert second["pagination"]["next"] is None
    assert get(f"contacts/{user}").json()["name"] == "Nameless"
    assert get(f"contacts/{user}/messages").json()["messages"] == []


def test_who_was_only_written_to_is_listed(post: Call, get: Call) -> None:
    post(to=TO, type="text", text="Hi")

    [row] = get("contacts").json()["contacts"]

    assert row["phone"] == TO
    assert row["lastMessageAt"] == f"{Message.objects.get().created_at:%Y-%m-%dT%H:%M:%SZ}"


def pages(get: Call, path: str, limit: int, between: Callable[[], Any]) -> list[str]:
    """The ids of a whole list, page by page; `between` runs after each page."""
    ids: list[str] = []
    query: dict[str, Any] = {"limit": limit}
    while True:
        answer = get(path, **query).json()
        rows = answer.get("messages", answer.get("contacts"))
        assert len(rows) <= limit
        ids += [row["id"] for row in rows]
        if answer["pagination"]["next"] is None:
            return ids
        query["cursor"] = answer["pagination"]["next"]
        between()


# Few different times, so that many messages share one, and both directions do.
TIMES = st.integers(min_value=0, max_value=6)
MESSAGES = st.lists(st.tuples(st.booleans(), TIMES), max_size=14)


@given(before=MESSAGES, between=MESSAGES, limit=st.integers(min_value=1, max_value=5))
@examples(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_conversation_is_read_whole_and_in_order_whatever_comes_in(
    get: Call,
    acme: Company,
    channel: Channel,
    before: list[tuple[bool, int]],
    between: list[tuple[bool, int]],
    limit: int,
) -> None:
    Company.objects.filter(pk=acme.pk).update(requests_per_minute=1_000_000)
    InboundMessage.objects.all().delete()
    Message.objects.all().delete()
    john, _ = Contact.objects.get_or_create(company=acme, phone=DIGITS)
    places: dict[str, Place] = {}

    def add(is_theirs: bool, minute: int) -> str:
        row = (received if is_theirs else sent)(john, NOON + timedelta(minutes=minute))
        name = public_ids.encode("msg_in", row.pk) if is_theirs else row.public_id
        places[name] = Place.of(row)
        return name

    there = {add(*message) for message in before}
    coming = list(between)

    read = pages(get, f"contacts/{TO}/messages", limit, lambda: coming and add(*coming.pop()))

    assert len(read) == len(set(read))
    assert there <= set(read)
    assert [places[name] for name in read] == sorted(places[name] for name in read)


@given(limit=st.integers(min_value=1, max_value=4))
@examples(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_the_contacts_are_read_whole_whatever_comes_in(
    get: Call, acme: Company, channel: Channel, limit: int
) -> None:
    Company.objects.filter(pk=acme.pk).update(requests_per_minute=1_000_000)
    Contact.objects.all().delete()
    there = [factories.make_contact(acme, f"25470000{number:04d}") for number in range(7)]
    there += [Contact.objects.create(company=acme, bsuid=f"US.{number}") for number in range(5)]
    numbers = iter(range(100))

    def between() -> None:
        number = next(numbers)
        factories.make_contact(acme, f"254{(number * 7919) % 10**9:09d}")
        sent(there[number % 7])

    read = pages(get, "contacts", limit, between)

    assert len(read) == len(set(read))
    assert {public_ids.encode("contact", contact.pk) for contact in there} <= set(read)


@given(cursor=st.text(max_size=60) | st.binary(max_size=40).map(conversations._as_cursor))
@examples(max_examples=300)
def test_a_cursor_is_ours_or_is_refused(cursor: str) -> None:
    for parse in (Place.parse, conversations._contact_place):
        try:
            place = parse(cursor)
        except InvalidCursor:
            continue
        assert conversations._from_cursor(cursor)
        if isinstance(place, Place):
            assert place.cursor == cursor


@pytest.mark.parametrize("path", ["contacts", f"contacts/{TO}/messages"])
@pytest.mark.parametrize(
    "cursor", ["cursor_abcdef", "x", "cursor_", "5", "null", "cursor_" + "A" * 5000, "é", "\x00"]
)
def test_a_bad_cursor_is_refused(get: Call, acme: Company, path: str, cursor: str) -> None:
    factories.make_contact(acme, DIGITS)

    response = get(path, cursor=cursor)

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "invalid_cursor"


def test_a_cursor_of_the_other_list_is_refused(get: Call, acme: Company, channel: Channel) -> None:
    john = factories.make_contact(acme, DIGITS)
    factories.make_contact(acme)
    sent(john)
    sent(john)
    of_contacts = get("contacts", limit=1).json()["pagination"]["next"]
    of_messages = get(f"contacts/{TO}/messages", limit=1).json()["pagination"]["next"]

    assert get("contacts", cursor=of_messages).json()["error"]["code"] == "invalid_cursor"
    answer = get(f"contacts/{TO}/messages", cursor=of_contacts).json()
    assert answer["error"]["code"] == "invalid_cursor"


@pytest.mark.parametrize("path", ["contacts", f"contacts/{TO}/messages"])
@pytest.mark.parametrize("limit", ["0", "101", "-1", "abc", "", "1.5", "٣", "9" * 30])
def test_a_limit_outside_1_to_100_is_refused(
    get: Call, acme: Company, path: str, limit: str
) -> None:
    factories.make_contact(acme, DIGITS)

    response = get(path, limit=limit)

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "invalid_limit"


def test_pages_have_fifty_rows_unless_asked_otherwise(
    get: Call, acme: Company, channel: Channel
) -> None:
    john = factories.make_contact(acme, DIGITS)
    for minute in range(60):
        (sent if minute % 2 else received)(john, NOON + timedelta(minutes=minute))

    assert len(get(f"contacts/{TO}/messages").json()["messages"]) == 50
    assert len(get(f"contacts/{TO}/messages", limit=100).json()["messages"]) == 60


def test_pages_cost_the_same_few_queries_however_long_they_are(
    get: Call, acme: Company, channel: Channel, django_assert_max_num_queries: Any
) -> None:
    for _ in range(20):
        contact = factories.make_contact(acme)
        for _ in range(3):
            sent(contact)
            received(contact)
    get("contacts")

    with django_assert_max_num_queries(5):
        assert len(get("contacts").json()["contacts"]) == 20
    with django_assert_max_num_queries(5):
        assert len(get(f"contacts/{contact.phone}/messages").json()["messages"]) == 6


# --- Errors ----------------------------------------------------------------------------

MEDIA = {"url": "https://example.com/a.jpg"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"type": "text", "text": "Hi"}, "missing_phone_number"),
        ({"to": "", "type": "text", "text": "Hi"}, "missing_phone_number"),
        ({"to": [TO], "type": "text", "text": "Hi"}, "invalid_phone_number"),
        ({"to": "123", "type": "text", "text": "Hi"}, "invalid_phone_number"),
        ({"to": {}, "type": "text", "text": "Hi"}, "invalid_phone_number"),
        ({"to": True, "type": "text", "text": "Hi"}, "invalid_phone_number"),
        ({"to": TO}, "missing_type"),
        ({"to": TO, "type": "sticker", "sticker": MEDIA}, "invalid_type"),
        ({"to": TO, "type": ["text"], "text": "Hi"}, "invalid_type"),
        ({"to": TO, "type": "interactive", "interactive": {}}, "invalid_type"),
        ({"to": TO, "type": "text"}, "missing_text"),
        ({"to": TO, "type": "text", "text": " "}, "missing_text"),
        ({"to": TO, "type": "text", "text": {"body": "Hi"}}, "invalid_text"),
        ({"to": TO, "type": "text", "text": 12}, "invalid_text"),
        ({"to": TO, "type": "text", "text": "x" * 4097}, "invalid_text"),
        ({"to": TO, "type": "text", "text": "Hi", "image": MEDIA}, "unknown_field"),
        ({"to": TO, "type": "text", "text": "Hi", "sendAt": "tomorrow"}, "unknown_field"),
        ({"to": TO, "type": "image"}, "missing_image"),
        ({"to": TO, "type": "image", "image": "https://example.com"}, "invalid_image"),
        ({"to": TO, "type": "image", "image": {}}, "missing_url"),
        ({"to": TO, "type": "image", "image": {"url": "file:///etc/passwd"}}, "invalid_url"),
        ({"to": TO, "type": "image", "image": {"url": ["x"]}}, "invalid_url"),
        ({"to": TO, "type": "image", "image": {**MEDIA, "caption": "x" * 1025}}, "invalid_caption"),
        ({"to": TO, "type": "image", "image": {**MEDIA, "filename": "a"}}, "invalid_image"),
        ({"to": TO, "type": "audio", "audio": {**MEDIA, "caption": "a"}}, "invalid_audio"),
        (
            {"to": TO, "type": "document", "document": {**MEDIA, "filename": 5}},
            "invalid_filename",
        ),
        (
            {"to": TO, "type": "document", "document": {**MEDIA, "filename": "x" * 241}},
            "invalid_filename",
        ),
        ({"to": TO, "type": "location", "location": []}, "invalid_location"),
        ({"to": TO, "type": "location", "location": {"latitude": 1}}, "invalid_location"),
        (
            {"to": TO, "type": "location", "location": {"latitude": 91, "longitude": 0}},
            "invalid_location",
        ),
        ({"to": TO, "type": "template", "template": {}}, "invalid_template"),
        ({"to": TO, "type": "template", "template": {"name": "a"}}, "invalid_template"),
        (
            {"to": TO, "type": "template", "template": {"name": "a", "language": {"code": 5}}},
            "invalid_template",
        ),
        (
            {
                "to": TO,
                "type": "template",
                "template": {"name": "appointment_reminder", "language": {"code": "en_US"}},
            },
            "invalid_components",
        ),
        (
            {
                "to": TO,
                "type": "template",
                "template": {"name": "pending", "language": {"code": "en_US"}},
            },
            "template_not_approved",
        ),
    ],
)
def test_what_is_wrong_is_said_in_this_vendors_shape(
    post: Call, acme: Company, body: dict[str, Any], code: str
) -> None:
    make_reminder(acme)
    make_reminder(acme, name="pending", status=Template.Status.SUBMITTED)

    response = post(body)

    assert response.status_code == 400
    error = response.json()["error"]
    assert response.json() == {"error": {"code": code, "message": error["message"], "status": 400}}
    assert error["message"]
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    "asked",
    [
        {"name": "unknown", "language": {"code": "en_US"}},
        {"name": "appointment_reminder", "language": {"code": "sw"}},
        {"name": "theirs", "language": {"code": "en_US"}},
        {"name": "elsewhere", "language": {"code": "en_US"}},
    ],
)
def test_a_template_that_this_channel_has_not_is_not_found(
    post: Call, acme: Company, rival: Company, asked: dict[str, Any]
) -> None:
    make_reminder(acme)
    make_reminder(rival, name="theirs")
    make_reminder(acme, name="elsewhere", waba_id="another account of ours")

    response = post(to=TO, type="template", template=asked)

    assert response.status_code == 404
    assert response.json()["error"]["code"] == "template_not_found"


@pytest.mark.parametrize("phone", ["+19998887777", "abc", "+", "%00", "0000", "US.123", "9" * 40])
@pytest.mark.parametrize("path", ["contacts/{}", "contacts/{}/messages"])
def test_an_unknown_contact_is_not_found(get: Call, phone: str, path: str) -> None:
    response = get(path.format(phone))

    assert response.status_code == 404
    assert response.json() == {
        "error": {
            "code": "contact_not_found",
            "message": "There is no such contact",
            "status": 404,
        }
    }


def test_who_opted_out_is_not_written_to(post: Call, acme: Company) -> None:
    factories.make_contact(acme, DIGITS, opted_out_at=timezone.now())

    response = post(to=TO, type="text", text="Hi")

    assert (response.status_code, response.json()["error"]["code"]) == (400, "recipient_opted_out")
    assert not Batch.objects.exists()


def test_without_credit_nothing_is_accepted(post: Call, acme: Company) -> None:
    Company.objects.filter(pk=acme.pk).update(credits=0)

    response = post(to=TO, type="text", text="Hi")

    assert (response.status_code, response.json()["error"]["code"]) == (403, "insufficient_credits")
    assert response.json()["error"]["status"] == 403
    assert not Message.objects.exists()


def test_over_the_numbers_daily_limit_nothing_is_accepted(post: Call, channel: Channel) -> None:
    Channel.objects.filter(pk=channel.pk).update(daily_limit=1)

    answers = [post(to=TO, type="text", text="Hi") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1].json()["error"]["code"] == "rate_limit_exceeded"
    assert int(answers[1]["Retry-After"]) > 0


@pytest.mark.parametrize("header", ["", "Bearer", "Basic abc", "tuma_x", "Bearer a b", "Bearer x"])
def test_a_missing_malformed_or_unknown_key_is_refused(
    post: Call, get: Call, client: Client, header: str
) -> None:
    answers = [
        post(to=TO, type="text", text="Hi", headers={"Authorization": header}),
        client.get("/api/v1/contacts", headers={"Authorization": header}),
        client.get(f"/api/v1/contacts/{TO}", headers={"Authorization": header}),
        client.get(f"/api/v1/contacts/{TO}/messages", headers={"Authorization": header}),
    ]

    for answer in answers:
        assert answer.status_code == 401
        assert answer.json() == {
            "error": {
                "code": "invalid_api_key",
                "message": "The API key provided is missing or not valid",
                "status": 401,
            }
        }
        assert answer["X-RateLimit-Limit"] and answer["X-Request-Id"]


def test_wrong_revoked_and_expired_keys_look_alike(post: Call, acme: Company, key: str) -> None:
    revoked = factories.make_key(acme)
    factories.keys.revoke(factories.key_row(revoked))
    expired = factories.make_key(acme, expires_at=timezone.now())
    wrong = key[:-1] + ("a" if key[-1] != "a" else "b")

    answers = [
        post(to=TO, type="text", text="Hi", headers={"Authorization": f"Bearer {text}"})
        for text in (revoked, expired, wrong)
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1


def test_a_suspended_companys_key_is_refused(post: Call, acme: Company) -> None:
    Company.objects.update(status=Company.Status.SUSPENDED)

    response = post(to=TO, type="text", text="Hi")

    assert (response.status_code, response.json()["error"]["code"]) == (403, "company_suspended")


@pytest.mark.parametrize(
    "body", [b"", b"not json", b"[]", b"null", b'{"to": "\\u0000"}', b'{"to": "\xff"}', b"[" * 9000]
)
def test_a_body_that_is_no_usable_object_is_invalid(
    client: Client, channel: Channel, key: str, body: bytes
) -> None:
    response = client.post(
        "/api/v1/messages",
        body,
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )

    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_body")


def test_other_content_types_and_large_bodies_are_refused(
    client: Client, channel: Channel, key: str, settings: Any
) -> None:
    settings.MAX_BODY_BYTES = 1000
    headers = {"Authorization": f"Bearer {key}"}

    form = client.post("/api/v1/messages", {"to": TO}, headers=headers)
    large = client.post(
        "/api/v1/messages", b"x" * 1001, content_type="application/json", headers=headers
    )

    assert (form.status_code, form.json()["error"]["code"]) == (415, "unsupported_media_type")
    assert (large.status_code, large.json()["error"]["code"]) == (413, "payload_too_large")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/v1/messages", "POST"),
        ("/api/v1/contacts/", "GET"),
        (f"/api/v1/contacts/{TO}", "GET"),
        (f"/api/v1/contacts/{TO}/messages", "GET"),
    ],
)
def test_wrong_methods_answer_in_this_vendors_shape(
    client: Client, db: None, path: str, allowed: str
) -> None:
    methods = {"get", "post", "put", "patch", "delete", "head", "options"} - {allowed.lower()}

    for method in methods:
        response = getattr(client, method)(path)
        assert (response.status_code, response["Allow"]) == (405, allowed)
        if method != "head":
            error = response.json()["error"]
            assert (error["code"], error["status"]) == ("method_not_allowed", 405)


def test_unknown_paths_answer_in_the_primary_contracts_shape(client: Client, db: None) -> None:
    for path in ("/api/v1/nothing", f"/api/v1/contacts/{TO}/nothing", "/api/v1/messages/msg_1"):
        assert client.get(path).json()["code"] == "not_found"


def test_a_failure_of_ours_shows_nothing_of_itself(
    post: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("messaging.services.accept", fail)

    response = post(to=TO, type="text", text="Hi")

    assert response.status_code == 500
    assert response.json() == {
        "error": {"code": "internal_error", "message": "Internal server error", "status": 500}
    }


# --- Where it is sent from, how often, how many times ----------------------------------


def test_it_is_sent_from_the_keys_channel_else_from_the_default_one(
    post: Call, acme: Company, channel: Channel
) -> None:
    second = factories.make_channel(acme)
    bound = factories.make_key(acme, channel=second)

    by_default = post(to=TO, type="text", text="Hi")
    by_key = post(to=TO, type="text", text="Hi", headers={"Authorization": f"Bearer {bound}"})

    assert by_default.json()["from"] == channel.phone_number
    assert by_key.json()["from"] == second.phone_number


def test_without_a_connected_channel_nothing_is_sent(post: Call, channel: Channel) -> None:
    Channel.objects.filter(pk=channel.pk).update(status=Channel.Status.DISCONNECTED)
    disconnected = post(to=TO, type="text", text="Hi")
    Channel.objects.filter(pk=channel.pk).update(is_default=False)
    none = post(to=TO, type="text", text="Hi")

    assert disconnected.json()["error"]["code"] == "reconnect_waba"
    assert none.json()["error"]["code"] == "no_channel"
    assert not Message.objects.exists()


def test_sixty_requests_a_minute_are_counted_apart_from_other_dialects(
    post: Call, get: Call, send: Call
) -> None:
    first = get("contacts")
    send(phone_number=TO, type="text", message="Hi")
    second = get("contacts")
    others = [get("contacts") for _ in range(59)]

    assert first["X-RateLimit-Limit"] == "60"
    assert [first["X-RateLimit-Remaining"], second["X-RateLimit-Remaining"]] == ["59", "58"]
    assert others[-2].status_code == 200
    assert others[-1].status_code == 429
    assert others[-1].json()["error"]["code"] == "rate_limit_exceeded"
    assert others[-1].json()["error"]["status"] == 429
    assert 1 <= int(others[-1]["Retry-After"]) <= 60
    assert send(phone_number=TO, type="text", message="Hi").status_code == 200


def test_a_companys_own_limit_comes_before_the_documents(get: Call, acme: Company) -> None:
    Company.objects.filter(pk=acme.pk).update(requests_per_minute=1000)

    assert get("contacts")["X-RateLimit-Limit"] == "1000"


def test_a_repeated_idempotency_key_sends_nothing_again(post: Call) -> None:
    body = {"to": TO, "type": "text", "text": "Hi"}

    first = post(body, headers={"Idempotency-Key": "a"})
    again = post(body, headers={"Idempotency-Key": "a"})
    other = post({**body, "text": "Ho"}, headers={"Idempotency-Key": "a"})

    assert first.json() == again.json()
    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_conflict")
    assert Message.objects.count() == 1


def test_a_trailing_slash_makes_no_difference(post: Call, get: Call, acme: Company) -> None:
    assert post(to=TO, type="text", text="Hi", path="/api/v1/messages/").status_code == 200
    for path in ("contacts/", f"contacts/{TO}/", f"contacts/{TO}/messages/"):
        assert get(path).status_code == 200


def test_nothing_of_another_company_is_seen(
    get: Call, acme: Company, channel: Channel, rival: Company
) -> None:
    ours = factories.make_contact(acme, DIGITS, name="Ours")
    sent(ours, text="Ours")
    received(ours, text="Ours")
    stranger = factories.make_key(rival)

    assert get("contacts", as_key=stranger).json()["contacts"] == []
    assert get(f"contacts/{TO}", as_key=stranger).status_code == 404
    assert get(f"contacts/{TO}/messages", as_key=stranger).status_code == 404

    theirs = factories.make_contact(rival, DIGITS, name="Theirs")
    sent(theirs, text="Theirs")

    assert get(f"contacts/{TO}", as_key=stranger).json()["name"] == "Theirs"
    [message] = get(f"contacts/{TO}/messages", as_key=stranger).json()["messages"]
    assert message["text"] == "Theirs"
    assert len(get(f"contacts/{TO}/messages").json()["messages"]) == 2
