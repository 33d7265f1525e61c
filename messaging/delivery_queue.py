"""The queue of an endpoint: its lease, what is due, and what came of a try.

Every event is tried over a day with growing, jittered delays, each on its own, so one that is refused
for ever holds nothing up. An endpoint that keeps failing is given rests, in which none of its events
is tried; when nothing has succeeded for a day it is switched off. Whoever delivers holds the endpoint's
lease. If they die between the post and the storing it is posted again, with the same `webhook-id`.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import structlog
from django.db import transaction

from config import sql
from config.safe_http import Answer
from messaging import webhook_endpoints
from messaging.models import DeliveryAttempt, WebhookDelivery, WebhookEndpoint

log = structlog.get_logger("tuma.webhooks")

LEASE_SECONDS = 45
# After the first try, the second …: a bit over a day in all.
DELAYS = (5, 30, 120, 600, 1800, 3600, 2 * 3600, 4 * 3600, 7 * 3600, 33_800)
JITTER = 0.1
MAX_RETRY_AFTER = 6 * 3600
# An endpoint that failed so often in a row is given rests.
PATIENCE = 5
FIRST_REST, LONGEST_REST = 5, 600
OFF_AFTER = timedelta(days=1)
GONE = 410

State = WebhookDelivery.State
Status = WebhookEndpoint.Status
Reason = WebhookEndpoint.Reason
_W, _D = WebhookEndpoint._meta.db_table, WebhookDelivery._meta.db_table


@dataclass(frozen=True, kw_only=True)
class Try:
    """One post and its answer."""

    delivery: WebhookDelivery
    at: datetime
    milliseconds: int
    url: str
    headers: dict[str, str]
    answer: Answer

    @property
    def succeeded(self) -> bool:
        return self.answer.status is not None and 200 <= self.answer.status < 300

    @property
    def error(self) -> str:
        """Why it is no success; "" if it is one."""
        if self.succeeded or self.answer.error:
            return self.answer.error if not self.succeeded else ""
        if 300 <= (self.answer.status or 0) < 400:
            return f"HTTP {self.answer.status}: redirects are not followed."
        return f"HTTP {self.answer.status}"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How an endpoint may be treated."""

    is_on: bool
    is_failing: bool
    is_resting: bool


# --- Leases ---------------------------------------------------------------------------


def take_lease(endpoint_id: int, *, now: datetime) -> int | None:
    """The fence of a new lease; None if somebody holds one, or nothing may be posted now."""
    rows = sql.fetch(
        f"""UPDATE {_W} SET fence = fence + 1, lease_until = {sql.epoch_now()} + %s
        WHERE id = %s AND status = 'active' AND lease_until <= {sql.epoch_now()}
        AND (resting_until IS NULL OR resting_until <= %s) RETURNING fence""",
        [LEASE_SECONDS, endpoint_id, sql.moment(now)],
    )
    return int(rows[0][0]) if rows else None


def renew_lease(endpoint_id: int, *, fence: int) -> bool:
    """False if it is no longer ours."""
    return bool(
        sql.execute(
            f"UPDATE {_W} SET lease_until = {sql.epoch_now()} + %s WHERE id = %s AND fence = %s",
            [LEASE_SECONDS, endpoint_id, fence],
        )
    )


def release_lease(endpoint_id: int, *, fence: int) -> None:
    sql.execute(
        f"UPDATE {_W} SET lease_until = 0 WHERE id = %s AND fence = %s", [endpoint_id, fence]
    )


_TO_DO = f"""FROM {_W} e WHERE e.status = 'active' AND e.lease_until <= {{now}}
    AND (e.resting_until IS NULL OR e.resting_until <= %s)
    AND EXISTS (SELECT 1 FROM {_D} d
        WHERE d.endpoint_id = e.id AND d.state = 0 AND d.due_at <= %s)"""


def endpoints_with_work(*, now: datetime) -> list[int]:
    """Endpoints that nobody serves, with something due."""
    moment = sql.moment(now)
    rows = sql.fetch(f"SELECT e.id {_TO_DO.format(now=sql.epoch_now())}", [moment, moment])
    return [endpoint_id for (endpoint_id,) in rows]


def has_work(endpoint_id: int, *, now: datetime) -> bool:
    moment = sql.moment(now)
    where = _TO_DO.format(now=sql.epoch_now())
    return bool(sql.fetch(f"SELECT 1 {where} AND e.id = %s", [moment, moment, endpoint_id]))


def due(endpoint_id: int, *, limit: int, now: datetime) -> list[WebhookDelivery]:
    """The first of those that are due, by their numbers."""
    waiting = WebhookDelivery.objects.filter(endpoint_id=endpoint_id, state=State.PENDING)
    return list(waiting.filter(due_at__lte=now).order_by("sequence")[:limit])


# --- What came of it ------------------------------------------------------------------


def store(endpoint_id: int, tries: Sequence[Try], *, now: datetime) -> Standing:
    """Log the tries, settle their events, and judge the endpoint by them."""
    with transaction.atomic():
        endpoint = WebhookEndpoint.objects.select_for_update(of=("self",)).get(pk=endpoint_id)
        before = _health(endpoint)
        DeliveryAttempt.objects.bulk_create(_log_line(one) for one in tries)
        for one in sorted(tries, key=lambda one: one.delivery.pk):
            _settle(endpoint, one, now)
        if _health(endpoint) != before:
            endpoint.save(update_fields=_HEALTH)
    return standing(endpoint, now=now)


def standing(endpoint: WebhookEndpoint, *, now: datetime) -> Standing:
    return Standing(
        is_on=endpoint.status == Status.ACTIVE,
        is_failing=endpoint.failures > 0,
        is_resting=endpoint.resting_until is not None and endpoint.resting_until > now,
    )


_HEALTH = [
    "status",
    "disabled_reason",
    "disabled_at",
    "notice_due",
    "failures",
    "failing_since",
    "resting_until",
]


def _health(endpoint: WebhookEndpoint) -> list[object]:
    return [getattr(endpoint, name) for name in _HEALTH]


def _log_line(one: Try) -> DeliveryAttempt:
    return DeliveryAttempt(
        delivery=one.delivery,
        at=one.at,
        milliseconds=one.milliseconds,
        url=one.url,
        request_headers=one.headers,
        response_status=one.answer.status,
        response_headers=one.answer.headers,
        response_body=one.answer.body,
        error=one.error[:300],
    )


def _settle(endpoint: WebhookEndpoint, one: Try, now: datetime) -> None:
    delivery = one.delivery
    delivery.tries += 1
    fields: dict[str, Any] = {
        "tries": delivery.tries,
        "attempts": delivery.attempts + 1,
        "response_status": one.answer.status,
        "error": one.error[:300],
    }
    if one.succeeded:
        fields |= {"state": State.DELIVERED, "delivered_at": now}
        for name, value in webhook_endpoints.FRESH.items():
            setattr(endpoint, name, value)
    else:
        fields |= _after_failure(endpoint, one, now)
    WebhookDelivery.objects.filter(pk=delivery.pk).update(**fields)


def _after_failure(endpoint: WebhookEndpoint, one: Try, now: datetime) -> dict[str, Any]:
    """When to try again, if ever; what it means for the endpoint."""
    asked = retry_after(one.answer.headers, now=now)
    endpoint.failures += 1
    endpoint.failing_since = endpoint.failing_since or one.at
    rest = max(asked, _rest_seconds(endpoint.failures))
    if rest:
        endpoint.resting_until = now + timedelta(seconds=rest)
    is_last = one.delivery.tries > len(DELAYS)
    if one.answer.status == GONE:
        _switch_off(endpoint, Reason.GONE, now)
        is_last = True
    elif now - endpoint.failing_since >= OFF_AFTER:
        _switch_off(endpoint, Reason.FAILING, now)
    if is_last:
        return {"state": State.FAILED}
    wait = max(_jittered(DELAYS[one.delivery.tries - 1]), asked)
    return {"due_at": now + timedelta(seconds=wait)}


def _rest_seconds(failures: int) -> float:
    if failures < PATIENCE:
        return 0
    return _jittered(min(LONGEST_REST, FIRST_REST * 2 ** min(failures - PATIENCE, 20)))


def _jittered(seconds: float) -> float:
    """Later by up to a tenth, so that what failed together does not come back together."""
    return seconds * random.uniform(1, 1 + JITTER)  # noqa: S311 - not a secret


def retry_after(headers: dict[str, str], *, now: datetime) -> float:
    """The seconds that a `Retry-After` header asks for, in either of its forms; 0 without one."""
    text = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:9]), MAX_RETRY_AFTER)
    try:
        at = parsedate_to_datetime(text)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return min(max(0.0, (at - now).total_seconds()), MAX_RETRY_AFTER)
    except (ValueError, TypeError, OverflowError):
        return 0


def _switch_off(endpoint: WebhookEndpoint, reason: WebhookEndpoint.Reason, now: datetime) -> None:
    if endpoint.status != Status.ACTIVE:
        return
    endpoint.status = Status.DISABLED
    endpoint.disabled_reason, endpoint.disabled_at = reason, now
    endpoint.notice_due = True
    log.warning("webhook_switched_off", endpoint=endpoint.public_id, reason=reason)


# --- For the sweep --------------------------------------------------------------------


def notices_due() -> list[int]:
    """Endpoints that were switched off and whose people don't know it yet."""
    return list(WebhookEndpoint.objects.filter(notice_due=True).values_list("pk", flat=True))
