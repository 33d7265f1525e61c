"""The pages of an import: the file, its columns, progress, outcome."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from companies.models import AuditEvent, Company
from contacts import importing
from contacts.models import Contact, ContactImport
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


def upload(client: Client, text: str, name: str = "people.csv") -> Any:
    file = SimpleUploadedFile(name, text.encode(), content_type="text/csv")
    return client.post("/contacts/imports", {"file": file})


def run(job: ContactImport) -> ContactImport:
    importing.run(job.pk, now=timezone.now())
    job.refresh_from_db()
    return job


CHOSEN = {"has_header": "1", "known": "update", "column_0": "phone", "column_1": "name"}


def test_a_file_is_uploaded_mapped_previewed_run_and_undone(owner: Client, acme: Company):
    text = "Simu,Jina,City\n0712000001,Jane,Nairobi\n=call,Bob,\n0712 000 001,Again,\n"

    url = upload(owner, text)["Location"]
    page = owner.get(url)
    assert [row.phone for row in page.context["preview"]] == ["254712000001", "", "254712000001"]
    assert page.context["form"]["column_1"].value() == "name"
    assert "Nothing is imported before you start" in page.content.decode()
    assert not Contact.objects.exists()

    owner.post(url, {**CHOSEN, "column_2": "", "tags": "june, vip"})
    job = ContactImport.objects.get()
    assert job.state == "queued"
    live = owner.get(url).content.decode()
    assert f"{url}/progress" in live
    assert 'role="progressbar"' in live

    run(job)
    part = owner.get(f"{url}/progress")
    assert part["HX-Refresh"] == "true"
    done = owner.get(url).content.decode()
    assert "1 Jan" not in done
    assert "This is not a phone number." in done
    jane = Contact.objects.get()
    assert (jane.name, jane.custom_fields) == ("Jane", {})
    assert {tag.name for tag in jane.tags.all()} == {"june", "vip"}

    problems = b"".join(owner.get(f"{url}/problems.csv").streaming_content).decode()
    assert problems.splitlines() == [
        "\ufeffRow,Problem,Simu,Jina,City",
        "3,This is not a phone number.,'=call,Bob,",
        "4,The number stands further up in the file already.,0712 000 001,Again,",
    ]

    owner.post(f"{url}/undo")
    run(job)
    assert job.state == "undone"
    assert not Contact.objects.exists()
    kinds = AuditEvent.objects.order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["import.started", "import.undone"]


def test_the_preview_follows_what_is_chosen(owner: Client, acme: Company):
    job = factories.make_import(acme, "a,b\nJane,0712000001\n")
    address = f"/contacts/imports/{job.public_id}/preview"

    wrong = owner.post(address, {"has_header": "1", "column_0": "phone", "column_1": "name"})
    right = owner.post(address, {"column_1": "phone"})

    assert "not a phone number" in wrong.content.decode()
    assert "+254712000001" in right.content.decode()
    assert len(right.context["preview"]) == 2  # the first row is one of them
    job.refresh_from_db()
    assert job.has_header


@pytest.mark.parametrize("columns", [{}, {"column_0": "name"}, {"column_1": "phone"}])
def test_exactly_one_column_holds_the_number(owner: Client, acme: Company, columns: dict[str, str]):
    job = factories.make_import(acme)
    data = {**CHOSEN, **columns} if columns else {"known": "update"}

    response = owner.post(f"/contacts/imports/{job.public_id}", data)

    assert response.status_code == 422
    job.refresh_from_db()
    assert job.state == "draft"


def test_a_file_too_large_empty_or_missing_is_refused(owner: Client, settings: Any):
    settings.IMPORT_MAX_BYTES = 20

    assert upload(owner, "phone\n0712000001\n0712000002\n").status_code == 422
    assert upload(owner, "").status_code == 422
    assert owner.post("/contacts/imports").status_code == 422
    assert not ContactImport.objects.exists()


def test_starting_twice_starts_once(owner: Client, acme: Company):
    job = factories.make_import(acme)
    url = f"/contacts/imports/{job.public_id}"

    for _ in range(2):
        assert owner.post(url, CHOSEN).status_code == 302

    assert AuditEvent.objects.count() == 1
    run(job)
    assert job.new_count == 1


def test_a_draft_is_discarded_and_a_started_import_is_not(owner: Client, acme: Company):
    draft, started = factories.make_import(acme), factories.make_import(acme, state="queued")

    for job in (draft, started):
        owner.post(f"/contacts/imports/{job.public_id}/discard")

    assert list(ContactImport.objects.all()) == [started]


def test_imports_are_listed_newest_first(owner: Client, acme: Company, rival: Company):
    jobs = [factories.make_import(acme) for _ in range(2)]
    factories.make_import(rival)

    assert owner.get("/contacts/imports").context["jobs"] == jobs[::-1]


def test_names_of_files_tell_no_path(owner: Client, acme: Company):
    upload(owner, "phone\n0712000001\n", name="..\\..\\people<script>.csv")

    job = ContactImport.objects.get()
    assert job.filename == "people<script>.csv"
    assert job.storage_name.startswith(f"imports/{acme.pk}/")
    assert "people" not in job.storage_name
    assert "<script>.csv" not in owner.get("/contacts/imports").content.decode()
