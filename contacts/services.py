"""What changes a contact, beside its own pages: what people tell us, and what Meta tells us of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from contacts import words
from contacts.models import ConsentEvent, Contact, ContactTag, Tag

Source = ConsentEvent.Source
# What people said themselves, not what somebody wrote down for them.
_THEIR_OWN = (Source.WORD, Source.META)

MARKETING = "marketing preference"
# People join WhatsApp; what Meta said of a number is not held against it for longer.
UNREACHABLE_FOR = timedelta(days=30)
MAX_FIELDS = 16_384  # of a contact's custom fields: bytes of JSON


def person(*, company_id: int, phone: str | None, bsuid: str | None, name: str = "") -> Contact:
    """The contact of a phone number, of a BSUID, or of both; made if unknown.

    Where each is known as somebody else, the one with the phone number is meant.
    """
    known = Contact.objects.filter(company_id=company_id)
    contact = find(company_id=company_id, phone=phone) or find(company_id=company_id, bsuid=bsuid)
    if not contact:
        return _create(company_id=company_id, phone=phone, bsuid=bsuid, name=name)
    if bsuid and not contact.bsuid and not known.filter(bsuid=bsuid).exists():
        contact.bsuid = bsuid
    if phone and not contact.phone:
        contact.phone = phone
    if name and not contact.name:
        contact.name = name[:200]
    contact.save(update_fields=["bsuid", "phone", "name", "updated_at"])
    return contact


def find(*, company_id: int, phone: str | None = None, bsuid: str | None = None) -> Contact | None:
    """The contact of a number or of a BSUID; the one that it was merged into, if it was."""
    known = Contact.objects.filter(company_id=company_id).select_related("merged_into")
    found = phone and known.filter(phone=phone).first()
    found = found or (bsuid and known.filter(bsuid=bsuid).first())
    return (found.merged_into or found) if found else None


def identities(contact: Contact) -> QuerySet[Contact]:
    """A contact, and those that were merged into it: messages refer to either."""
    return Contact.objects.filter(Q(pk=contact.pk) | Q(merged_into=contact.pk))


def _create(*, company_id: int, phone: str | None, bsuid: str | None, name: str) -> Contact:
    try:
        with transaction.atomic():
            return Contact.objects.create(
                company_id=company_id, phone=phone or None, bsuid=bsuid or None, name=name[:200]
            )
    except IntegrityError:
        known = Contact.objects.filter(company_id=company_id)
        return known.get(phone=phone) if phone else known.get(bsuid=bsuid)


def wrote(contact: Contact, *, at: datetime, text: str) -> None:
    """They wrote to the company: the 24-hour window is open, and they may have asked to be left alone."""
    Contact.objects.filter(pk=contact.pk).exclude(last_inbound_at__gte=at).update(
        last_inbound_at=at, not_on_whatsapp_at=None, saved=True
    )
    wish = opt_out if words.is_stop(text) else opt_in if words.is_start(text) else None
    if wish and not is_overtaken(contact, at=at):
        wish(contact, at=at, reason=f"wrote “{words.plain(text)}”", source=Source.WORD)


def is_overtaken(contact: Contact, *, at: datetime) -> bool:
    """Whether they have said something since: what they said is told in any order, and again."""
    theirs = ConsentEvent.objects.filter(contact__in=identities(contact), source__in=_THEIR_OWN)
    return theirs.filter(at__gt=at).exists()


@transaction.atomic
def opt_out(
    contact: Contact, *, at: datetime, reason: str, source: Source, author: str = ""
) -> bool:
    """They want to be left alone, at all of their numbers; whether that is new."""
    changed = identities(contact).filter(opted_out_at=None)
    is_new = bool(changed.update(opted_out_at=at, opted_out_reason=reason[:80]))
    if is_new:
        _note(contact, ConsentEvent.Kind.OPTED_OUT, at, reason, source, author)
    return is_new


@transaction.atomic
def opt_in(
    contact: Contact,
    *,
    at: datetime,
    reason: str,
    source: Source,
    author: str = "",
    only_if: str | None = None,
) -> bool:
    """They want to hear again; whether that is new. With `only_if`, only where that is the reason for
    which they had opted out.
    """
    out = identities(contact).filter(opted_out_at__isnull=False)
    if only_if is not None:
        out = out.filter(opted_out_reason=only_if)
    is_new = bool(out.update(opted_out_at=None, opted_out_reason=""))
    # What they say themselves is kept in any case: older news may still be on its way.
    if is_new or (source in _THEIR_OWN and _is_unheard(contact, at)):
        _note(contact, ConsentEvent.Kind.OPTED_IN, at, reason, source, author)
    return is_new


def _is_unheard(contact: Contact, at: datetime) -> bool:
    """Whether somebody who has not opted out says at `at` for the first time to want to hear."""
    is_out = identities(contact).filter(opted_out_at__isnull=False).exists()
    told = ConsentEvent.objects.filter(contact=contact, kind=ConsentEvent.Kind.OPTED_IN, at=at)
    return not is_out and not told.exists()


def _note(
    contact: Contact, kind: str, at: datetime, reason: str, source: Source, author: str
) -> None:
    ConsentEvent.objects.create(
        contact=contact,
        kind=kind,
        source=source,
        author=author[:254],
        reason=reason[:80],
        at=at,
    )


def mark_unreachable(contact_ids: Sequence[int], *, now: datetime) -> None:
    """Meta said that they are not on WhatsApp."""
    if contact_ids:
        Contact.objects.filter(pk__in=contact_ids).update(not_on_whatsapp_at=now)


def is_unreachable(phone: str, *, company_id: int, now: datetime) -> bool:
    """Whether Meta said so of a number lately, and nothing arrived since."""
    return Contact.objects.filter(
        company_id=company_id, phone=phone, not_on_whatsapp_at__gt=now - UNREACHABLE_FOR
    ).exists()


def mark_reachable(contact_ids: Sequence[int]) -> None:
    """Something arrived, so they are."""
    if contact_ids:
        Contact.objects.filter(pk__in=contact_ids, not_on_whatsapp_at__isnull=False).update(
            not_on_whatsapp_at=None
        )


def changed_number(*, company_id: int, old: str | None, new: str | None) -> Contact | None:
    """A person moved to another number: keep the contact, unless the new number is somebody already."""
    if not old or not new:
        return None
    contact = person(company_id=company_id, phone=old, bsuid=None)
    known = Contact.objects.filter(company_id=company_id)
    if not known.filter(phone=new).exists():
        known.filter(phone=old).update(phone=new)
    return contact


def changed_bsuid(*, company_id: int, old: str | None, new: str | None) -> Contact | None:
    """A person got another business-scoped user id: keep the contact, as with a number."""
    contact = find(company_id=company_id, bsuid=old)
    known = Contact.objects.filter(company_id=company_id)
    if contact and new and not known.filter(bsuid=new).exists():
        known.filter(bsuid=old).update(bsuid=new)
    return contact


# --- The address book -----------------------------------------------------------------


class TooManyFields(Exception):
    """A contact's custom fields would be more than MAX_FIELDS."""


@transaction.atomic
def save_contact(
    *,
    company_id: int,
    phone: str,
    name: str | None = None,
    tags: Sequence[str] = (),
    custom_fields: dict[str, Any] | None = None,
) -> tuple[Contact, bool]:
    """Put a number in the address book, or add to what is known of it; whether it is new there.

    Tags and custom fields are added to those that there are; who was only ever written to is new.
    Raises TooManyFields.
    """
    contact, is_new = Contact.objects.select_for_update(of=("self",)).get_or_create(
        company_id=company_id, phone=phone, defaults={"saved": False}
    )
    if contact.merged_into_id:
        contact = Contact.objects.select_for_update().get(pk=contact.merged_into_id)
    is_new = is_new or not contact.saved
    contact.saved = True
    if name is not None:
        contact.name = name
    contact.custom_fields = {**contact.custom_fields, **(custom_fields or {})}
    if custom_fields and len(orjson.dumps(contact.custom_fields)) > MAX_FIELDS:
        raise TooManyFields
    contact.save(update_fields=["saved", "name", "custom_fields", "updated_at"])
    tag_contact(contact, tags)
    return contact, is_new


def address_book(
    *, company_id: int, search: str = "", tags: Sequence[str] = ()
) -> QuerySet[Contact]:
    """The saved contacts, oldest first: those that have all of `tags`, and `search` in name or phone."""
    found = Contact.objects.filter(company_id=company_id, saved=True).order_by("pk")
    for name in tags:
        tagged = ContactTag.objects.filter(tag__company_id=company_id, tag__name=name)
        found = found.filter(pk__in=tagged.values("contact_id"))
    if search:
        found = found.filter(Q(name__icontains=search) | _by_phone(search))
    return found


def _by_phone(search: str) -> Q:
    """Part of a number as people write it; matches nothing where `search` is no such thing."""
    digits = "".join(char for char in search if char.isascii() and char.isdigit()).lstrip("0")
    looks_so = digits and all(char in "0123456789 +()-./" for char in search)
    return Q(phone__contains=digits) if looks_so else Q(pk__in=[])


def tag_names(contacts: Sequence[Contact]) -> dict[int, list[str]]:
    """The tags of each contact, in the order in which it got them."""
    names: dict[int, list[str]] = {contact.pk: [] for contact in contacts}
    taggings = ContactTag.objects.filter(contact_id__in=list(names)).order_by("pk")
    for contact_id, name in taggings.values_list("contact_id", "tag__name"):
        names[contact_id].append(name)
    return names


def tags_by_name(*, company_id: int, names: Sequence[str]) -> dict[str, int]:
    """The ids of tags; unknown ones are made."""
    Tag.objects.bulk_create(
        [Tag(company_id=company_id, name=name) for name in sorted(set(names))],
        ignore_conflicts=True,
    )
    found = Tag.objects.filter(company_id=company_id, name__in=names)
    return dict(found.values_list("name", "pk"))


def tag_contact(contact: Contact, names: Sequence[str]) -> None:
    """Put tags on a contact by name; unknown ones are made, those it has already stay."""
    if not names:
        return
    known = tags_by_name(company_id=contact.company_id, names=names)
    ContactTag.objects.bulk_create(
        [ContactTag(contact=contact, tag_id=known[name]) for name in dict.fromkeys(names)],
        ignore_conflicts=True,
    )
