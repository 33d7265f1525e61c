"""Conversations in the portal: who wrote, what was said, and answering."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from structlog.testing import capture_logs

from companies.models import Channel, Company
from contacts.models import Contact
from messaging import chat, chat_pages, chat_replies, inbound, tasks
from messaging.models import Batch, FilledIn, InboundMessage, Media, Message, Status
from messaging.webhook_body import Inbound
from tests import factories, webhooks
from tests.media_files import PNG

pytestmark = pytest.mark.django_db

PHONE = "254711111111"


@pytest.fixture(autouse=True)
def media_root(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def operator(acme: Company, channel: Channel, browser: Any) -> Client:
    return browser(factories.make_user("operator@acme.example", company=acme, role="operator"))


def wrote(
    channel: Channel, text: str = "Hello", *, ago: timedelta = timedelta(0), **fields: Any
) -> InboundMessage:
    """A person wrote, as the webhook's application stores it."""
    message = webhooks.inbound(text, **fields)
    profile = {"profile": {"name": fields.get("name", "")}}
    inbound.store(
        Inbound(
            phone_number_id=channel.phone_number_id,
            message=message,
            profile=profile,
            at=timezone.now() - ago,
        ),
        channel,
    )
    return InboundMessage.objects.get(wamid=message["id"])


def said(channel: Channel, contact: Contact, text: str = "Hi", **fields: Any) -> Message:
    """The company wrote."""
    payload = fields.pop("payload", {"type": "text", "text": {"body": text}})
    batch = factories.make_batch(channel, content_type=payload["type"], payload=payload)
    return factories.make_message(
        channel,
        batch=batch,
        contact=contact,
        status=fields.pop("status", Status.SENT),
        wamid=f"wamid.out{batch.pk}",
        **fields,
    )


def address(contact: Contact, rest: str = "") -> str:
    return f"/conversations/{contact.public_id}{rest}"


def page(client: Client, contact: Contact, rest: str = "", **query: Any) -> str:
    response = client.get(address(contact, rest), query)
    assert response.status_code == 200
    return response.content.decode()


def bubbles(html: str) -> list[str]:
    """The ids of the lines, in their order."""
    return re.findall(r'<li class="chat-line [^"]*" id="([^"]+)"', html)


# --- The list --------------------------------------------------------------------------


def test_who_wrote_is_listed_the_latest_first_with_what_is_unread(
    owner: Client, channel: Channel, rival: Company
) -> None:
    wrote(channel, "first", sender="254711000001", ago=timedelta(hours=2))
    wrote(channel, "again", sender="254711000002", ago=timedelta(hours=1))
    wrote(channel, "and again", sender="254711000002")
    wrote(rival.channels.get(), "a secret", sender="254711000003")

    html = owner.get("/conversations").content.decode()

    assert html.index("and again") < html.index("first")
    assert re.findall(r'chat-unread num">(\d+)', html) == ["2", "1"]
    assert "a secret" not in html
    assert "254711000002" not in html  # numbers are masked


def test_what_is_unread_is_listed_alone(owner: Client, channel: Channel) -> None:
    seen, waiting = wrote(channel, sender="254711000001"), wrote(channel, sender="254711000002")
    chat.mark_read(seen.contact, up_to=seen.pk)

    def listed(url: str) -> list[Contact]:
        return [row.contact for row in owner.get(url).context["people"].rows]

    assert listed("/conversations") == [waiting.contact, seen.contact]
    assert listed("/conversations?unread") == [waiting.contact]
    version = chat.people(channel.company, unread=True).version
    assert owner.get(f"/conversations/list?version={version}&unread").status_code == 204

    chat.mark_read(waiting.contact, up_to=waiting.pk)

    again = owner.get(f"/conversations/list?version={version}&unread").content.decode()
    assert "All is read" in again
    assert "&amp;unread" in again  # it goes on asking for the same


def test_an_empty_list_says_what_to_do(owner: Client) -> None:
    assert "Nobody has written yet" in owner.get("/conversations").content.decode()


def test_the_list_goes_on_where_a_page_ends(
    owner: Client, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat, "PEOPLE_A_PAGE", 2)
    same = timedelta(minutes=5)
    for number in range(5):
        wrote(channel, f"text {number}", sender=f"25471100000{number}", ago=same)

    seen, url = [], "/conversations"
    while url:
        html = owner.get(url).content.decode()
        seen += re.findall(r"text \d", html)
        older = re.search(r'href="(/conversations\?before=[^"]+)"', html)
        url = older[1] if older else ""

    assert sorted(seen) == [f"text {number}" for number in range(5)]


@pytest.mark.parametrize("search", ["Amina", "amin", "0711 111", "+254 711 111 111", "254711"])
def test_people_are_found_by_name_and_number(owner: Client, channel: Channel, search: str) -> None:
    wrote(channel, "found me")
    Contact.objects.update(name="Amina Otieno")
    wrote(channel, "somebody else", sender="256700000001")

    html = owner.get("/conversations", {"q": search}).content.decode()

    assert "found me" in html
    assert "somebody else" not in html


@pytest.mark.parametrize("before", ["x", "cursor_", "cursor_AAAA"])
def test_a_made_up_place_in_the_list_is_not_found(owner: Client, before: str) -> None:
    assert owner.get("/conversations", {"before": before}).status_code == 404


def test_the_open_list_is_given_again_only_when_it_changed(owner: Client, channel: Channel) -> None:
    wrote(channel)
    html = owner.get("/conversations").content.decode()
    version = re.search(r"version=(\w+)", html)[1]

    unchanged = owner.get("/conversations/list", {"version": version})
    wrote(channel, "news")
    changed = owner.get("/conversations/list", {"version": version})

    assert unchanged.status_code == 204
    assert "news" in changed.content.decode()


# --- A thread --------------------------------------------------------------------------


def test_both_sides_stand_in_their_order_with_days_between(owner: Client, channel: Channel) -> None:
    old = wrote(channel, "from yesterday", ago=timedelta(days=1))
    contact = old.contact
    answer = said(channel, contact, "our answer", status=Status.READ)
    new = wrote(channel, "مرحبا", ago=timedelta(seconds=-1))

    html = page(owner, contact)

    ids = bubbles(html)
    assert ids[1] == answer.public_id and len(ids) == 3
    assert html.count('class="chat-day"') == 2
    assert "from yesterday" in html and new.text in html
    assert "Read" in html  # the state is a word, not only an icon


def test_the_words_of_people_are_text_and_nothing_else(owner: Client, channel: Channel) -> None:
    message = wrote(channel, "<script>alert(1)</script> *bold*")

    html = page(owner, message.contact)

    assert "<script>alert" not in html
    assert "<strong>bold</strong>" in html


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"type": "location", "location": {"latitude": -1.2, "longitude": 36.8, "name": "Shop"}},
         "openstreetmap.org/?mlat=-1.2&amp;mlon=36.8"),
        ({"type": "contacts", "contacts": [{"name": {"formatted_name": "Ann"},
                                            "phones": [{"phone": "+2547"}]}]}, "Ann, +2547"),
        ({"type": "interactive", "interactive": {"type": "list_reply", "list_reply": {
            "id": "1", "title": "Two", "description": "of them"}}}, "of them"),
        ({"type": "button", "button": {"text": "Yes"}}, "Yes"),
        ({"type": "order", "order": {"product_items": [
            {"product_retailer_id": "sku", "quantity": 2}]}}, "2 × sku"),
        ({"type": "unsupported", "errors": [{"code": 131051}]}, "does not pass on"),
        ({"type": "hologram", "hologram": {}}, "does not pass on"),
        ({"type": "location", "location": "nonsense"}, "Place"),
    ],
)  # fmt: skip
def test_every_kind_of_message_is_shown(
    owner: Client, channel: Channel, fields: dict[str, Any], shown: str
) -> None:
    message = wrote(channel, **{"text": None, **fields})

    assert shown in page(owner, message.contact)


def test_files_are_shown_once_they_are_here(owner: Client, channel: Channel, acme: Company) -> None:
    message = wrote(channel, type="image", image={"id": "79123", "caption": "Look"})
    waiting = page(owner, message.contact)
    file = factories.make_media(acme, origin=Media.Origin.INBOUND)
    InboundMessage.objects.update(stored_media=file, media_due_at=None)

    shown = page(owner, message.contact)

    assert "It is being fetched" in waiting and "data-watch" in waiting
    assert f'<img src="/inbound-media/{file.public_id}"' in shown
    assert "Look" in shown


def test_a_one_time_code_is_not_shown(owner: Client, channel: Channel) -> None:
    contact = wrote(channel).contact
    component = {"type": "body", "parameters": [{"type": "text", "text": "987654"}]}
    payload = {"type": "template", "template": {"name": "otp", "components": [component]}}
    message = said(channel, contact, payload=payload)
    Batch.objects.filter(pk=message.batch_id).update(category="AUTHENTICATION")

    assert "987654" not in page(owner, contact)


def personal(channel: Channel, contact: Contact, name: str, **fields: Any) -> Message:
    """A template that greets by name, as it was sent when that was `name`."""
    component = {"type": "body", "parameters": [{"type": "text", "text": "{{contact.name}}"}]}
    payload = {"type": "template", "template": {"name": "greeting", "components": [component]}}
    message = said(channel, contact, payload=payload, **fields)
    template = factories.make_template(channel.company)
    Batch.objects.filter(pk=message.batch_id).update(is_personal=True, template=template)
    FilledIn.objects.create(message=message, texts={"contact.name": name})
    return message


def test_a_personal_template_is_shown_as_it_was_sent(owner: Client, channel: Channel) -> None:
    contact = wrote(channel, ago=timedelta(minutes=1)).contact
    ours = personal(channel, contact, "Amina")
    personal(channel, contact, "Amina Achieng")
    wrote(channel, "Thanks", ago=timedelta(seconds=-1), context={"id": ours.wamid})
    quoted = page(owner, contact)
    personal(channel, contact, "Somebody else", created_at=timezone.now() + timedelta(minutes=1))

    assert "Hello Amina, your order" in re.sub("<[^>]+>", "", quoted.split("chat-quote-text")[1])
    assert re.findall(r'wa-var">([^<]+)', quoted) == ["Amina", "Amina Achieng"]
    assert "Hello Somebody else, your order" in owner.get("/conversations").content.decode()


def test_personal_lines_cost_one_more_query_however_many(owner: Client, channel: Channel) -> None:
    contact = wrote(channel).contact
    personal(channel, contact, "Amina")

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            page(owner, contact)
        return len(queries)

    before = count()
    for _ in range(10):
        personal(channel, contact, "Amina")

    assert count() == before


def test_an_answer_quotes_what_it_answers_and_reactions_stand_on_their_message(
    owner: Client, channel: Channel
) -> None:
    contact = wrote(channel).contact
    ours = said(channel, contact, "Is Monday fine?")
    wrote(channel, "Yes it is", context={"id": ours.wamid})
    wrote(channel, type="reaction", reaction={"message_id": ours.wamid, "emoji": "👍"})
    wrote(channel, type="reaction", reaction={"message_id": ours.wamid, "emoji": "🎉"})

    html = page(owner, contact)

    assert re.search(r'chat-quote-text" dir="auto">Is Monday fine\?', html)
    assert "🎉" in html and "👍</span></div>" not in html  # the latest one counts
    assert len(bubbles(html)) == 3


def test_older_lines_are_loaded_page_by_page_without_gaps(
    owner: Client, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat, "LINES_A_PAGE", 3)
    at = timezone.now()
    messages = [wrote(channel, f"line {n}", ago=timedelta(0)) for n in range(4)]
    contact = messages[0].contact
    InboundMessage.objects.update(sent_at=at)
    for _ in range(4):
        said(channel, contact, created_at=at)

    html, seen = page(owner, contact), []
    while True:
        seen = bubbles(html) + seen
        older = re.search(r'hx-get="([^"]+/older\?[^"]+)"', html)
        if not older:
            break
        html = owner.get(older[1].replace("&amp;", "&")).content.decode()

    assert len(seen) == len(set(seen)) == 8
    assert owner.get(address(contact, "/older"), {"before": "junk"}).status_code == 404


def test_the_contacts_page_shows_the_end_of_the_conversation(
    owner: Client, channel: Channel
) -> None:
    contact = wrote(channel, "the first", ago=timedelta(hours=2)).contact
    for number in range(chat_pages.LATEST_LINES):
        said(channel, contact, f"answer {number}")

    assert (
        address(contact, "/latest") in owner.get(f"/contacts/{contact.public_id}").content.decode()
    )
    html = page(owner, contact, "/latest")

    assert "answer 0" in html and "the first" not in html
    assert "data-answer" not in html


def test_the_queries_do_not_grow_with_the_lines(owner: Client, channel: Channel) -> None:
    contact = wrote(channel).contact

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            page(owner, contact)
        return len(queries)

    first = wrote(channel)
    said(channel, contact)
    before = count()
    for number in range(10):
        wrote(channel, f"text {number}", context={"id": first.wamid})
        said(channel, contact)
        wrote(channel, sender=f"25472200000{number}")

    assert count() <= before
    assert before < 30


def test_another_companys_conversation_is_not_found(stranger: Client, channel: Channel) -> None:
    contact = wrote(channel).contact

    for rest in ("", "/news", "/older"):
        assert stranger.get(address(contact, rest)).status_code == 404
    for rest in ("/send", "/react", "/read"):
        assert stranger.post(address(contact, rest)).status_code == 404


# --- News ------------------------------------------------------------------------------


def marks(html: str) -> str:
    return re.search(r'hx-get="([^"]+/news\?[^"]+)"', html)[1].replace("&amp;", "&")


def test_an_open_page_gets_what_is_new_and_only_that(owner: Client, channel: Channel) -> None:
    contact = wrote(channel, "old words").contact
    url = marks(page(owner, contact))

    nothing = owner.get(url)
    late = wrote(channel, "came late", ago=timedelta(minutes=3))
    said(channel, contact, "we wrote")
    news = owner.get(url).content.decode()

    assert nothing.status_code == 204
    assert "came late" in news and "we wrote" in news and "old words" not in news
    assert late.contact == contact
    assert owner.get(marks(news)).status_code == 204


def test_a_line_that_changed_is_given_again(owner: Client, channel: Channel) -> None:
    contact = wrote(channel).contact
    message = said(channel, contact, "our words", status=Status.SENT)
    url = marks(page(owner, contact))
    watched = {"line": f"{message.public_id}:{int(Status.SENT)}"}

    same = owner.get(url, QUERY_STRING=_with(url, watched))
    Message.objects.filter(pk=message.pk).update(status=Status.READ)
    changed = owner.get(url, QUERY_STRING=_with(url, watched)).content.decode()

    assert same.status_code == 204
    assert f'id="{message.public_id}"' in changed and 'hx-swap-oob="true"' in changed
    assert "chat-day" not in changed


def _with(url: str, extra: dict[str, str]) -> str:
    return f"{url.partition('?')[2]}&" + "&".join(f"{k}={v}" for k, v in extra.items())


def test_a_reaction_is_news_of_the_message_that_it_is_on(owner: Client, channel: Channel) -> None:
    contact = wrote(channel).contact
    message = said(channel, contact, "our words", status=Status.READ)
    url = marks(page(owner, contact))

    wrote(channel, type="reaction", reaction={"message_id": message.wamid, "emoji": "🎉"})
    news = owner.get(url).content.decode()

    assert f'id="{message.public_id}"' in news and "🎉" in news


def test_a_window_that_closes_is_news(
    owner: Client, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact = wrote(channel).contact
    url = marks(page(owner, contact))

    monkeypatch.setattr(chat_replies, "WINDOW", timedelta(0))
    news = owner.get(url).content.decode()

    assert 'data-open="no"' in news


@pytest.mark.parametrize("query", ["received=x", "day=2026-99-99", "line=junk", "line=msg_a:b"])
def test_nonsense_in_a_question_for_news_is_borne(
    owner: Client, channel: Channel, query: str
) -> None:
    contact = wrote(channel).contact

    assert owner.get(address(contact, f"/news?{query}")).status_code == 200


# --- Answering -------------------------------------------------------------------------


def answer(client: Client, contact: Contact, text: str = "Karibu", **fields: Any) -> Any:
    form = {"key": "form-1", "text": text, **fields}
    return client.post(address(contact, "/send"), form, headers={"HX-Request": "true"})


def test_an_answer_is_accepted_charged_and_goes_first(
    operator: Client, channel: Channel, acme: Company
) -> None:
    contact = wrote(channel).contact

    response = answer(operator, contact, "Karibu 😀")

    message = Message.objects.get()
    assert response.status_code == 200 and response["HX-Trigger"] == "chat-news"
    assert (message.contact, message.status, message.lane) == (contact, Status.QUEUED, 0)
    assert message.batch.payload["text"]["body"] == "Karibu 😀"
    acme.refresh_from_db()
    assert acme.credits == 999_999
    assert "Karibu" in page(operator, contact)


def test_a_double_click_sends_once(operator: Client, channel: Channel) -> None:
    contact = wrote(channel).contact

    answer(operator, contact)
    answer(operator, contact)
    other = answer(operator, contact, "Other words", key="form-1")

    assert Message.objects.count() == 1
    assert other.status_code == 422


def test_an_answer_to_a_message_quotes_it(operator: Client, channel: Channel) -> None:
    message = wrote(channel)
    html = page(operator, message.contact)

    answer(operator, message.contact, answers=bubbles(html)[0])

    assert Batch.objects.get().payload["context"] == {"message_id": message.wamid}


def test_a_file_is_sent_with_the_words_under_it(operator: Client, channel: Channel) -> None:
    contact = wrote(channel).contact

    for _ in range(2):
        picture = SimpleUploadedFile("menu.png", PNG, content_type="image/png")
        answer(operator, contact, "Our menu", file=picture)

    [file] = Media.objects.all()
    assert Batch.objects.get().payload == {
        "type": "image",
        "image": {"id": file.public_id, "caption": "Our menu"},
    }
    assert f"/inbound-media/{file.public_id}" in page(operator, contact)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"text": "  "}, "Write something"),
        ({"text": "x" * 4097}, "4,096"),
        ({"file": SimpleUploadedFile("virus.exe", b"MZ\x90\x00")}, "does not take this kind"),
        ({"answers": "msg_0000000000000"}, "not there any more"),
        ({"key": ""}, "required"),
    ],
)
def test_what_can_not_be_sent_is_kept_in_the_form(
    operator: Client, channel: Channel, fields: dict[str, Any], words: str
) -> None:
    contact = wrote(channel).contact

    response = answer(operator, contact, **{"text": "my words", **fields})

    assert response.status_code == 422
    assert words in response.content.decode()
    assert fields.get("text", "my words").strip() in response.content.decode()
    assert not Message.objects.exists()


def test_without_credit_nothing_is_sent(operator: Client, channel: Channel) -> None:
    contact = wrote(channel).contact
    Company.objects.update(credits=0)

    response = answer(operator, contact)

    assert response.status_code == 422
    assert "not enough credit" in response.content.decode()


def test_after_24_hours_templates_are_offered_in_place_of_words(
    operator: Client, channel: Channel
) -> None:
    contact = wrote(channel, ago=timedelta(hours=25)).contact

    html = page(operator, contact)

    assert "The 24 hours for free answers are over" in html
    assert f"?to=%2B{PHONE}" in html
    assert answer(operator, contact).status_code == 422
    assert not Message.objects.exists()


def test_who_opted_out_is_not_answered(operator: Client, channel: Channel) -> None:
    contact = wrote(channel, "STOP").contact

    assert "This person has opted out" in page(operator, contact)
    assert answer(operator, contact).status_code == 422


def test_a_number_that_is_disconnected_does_not_answer(operator: Client, channel: Channel) -> None:
    contact = wrote(channel).contact
    Channel.objects.update(status=Channel.Status.DISCONNECTED)

    assert "which is not connected" in page(operator, contact)
    assert answer(operator, contact).status_code == 422


def test_whoever_never_wrote_gets_a_template_first(operator: Client, acme: Company) -> None:
    contact = factories.make_contact(acme)

    assert "They have not written to you yet" in page(operator, contact)


def test_a_merged_number_is_answered_where_it_wrote_from(
    operator: Client, channel: Channel, acme: Company
) -> None:
    kept = factories.make_contact(acme, "254700111222")
    other = factories.make_contact(acme, PHONE, merged_into=kept)
    said(channel, other, "before the merger")
    wrote(channel, "from my second number")

    html = page(operator, other)
    answer(operator, kept)

    assert "before the merger" in html and "from my second number" in html
    assert Message.objects.latest("pk").recipient == PHONE


def test_who_keeps_the_number_back_is_answered_by_user_id(
    operator: Client, channel: Channel
) -> None:
    user = "KE.13491208655302741918"
    message = webhooks.inbound("No number for you", from_user_id=user)
    del message["from"]
    inbound.store(
        Inbound(
            phone_number_id=channel.phone_number_id,
            message=message,
            profile={"user_id": user},
            at=timezone.now(),
        ),
        channel,
    )
    contact = Contact.objects.get(bsuid=user)

    assert "min left to answer freely" in page(operator, contact)
    assert answer(operator, contact).status_code == 200
    sent = Message.objects.get()
    assert (sent.recipient, sent.contact) == (user, contact)


def test_who_keeps_the_number_back_is_offered_templates_after_24_hours(
    operator: Client, channel: Channel, acme: Company
) -> None:
    contact = factories.make_contact(acme, phone=None, bsuid="KE.134")

    html = page(operator, contact)

    assert "/send?to=KE.134" in html
    assert "KE.134" in operator.get("/send?to=KE.134").content.decode()


def test_an_emoji_is_put_on_their_message(operator: Client, channel: Channel) -> None:
    message = wrote(channel)
    [line] = bubbles(page(operator, message.contact))
    form = {"message": line, "emoji": "🙏", "key": "1"}

    response = operator.post(
        address(message.contact, "/react"), form, headers={"HX-Request": "true"}
    )

    assert response.status_code == 204
    assert Batch.objects.get().payload == {
        "type": "reaction",
        "reaction": {"message_id": message.wamid, "emoji": "🙏"},
    }
    assert "<span>🙏</span></div>" in page(operator, message.contact)


@pytest.mark.parametrize("change", [{"emoji": "<b>"}, {"message": "msg_x"}, {"key": ""}])
def test_a_made_up_reaction_is_not_found(
    operator: Client, channel: Channel, change: dict[str, str]
) -> None:
    message = wrote(channel)
    form = {"message": bubbles(page(operator, message.contact))[0], "emoji": "🙏", "key": "1"}

    assert operator.post(address(message.contact, "/react"), form | change).status_code == 404


def test_a_viewer_reads_and_does_not_answer(viewer: Client, channel: Channel) -> None:
    contact = wrote(channel).contact

    assert "chat-composer" not in page(viewer, contact)
    assert answer(viewer, contact).status_code == 403


# --- Read ------------------------------------------------------------------------------


def test_what_was_seen_is_unread_no_more_and_meta_is_told(
    operator: Client,
    channel: Channel,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    told: list[Any] = []
    monkeypatch.setattr("messaging.wake.send", lambda *task: told.append(task))
    first, second = wrote(channel), wrote(channel, "more")
    contact = second.contact
    lines = bubbles(page(operator, contact))

    with django_capture_on_commit_callbacks(execute=True):
        for line in (lines[1], lines[0], lines[1]):
            operator.post(address(contact, "/read"), {"up_to": line})

    contact.refresh_from_db()
    assert contact.read_inbound == max(first.pk, second.pk)
    assert told == [("messaging.read_receipt", contact.read_inbound)]
    assert "chat-unread" not in operator.get("/conversations").content.decode()


def test_the_read_receipt_reaches_graph(graph: Any, channel: Channel) -> None:
    message = wrote(channel)

    with capture_logs() as taken:
        tasks.read_receipt(message.pk)
    graph.revoke(channel.access_token)
    with capture_logs() as refused:
        tasks.read_receipt(message.pk)  # best effort: nothing is raised

    assert not taken
    assert [line["event"] for line in refused] == ["read_receipt_refused"]
