"""What a drain knows of the batches whose messages it has claimed."""

from dataclasses import dataclass
from datetime import datetime

from messaging import payloads
from messaging.models import Batch
from messaging.queue import Claimed
from templates_app import personal


@dataclass(frozen=True, slots=True)
class BatchFacts:
    payload: payloads.Payload
    expires_at: datetime | None
    halt_code: str
    halt_detail: str
    has_own_media: bool
    is_personal: bool
    template_id: int | None
    paused_at: datetime | None
    due_at: datetime

    def must_wait(self, now: datetime) -> bool:
        """Paused, or scheduled anew for later; what is halted needs no waiting to be failed."""
        return not self.halt_code and (self.paused_at is not None or self.due_at > now)


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed message with what its batch says of it, and what its person's contact does."""

    row: Claimed
    batch: BatchFacts
    values: personal.Values | None = None  # where the batch is personal

    def payload(self) -> payloads.Payload:
        """What is sent, without its recipient."""
        payload = self.batch.payload
        if self.values is None:
            return payload
        components = personal.for_person(payloads.components(payload), self.values)
        return payloads.with_components(payload, components)


def batch_facts(ids: set[int]) -> dict[int, BatchFacts]:
    rows = Batch.objects.filter(pk__in=ids).values_list(
        "pk",
        "payload",
        "expires_at",
        "halt_code",
        "halt_detail",
        "has_own_media",
        "is_personal",
        "template_id",
        "paused_at",
        "due_at",
    )
    return {row[0]: BatchFacts(*row[1:]) for row in rows}
