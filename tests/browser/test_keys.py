"""The documented way in: make a key, paste the command, see the message, revoke the key."""

import subprocess
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looking import look
from tests.journeys.installation import Installation
from tests.journeys.processes import until

pytestmark = pytest.mark.slow

NUMBER = "254712345678"


def _shell(command: str) -> str:
    run = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=30)
    return run.stdout


def test_a_key_is_made_copied_used_and_revoked(
    site: Installation, page_for: Callable[..., Page]
) -> None:
    page = page_for("owner@acme.example")
    page.goto("/companies")
    form = page.get_by_text("New key", exact=True)
    if not page.get_by_label("Name").is_visible():
        form.click()
    page.get_by_label("Name").fill("Checkout journey")
    page.get_by_role("button", name="Create key").click()

    text = page.get_by_label("The new API key").input_value()
    assert text.startswith("tuma_")
    page.locator("[data-copy='#new-key']").click()
    expect(page.get_by_text("Key copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == text
    look(page)

    curl = page.locator("pre code").first.inner_text()
    assert '"recipients_count":1' in _shell(curl).replace(" ", "")
    until(lambda: site.graph.messages(to=NUMBER), seconds=15, what="Graph has the message")
    page.get_by_role("link", name="Batches").click()
    expect(page.get_by_text("Hello from the API!").first).to_be_visible()

    page.goto("/companies")
    assert text not in page.content()
    row = page.get_by_role("row").filter(has_text="Checkout journey")
    row.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(row.get_by_text("Revoked")).to_be_visible()
    answer = _shell(curl)
    assert "recipients_count" not in answer and "key" in answer.lower()
    look(page)


def test_the_programs_in_other_languages_are_a_click_away(page_for: Callable[..., Page]) -> None:
    page = page_for("owner@rival.example")
    page.goto("/companies")
    if not page.get_by_label("Name").is_visible():
        page.get_by_text("New key", exact=True).click()
    page.get_by_label("Name").fill("Programs")
    page.get_by_role("button", name="Create key").click()
    text = page.get_by_label("The new API key").input_value()

    for tab in page.get_by_role("tab").all():
        tab.click()
        expect(page.get_by_role("tabpanel")).to_contain_text(text)
    look(page)
