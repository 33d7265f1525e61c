"""The builders of messages: what they make is what Graph takes, what Graph refuses they refuse first."""

from typing import Any

import pytest

from companies.graph.sandbox import messages as graph
from config.api import ApiError
from messaging import payloads

WAMID = "wamid.HBgMMjU0NzEyMzQ1Njc4FQIAERgS"
NAME = {"formatted_name": "Dr. Amina Barasa", "first_name": "Amina"}
CARD = {
    "name": NAME,
    "phones": [{"phone": "+254712345678", "type": "WORK", "wa_id": "254712345678"}],
    "emails": [{"email": "amina@example.com", "type": "WORK"}],
    "urls": [{"url": "https://example.com", "type": "WORK"}],
    "addresses": [{"city": "Nairobi", "country": "Kenya", "type": "HOME"}],
    "org": {"company": "Acme", "title": "Doctor"},
    "birthday": "1980-02-29",
}


@pytest.mark.parametrize(
    "payload",
    [
        payloads.location(latitude=37.7749, longitude=-122.4194),
        payloads.location(latitude="-90", longitude="+180.0", name="Pole", address="The south"),
        payloads.location(latitude=0, longitude=0, name=None, address=""),
        payloads.media("sticker", link="https://example.com/wave.webp"),
        payloads.contacts([CARD]),
        payloads.contacts([{"name": NAME}] * payloads.MAX_CONTACTS),
        payloads.reaction(wamid=WAMID, emoji="👍🏾"),
        payloads.reaction(wamid=WAMID, emoji="1️⃣"),
        payloads.reaction(wamid=WAMID, emoji=""),
        payloads.reply(payloads.text("Yes"), wamid=WAMID),
        payloads.reply(payloads.contacts([CARD]), wamid=WAMID),
    ],
    ids=lambda payload: payload["type"],
)
def test_what_is_made_is_what_graph_takes(payload: payloads.Payload) -> None:
    body = payloads.addressed(payload, recipient="254712345678", reference="msg_1")

    assert graph.check(body) is None


def test_a_location_has_numbers() -> None:
    assert payloads.location(latitude="1.5", longitude=2, name="Here") == {
        "type": "location",
        "location": {"latitude": 1.5, "longitude": 2, "name": "Here"},
    }


def test_a_reply_names_what_it_answers() -> None:
    text = payloads.text("Yes")

    assert payloads.reply(text, wamid=WAMID) == {**text, "context": {"message_id": WAMID}}
    assert "context" not in text


HERE = {"latitude": 1, "longitude": 1}


@pytest.mark.parametrize(
    "change",
    [
        {"latitude": None},
        {"latitude": 90.1},
        {"longitude": -180.5},
        {"latitude": True},
        {"latitude": "nan"},
        {"latitude": "1e1"},
        {"latitude": "1_0"},
        {"latitude": "٣"},
        {"latitude": [1]},
        {"latitude": 10**400},
        {"name": 5},
        {"address": "x" * 1001},
    ],
)
def test_a_place_that_is_nowhere_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(payloads.InvalidLocation) as refusal:
        payloads.location(**{**HERE, **change})

    assert refusal.value.error_code == "invalid_location"
    assert refusal.value.param == next(iter(change))


@pytest.mark.parametrize(
    "people",
    [
        None,
        {},
        [],
        [CARD] * 258,
        ["Amina"],
        [{}],
        [{"name": "Amina"}],
        [{"name": {"formatted_name": "Amina"}}],
        [{"name": {"first_name": "Amina"}}],
        [{"name": {**NAME, "suffix": 5}}],
        [{**CARD, "phones": "+254712345678"}],
        [{**CARD, "emails": ["amina@example.com"]}],
        [{**CARD, "org": "Acme"}],
        [{**CARD, "birthday": "1981-02-29"}],
        [{**CARD, "birthday": "19800229"}],
        [{**CARD, "birthday": None}],
        [{**CARD, "nickname": "Ami"}],
    ],
)
def test_contacts_that_graph_would_refuse_are_refused(people: object) -> None:
    with pytest.raises(payloads.InvalidContacts) as refusal:
        payloads.contacts(people)

    assert refusal.value.error_code == "invalid_contacts"


@pytest.mark.parametrize(
    ("wamid", "emoji"),
    [(None, "👍"), ("", "👍"), ("w" * 141, "👍"), ("a\nb", "👍"), (WAMID, None), (WAMID, "ok")]
    + [(WAMID, "👍" * 51), (WAMID, 1)],
)
def test_a_reaction_is_one_emoji_on_one_message(wamid: object, emoji: object) -> None:
    with pytest.raises(payloads.InvalidReaction):
        payloads.reaction(wamid=wamid, emoji=emoji)


def test_a_reply_needs_a_message_and_is_no_reaction() -> None:
    for wamid in (None, "", 5, "w" * 141):
        with pytest.raises(payloads.InvalidReply):
            payloads.reply(payloads.text("Yes"), wamid=wamid)
    with pytest.raises(payloads.InvalidReply):
        payloads.reply(payloads.reaction(wamid=WAMID, emoji="👍"), wamid=WAMID)


@pytest.mark.parametrize("kind", ["audio", "sticker"])
def test_what_has_no_caption_refuses_one(kind: str) -> None:
    with pytest.raises(payloads.InvalidCaption):
        payloads.media(kind, link="https://example.com/a.webp", caption="Look")


@pytest.mark.parametrize("filename", ["x" * 241, 5, ["a.pdf"]])
def test_a_filename_is_a_short_string(filename: Any) -> None:
    with pytest.raises(ApiError) as refusal:
        payloads.media("document", link="https://example.com/a.pdf", filename=filename)

    assert refusal.value.error_code == "invalid_filename"
