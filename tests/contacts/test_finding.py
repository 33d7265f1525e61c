"""What the filters of the address book find, and that pages of it neither repeat nor miss anybody."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from companies.models import Company
from contacts import finding
from contacts.finding import Filter
from contacts.models import Contact
from tests import factories

pytestmark = pytest.mark.django_db


def everyone(company: Company, limit: int = 100, **wanted: Any) -> list[str]:
    """The names (or numbers) of all pages, in order."""
    names: list[str] = []
    place = ""
    while True:
        page = finding.page(
            Filter(**wanted),
            company_id=company.pk,
            country="KE",
            now=timezone.now(),
            place=place,
            limit=limit,
        )
        names += [contact.name or str(contact.phone or contact.bsuid) for contact in page.rows]
        if not page.older:
            return names
        place = page.older


def test_the_newest_come_first_and_pages_join(acme: Company):
    for number in range(7):
        factories.make_contact(acme, name=f"n{number}")

    assert everyone(acme, limit=3) == [f"n{number}" for number in reversed(range(7))]


def test_who_has_more_tags_comes_once_in_the_pages_of_each(acme: Company):
    people = [factories.make_contact(acme, name=f"n{number}") for number in range(7)]
    tag = factories.make_tag(acme, *people[:5])
    for _ in range(2):
        factories.make_tag(acme, *people)

    assert everyone(acme, limit=2, tag_id=tag.pk) == ["n4", "n3", "n2", "n1", "n0"]


def test_numbers_only_written_to_are_left_out_unless_asked_for(acme: Company, rival: Company):
    factories.make_contact(acme, "254711000002", name="Saved")
    factories.make_contact(acme, "254711000001", saved=False)
    Contact.objects.create(company=acme, bsuid="KE.abc", name="Bsuid")
    factories.make_contact(rival, name="Theirs")

    assert everyone(acme) == ["Bsuid", "Saved"]
    assert everyone(acme, limit=1, everybody=True) == ["254711000001", "Saved", "Bsuid"]


@pytest.mark.parametrize(
    "search", ["0712 345", "+254712345678", "25471234", "٠٧١٢٣٤٥", "00254 712"]
)
def test_a_number_is_found_by_its_beginning_in_any_form(acme: Company, search: str):
    factories.make_contact(acme, "254712345678", name="Jane")
    factories.make_contact(acme, "254799999999", name="Other")

    assert everyone(acme, search=search) == ["Jane"]


def test_names_that_begin_so_come_before_names_with_such_a_word(acme: Company):
    for name in ("Bob Wanjiku", "wanjiku Anne", "Wanjiku", "Wan", "Someone"):
        factories.make_contact(acme, name=name)

    assert everyone(acme, limit=1, search=" WANJI ") == ["Wanjiku", "wanjiku Anne", "Bob Wanjiku"]
    assert everyone(acme, search="100%") == []


def test_a_bsuid_is_found_whole(acme: Company):
    Contact.objects.create(company=acme, bsuid="KE.abc123", name="Hidden")

    assert everyone(acme, search="KE.abc123") == ["Hidden"]


@pytest.mark.parametrize("few", [0, 100])
def test_filters_go_together(acme: Company, monkeypatch: pytest.MonkeyPatch, few: int):
    monkeypatch.setattr(finding, "TAGGED_FEW", few)
    now = timezone.now()
    out = factories.make_contact(acme, name="out", opted_out_at=now)
    wrote = factories.make_contact(acme, name="wrote", last_inbound_at=now - timedelta(hours=23))
    factories.make_contact(acme, name="long ago", last_inbound_at=now - timedelta(hours=25))
    factories.make_contact(acme, name="gone", not_on_whatsapp_at=now)
    tag = factories.make_tag(acme, out, wrote)

    assert everyone(acme, tag_id=tag.pk, limit=1) == ["wrote", "out"]
    assert everyone(acme, tag_id=tag.pk, opted_out=True) == ["out"]
    assert everyone(acme, window_open=True) == ["wrote"]
    assert everyone(acme, unreachable=True) == ["gone"]
    assert everyone(acme, tag_id=tag.pk, search="wr") == ["wrote"]


def test_the_count_stops_at_its_limit(acme: Company, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(finding, "COUNTED", 3)
    Contact.objects.bulk_create(Contact(company=acme, phone=f"25471{n:07d}") for n in range(9))

    asked = {"company_id": acme.pk, "country": "KE", "now": timezone.now()}
    assert finding.count(Filter(), **asked) == 4
    assert finding.count(Filter(search="0710000001"), **asked) == 1


def test_what_is_found_is_the_same_without_pages(acme: Company):
    for name in ("Bob Wanjiku", "Wanjiku", "Someone"):
        factories.make_contact(acme, name=name)

    found = finding.found(
        Filter(search="wanj"), company_id=acme.pk, country="KE", now=timezone.now()
    )

    assert {contact.name for contact in found} == {"Bob Wanjiku", "Wanjiku"}


@pytest.mark.parametrize("place", ["x", "0.", "9.contact_zzzzzzzzzzzzz", "0.contact_1"])
def test_a_place_that_no_page_gave_is_refused(acme: Company, place: str):
    with pytest.raises(finding.InvalidPlace):
        finding.page(
            Filter(), company_id=acme.pk, country="KE", now=timezone.now(), place=place, limit=1
        )
