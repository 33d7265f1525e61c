"""A tag on many contacts: those chosen, all that a filter finds, and a tag's end."""

from typing import Any

import pytest
from django.utils import timezone

from companies.models import Company, User
from contacts import jobs, tagging
from contacts.finding import Filter
from contacts.models import Contact, ContactTag, Tag, Tagging
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def by(acme: Company) -> User:
    return factories.make_user(company=acme)


@pytest.fixture
def crowd(acme: Company, monkeypatch: pytest.MonkeyPatch) -> list[Contact]:
    """25 contacts and a slice of 10; the last is only written to."""
    monkeypatch.setattr(tagging, "SLICE", 10)
    people = [Contact(company=acme, phone=f"25472{n:07d}", name=f"N{n}") for n in range(24)]
    return Contact.objects.bulk_create(
        [*people, Contact(company=acme, phone="1234567", saved=False)]
    )


def finished(job: Tagging) -> Tagging:
    tagging.run(job.pk, now=timezone.now())
    job.refresh_from_db()
    return job


def test_all_that_a_filter_finds_are_tagged_in_slices(acme: Company, by: User, crowd: Any):
    tag = factories.make_tag(acme, crowd[0])
    factories.make_contact(factories.make_company("Other"))

    job = tagging.start(company=acme, tag=tag, action="add", wanted=Filter(), by=by)
    later = factories.make_contact(acme)
    job = finished(job)

    assert (job.state, job.total, job.seen_count, job.changed_count) == ("done", 24, 24, 23)
    assert tagging.percent(job) == 100
    assert tag.contacts.count() == 24
    assert not later.tags.exists()


def test_a_tag_is_taken_off_those_whom_it_finds(acme: Company, by: User, crowd: Any):
    tag = factories.make_tag(acme, *crowd)

    wanted = Filter(tag_id=tag.pk, search="N1")
    job = finished(tagging.start(company=acme, tag=tag, action="remove", wanted=wanted, by=by))

    assert job.changed_count == 11  # N1, N10 … N19
    assert tag.contacts.count() == 14


def test_a_tag_on_many_is_deleted_in_the_background(
    acme: Company, by: User, crowd: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tagging, "DELETED_AT_ONCE", 20)
    few, many = factories.make_tag(acme, crowd[0]), factories.make_tag(acme, *crowd)

    assert tagging.delete(few, by=by) is None
    job = tagging.delete(many, by=by)
    assert job is not None
    job = finished(job)

    assert (job.state, job.changed_count, job.tag) == ("done", 25, None)
    assert not Tag.objects.exists()
    assert not ContactTag.objects.exists()


def test_a_job_whose_tag_was_deleted_stops_with_a_reason(acme: Company, by: User, crowd: Any):
    tag = factories.make_tag(acme)
    job = tagging.start(company=acme, tag=tag, action="add", wanted=Filter(), by=by)
    tag.delete()

    job = finished(job)

    assert job.state == "failed"
    assert "deleted" in job.problem


def test_a_job_that_died_goes_on_where_it_was(
    acme: Company, by: User, crowd: Any, monkeypatch: pytest.MonkeyPatch
):
    tag = factories.make_tag(acme)
    job = tagging.start(company=acme, tag=tag, action="add", wanted=Filter(), by=by)
    step, calls = tagging.step, []

    def dies_at_the_second(job: Tagging) -> bool:
        calls.append(1)
        more = step(job)
        if len(calls) == 2:
            raise SystemError("killed")
        return more

    monkeypatch.setattr(tagging, "step", dies_at_the_second)
    with pytest.raises(SystemError):
        tagging.run(job.pk, now=timezone.now())
    job.refresh_from_db()
    assert (job.seen_count, tag.contacts.count()) == (10, 10)
    assert jobs.waiting() == [("contacts.run_tagging", job.pk)]

    job = finished(job)

    assert (job.seen_count, job.changed_count, tag.contacts.count()) == (24, 24, 24)


def test_counts_of_tags_stop_at_their_limit(
    acme: Company, crowd: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tagging, "COUNTED", 5)
    small, large = factories.make_tag(acme, *crowd[:3]), factories.make_tag(acme, *crowd)
    empty = factories.make_tag(acme)

    assert tagging.counts([small, large, empty]) == {small.pk: 3, large.pk: 6, empty.pk: 0}
