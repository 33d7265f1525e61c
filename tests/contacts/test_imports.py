"""Importing a file: reading it, storing it in slices, what is refused, undoing."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from companies.models import Company
from contacts import csv_files, importing, imports, jobs, services, undoing
from contacts.models import (
    ConsentEvent,
    Contact,
    ContactImport,
    ImportProblem,
    ImportRow,
    Tag,
)
from messaging import tasks
from tests import factories

pytestmark = pytest.mark.django_db
State = ContactImport.State


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def run(acme: Company) -> Callable[..., ContactImport]:
    """`run("phone,name\\n…", known="skip")`: a file imported to its end."""

    def do(text: str, **fields: Any) -> ContactImport:
        job = factories.make_import(acme, text, state=State.QUEUED, **fields)
        importing.run(job.pk, now=timezone.now())
        job.refresh_from_db()
        return job

    return do


def counts(job: ContactImport) -> tuple[int, ...]:
    return (
        job.new_count,
        job.updated_count,
        job.same_count,
        job.duplicate_count,
        job.invalid_count,
    )


def undone(job: ContactImport) -> ContactImport:
    assert imports.undo(job, now=timezone.now())
    importing.run(job.pk, now=timezone.now())
    job.refresh_from_db()
    assert job.state == State.UNDONE
    return job


# --- Files -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("utf-8", "Wanjikũ ቃል"), ("utf-8-sig", "محمد"), ("utf-16", "Wanjikũ"), ("cp1252", "Renée")]
    + [("utf-16-le", "Jane"), ("utf-16-be", "Jane")],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_any_usual_encoding_and_delimiter_is_read(
    run: Callable[..., ContactImport], acme: Company, encoding: str, name: str, delimiter: str
):
    text = f"Phone{delimiter}Name\n0712000001{delimiter}{name}\n".encode(encoding)

    job = run(text)

    assert counts(job) == (1, 0, 0, 0, 0)
    assert Contact.objects.get(company=acme).name == name


@pytest.mark.parametrize(
    ("header", "mapping"),
    [
        (["Full name", "Mobile number", "Labels"], ["name", "phone", "tags"]),
        (["Jina", "Namba ya simu", "Mji"], ["name", "phone", "field"]),
        (["Nombre", "Teléfono", "Etiquetas"], ["name", "phone", "tags"]),
        (["الاسم", "رقم الهاتف", "City"], ["name", "phone", "field"]),
        (["First name", "Last name", "WhatsApp"], ["name", "field", "phone"]),
        (["Opted out", "Phone", "Phone 2"], ["opted_out", "phone", "field"]),
    ],
)
def test_columns_are_guessed_from_headings_in_several_languages(
    header: list[str], mapping: list[str]
):
    assert csv_files.guess(header, [""] * len(header), country="KE") == mapping


def test_a_file_without_headings_is_seen_to_have_none(run: Callable[..., ContactImport]):
    job = run("0712000001,Jane\n0712000002,Bob\n")

    assert (job.has_header, job.mapping) == (False, ["phone", "field"])
    assert counts(job) == (2, 0, 0, 0, 0)
    assert Contact.objects.get(phone="254712000001").custom_fields == {"Column 2": "Jane"}


@pytest.mark.parametrize("data", ["", "\n\n", ",,\n"])
def test_an_empty_file_is_refused(acme: Company, data: str):
    with pytest.raises(csv_files.Unreadable):
        factories.make_import(acme, data)
    assert not ContactImport.objects.exists()


def test_cells_that_a_spreadsheet_would_run_are_escaped():
    text = "".join(csv_files.written(iter([["=1+1", "+254", "-2", "@x", "Jane", 5]])))

    assert text == "\ufeff'=1+1,'+254,'-2,'@x,Jane,5\r\n"


# --- Storing ---------------------------------------------------------------------------


def test_new_updated_unchanged_repeated_and_invalid_are_told_apart(
    run: Callable[..., ContactImport], acme: Company
):
    factories.make_contact(acme, "254712000002", name="Old", custom_fields={"city": "Kisumu"})
    factories.make_contact(acme, "254712000003", name="Same")
    factories.make_contact(acme, "254712000004", saved=False)

    job = run(
        "phone,name,tags,city\n"
        "0712000001,Jane,vip; gold,Nairobi\n"
        "0712000002,New,,\n"
        "0712000003,Same,,\n"
        "0712000004,Known,,\n"
        "+254 712 000 001,Again,,\n"
        "\n"
        "call me,Nobody,,\n",
        tag_names=["june"],
    )

    assert job.state == State.DONE
    assert counts(job) == (2, 2, 0, 1, 1)  # the tag for all is new to the third as well
    jane = Contact.objects.get(phone="254712000001")
    assert (jane.name, jane.custom_fields) == ("Jane", {"city": "Nairobi"})
    assert {tag.name for tag in jane.tags.all()} == {"vip", "gold", "june"}
    old = Contact.objects.get(phone="254712000002")
    assert (old.name, old.custom_fields) == ("New", {"city": "Kisumu"})
    assert Contact.objects.filter(saved=True).count() == 4
    problems = ImportProblem.objects.order_by("row").values_list("row", "reason")
    assert list(problems) == [
        (6, "The number stands further up in the file already."),
        (8, "This is not a phone number."),
    ]


def test_who_is_known_is_left_alone_when_asked_to(run: Callable[..., ContactImport], acme: Company):
    factories.make_contact(acme, "254712000002", name="Old")

    job = run("phone,name,tags\n0712000001,A,x\n0712000002,New,x\n", known="skip")

    assert counts(job) == (1, 0, 1, 0, 0)
    assert Contact.objects.get(phone="254712000002").name == "Old"
    assert Tag.objects.get().contacts.count() == 1


def test_a_file_opts_out_and_never_in(run: Callable[..., ContactImport], acme: Company):
    factories.make_contact(acme, "254712000002", opted_out_at=timezone.now())
    factories.make_contact(acme, "254712000003")

    run("phone,opted out\n0712000001,Yes\n0712000002,no\n0712000003,x\n0712000004,\n")

    out = Contact.objects.filter(opted_out_at__isnull=False).values_list("phone", flat=True)
    assert set(out) == {"254712000001", "254712000002", "254712000003"}
    assert ConsentEvent.objects.filter(source="import", kind="opted_out").count() == 2


def test_a_merged_number_in_a_file_means_the_kept_contact(
    run: Callable[..., ContactImport], acme: Company
):
    from contacts import people

    kept, gone = (
        factories.make_contact(acme, "254712000001"),
        factories.make_contact(acme, "254712000002"),
    )
    people.merge(kept, gone, now=timezone.now(), author="x")

    job = run("phone,name\n0712000002,Jane\n0712000001,Twice\n")

    assert counts(job) == (0, 1, 0, 1, 0)
    kept.refresh_from_db()
    assert kept.name == "Jane"


def test_another_companys_contacts_are_not_touched(
    run: Callable[..., ContactImport], acme: Company, rival: Company
):
    theirs = factories.make_contact(rival, "254712000001", name="Theirs")

    job = run("phone,name\n0712000001,Ours\n")

    theirs.refresh_from_db()
    assert (counts(job), theirs.name) == ((1, 0, 0, 0, 0), "Theirs")


# --- Dying and resuming ----------------------------------------------------------------


def many(count: int) -> str:
    return "phone,name\n" + "".join(f"07120{n:05d},N{n}\n" for n in range(count))


def test_an_import_that_died_is_resumed_and_doubles_nobody(
    acme: Company, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(importing, "SLICE", 10)
    job = factories.make_import(acme, many(35) + "07120 00001,Again\n", state=State.QUEUED)
    store, calls = importing.store, []

    def dies_at_the_third(*args: Any, **kwargs: Any) -> None:
        calls.append(1)
        store(*args, **kwargs)
        if len(calls) == 3:
            raise SystemError("killed")

    monkeypatch.setattr(importing, "store", dies_at_the_third)
    with pytest.raises(SystemError):
        importing.run(job.pk, now=timezone.now())
    assert Contact.objects.count() == 20

    assert ("contacts.run_import", job.pk) in jobs.waiting()
    importing.run(job.pk, now=timezone.now())

    job.refresh_from_db()
    assert (job.state, counts(job)) == (State.DONE, (35, 0, 0, 1, 0))
    assert Contact.objects.count() == ImportRow.objects.count() == 35


def test_a_job_that_somebody_does_is_not_done_twice(acme: Company):
    job = factories.make_import(acme, many(3), state=State.QUEUED)
    assert jobs._claim(ContactImport, job.pk) is not None

    importing.run(job.pk, now=timezone.now())

    assert not Contact.objects.exists()
    assert jobs.waiting() == []


def test_the_sweep_wakes_a_job_that_was_lost(acme: Company, monkeypatch: pytest.MonkeyPatch):
    job = factories.make_import(acme, state=State.RUNNING)
    sent: list[Any] = []
    monkeypatch.setattr("messaging.wake.send", lambda *task: sent.append(task))

    tasks.sweep()

    assert ("contacts.run_import", job.pk) in sent


def test_a_job_that_fails_by_our_fault_is_given_up_in_the_end(
    acme: Company, monkeypatch: pytest.MonkeyPatch
):
    job = factories.make_import(acme, state=State.QUEUED, fence=jobs.MAX_TRIES)

    def fails(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(importing, "store", fails)
    with pytest.raises(ZeroDivisionError):
        importing.run(job.pk, now=timezone.now())

    job.refresh_from_db()
    assert job.state == State.FAILED
    assert jobs.waiting() == []


def test_a_file_that_is_gone_stops_the_import_with_a_reason(acme: Company):
    job = factories.make_import(acme, state=State.QUEUED)
    default_storage.delete(job.storage_name)

    importing.run(job.pk, now=timezone.now())

    job.refresh_from_db()
    assert job.state == State.FAILED
    assert job.problem


def test_too_many_tags_stop_the_import(
    run: Callable[..., ContactImport], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("contacts.people.MAX_TAGS", 2)

    job = run("phone,tags\n0712000001,a;b;c\n")

    assert (job.state, job.problem) == (State.FAILED, "There would be more than 2 tags.")
    assert not Contact.objects.exists()


# --- Undoing ---------------------------------------------------------------------------


def test_undoing_removes_what_it_made_and_puts_back_what_it_changed(
    run: Callable[..., ContactImport], acme: Company
):
    vip = factories.make_tag(acme, name="vip")
    old = factories.make_contact(acme, "254712000002", name="Old", custom_fields={"a": "1"})
    factories.make_contact(acme, "254712000003", saved=False)
    job = run(
        "phone,name,tags,a,opted out\n"
        "0712000001,New,vip,,yes\n0712000002,Other,vip,2,yes\n0712000003,Third,vip,,\n"
    )

    job = undone(job)

    assert (job.removed_count, job.restored_count) == (1, 2)
    old.refresh_from_db()
    assert (old.name, old.custom_fields, old.opted_out_at) == ("Old", {"a": "1"}, None)
    assert list(Contact.objects.filter(saved=True)) == [old]
    assert not vip.contacts.exists()


def test_undoing_leaves_whoever_was_used_or_changed_since(
    run: Callable[..., ContactImport], acme: Company, channel: Any
):
    old = factories.make_contact(acme, "254712000009", name="Old")
    job = run(
        "phone,name\n" + "".join(f"071200000{n},N{n}\n" for n in range(1, 7)) + "0712000009,New\n"
    )
    by_number = {contact.phone[-1]: contact for contact in Contact.objects.all()}
    batch = factories.make_batch(channel)
    from messaging.models import Message

    now = timezone.now()
    Message.objects.create(
        company=acme,
        channel=channel,
        batch=batch,
        contact=by_number["1"],
        recipient="x",
        lane=0,
        due_at=now,
        created_at=now,
    )
    services.wrote(by_number["2"], at=now, text="Hello")
    factories.make_tag(acme, by_number["3"])
    services.save_contact(company_id=acme.pk, phone="254712000004", name="Renamed")
    services.opt_out(by_number["5"], at=now, reason="asked", source=services.Source.PORTAL)
    Contact.objects.filter(pk=old.pk).update(name="Newer")

    job = undone(job)

    left = set(Contact.objects.values_list("phone", flat=True))
    assert left == {f"25471200000{n}" for n in (1, 2, 3, 4, 5, 9)}
    assert job.removed_count == 1
    old.refresh_from_db()
    assert old.name == "Newer"


def test_undoing_takes_tags_off_again_and_drops_those_it_made_once_nobody_has_them(
    run: Callable[..., ContactImport], acme: Company, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(importing, "SLICE", 1)
    monkeypatch.setattr(undoing, "SLICE", 1)
    has_it = factories.make_contact(acme, "254712000001", name="Old")
    vip, empty = (factories.make_tag(acme, has_it, name="vip"), factories.make_tag(acme, name="mt"))
    job = run(
        "phone,tags\n0712000001,vip; fair\n0712000002,vip; mt; fair\n0712000003,fair; kept\n",
        tag_names=["november"],
    )
    later = factories.make_contact(acme, "254712000004", name="Later")
    later.tags.add(Tag.objects.get(name="kept"))

    undone(job)

    assert set(Tag.objects.values_list("name", flat=True)) == {"vip", "mt", "kept"}
    assert list(vip.contacts.all()) == [has_it]
    assert not empty.contacts.exists()
    assert set(Contact.objects.all()) == {has_it, later}


def test_an_import_is_undone_within_a_day_and_once(run: Callable[..., ContactImport]):
    job = run("phone\n0712000001\n")
    assert not imports.undo(job, now=timezone.now() + undoing.WITHIN)

    job = undone(job)

    assert not imports.undo(job, now=timezone.now())


# --- Forgetting ------------------------------------------------------------------------


def test_files_are_forgotten_and_counts_stay(run: Callable[..., ContactImport], acme: Company):
    done, draft = run("phone\n0712000001\nx\n"), factories.make_import(acme)
    later = timezone.now() + imports.timedelta(days=8)

    assert imports.forget_old(now=timezone.now()) == 0
    assert imports.forget_old(now=later) == 2

    kept = ContactImport.objects.get()
    assert (kept.pk, kept.storage_name, kept.new_count) == (done.pk, "", 1)
    assert not default_storage.exists(done.storage_name)
    assert not default_storage.exists(draft.storage_name)
    assert not ImportProblem.objects.exists()


def test_a_file_is_read_as_a_stream():
    big = io.BytesIO(b"phone\n" + b"0712000001\n" * 100_000)

    rows = csv_files.rows(big, encoding="utf-8", delimiter=",")
    next(rows)

    assert big.tell() < 100_000
