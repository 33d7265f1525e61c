"""Staff at their screens: the queues, a company, the machinery, and in a member's place."""

import re
from collections.abc import Callable

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.browser.looking import look
from tests.journeys.installation import Installation
from tests.journeys.processes import until

pytestmark = pytest.mark.slow

STAFF = "staff@tuma.example"
REVIEW = {
    "name": "harvest_is_ready",
    "language": "en_US",
    "category": "UTILITY",
    "components": [
        {
            "type": "BODY",
            "text": "Your box {{1}} is ready for collection now.",
            "example": {"body_text": [["A1"]]},
        }
    ],
}


@pytest.fixture
def staff(page_for: Callable[..., Page]) -> Page:
    return page_for(STAFF)


def _decide(page: Page, label: str, **fields: str) -> None:
    """Fill in the dialog that is open, and send it."""
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    for name, value in fields.items():
        dialog.get_by_label(name.capitalize()).fill(value)
    dialog.get_by_role("button", name=label, exact=True).click()


@pytest.mark.parametrize(
    "path",
    [
        "/admin/",
        "/admin/operations/",
        "/admin/queues/companies/",
        "/admin/queues/channels/",
        "/admin/queues/templates/",
        "/admin/companies/company/",
        "/admin/companies/company/1/change/",
        "/admin/companies/channel/1/change/",
        "/admin/templates_app/template/1/change/",
        "/admin/error-policy/",
    ],
)
def test_staff_pages_are_sound(staff: Page, path: str) -> None:
    response = staff.goto(path)

    assert response is not None and response.ok
    look(staff)


def test_a_template_goes_through_the_queue_to_meta(site: Installation, staff: Page) -> None:
    made = requests.post(
        f"{site.url}/v1/templates", json=REVIEW, headers=site.headers, timeout=10
    ).json()

    def status() -> str:
        answer = requests.get(f"{site.url}/v1/templates", headers=site.headers, timeout=10)
        found = {each["name"]: each["status"] for each in answer.json()["templates"]}
        return str(found[REVIEW["name"]])

    staff.goto("/admin/queues/templates/")
    card = staff.get_by_role("listitem").filter(has_text="harvest_is_ready").first
    expect(card).to_contain_text("Meta’s rules")
    card.get_by_role("button", name="Approve").click()
    _decide(staff, "Approve")

    expect(staff.get_by_text("approved.")).to_be_visible()
    assert made
    until(lambda: status() == "APPROVED", seconds=60, what="Meta has approved the template")


def test_a_refusal_asks_for_its_reason_and_stands_in_the_history(staff: Page) -> None:
    staff.goto("/admin/companies/company/2/change/")
    staff.get_by_role("link", name="Suspend").click()
    _decide(staff, "Suspend")
    expect(staff.get_by_role("dialog")).to_contain_text("This field is required.")
    look(staff)
    _decide(staff, "Suspend", reason="Unpaid since May.")

    expect(staff.get_by_text("“Rival Traders”: suspended.")).to_be_visible()
    expect(staff.locator(".tuma-history")).to_contain_text("Unpaid since May.")
    staff.get_by_role("link", name="Reinstate").click()
    _decide(staff, "Reinstate")
    expect(staff.get_by_text("“Rival Traders”: reinstated.")).to_be_visible()


def test_credit_is_topped_up(site: Installation, staff: Page) -> None:
    staff.goto("/admin/companies/company/2/change/")
    staff.get_by_role("link", name="Top up").click()
    _decide(staff, "Top up", credits="7", note="Receipt of a test")

    expect(staff.get_by_text("+7 credits for “Rival Traders”.")).to_be_visible()
    expect(staff.locator("section", has_text="Credit ledger")).to_contain_text("Receipt of a test")


def test_a_channel_is_paused_and_resumed(staff: Page) -> None:
    staff.goto("/admin/companies/channel/3/change/")
    staff.get_by_role("link", name="Pause").click()
    _decide(staff, "Pause", reason="Complaints about it.")
    expect(staff.get_by_text(": paused.")).to_be_visible()

    staff.goto("/admin/operations/")
    look(staff)
    staff.get_by_role("row", name="Complaints about it.").get_by_role("button").click()
    _decide(staff, "Resume")

    expect(staff.get_by_text(": resumed.")).to_be_visible()


def test_staff_work_in_a_members_place_and_stop(page_for: Callable[..., Page]) -> None:
    page = page_for("operations@tuma.example", fresh=True)
    page.goto("/admin/companies/company/2/change/")
    page.get_by_role("link", name="Impersonate").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Work as").select_option(label="owner@rival.example (Owner)")
    _decide(page, "Enter", reason="They ask about a batch.")

    expect(page.get_by_text("Tuma’s staff at work as owner@rival.example")).to_be_visible()
    look(page)
    page.goto("/companies/audit")
    expect(page.get_by_text("Tuma’s staff as owner@rival.example").first).to_be_visible()
    page.get_by_role("button", name="Stop").click()

    expect(page).to_have_url(re.compile(r"/admin/$"))


@pytest.mark.parametrize("role", ["reviewer", "support"])
def test_a_role_sees_what_is_its_own(page_for: Callable[..., Page], role: str) -> None:
    page = page_for(f"{role}@tuma.example")

    page.goto("/admin/companies/company/1/change/")

    expect(page.get_by_role("link", name="Top up")).to_have_count(0)
    expect(page.get_by_role("link", name="Suspend")).to_have_count(int(role == "reviewer"))
    look(page)
