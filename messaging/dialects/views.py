"""The HTTP side that all dialects share: key, limits, body, errors, headers. A request reads
downhill: who calls -> how often -> what -> accept -> answer; an error anywhere becomes the
dialect's own.
"""

from collections.abc import Callable
from typing import Any

import orjson
import structlog
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from companies import keys, limits
from companies.keys import Caller
from config.api import (
    Answer,
    ApiError,
    RateLimited,
    UnsupportedMediaType,
    is_json,
    parse_object,
    read_body,
)
from config.middleware import client_address
from messaging import idempotency, services
from messaging.dialects.base import Dialect, Unauthenticated
from messaging.models import Batch
from messaging.services import SendRequest

log = structlog.get_logger("tuma.api")


@method_decorator(csrf_exempt, name="dispatch")
class DialectView(View):
    """A resource of one dialect. Subclasses have `get`, `post` … that return an Answer."""

    dialect: Dialect

    def dispatch(self, request: HttpRequest, *args: Any, **url: Any) -> HttpResponse:
        self.usage: limits.Usage | None = None
        try:
            answer = self.answer(request, **url)
        except ApiError as error:
            answer = self.dialect.error(error)
        except Exception:
            log.exception("unhandled_error", path=request.path)
            answer = self.dialect.error(
                ApiError("Internal server error", code="internal_error", status=500)
            )
        return self.respond(request, answer)

    def answer(self, request: HttpRequest, **url: Any) -> Answer:
        method = (request.method or "").lower()
        handler = getattr(self, method, None) if method in self.http_method_names else None
        if handler is None or method in ("head", "options"):
            raise ApiError(
                f"Method {str(request.method)[:20]} is not allowed here",
                code="method_not_allowed",
                status=405,
                headers={"Allow": ", ".join(self.allowed_methods())},
            )
        caller = self.authenticate(request)
        result: Answer = handler(request, caller, **url)
        return result

    def allowed_methods(self) -> list[str]:
        return [
            name.upper()
            for name in ("get", "post", "put", "patch", "delete")
            if hasattr(self, name)
        ]

    def authenticate(self, request: HttpRequest) -> Caller:
        """Whose request it is; counts it against the key's limit."""
        address = client_address(request)
        try:
            key = self.dialect.key(request)
            caller = keys.caller(key, now=timezone.now(), address=address)
            if caller is None:
                raise Unauthenticated("Invalid API key")
        except Unauthenticated:
            self.usage = limits.hit(f"fail:{address}", limit=settings.AUTH_FAILURES_PER_MINUTE)
            self.refuse_if_over()
            raise
        self.usage = limits.hit(
            f"{self.dialect.rate_scope}:{caller.key_id}",
            limit=caller.requests_per_minute or self.dialect.requests_per_minute(),
        )
        self.refuse_if_over()
        if not caller.company_active:
            raise ApiError("The company is suspended", code="company_suspended", status=403)
        return caller

    def refuse_if_over(self) -> None:
        if self.usage and not self.usage.allowed:
            raise RateLimited(f"More than {self.usage.limit} requests in a minute")

    def respond(self, request: HttpRequest, answer: Answer) -> HttpResponse:
        usage = self.usage or limits.peek(
            f"fail:{client_address(request)}", limit=settings.AUTH_FAILURES_PER_MINUTE
        )
        response = HttpResponse(
            orjson.dumps(answer.body),
            content_type="application/json",
            status=answer.status,
            headers=usage.headers() | answer.headers,
        )
        if answer.status == 401:
            response["WWW-Authenticate"] = self.dialect.challenge
        return response

    def read_object(self, request: HttpRequest) -> tuple[dict[str, Any], bytes]:
        """The body as a JSON object, and as it came."""
        if not is_json(request):
            read_body(request)
            raise UnsupportedMediaType("Content-Type must be application/json")
        body = read_body(request)
        return parse_object(body), body

    def idempotency_key(self, request: HttpRequest, body: bytes) -> idempotency.Key | None:
        text = request.headers.get("Idempotency-Key", "")
        return idempotency.Key.of(text, path=request.path, body=body) if text else None

    def once(
        self, request: HttpRequest, caller: Caller, body: bytes, make: Callable[[], Answer]
    ) -> Answer:
        """What `make` answers, in one transaction; what it answered, for a repeated Idempotency-Key."""
        key = self.idempotency_key(request, body)
        with transaction.atomic():
            if key is None:
                return make()
            earlier = idempotency.begin(key, company_id=caller.company_id, now=timezone.now())
            if earlier:
                return earlier
            answer = make()
            idempotency.finish(key, answer, company_id=caller.company_id)
            return answer


class SendView(DialectView):
    """POST of a message in any dialect."""

    def post(self, request: HttpRequest, caller: Caller, **url: Any) -> Answer:
        url = self.resolve(caller, **url)
        data, body = self.read_object(request)
        send = self.dialect.send_request(data, caller=caller, url=url)
        return self.accept(request, caller, send, body)

    def accept(
        self, request: HttpRequest, caller: Caller, send: SendRequest, body: bytes
    ) -> Answer:
        def answer(batch: Batch) -> Answer:
            batch.channel = send.channel  # known: spares the dialect a query
            return self.dialect.accepted(batch)

        return services.accept(
            send,
            caller=caller,
            now=timezone.now(),
            answer=answer,
            request_id=getattr(request, "request_id", ""),
            key=self.idempotency_key(request, body),
        )

    def resolve(self, caller: Caller, **url: Any) -> dict[str, Any]:
        """Turn what the path names into what it means, before the body is looked at."""
        return url


class NotFoundView(DialectView):
    """Any path under a dialect's prefix that leads nowhere, by any method."""

    def answer(self, request: HttpRequest, **url: Any) -> Answer:
        raise ApiError("There is nothing at this path", code="not_found", status=404)
