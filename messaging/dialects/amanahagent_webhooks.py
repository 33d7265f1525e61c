"""AmanahAgent's webhooks: the printed `POST /v1/webhooks`, and in its style all that belongs to it."""

from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from companies.keys import Caller
from config import public_ids
from config.api import Answer, read_body
from messaging import webhook_endpoints
from messaging.dialects import AMANAHAGENT
from messaging.dialects.amanahagent import Refused
from messaging.dialects.amanahagent_views import page, query_text
from messaging.dialects.views import DialectView
from messaging.models import WebhookDelivery, WebhookEndpoint
from messaging.reports import iso

MAX_EVENTS = 1000
_STATES = {
    WebhookDelivery.State.PENDING: "pending",
    WebhookDelivery.State.DELIVERED: "delivered",
    WebhookDelivery.State.FAILED: "failed",
}


class WebhooksView(DialectView):
    dialect = AMANAHAGENT

    def get(self, request: HttpRequest, caller: Caller) -> Answer:
        found = webhook_endpoints.of_company(caller.company_id)
        return Answer(200, page(request, "webhooks", found, lambda rows: [*map(shown, rows)]))

    def post(self, request: HttpRequest, caller: Caller) -> Answer:
        data, body = self.read_object(request)
        url = webhook_endpoints.checked_url(_required(data, "url"))
        events = webhook_endpoints.checked_events(_required(data, "events"))
        secret, is_ours = webhook_endpoints.new_or_given(data.get("secret"))

        def make() -> Answer:
            endpoint = webhook_endpoints.create(
                company_id=caller.company_id, url=url, events=events, secret=secret
            )
            return Answer(201, _printed(endpoint))

        answer = self.once(request, caller, body, make)
        return _with_secret(answer, caller) if is_ours else answer


def _with_secret(answer: Answer, caller: Caller) -> Answer:
    """Added last: what is kept for a repeated Idempotency-Key is not encrypted."""
    endpoints = webhook_endpoints.of_company(caller.company_id)
    endpoint = endpoints.filter(pk=public_ids.decode("wh", answer.body["id"]) or 0).first()
    if endpoint is None:  # deleted since
        return answer
    return Answer(answer.status, {**answer.body, "secret": endpoint.secret}, answer.headers)


class WebhookView(DialectView):
    dialect = AMANAHAGENT

    def get(self, request: HttpRequest, caller: Caller, *, webhook_id: str) -> Answer:
        return Answer(200, shown(_found(webhook_id, caller)))

    def patch(self, request: HttpRequest, caller: Caller, *, webhook_id: str) -> Answer:
        """Changes `url`, `events` or `status`, whichever are given."""
        endpoint = _found(webhook_id, caller)
        data, _ = self.read_object(request)
        unknown = next((name for name in data if name not in ("url", "events", "status")), None)
        if unknown is not None or not data:
            raise Refused(
                "invalid_field", "url, events and status can be changed", unknown or "", unknown
            )
        fields: dict[str, Any] = {n: data[n] for n in ("url", "events") if n in data}
        if "status" in data:
            fields["is_on"] = _is_on(data["status"])
        webhook_endpoints.change(endpoint, now=timezone.now(), **fields)
        return Answer(200, shown(endpoint))

    def delete(self, request: HttpRequest, caller: Caller, *, webhook_id: str) -> Answer:
        endpoint = _found(webhook_id, caller)
        webhook_endpoints.delete(endpoint)
        return Answer(200, {"id": endpoint.public_id, "deleted": True})


class WebhookTestView(DialectView):
    dialect = AMANAHAGENT

    def post(self, request: HttpRequest, caller: Caller, *, webhook_id: str) -> Answer:
        endpoint = _found(webhook_id, caller)

        def make() -> Answer:
            event = webhook_endpoints.send_test(endpoint, now=timezone.now())
            body = {"event_id": event.public_id, "event": event.event, "sequence": event.sequence}
            return Answer(202, body)

        return self.once(request, caller, read_body(request), make)


class WebhookSecretView(DialectView):
    dialect = AMANAHAGENT

    def post(self, request: HttpRequest, caller: Caller, *, webhook_id: str) -> Answer:
        """A new secret, ours or the one given; each one before is valid for a day still."""
        endpoint = _found(webhook_id, caller)
        data, body = self.read_object(request) if _has_body(request) else ({}, b"")
        secret, is_ours = webhook_endpoints.new_or_given(data.get("secret"))

        def make() -> Answer:
            webhook_endpoints.roll_secret(endpoint, secret=secret, now=timezone.now())
            until = iso(endpoint.previous_until)
            return Answer(200, {"id": endpoint.public_id, "previous_valid_until": until})

        answer = self.once(request, caller, body, make)
        return _with_secret(answer, caller) if is_ours else answer


class WebhookEventsView(DialectView):
    dialect = AMANAHAGENT

    def get(self, request: HttpRequest, caller: Caller, *, webhook_id: str) -> Answer:
        """What the endpoint was told or is to be told, in order: all that came after `?after=`."""
        endpoint = _found(webhook_id, caller)
        after = _count(request, "after", default=0, least=0, most=1 << 62)
        limit = _count(request, "limit", default=100, least=1, most=MAX_EVENTS)
        rows = webhook_endpoints.events_after(endpoint, after, limit=limit + 1)
        body = {
            "events": [event(row) for row in rows[:limit]],
            "next_after": rows[limit - 1].sequence if len(rows) > limit else None,
            "oldest_sequence": webhook_endpoints.oldest_sequence(endpoint),
            "last_sequence": endpoint.last_sequence,
        }
        return Answer(200, body)


class WebhookReplayView(DialectView):
    dialect = AMANAHAGENT

    def post(self, request: HttpRequest, caller: Caller, *, webhook_id: str) -> Answer:
        """Delivers one event again (`event_id`), or all that failed since a time (`since`)."""
        endpoint = _found(webhook_id, caller)
        data, body = self.read_object(request)
        if ("event_id" in data) == ("since" in data):
            raise Refused("invalid_replay", "Either event_id or since is required", "event_id")
        since = _moment(data["since"]) if "since" in data else None

        def make() -> Answer:
            now = timezone.now()
            if since:
                count = webhook_endpoints.replay_failed(endpoint, since=since, now=now)
            else:
                delivery = webhook_endpoints.find_delivery(endpoint, data["event_id"])
                count = webhook_endpoints.replay(endpoint, delivery, now=now)
            return Answer(202, {"replayed": count})

        return self.once(request, caller, body, make)


# --- What is shown --------------------------------------------------------------------


def _printed(endpoint: WebhookEndpoint) -> dict[str, Any]:
    return {
        "id": endpoint.public_id,
        "url": endpoint.url,
        "events": endpoint.events,
        "status": endpoint.status,
        "created_at": iso(endpoint.created_at),
    }


def shown(endpoint: WebhookEndpoint) -> dict[str, Any]:
    return {
        **_printed(endpoint),
        "last_sequence": endpoint.last_sequence,
        "failing_since": iso(endpoint.failing_since),
        "disabled_at": iso(endpoint.disabled_at),
        "disabled_reason": endpoint.disabled_reason or None,
    }


def event(delivery: WebhookDelivery) -> dict[str, Any]:
    """The very object that is posted, and how far its delivery is."""
    state = WebhookDelivery.State(delivery.state)
    is_waiting = state is WebhookDelivery.State.PENDING
    return {
        **delivery.payload(),
        "delivery": {
            "status": _STATES[state],
            "attempts": delivery.attempts,
            "next_attempt_at": iso(delivery.due_at) if is_waiting else None,
            "delivered_at": iso(delivery.delivered_at),
            "response_status": delivery.response_status,
            "error": delivery.error or None,
        },
    }


# --- What is read ---------------------------------------------------------------------


def _found(webhook_id: str, caller: Caller) -> WebhookEndpoint:
    return webhook_endpoints.find(webhook_id, company_id=caller.company_id)


def _required(data: dict[str, Any], name: str) -> Any:
    if data.get(name) in (None, "", []):
        raise Refused(f"missing_{name}", f"{name} is required", name)
    return data[name]


def _has_body(request: HttpRequest) -> bool:
    return request.META.get("CONTENT_LENGTH") not in (None, "", "0")


def _is_on(status: object) -> bool:
    if status not in ("active", "disabled"):
        raise Refused("invalid_status", "status must be active or disabled", "status", status)
    return status == "active"


def _count(request: HttpRequest, name: str, *, default: int, least: int, most: int) -> int:
    text = query_text(request, name)
    if not text:
        return default
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1
    if not least <= number <= most:
        raise Refused(
            f"invalid_{name}", f"{name} must be a number from {least} to {most}", name, text
        )
    return number


def _moment(text: object) -> datetime:
    """ISO 8601; UTC where it names no zone."""
    try:
        at = datetime.fromisoformat(text if isinstance(text, str) else "")
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        message = "since must be a time such as 2024-01-15T10:30:00Z"
        raise Refused("invalid_since", message, "since", text) from error
