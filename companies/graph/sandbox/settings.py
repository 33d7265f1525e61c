"""What can be tuned, at the start and later through the control endpoint."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

DAY = 86400.0

CHOICES: Final[dict[str, tuple[object, ...]]] = {
    "enforce_window": ("off", "async", "sync"),
    "template_decision": ("approve", "reject", "manual"),
    "throttle_status": (400, 429),
}
AT_LEAST_ONE: Final = {"webhook_batch", "webhook_concurrency", "ring_size"}
MAY_BE_NEGATIVE: Final = {"clock_offset"}
SECRET: Final = {"app_secret", "verify_token"}


class BadSetting(ValueError):
    """A name or a value that no setting has."""


@dataclass(kw_only=True, slots=True)
class Settings:
    # Where webhooks go
    webhook_url: str = ""
    app_secret: str = "tuma-sandbox-secret"  # noqa: S105 - a default for local play
    verify_token: str = "tuma-sandbox-verify"  # noqa: S105 - the same
    # What follows an accepted message, in seconds after it
    sent_delay: float = 0.1
    delivered_delay: float = 0.3
    read_delay: float = 0.6
    jitter: float = 0.2  # each delay is spread by this share of itself, both ways
    read_probability: float = 1.0
    statuses: bool = True
    contacts_in_statuses: bool = True
    bsuid: bool = True
    conversation: bool = False  # the shape before v24.0
    # How Graph answers
    latency: float = 0.0  # seconds before every answer to /messages
    seed: int | None = None
    clock_offset: float = 0.0
    # Meta's rules that stand in the way of a demo, hence off
    enforce_window: str = "off"
    pair_limit: bool = False
    mps: float = 0.0
    mps_burst: float = 0.0  # 0: as much as mps
    management_per_hour: int = 0
    throttle_status: int = 400
    allow_list: list[str] = field(default_factory=list)
    strict_media: bool = True
    require_appsecret_proof: bool = False
    # Template review
    template_review_seconds: float = 2.0
    template_decision: str = "approve"
    template_edit_limits: bool = True
    # The webhook sender
    webhooks_paused: bool = False
    webhook_batch: int = 100
    webhook_interval: float = 0.05
    webhook_concurrency: int = 8
    webhook_timeout: float = 10.0
    webhook_retry_first: float = 0.5
    webhook_retry_cap: float = 30.0
    webhook_retry_for: float = 7 * DAY
    # Memory
    ring_size: int = 200_000

    def update(self, changes: Mapping[str, Any]) -> None:
        """Take all of the changes or, when one of them is wrong, none."""
        checked = {name: _checked(name, value) for name, value in changes.items()}
        for name, value in checked.items():
            setattr(self, name, value)

    def public(self) -> dict[str, Any]:
        """All settings; of the secrets only whether they are set."""
        shown = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: bool(v) if name in SECRET else v for name, v in shown.items()}


TYPES: Final = {item.name: item.type for item in fields(Settings)}


def _checked(name: str, value: Any) -> Any:
    if name not in TYPES:
        raise BadSetting(f"There is no setting {name!r}. There are: {', '.join(sorted(TYPES))}.")
    kind = TYPES[name]
    if name in CHOICES and value not in CHOICES[name]:
        raise BadSetting(f"{name} is one of {', '.join(map(str, CHOICES[name]))}, not {value!r}.")
    if name == "allow_list":
        return _phones(value)
    if kind is str:
        return _of_type(name, value, str, "a string")
    if kind is bool:
        return _of_type(name, value, bool, "true or false")
    if name == "seed" and value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadSetting(f"{name} is a number, not {value!r}.")
    return _number(name, value, whole=kind is not float)


def _of_type(name: str, value: Any, kind: type, wording: str) -> Any:
    if not isinstance(value, kind):
        raise BadSetting(f"{name} is {wording}, not {value!r}.")
    return value


def _number(name: str, value: float, *, whole: bool) -> float:
    if value != value or value in (float("inf"), float("-inf")):
        raise BadSetting(f"{name} is a finite number.")
    if whole and value != int(value):
        raise BadSetting(f"{name} is a whole number, not {value!r}.")
    lowest = 1 if name in AT_LEAST_ONE else 0
    if value < lowest and name not in MAY_BE_NEGATIVE:
        raise BadSetting(f"{name} is at least {lowest}, not {value!r}.")
    if name.endswith("probability") and value > 1:
        raise BadSetting(f"{name} is at most 1, not {value!r}.")
    return int(value) if whole else float(value)


def _phones(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadSetting("allow_list is a list of phone numbers.")
    return ["".join(filter(str.isdigit, item)) for item in value]
