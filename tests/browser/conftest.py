"""A whole installation with its demo data, and browsers that are signed in to it.

The tests of this folder share one of each, so they run in one process (see tests/conftest.py) and
leave behind nothing that another could stumble over: names of their own, settings put back.
"""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    StorageState,
    expect,
    sync_playwright,
)

from tests.browser.looking import watch
from tests.journeys.conftest import pytest_runtest_makereport  # noqa: F401  # logs of what failed
from tests.journeys.installation import Installation, installed

ACTION_MS = 20_000
expect.set_options(timeout=ACTION_MS)
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        pytest.skip(f"there is none of {', '.join(_PROGRAMS)} on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def site(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Web, worker and Graph sandbox: `site.url`, `site.demo`, and `site.graph` to control it."""
    data = tmp_path_factory.mktemp("browsed")
    with installed(data, EMAIL_URL=f"filemail:///{data}/mail") as running:
        yield running


@pytest.fixture
def contexts(chromium: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Makes a browser without memory, or with what another remembered."""
    made: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        made.append(chromium.new_context(viewport={"width": 1440, "height": 900}, **options))
        made[-1].set_default_timeout(ACTION_MS)
        return made[-1]

    yield make
    for context in made:
        context.close()


@pytest.fixture
def stranger_page(site: Installation, contexts: Callable[..., BrowserContext]) -> Page:
    """A page of somebody who isn't signed in."""
    return watch(contexts(base_url=site.url, permissions=["clipboard-read"]).new_page())


@pytest.fixture(scope="package")
def _signed_in() -> dict[str, StorageState]:
    """The cookies of who has signed in already."""
    return {}


@pytest.fixture
def page_for(
    site: Installation,
    contexts: Callable[..., BrowserContext],
    _signed_in: dict[str, StorageState],
) -> Callable[..., Page]:
    """`page_for("owner@acme.example")`: a page of that person, signed in through the form.

    Of people who are not in the demo data the test knows the password. The browser keeps its
    cookies between tests; a test that ends sessions asks for `fresh=True`, and shares with nobody.
    """

    def open_page(email: str, password: str = "", *, fresh: bool = False) -> Page:
        state = None if fresh else _signed_in.get(email)
        context = contexts(
            base_url=site.url,
            storage_state=state,
            permissions=["clipboard-read", "clipboard-write"],
        )
        page = watch(context.new_page())
        if state is None:
            sign_in(page, email, password or demo_password(site, email))
            if not fresh:
                _signed_in[email] = context.storage_state()
        return page

    return open_page


def sign_in(page: Page, email: str, password: str) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: "/accounts/login/" not in url)


def demo_password(site: Installation, email: str) -> str:
    owners = [company["owner"] for company in site.demo["companies"]]
    people = [site.demo["staff"], *site.demo["staff_roles"], *owners]
    return str(next(who["password"] for who in people if who["email"] == email))
