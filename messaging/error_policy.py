"""What we do about each of Meta's errors. The rules are data (error_policy.json), read once and shown
to staff; this module only finds the one that holds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import orjson


class Action(StrEnum):
    RETRY = "retry"  # the same again in seconds to minutes
    RETRY_LATER = "retry_later"  # the same again after hours
    SLOW = "slow"  # send slower on this channel, and this one again
    PAUSE_CHANNEL = "pause_channel"  # nothing on this channel for a while, then go on
    BLOCK_CHANNEL = "block_channel"  # nothing on this channel until somebody settles it with Meta
    RECONNECT = "reconnect"  # nothing until the channel is connected with a good token
    FAIL_RECIPIENT = "fail_recipient"  # final for this person
    FAIL_MESSAGE = "fail_message"  # final for this message
    FAIL_TEMPLATE = "fail_template"  # final for all that is queued with the same payload


@dataclass(frozen=True, kw_only=True)
class Policy:
    code: int
    subcode: int | None = None
    title: str = ""
    action: Action
    wait_seconds: int = 0
    max_attempts: int = 1
    meaning: str = ""
    remedy: str = ""


def _read() -> Iterator[Policy]:
    for row in orjson.loads((Path(__file__).parent / "error_policy.json").read_bytes()):
        yield Policy(**{**row, "action": Action(row["action"])})


POLICIES: tuple[Policy, ...] = tuple(_read())
_BY_CODE = {(policy.code, policy.subcode): policy for policy in POLICIES}


def policy_for(
    code: int, *, subcode: int | None = None, http_status: int = 400, is_transient: bool = False
) -> Policy:
    """The rule for an error: by code and subcode, by code, by the range 200-299, else by what the
    HTTP status tells. An error that came by webhook has no status: give 0.
    """
    known = _BY_CODE.get((code, subcode)) or _BY_CODE.get((code, None))
    if known:
        return known
    if 200 <= code <= 299:
        return _BY_CODE[200, None]
    if is_transient or http_status >= 500:
        return Policy(code=code, action=Action.RETRY, wait_seconds=2, max_attempts=4)
    if http_status == 429:
        return Policy(code=code, action=Action.PAUSE_CHANNEL, wait_seconds=60, max_attempts=10)
    if http_status in (401, 403):
        return Policy(code=code, action=Action.RECONNECT)
    if http_status == 0:
        return Policy(code=code, action=Action.FAIL_RECIPIENT)
    return Policy(code=code, action=Action.FAIL_MESSAGE)
