"""What a send would do, before it is done: to how many, who is left out and why, at what cost, by when.

Everything is counted by the database in a few statements, whatever the number of people; nothing is
changed, and nothing reserved: `services.accept` decides.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from companies.models import Channel, Company
from config import sql
from contacts.phones import as_written
from messaging import census, recipients
from messaging.census import Census
from messaging.models import ChannelState, Lane, Message, Status
from messaging.personal_check import Shortfall, shortfall
from messaging.queue import QUEUE
from messaging.services import SendRequest

EXAMPLES = 3
# What is queued before it is counted up to here; beyond, the time is the earliest.
AHEAD_COUNTED = 200_000

WORDS: dict[str, tuple[str | Promise, str | Promise]] = {
    recipients.NOT_A_NUMBER: (
        _("Not a phone number"),
        _("Nothing in it that could be a number of this country or with a country code."),
    ),
    recipients.REPEATED: (_("Repeated"), _("They get it once, however often they are named.")),
    recipients.OPTED_OUT: (
        _("Opted out"),
        _("They asked not to hear from you; nobody can send to them until they opt in again."),
    ),
    recipients.NOT_ON_WHATSAPP: (
        _("Not on WhatsApp lately"),
        _("WhatsApp said in the last 30 days that it can’t reach them."),
    ),
    recipients.WINDOW_CLOSED: (
        _("24-hour window closed"),
        _("They have not written to you in the day before: only templates reach them."),
    ),
    recipients.NO_NUMBER: (
        _("No phone number"),
        _("WhatsApp keeps their number back, and takes codes for phone numbers only."),
    ),
    recipients.OVER_LIMIT: (
        _("Over the channel’s daily limit"),
        _("The channel may send no more today. Send to the rest tomorrow."),
    ),
}
# Whom nobody can name one by one.
_UNLISTED = (recipients.OVER_LIMIT,)


@dataclass(frozen=True, kw_only=True)
class Group:
    """People who are left out for one reason."""

    reason: str
    count: int
    examples: list[str]

    @property
    def title(self) -> str:
        return str(WORDS[self.reason][0])

    @property
    def text(self) -> str:
        return str(WORDS[self.reason][1])

    @property
    def is_listed(self) -> bool:
        return self.reason not in _UNLISTED


@dataclass(frozen=True, kw_only=True)
class DryRun:
    """`request` is the one to accept: what was shown, with those over the daily limit cut off."""

    request: SendRequest
    total: int
    groups: list[Group]
    price: int
    credits_left: int  # before it, down to what the company may owe
    starts_at: datetime
    ends_at: datetime
    ends_later: bool  # more is queued before it than was counted
    room_today: int | None  # None where the channel has no limit
    shortfall: Shortfall | None  # None for a message that can be filled in for everybody

    @property
    def cost(self) -> int:
        return self.total * self.price

    @property
    def left_out(self) -> int:
        return sum(group.count for group in self.groups)

    @property
    def is_affordable(self) -> bool:
        return self.cost <= self.credits_left

    @property
    def is_possible(self) -> bool:
        return self.total > 0 and self.is_affordable


@dataclass
class _Counts:
    total: int = 0
    groups: dict[str, tuple[int, list[str]]] = field(default_factory=dict)

    def leave_out(self, reason: str, count: int, examples: list[str]) -> None:
        before, shown = self.groups.get(reason, (0, []))
        self.groups[reason] = (before + count, [*shown, *examples][:EXAMPLES])


def run(request: SendRequest, *, company: Company, now: datetime) -> DryRun:
    counts = _Counts()
    numbers, usable = _count_numbers(request, company, counts)
    counted = _count_tagged(request, company, numbers, counts)
    lacking = shortfall(
        request, company_id=company.pk, numbers=usable, tagged=counts.total - len(usable)
    )
    room = _room_today(request.channel, company, now=now)
    if room is not None and counts.total > room:
        counts.leave_out(recipients.OVER_LIMIT, counts.total - room, [])
        counts.total = room
    starts_at = max(now, request.due_at or now)
    ends_at, ends_later = _end(request.channel, counts.total, starts_at=starts_at, now=now)
    return DryRun(
        request=replace(request, at_most=room, counted=counted),
        total=counts.total,
        groups=[
            Group(reason=reason, count=counts.groups[reason][0], examples=counts.groups[reason][1])
            for reason in WORDS
            if reason in counts.groups
        ],
        price=company.price(request.category),
        credits_left=company.credits - company.credit_floor,
        starts_at=starts_at,
        ends_at=ends_at,
        ends_later=ends_later,
        room_today=room,
        shortfall=lacking,
    )


def _count_numbers(
    request: SendRequest, company: Company, counts: _Counts
) -> tuple[list[str], list[str]]:
    """The numbers that were given, and those of them that get it."""
    numbers, unused = recipients.normalise(request.numbers, country=company.country)
    for given, reason in unused:
        counts.leave_out(reason, 1, [given])
    left_out = recipients.left_out(numbers, company_id=company.pk, refusing=request.leaves_out)
    for number, reason in left_out.items():
        counts.leave_out(reason, 1, [number])
    usable = [number for number in numbers if number not in left_out]
    counts.total += len(usable)
    return numbers, usable


def _count_tagged(
    request: SendRequest, company: Company, numbers: list[str], counts: _Counts
) -> Census:
    who: dict[str, Any] = {
        "company_id": company.pk,
        "tag_ids": recipients.own_tags(request.tags, company_id=company.pk),
        "besides": numbers,
        "refusing": request.leaves_out,
    }
    counted = census.take(**who)
    counts.total += counted.total
    for why, count in counted.left_out.items():
        _, shown = counts.groups.get(why, (0, []))
        missing = EXAMPLES - len(shown)
        counts.leave_out(why, count, census.examples(why, **who, limit=missing) if missing else [])
    return counted


def _room_today(channel: Channel, company: Company, *, now: datetime) -> int | None:
    """How many more the channel may send today, by the company's clocks."""
    if channel.daily_limit is None:
        return None
    today = now.astimezone(zoneinfo.ZoneInfo(company.time_zone)).date()
    state = ChannelState.objects.filter(channel=channel, day=today).first()
    return max(0, channel.daily_limit - (state.day_count if state else 0))


def _end(
    channel: Channel, count: int, *, starts_at: datetime, now: datetime
) -> tuple[datetime, bool]:
    """When the last would be sent at the channel's rate, behind what is due before; and whether only
    part of that was counted.
    """
    table = Message._meta.db_table
    due = f"""SELECT 1 FROM {table} WHERE channel_id = %s AND status = {Status.QUEUED:d}
        AND {QUEUE} AND lane = %s AND due_at <= %s LIMIT {AHEAD_COUNTED}"""
    lanes = [Lane.EXPRESS] if count == 1 else list(Lane)
    ahead = 0
    for lane in lanes:
        [(found,)] = sql.fetch(
            f"SELECT count(*) FROM ({due}) AS due",
            [channel.pk, lane.value, sql.moment(starts_at)],
        )
        ahead += found
    rate = max(1, channel.rate_per_second)
    until_start = (starts_at - now).total_seconds() * rate
    still_ahead = max(0.0, ahead - until_start)
    seconds = (still_ahead + count) / rate
    return starts_at + timedelta(seconds=seconds), ahead >= AHEAD_COUNTED


def each_left_out(
    request: SendRequest, *, company: Company, reason: str
) -> Iterator[tuple[str, str]]:
    """What was given, and why it is left out: all of one reason, or of all ("")."""
    numbers, unused = recipients.normalise(request.numbers, country=company.country)
    refused = recipients.left_out(numbers, company_id=company.pk, refusing=request.leaves_out)
    found = [*unused, *((as_written(each), why) for each, why in refused.items())]
    yield from ((given, why) for given, why in found if reason in ("", why))
    if reason in (recipients.NOT_A_NUMBER, recipients.REPEATED):
        return
    tag_ids = recipients.own_tags(request.tags, company_id=company.pk)
    tagged = recipients.left_out_tagged(
        company_id=company.pk,
        tag_ids=tag_ids,
        tagged_up_to=recipients.newest_tagging(),
        besides=numbers,
        refusing=request.leaves_out,
    )
    yield from ((as_written(each), why) for each, why in tagged if reason in ("", why))
