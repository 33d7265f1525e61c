"""The Send page: what is filled in, what it would do, and that it is done once."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from companies.models import AuditEvent, Channel, Company, CreditEntry
from messaging.models import Batch, Media, Message
from tests import factories, media_files

pytestmark = pytest.mark.django_db


@pytest.fixture
def filled(channel: Channel) -> dict[str, Any]:
    """A text to two numbers, as the form posts it."""
    return {
        "channel": channel.pk,
        "kind": "text",
        "body": "Hello *you*",
        "numbers": "0712345678\n0722000111",
        "when": "now",
        "even_closed": "on",
    }


def _checked(client: Client, filled: dict[str, Any]) -> Any:
    response = client.post("/send", filled)
    assert response.status_code == 200, response.context["form"].errors
    return response


def _confirmed(client: Client, filled: dict[str, Any], **changes: Any) -> Any:
    checked = _checked(client, filled)
    seen = {"key": checked.context["key"], "seen": checked.context["run"].total}
    return client.post("/send/confirm", {**filled, **seen, **changes})


def test_what_was_shown_is_sent(owner: Client, filled: dict[str, Any]) -> None:
    response = _confirmed(owner, filled)

    batch = Batch.objects.get()
    assert response["Location"] == f"/batches/{batch.public_id}"
    assert batch.payload == {"type": "text", "text": {"body": "Hello *you*"}}
    assert (batch.recipients_count, batch.dialect, batch.api_key_id) == (2, "portal", None)
    event = AuditEvent.objects.get(kind="batch.sent")
    assert (event.label, event.detail["recipients"]) == (batch.public_id, 2)


def test_pressed_twice_it_is_sent_once(owner: Client, filled: dict[str, Any]) -> None:
    checked = _checked(owner, filled)
    again = {**filled, "key": checked.context["key"], "seen": 2}

    first, second = (owner.post("/send/confirm", again) for _ in range(2))

    assert first["Location"] == second["Location"]
    assert Batch.objects.count() == CreditEntry.objects.filter(kind="charge").count() == 1
    assert AuditEvent.objects.filter(kind="batch.sent").count() == 1


def test_the_key_of_one_page_is_not_taken_for_another_message(
    owner: Client, filled: dict[str, Any]
) -> None:
    key = {"key": "k", "seen": 2}
    owner.post("/send/confirm", {**filled, **key})

    response = owner.post("/send/confirm", {**filled, **key, "body": "Something else"})

    assert response["Location"] == "/send"
    assert Batch.objects.count() == 1


def test_where_the_numbers_have_changed_they_are_shown_again(
    owner: Client, filled: dict[str, Any]
) -> None:
    response = _confirmed(owner, filled, seen=1)

    assert response.status_code == 409
    assert response.context["changed"]
    assert not Batch.objects.exists()


def test_without_credit_nothing_is_sent(
    owner: Client, acme: Company, filled: dict[str, Any]
) -> None:
    acme.prices = {"SERVICE": 10_000_000}
    acme.save()

    response = _confirmed(owner, filled)

    assert response.status_code == 409
    assert not response.context["run"].is_possible
    assert not Batch.objects.exists()


def test_free_form_messages_go_only_to_those_who_wrote_in_the_day_before(
    owner: Client, acme: Company, filled: dict[str, Any]
) -> None:
    del filled["even_closed"]
    factories.make_contact(
        acme, "254712345678", last_inbound_at=timezone.now() - timedelta(hours=2)
    )

    response = _confirmed(owner, filled)

    assert response.status_code == 302
    assert Message.objects.get().recipient == "254712345678"


def test_who_is_left_out_is_listed_and_can_be_taken_along(
    owner: Client, filled: dict[str, Any]
) -> None:
    filled |= {"numbers": "0712345678, nonsense, =1+1"}

    checked = _checked(owner, filled)
    file = owner.post("/send/left-out", {**filled, "reason": "not a phone number"})

    [(group, examples)] = checked.context["groups"]
    assert (group.count, examples) == (2, ["nonsense", "=1+1"])
    text = b"".join(file.streaming_content).decode("utf-8-sig")
    assert text.splitlines()[1:] == ["nonsense,Not a phone number", "'=1+1,Not a phone number"]


def test_a_template_with_its_variables_goes_to_a_tag(
    owner: Client, acme: Company, filled: dict[str, Any]
) -> None:
    template = factories.make_template(acme)
    tag = factories.make_tag(acme, factories.make_contact(acme))
    filled |= {"kind": "template", "template": template.pk, "tags": [tag.pk], "numbers": ""}

    missing = owner.post("/send", filled)
    response = _confirmed(owner, {**filled, "body_1": "Grace"})

    assert missing.status_code == 422
    assert "body_1" in missing.context["content"].errors
    batch = Batch.objects.get()
    assert response.status_code == 302
    assert batch.template == template
    assert batch.payload["template"]["components"] == [
        {"type": "body", "parameters": [{"type": "text", "text": "Grace"}]}
    ]


def test_the_preview_shows_the_templates_samples_until_something_is_written(
    owner: Client, acme: Company, filled: dict[str, Any]
) -> None:
    body = {"type": "BODY", "text": "Hi {{1}}", "example": {"body_text": [["Dennis"]]}}
    template = factories.make_template(acme, components=[body])
    filled |= {"kind": "template", "template": template.pk}

    sample = owner.post("/send/preview", filled).content.decode()
    written = owner.post("/send/preview", {**filled, "body_1": "<b>Grace"}).content.decode()

    assert "Dennis" in sample
    assert "Dennis" not in written
    assert "&lt;b&gt;Grace" in written


def test_another_companys_template_and_one_of_another_waba_are_not_offered(
    owner: Client, acme: Company, rival: Company, filled: dict[str, Any]
) -> None:
    theirs = factories.make_template(rival)
    elsewhere = factories.make_template(acme, waba_id="999")
    mine = factories.make_template(acme)

    page = owner.post("/send/content", {**filled, "kind": "template"})

    assert list(page.context["templates"]) == [mine]
    for template in (theirs, elsewhere):
        response = owner.post("/send", {**filled, "kind": "template", "template": template.pk})
        assert response.status_code == 422


@pytest.mark.parametrize(
    ("fields", "interactive"),
    [
        (
            {"kind": "buttons", "button_1": "Yes", "button_2": "No"},
            {
                "type": "button",
                "body": {"text": "Hello *you*"},
                "action": {
                    "buttons": [
                        {"type": "reply", "reply": {"id": "button_1", "title": "Yes"}},
                        {"type": "reply", "reply": {"id": "button_2", "title": "No"}},
                    ]
                },
            },
        ),
        (
            {"kind": "list", "button": "Menu", "title_1": "Ugali", "description_1": "With fish"},
            {
                "type": "list",
                "body": {"text": "Hello *you*"},
                "action": {
                    "button": "Menu",
                    "sections": [
                        {"rows": [{"id": "choice_1", "title": "Ugali", "description": "With fish"}]}
                    ],
                },
            },
        ),
        (
            {
                "kind": "link",
                "display_text": "Open",
                "url": "https://acme.example",
                "footer": "Bye",
            },
            {
                "type": "cta_url",
                "body": {"text": "Hello *you*"},
                "footer": {"text": "Bye"},
                "action": {
                    "name": "cta_url",
                    "parameters": {"display_text": "Open", "url": "https://acme.example"},
                },
            },
        ),
    ],
)
def test_each_interactive_kind_becomes_what_meta_takes(
    owner: Client, filled: dict[str, Any], fields: dict[str, str], interactive: dict[str, Any]
) -> None:
    response = _confirmed(owner, {**filled, **fields})

    assert response.status_code == 302
    assert Batch.objects.get().payload == {"type": "interactive", "interactive": interactive}


def test_a_file_is_kept_once_and_sent_by_its_id(
    owner: Client, filled: dict[str, Any], settings: Any, tmp_path: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    file = SimpleUploadedFile("photo.png", media_files.PNG)
    uploaded = owner.post("/send/upload", {"file": file})
    media = Media.objects.get()
    assert media.public_id in uploaded.content.decode()

    response = _confirmed(
        owner, {**filled, "kind": "media", "media_id": media.public_id, "caption": "Look"}
    )

    assert response.status_code == 302
    assert Batch.objects.get().payload["image"] == {"id": media.public_id, "caption": "Look"}
    assert Media.objects.count() == 1


def test_a_file_of_another_company_is_not_sent(
    owner: Client, rival: Company, filled: dict[str, Any]
) -> None:
    theirs = factories.make_media(rival)

    response = owner.post(
        "/send", {**filled, "kind": "media", "media_id": theirs.public_id, "link": ""}
    )

    assert response.status_code == 422


def test_what_is_no_file_for_whatsapp_is_refused_where_it_is_chosen(owner: Client) -> None:
    file = SimpleUploadedFile("run.sh", b"#!/bin/sh\n")

    page = owner.post("/send/upload", {"file": file}).content.decode()

    assert 'role="alert"' in page
    assert not Media.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"numbers": ""}, "numbers"),
        ({"channel": "0"}, "channel"),
        ({"when": "later"}, "day"),
        ({"when": "later", "day": "2020-01-01", "at": "10:00"}, "at"),
        ({"when": "later", "day": "2999-01-01", "at": "10:00"}, "day"),
        ({"when": "later", "day": "nonsense", "at": "10:00"}, "day"),
        ({"tags": ["999"]}, "tags"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    owner: Client, filled: dict[str, Any], changes: dict[str, Any], field: str
) -> None:
    response = owner.post("/send", {**filled, **changes})

    assert response.status_code == 422
    assert field in response.context["form"].errors


@pytest.mark.parametrize(
    "changes",
    [
        {"body": ""},
        {"body": "x" * 4097},
        {"kind": "media", "link": "nonsense"},
        {"kind": "template"},
        {"kind": "buttons", "button_1": "Same", "button_2": "Same"},
        {"kind": "list", "button": "Menu", "title_1": "x" * 25},
        {"kind": "link", "display_text": "Open", "url": "javascript:alert(1)"},
    ],
)
def test_content_that_meta_would_refuse_is_refused(
    owner: Client, filled: dict[str, Any], changes: dict[str, Any]
) -> None:
    assert owner.post("/send", {**filled, **changes}).status_code == 422


def test_four_thousand_emoji_are_four_thousand_characters(
    owner: Client, filled: dict[str, Any]
) -> None:
    assert owner.post("/send", {**filled, "body": "🎉\r\n" * 2048}).status_code == 200


def test_a_scheduled_send_is_due_by_the_companys_clocks(
    owner: Client, acme: Company, filled: dict[str, Any]
) -> None:
    day = (timezone.now() + timedelta(days=3)).date()

    response = _confirmed(owner, {**filled, "when": "later", "day": day, "at": "09:30"})

    assert response.status_code == 302
    due_at = Batch.objects.get().due_at
    assert due_at.strftime("%H:%M") == "06:30"  # Nairobi is three hours ahead
    assert due_at.date() == day


def test_going_back_keeps_what_was_filled_in(owner: Client, filled: dict[str, Any]) -> None:
    page = owner.post("/send", {**filled, "step": "edit"}).content.decode()

    assert "Hello *you*" in page
    assert "0722000111" in page
    assert "is-invalid" not in page


def test_another_kind_begins_without_complaints_and_keeps_the_words(
    owner: Client, filled: dict[str, Any]
) -> None:
    page = owner.post("/send/content", {**filled, "kind": "buttons"}).content.decode()

    assert "Hello *you*" in page
    assert "is-invalid" not in page


def test_a_link_may_fill_in_whom_to_write_to(owner: Client, acme: Company) -> None:
    tag = factories.make_tag(acme, factories.make_contact(acme))

    response = owner.get(f"/send?to=%2B254712345678&tag={tag.pk}")

    assert "+254712345678" in response.content.decode()
    assert [each["chosen"] for each in response.context["tag_choices"]] == [True]


def test_without_a_connected_channel_the_page_says_what_to_do(
    owner: Client, channel: Channel
) -> None:
    Channel.objects.update(status=Channel.Status.DISCONNECTED)

    assert "No connected channel" in owner.get("/send").content.decode()


def test_a_viewer_may_not_send(viewer: Client, filled: dict[str, Any]) -> None:
    assert viewer.get("/send").status_code == 403
    assert viewer.post("/send/confirm", filled).status_code == 403


def test_the_page_costs_the_same_queries_whatever_there_is_to_choose_from(
    owner: Client, acme: Company, filled: dict[str, Any]
) -> None:
    with CaptureQueriesContext(connection) as few:
        owner.get("/send?kind=template")
    for _ in range(10):
        factories.make_template(acme)
        factories.make_tag(acme, factories.make_contact(acme))
    with CaptureQueriesContext(connection) as many:
        owner.get("/send?kind=template")

    assert len(many) == len(few) < 20


# --- Each person's own ---------------------------------------------------------------------


@pytest.fixture
def greeting(acme: Company, filled: dict[str, Any]) -> dict[str, Any]:
    """A template to Amina, Brian and somebody without a name, who are under one tag."""
    people = [
        factories.make_contact(acme, name=name, custom_fields={"city": "Gulu", "no{name": "x"})
        for name in ("Amina", "Brian", "")
    ]
    return filled | {
        "kind": "template",
        "template": factories.make_template(acme).pk,
        "tags": [factories.make_tag(acme, *people).pk],
        "numbers": "",
    }


def test_what_is_known_of_people_is_offered_for_a_templates_variables(
    owner: Client, greeting: dict[str, Any]
) -> None:
    page = owner.post("/send/content", greeting)

    assert page.context["placeholders"] == [
        "{{contact.name|friend}}",
        "{{contact.phone}}",
        "{{contact.custom.city}}",
    ]
    assert 'data-insert="{{contact.name|friend}}"' in page.content.decode()
    assert (
        "data-insert"
        not in owner.post("/send/content", greeting | {"kind": "text"}).content.decode()
    )


def test_a_code_offers_no_placeholders(
    owner: Client, acme: Company, greeting: dict[str, Any]
) -> None:
    otp = factories.make_template(
        acme,
        category="AUTHENTICATION",
        components=[
            {"type": "BODY"},
            {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE"}]},
        ],
    )

    page = owner.post("/send/content", greeting | {"template": otp.pk})

    assert page.context["placeholders"] == []


def test_the_preview_is_the_first_persons(owner: Client, greeting: dict[str, Any]) -> None:
    def preview(**changes: Any) -> str:
        return owner.post("/send/preview", greeting | changes).content.decode()

    named = preview(body_1="dear {{contact.name}}")
    stranger = preview(body_1="{{contact.name|friend}}", tags=[], numbers="0722000111")
    nobody = preview(body_1="{{contact.name|friend}}", tags=[])
    lacking = preview(body_1="{{contact.custom.size}}")

    assert "dear Amina" in named and "As <bdi>Amina</bdi> will see it" in named
    assert ">friend<" in stranger and "As the first person will see it" in stranger
    assert ">friend<" in nobody and "will see it" not in nobody
    assert "{{contact.custom.size}}" in lacking and "will see it" not in lacking


def test_another_companys_person_is_in_no_preview(
    owner: Client, rival: Company, greeting: dict[str, Any]
) -> None:
    theirs = factories.make_contact(rival, "254722000111", name="Secret")
    tag = factories.make_tag(rival, theirs)
    fields = greeting | {"body_1": "{{contact.name|friend}}"}

    by_number = owner.post("/send/preview", fields | {"tags": [], "numbers": "0722000111"})
    by_tag = owner.post("/send/preview", fields | {"tags": [tag.pk]})

    for page in (by_number, by_tag):
        assert ">friend<" in page.content.decode() and "Secret" not in page.content.decode()


@pytest.mark.parametrize("text", ["{{contact.nmae}}", "{{contact.name|}}", "{contact.name}"])
def test_a_misspelt_placeholder_is_said_at_its_field(
    owner: Client, greeting: dict[str, Any], text: str
) -> None:
    page = owner.post("/send", greeting | {"body_1": text})

    assert page.status_code == 422
    [error] = page.context["content"].errors["body_1"]
    assert "{{contact.name}}, {{contact.phone}} and {{contact.custom.field}}" in error


def test_a_placeholder_may_be_longer_than_the_value(
    owner: Client, acme: Company, greeting: dict[str, Any]
) -> None:
    coupon = factories.make_template(
        acme,
        components=[
            {"type": "BODY", "text": "Your own code is here."},
            {"type": "BUTTONS", "buttons": [{"type": "COPY_CODE", "example": "A1"}]},
        ],
    )
    fields = greeting | {"template": coupon.pk}

    short = owner.post("/send", fields | {"coupon_0": "{{contact.custom.the coupon code}}"})
    long = owner.post("/send", fields | {"coupon_0": "{{contact.custom.code|ABCDEFGHIJKLMNOP}}"})

    assert (short.status_code, long.status_code) == (200, 422)


def test_the_dry_run_says_who_will_not_get_it_and_why(
    owner: Client, greeting: dict[str, Any]
) -> None:
    fields = greeting | {"numbers": "0722000111", "body_1": "{{contact.name}}"}

    page = _checked(owner, fields)
    everybody = _checked(owner, fields | {"body_1": "{{contact.name|friend}}"})

    text = " ".join(page.content.decode().split())
    assert "2 of 4 will not get it: something of theirs is missing" in text
    assert '<bdi class="num">2</bdi> have no <code dir="ltr">{{contact.name}}</code>' in text
    assert "+254 722 ••• 111" in text
    assert "will not get it" not in everybody.content.decode()


def test_a_personal_message_is_sent_as_it_was_written(
    owner: Client, greeting: dict[str, Any]
) -> None:
    _confirmed(owner, greeting | {"body_1": "dear {{contact.name|friend}}"})

    batch = Batch.objects.get()
    assert batch.is_personal and batch.recipients_count == 3
    [body] = batch.payload["template"]["components"]
    assert body["parameters"] == [{"type": "text", "text": "dear {{contact.name|friend}}"}]


def test_a_preview_of_a_plain_template_looks_nobody_up(
    owner: Client, greeting: dict[str, Any]
) -> None:
    with CaptureQueriesContext(connection) as plain:
        owner.post("/send/preview", greeting | {"body_1": "friend"})

    assert not any("min(contact_id)" in query["sql"] for query in plain)
