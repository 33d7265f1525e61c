"""Accepting a send: the one way in, whatever the dialect.

Everything that makes a request accepted (recipients, credit, daily limit, idempotency) is one
transaction: it is all there, or nothing is. No network call is made in it.
"""

import zoneinfo
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction

from companies import credits
from companies.keys import Caller
from companies.limits import Usage, Window
from companies.models import Channel
from config import sql
from config.api import Answer, ApiError, RateLimited
from contacts.phones import as_written, is_bsuid
from messaging import batches, census, idempotency, media, payloads, reach, recipients, tallies
from messaging.census import Census
from messaging.models import Batch, ChannelState, Lane
from messaging.payloads import Payload
from messaging.wake import wake_channel
from templates_app import personal
from templates_app.models import Template

SERVICE = "SERVICE"
# WhatsApp shows an authentication code for ten minutes unless its template says otherwise.
CODE_LIFE = timedelta(minutes=10)
_STATE = ChannelState._meta.db_table


class NoValidRecipients(ApiError):
    code = "no_valid_recipients"


@dataclass(frozen=True, kw_only=True)
class SendRequest:
    """What every dialect makes of its vendor's request."""

    channel: Channel
    payload: Payload
    template: Template | None = None
    numbers: Sequence[object] = ()
    tags: Sequence[object] = ()
    due_at: datetime | None = None
    refusing: recipients.Refusing = recipients.EVERYBODY
    # The people under the tags, where somebody has just counted them.
    counted: Census | None = None
    at_most: int | None = None  # of those who are written to, numbers before people under tags
    dialect: str
    echo: dict[str, Any] = field(default_factory=dict)

    @property
    def category(self) -> str:
        return self.template.category if self.template else SERVICE

    @property
    def is_code(self) -> bool:
        return self.category == Template.Category.AUTHENTICATION

    @property
    def leaves_out(self) -> recipients.Refusing:
        """As asked, and by what is sent."""
        return replace(self.refusing, without_number=True) if self.is_code else self.refusing


@dataclass(frozen=True)
class _Plan:
    numbers: list[str]
    tag_ids: list[int]
    tagged: int
    tagged_up_to: int
    unused: recipients.Unused = field(default_factory=list)
    refusing: recipients.Refusing = recipients.EVERYBODY

    @property
    def is_single(self) -> bool:
        """One number and nothing else to tell: what most requests are."""
        alone = len(self.numbers) == 1 and not self.tag_ids and not self.unused
        return alone and self.refusing.is_plain and not is_bsuid(self.numbers[0])


def accept_proven(
    request: SendRequest, *, caller: Caller, window: Window, now: datetime, request_id: str
) -> tuple[Usage | None, Batch | None]:
    """Store a send to one number for a caller who is remembered (see batches.insert_proven).

    No batch: nothing is stored, and `accept` has to tell why. No usage: nothing was counted either.
    """
    media.refuse_unsendable(request.payload, company_id=caller.company_id)
    plan = _plan(request, caller)
    if not plan.is_single or request.channel.daily_limit is not None:
        return None, None
    batch = _new_batch(request, plan, caller=caller, total=1, now=now, request_id=request_id)
    if batch.price <= 0:
        return None, None
    usage, stored = batches.insert_proven(batch, plan.numbers[0], window)
    if not stored:
        return usage, None
    wake_channel(batch.channel_id)
    return usage, batch


def accept(
    request: SendRequest,
    *,
    caller: Caller,
    now: datetime,
    answer: Callable[[Batch], Answer],
    request_id: str = "",
    key: idempotency.Key | None = None,
) -> Answer:
    """Store a send and queue it; what `answer` makes of the batch, or made of it the first time.

    Raises NoValidRecipients, RateLimited (the channel's daily limit), InsufficientCredits and
    IdempotencyConflict, each of which leaves nothing behind.
    """
    media.refuse_unsendable(request.payload, company_id=caller.company_id)
    plan = _plan(request, caller)
    new = partial(_new_batch, request, caller=caller, now=now, request_id=request_id)
    if key is None and (single := _store_single(request, plan, new)):
        wake_channel(single.channel_id)
        return answer(single)
    with transaction.atomic():
        if key:
            earlier = idempotency.begin(key, company_id=caller.company_id, now=now)
            if earlier:
                return earlier
        batch = _store_single(request, plan, new) if key else None
        batch = batch or _store(request, plan, new, caller=caller, now=now)
        given = answer(batch)
        if key:
            idempotency.finish(key, given, company_id=caller.company_id)
    wake_channel(batch.channel_id, expand=batch.pk if batch.expand_cursor is not None else None)
    return given


def _plan(request: SendRequest, caller: Caller) -> _Plan:
    numbers, unused = recipients.normalise(request.numbers, country=caller.country)
    tag_ids = recipients.own_tags(request.tags, company_id=caller.company_id)
    unused += recipients.unknown_tags(request.tags, own=tag_ids)
    if not tag_ids:
        return _Plan(numbers, [], 0, 0, unused, request.leaves_out)
    counted = request.counted or census.take(
        company_id=caller.company_id, tag_ids=tag_ids, besides=numbers, refusing=request.leaves_out
    )
    return _Plan(numbers, tag_ids, counted.total, counted.tagged_up_to, unused, request.leaves_out)


def _store_single(request: SendRequest, plan: _Plan, new: Callable[..., Batch]) -> Batch | None:
    """The short way for one number; None where only the general way can tell what is to be done."""
    if not plan.is_single or request.channel.daily_limit is not None:
        return None
    batch = new(plan, total=1)
    single = batch.price > 0 and batches.insert_single(batch, plan.numbers[0])
    return batch if single else None


def _store(
    request: SendRequest,
    plan: _Plan,
    new: Callable[..., Batch],
    *,
    caller: Caller,
    now: datetime,
) -> Batch:
    company_id = caller.company_id
    numbers = _usable(plan, company_id=company_id, now=now) if plan.numbers else []
    plan, numbers = _capped(plan, numbers, request.at_most)
    total = len(numbers) + plan.tagged
    if not total:
        raise NoValidRecipients("Tag(s) resolved to zero contacts with valid phone numbers")
    batch = new(plan, total=total)
    batches.insert(batch)
    stored = recipients.store_named(batch, numbers) if numbers else 0
    if plan.tagged and plan.tagged <= recipients.INLINE:
        stored += _store_all_tagged(batch, total - stored)
    if batch.expand_cursor is None and stored != total:
        # Somebody opted out, or in, between the count and the storing.
        total = batch.recipients_count = batch.stored_count = stored
        batch.save(update_fields=["recipients_count", "stored_count"])
        if not total:
            raise NoValidRecipients("Tag(s) resolved to zero contacts with valid phone numbers")
    recipients.note_unused(batch, plan.unused)
    _reserve_day(request.channel, total, day=batch.day, now=now, zone=caller.time_zone)
    charged = total * batch.price
    credits.charge(company_id=company_id, amount=charged, batch_id=batch.pk)
    place = tallies.Place(company_id, batch.channel_id, batch.day, batch.category)
    tallies.add_usage(place, Counter(accepted=total, charged=charged))
    if stored:
        reach.add(batch)
    return batch


def _usable(plan: _Plan, *, company_id: int, now: datetime) -> list[str]:
    """The numbers that are written to; the others are noted in the plan."""
    left_out = recipients.left_out(plan.numbers, company_id=company_id, refusing=plan.refusing)
    plan.unused.extend((as_written(number), why) for number, why in left_out.items())
    numbers = [number for number in plan.numbers if number not in left_out]
    recipients.ensure_contacts(numbers, company_id=company_id, now=now)
    return numbers


def _capped(plan: _Plan, numbers: list[str], most: int | None) -> tuple[_Plan, list[str]]:
    """Without those who are too many; the numbers among them are noted in the plan."""
    if most is None:
        return plan, numbers
    plan.unused.extend((as_written(each), recipients.OVER_LIMIT) for each in numbers[most:])
    numbers = numbers[:most]
    return replace(plan, tagged=min(plan.tagged, most - len(numbers))), numbers


def _new_batch(
    request: SendRequest,
    plan: _Plan,
    *,
    caller: Caller,
    total: int,
    now: datetime,
    request_id: str,
) -> Batch:
    in_slices = plan.tagged > recipients.INLINE
    due_at = max(now, request.due_at or now)
    return Batch(
        company_id=caller.company_id,
        channel_id=request.channel.pk,
        api_key_id=caller.key_id,
        template_id=request.template.pk if request.template else None,
        dialect=request.dialect,
        request_id=request_id,
        echo=request.echo,
        content_type=request.payload["type"],
        payload=request.payload,
        has_own_media=media.has_own(request.payload),
        is_personal=bool(personal.fields_of(payloads.components(request.payload))),
        category=request.category,
        price=int(caller.prices.get(request.category, 1)),
        lane=Lane.EXPRESS if total == 1 or request.is_code else Lane.BULK,
        day=now.astimezone(zoneinfo.ZoneInfo(caller.time_zone)).date(),
        recipients_count=total,
        numbered_count=total - plan.tagged,
        stored_count=total - plan.tagged if in_slices else total,
        due_at=due_at,
        expires_at=due_at + CODE_LIFE if request.is_code else None,
        tag_ids=plan.tag_ids,
        tagged_up_to=plan.tagged_up_to,
        heard_since=plan.refusing.heard_since,
        unreachable_since=plan.refusing.unreachable_since,
        expand_cursor=0 if in_slices else None,
    )


def _store_all_tagged(batch: Batch, limit: int) -> int:
    stored, cursor = 0, 0
    while True:
        more, last = recipients.store_slice(batch, after=cursor, limit=limit - stored)
        stored += more
        if last is None:
            return stored
        cursor = last


def expand(batch_id: int) -> bool:
    """Store the next slice of a batch's recipients under tags; whether more are left.

    May die or be run twice at any point: the slice and the cursor are one transaction.
    """
    with transaction.atomic():
        batch = (
            Batch.objects.select_for_update()
            .filter(pk=batch_id, expand_cursor__isnull=False)
            .first()
        )
        if batch is None or batch.expand_cursor is None:
            return False
        missing = batch.recipients_count - batch.stored_count
        after = batch.expand_cursor
        stored, last = recipients.store_slice(batch, after=after, limit=missing)
        if last is not None:
            reach.add(batch, after=after, up_to=last)
        batch.stored_count += stored
        batch.expand_cursor = last
        if last is None:
            give_back_missing(batch)
        batch.save(update_fields=["stored_count", "expand_cursor", "recipients_count"])
    return last is not None


def give_back_missing(batch: Batch) -> None:
    """Who was counted and is not stored is not charged for: opted out or deleted between the answer
    and the storing, or the batch was cancelled. The caller saves the batch.
    """
    missing = batch.recipients_count - batch.stored_count
    if missing <= 0:
        return
    batch.recipients_count = batch.stored_count
    credits.refund(
        company_id=batch.company_id,
        amount=missing * batch.price,
        batch_id=batch.pk,
        note=f"{missing} could not be written to any more",
    )
    place = tallies.Place(batch.company_id, batch.channel_id, batch.day, batch.category)
    tallies.add_usage(place, Counter(accepted=-missing))


def _reserve_day(channel: Channel, count: int, *, day: object, now: datetime, zone: str) -> None:
    """Count against what the WABA's tier lets this channel send in a day of its company."""
    limit = channel.daily_limit
    if limit is None:
        return
    reserved = sql.execute(
        f"""INSERT INTO {_STATE} AS s (channel_id, day, day_count) SELECT %s, %s, %s WHERE %s <= %s
        ON CONFLICT (channel_id) DO UPDATE SET
            day = excluded.day,
            day_count = CASE WHEN s.day = excluded.day THEN s.day_count ELSE 0 END
                        + excluded.day_count
        WHERE CASE WHEN s.day = excluded.day THEN s.day_count ELSE 0 END
              + excluded.day_count <= %s""",
        [channel.pk, str(day), count, count, limit, limit],
    )
    if not reserved:
        local = now.astimezone(zoneinfo.ZoneInfo(zone))
        midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        raise RateLimited(
            f"The channel's limit of {limit} messages a day would be passed",
            headers={"Retry-After": str(max(1, int((midnight - local).total_seconds())))},
        )
