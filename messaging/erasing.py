"""Forgetting a person (contacts.people.erase): numbers, contents and files of what was said with them.

Rows stay, so that counts and the ledger still add up. Raw webhooks and companies' own webhook
deliveries are forgotten with age (WEBHOOK_RETENTION_DAYS).
"""

from collections.abc import Sequence

from django.db import models
from django.db.models import F, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.keepers import Keeper, StillBusy
from contacts.models import Contact
from contacts.phones import as_written
from messaging.models import (
    Batch,
    FilledIn,
    InboundMessage,
    Media,
    Message,
    Status,
    UnusedInput,
)

ERASED = "erased"


def forget(people: Sequence[Contact]) -> None:
    """One person, with all of its numbers; raises StillBusy while something is to be sent to them."""
    ids = [person.pk for person in people]
    sent = Message.objects.filter(contact__in=ids)
    if sent.filter(status__lt=Status.SENT).exists():
        raise StillBusy(
            _("A message to this person is waiting or under way. Wait, or cancel its batch first.")
        )
    FilledIn.objects.filter(message__in=sent).delete()
    # WhatsApp's own ids of messages hold the number.
    sent.update(recipient=ERASED, wamid=None)
    _forget_received(ids)
    _forget_unused(people)


def _forget_received(ids: Sequence[int]) -> None:
    got = InboundMessage.objects.filter(contact__in=ids)
    now = timezone.now()
    files = got.exclude(stored_media=None).values("stored_media")
    # From now on they are past their time: nobody can open them, and housekeeping drops the bytes.
    Media.objects.filter(pk__in=files).update(expires_at=now, filename=ERASED)
    got.update(
        text="",
        payload={},
        media_id="",
        media_due_at=None,
        reply_to="",
        wamid=Concat(Value(f"{ERASED}."), Cast(F("pk"), models.CharField())),
    )


def _forget_unused(people: Sequence[Contact]) -> None:
    """Where a batch noted that the person was left out."""
    written = [
        form
        for person in people
        for recipient in filter(None, (person.phone, person.bsuid))
        for form in (recipient, as_written(recipient))
    ]
    if written:
        batches = Batch.objects.filter(company=people[0].company_id)
        UnusedInput.objects.filter(batch__in=batches, input__in=written).update(input=ERASED)


KEEPER = Keeper(
    refers=f"""EXISTS (SELECT 1 FROM {Message._meta.db_table} m WHERE m.contact_id = c.id)
        OR EXISTS (SELECT 1 FROM {InboundMessage._meta.db_table} i WHERE i.contact_id = c.id)""",
    forget=forget,
)
