"""What changes a contact, beside its own pages: what people tell us, and what Meta tells us of them."""

from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction

from contacts.models import Contact

# What people write to be left alone, and to come back: alone in a message, whatever the case.
STOP_WORDS = frozenset(
    ["stop", "stop all", "stopall", "unsubscribe", "cancel", "end", "quit", "opt out", "optout"]
    + ["acha", "sitisha", "arrêt", "arret", "parar", "sair", "توقف", "إيقاف"]
)
START_WORDS = frozenset(["start", "unstop", "subscribe", "opt in", "optin", "anza"])
MARKETING = "marketing preference"


def person(*, company_id: int, phone: str | None, bsuid: str | None, name: str = "") -> Contact:
    """The contact of a phone number, of a BSUID, or of both; made if unknown.

    Where each is known as somebody else, the one with the phone number is meant.
    """
    known = Contact.objects.filter(company_id=company_id)
    contact = (phone and known.filter(phone=phone).first()) or (
        bsuid and known.filter(bsuid=bsuid).first()
    )
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
    word = " ".join(text.strip(" .!\n\t").lower().split())
    if word in STOP_WORDS:
        opt_out(contact, at=at, reason=f"wrote “{word}”")
    elif word in START_WORDS:
        opt_in(contact)


def opt_out(contact: Contact, *, at: datetime, reason: str) -> None:
    Contact.objects.filter(pk=contact.pk, opted_out_at=None).update(
        opted_out_at=at, opted_out_reason=reason[:80]
    )


def opt_in(contact: Contact, *, reason: str | None = None) -> None:
    """They want to hear again; with `reason`, only if that is why they had opted out."""
    out = Contact.objects.filter(pk=contact.pk, opted_out_at__isnull=False)
    if reason is not None:
        out = out.filter(opted_out_reason=reason)
    out.update(opted_out_at=None, opted_out_reason="")


def mark_unreachable(contact_ids: Sequence[int], *, now: datetime) -> None:
    """Meta said that they are not on WhatsApp."""
    if contact_ids:
        Contact.objects.filter(pk__in=contact_ids).update(not_on_whatsapp_at=now)


def mark_reachable(contact_ids: Sequence[int]) -> None:
    """Something arrived, so they are."""
    if contact_ids:
        Contact.objects.filter(pk__in=contact_ids, not_on_whatsapp_at__isnull=False).update(
            not_on_whatsapp_at=None
        )


def changed_number(*, company_id: int, old: str, new: str) -> None:
    """A person moved to another number: keep the contact, unless the new number is somebody already."""
    known = Contact.objects.filter(company_id=company_id)
    if old and new and not known.filter(phone=new).exists():
        known.filter(phone=old).update(phone=new[:15])
