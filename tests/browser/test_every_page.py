"""Every page that the side navigation leads to, for each kind of person."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser.looking import look

pytestmark = pytest.mark.slow


def _navigation(page: Page) -> list[str]:
    """Where the side navigation leads, but for the API reference, which has a frame of its own."""
    page.goto("/")
    links = page.locator("aside nav a[href]").all()
    paths = [str(link.get_attribute("href")) for link in links]
    return [path for path in paths if not path.startswith("/api/docs")]


def test_every_page_of_the_navigation_is_sound(page_for: Callable[..., Page]) -> None:
    page = page_for("owner@acme.example")
    paths = _navigation(page)
    assert {"/", "/companies", "/batches", "/webhooks"} <= set(paths)

    for path in paths:
        response = page.goto(path)
        assert response is not None and response.ok, path
        look(page)


@pytest.mark.parametrize("path", ["/", "/apply", "/accounts/login/", "/accounts/password/reset/"])
def test_pages_of_strangers_are_sound(stranger_page: Page, path: str) -> None:
    stranger_page.goto(path)

    look(stranger_page)
