"""Connecting a number in a browser, and the doctor who finds what is wrong with one."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looking import look
from tests.journeys.installation import Installation

pytestmark = pytest.mark.slow

NUMBER, WABA = "100000000000641", "200000000000641"


def connect(page: Page, token: str) -> None:
    page.get_by_label("Access token").fill(token)
    page.get_by_role("button", name="Check and connect").click()


def test_a_number_is_connected_with_a_wrong_and_then_the_right_token(
    site: Installation, page_for: Callable[..., Page]
) -> None:
    site.graph.revoke("EAAwrong641")
    page = page_for("owner@rival.example")
    page.goto("/channels")
    page.get_by_role("link", name="Connect a number").click()
    look(page)

    page.get_by_label("Name").fill("Rival second line")
    page.get_by_label("WhatsApp Business account id").fill(WABA)
    page.get_by_label("Phone number id").fill(NUMBER)
    connect(page, "EAAwrong641")
    expect(page.get_by_text("Meta does not accept this token")).to_be_visible()
    expect(page.get_by_label("Access token")).to_have_value("")
    look(page)
    connect(page, "EAAright641")

    expect(page.get_by_role("heading", name="Rival second line")).to_be_visible()
    expect(page.get_by_text("Tuma’s staff are looking at it.")).to_be_visible()
    look(page)
    page.goto("/channels")
    expect(page.get_by_role("row", name="Rival second line")).to_contain_text("Requested")
    look(page)


def test_the_doctor_finds_a_revoked_token_and_names_the_fix(
    site: Installation, page_for: Callable[..., Page]
) -> None:
    # Rival's own channel, whose token the demo data fix.
    channel = site.demo["companies"][1]["channels"][0]
    page = page_for("owner@rival.example")
    page.goto(f"/channels/{channel['id']}/doctor")
    page.get_by_role("button", name="Examine").click()
    token = page.locator("[data-check=token]")
    expect(token).to_have_attribute("data-level", "ok")
    expect(page.locator("[data-check=signature]")).to_have_attribute("data-level", "ok")
    look(page)

    stored = f"EAAdemo{site.demo['companies'][1]['id']:08d}{1:08d}"
    site.graph.revoke(stored)
    try:
        page.get_by_role("button", name="Examine again").click()
        expect(token).to_have_attribute("data-level", "bad")
        expect(token).to_contain_text("reconnect the channel")
        look(page)
    finally:
        site.graph.restore(stored)
    token.get_by_role("link", name="Reconnect").click()
    connect(page, stored)

    expect(page.get_by_text("is connected. What waited in its queue is sent now.")).to_be_visible()


def test_a_channel_is_disconnected_with_a_reason_and_connected_again(
    site: Installation, page_for: Callable[..., Page]
) -> None:
    channel = site.demo["companies"][1]["channels"][0]
    page = page_for("owner@rival.example")
    page.goto(f"/channels/{channel['id']}")
    page.get_by_role("link", name="Disconnect").click()
    look(page)
    page.get_by_label("Why").fill("Moving to another number")
    page.get_by_role("button", name="Disconnect").click()
    page.locator("#confirm").get_by_role("button", name="Disconnect").click()

    expect(page.get_by_text("Moving to another number")).to_be_visible()
    look(page)
    page.get_by_role("link", name="Reconnect").first.click()
    connect(page, "EAArivalnew")
    expect(page.get_by_text("is connected. What waited in its queue is sent now.")).to_be_visible()
