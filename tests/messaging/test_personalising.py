"""One request, a message of his own for each: filled in when it is sent, against the Graph sandbox."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from companies.graph.sandbox import Sandbox
from companies.models import Channel, Company
from contacts import people
from contacts.models import Contact
from messaging import media, personalising, queue, services
from messaging.batch_facts import batch_facts
from messaging.models import Batch, ChannelState, FilledIn, Lane, Message, Status
from templates_app.models import Template
from tests import factories, media_files

pytestmark = pytest.mark.django_db(transaction=True)

Components = list[dict[str, Any]]
BODY = {"type": "BODY", "text": "Hello {{1}}, your order is on its way to you.", "example": {}}
BUTTON = {"type": "URL", "text": "Track", "url": "https://acme.example/orders/{{1}}"}


def body(*texts: str) -> dict[str, Any]:
    return {"type": "body", "parameters": [{"type": "text", "text": text} for text in texts]}


def button(index: int, sub_type: str, kind: str, text: str) -> dict[str, Any]:
    parameter = {"type": kind, kind: text}
    return {"type": "button", "sub_type": sub_type, "index": index, "parameters": [parameter]}


@pytest.fixture
def template(channel: Channel, graph: Sandbox) -> Callable[..., Template]:
    """A template that we know and the sandbox has: `template(BODY, …)`."""

    graph.number(channel.phone_number_id, waba_id=channel.waba_id)

    def make(*components: dict[str, Any], **fields: Any) -> Template:
        made = factories.make_template(channel.company, components=list(components), **fields)
        shape = {"name": made.name, "language": "en_US", "category": made.category}
        graph.template(
            channel.waba_id,
            made.name,
            "add",
            template={
                **shape,
                "components": made.components,
                "parameter_format": made.parameter_format,
            },
        )
        return made

    return make


@pytest.fixture
def send_template(send: Callable[..., Any]) -> Callable[..., Any]:
    def post(template: Template, *components: dict[str, Any], **to: Any) -> Any:
        return send(type="template", template_id=template.pk, components=list(components), **to)

    return post


@pytest.fixture
def tag(acme: Company) -> int:
    """Amina, Brian, and somebody whose name is not known."""
    return factories.make_tag(
        acme,
        factories.make_contact(acme, "254711000001", name="Amina", custom_fields={"city": "Gulu"}),
        factories.make_contact(acme, "254711000002", name="  Brian \n Otieno", custom_fields={}),
        factories.make_contact(acme, "254711000003", custom_fields={"city": 7}),
    ).pk


def received(graph: Sandbox) -> dict[str, Components]:
    """What the sandbox got and took, by the number that it went to."""
    return {
        message["to"]: message["payload"]["template"]["components"]
        for message in graph.messages()
        if message["wamid"]
    }


def texts(components: Components) -> list[str]:
    return [
        str(parameter[parameter["type"]])
        for component in components
        for parameter in component["parameters"]
    ]


def failed() -> dict[str, tuple[str, str]]:
    rows = Message.objects.filter(status=Status.FAILED)
    return {row.recipient: (row.error_code, row.error_detail) for row in rows}


def test_one_request_to_a_tag_greets_each_by_name(
    template: Any, send_template: Any, tag: int, channel: Channel, graph: Sandbox, drain: Any
) -> None:
    greeting = template(BODY)

    answer = send_template(greeting, body("{{contact.name|friend}}"), contact_tag_id=tag)
    drain(channel)

    assert answer.json()["recipients_count"] == 3
    assert {to: texts(got) for to, got in received(graph).items()} == {
        "254711000001": ["Amina"],
        "254711000002": ["Brian Otieno"],
        "254711000003": ["friend"],
    }
    assert set(Message.objects.values_list("status", flat=True)) == {Status.SENT}


def test_whoever_has_no_value_is_failed_and_refunded_and_keeps_nobody_else_waiting(
    template: Any,
    send_template: Any,
    tag: int,
    acme: Company,
    channel: Channel,
    graph: Sandbox,
    drain: Any,
) -> None:
    greeting = template(BODY)
    send_template(greeting, body("{{contact.name}}"), contact_tag_id=tag)
    acme.refresh_from_db()
    credits = acme.credits

    drain(channel)

    acme.refresh_from_db()
    assert sorted(received(graph)) == ["254711000001", "254711000002"]
    assert failed() == {
        "254711000003": (
            "value_missing",
            "The contact has no name, and the message has no default for it.",
        )
    }
    assert acme.credits == credits + 1
    assert (Batch.objects.get().sent, Batch.objects.get().failed) == (2, 1)


def test_a_number_that_nobody_knows_gets_the_default(
    template: Any, send_template: Any, channel: Channel, graph: Sandbox, drain: Any
) -> None:
    greeting = template(BODY)

    send_template(
        greeting, body("{{ contact.name | friend }}"), phone_number=["0722000111", "0722000112"]
    )
    drain(channel)

    assert [texts(got) for got in received(graph).values()] == [["friend"], ["friend"]]


def test_a_single_send_is_filled_in_too(
    template: Any, send_template: Any, tag: int, channel: Channel, graph: Sandbox, drain: Any
) -> None:
    greeting = template(BODY)

    for _ in range(2):  # the second is accepted by one statement that proves the key
        send_template(greeting, body("{{contact.name}}"), phone_number="+254711000001")
    drain(channel)

    assert list(Batch.objects.values_list("is_personal", "lane")) == [(True, Lane.EXPRESS)] * 2
    assert [
        texts(message["payload"]["template"]["components"]) for message in graph.messages()
    ] == [
        ["Amina"],
        ["Amina"],
    ]


def test_every_part_that_holds_words_can_be_personal(
    template: Any, send_template: Any, tag: int, channel: Channel, graph: Sandbox, drain: Any
) -> None:
    whole = template(
        {"type": "HEADER", "format": "TEXT", "text": "For {{1}}"},
        {"type": "BODY", "text": "Hello {{1}} of {{2}}, your number is {{3}}, we think so."},
        {
            "type": "BUTTONS",
            "buttons": [
                BUTTON,
                {"type": "COPY_CODE", "example": "X"},
                {"type": "QUICK_REPLY", "text": "Yes"},
            ],
        },
        category="MARKETING",
    )

    send_template(
        whole,
        {"type": "header", "parameters": [{"type": "text", "text": "dear {{contact.name}}"}]},
        body("{{contact.name}}", "{{contact.custom.city|somewhere}}", "{{contact.phone}}"),
        button(0, "url", "text", "x/{{contact.name}}?of={{contact.custom.city|no where}}"),
        button(1, "copy_code", "coupon_code", "AB{{contact.custom.city|12}}"),
        button(2, "quick_reply", "payload", '{"who":"{{contact.name}}"}'),
        phone_number=["+254711000001", "+254711000002"],
    )
    drain(channel)

    assert {to: texts(got) for to, got in received(graph).items()} == {
        "254711000001": [
            "dear Amina",
            *("Amina", "Gulu", "+254711000001"),
            *("x/Amina?of=Gulu", "ABGulu", '{"who":"Amina"}'),
        ],
        "254711000002": [
            "dear Brian Otieno",
            *("Brian Otieno", "somewhere", "+254711000002"),
            *("x/Brian%20Otieno?of=no%20where", "AB12", '{"who":"Brian Otieno"}'),
        ],
    }


def test_named_variables_and_carousel_cards_can_be_personal(
    template: Any, send_template: Any, tag: int, channel: Channel, graph: Sandbox, drain: Any
) -> None:
    card = {
        "components": [
            {"type": "HEADER", "format": "IMAGE"},
            {"type": "BODY", "text": "Just for you, {{name}}, today."},
            {"type": "BUTTONS", "buttons": [BUTTON]},
        ]
    }
    cards = template(
        {"type": "BODY", "text": "Hello {{name}}, look at these things."},
        {"type": "CAROUSEL", "cards": [card, card]},
        category="MARKETING",
        parameter_format="NAMED",
    )
    name = {"type": "text", "parameter_name": "name", "text": "{{contact.name}}"}
    image = {"type": "image", "link": "https://acme.example/a.png"}
    given = {
        "components": [
            {"type": "header", "parameters": [image]},
            {"type": "body", "parameters": [name]},
            button(0, "url", "text", "{{contact.custom.city}}"),
        ]
    }

    send_template(
        cards,
        {"type": "body", "parameters": [name]},
        {"type": "carousel", "cards": [given, given]},
        phone_number="+254711000001",
    )
    drain(channel)

    [(hello, carousel)] = received(graph).values()
    assert texts([hello]) == ["Amina"]
    assert [texts(each["components"])[1:] for each in carousel["cards"]] == [["Amina", "Gulu"]] * 2


def test_what_a_contact_holds_is_data_however_it_looks(
    template: Any, send_template: Any, acme: Company, channel: Channel, graph: Sandbox, drain: Any
) -> None:
    greeting = template(BODY)
    names = {
        "254711000001": "{{contact.phone}}",
        "254711000002": "{{1}} {{contact.nmae}} {{",
        "254711000003": "Ann\u00a0a\t  \r\n of      Kent",
        "254711000004": "\u200b \u200e",
        "254711000005": "Zo\x07e 👩‍🚀",
    }
    tag = factories.make_tag(
        acme, *(factories.make_contact(acme, phone, name=name) for phone, name in names.items())
    )

    send_template(greeting, body("{{contact.name|friend}}"), contact_tag_id=tag.pk)
    drain(channel)

    assert {to: texts(got)[0] for to, got in received(graph).items()} == {
        "254711000001": "{{contact.phone}}",
        "254711000002": "{{1}} {{contact.nmae}} {{",
        "254711000003": "Ann a of Kent",
        "254711000004": "friend",
        "254711000005": "Zo e 👩‍🚀",
    }


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Gulu", "Gulu"),
        (17, "17"),
        (12345678901234567890123, "12345678901234567890123"),
        (2.5, "2.5"),
        (True, None),
        (None, None),
        ("  ", None),
        (["a"], None),
        ({"a": 1}, None),
    ],
)
def test_only_words_and_numbers_of_a_contact_are_read_out(
    template: Any,
    send_template: Any,
    acme: Company,
    channel: Channel,
    graph: Sandbox,
    drain: Any,
    value: Any,
    shown: str | None,
) -> None:
    greeting = template(BODY)
    factories.make_contact(acme, "254711000001", custom_fields={"The city": value})

    send_template(greeting, body("{{contact.custom.The city}}"), phone_number="+254711000001")
    drain(channel)

    assert [texts(got) for got in received(graph).values()] == ([[shown]] if shown else [])
    assert failed() == (
        {}
        if shown
        else {
            "254711000001": (
                "value_missing",
                "The contact has no custom field “The city”, and the message has no default for it.",
            )
        }
    )


def test_whose_text_gets_too_long_is_failed_alone_with_the_reason(
    template: Any, send_template: Any, acme: Company, channel: Channel, graph: Sandbox, drain: Any
) -> None:
    named = template(
        {"type": "HEADER", "format": "TEXT", "text": "For {{1}}"},
        {"type": "BODY", "text": "Hello, your order is on its way."},
        {"type": "BUTTONS", "buttons": [{"type": "COPY_CODE", "example": "X"}]},
    )
    tag = factories.make_tag(
        acme,
        factories.make_contact(acme, "254711000001", name="A" * 57, custom_fields={"code": "A1"}),
        factories.make_contact(acme, "254711000002", name="A" * 56, custom_fields={"code": "A1"}),
        factories.make_contact(acme, "254711000003", name="A", custom_fields={"code": "A" * 16}),
        factories.make_contact(acme, "254711000004", name="A", custom_fields={"code": "no code"}),
    )

    send_template(
        named,
        {"type": "header", "parameters": [{"type": "text", "text": "{{contact.name}}"}]},
        button(0, "copy_code", "coupon_code", "{{contact.custom.code}}"),
        contact_tag_id=tag.pk,
    )
    drain(channel)

    assert list(received(graph)) == ["254711000002"]
    unfit = "With this person’s values: "
    assert failed() == {
        "254711000001": (
            "value_unfit",
            f"{unfit}header: is 61 characters when filled in, the limit is 60",
        ),
        "254711000003": ("value_unfit", f"{unfit}button 0: a code must be at most 15 characters"),
        "254711000004": (
            "value_unfit",
            f"{unfit}button 0: a code is made of letters and digits, 15 at most",
        ),
    }


def test_a_name_changed_before_it_is_sent_counts_and_afterwards_does_not(
    template: Any,
    send_template: Any,
    acme: Company,
    channel: Channel,
    graph: Sandbox,
    drain: Any,
) -> None:
    greeting = template(BODY)
    contact = factories.make_contact(acme, "254711000001", name="Amina")
    send_template(greeting, body("{{contact.name}}"), phone_number="+254711000001")
    Contact.objects.filter(pk=contact.pk).update(name="Amina Achieng")

    drain(channel)
    Contact.objects.filter(pk=contact.pk).update(name="Somebody else")
    message = Message.objects.select_related("batch").get()
    personalising.look_up([message])

    assert texts(received(graph)["254711000001"]) == ["Amina Achieng"]
    assert texts(message.payload["template"]["components"]) == ["Amina Achieng"]
    assert FilledIn.objects.get().texts == {"contact.name": "Amina Achieng"}


def test_a_merged_contact_is_called_by_the_name_of_the_one_that_stayed(
    template: Any, send_template: Any, acme: Company, channel: Channel, graph: Sandbox, drain: Any
) -> None:
    greeting = template(BODY)
    kept = factories.make_contact(acme, "254711000001", name="Amina")
    gone = factories.make_contact(acme, "254711000002", name="A.")
    send_template(
        greeting, body("{{contact.name}} {{contact.phone}}"), phone_number="+254711000002"
    )
    people.merge(kept, gone, now=timezone.now(), author="somebody")

    drain(channel)

    assert texts(received(graph)["254711000002"]) == ["Amina +254711000002"]


def test_another_companys_contact_of_the_same_number_is_nobody_here(
    template: Any,
    send_template: Any,
    rival: Company,
    channel: Channel,
    graph: Sandbox,
    drain: Any,
) -> None:
    greeting = template(BODY)
    factories.make_contact(rival, "254711000001", name="Secret")

    send_template(greeting, body("{{contact.name|friend}}"), phone_number="+254711000001")
    drain(channel)

    assert texts(received(graph)["254711000001"]) == ["friend"]


def test_a_file_of_ours_and_a_name_go_together(
    template: Any, send_template: Any, tag: int, acme: Company, channel: Channel, graph: Sandbox,
    drain: Any, tmp_path: Any, settings: Any,
) -> None:  # fmt: skip
    settings.MEDIA_ROOT = str(tmp_path)
    file = media.store(company_id=acme.pk, file=ContentFile(media_files.JPEG), filename="photo.jpg")
    greeting = template({"type": "HEADER", "format": "IMAGE"}, BODY)

    send_template(
        greeting,
        {"type": "header", "parameters": [{"type": "image", "image": {"id": file.public_id}}]},
        body("{{contact.name}}"),
        contact_tag_id=tag,
    )
    drain(channel)

    got = received(graph)
    assert {to: texts(each)[1] for to, each in got.items()} == {
        "254711000001": "Amina",
        "254711000002": "Brian Otieno",
    }
    [image] = got["254711000001"][0]["parameters"]
    assert image["image"]["id"].isdigit()
    assert list(failed()) == ["254711000003"]


def test_people_are_read_in_one_query_however_many_are_claimed(
    template: Any, send_template: Any, tag: int, channel: Channel, graph: Sandbox
) -> None:
    greeting = template(BODY)
    send_template(greeting, body("{{contact.name|friend}}"), contact_tag_id=tag)
    fence = queue.take_lease(channel.pk, owner="me")
    assert fence is not None
    rows = queue.claim(channel.pk, Lane.BULK, fence=fence, limit=10, now=timezone.now())

    with CaptureQueriesContext(
        connection,
    ) as queries:
        people_read = personalising.read(
            channel.pk, rows, batch_facts({row.batch_id for row in rows}), fence=fence
        )

    assert len(people_read.values) == 3
    # The batch, its template, the people; and what is filled in is kept.
    assert [query["sql"].split()[0] for query in queries] == [
        "SELECT",
        "SELECT",
        "SELECT",
        "INSERT",
    ]


def test_a_drain_that_lost_its_lease_keeps_nothing(
    template: Any, send_template: Any, tag: int, channel: Channel
) -> None:
    greeting = template(BODY)
    send_template(greeting, body("{{contact.name|friend}}"), contact_tag_id=tag)
    fence = queue.take_lease(channel.pk, owner="me")
    assert fence is not None
    rows = queue.claim(channel.pk, Lane.BULK, fence=fence, limit=10, now=timezone.now())
    ChannelState.objects.update(fence=fence + 1)

    personalising.read(channel.pk, rows, batch_facts({row.batch_id for row in rows}), fence=fence)

    assert not FilledIn.objects.exists()


def test_a_plain_batch_keeps_and_asks_nothing(
    template: Any, send_template: Any, tag: int, channel: Channel, graph: Sandbox, drain: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    greeting = template(BODY)
    monkeypatch.setattr(personalising, "read", None)

    send_template(greeting, body("friend"), contact_tag_id=tag)
    drain(channel)

    assert len(graph.messages()) == 3
    assert not Batch.objects.get().is_personal
    assert not FilledIn.objects.exists()


def test_a_text_message_says_what_was_written(
    send: Any, tag: int, channel: Channel, graph: Sandbox, drain: Any
) -> None:
    send(type="text", message="Hi {{contact.name}}, {{anything}}", phone_number="+254711000001")
    drain(channel)

    [message] = graph.messages()
    assert message["payload"]["text"]["body"] == "Hi {{contact.name}}, {{anything}}"


def test_what_is_tried_again_is_filled_in_anew(
    template: Any, send_template: Any, acme: Company, channel: Channel, graph: Sandbox, drain: Any
) -> None:
    greeting = template(BODY)
    contact = factories.make_contact(acme, "254711000001", name="Amina")
    send_template(greeting, body("{{contact.name}}"), phone_number="+254711000001")
    graph.fault(code=131016, times=1)

    drain(channel)
    Contact.objects.filter(pk=contact.pk).update(name="Esther")
    Message.objects.update(due_at=timezone.now())
    drain(channel)

    assert [texts(m["payload"]["template"]["components"]) for m in graph.messages()][-1] == [
        "Esther"
    ]
    assert FilledIn.objects.get().texts == {"contact.name": "Esther"}


def test_an_unreadable_contact_stops_nobody_else(
    template: Any, send_template: Any, tag: int, channel: Channel, graph: Sandbox, drain: Any
) -> None:
    greeting = template(BODY)
    if connection.vendor == "sqlite":  # PostgreSQL takes no such JSON
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE contacts_contact SET custom_fields = %s WHERE phone = %s",
                [f'{{"city": {"1" * 5000}}}', "254711000003"],
            )
    else:
        Contact.objects.filter(phone="254711000003").update(custom_fields=["no", "object"])

    send_template(greeting, body("{{contact.custom.city}}"), contact_tag_id=tag)
    drain(channel)

    assert list(received(graph)) == ["254711000001"]
    assert {code for code, _ in failed().values()} == {"value_missing"}


def test_erasing_a_person_takes_away_what_they_were_called(
    template: Any, send_template: Any, tag: int, channel: Channel, graph: Sandbox, drain: Any
) -> None:
    greeting = template(BODY)
    send_template(greeting, body("{{contact.name|friend}}"), contact_tag_id=tag)
    drain(channel)

    people.erase(Contact.objects.get(phone="254711000001"), now=timezone.now())

    assert [each.texts for each in FilledIn.objects.order_by("pk")] == [
        {"contact.name": "Brian Otieno"},
        {},
    ]


def test_people_stored_in_slices_are_greeted_by_name_too(
    template: Any, send_template: Any, tag: int, channel: Channel, graph: Sandbox, drain: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("messaging.recipients.INLINE", 1)
    greeting = template(BODY)

    send_template(greeting, body("{{contact.name|friend}}"), contact_tag_id=tag)
    while services.expand(Batch.objects.get().pk):
        pass
    drain(channel)

    assert sorted(texts(got)[0] for got in received(graph).values()) == [
        "Amina",
        "Brian Otieno",
        "friend",
    ]
