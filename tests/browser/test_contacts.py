"""Contacts in a browser: a file brought in and undone, one person's page, many tagged at once."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looking import look

pytestmark = pytest.mark.slow
WORKER_MS = 30_000

PEOPLE = """Jina,Simu,Mji
Browsed Amina,0733000001,Mombasa
محمد المصفوف,0733000002,القاهرة
አበበ በቀለ,0733000003,አዲስ አበባ
Browsed Again,+254 733 000 001,
Browsed Nobody,call me,
"""


def test_a_file_is_imported_looked_at_and_undone(
    page_for: Callable[..., Page], tmp_path: Path
) -> None:
    page = page_for("owner@acme.example")
    file = tmp_path / "people.csv"
    file.write_text(PEOPLE, encoding="utf-8")
    page.goto("/contacts/imports")
    look(page)

    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_label("Simu")).to_have_value("phone")
    expect(page.locator("#preview")).to_contain_text("+254733000001")
    page.get_by_label("Simu").select_option("name")
    expect(page.locator("#preview")).to_contain_text("There is no number.")
    page.get_by_label("Simu").select_option("phone")
    expect(page.locator("#preview")).to_contain_text("+254733000003")
    look(page)
    page.get_by_label("Tags for all of them").fill("browsed import")
    page.get_by_role("button", name="Start the import").click()

    expect(page.locator(".pill", has_text="Done")).to_be_visible(timeout=WORKER_MS)
    expect(page.get_by_text("3", exact=True).first).to_be_visible()
    expect(page.get_by_text("The number stands further up")).to_be_visible()
    look(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download them").click()
    assert "call me" in download.value.path().read_text(encoding="utf-8-sig")

    page.get_by_role("link", name="Contacts", exact=True).last.click()
    expect(page.get_by_role("link", name="አበበ በቀለ")).to_be_visible()
    look(page)

    page.goto("/contacts/imports")
    page.get_by_role("link", name="people.csv").first.click()
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("dialog").get_by_role("button", name="Undo").click()
    expect(page.locator(".pill", has_text="Undone")).to_be_visible(timeout=WORKER_MS)
    page.goto("/contacts?q=browsed")
    expect(page.get_by_text("Nobody like that")).to_be_visible()
    look(page)


def test_a_person_is_written_down_changed_opted_out_merged_and_erased(
    page_for: Callable[..., Page],
) -> None:
    page = page_for("owner@acme.example")
    for name, number in (("Walked Wanjiku", "0734000001"), ("Walked Twin", "0734000002")):
        page.goto("/contacts/new")
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_label("Number").fill(number)
        page.get_by_label("Tags").fill("browsed person")
        page.get_by_label("Field 1: what").fill("city")
        page.get_by_label("Field 1: value").fill("Nairobi")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("heading", name=name)).to_be_visible()

    page.get_by_label("Why").fill("asked on the phone")
    page.get_by_role("button", name="Opt out").click()
    expect(page.get_by_text("asked on the phone")).to_be_visible()
    look(page)
    page.get_by_role("link", name="Edit", exact=True).click()
    look(page)
    page.get_by_label("Name", exact=True).fill("Walked Twin W.")
    page.get_by_role("button", name="Save").click()
    page.get_by_label("The other one’s number").fill("0734 000 001")
    page.get_by_role("button", name="Merge into this one").click()
    page.get_by_role("dialog").get_by_role("button", name="Merge").click()
    expect(page.get_by_text("The two are one contact now.")).to_be_visible()
    expect(page.get_by_text("+254734000001")).to_be_visible()

    page.get_by_label("Type 000002 to go on").fill("nonsense")
    page.get_by_role("button", name="Erase for good").click()
    expect(page.get_by_text("This is not 000002.")).to_be_visible()
    page.get_by_label("Type 000002 to go on").fill("000002")
    page.get_by_role("button", name="Erase for good").click()
    expect(page.get_by_text("The person is erased.")).to_be_visible()
    page.goto("/contacts?q=walked&who=all")
    expect(page.get_by_text("Nobody like that")).to_be_visible()


def test_long_names_and_all_scripts_find_their_place(page_for: Callable[..., Page]) -> None:
    page = page_for("owner@acme.example")
    names = ("Wolfeschlegelsteinhausenberger" * 6, "محمد عبد الرحمن " * 8, "ወይዘሮ አልማዝ 🎉🔥👩‍👩‍👧‍👦")
    for at, name in enumerate(names):
        page.goto("/contacts/new")
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_label("Number").fill(f"073500000{at}")
        page.get_by_label("Tags").fill(
            "a-very-long-tag-that-somebody-thought-was-a-good-idea, العملاء 🎉"
        )
        page.get_by_label("Field 1: what").fill("the name of a field that is rather long")
        page.get_by_label("Field 1: value").fill("x" * 300)
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Nothing has been said yet.")).to_be_visible()
        look(page)

    for path in ("/contacts", "/contacts?q=wolfe", "/search?q=073500000", "/tags", "/send"):
        page.goto(path)
        look(page)


def test_many_are_tagged_and_exported_and_the_tag_goes(page_for: Callable[..., Page]) -> None:
    page = page_for("owner@acme.example")
    page.goto("/tags")
    page.get_by_label("Name", exact=True).first.fill("browsed many")
    page.get_by_role("button", name="Make a tag").click()
    expect(page.get_by_role("link", name="browsed many", exact=True)).to_be_visible()
    look(page)

    page.goto("/contacts")
    page.get_by_label("Tick this page").check()
    page.locator("#tag-many-tag").select_option(label="browsed many")
    page.get_by_role("button", name="Add tag").click()
    expect(page.get_by_text("is now on 25 more contacts")).to_be_visible()
    page.get_by_label("Everybody in the address book").check()
    page.locator("#tag-many-tag").select_option(label="browsed many")
    page.get_by_role("button", name="Add tag").click()
    expect(page.locator("[id^=tagging-]")).to_contain_text("Done", timeout=WORKER_MS)
    expect(page.get_by_text("“browsed many” is now on")).to_be_visible()
    look(page)
    page.get_by_role("link", name="See them").click()
    expect(page.locator("#id_tag option:checked")).to_have_text("browsed many")

    page.goto("/tags")
    page.get_by_role("link", name="browsed many", exact=True).click()
    expect(page.get_by_label("Tag", exact=True).first).not_to_have_value("")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export these").click()
    assert len(download.value.path().read_text(encoding="utf-8").splitlines()) > 26

    page.goto("/tags")
    page.get_by_role("row", name="browsed many").get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("“browsed many” is deleted.")).to_be_visible()
