"""Sending from the portal: written, looked at, sent; scheduled and cancelled; paused and resumed."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from tests.browser.looking import look
from tests.journeys.installation import Installation, new_numbers

pytestmark = pytest.mark.slow

OWNER = "owner@acme.example"
SENT_MS = 90_000


def _write(page: Page, body: str, numbers: list[str]) -> None:
    page.goto("/send")
    page.get_by_label("Message", exact=True).fill(body)
    # Not typed: Chromium takes long over thousands of lines.
    page.get_by_label("Phone numbers").evaluate(
        "(field, text) => { field.value = text }", "\n".join(numbers)
    )


def _look_at_dry_run(page: Page) -> None:
    page.get_by_role("button", name="See what it would do").click()
    expect(page.get_by_role("heading", name="Before you send")).to_be_visible()


def _even_closed(page: Page) -> None:
    page.get_by_label("Write even to people whose 24-hour window is closed").check()
    expect(page.get_by_role("button", name=re.compile("for|Send to [1-9]"))).to_be_enabled()


def test_a_text_is_written_tried_sent_and_seen_read(page_for: Callable[..., Page]) -> None:
    page = page_for(OWNER)
    _write(page, "مرحبا *Karibu* 🎉", [*new_numbers(2), "12 monkeys"])
    bubble = page.locator("#preview .wa-body")
    expect(bubble.locator("strong")).to_have_text("Karibu")
    look(page)

    _look_at_dry_run(page)
    expect(page.locator(".left-out")).to_contain_text("Not a phone number")
    expect(page.locator(".left-out")).to_contain_text("24-hour window closed")
    look(page)
    _even_closed(page)
    page.get_by_role("button", name="Send to 2 people").click()

    page.wait_for_url("**/batches/*")
    expect(page.get_by_text("On its way.")).to_be_visible()
    expect(page.locator("#messages .pill", has_text="Read")).to_have_count(2, timeout=SENT_MS)
    expect(page.get_by_text("12 monkeys")).to_be_visible()
    look(page)


def test_each_person_is_greeted_by_name(page_for: Callable[..., Page]) -> None:
    page = page_for(OWNER)
    page.goto("/send?kind=template")
    page.get_by_role("radio", name=re.compile("appointment_reminder")).check()
    page.get_by_label("Text: {{2}}").fill("Friday in ")
    page.get_by_role("button", name="{{contact.custom.city}}").click()
    page.get_by_label("Text: {{1}}").focus()
    page.get_by_role("button", name="{{contact.name|friend}}").click()
    expect(page.get_by_label("Text: {{1}}")).to_have_value("{{contact.name|friend}}")
    expect(page.get_by_label("Text: {{2}}")).to_have_value("Friday in {{contact.custom.city}}")
    expect(page.locator("#preview")).to_contain_text("Hello friend")
    expect(page.locator(".field-body_1 .counter")).to_have_text("6 / 1024")

    page.get_by_role("checkbox", name=re.compile("premium")).check()
    expect(page.locator("#preview")).to_contain_text(re.compile("As .+ will see it"))
    look(page)

    page.get_by_label("Phone numbers").fill(new_numbers(1)[0])
    _look_at_dry_run(page)
    expect(page.get_by_role("alert")).to_contain_text("1 of 4")
    expect(page.get_by_role("alert")).to_contain_text("has no {{contact.custom.city}}")
    look(page)


def test_a_template_is_scheduled_for_a_tag_and_cancelled_with_its_credit_back(
    page_for: Callable[..., Page], site: Installation
) -> None:
    page = page_for(OWNER)
    before = _balance(site)
    page.goto("/send")
    page.locator("label.kind", has_text="Template").click()
    page.get_by_role("radio", name=re.compile("order_update")).check()
    page.get_by_label("Text: {{1}}").fill("Grace")
    expect(page.locator("#preview")).to_contain_text("Grace")
    page.get_by_role("checkbox", name=re.compile("premium")).check()
    page.locator("label.kind", has_text="Later").click()
    later = timezone.localtime() + timedelta(days=2)
    page.get_by_label("Day").fill(later.strftime("%Y-%m-%d"))
    page.get_by_label("Time").fill("09:30")
    look(page)

    _look_at_dry_run(page)
    page.get_by_role("button", name=re.compile("Schedule for 4[0-9]|Schedule for [1-9]")).click()
    page.wait_for_url("**/batches/*")
    expect(page.get_by_role("heading", name=re.compile("Goes out on"))).to_be_visible()
    assert _balance(site) < before
    look(page)

    page.get_by_role("button", name="Cancel the batch").click()
    page.locator("#confirm").get_by_role("button", name="Cancel the batch").click()
    expect(page.locator("#progress .card-header .pill")).to_have_text("Cancelled", timeout=SENT_MS)
    assert _balance(site) == before
    look(page)


def _balance(site: Installation) -> int:
    return int(
        site.database.one("SELECT credits FROM companies_company WHERE id = %s", site.company_id)
    )


def test_a_large_batch_is_paused_and_resumed(
    page_for: Callable[..., Page], site: Installation
) -> None:
    page = page_for(OWNER)
    site.begin()
    site.database.rows(
        "UPDATE companies_channel SET rate_per_second = 100 WHERE id = %s", site.channel_id
    )
    try:
        _write(page, "Hello all", new_numbers(2_000))
        _look_at_dry_run(page)
        _even_closed(page)
        page.get_by_role("button", name="Send to 2,000 people").click()
        page.wait_for_url("**/batches/*")
        site.wait_until_sent(100)
        page.get_by_role("button", name="Pause").click()
        expect(page.locator("#progress .card-header .pill")).to_have_text("Paused")
        page.wait_for_timeout(1_500)
        sent = site.sent()
        look(page)
        assert site.sent() == sent < 2_000

        page.get_by_role("button", name="Resume").click()
        expect(page.locator("#progress .card-header .pill")).to_have_text("Sending")
        expect(page.locator("#progress .card-header .pill")).to_have_text("Done", timeout=SENT_MS)
        expect(page.get_by_role("button", name="Pause")).to_have_count(0)
        assert site.sent() == 2_000
    finally:
        site.database.rows(
            "UPDATE companies_channel SET rate_per_second = 500 WHERE id = %s", site.channel_id
        )


def test_the_list_of_batches_is_filtered(page_for: Callable[..., Page]) -> None:
    page = page_for(OWNER)
    page.goto("/batches?state=scheduled&since=2020-01-01")

    look(page)
