"""What a drain knows of the batches whose messages it has claimed."""

from dataclasses import dataclass
from datetime import datetime

from messaging import payloads
from messaging.models import Batch
from messaging.queue import Claimed


@dataclass(frozen=True, slots=True)
class BatchFacts:
    payload: payloads.Payload
    expires_at: datetime | None
    halt_code: str
    halt_detail: str
    has_own_media: bool
    paused_at: datetime | None
    due_at: datetime

    def must_wait(self, now: datetime) -> bool:
        """Paused, or scheduled anew for later; what is halted needs no waiting to be failed."""
        return not self.halt_code and (self.paused_at is not None or self.due_at > now)


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed message with what its batch says of it."""

    row: Claimed
    batch: BatchFacts


def batch_facts(ids: set[int]) -> dict[int, BatchFacts]:
    rows = Batch.objects.filter(pk__in=ids).values_list(
        "pk",
        "payload",
        "expires_at",
        "halt_code",
        "halt_detail",
        "has_own_media",
        "paused_at",
        "due_at",
    )
    return {row[0]: BatchFacts(*row[1:]) for row in rows}
