"""Tags on many contacts: those chosen on a page at once, all that a filter finds in the background."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Max, QuerySet

from companies.models import Company, User
from config import sql
from contacts import finding, jobs
from contacts.models import Contact, ContactTag, Tag, Tagging

SLICE = 20_000
# So many taggings go with their tag while the person waits.
DELETED_AT_ONCE = 5_000
COUNTED = 10_000

Action = Tagging.Action
_TAGGED = ContactTag._meta.db_table


# --- At once --------------------------------------------------------------------------


def tag_some(contacts: QuerySet[Contact], tag: Tag, *, action: str) -> int:
    """Put a tag on a page's worth of contacts, or take it off; how many that changed."""
    return _add(contacts, tag.pk) if action == Action.ADD else _remove(contacts, tag.pk)


def _add(contacts: QuerySet[Contact], tag_id: int) -> int:
    query, params = contacts.order_by().values("pk").query.sql_with_params()
    return sql.execute(
        # Without a WHERE, SQLite would take the ON for one of a join.
        f"""INSERT INTO {_TAGGED} (contact_id, tag_id)
        SELECT found.*, %s FROM ({query}) AS found WHERE true ON CONFLICT DO NOTHING""",
        [tag_id, *params],
    )


def _remove(contacts: QuerySet[Contact], tag_id: int) -> int:
    tagged = ContactTag.objects.filter(tag=tag_id, contact__in=contacts.order_by().values("pk"))
    return tagged.delete()[0]


def counts(tags: Sequence[Tag]) -> dict[int, int]:
    """How many contacts each tag is on, up to COUNTED; one more than that means more."""
    rows = sql.fetch(
        f"""SELECT t.id, (SELECT count(*) FROM (SELECT 1 FROM {_TAGGED} x
            WHERE x.tag_id = t.id LIMIT %s) AS few)
        FROM {Tag._meta.db_table} t WHERE {sql.in_list("t.id")}""",
        [COUNTED + 1, sql.id_list([tag.pk for tag in tags])],
    )
    return {int(pk): int(count) for pk, count in rows}


@transaction.atomic
def delete(tag: Tag, *, by: User) -> Tagging | None:
    """Delete a tag; the job that does it, where it is on many."""
    taggings = ContactTag.objects.filter(tag=tag).order_by("contact_id")
    if not taggings[DELETED_AT_ONCE : DELETED_AT_ONCE + 1].exists():
        taggings.delete()
        tag.delete()
        return None
    return start(company=tag.company, tag=tag, action=Action.DELETE, wanted=None, by=by)


# --- In the background ----------------------------------------------------------------


@transaction.atomic
def start(
    *, company: Company, tag: Tag, action: str, wanted: finding.Filter | None, by: User
) -> Tagging:
    """Do it to all that the filter finds now (later contacts don't count)."""
    job = Tagging.objects.create(
        company=company,
        tag=tag,
        tag_name=tag.name,
        action=action,
        filter=wanted.as_json() if wanted else {},
        up_to=Contact.objects.aggregate(newest=Max("pk"))["newest"] or 0,
        **jobs.author(by),
    )
    jobs.wake(job)
    return job


def step(job: Tagging) -> bool:
    """The next slice, in order of contact; whether there may be more."""
    if job.tag is None:
        raise jobs.Impossible("The tag was deleted meanwhile.")
    everyone = _everyone(job)
    if job.total is None:
        job.total = everyone.count()
    rest = everyone.filter(pk__gt=job.cursor).order_by("pk")
    ends = rest.values("pk")[:SLICE]
    reached = Contact.objects.filter(pk__in=ends).aggregate(last=Max("pk"), count=Count("pk"))
    if reached["last"] is None:
        return _finish(job)
    these = everyone.filter(pk__gt=job.cursor, pk__lte=reached["last"])
    change = _add if job.action == Action.ADD else _remove
    job.changed_count += change(these, job.tag.pk)
    job.seen_count += reached["count"]
    job.cursor = reached["last"]
    return True


def _everyone(job: Tagging) -> QuerySet[Contact]:
    """Whom the job is about. What is deleted is taken off everybody, merged contacts and all."""
    if job.action == Action.DELETE:
        return Contact.objects.filter(contacttag__tag=job.tag, pk__lte=job.up_to)
    company = job.company
    found = finding.found(
        finding.Filter(**job.filter),
        company_id=company.pk,
        country=company.country,
        now=job.created_at,
    )
    return found.filter(pk__lte=job.up_to)


def _finish(job: Tagging) -> bool:
    if job.action == Action.DELETE and job.tag is not None:
        tag, job.tag = job.tag, None
        tag.delete()
    return False


def percent(job: Tagging) -> int:
    """How far the job is, 0 to 100."""
    if job.state == Tagging.State.DONE:
        return 100
    return min(99, job.seen_count * 100 // job.total) if job.total else 0


def run(pk: int, *, now: datetime) -> None:
    jobs.run(Tagging, pk, step, now=now)
