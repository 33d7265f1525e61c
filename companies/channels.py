"""Channels: found for a send (by hand, without the token, since each request asks), what Meta allows
them, and which is a company's default.
"""

from django.db import transaction

from companies.models import Channel, Decision
from config import sql
from config.memory import Memory

_NAMES = (
    "id",
    "company_id",
    "name",
    "status",
    "waba_id",
    "phone_number_id",
    "phone_number",
    "daily_limit",
)
_FROM = f"SELECT {', '.join(_NAMES)} FROM {Channel._meta.db_table}"


_lately: Memory[int, Channel] = Memory(seconds=5)


def find(channel_id: int, *, lately: bool = False) -> Channel | None:
    """The channel; what is not named above is fetched when it is asked for.

    `lately`: as it was a few seconds ago will do, since what is stored for it proves it again.
    """
    known = _lately.get(channel_id) if lately else None
    if known is None:
        known = _one(sql.fetch(f"{_FROM} WHERE id = %s", [channel_id]))
        if known is not None:
            _lately.put(channel_id, known)
    return known


def default(company_id: int) -> Channel | None:
    """The company's default channel."""
    return _one(sql.fetch(f"{_FROM} WHERE company_id = %s AND is_default = %s", [company_id, True]))


def _one(rows: list[tuple[object, ...]]) -> Channel | None:
    return Channel.from_db("default", _NAMES, rows[0]) if rows else None


# --- What Meta allows ------------------------------------------------------------------

# Messages a day by the WABA's tier; None for unlimited.
DAILY_LIMITS = {
    "TIER_50": 50,
    "TIER_250": 250,
    "TIER_1K": 1_000,
    "TIER_2K": 2_000,
    "TIER_10K": 10_000,
    "TIER_100K": 100_000,
    "TIER_UNLIMITED": None,
}
# What a new account may, where Graph names no tier that we know.
LEAST_DAILY_LIMIT = 250
STANDARD_RATE, HIGH_RATE = 80, 1_000  # messages a second
HIGH = "HIGH"


def daily_limit(tier: str) -> int | None:
    return DAILY_LIMITS.get(tier, LEAST_DAILY_LIMIT)


def most_per_second(throughput: str) -> int:
    """Messages a second that a number of this level may send."""
    return HIGH_RATE if throughput == HIGH else STANDARD_RATE


# --- Staff and defaults ----------------------------------------------------------------


def was_approved(channel: Channel) -> bool:
    """Whether staff let it send, by the last that they decided; what staff made themselves may."""
    decided = Decision.objects.filter(about_type="channel", about_id=channel.pk)
    # That its sending was paused, or resumed, is a decision of another kind.
    moves = decided.filter(to_status__in=Channel.Status.values).order_by("-pk")
    last = moves.values_list("to_status", flat=True).first()
    if last is not None:
        return last == Channel.Status.CONNECTED
    return channel.requested_at is None and channel.status != Channel.Status.REQUESTED


def give_up_default(company_id: int) -> bool:
    """Whether a new channel may be the default: there is none, or staff rejected it (then it is none
    any more). Within the caller's transaction.
    """
    found = Channel.objects.filter(company_id=company_id, is_default=True).first()
    if found is None:
        return True
    is_useless = found.status == Channel.Status.DISCONNECTED and not was_approved(found)
    return is_useless and bool(Channel.objects.filter(pk=found.pk).update(is_default=False))


def make_default(channel: Channel) -> None:
    """Requests that name no channel are sent from this one, and from no other."""
    mine = Channel.objects.filter(company_id=channel.company_id)
    with transaction.atomic():
        mine.exclude(pk=channel.pk).filter(is_default=True).update(is_default=False)
        mine.filter(pk=channel.pk).update(is_default=True)
