"""The pages of contacts and tags."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from companies.models import AuditEvent, Company
from contacts import services, tagging
from contacts.models import ConsentEvent, Contact, Tag, Tagging
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def jane(acme: Company) -> Contact:
    return factories.make_contact(acme, "254712345678", name="Jane")


def audited() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("kind", flat=True))


def names(response) -> list[str]:
    return [row.contact.name for row in response.context["rows"]]


# --- The list --------------------------------------------------------------------------


def test_the_address_book_is_listed_with_masked_numbers(
    owner: Client, acme: Company, jane: Contact, rival: Company
):
    factories.make_tag(acme, jane, name="vip")
    factories.make_contact(rival, name="Theirs")
    factories.make_contact(acme, "254700000001", saved=False)

    response = owner.get("/contacts")
    page = response.content.decode()

    assert names(response) == ["Jane"]
    assert "+254\u00a0712\u00a0•••\u00a0678" in page
    assert "254712345678" not in page
    assert "vip" in page
    assert "1 found" in page


def test_pages_follow_each_other_with_their_filters(owner: Client, acme: Company):
    for number in range(30):
        factories.make_contact(acme, name=f"Bob {number:02d}")

    first = owner.get("/contacts?q=bob")
    second = owner.get(f"/contacts?q=bob&before={first.context['older']}")

    assert names(first) + names(second) == [f"Bob {number:02d}" for number in range(30)]
    assert f"q=bob&amp;before={first.context['older']}" in first.content.decode()
    assert second.context["older"] == ""


def test_a_page_of_contacts_costs_the_same_queries_whatever_its_length(
    owner: Client, acme: Company
):
    tag = factories.make_tag(acme, factories.make_contact(acme))
    with CaptureQueriesContext(connection) as few:
        owner.get("/contacts")
    for _ in range(10):
        services.tag_contact(factories.make_contact(acme, name="x"), [tag.name, "another"])
    with CaptureQueriesContext(connection) as many:
        owner.get("/contacts")

    assert len(many) == len(few)


def test_filters_that_make_no_sense_are_named_beside_their_field(owner: Client, acme: Company):
    theirs = factories.make_tag(factories.make_company("Rival"))

    response = owner.get(f"/contacts?tag={theirs.pk}")

    assert response.status_code == 422
    assert "tag" in response.context["filter"].errors
    assert owner.get("/contacts?before=nonsense").status_code == 404


def test_an_empty_book_says_what_to_do_and_a_search_how_to_go_back(owner: Client, viewer: Client):
    assert "Import a file" in owner.get("/contacts").content.decode()
    assert "Import a file" not in viewer.get("/contacts").content.decode()
    assert "Nobody like that" in owner.get("/contacts?q=zzz").content.decode()


def test_a_viewer_looks_and_is_offered_nothing(viewer: Client, jane: Contact):
    for path in ("/contacts", f"/contacts/{jane.public_id}", "/tags", "/contacts/imports"):
        page = viewer.get(path)
        assert page.status_code == 200, path
        assert b'name="contact"' not in page.content
        for word in (b"Erase", b"New contact", b"Make a tag", b"Upload", b"Export"):
            assert word not in page.content, (path, word)


# --- One contact -----------------------------------------------------------------------


def test_a_contact_is_made_with_tags_and_fields(owner: Client, acme: Company):
    response = owner.post(
        "/contacts/new",
        {
            "name": "አበበ",
            "phone": "0712 345 678",
            "tags": "vip, gold ,vip",
            "field_name": ["city", "", "plan"],
            "field_value": ["Addis", "lost", "pro"],
        },
    )

    made = Contact.objects.get()
    assert response["Location"] == f"/contacts/{made.public_id}"
    assert (made.phone, made.name, made.saved) == ("254712345678", "አበበ", True)
    assert made.custom_fields == {"city": "Addis", "plan": "pro"}
    assert {tag.name for tag in made.tags.all()} == {"vip", "gold"}


def test_a_number_that_is_there_already_leads_to_its_contact(owner: Client, jane: Contact):
    response = owner.post("/contacts/new", {"phone": "+254712345678", "name": "Again"})

    assert response.status_code == 422
    assert "merge" in str(response.context["form"].errors["phone"])
    assert jane.public_id in response.content.decode()
    assert Contact.objects.get().name == "Jane"


def test_what_is_no_number_is_refused(owner: Client):
    response = owner.post("/contacts/new", {"phone": "call me", "name": "X"})

    assert response.status_code == 422
    assert not Contact.objects.exists()


def test_a_contact_is_changed_and_untouched_values_keep_their_kind(owner: Client, acme, jane):
    jane.custom_fields = {"age": 30, "city": "Nairobi"}
    jane.save()
    factories.make_tag(acme, jane, name="old")

    owner.post(
        f"/contacts/{jane.public_id}/edit",
        {
            "name": "Jane W.",
            "phone": "0712345679",
            "tags": "new",
            "field_name": ["age", "city"],
            "field_value": ["30", "Mombasa"],
        },
    )

    jane.refresh_from_db()
    assert (jane.name, jane.phone) == ("Jane W.", "254712345679")
    assert jane.custom_fields == {"age": 30, "city": "Mombasa"}
    assert [tag.name for tag in jane.tags.all()] == ["new"]


def test_a_contacts_page_tells_the_window_the_wishes_and_the_way_to_the_conversation(
    owner: Client, acme: Company
):
    contact = factories.make_contact(
        acme, "254712345678", name="Jane", last_inbound_at=timezone.now() - timedelta(hours=1)
    )
    services.wrote(contact, at=timezone.now(), text="stop")

    page = owner.get(f"/contacts/{contact.public_id}").content.decode()

    assert "+254712345678" in page
    assert "Open until" in page
    assert "wrote “stop”" in page
    assert "Opt in again" in page


def test_opting_out_and_in_takes_a_reason_and_is_kept(owner: Client, jane: Contact):
    path = f"/contacts/{jane.public_id}"
    assert owner.post(f"{path}/opt-out", {"reason": ""}).status_code == 422
    owner.post(f"{path}/opt-out", {"reason": "asked on the phone"})
    jane.refresh_from_db()
    assert jane.opted_out_reason == "asked on the phone"

    owner.post(f"{path}/opt-in", {"reason": "signed a form"})

    jane.refresh_from_db()
    assert jane.opted_out_at is None
    wishes = ConsentEvent.objects.order_by("pk").values_list("kind", "source", "author")
    assert list(wishes) == [
        ("opted_out", "portal", "owner@acme.example"),
        ("opted_in", "portal", "owner@acme.example"),
    ]
    assert audited() == ["contact.opted_out", "contact.opted_in"]


def test_two_contacts_are_merged_by_number(owner: Client, acme: Company, jane: Contact):
    other = factories.make_contact(acme, "254799999999", name="J.")
    path = f"/contacts/{jane.public_id}/merge"

    assert owner.post(path, {"other": "0700 000 000"}).status_code == 422
    assert owner.post(path, {"other": "0712345678"}).status_code == 422  # itself
    owner.post(path, {"other": "0799 999 999"})

    assert owner.get(f"/contacts/{other.public_id}")["Location"] == f"/contacts/{jane.public_id}"
    assert "+254799999999" in owner.get(f"/contacts/{jane.public_id}").content.decode()
    assert names(owner.get("/contacts")) == ["Jane"]
    assert owner.post(f"/contacts/{other.public_id}/remove").status_code == 404
    assert audited() == ["contact.merged"]


def test_another_companys_number_can_not_be_merged(owner: Client, jane: Contact, rival: Company):
    factories.make_contact(rival, "254799999999")

    assert (
        owner.post(f"/contacts/{jane.public_id}/merge", {"other": "0799999999"}).status_code == 422
    )


def test_removing_takes_a_contact_out_of_the_book(owner: Client, jane: Contact):
    owner.post(f"/contacts/{jane.public_id}/remove")

    assert names(owner.get("/contacts")) == []
    assert len(owner.get("/contacts?who=all").context["rows"]) == 1
    assert audited() == ["contact.removed"]


def test_erasing_is_confirmed_by_typing_and_leaves_no_page(owner: Client, jane: Contact):
    path = f"/contacts/{jane.public_id}"
    assert owner.post(f"{path}/erase", {"typed": "Jane"}).status_code == 422
    assert Contact.objects.get().name == "Jane"

    owner.post(f"{path}/erase", {"typed": "345678"})

    assert owner.get(path).status_code == 404
    assert len(owner.get("/contacts?who=all").context["rows"]) == 0
    event = AuditEvent.objects.get()
    assert event.kind == "contact.erased"
    assert "345678" not in f"{event.label}{event.detail}"


def test_nobody_is_erased_while_a_message_waits(owner: Client, channel):
    contact = factories.make_message(channel, recipient="254712345678").contact

    response = owner.post(f"/contacts/{contact.public_id}/erase", {"typed": "345678"})

    assert response.status_code == 422
    assert "waiting" in response.content.decode()
    assert not AuditEvent.objects.exists()


# --- Many at once ----------------------------------------------------------------------


def test_the_ticked_are_tagged_and_untagged(owner: Client, acme: Company, jane: Contact, rival):
    tag, theirs = factories.make_tag(acme, name="vip"), factories.make_contact(rival)
    chosen = {"tag": tag.pk, "contact": [jane.public_id, theirs.public_id], "back": "q=j"}

    response = owner.post("/contacts/tag", {**chosen, "action": "add"})
    assert response["Location"] == "/contacts?q=j"
    assert list(tag.contacts.all()) == [jane]

    owner.post("/contacts/tag", {**chosen, "action": "remove"})
    assert not tag.contacts.exists()


def test_nothing_ticked_is_said(owner: Client, acme: Company):
    tag = factories.make_tag(acme)

    page = owner.post("/contacts/tag", {"tag": tag.pk, "action": "add"}, follow=True)

    assert "Tick some contacts first" in page.content.decode()


def test_another_companys_tag_can_not_be_put_on(owner: Client, jane: Contact, rival: Company):
    theirs = factories.make_tag(rival)

    owner.post("/contacts/tag", {"tag": theirs.pk, "action": "add", "contact": [jane.public_id]})

    assert not theirs.contacts.exists()


def test_all_that_the_filters_find_is_a_job_with_progress(owner: Client, acme: Company, jane):
    tag = factories.make_tag(acme)

    asked = {"tag": tag.pk, "action": "add", "all": "1", "f-q": "jan", "back": "q=jan"}
    response = owner.post("/contacts/tag", asked)

    job = Tagging.objects.get()
    assert response["Location"] == f"/contacts?q=jan&tagging={job.public_id}"
    assert job.filter == {"search": "jan"}
    assert f"/contacts/taggings/{job.public_id}" in owner.get("/contacts").content.decode()
    part = owner.get(f"/contacts/taggings/{job.public_id}").content.decode()
    assert 'role="progressbar"' in part
    assert audited() == ["contact.tagged"]
    assert "jan" not in str(AuditEvent.objects.get().detail)


def test_whoever_tagged_all_is_told_what_came_of_it_however_soon_it_was_done(
    owner: Client, acme: Company, jane: Contact, rival: Company
):
    tag = factories.make_tag(acme, name="vip")
    asked = {"tag": tag.pk, "action": "add", "all": "1"}
    page = owner.post("/contacts/tag", asked)["Location"]
    job = Tagging.objects.get()
    tagging.run(job.pk, now=timezone.now())

    told = owner.get(page).content.decode()

    assert "“vip” is now on 1 more contact." in told
    assert "hx-get" not in told[told.index(f"tagging-{job.public_id}") :][:500]
    assert "“vip”" not in owner.get("/contacts").content.decode()
    stranger = Client()
    stranger.force_login(factories.make_user(company=rival))
    assert "vip" not in stranger.get(page).content.decode()


# --- Export ----------------------------------------------------------------------------


def test_what_is_found_is_exported_whole_and_without_formulas(owner: Client, acme: Company):
    jane = factories.make_contact(acme, "254712345678", name="=Jane", custom_fields={"a": "b"})
    factories.make_tag(acme, jane, name="vip")
    factories.make_contact(acme, name="Bob")

    response = owner.post("/contacts/export", {"f-tag": Tag.objects.get().pk})
    text = b"".join(response.streaming_content).decode()

    lines = text.splitlines()
    assert lines[0].startswith("\ufeffphone,name,tags,opted_out")
    assert lines[1].startswith("254712345678,'=Jane,vip,no")
    assert len(lines) == 2
    assert audited() == ["contact.exported"]


def test_an_export_of_many_pages_misses_nobody(
    owner: Client, acme: Company, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("contacts.exporting.PAGE", 7)
    for _ in range(20):
        factories.make_contact(acme)

    response = owner.post("/contacts/export")

    assert len(b"".join(response.streaming_content).splitlines()) == 21


# --- Tags ------------------------------------------------------------------------------


def test_tags_are_made_renamed_and_deleted(owner: Client, acme: Company, jane: Contact):
    owner.post("/tags", {"name": "  vip   people "})
    tag = Tag.objects.get()
    assert tag.name == "vip people"
    services.tag_contact(jane, [tag.name])

    response = owner.get("/tags")
    assert [(row.tag, row.count, row.many) for row in response.context["rows"]] == [(tag, 1, False)]
    owner.post(f"/tags/{tag.pk}/rename", {"name": "VIP"})
    tag.refresh_from_db()
    assert tag.name == "VIP"

    owner.post(f"/tags/{tag.pk}/delete")
    assert not Tag.objects.exists()
    assert Contact.objects.filter(pk=jane.pk).exists()
    assert audited() == ["tag.renamed", "tag.deleted"]


@pytest.mark.parametrize("name", ["", " ", "vip", "a,b", "x" * 81])
def test_a_name_that_can_not_be_is_refused(owner: Client, acme: Company, name: str):
    factories.make_tag(acme, name="vip")
    other = factories.make_tag(acme, name="other")

    assert owner.post("/tags", {"name": name}).status_code == 422
    assert owner.post(f"/tags/{other.pk}/rename", {"name": name}).status_code == 422
    assert Tag.objects.count() == 2


def test_a_page_of_tags_costs_the_same_queries_whatever_its_length(
    owner: Client, acme: Company, django_assert_num_queries: Callable
):
    factories.make_tag(acme)
    with CaptureQueriesContext(connection) as few:
        owner.get("/tags")
    for number in range(60):
        factories.make_tag(acme, name=f"t{number:02d}")

    with django_assert_num_queries(len(few)):
        first = owner.get("/tags")
    second = owner.get(f"/tags?before={first.context['older']}")
    assert len(first.context["rows"]) + len(second.context["rows"]) == 61
