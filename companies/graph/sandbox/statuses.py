"""What happens to an accepted message: its statuses, each at its time."""

import heapq
from dataclasses import dataclass
from random import Random
from typing import Any, Generic, TypeVar

from . import ids
from .errors import in_webhook
from .faults import Behaviour, Step
from .numbers import Number
from .records import Record
from .settings import Settings

Event = TypeVar("Event")
BILLED_ON = ("sent", "delivered", "read")


@dataclass(slots=True)
class Due:
    """A status that will be sent."""

    record: Record
    number: Number
    recipient: str  # wa_id, or the user id when the number is not known
    status: str
    behaviour: Behaviour
    code: int = 0
    priced: bool = False
    known: bool = True  # whether `recipient` is a phone number


class Timetable(Generic[Event]):
    """What is to happen, in the order of its times."""

    def __init__(self) -> None:
        self.heap: list[tuple[float, int, Event]] = []
        self.last = 0

    def add(self, at: float, event: Event) -> None:
        self.last += 1
        heapq.heappush(self.heap, (at, self.last, event))

    def take(self, now: float) -> list[Event]:
        taken: list[Event] = []
        while self.heap and self.heap[0][0] <= now:
            taken.append(heapq.heappop(self.heap)[2])
        return taken


def plan(
    script: tuple[Step, ...], settings: Settings, *, chance: Random
) -> list[tuple[float, str, int, bool]]:
    """The script as (seconds from now, status, code, whether it is priced), in order."""
    delays = {
        "sent": settings.sent_delay,
        "delivered": settings.delivered_delay,
        "read": settings.read_delay,
    }
    unread = settings.read_probability < 1 and chance.random() >= settings.read_probability
    steps = []
    latest = 0.0
    received = False
    for status, slot, code in script:
        if status == "read" and unread:
            continue
        spread = 1 + settings.jitter * (2 * chance.random() - 1)
        latest = max(latest, delays[slot] * max(0.0, spread))
        priced = status == "sent" or (status in BILLED_ON and not received)
        received = received or status in ("delivered", "read")
        steps.append((latest, status, code, priced))
    return steps


def value_of(due: Due, settings: Settings, *, now: float) -> dict[str, Any]:
    """The `value` of a messages webhook that carries one status."""
    record, behaviour, number = due.record, due.behaviour, due.number
    failed = due.status == "failed"
    status: dict[str, Any] = {
        "id": record.wamid,
        "status": due.status,
        "timestamp": str(int(now * 1000) if behaviour.milliseconds else int(now)),
    }
    named = due.known and not behaviour.anonymous
    user = due.recipient if not due.known else ids.bsuid(due.recipient)
    if named:
        status["recipient_id"] = due.recipient
    if settings.bsuid or not named:
        status["recipient_user_id"] = user
    if record.tag:
        status["biz_opaque_callback_data"] = record.tag
    if failed:
        status["errors"] = [in_webhook(due.code, behaviour.details)]
    elif due.priced and not behaviour.bare:
        _price(status, record.category, settings, now=now)
    value: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": number.digits,
            "phone_number_id": number.id,
        },
    }
    if settings.contacts_in_statuses and not failed and not behaviour.bare:
        contact = {"wa_id": due.recipient} if named else {}
        if settings.bsuid or not named:
            contact["user_id"] = user
        value["contacts"] = [contact]
    value["statuses"] = [status]
    return value


def _price(status: dict[str, Any], category: str, settings: Settings, *, now: float) -> None:
    if settings.conversation:
        conversation: dict[str, Any] = {"id": status["id"][-32:], "origin": {"type": category}}
        if status["status"] == "sent":
            conversation["expiration_timestamp"] = str(int(now) + 86400)
        status["conversation"] = conversation
    status["pricing"] = {
        "billable": True,
        "pricing_model": "PMP",
        "type": "regular",
        "category": category,
    }
