"""The reference page: it reads our document without a complaint, and a call can be tried with a key."""

import re

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect

from tests.journeys.installation import Installation

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("place", "operation", "answer"),
    [
        ("amanahagent/GET/v1/contacts", "get /v1/contacts", '"contacts"'),
        ("whatssync/POST/api/v1/messages", "post /api/v1/messages", '"queued"'),
    ],
)
def test_a_developer_tries_a_call_with_a_key(
    site: Installation,
    stranger_page: Page,
    place: str,
    operation: str,
    answer: str,
) -> None:
    page, complaints, hosts = stranger_page, list[str](), set[str]()

    def console(said: ConsoleMessage) -> None:
        if said.type in ("error", "warning"):
            complaints.append(said.text)

    page.on("console", console)
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))

    page.goto(f"/api/docs#tag/{place}")
    page.get_by_role("button", name=f"({operation})").click()
    client = page.get_by_role("dialog")
    client.get_by_placeholder("Token").fill(site.headers["Authorization"].removeprefix("Bearer "))
    client.get_by_role("button", name=re.compile("^Send .* request")).click()

    response = client.get_by_role("region", name="Response", exact=True)
    expect(response.get_by_text("200 OK")).to_be_visible()
    expect(response.get_by_text(answer).first).to_be_visible()
    assert complaints == []
    assert hosts == {site.url.removeprefix("http://")}
