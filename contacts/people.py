"""What an operator does to one person: change, merge, take out of the address book, erase."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from contacts import keepers, services
from contacts.models import ConsentEvent, Contact, ContactTag, Tag

# A choice among more could not be shown on a page.
MAX_TAGS = 1_000


class PeopleError(Exception):
    """It can't be done; the text says why, in the reader's language."""


class NumberTaken(PeopleError):
    """The number is somebody's already."""

    def __init__(self, other: Contact) -> None:
        super().__init__(_("This number is another contact’s: merge the two instead."))
        self.other = other


class TooManyTags(PeopleError):
    pass


@transaction.atomic
def create(
    *, company_id: int, phone: str, name: str, tags: Sequence[str], custom_fields: dict[str, Any]
) -> Contact:
    """Put a number in the address book; raises NumberTaken where it is there already."""
    known = services.find(company_id=company_id, phone=phone)
    if known and known.saved:
        raise NumberTaken(known)
    tag_names_allowed(company_id=company_id, names=tags)
    return services.save_contact(
        company_id=company_id, phone=phone, name=name, tags=tags, custom_fields=custom_fields
    )[0]


@transaction.atomic
def change(
    contact: Contact, *, phone: str, name: str, tags: Sequence[str], custom_fields: dict[str, Any]
) -> None:
    """Set what is known of a contact; raises NumberTaken. Without a number only where it has a BSUID."""
    if phone and phone != contact.phone:
        other = services.find(company_id=contact.company_id, phone=phone)
        if other:
            raise NumberTaken(other)
    tag_names_allowed(company_id=contact.company_id, names=tags)
    contact.phone, contact.name, contact.saved = phone or None, name, True
    contact.custom_fields = custom_fields
    try:
        with transaction.atomic():
            contact.save(update_fields=["phone", "name", "saved", "custom_fields", "updated_at"])
    except IntegrityError:
        raise PeopleError(_("This number has just become another contact’s.")) from None
    ContactTag.objects.filter(contact=contact).exclude(tag__name__in=tags).delete()
    services.tag_contact(contact, tags)


def tag_names_allowed(*, company_id: int, names: Sequence[str]) -> None:
    """Raise TooManyTags where `names` would make more tags than a company may have."""
    mine = Tag.objects.filter(company_id=company_id)
    known = set(mine.filter(name__in=names).values_list("name", flat=True))
    if set(names) - known and mine.count() + len(set(names) - known) > MAX_TAGS:
        raise TooManyTags(_("There would be more than %(n)d tags.") % {"n": MAX_TAGS})


@transaction.atomic
def merge(kept: Contact, gone: Contact, *, now: datetime, author: str) -> None:
    """Make two contacts one. The kept one's name and fields win, tags are united, and who had opted
    out under one of them has opted out.

    The other stays as a number of the kept one: messages refer to it and go on doing so, and who
    writes from it is known. So nothing that was said has to be moved, however much it is.
    """
    people = Contact.objects.select_for_update().order_by("pk")
    both = {person.pk: person for person in people.filter(pk__in=[kept.pk, gone.pk])}
    if len(both) < 2 or any(p.merged_into_id or p.erased_at for p in both.values()):
        raise PeopleError(_("One of them is no contact any more."))
    kept, gone = both[kept.pk], both[gone.pk]
    phone, bsuid = kept.phone or gone.phone, kept.bsuid or gone.bsuid
    out = next((person for person in (kept, gone) if person.opted_out_at), None)
    heard = [person.last_inbound_at for person in (kept, gone) if person.last_inbound_at]
    Contact.objects.filter(merged_into=gone).update(merged_into=kept)
    # What the kept one takes over, the other must give up first: both are unique.
    gone.phone = None if phone == gone.phone else gone.phone
    gone.bsuid = None if bsuid == gone.bsuid else gone.bsuid
    gone.merged_into, gone.saved = kept, False
    kept.phone, kept.bsuid, kept.saved = phone, bsuid, kept.saved or gone.saved
    kept.name = kept.name or gone.name
    kept.custom_fields = {**gone.custom_fields, **kept.custom_fields}
    kept.last_inbound_at = max(heard, default=None)
    gone.name, gone.custom_fields = "", {}
    gone.save()
    kept.save()
    _unite_tags(kept, gone)
    ConsentEvent.objects.filter(contact=gone).update(contact=kept)
    if out and not (kept.opted_out_at and gone.opted_out_at):
        services.opt_out(
            kept,
            at=out.opted_out_at or now,
            reason=out.opted_out_reason,
            source=ConsentEvent.Source.MERGE,
            author=author,
        )


def _unite_tags(kept: Contact, gone: Contact) -> None:
    theirs = ContactTag.objects.filter(contact=gone).values_list("tag_id", flat=True)
    ContactTag.objects.bulk_create(
        [ContactTag(contact=kept, tag_id=tag_id) for tag_id in theirs], ignore_conflicts=True
    )
    ContactTag.objects.filter(contact=gone).delete()


@transaction.atomic
def remove(contact: Contact) -> None:
    """Take a person out of the address book: name, tags and fields go. The number stays with what
    was sent to it, and so does its wish to be left alone.
    """
    ContactTag.objects.filter(contact=contact).delete()
    Contact.objects.filter(pk=contact.pk).update(saved=False, name="", custom_fields={})


@transaction.atomic
def erase(contact: Contact, *, now: datetime) -> None:
    """Take away all that tells who a person is, here and wherever an application keeps it. Counts and
    the ledger stay. Raises keepers.StillBusy, having changed nothing.
    """
    people = list(services.identities(contact).select_for_update().order_by("pk"))
    for keeper in keepers.all_keepers():
        keeper.forget(people)
    ids = [person.pk for person in people]
    ContactTag.objects.filter(contact__in=ids).delete()
    ConsentEvent.objects.filter(contact__in=ids).delete()
    Contact.objects.filter(pk__in=ids).update(
        phone=None,
        bsuid=None,
        name="",
        custom_fields={},
        saved=False,
        opted_out_at=None,
        opted_out_reason="",
        last_inbound_at=None,
        not_on_whatsapp_at=None,
        merged_into=None,
        erased_at=now,
    )
