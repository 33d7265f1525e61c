"""What can go wrong, as tables: magic recipients, and faults ordered through the control endpoint.

A behaviour says everything about one send: whether it is accepted, what is answered, which
statuses follow. A magic recipient picks one for itself; an ordered fault picks one for whatever
matches it. The ordered fault wins.
"""

from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final

from . import errors
from .buckets import Bucket

# (status, the delay setting that it waits for, code of its error)
Step = tuple[str, str, int]

NORMAL: Final[tuple[Step, ...]] = (
    ("sent", "sent", 0),
    ("delivered", "delivered", 0),
    ("read", "read", 0),
)
HTML_500: Final = b"<!DOCTYPE html><html><body><h1>Sorry, something went wrong.</h1></body></html>"


@dataclass(frozen=True, kw_only=True, slots=True)
class Behaviour:
    name: str = "normal"
    about: str = ""
    magic: str = ""  # the four digits after MAGIC_BEHAVIOUR
    accepts: bool = True
    code: int = 0  # answered, when not accepted
    subcode: int | None = None
    details: str | None = None
    status: int = 0  # HTTP status in place of the usual one
    raw: bytes | None = None  # answered in place of JSON
    closes: bool = False  # the connection closes in place of an answer
    wait: float = 0.0  # seconds before the answer
    first: int = 0  # only the first N attempts to a recipient; the next one is normal
    script: tuple[Step, ...] = NORMAL
    copies: int = 1
    early: bool = False  # the first status is delivered before the answer
    milliseconds: bool = False
    bare: bool = False  # statuses without contacts, pricing
    anonymous: bool = False  # statuses name the user id only
    other_wa_id: bool = False  # the answer names another wa_id than was asked for
    message_status: str = ""
    reply: str = ""  # the recipient's answer to it


NO_FAULT: Final = Behaviour()


def _failing(code: int) -> tuple[Step, ...]:
    return (("failed", "sent", code),)


MAGIC_ERROR: Final = "15550"  # + six digits: a code
MAGIC_BEHAVIOUR: Final = "15551"  # + four digits: a row below

_B = Behaviour
_ROWS: Final = (
    _B(name="http_500", magic="0500", accepts=False, status=500, raw=HTML_500,
       about="HTTP 500 with an HTML page, not accepted"),
    _B(name="http_502", magic="0502", accepts=False, status=502, raw=b"Bad Gateway",
       about="HTTP 502 with plain text, not accepted"),
    _B(name="http_503", magic="0503", accepts=False, status=503, raw=b"",
       about="HTTP 503 with an empty body, not accepted"),
    _B(name="http_429", magic="0429", accepts=False, status=429, raw=b"Too Many Requests",
       about="HTTP 429 without JSON, not accepted"),
    _B(name="slow", magic="1001", wait=8.0,
       about="accepted at once, answered after 8 s; its statuses do not wait for the answer"),
    _B(name="close_before", magic="1002", accepts=False, closes=True,
       about="connection closed without an answer, NOT accepted, no statuses"),
    _B(name="close_after", magic="1003", closes=True,
       about="connection closed without an answer, accepted: its statuses follow"),
    _B(name="slow_close", magic="1004", accepts=False, closes=True, wait=8.0,
       about="nothing for 8 s, then the connection closes, NOT accepted"),
    _B(name="garbage", magic="1005", raw=b'{"messaging_product":"whatsapp","mess',
       about="HTTP 200 with broken JSON, accepted: its statuses follow"),
    _B(name="no_id", magic="1006", raw=b'{"messaging_product":"whatsapp"}',
       about="HTTP 200 without messages[].id, accepted: its statuses follow"),
    _B(name="accepted_500", magic="1007", status=500, raw=HTML_500,
       about="HTTP 500 although accepted: its statuses follow"),
    _B(name="duplicate_statuses", magic="2001", copies=2,
       about="each status arrives twice"),
    _B(name="reordered_statuses", magic="2002",
       script=(("read", "sent", 0), ("delivered", "delivered", 0), ("sent", "read", 0)),
       about="read, then delivered, then sent"),
    _B(name="status_before_response", magic="2003", early=True,
       about="the sent webhook is delivered before the answer to the POST"),
    _B(name="no_status", magic="2004", script=(),
       about="accepted, then never a status"),
    _B(name="read_only", magic="2005", script=(("sent", "sent", 0), ("read", "read", 0)),
       about="sent, then read without delivered"),
    _B(name="milliseconds", magic="2006", milliseconds=True,
       about="timestamps of the statuses in milliseconds"),
    _B(name="failed_then_delivered", magic="2007",
       script=(("failed", "sent", 131026), ("delivered", "delivered", 0)),
       about="failed with 131026, then delivered all the same"),
    _B(name="delivered_then_failed", magic="2008",
       script=(*NORMAL[:2], ("failed", "read", 131026)),
       about="sent, delivered, then failed with 131026"),
    _B(name="sent_only", magic="2009", script=NORMAL[:1],
       about="sent, then nothing: the phone is off"),
    _B(name="bare_statuses", magic="2010", bare=True,
       about="statuses without contacts, pricing"),
    _B(name="user_id_only", magic="2011", anonymous=True,
       about="statuses without recipient_id, with recipient_user_id only"),
    _B(name="held", magic="2012", message_status="held_for_quality_assessment",
       about="a template is held for quality assessment, then released: the usual statuses"),
    _B(name="held_dropped", magic="2013", message_status="held_for_quality_assessment",
       script=(("failed", "read", 132015),),
       about="a template is held, then dropped: failed with 132015"),
    _B(name="never_read", magic="2014", script=NORMAL[:2],
       about="sent, delivered, never read"),
    _B(name="transient", magic="3001", accepts=False, code=131016, first=2,
       about="131016 in the answer to the first two attempts, then normal"),
    _B(name="throttled_twice", magic="3002", accepts=False, code=130429, first=2,
       about="130429 in the answer to the first two attempts, then normal"),
    _B(name="fails_once", magic="3003", first=1, script=_failing(131016),
       about="the first attempt is accepted and fails with 131016 by webhook, then normal"),
    _B(name="http_500_twice", magic="3004", accepts=False, status=500, raw=HTML_500, first=2,
       about="HTTP 500 to the first two attempts, then normal"),
    _B(name="other_wa_id", magic="4001", other_wa_id=True,
       about="the answer's wa_id differs from the number asked for, and so do the statuses"),
    _B(name="replies", magic="5001", reply="Thank you!",
       about="reads the message, then writes back \"Thank you!\""),
    _B(name="replies_stop", magic="5002", reply="STOP",
       about="reads the message, then writes back \"STOP\""),
    _B(name="token_revoked", accepts=False, code=190, subcode=460,
       about="401, code 190: the token is no longer valid"),
)  # fmt: skip

BEHAVIOURS: Final = {row.name: row for row in _ROWS}
BY_MAGIC: Final = {row.magic: row for row in _ROWS if row.magic}


def for_error(
    code: int, *, arrives: str = "", subcode: int | None = None, details: str | None = None
) -> Behaviour:
    """The behaviour that a code stands for: in the answer, or as a failed status after a 200."""
    row = errors.known(code, subcode)
    arrives = arrives or ("async" if row and row.arrives == "async" else "sync")
    if arrives == "async":
        return Behaviour(name="error", script=_failing(code), code=code, details=details)
    return Behaviour(name="error", accepts=False, code=code, subcode=subcode, details=details)


def of_recipient(to: str) -> Behaviour:
    """What a magic recipient asks for; NO_FAULT for everybody else."""
    if to.startswith(MAGIC_ERROR) and len(to) == 11:
        code = int(to[5:])
        return for_error(code) if errors.known(code) else NO_FAULT
    if to.startswith(MAGIC_BEHAVIOUR):
        # The six-digit form makes an eleven-digit number for clients that insist on one.
        digits = to[7:] if len(to) == 11 and to[5:7] == "00" else to[5:]
        return BY_MAGIC.get(digits, NO_FAULT)
    return NO_FAULT


@dataclass(slots=True)
class Fault:
    """A behaviour on order."""

    id: int
    behaviour: Behaviour
    on: str = "messages"  # messages | media | templates | numbers | any
    match: dict[str, str] = field(default_factory=dict)
    times: int | None = None  # left; None: until deleted
    probability: float = 1.0
    bucket: Bucket | None = None  # throttle: only what is over it
    hits: int = 0

    def takes(self, on: str, facts: dict[str, str], *, chance: Random, now: float) -> bool:
        if self.on not in (on, "any") or self.times == 0:
            return False
        if any(facts.get(name) != value for name, value in self.match.items()):
            return False
        if self.probability < 1 and chance.random() >= self.probability:
            return False
        if self.bucket and self.bucket.take(now):
            return False
        self.hits += 1
        if self.times is not None:
            self.times -= 1
        return True

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "fault": "throttle" if self.bucket else self.behaviour.name,
            "code": self.behaviour.code or None,
            "on": self.on,
            "match": self.match,
            "times_left": self.times,
            "probability": self.probability,
            "per_second": self.bucket.rate if self.bucket else None,
            "hits": self.hits,
        }


class Faults:
    """The faults on order, oldest first, and how often each recipient was tried."""

    def __init__(self) -> None:
        self.orders: list[Fault] = []
        self.attempts: dict[tuple[str, str, str], int] = {}
        self.last_id = 0

    def order(self, behaviour: Behaviour, **details: Any) -> Fault:
        self.last_id += 1
        fault = Fault(self.last_id, behaviour, **details)
        self.orders.append(fault)
        return fault

    def cancel(self, fault_id: int | None = None) -> int:
        kept = [f for f in self.orders if fault_id is not None and f.id != fault_id]
        gone = len(self.orders) - len(kept)
        self.orders = kept
        return gone

    def pick(self, on: str, facts: dict[str, str], *, chance: Random, now: float) -> Behaviour:
        for fault in self.orders:
            if fault.takes(on, facts, chance=chance, now=now):
                return self._attempt(fault.behaviour, facts)
        return NO_FAULT

    def pick_for_message(self, facts: dict[str, str], *, chance: Random, now: float) -> Behaviour:
        if self.orders:
            ordered = self.pick("messages", facts, chance=chance, now=now)
            if ordered is not NO_FAULT:
                return ordered
        to = facts["to"]
        if not to.startswith("1555"):
            return NO_FAULT
        return self._attempt(of_recipient(to), facts)

    def _attempt(self, behaviour: Behaviour, facts: dict[str, str]) -> Behaviour:
        """A behaviour for the first N attempts is over at the attempt after them."""
        if not behaviour.first:
            return behaviour
        key = (behaviour.name, facts.get("phone_number_id", ""), facts.get("to", ""))
        before = self.attempts.get(key, 0)
        if before >= behaviour.first:
            self.attempts.pop(key)
            return NO_FAULT
        self.attempts[key] = before + 1
        return behaviour


def adjusted(behaviour: Behaviour, **changes: Any) -> Behaviour:
    """The same behaviour with another wait, HTTP status …, as an order may ask for."""
    return replace(behaviour, **changes)
