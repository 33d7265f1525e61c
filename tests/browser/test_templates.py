"""A template from a draft to Meta's approval, as the company and the staff see it."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looking import look
from tests.journeys.installation import Installation

pytestmark = pytest.mark.slow

WORKER_MS = 40_000


def _write(page: Page, name: str, body: str) -> None:
    page.goto("/templates/new")
    page.locator("input[name=name]").fill(name)
    page.locator("select[name=language]").select_option("en")
    page.locator("textarea[name=body]").fill(body)


def _template_id(page: Page) -> str:
    return page.url.rpartition("/")[2]


def _decide(staff: Page, template: str, action: str, reason: str = "") -> None:
    staff.goto("/admin/queues/templates/")
    card = staff.locator(f"li[aria-labelledby=waiting-{template}]")
    card.get_by_role("button", name=action).click()
    dialog = staff.locator("#dialog")
    if reason:
        dialog.get_by_label("Reason").fill(reason)
    dialog.get_by_role("button", name=action).click()
    expect(staff.locator("#dialog")).to_have_count(0)


def _at_meta(site: Installation, name: str, **order: Any) -> None:
    waba = site.demo["companies"][0]["channels"][0]["waba_id"]
    site.graph.control(
        "POST", "templates", {"waba_id": waba, "name": name, "language": "en", **order}
    )


def _is_told(page: Page, words: str) -> None:
    """The page says it by itself, without being loaded again by the person."""
    expect(page.locator(".standing", has_text=words).first).to_be_visible(timeout=WORKER_MS)


def test_a_template_goes_back_and_forth_and_then_to_meta(
    page_for: Callable[..., Page], site: Installation
) -> None:
    company, staff = page_for("owner@acme.example"), page_for("staff@tuma.example")
    name = "table_is_ready"

    # The lint stops a bad one.
    _write(company, name, "{{1}}, your table is ready")
    expect(company.locator("#at-body")).to_contain_text("sample")
    look(company)
    company.get_by_role("button", name="Submit for review").click()
    expect(company.get_by_role("alert")).to_contain_text("was not submitted")

    company.locator("textarea[name=body]").fill("Hello {{1}}, your table is ready for you now.")
    company.locator("input[name=body_sample_1]").fill("Amina")
    expect(company.get_by_text("All kept")).to_be_visible()
    expect(company.locator("#side .wa-body")).to_contain_text("Hello Amina")
    company.get_by_role("button", name="Submit for review").click()
    _is_told(company, "In review")
    look(company)
    template = _template_id(company)

    # Staff ask for changes, and the page of the company says so at once.
    _decide(staff, template, "Request changes", "Say which restaurant it is.")
    _is_told(company, "Say which restaurant it is.")
    company.get_by_role("link", name="Edit", exact=True).click()
    body = company.locator("textarea[name=body]")
    body.fill("Hello {{1}}, your table at Acme Garden is ready for you now.")
    company.get_by_role("button", name="Submit for review").click()
    _is_told(company, "In review")

    # Another of the staff sees what is different, and approves it.
    staff.goto(f"/admin/templates_app/template/{template}/change/")
    expect(staff.locator(".tuma-diff").first).to_contain_text("at Acme Garden")
    site.graph.settings(template_decision="manual")
    try:
        _decide(staff, template, "Approve")
        _is_told(company, "With Meta")
        expect(company.get_by_text("Meta’s id")).to_be_visible(timeout=WORKER_MS)
        _at_meta(site, name, action="approve")
    finally:
        site.graph.settings(template_decision="approve")
    _is_told(company, "It can be sent at any time.")
    look(company)

    # Meta pauses it, and it is sent no more.
    _at_meta(site, name, action="pause")
    _is_told(company, "Paused by Meta")
    refused = site.http.post(
        f"{site.url}/api/v1/whatsapp/{site.channel_id}/messages",
        json={
            "phone_number": "+254712345678",
            "type": "template",
            "template_id": int(template),
            "components": [{"type": "body", "parameters": [{"type": "text", "text": "Ann"}]}],
        },
        headers=site.headers,
        timeout=10,
    )
    assert (refused.status_code, refused.json()["code"]) == (400, "template_not_approved")
    company.goto("/companies/notices")
    expect(company.get_by_text(f"The template {name} has changed at Meta").first).to_be_visible()


def test_what_meta_rejects_is_told_with_the_reason_and_can_be_mended(
    page_for: Callable[..., Page], site: Installation
) -> None:
    company, staff = page_for("owner@acme.example"), page_for("staff@tuma.example")
    # The sandbox's reviewer rejects what is named so.
    name = "reject_this_offer"
    _write(company, name, "Hello {{1}}, we have something for you this week.")
    company.locator("input[name=body_sample_1]").fill("Amina")
    company.get_by_role("button", name="Submit for review").click()
    _is_told(company, "In review")
    template = _template_id(company)

    _decide(staff, template, "Approve")
    _is_told(company, "Rejected by Meta")
    expect(company.locator(".standing")).to_contain_text("The format is not right")
    look(company)

    company.get_by_role("link", name="Edit", exact=True).click()
    company.locator("textarea[name=body]").fill("Hello {{1}}, we have new mangoes this week.")
    company.get_by_role("button", name="Save draft").click()
    expect(company.get_by_text("There is an edit of it:")).to_be_visible()
    company.goto("/templates")
    look(company)


def test_the_editor_shows_every_kind_of_template(page_for: Callable[..., Page]) -> None:
    page = page_for("owner@acme.example")
    _write(page, "every_kind", "Hello, see what is new in our shop.")
    page.locator(".kind", has_text="Marketing").click()

    page.locator(".kind", has_text="With a carousel of cards").click()
    for _card in range(2):
        page.get_by_role("button", name="Add a card").click()
    page.locator("input[name=card_text_1]").first.fill("More like it")
    expect(page.locator("#side .wa-card")).to_have_count(2)
    look(page)

    page.locator(".kind", has_text="Limited-time offer").click()
    page.get_by_label("Words of the offer").fill("20% less")
    page.get_by_role("button", name="Add a button").click()
    page.locator("select[name=button_type]").select_option("COPY_CODE")
    page.locator("input[name=button_code]").fill("SAVE20")
    expect(page.locator("#side .wa-offer")).to_contain_text("20% less")
    look(page)

    page.locator(".kind", has_text="Authentication").click()
    page.locator("select[name=language]").select_option("ar")
    page.get_by_label("Say not to share the code").check()
    expect(page.locator("#side .wa-chat")).to_have_attribute("dir", "rtl")
    expect(page.locator("#side .wa-body")).to_contain_text("رمز")
    look(page)
