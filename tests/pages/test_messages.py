import csv
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from companies.models import AuditEvent, Channel, Company
from config import by_time
from contacts.models import Contact, ContactTag, Tag
from messaging import message_log
from messaging.message_log import Filter, Place
from messaging.models import Batch, FilledIn, Message, Status, StatusEvent
from templates_app.models import Template
from tests import factories

pytestmark = pytest.mark.django_db


def _batch(channel: Channel, *states: Status, **fields: Any) -> list[Message]:
    """A batch with a message in each of these states, counted."""
    words = [status.word for status in states]
    counts = {word: words.count(word) for word in words if word not in ("queued", "sending")}
    batch = factories.make_batch(channel, recipients_count=len(states), **counts, **fields)
    rows = [
        factories.make_message(
            channel,
            batch=batch,
            status=status,
            created_at=batch.created_at,
            error_code="131026" if status == Status.FAILED else "",
        )
        for status in states
    ]
    return sorted(rows, key=lambda row: -row.contact_id)


def _shown(response: Any) -> list[int]:
    return [row.message.pk for row in response.context["rows"]]


def _pages(client: Client, query: str = "") -> Iterator[Any]:
    before = ""
    while True:
        response = client.get(
            f"/messages?{query}&before={before}" if before else f"/messages?{query}"
        )
        yield response
        before = response.context["older"]
        if not before:
            return


def _find(client: Client, query: str) -> list[int]:
    return [pk for page in _pages(client, query) for pk in _shown(page)]


# --- The log --------------------------------------------------------------------------


def test_the_newest_batch_comes_first_and_pages_neither_repeat_nor_skip(
    owner: Client, channel: Channel
):
    rows: list[Message] = []
    for size in (3, 60, 1, 48):
        rows = [*_batch(channel, *[Status.READ] * size), *rows]

    pages = [_shown(page) for page in _pages(owner)]

    assert [len(page) for page in pages] == [50, 50, 12]
    assert [pk for page in pages for pk in page] == [row.pk for row in rows]


def test_the_log_costs_the_same_queries_whatever_its_length(owner: Client, channel: Channel):
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            owner.get("/messages")
        return len(seen)

    _batch(channel, Status.READ)
    few = queries()
    for _ in range(20):
        _batch(channel, Status.READ, Status.FAILED, Status.QUEUED)

    assert queries() == few


def test_another_companys_messages_are_nowhere(owner: Client, stranger: Client, channel: Channel):
    [message] = _batch(channel, Status.FAILED)

    assert _find(stranger, "") == []
    assert _find(stranger, f"batch={message.batch.public_id}") == []
    assert stranger.get(f"/messages/{message.public_id}").status_code == 404
    assert stranger.post(f"/messages/{message.public_id}/retry").status_code == 404
    assert message.public_id not in _text(stranger.get("/messages/export"))


def test_numbers_are_masked_in_the_log(owner: Client, channel: Channel):
    factories.make_message(channel, recipient="254712345678")

    page = owner.get("/messages").content.decode()

    assert "+254\xa0712\xa0•••\xa0678" in page
    assert "254712345678" not in page


def test_an_empty_log_says_what_to_do(owner: Client, channel: Channel):
    assert b"Nothing sent yet" in owner.get("/messages").content
    assert b"No such message" in owner.get("/messages?status=read").content


@pytest.mark.parametrize("before", ["nonsense", "batch_zzzzzzzzzzzzz", "batch_1.contact_2", "."])
def test_a_place_that_is_none_is_not_found(owner: Client, before: str):
    assert owner.get("/messages", {"before": before}).status_code == 404


def test_a_place_is_what_its_cursor_says():
    for place in (Place(5, 7), Place(5, 0), Place(1 << 40, 1 << 50)):
        assert Place.parse(place.cursor) == place


# --- Filters --------------------------------------------------------------------------


@pytest.mark.parametrize("status", list(Status))
def test_each_status_is_found(owner: Client, channel: Channel, status: Status):
    rows = _batch(channel, *Status)
    _batch(channel, Status.READ if status != Status.READ else Status.SENT)
    wanted = [row.pk for row in rows if Status(row.status).word == status.word]

    assert _find(owner, f"status={status.word}") == wanted


def test_each_filter_finds_its_own(owner: Client, acme: Company, channel: Channel):
    _batch(channel, Status.READ, Status.FAILED)
    other = factories.make_channel(acme)
    key = factories.key_row(factories.make_key(acme))
    [by_channel] = _batch(other, Status.READ)
    [by_type] = _batch(channel, Status.READ, content_type="image")
    [by_key] = _batch(channel, Status.READ, api_key=key)
    [by_error] = _batch(channel, Status.FAILED)
    Message.objects.filter(pk=by_error.pk).update(error_code="131047")
    tag = factories.make_tag(acme, Contact.objects.get(pk=by_type.contact_id))

    assert _find(owner, f"channel={other.pk}") == [by_channel.pk]
    assert _find(owner, "type=image") == [by_type.pk]
    assert _find(owner, f"key={key.pk}") == [by_key.pk]
    assert _find(owner, "error=131047") == [by_error.pk]
    assert _find(owner, "error=131047&status=read") == []
    assert _find(owner, f"tag={tag.pk}") == [by_type.pk]
    assert _find(owner, f"batch={by_key.batch.public_id}") == [by_key.pk]
    assert _find(owner, f"tag={tag.pk}&type=text") == []


def test_a_number_in_any_form_finds_a_persons_messages(owner: Client, channel: Channel):
    first = factories.make_message(channel, recipient="254712345678", status=Status.READ)
    person = Contact.objects.get(pk=first.contact_id)
    rows = [first]
    for number in range(1, 4):
        batch = factories.make_batch(channel, content_type="image" if number == 3 else "text")
        at = first.created_at + timedelta(minutes=number)
        rows.append(
            Message.objects.create(
                company=channel.company,
                channel=channel,
                batch=batch,
                contact=person,
                recipient=person.phone,
                status=Status.READ,
                lane=0,
                due_at=at,
                created_at=at,
            )
        )
    _batch(channel, Status.READ)
    newest_first = [row.pk for row in reversed(rows)]

    for text in ("0712 345 678", "+254712345678", "254-712-345-678"):
        found = owner.get("/messages", {"recipient": text})
        assert _shown(found) == newest_first
    assert _find(owner, "recipient=0712345678&type=text") == newest_first[1:]
    after = message_log.page(
        Filter(contact_id=person.pk), company_id=channel.company_id, after=None, size=2
    )
    assert [row.pk for row in after.rows] == newest_first[:2]
    rest = message_log.page(
        Filter(contact_id=person.pk), company_id=channel.company_id, after=after.next, size=9
    )
    assert [row.pk for row in rest.rows] == newest_first[2:]


def test_days_are_the_companys_own(owner: Client, channel: Channel):
    # 1 May in Nairobi begins at 21:00 of 30 April, UTC.
    for day, hour in ((30, 20), (30, 22)):
        [row] = _batch(channel, Status.READ)
        at = timezone.now().replace(year=2026, month=4, day=day, hour=hour)
        Batch.objects.filter(pk=row.batch_id).update(created_at=at)

    older, newer = sorted(Message.objects.values_list("pk", flat=True))
    assert _find(owner, "since=2026-05-01") == [newer]
    assert _find(owner, "until=2026-04-30") == [older]
    assert _find(owner, "since=2026-04-30&until=2026-05-01") == [newer, older]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("recipient=nobody", "recipient"),
        ("recipient=0799999999", "recipient"),
        ("batch=nonsense", "batch"),
        ("since=yesterday", "since"),
        ("since=2026-05-02&until=2026-05-01", "until"),
        ("channel=999999", "channel"),
        ("status=lost", "status"),
    ],
)
def test_what_is_wrong_with_a_filter_is_said_beside_its_field(
    owner: Client, channel: Channel, query: str, field: str
):
    _batch(channel, Status.READ)

    response = owner.get(f"/messages?{query}")

    assert list(response.context["filter"].errors) == [field]
    assert response.context["rows"] == []


def test_another_companys_channel_tag_and_key_are_no_choice(
    owner: Client, rival: Company, channel: Channel
):
    theirs = rival.channels.get()
    tag = factories.make_tag(rival)
    key = factories.key_row(factories.make_key(rival))

    for query in (f"channel={theirs.pk}", f"tag={tag.pk}", f"key={key.pk}"):
        assert owner.get(f"/messages?{query}").context["filter"].errors


def test_a_rare_match_is_searched_for_bit_by_bit(
    owner: Client, acme: Company, channel: Channel, monkeypatch: pytest.MonkeyPatch
):
    rare = factories.make_message(channel, status=Status.READ)
    tag = factories.make_tag(acme, Contact.objects.get(pk=rare.contact_id))
    for _ in range(5):
        _batch(channel, *[Status.READ] * 10)
    monkeypatch.setattr(message_log, "LOOK", 20)

    pages = list(_pages(owner, f"tag={tag.pk}"))

    assert [_shown(page) for page in pages] == [[], [], [rare.pk]]
    assert b"Go on searching older ones" in pages[0].content
    assert b"Go on searching" not in pages[-1].content


def test_batches_that_cannot_match_count_as_looked_at(
    owner: Client, channel: Channel, monkeypatch: pytest.MonkeyPatch
):
    [rare] = _batch(channel, Status.READ, content_type="video")
    for _ in range(30):
        _batch(channel, Status.READ)
    monkeypatch.setattr(message_log, "LOOK", 20)

    first, second = _pages(owner, "type=video")

    assert first.context["is_cut"]
    assert _shown(second) == [rare.pk]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 50])
def test_rows_of_a_time_are_found_by_their_ids(channel: Channel, rival: Company, count: int):
    start = timezone.now() - timedelta(days=count + 10)
    ids = []
    for number in range(count):
        factories.make_batch(rival.channels.get())
        batch = factories.make_batch(channel)
        Batch.objects.filter(pk=batch.pk).update(created_at=start + timedelta(days=number))
        ids.append(batch.pk)

    for number in range(count):
        low, high = by_time.id_bounds(
            Batch._meta.db_table,
            company_id=channel.company_id,
            since=start + timedelta(days=number, hours=-1),
            until=start + timedelta(days=number, hours=1),
        )
        assert [pk for pk in ids if pk > low and pk <= (high or 0)] == [ids[number]]
    assert by_time.id_bounds(
        Batch._meta.db_table, company_id=channel.company_id, since=None, until=None
    ) == (0, None)


# --- Live -----------------------------------------------------------------------------


def test_the_log_renews_itself_while_anything_is_on_its_way(owner: Client, channel: Channel):
    [message] = _batch(channel, Status.QUEUED)
    assert 'hx-trigger="every 3s"' in owner.get("/messages?status=queued").content.decode()

    Message.objects.update(due_at=timezone.now() + timedelta(seconds=20))
    assert 'hx-trigger="every 3s"' in owner.get("/messages").content.decode()

    Message.objects.update(due_at=timezone.now() + timedelta(days=2))
    assert "hx-trigger" not in owner.get("/messages").content.decode()

    Message.objects.update(status=Status.SENT)
    assert 'hx-trigger="every 15s"' in owner.get("/messages").content.decode()

    Message.objects.update(status=Status.READ)
    part = owner.get("/messages", headers={"HX-Request": "true"}).content.decode()
    assert "hx-trigger" not in part
    assert "<html" not in part
    assert message.public_id in part


# --- Export ---------------------------------------------------------------------------


def _text(response: Any) -> str:
    return b"".join(response.streaming_content).decode("utf-8-sig")


def test_a_filter_is_exported_with_whole_numbers_and_harmless_cells(
    owner: Client, acme: Company, channel: Channel
):
    payload = {"type": "text", "text": {"body": "=HYPERLINK(1)"}}
    rows = _batch(channel, *[Status.FAILED] * 3, Status.READ, payload=payload)
    Contact.objects.update(name="Zawadi, አማን")

    response = owner.get("/messages/export?status=failed")
    lines = list(csv.DictReader(StringIO(_text(response))))

    failed = [row for row in rows if row.status == Status.FAILED]
    assert [line["message_id"] for line in lines] == [row.public_id for row in failed]
    assert lines[0]["to"] == f"+{failed[0].recipient}"
    assert lines[0]["content"] == "'=HYPERLINK(1)"
    assert lines[0]["name"] == "Zawadi, አማን"
    assert "attachment" in response["Content-Disposition"]
    event = AuditEvent.objects.get(kind="message.exported")
    assert event.detail == {"status": "failed"}


def test_a_viewer_may_not_export(viewer: Client, channel: Channel):
    assert viewer.get("/messages/export").status_code == 403
    assert b"/messages/export" not in viewer.get("/messages").content


# --- One message ----------------------------------------------------------------------


def _page(client: Client, message: Message) -> str:
    return client.get(f"/messages/{message.public_id}").content.decode()


def test_a_message_shows_its_history_and_metas_answer(owner: Client, channel: Channel):
    [message] = _batch(channel, Status.READ, request_id="req-77")
    Message.objects.filter(pk=message.pk).update(
        wamid="wamid.HBgM", attempts=1, attempted_at=message.created_at, sent_at=message.created_at
    )
    for seconds, status in enumerate((Status.SENT, Status.DELIVERED, Status.READ)):
        StatusEvent.objects.create(
            message=message,
            status=status,
            at=message.created_at + timedelta(seconds=seconds + 1),
            pricing="utility regular billable",
        )

    response = owner.get(f"/messages/{message.public_id}")
    page = response.content.decode()

    words = [str(step.pill.word) for step in response.context["steps"]]
    assert words == ["Accepted", "Handed to Meta", "Sent", "Delivered", "Read"]
    for text in (
        "wamid.HBgM",
        "req-77",
        "utility regular billable",
        "Hello",
        "The person has seen it",
    ):
        assert text in page
    assert message.batch.public_id in page


def test_a_failure_says_why_and_what_to_do(owner: Client, channel: Channel):
    [message] = _batch(channel, Status.FAILED)
    Message.objects.filter(pk=message.pk).update(error_detail="Message undeliverable")

    page = _page(owner, message)

    assert "not on WhatsApp" in page
    assert "Check the number." in page
    assert "given back" in page
    assert "It can’t be sent again:" in page


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("unconfirmed", "Ask the person if it came"),
        ("expired", "ask for a new code"),
        ("cancelled", "Its batch was cancelled"),
        ("media_gone", "Upload the file again"),
        ("999999", "Meta gives no more reason"),
        ("unknown", "Meta gives no more reason"),
        ("", "Meta refused it"),
    ],
)
def test_reasons_of_our_own_and_unknown_ones_are_explained_too(
    owner: Client, channel: Channel, code: str, words: str
):
    [message] = _batch(channel, Status.FAILED)
    Message.objects.filter(pk=message.pk).update(error_code=code)

    assert words in _page(owner, message)


def test_what_waits_says_for_what(owner: Client, channel: Channel):
    [message] = _batch(channel, Status.QUEUED)
    later = timezone.now() + timedelta(days=1)

    assert "It waits for its turn" in _page(owner, message)
    Message.objects.update(due_at=later)
    assert "It is scheduled for" in _page(owner, message)
    Message.objects.update(attempts=1, error_code="131056")
    assert "It is tried again at" in _page(owner, message)
    Channel.objects.filter(pk=channel.pk).update(paused_until=later, pause_reason="Spam limit")
    assert "Spam limit" in _page(owner, message)
    Channel.objects.filter(pk=channel.pk).update(status="disconnected", status_reason="Token gone")
    assert "Token gone" in _page(owner, message)
    Batch.objects.update(paused_at=timezone.now())
    assert "Its batch is paused" in _page(owner, message)
    Batch.objects.update(halt_code="132001")
    assert "It will not be sent" in _page(owner, message)


def test_doubt_is_explained_with_its_end(owner: Client, channel: Channel):
    [message] = _batch(channel, Status.UNCERTAIN)

    page = _page(owner, message)

    assert "Nobody knows yet whether Meta took it" in page
    assert "its credit given back" in page


def test_a_code_is_not_shown(owner: Client, channel: Channel):
    payload = {
        "type": "template",
        "template": {
            "name": "otp",
            "components": [{"type": "body", "parameters": [{"type": "text", "text": "424242"}]}],
        },
    }
    [message] = _batch(channel, Status.FAILED, category="AUTHENTICATION", payload=payload)

    page = _page(owner, message)

    assert "424242" not in page
    assert "A code is never sent twice" in page


def test_a_message_whose_person_is_gone_is_shown_still(owner: Client, channel: Channel):
    [message] = _batch(channel, Status.FAILED)
    ContactTag.objects.all().delete()
    Tag.objects.all().delete()
    Contact.objects.all().delete()

    assert _shown(owner.get("/messages")) == [message.pk]
    assert owner.get(f"/messages/{message.public_id}").status_code == 200


@pytest.mark.parametrize("public_id", ["nonsense", "msg_zzzzzzzzzzzzz", "msg_0000000000000"])
def test_an_id_that_is_none_is_not_found(owner: Client, public_id: str):
    assert owner.get(f"/messages/{public_id}").status_code == 404


# --- Sending again --------------------------------------------------------------------


@pytest.fixture
def unconfirmed(channel: Channel) -> Message:
    """A failure that may be tried again: to somebody who wrote an hour ago."""
    [message] = _batch(channel, Status.FAILED)
    Message.objects.filter(pk=message.pk).update(error_code="unconfirmed")
    Contact.objects.filter(pk=message.contact_id).update(
        last_inbound_at=timezone.now() - timedelta(hours=1)
    )
    return message


def _again(client: Client, message: Message) -> Any:
    return client.post(f"/messages/{message.public_id}/retry", follow=True)


def test_a_failed_message_is_sent_again_as_one_of_its_own(
    owner: Client, acme: Company, unconfirmed: Message
):
    assert "Send again" in _page(owner, unconfirmed)

    response = _again(owner, unconfirmed)

    new = Message.objects.exclude(pk=unconfirmed.pk).get()
    assert (new.recipient, new.status) == (unconfirmed.recipient, Status.QUEUED)
    assert new.batch.payload == unconfirmed.batch.payload
    assert response.redirect_chain[-1][0] == f"/batches/{new.batch.public_id}"
    acme.refresh_from_db()
    assert acme.credits == 999_999
    unconfirmed.refresh_from_db()
    assert unconfirmed.status == Status.FAILED
    assert AuditEvent.objects.get(kind="message.retried").detail == {"batch": new.batch.public_id}


def test_it_is_sent_again_to_where_the_person_is_known_by_now(owner: Client, unconfirmed: Message):
    Contact.objects.update(phone=None, bsuid="KE.1")

    _again(owner, unconfirmed)

    new = Message.objects.exclude(pk=unconfirmed.pk).get()
    assert (new.recipient, new.contact_id) == ("KE.1", unconfirmed.contact_id)


def test_asking_twice_sends_once_and_the_old_one_names_the_new(owner: Client, unconfirmed: Message):
    for _ in range(2):
        _again(owner, unconfirmed)

    new = Batch.objects.exclude(pk=unconfirmed.batch_id).get()
    page = _page(owner, unconfirmed)
    assert new.public_id in page
    assert "/retry" not in page
    assert AuditEvent.objects.filter(kind="message.retried").count() == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"contact": {"opted_out_at": timezone.now()}}, "has opted out"),
        ({"contact": {"last_inbound_at": None}}, "only a template may be sent"),
        ({"contact": {"phone": None, "erased_at": timezone.now()}}, "is not known any more"),
        ({"message": {"error_code": "131047"}}, "fail for the same reason"),
        ({"message": {"error_code": "expired"}}, "fail for the same reason"),
        ({"message": {"status": Status.READ}}, "Only what has failed"),
        ({"batch": {"category": "AUTHENTICATION"}}, "A code is never sent twice"),
        ({"channel": {"status": "disconnected"}}, "connect it first"),
    ],
)
def test_what_would_fail_again_is_not_sent_again(
    owner: Client, unconfirmed: Message, change: dict[str, dict[str, Any]], words: str
):
    models = {"contact": Contact, "message": Message, "batch": Batch, "channel": Channel}
    for name, fields in change.items():
        models[name].objects.update(**fields)  # type: ignore[attr-defined]

    response = _again(owner, unconfirmed)

    assert words in response.content.decode()
    assert Batch.objects.count() == 1


def test_without_credit_nothing_is_sent_again(owner: Client, acme: Company, unconfirmed: Message):
    Company.objects.filter(pk=acme.pk).update(credits=0)

    response = _again(owner, unconfirmed)

    assert b"credits are needed" in response.content
    assert Batch.objects.count() == 1
    assert not AuditEvent.objects.filter(kind="message.retried").exists()


def test_a_viewer_may_not_send_again(viewer: Client, unconfirmed: Message):
    assert "/retry" not in _page(viewer, unconfirmed)
    assert _again(viewer, unconfirmed).status_code == 403


def test_looking_sends_nothing(owner: Client, unconfirmed: Message):
    assert owner.get(f"/messages/{unconfirmed.public_id}/retry").status_code == 405


# --- What is each person's own --------------------------------------------------------------


@pytest.fixture
def lacking(acme: Company, channel: Channel) -> Message:
    """A template that greets by name, failed since the contact had none."""
    template = factories.make_template(acme)
    parameters = [{"type": "text", "text": "{{contact.name}}"}]
    content = {
        "name": template.name,
        "language": {"code": "en_US"},
        "components": [{"type": "body", "parameters": parameters}],
    }
    [message] = _batch(
        channel,
        Status.FAILED,
        template=template,
        category="UTILITY",
        content_type="template",
        payload={"type": "template", "template": content},
        is_personal=True,
    )
    detail = "The contact has no name, and the message has no default for it."
    Message.objects.filter(pk=message.pk).update(error_code="value_missing", error_detail=detail)
    return message


def test_who_lacked_a_value_is_told_of_with_why_and_what_to_do(owner: Client, lacking: Message):
    page = _page(owner, lacking)

    assert "A value of the contact is missing" in page
    assert "so it was not sent half empty" in page
    assert "Fill it in on the contact’s page and send the message again" in page
    assert "The contact has no name" in page
    assert "given back" in page


def test_it_is_sent_again_once_the_value_is_there(owner: Client, lacking: Message):
    before = _again(owner, lacking).content.decode()
    Contact.objects.filter(pk=lacking.contact_id).update(name="Amina")
    page = _page(owner, lacking)
    _again(owner, lacking)

    assert "is still missing" in before
    assert "Send again" in page
    new = Batch.objects.exclude(pk=lacking.batch_id).get()
    assert new.is_personal and new.payload == lacking.batch.payload


def test_a_value_that_still_does_not_fit_keeps_it_from_being_sent_again(
    owner: Client, lacking: Message
):
    Message.objects.update(error_code="value_unfit")
    Contact.objects.filter(pk=lacking.contact_id).update(name="x" * 200)
    Template.objects.update(components=[{"type": "BODY", "text": f"{'y' * 900} {{{{1}}}} end"}])

    assert "A value of the contact does not fit into the message" in _page(owner, lacking)
    assert "still does not fit" in _again(owner, lacking).content.decode()
    assert Batch.objects.count() == 1


def test_the_page_shows_what_was_sent_whatever_the_contact_says_by_now(
    owner: Client, lacking: Message
):
    Message.objects.update(status=Status.SENT, error_code="", error_detail="")
    FilledIn.objects.create(message=lacking, texts={"contact.name": "Amina <b>"})
    Contact.objects.filter(pk=lacking.contact_id).update(name="Somebody else")

    page = _page(owner, lacking)
    batch = owner.get(f"/batches/{lacking.batch.public_id}").content.decode()

    assert '<span class="wa-var">Amina &lt;b&gt;</span>' in page
    assert "&quot;text&quot;: &quot;Amina &lt;b&gt;&quot;" in page
    assert "Somebody else" not in page.split("What was sent")[1].split("factlist")[0]
    assert '<span class="wa-var">{{contact.name}}</span>' in batch


def test_before_it_is_sent_the_page_shows_what_would_be_said_now(owner: Client, lacking: Message):
    Message.objects.update(status=Status.QUEUED, error_code="", error_detail="")
    missing = _page(owner, lacking)
    Contact.objects.filter(pk=lacking.contact_id).update(name="Amina")

    assert '<span class="wa-var">{{contact.name}}</span>' in missing
    assert '<span class="wa-var">Amina</span>' in _page(owner, lacking)
