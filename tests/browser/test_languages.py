"""The portal in Swahili and, from right to left, in Arabic."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looking import look

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("name", "overview", "direction"),
    [("Kiswahili", "Muhtasari", "ltr"), ("العربيّة", "نظرة عامة", "rtl")],
)
def test_pages_are_sound_in_the_language_that_a_person_chooses(
    page_for: Callable[..., Page], name: str, overview: str, direction: str
) -> None:
    page = page_for("owner@acme.example")
    page.goto("/")
    page.get_by_role("button", name="Language").click()
    page.get_by_role("button", name=name).click()
    expect(page.get_by_role("heading", level=1, name=overview)).to_be_visible()
    expect(page.locator("html")).to_have_attribute("dir", direction)
    for path in ("/", "/companies", "/contacts", "/send"):
        page.goto(path)
        look(page)
