"""What became of what was sent: the overview, the log, one message, the search, usage and credit."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looking import look
from tests.journeys.installation import Installation, batch_of, new_numbers

pytestmark = pytest.mark.slow

OWNER = "owner@acme.example"
ON_ITS_WAY_MS = 90_000
# Meta answers “something went wrong” each time; after some tries the message has failed.
FAILING = "15550000001"


def _send(site: Installation, **body: object) -> str:
    """Have a message accepted by the API; the batch's public id."""
    response = site.http.post(
        f"{site.url}/api/v1/whatsapp/{site.channel_id}/messages",
        json={"type": "text", "message": "Karibu!", **body},
        headers=site.headers,
        timeout=10,
    )
    assert response.status_code == 200, response.text
    return batch_of(response)


def test_a_message_is_followed_live_and_its_history_is_seen(
    site: Installation, page_for: Callable[..., Page]
) -> None:
    page = page_for(OWNER)
    _send(site, phone_number=new_numbers(1), message="ሰላም 🌿 مرحبا")

    page.goto("/messages")
    look(page)
    row = page.locator("#log tbody tr").first
    expect(row).to_contain_text("ሰላም 🌿 مرحبا")
    expect(row.get_by_text("Read", exact=True)).to_be_visible(timeout=ON_ITS_WAY_MS)
    row.get_by_role("link").click()

    expect(page.get_by_role("heading", name="The person has seen it")).to_be_visible()
    expect(page.locator(".timeline li")).to_contain_text(
        ["Accepted", "Handed to Meta", "Sent", "Delivered", "Read"]
    )
    look(page)


def test_a_failure_is_found_by_filter_understood_and_sent_again(
    site: Installation, page_for: Callable[..., Page]
) -> None:
    page = page_for(OWNER)
    templates = site.demo["companies"][0]["templates"]
    plain = next(template["id"] for template in templates if template["name"] == "hello_world")
    _send(
        site,
        phone_number=f"+{FAILING}",
        type="template",
        template_id=plain,
        language="en_US",
        components=[],
    )

    page.goto("/messages")
    page.get_by_label("Number").fill(f"+{FAILING}")
    page.get_by_role("button", name="Filter").click()
    page.wait_for_url(re.compile("recipient="))
    expect(page.locator("#log").get_by_text("Failed", exact=True).first).to_be_visible(
        timeout=ON_ITS_WAY_MS
    )
    page.get_by_label("Status").select_option("failed")
    page.get_by_text("More filters").click()
    page.get_by_label("Type", exact=True).select_option("template")
    page.get_by_role("button", name="Filter").click()
    page.wait_for_url(re.compile("type=template"))
    look(page)
    page.locator("#log tbody tr").first.get_by_role("link").click()

    expect(page.get_by_text("What to do:")).to_be_visible()
    look(page)
    message = page.url
    page.get_by_role("button", name="Send again").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("It costs 1 credit.")
    dialog.get_by_role("button", name="Send again").click()
    page.wait_for_url("**/batches/batch_*")
    new = page.url.rsplit("/", 1)[1]

    page.goto(message)
    expect(page.get_by_text("It was sent again:")).to_be_visible()
    expect(page.get_by_role("link", name=new)).to_be_visible()


def test_a_filter_is_exported(site: Installation, page_for: Callable[..., Page]) -> None:
    page = page_for(OWNER)
    _send(site, phone_number=new_numbers(1))
    page.goto("/messages?type=text")

    with page.expect_download() as started:
        page.get_by_role("link", name="Export CSV").click()

    head, *rows = started.value.path().read_text("utf-8-sig").splitlines()
    assert head.startswith("message_id,batch_id,to,")
    assert rows


def test_the_overview_shows_its_figures_as_plot_and_table(
    site: Installation, page_for: Callable[..., Page]
) -> None:
    page = page_for(OWNER)
    _send(site, phone_number=new_numbers(1))
    page.goto("/")
    look(page)
    page.get_by_role("link", name="Last 30 days").click()
    expect(page.get_by_role("link", name="Last 30 days")).to_have_attribute("aria-current", "page")

    page.get_by_role("button", name="Table").click()

    expect(page.get_by_role("columnheader", name="Delivered")).to_be_visible()
    look(page)


def test_one_field_finds_an_id_and_lists_people(
    site: Installation, page_for: Callable[..., Page]
) -> None:
    page = page_for(OWNER)
    batch = _send(site, phone_number=new_numbers(1))
    page.goto("/")
    field = page.get_by_role("searchbox", name="Search").first

    field.fill(batch)
    field.press("Enter")
    page.wait_for_url("**/batches/batch_*")

    page.get_by_role("searchbox", name="Search").first.fill("amina")
    page.get_by_role("searchbox", name="Search").first.press("Enter")
    expect(page.get_by_role("heading", name="Contacts")).to_be_visible()
    look(page)

    page.goto("/search?q=nobody-has-this")
    expect(page.get_by_text("Nothing found")).to_be_visible()
    look(page)


def test_an_owner_sets_when_to_be_warned_and_reads_the_ledger(
    page_for: Callable[..., Page],
) -> None:
    page = page_for(OWNER)
    page.goto("/usage")
    mark = page.get_by_label("Warn when fewer credits are left than")
    mark.fill("500")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(mark).to_have_value("500")
    look(page)
    mark.fill("")
    page.get_by_role("button", name="Save").click()
    expect(mark).to_have_value("")

    page.get_by_role("link", name="Ledger").click()
    page.get_by_role("link", name="Top-ups").click()
    expect(page.get_by_text("Demo credit")).to_be_visible()
    look(page)
