"""Public ids such as `msg_4k2v9d1x8q0zt`, derived from the primary key and back.

Nothing is stored for them. A keyed permutation (a small Feistel network) hides how many rows there
are and what the next id is; it is no secret that guards anything: every lookup is scoped by company.
"""

import hashlib
import re
from functools import lru_cache

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_LENGTH = 13  # 36**13 > 2**64
_IS_NUMBER = re.compile(f"[0-9a-z]{{{_LENGTH}}}")
_MASK = 0xFFFFFFFF


@lru_cache(maxsize=16)
def _round_keys(prefix: str) -> tuple[int, ...]:
    digest = hashlib.blake2b(f"tuma public id {prefix}".encode(), digest_size=32).digest()
    return tuple(int.from_bytes(digest[i : i + 8], "big") | 1 for i in range(0, 32, 8))


def _mix(half: int, key: int) -> int:
    half = (half * key + (key >> 32)) & 0xFFFFFFFFFFFFFFFF
    half ^= half >> 29
    return (half * 0x9E3779B97F4A7C15 >> 32) & _MASK


def encode(prefix: str, pk: int) -> str:
    """`encode("msg", 1)` -> `msg_…`, 13 characters after the underscore."""
    left, right = pk >> 32, pk & _MASK
    for key in _round_keys(prefix):
        left, right = right, left ^ _mix(right, key)
    number = (left << 32) | right
    chars = []
    for _ in range(_LENGTH):
        number, digit = divmod(number, 36)
        chars.append(_ALPHABET[digit])
    return f"{prefix}_{''.join(reversed(chars))}"


def decode(prefix: str, public_id: object) -> int | None:
    """The primary key, or None for anything that is no such id."""
    if not isinstance(public_id, str) or not public_id.startswith(f"{prefix}_"):
        return None
    digits = public_id[len(prefix) + 1 :]
    if not _IS_NUMBER.fullmatch(digits):
        return None
    number = int(digits, 36)
    if number >> 64:
        return None
    left, right = number >> 32, number & _MASK
    for key in reversed(_round_keys(prefix)):
        left, right = right ^ _mix(left, key), left
    pk = (left << 32) | right
    return pk if 0 < pk < 1 << 63 else None
