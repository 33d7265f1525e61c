"""Everything the sandbox knows, in one place and in memory."""

import hashlib
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from .buckets import Bucket
from .faults import Faults
from .media import MediaStore
from .numbers import Numbers
from .records import Counts, Ring
from .settings import DAY, Settings
from .statuses import Timetable
from .templates import TemplateStore
from .webhooks import DEFAULT, Change, WebhookSender

Clock = Callable[[], float]

APP_ID = "670000000000001"
SCOPES = ("whatsapp_business_management", "whatsapp_business_messaging")
PAIR_BURST = 45  # messages to one user at once, then
PAIR_SECONDS = 6  # one in so many seconds


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What a token is good for, unless the control endpoint said otherwise: everything, for ever."""

    scopes: tuple[str, ...] = SCOPES
    expires_at: int = 0
    app_id: str = APP_ID


class State:
    def __init__(self, settings: Settings, *, clock: Clock = time.time) -> None:
        self.settings = settings
        self.clock = clock
        self.base_url = ""
        self.chance = new_chance(settings.seed)
        self.webhooks = WebhookSender(settings)
        self.numbers = Numbers()
        self.templates = TemplateStore()
        self.media = MediaStore()
        self.revoked: set[str] = set()
        self.tokens: dict[str, TokenFacts] = {}
        self.subscriptions: dict[str, dict[str, Any]] = {}
        self.changed = False  # something that --state keeps
        self.forget_messages()

    def forget_messages(self) -> None:
        self.ring = Ring(self.settings.ring_size)
        self.counts = Counts()
        self.calls: deque[dict[str, Any]] = deque(maxlen=1000)
        self.timetable: Timetable[Any] = Timetable()
        self.faults = Faults()
        self.last_inbound: dict[tuple[str, str], float] = {}
        self.pairs: dict[tuple[str, str], Bucket] = {}
        self.management: dict[str, tuple[int, int]] = {}
        self.seq = 0

    def reset(self, *, everything: bool) -> None:
        """Back to the start; with `everything` also templates, numbers, media and tokens."""
        self.forget_messages()
        self.webhooks.forget()
        self.chance = new_chance(self.settings.seed)
        if everything:
            self.numbers, self.templates, self.media = Numbers(), TemplateStore(), MediaStore()
            self.revoked.clear()
            self.tokens.clear()
            self.subscriptions.clear()
        self.changed = True

    def now(self) -> float:
        return self.clock() + self.settings.clock_offset

    def next_seq(self) -> int:
        self.seq += 1
        return self.seq

    def revoke(self, token: str) -> None:
        self.revoked.add(fingerprint(token))

    def restore(self, token: str) -> None:
        self.revoked.discard(fingerprint(token))

    def is_revoked(self, token: str) -> bool:
        return bool(self.revoked) and fingerprint(token) in self.revoked

    def describe(self, token: str, **facts: Any) -> None:
        """What debug_token is to say of a token from now on."""
        self.tokens[fingerprint(token)] = TokenFacts(**facts)

    def facts(self, token: str) -> TokenFacts:
        return self.tokens.get(fingerprint(token), TokenFacts())

    def window_open(self, phone_number_id: str, wa_id: str, *, now: float) -> bool:
        """Whether the user wrote to this number in the last 24 hours."""
        at = self.last_inbound.get((phone_number_id, wa_id))
        return at is not None and now - at < DAY

    def pair_allows(self, phone_number_id: str, wa_id: str, *, now: float) -> bool:
        key = (phone_number_id, wa_id)
        bucket = self.pairs.get(key)
        if bucket is None:
            bucket = Bucket.full(rate=1 / PAIR_SECONDS, burst=PAIR_BURST, now=now)
            self.pairs[key] = bucket
        return bucket.take(now)

    def emit(self, change: Change, *, phone_number_id: str = "") -> None:
        """Queue a webhook: to the number's own address, else the account's, else the app's."""
        waba = self.numbers.waba(change.waba_id)
        if not waba.subscribed:
            if change.done and not change.done.done():
                change.done.set_result(None)
            return
        number = self.numbers.numbers.get(phone_number_id)
        own = number.callback if number else ""
        self.webhooks.add(change, own or waba.callback or DEFAULT)


def new_chance(seed: int | None) -> Random:
    """Repeatable when seeded; nothing secret is drawn from it."""
    return Random(seed)  # noqa: S311


def fingerprint(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
