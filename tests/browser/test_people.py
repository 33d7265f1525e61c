"""People come, get another role, protect their account, and go."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import sign_in
from tests.browser.looking import look, watch
from tests.browser.mails import newest_link
from tests.journeys.installation import Installation
from tests.pages.mails import totp_code

pytestmark = pytest.mark.slow

OWNER = "owner@acme.example"
PASSWORD = "a-long-Password-77"


@pytest.fixture
def join(
    site: Installation, page_for: Callable[..., Page], contexts: Callable[..., BrowserContext]
) -> Callable[..., Page]:
    """Have a newcomer invited, and come in by the mail's link; a page of theirs."""

    def newcomer(email: str, name: str, *, role: str = "Operator") -> Page:
        owner = page_for(OWNER)
        owner.goto("/companies/team")
        owner.get_by_label("Email").fill(email)
        owner.get_by_label("Role", exact=True).select_option(role)
        owner.get_by_role("button", name="Invite").click()
        expect(owner.get_by_text("An invitation is on its way")).to_be_visible()
        look(owner)

        page = watch(contexts(base_url=site.url).new_page())
        page.goto(newest_link(site, email))
        look(page)
        page.get_by_label("Your name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Create the account and join").click()
        expect(page.get_by_text("Welcome to Acme Foods.")).to_be_visible()
        return page

    return newcomer


def test_a_company_applies_and_is_let_in(
    site: Installation, stranger_page: Page, page_for: Callable[..., Page]
) -> None:
    page = stranger_page
    page.goto("/")
    page.get_by_role("link", name="Apply for an account").click()
    expect(page.get_by_label("Country")).to_contain_text("Kenya (+254)")
    page.get_by_label("Company name").fill("Juma Stores")
    page.get_by_label("Country").select_option("KE")
    page.get_by_label("Your email address").fill("juma@stores.example")
    look(page)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    look(page)

    page.goto(newest_link(site, "juma@stores.example"))
    page.get_by_label("Your name").fill("Juma Otieno")
    page.get_by_label("Password").fill(PASSWORD)
    look(page)
    page.get_by_role("button", name="Create the account and apply").click()
    expect(page.get_by_text("Juma Stores is not active yet.")).to_be_visible()
    look(page)

    staff = page_for("staff@tuma.example")
    staff.goto("/admin/queues/companies/")
    card = staff.get_by_role("listitem").filter(has_text="Juma Stores").first
    card.get_by_role("button", name="Approve").click()
    staff.get_by_role("dialog").get_by_role("button", name="Approve").click()
    expect(staff.get_by_text("“Juma Stores”: approved.")).to_be_visible()
    page.reload()
    expect(page.get_by_text("is not active yet")).to_have_count(0)
    page.goto("/companies/notices")
    expect(page.get_by_role("heading", name="Juma Stores is active")).to_be_visible()


def test_somebody_is_invited_joins_gets_another_role_and_is_removed(
    site: Installation, page_for: Callable[..., Page], join: Callable[..., Page]
) -> None:
    theirs = join("amina@acme.example", "Amina Tesfaye", role="Developer")
    theirs.goto("/companies")
    expect(theirs.get_by_text("New key", exact=True)).to_be_visible()

    owner = page_for(OWNER)
    owner.goto("/companies/notices")
    expect(owner.get_by_role("heading", name="Amina Tesfaye has joined the team")).to_be_visible()
    owner.wait_for_load_state("networkidle")  # the page has itself marked as seen
    look(owner)
    owner.goto("/companies/team")
    expect(owner.get_by_role("link", name="Notices: 0 unread").first).to_be_visible()
    row = owner.get_by_role("row").filter(has_text="Amina Tesfaye")
    row.get_by_role("button", name="Change role").click()
    row.get_by_role("button", name="Viewer").click()
    expect(owner.get_by_text("Amina Tesfaye is now viewer.")).to_be_visible()
    theirs.goto("/companies")
    expect(theirs.get_by_text("New key", exact=True)).to_have_count(0)

    row.get_by_role("button", name="Remove").click()
    owner.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(owner.get_by_text("Amina Tesfaye no longer has access.")).to_be_visible()
    theirs.goto("/companies/team")
    expect(theirs.get_by_text("this account belongs to no company")).to_be_visible()
    look(theirs)


def test_somebody_switches_two_factor_sign_in_on_and_signs_in_with_it(
    site: Installation, join: Callable[..., Page], contexts: Callable[..., BrowserContext]
) -> None:
    email = "careful@acme.example"
    page = join(email, "Careful Person")
    page.get_by_role("button", name="Careful Person").click()
    page.get_by_role("link", name="Security").click()
    look(page)
    page.get_by_role("link", name="Switch on").click()
    look(page)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    secret = page.locator("#secret").inner_text()
    look(page)
    page.get_by_label("Authenticator code").fill(totp_code(secret))
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    codes = page.get_by_label("Recovery codes").inner_text().split()
    assert len(codes) == 10
    look(page)
    for path in (
        "/accounts/name/",
        "/accounts/2fa/",
        "/accounts/sessions/",
        "/accounts/password/change/",
    ):
        page.goto(path)
        look(page)

    other = watch(contexts(base_url=site.url).new_page())
    sign_in(other, email, PASSWORD)
    expect(other.get_by_role("heading", name="Second step")).to_be_visible()
    look(other)
    other.get_by_label("Code").fill(codes[0])
    other.get_by_role("button", name="Sign in").click()
    expect(other.get_by_role("heading", name="Overview")).to_be_visible()

    page.goto("/accounts/sessions/")
    page.get_by_role("button", name="Sign out all others").click()
    expect(page.get_by_text("Nowhere else.")).to_be_visible()
    other.goto("/companies/team")
    expect(other).to_have_url(f"{site.url}/accounts/login/?next=/companies/team")


def test_a_forgotten_password_is_set_anew(
    site: Installation, join: Callable[..., Page], stranger_page: Page
) -> None:
    email = "forgetful@acme.example"
    join(email, "Forgetful Person")
    page = stranger_page
    page.goto("/accounts/login/")
    page.get_by_role("link", name="Forgot").click()
    page.get_by_label("Email").fill(email)
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("heading", name="Look at your email")).to_be_visible()

    page.goto(newest_link(site, email))
    page.get_by_label("New Password", exact=True).fill("another-Password-88")
    page.get_by_label("New Password (again)").fill("another-Password-88")
    look(page)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("heading", name="Password changed")).to_be_visible()
    sign_in(page, email, "another-Password-88")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
