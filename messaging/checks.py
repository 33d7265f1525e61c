"""Recomputes every counter from the messages, and names those that differ. Nothing is changed."""

from collections.abc import Iterator

from django.db.models import Count, F, Q, Sum

from companies.models import Company, CreditEntry
from messaging.models import COUNTED, Batch, DailyUsage, Message, Status


def differences() -> Iterator[str]:
    """A sentence for each counter that is not what the messages say. Scans: for a quiet hour."""
    yield from _batches()
    yield from _usage()
    yield from _balances()


def _counts() -> dict[str, Count]:
    return {
        f"now_{status.word}": Count("messages", filter=Q(messages__status=status))
        for status in COUNTED
    }


def _batches() -> Iterator[str]:
    wrong = Q()
    for status in COUNTED:
        wrong |= ~Q(**{status.word: F(f"now_{status.word}")})
    stored = Q(expand_cursor__isnull=True) & ~Q(recipients_count=F("stored"))
    counted = Batch.objects.annotate(stored=Count("messages"), **_counts())
    for batch in counted.filter(wrong | stored).order_by("pk").iterator():
        yield f"batch {batch.pk}: its counters differ from its messages"


def _usage() -> Iterator[str]:
    place = ("company_id", "channel_id", "day", "category")
    words = [status.word for status in COUNTED]
    kept = {
        row[:4]: row[4:]
        for row in DailyUsage.objects.values_list(*place, "accepted", *words).iterator()
    }
    sums = Batch.objects.values_list(*place).annotate(
        Sum("recipients_count"), *(Sum(word) for word in words)
    )
    for row in sums:
        if kept.pop(row[:4], None) != row[4:]:
            yield f"usage {row[:4]}: differs from its batches"
    for key, values in kept.items():
        if any(values):
            yield f"usage {key}: has no batches"


def _balances() -> Iterator[str]:
    ledger = dict(CreditEntry.objects.values_list("company_id").annotate(Sum("amount")))
    for company_id, balance in Company.objects.values_list("pk", "credits"):
        total = ledger.get(company_id, 0)
        if balance != total:
            yield f"company {company_id}: the balance is {balance}, the ledger's sum {total}"


def in_flight() -> int:
    """Messages that are not at rest: while there are any, counters move."""
    return Message.objects.filter(status__lt=Status.SENT).count()
