"""What may be done with endpoints, by the API and on the pages alike; each of one company."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import orjson
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from companies.models import Company, User
from config import public_ids
from config.api import ApiError
from config.safe_http import UnsafeUrl, check_url
from messaging import outgoing, wake, webhook_signing
from messaging.models import WebhookDelivery, WebhookEndpoint

MAX_ENDPOINTS = 20
# For so long a secret that was replaced goes on signing beside the new one.
BOTH_SECRETS = timedelta(hours=24)
# Each of them adds signatures to every post.
MAX_PREVIOUS_SECRETS = 10
State = WebhookDelivery.State
Status = WebhookEndpoint.Status
Reason = WebhookEndpoint.Reason


class WebhookNotFound(ApiError):
    code = "webhook_not_found"
    status = 404


class EventNotFound(ApiError):
    code = "event_not_found"
    status = 404


class InvalidUrl(ApiError):
    code = "invalid_url"


class InvalidEvents(ApiError):
    code = "invalid_events"


class TooManyWebhooks(ApiError):
    code = "webhook_limit_reached"


class TooManySecrets(ApiError):
    code = "secret_limit_reached"


class SwitchedOff(ApiError):
    """Nothing is posted to an endpoint that is off, whoever asks."""

    code = "webhook_disabled"
    status = 409


def of_company(company_id: int) -> QuerySet[WebhookEndpoint]:
    alive = WebhookEndpoint.objects.exclude(status=Status.DELETED)
    return alive.filter(company_id=company_id).order_by("pk")


def find(public_id: str, *, company_id: int) -> WebhookEndpoint:
    """Raises WebhookNotFound, for another company's too."""
    pk = public_ids.decode("wh", public_id)
    endpoint = of_company(company_id).filter(pk=pk).first() if pk else None
    if endpoint is None:
        raise WebhookNotFound("There is no such webhook")
    return endpoint


def find_delivery(endpoint: WebhookEndpoint, public_id: object) -> WebhookDelivery:
    pk = public_ids.decode("evt", public_id)
    delivery = WebhookDelivery.objects.filter(endpoint=endpoint, pk=pk).first() if pk else None
    if delivery is None:
        raise EventNotFound("This webhook has no such event", param="event_id")
    return delivery


def checked_url(url: object) -> str:
    """May look a name up: not inside a transaction."""
    try:
        return check_url(url)
    except UnsafeUrl as error:
        raise InvalidUrl(str(error), param="url") from error


def checked_events(events: object) -> list[str]:
    """In our order, each once; raises InvalidEvents."""
    if not isinstance(events, list) or not events:
        raise InvalidEvents("events must be a list of at least one event type", param="events")
    unknown = [event for event in events if event not in outgoing.EVENTS]
    if unknown:
        raise InvalidEvents(
            f"{str(unknown[0])[:60]!r} is not one of {', '.join(outgoing.EVENTS)}", param="events"
        )
    return [event for event in outgoing.EVENTS if event in events]


def create(
    *, company_id: int, url: str, events: list[str], secret: str, created_by: User | None = None
) -> WebhookEndpoint:
    """Of what `checked_url`, `checked_events` and `new_or_given` returned."""
    with transaction.atomic():
        # Two at once must not both find the last place free.
        Company.objects.select_for_update().get(pk=company_id)
        if of_company(company_id).count() >= MAX_ENDPOINTS:
            raise TooManyWebhooks(f"A company may have {MAX_ENDPOINTS} webhooks")
        return WebhookEndpoint.objects.create(
            company_id=company_id, url=url, events=events, secret=secret, created_by=created_by
        )


def change(endpoint: WebhookEndpoint, *, now: datetime, **fields: Any) -> None:
    """Change `url`, `events` or `is_on`, whichever are given."""
    checked: dict[str, Any] = {}
    if "url" in fields:
        checked["url"] = checked_url(fields["url"])
    if "events" in fields:
        checked["events"] = checked_events(fields["events"])
    if "is_on" in fields:
        checked |= _switched(endpoint, is_on=fields["is_on"], now=now)
    _update(endpoint, **checked)
    if endpoint.status == Status.ACTIVE:
        wake.wake_endpoint(endpoint.pk)


def _switched(endpoint: WebhookEndpoint, *, is_on: bool, now: datetime) -> dict[str, Any]:
    if is_on:
        return {
            "status": Status.ACTIVE,
            "disabled_reason": "",
            "disabled_at": None,
            "notice_due": False,
            **FRESH,
        }
    if endpoint.status == Status.DISABLED:
        return {}
    return {"status": Status.DISABLED, "disabled_reason": Reason.BY_HAND, "disabled_at": now}


# As if it had never failed: somebody says that it works now.
FRESH: dict[str, Any] = {"failures": 0, "failing_since": None, "resting_until": None}


def _update(endpoint: WebhookEndpoint, **fields: Any) -> None:
    """Only these columns: others belong to whoever delivers or tells meanwhile. What was deleted
    meanwhile stays so.
    """
    for name, value in fields.items():
        setattr(endpoint, name, value)
    if fields:
        of_company(endpoint.company_id).filter(pk=endpoint.pk).update(**fields)


def delete(endpoint: WebhookEndpoint) -> None:
    """Gone at once for everybody; housekeeping drops its rows, which may be millions."""
    _update(endpoint, status=Status.DELETED, notice_due=False, secret="", previous_secrets="")


def roll_secret(endpoint: WebhookEndpoint, *, secret: str, now: datetime) -> None:
    """From now on `secret` signs, and for a day each that did before as well."""
    with transaction.atomic():
        locked = WebhookEndpoint.objects.select_for_update(of=("self",)).get(pk=endpoint.pk)
        ends = {**_previous(locked, now=now), locked.secret: now + BOTH_SECRETS}
        ends.pop(secret, None)
        if len(ends) > MAX_PREVIOUS_SECRETS:
            raise TooManySecrets(
                f"{MAX_PREVIOUS_SECRETS} secrets before this one are valid still", param="secret"
            )
        _update(
            endpoint,
            secret=secret,
            previous_secrets=orjson.dumps(ends).decode(),
            previous_until=now + BOTH_SECRETS,
        )


def _previous(endpoint: WebhookEndpoint, *, now: datetime) -> dict[str, datetime]:
    """The secrets before that still sign, and until when."""
    stored: dict[str, str] = orjson.loads(endpoint.previous_secrets or "{}")
    ends = {secret: datetime.fromisoformat(end) for secret, end in stored.items()}
    return {secret: end for secret, end in ends.items() if end > now}


def send_test(endpoint: WebhookEndpoint, *, now: datetime) -> WebhookDelivery:
    """Put a test event into the endpoint's queue, whatever it subscribed to."""
    _refuse_if_off(endpoint)
    data = {"webhook_id": endpoint.public_id, "message": "This is a test."}
    with transaction.atomic():
        locked = WebhookEndpoint.objects.select_for_update(of=("self",)).get(pk=endpoint.pk)
        event = outgoing.Event(
            company_id=endpoint.company_id, kind=outgoing.TEST, at=now, data=data
        )
        outgoing.append(locked, [event], now=now)
        _update(locked, **FRESH)
    return WebhookDelivery.objects.get(endpoint=endpoint, sequence=locked.last_sequence)


def replay(endpoint: WebhookEndpoint, delivery: WebhookDelivery, *, now: datetime) -> int:
    """Deliver an event (again), with its number and id of before."""
    _refuse_if_off(endpoint)
    return _queue_again(endpoint, Q(pk=delivery.pk), now)


def replay_failed(endpoint: WebhookEndpoint, *, since: datetime, now: datetime) -> int:
    """Deliver all that failed since, and what waits for its next try; how many those are."""
    _refuse_if_off(endpoint)
    failed = Q(state=State.FAILED) | Q(state=State.PENDING, tries__gt=0)
    return _queue_again(endpoint, failed & Q(created_at__gte=since), now)


def _queue_again(endpoint: WebhookEndpoint, which: Q, now: datetime) -> int:
    with transaction.atomic():
        # As whoever stores what came of a try: the endpoint is locked before its events.
        WebhookEndpoint.objects.select_for_update(of=("self",)).get(pk=endpoint.pk)
        count = (
            WebhookDelivery.objects.filter(endpoint=endpoint)
            .filter(which)
            .update(state=State.PENDING, tries=0, due_at=now, delivered_at=None)
        )
        _update(endpoint, **FRESH)
        transaction.on_commit(partial(wake.wake_endpoint, endpoint.pk))
    return count


def _refuse_if_off(endpoint: WebhookEndpoint) -> None:
    if endpoint.status != Status.ACTIVE:
        raise SwitchedOff("The webhook is switched off: switch it on first")


def events_after(endpoint: WebhookEndpoint, sequence: int, *, limit: int) -> list[WebhookDelivery]:
    """Its events with a greater number, in order."""
    later = WebhookDelivery.objects.filter(endpoint=endpoint, sequence__gt=sequence)
    return list(later.order_by("sequence")[:limit])


def oldest_sequence(endpoint: WebhookEndpoint) -> int | None:
    """The number of the oldest event that is still kept."""
    kept = WebhookDelivery.objects.filter(endpoint=endpoint).order_by("sequence")
    return kept.values_list("sequence", flat=True).first()


def forget_old(*, now: datetime, most: int = 10_000) -> int:
    """Housekeeping: drop old events and those of deleted endpoints, some at a time."""
    before = now - timedelta(days=settings.WEBHOOK_RETENTION_DAYS)
    old = WebhookDelivery.objects.filter(created_at__lt=before).order_by("created_at")
    gone = list(WebhookEndpoint.objects.filter(status=Status.DELETED).values_list("pk", flat=True))
    orphaned = WebhookDelivery.objects.filter(endpoint_id__in=gone)
    ids = {pk for rows in (old, orphaned) for pk in rows.values_list("pk", flat=True)[:most]}
    WebhookDelivery.objects.filter(pk__in=ids).delete()
    WebhookEndpoint.objects.filter(pk__in=gone, deliveries=None).delete()
    return len(ids)


def secrets_of(endpoint: WebhookEndpoint, *, now: datetime) -> list[str]:
    """Those that sign now."""
    return [endpoint.secret, *_previous(endpoint, now=now)]


def new_or_given(secret: object) -> tuple[str, bool]:
    """A secret to use, and whether we made it, so that it must be shown."""
    if secret is None or secret == "":
        return webhook_signing.new_secret(), True
    return webhook_signing.check_secret(secret), False
