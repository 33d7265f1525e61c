"""What Graph's answer to a send means. Pure: bytes in, a verdict out.

An answer proves something only if it is Graph's own JSON. A 200 without a wamid, or a 5xx page from
some proxy on the way, leaves open whether the message was taken: such a send is unanswered, and is
not repeated blindly.
"""

import random
from dataclasses import dataclass
from typing import Any

import orjson

from messaging.error_policy import Action, Policy, policy_for

MAX_RETRY_SECONDS = 600
MAX_WAMID = 140  # more than twice as long as any that was seen; what the column holds
PAIR_LIMIT = 131056
HTTP = "http_"


@dataclass(frozen=True, slots=True)
class Accepted:
    wamid: str


@dataclass(frozen=True, slots=True)
class Refused:
    policy: Policy
    detail: str

    @property
    def code(self) -> str:
        """Meta's; `http_429` where the answer had none, which judge() keeps as -429."""
        code = self.policy.code
        return str(code) if code >= 0 else f"{HTTP}{-code}"

    @property
    def said(self) -> str:
        """For whoever asks why a channel stands still."""
        if self.code.startswith(HTTP):
            return f"Meta answered {self.detail}"
        return f"Meta said ({self.code}): {self.detail}"


@dataclass(frozen=True, slots=True)
class NoAnswer:
    detail: str


Verdict = Accepted | Refused | NoAnswer


def judge(status: int, body: bytes) -> Verdict:
    """The verdict on an answer of Graph to POST /{phone-number-id}/messages."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        data = None
    if status == 200:
        wamid = _wamid(data)
        return Accepted(wamid) if wamid else NoAnswer("Graph answered 200 without a message id.")
    error = data.get("error") if isinstance(data, dict) else None
    if isinstance(error, dict) and isinstance(error.get("code"), int):
        return _refusal(status, error)
    if status >= 500:
        return NoAnswer(f"HTTP {status} without an answer of Graph's own.")
    return Refused(
        policy_for(0 if status == 401 else -status, http_status=status), f"HTTP {status}"
    )


def _wamid(data: Any) -> str:
    try:
        wamid = data["messages"][0]["id"]
    except (KeyError, IndexError, TypeError):
        return ""
    if not isinstance(wamid, str) or "\x00" in wamid or len(wamid) > MAX_WAMID:
        return ""
    return wamid


def _refusal(status: int, error: dict[str, Any]) -> Refused:
    subcode = error.get("error_subcode")
    policy = policy_for(
        error["code"],
        subcode=subcode if isinstance(subcode, int) else None,
        http_status=status,
        is_transient=bool(error.get("is_transient")),
    )
    return Refused(policy, describe(error))


def describe(error: dict[str, Any]) -> str:
    """Meta's own words about an error, the most telling first."""
    data = error.get("error_data")
    details = data.get("details") if isinstance(data, dict) else None
    said = [error.get("title") or error.get("message"), details or error.get("details")]
    text = ": ".join(dict.fromkeys(str(text) for text in said if text))
    return text.replace("\x00", "")[:500]  # PostgreSQL stores no NUL


def retry_seconds(policy: Policy, *, attempts: int) -> float:
    """How long to wait after the `attempts`-th try: growing, jittered, at least the rule's own."""
    base: int = 6 * 4 ** (attempts - 1) if policy.code == PAIR_LIMIT else 2**attempts
    wait = max(policy.wait_seconds, min(base, MAX_RETRY_SECONDS))
    return wait * random.uniform(1.0, 1.3)  # noqa: S311 - not a secret


def is_final(policy: Policy, *, attempts: int) -> bool:
    """Whether a message that was refused like this, for the `attempts`-th time, has failed."""
    if policy.action in (Action.FAIL_RECIPIENT, Action.FAIL_MESSAGE, Action.FAIL_TEMPLATE):
        return True
    if policy.action in (Action.RECONNECT, Action.BLOCK_CHANNEL):
        return False  # the channel is what is wrong: the message waits until somebody mends it
    return attempts >= policy.max_attempts
