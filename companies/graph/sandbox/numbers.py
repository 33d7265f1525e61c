"""Phone numbers and the accounts (WABAs) that own them."""

from dataclasses import dataclass, field
from typing import Any, Final

from . import ids
from .buckets import Bucket

LISTED: Final = (
    "verified_name", "display_phone_number", "id", "quality_rating", "code_verification_status",
    "platform_type", "throughput", "webhook_configuration",
)  # fmt: skip


@dataclass(slots=True)
class Waba:
    id: str
    name: str = "Sandbox Business"
    currency: str = "USD"
    country: str = "KE"
    subscribed: bool = True
    callback: str = ""
    disabled: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "timezone_id": "1",
            "message_template_namespace": f"sandbox_{self.id}",
            "account_review_status": "APPROVED",
            "business_verification_status": "verified",
            "country": self.country,
            "currency": self.currency,
            "ownership_type": "SELF",
            "owner_business_info": {"name": self.name, "id": "9" + self.id[1:]},
            "primary_funding_id": "0",
            "marketing_messages_lite_api_status": "ONBOARDED",
            "status": "DISABLED" if self.disabled else "ACTIVE",
            "health_status": _health("WABA", self.id, "BLOCKED" if self.disabled else "AVAILABLE"),
        }


@dataclass(slots=True)
class Number:
    id: str
    waba_id: str
    display_phone_number: str = ""
    verified_name: str = "Sandbox Business"
    quality_rating: str = "GREEN"
    status: str = "CONNECTED"
    name_status: str = "APPROVED"
    code_verification_status: str = "VERIFIED"
    throughput: str = "STANDARD"
    tier: str = "TIER_UNLIMITED"
    registered: bool = True
    pin: str = ""
    callback: str = ""
    mps: float = 0.0  # 0: what the settings say
    profile: dict[str, Any] = field(default_factory=dict)
    bucket: Bucket | None = None

    def __post_init__(self) -> None:
        self.display_phone_number = self.display_phone_number or f"+1555 2{self.id[-6:]}"

    @property
    def digits(self) -> str:
        return "".join(filter(str.isdigit, self.display_phone_number))

    def as_json(self) -> dict[str, Any]:
        usable = self.registered and self.status == "CONNECTED"
        return {
            "id": self.id,
            "display_phone_number": self.display_phone_number,
            "verified_name": self.verified_name,
            "quality_rating": self.quality_rating,
            "quality_score": {"score": self.quality_rating},
            "status": self.status if self.registered else "DISCONNECTED",
            "name_status": self.name_status,
            "code_verification_status": self.code_verification_status,
            "account_mode": "LIVE",
            "platform_type": "CLOUD_API" if self.registered else "NOT_APPLICABLE",
            "throughput": {"level": self.throughput},
            "whatsapp_business_manager_messaging_limit": self.tier,
            "messaging_limit_tier": self.tier,
            "is_official_business_account": False,
            "is_pin_enabled": bool(self.pin),
            "is_on_biz_app": False,
            "health_status": _health("PHONE_NUMBER", self.id, "AVAILABLE" if usable else "BLOCKED"),
            "webhook_configuration": {
                **({"phone_number": self.callback} if self.callback else {}),
            },
        }

    def take(self, now: float, *, mps: float, burst: float) -> bool:
        """Whether one more message fits this number's throughput."""
        rate = self.mps or mps
        if not rate:
            return True
        size = max(1.0, burst or rate)
        if self.bucket is None or (self.bucket.rate, self.bucket.burst) != (rate, size):
            self.bucket = Bucket.full(rate=rate, burst=size, now=now)
        return self.bucket.take(now)


def _health(kind: str, node: str, can_send: str) -> dict[str, Any]:
    entity = {"entity_type": kind, "id": node, "can_send_message": can_send}
    return {"can_send_message": can_send, "entities": [entity]}


class Numbers:
    """Numbers and accounts come into being when they are first spoken of."""

    def __init__(self) -> None:
        self.numbers: dict[str, Number] = {}
        self.wabas: dict[str, Waba] = {}

    def number(self, number_id: str) -> Number:
        number = self.numbers.get(number_id)
        if number is None:
            number = self.add(number_id, ids.waba_of(number_id))
        return number

    def add(self, number_id: str, waba_id: str) -> Number:
        if waba_id not in self.wabas:
            self.wabas[waba_id] = Waba(waba_id)
        number = self.numbers.setdefault(number_id, Number(number_id, waba_id))
        number.waba_id = waba_id
        return number

    def waba(self, waba_id: str) -> Waba:
        """The account; one that nobody spoke of is born with one number."""
        if waba_id not in self.wabas:
            self.wabas[waba_id] = Waba(waba_id)
            if ids.number_of(waba_id) not in self.numbers:
                self.add(ids.number_of(waba_id), waba_id)
        return self.wabas[waba_id]

    def of_waba(self, waba_id: str) -> list[Number]:
        return [n for n in self.numbers.values() if n.waba_id == waba_id]
