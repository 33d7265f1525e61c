"""Talking with a person in a browser: what they write comes in, the answer goes out, without a reload."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looking import look
from tests.journeys.installation import Installation
from tests.media_files import png

pytestmark = pytest.mark.slow

NUMBER = "100000000000001"
# News are asked for every few seconds, and a worker sends meanwhile.
SOON = 20_000


@pytest.fixture
def page(page_for: Callable[..., Page]) -> Iterator[Page]:
    yield page_for("owner@acme.example")


def write(site: Installation, text: str, *, sender: str, name: str, **more: str) -> str:
    """A person writes to acme; WhatsApp's id of it."""
    made = site.graph.inbound(NUMBER, sender, text=text, name=name, **more)
    return str(made["message"]["id"])


def test_a_person_writes_and_is_answered_without_a_reload(site: Installation, page: Page) -> None:
    page.goto("/conversations")
    page.evaluate("window.stayed = true")

    write(site, "Are you open on Sunday?", sender="254733000001", name="Wanjiku Sunday")
    person = page.locator(".chat-person", has_text="Wanjiku Sunday")
    expect(person.locator(".chat-unread")).to_contain_text("1", timeout=SOON)
    assert page.evaluate("window.stayed")
    look(page)

    person.click()
    expect(page.locator(".chat-line", has_text="Are you open")).to_be_visible()
    expect(page.get_by_text("min left to answer freely")).to_be_visible()
    box = page.get_by_label("Message", exact=True)
    box.fill("Yes, from nine")
    write(site, "Hello?", sender="254733000001", name="Wanjiku Sunday")
    expect(page.locator(".chat-line", has_text="Hello?")).to_be_visible(timeout=SOON)
    assert box.input_value() == "Yes, from nine"
    box.press("Enter")

    mine = page.locator(".chat-mine", has_text="Yes, from nine")
    expect(mine).to_have_count(1)
    expect(box).to_have_value("")
    expect(mine.locator(".chat-status")).to_contain_text("Read", timeout=SOON)
    look(page)
    page.goto("/conversations")
    expect(page.locator(".chat-person", has_text="Wanjiku Sunday")).to_be_visible()
    expect(person.locator(".chat-unread")).to_have_count(0)


def test_who_keeps_the_number_back_is_answered_too(site: Installation, page: Page) -> None:
    site.graph.inbound(
        NUMBER, from_user_id="KE.13491208655302741918", text="No number", name="Atieno Hidden"
    )
    page.goto("/conversations")
    page.locator(".chat-person", has_text="Atieno Hidden").click(timeout=SOON)

    box = page.get_by_label("Message", exact=True)
    box.fill("Karibu")
    box.press("Enter")

    mine = page.locator(".chat-mine", has_text="Karibu")
    expect(mine.locator(".chat-status")).to_contain_text("Read", timeout=SOON)


def test_a_message_is_quoted_reacted_to_and_answered_with_a_picture(
    site: Installation, page: Page, tmp_path: Path
) -> None:
    write(site, "هل عندكم مانجو؟ 🥭", sender="254733000002", name="أمينة ሰላም")
    page.goto("/conversations")
    page.locator(".chat-person", has_text="أمينة").click(timeout=SOON)
    theirs = page.locator(".chat-theirs", has_text="مانجو")

    theirs.hover()
    theirs.get_by_role("button", name="React").click()
    page.get_by_role("dialog", name="React").get_by_role("button", name="🙏").click()
    expect(theirs.locator(".chat-reactions")).to_contain_text("🙏", timeout=SOON)

    theirs.hover()
    theirs.get_by_role("button", name="Answer this message").click()
    expect(page.locator("[data-answering-words]")).to_contain_text("مانجو")
    picture = tmp_path / "mangoes.png"
    picture.write_bytes(png(64, 64))
    page.locator("#chat-composer input[type=file]").set_input_files(picture)
    expect(page.locator("[data-attached-name]")).to_have_text("mangoes.png")
    page.get_by_label("Message", exact=True).fill("These ones")
    page.get_by_role("button", name="Send", exact=True).click()

    mine = page.locator(".chat-mine", has_text="These ones")
    expect(mine.locator(".chat-quote")).to_contain_text("مانجو", timeout=SOON)
    expect(mine.locator("img")).to_be_visible()
    expect(mine.locator(".chat-status")).to_contain_text("Read", timeout=SOON)
    look(page)


def test_who_opted_out_while_the_page_was_open_can_not_be_answered(
    site: Installation, page: Page
) -> None:
    write(site, "Hi there", sender="254733000003", name="Kamau Leaves")
    page.goto("/conversations")
    page.locator(".chat-person", has_text="Kamau Leaves").click(timeout=SOON)
    page.get_by_label("Message", exact=True).fill("my words")

    write(site, "STOP", sender="254733000003", name="Kamau Leaves")

    expect(page.get_by_text("This person has opted out.")).to_be_visible(timeout=SOON)
    expect(page.get_by_label("Message", exact=True)).to_be_disabled()
    expect(page.get_by_label("Message", exact=True)).to_have_value("my words")
    look(page)


def test_on_a_phone_the_list_leads_to_the_conversation_and_back(
    site: Installation, page: Page
) -> None:
    write(site, "From afar", sender="254733000004", name="Njeri Phone")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/conversations")

    page.locator(".chat-person", has_text="Njeri Phone").click(timeout=SOON)
    expect(page.locator(".chat-line", has_text="From afar")).to_be_visible()
    expect(page.locator(".chat-list")).to_be_hidden()
    page.get_by_role("link", name="All conversations").click()

    expect(page.locator(".chat-list")).to_be_visible()
