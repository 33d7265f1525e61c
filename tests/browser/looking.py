"""What every page must stand: both themes, a desk and a phone, no fault that a browser can see."""

from typing import Any, Literal
from weakref import WeakKeyDictionary

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Page, Request, Response, TimeoutError

WIDTHS = {"desk": (1440, 900), "phone": (390, 844)}
# What to ask axe of each: the themes differ in nothing but their colours.
THEMES: dict[Literal["light", "dark"], dict[str, Any]] = {
    "light": {"resultTypes": ["violations"]},
    "dark": {"resultTypes": ["violations"], "runOnly": ["color-contrast"]},
}

SETTLING_MS = 5_000
_EXCESS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
_AXE = Axe().axe_script
_faults: WeakKeyDictionary[Page, list[str]] = WeakKeyDictionary()


def watch(page: Page) -> Page:
    """Note from now on what goes wrong in it; `look` tells."""
    faults = _faults.setdefault(page, [])

    def console(message: ConsoleMessage) -> None:
        # What could not be loaded is judged by its answer, below.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            faults.append(f"console: {message.text}")

    def answered(response: Response) -> None:
        if response.status >= 400 and not response.request.is_navigation_request():
            faults.append(f"{response.status} for {response.url}")

    def failed(request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # a page that is left behind
            faults.append(f"{request.failure} for {request.url}")

    page.on("console", console)
    page.on("pageerror", lambda error: faults.append(f"script: {error}"))
    page.on("response", answered)
    page.on("requestfailed", failed)
    return page


def look(page: Page) -> None:
    """Assert that the page as it stands is sound: console, requests, width, accessibility."""
    size = page.viewport_size
    found = []
    page.evaluate(f"window.axe ?? (() => {{ {_AXE} }})()")
    for theme, questions in THEMES.items():
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        for name, (width, height) in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": height})
            found += [f"{theme}, {name}: {fault}" for fault in _faults_seen(page, questions)]
    if size:
        page.set_viewport_size(size)
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    found += _faults[page]
    _faults[page].clear()
    assert not found, f"{page.url}\n" + "\n".join(found)


def _faults_seen(page: Page, questions: dict[str, Any]) -> list[str]:
    faults = []
    try:  # plots take a moment to find their new size
        page.wait_for_function(f"{_EXCESS} <= 0", timeout=SETTLING_MS)
    except TimeoutError:
        faults.append(f"{page.evaluate(_EXCESS)} px too wide")
    answer = page.evaluate("(questions) => axe.run(document, questions)", questions)
    for violation in answer["violations"]:
        where = "; ".join(node["html"][:160] for node in violation["nodes"][:3])
        faults.append(f"axe {violation['id']}: {violation['help']}: {where}")
    return faults
