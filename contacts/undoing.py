"""Undoing an import within a day: contacts that it made go, unless somebody used or changed them
since; what it changed is put back, unless it was changed again; tags that it made go once they are
on nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from config import sql
from contacts import import_storing, keepers, services
from contacts.models import ConsentEvent, Contact, ContactImport, ContactTag, ImportRow, Tag

WITHIN = timedelta(hours=24)
SLICE = 2_000
_CONTACT, _TAGGED = Contact._meta.db_table, ContactTag._meta.db_table
_PLAIN = ("name", "custom_fields", "saved")


def is_possible(job: ContactImport, *, now: datetime) -> bool:
    ended = job.state in (ContactImport.State.DONE, ContactImport.State.FAILED)
    fresh = job.finished_at is not None and job.finished_at > now - WITHIN
    return ended and fresh and bool(job.new_count or job.updated_count)


def step(job: ContactImport) -> bool:
    """The next slice, in order of contact; whether there may be more."""
    rows = ImportRow.objects.filter(contact_import=job, contact_id__gt=job.cursor)
    slice_ = list(rows.order_by("contact_id")[:SLICE])
    if not slice_:
        _drop_tags(job)
        return False
    ids = [row.contact_id for row in slice_]
    list(Contact.objects.filter(pk__in=ids).order_by("pk").select_for_update().values("pk"))
    _untag(slice_)
    made = [row for row in slice_ if row.outcome == ImportRow.Outcome.NEW and not row.changes]
    job.removed_count += _remove([row.contact_id for row in made])
    job.restored_count += _restore(job, [row for row in slice_ if row.changes])
    job.cursor = slice_[-1].contact_id
    return True


def _untag(rows: Sequence[ImportRow]) -> None:
    pairs = [[row.contact_id, tag_id] for row in rows for tag_id in row.tag_ids]
    if pairs:
        sql.execute(
            f"""DELETE FROM {_TAGGED} WHERE (contact_id, tag_id) IN (SELECT v.contact, v.tag
            FROM {sql.rows_from_json("v", contact="bigint", tag="bigint")})""",
            [sql.as_json(pairs)],
        )


def _drop_tags(job: ContactImport) -> None:
    made = Tag.objects.filter(company=job.company_id, pk__in=job.made_tag_ids)
    # Locked first, so that nobody puts one of them on a person between the look and the deletion.
    locked = [tag.pk for tag in made.order_by("pk").select_for_update()]
    used = ContactTag.objects.filter(tag=OuterRef("pk"))
    Tag.objects.filter(~Exists(used), pk__in=locked).delete()


def _remove(contact_ids: Sequence[int]) -> int:
    """Delete those to whom nothing happened since; how many."""
    if not contact_ids:
        return 0
    refers = "".join(f" AND NOT ({keeper.refers})" for keeper in keepers.all_keepers())
    unused = sql.fetch(
        f"""SELECT c.id FROM {_CONTACT} c WHERE {sql.in_list("c.id")}
        AND c.updated_at = c.created_at AND c.last_inbound_at IS NULL
        AND (c.opted_out_at IS NULL OR c.opted_out_reason = %s)
        AND NOT EXISTS (SELECT 1 FROM {_TAGGED} t WHERE t.contact_id = c.id)
        AND NOT EXISTS (SELECT 1 FROM {_CONTACT} o WHERE o.merged_into_id = c.id){refers}""",
        [sql.id_list(contact_ids), import_storing.REASON],
    )
    # A message that is stored in this very moment keeps its recipient all the same.
    Contact.objects.filter(pk__in=[pk for (pk,) in unused]).delete()
    return len(unused)


def _restore(job: ContactImport, rows: Sequence[ImportRow]) -> int:
    """Put back each field that still is what the import made it; how many contacts that changed."""
    people = Contact.objects.in_bulk([row.contact_id for row in rows])
    restored = 0
    for row in rows:
        contact = people.get(row.contact_id)
        if contact is None or contact.erased_at:
            continue
        fields = [name for name in _PLAIN if _still(contact, name, row.changes)]
        for name in fields:
            setattr(contact, name, row.changes[name][0])
        if fields:
            contact.save(update_fields=[*fields, "updated_at"])
        restored += bool(fields) | _opt_in_again(job, contact, row.changes)
    return restored


def _still(contact: Contact, name: str, changes: dict[str, list[Any]]) -> bool:
    return name in changes and getattr(contact, name) == changes[name][1]


def _opt_in_again(job: ContactImport, contact: Contact, changes: dict[str, list[Any]]) -> bool:
    """Take back an opt-out that only the file wished for."""
    was_set = changes.get("opted_out_at", [None, None])[1]
    if not was_set or contact.opted_out_at != parse_datetime(was_set):
        return False
    return services.opt_in(
        contact,
        at=timezone.now(),
        reason="import undone",
        source=ConsentEvent.Source.IMPORT,
        author=job.author_label,
        only_if=import_storing.REASON,
    )
