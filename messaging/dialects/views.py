"""The HTTP side that all dialects share: key, limits, body, errors, headers. A request reads
downhill: who calls -> how often -> what -> accept -> answer; an error anywhere becomes the
dialect's own.
"""

from collections.abc import Callable
from typing import Any, ClassVar

import orjson
import structlog
from django.conf import settings
from django.db import DatabaseError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from companies import keys, limits
from companies.keys import Caller
from companies.models import Scope
from config.api import (
    Answer,
    ApiError,
    MethodNotAllowed,
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
    # What a key must be allowed, by method.
    scopes: ClassVar[dict[str, Scope]] = {
        "get": Scope.READ,
        "post": Scope.MANAGE,
        "put": Scope.MANAGE,
        "patch": Scope.MANAGE,
        "delete": Scope.MANAGE,
    }

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
            raise MethodNotAllowed(request.method, self.allowed_methods())
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
            self.usage = limits.hit(_failures(address))
            self.refuse_if_over()
            raise
        # A send that went the short way in vain may have been counted there.
        self.usage = self.usage or limits.hit(self.window(caller))
        self.refuse_if_over()
        if not caller.company_active:
            raise ApiError("The company is suspended", code="company_suspended", status=403)
        self.refuse_out_of_scope(request, caller)
        return caller

    def refuse_out_of_scope(self, request: HttpRequest, caller: Caller) -> None:
        needed = self.scopes[str(request.method).lower()]
        if needed not in caller.scopes:
            raise ApiError(
                f"This API key may not {needed}; its scopes are: {', '.join(caller.scopes)}",
                code="insufficient_scope",
                status=403,
            )

    def window(self, caller: Caller) -> limits.Window:
        """What a key's requests are counted in."""
        return limits.Window(
            f"{self.dialect.rate_scope}:{caller.key_id}",
            caller.requests_per_minute or self.dialect.requests_per_minute(),
        )

    def refuse_if_over(self) -> None:
        if self.usage and not self.usage.allowed:
            raise RateLimited(
                f"More than {self.usage.limit} requests in a minute",
                headers={"Retry-After": str(self.usage.retry_after)},
            )

    def respond(self, request: HttpRequest, answer: Answer) -> HttpResponse:
        response = HttpResponse(
            orjson.dumps(answer.body),
            content_type="application/json",
            status=answer.status,
            headers=self.rate_headers(request) | answer.headers,
        )
        if answer.status == 401:
            response["WWW-Authenticate"] = self.dialect.challenge
        return response

    def rate_headers(self, request: HttpRequest) -> dict[str, str]:
        """Where the caller stands; nothing while the database can't tell."""
        try:
            usage = self.usage or limits.peek(_failures(client_address(request)))
        except DatabaseError:
            return {}
        return usage.headers()

    def read_object(self, request: HttpRequest) -> tuple[dict[str, Any], bytes]:
        """The body as a JSON object, and as it came; may be asked for again."""
        body = read_body(request)
        if not is_json(request):
            raise UnsupportedMediaType("Content-Type must be application/json")
        return parse_object(body), body

    def idempotency_key(self, request: HttpRequest, body: bytes) -> idempotency.Key | None:
        text = request.headers.get("Idempotency-Key", "")
        path = request.path.rstrip("/")  # with and without it is the same
        return idempotency.Key.of(text, path=path, body=body) if text else None

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

    scopes: ClassVar = {**DialectView.scopes, "post": Scope.SEND}

    def answer(self, request: HttpRequest, **url: Any) -> Answer:
        quick = self.at_once(request, **url) if request.method == "POST" else None
        return quick or super().answer(request, **url)

    def at_once(self, request: HttpRequest, **url: Any) -> Answer | None:
        """The short way, for most of a gateway's requests: one message of a key that was just seen.

        Key and channel are remembered; the statement that stores the message proves that they still
        hold, and counts the request. None, with nothing stored: the general way has to tell why.
        """
        if "Idempotency-Key" in request.headers:
            return None
        try:
            caller = keys.remembered(self.dialect.key(request))
            if caller is None:
                return None
            self.refuse_out_of_scope(request, caller)
            url = self.resolve(caller, **url)
            data, _ = self.read_object(request)
            send = self.dialect.send_request(data, caller=caller, url=url)
            self.usage, batch = services.accept_proven(
                send,
                caller=caller,
                window=self.window(caller),
                now=timezone.now(),
                request_id=getattr(request, "request_id", ""),
            )
        except ApiError:
            return None
        if batch is None:
            return None
        batch.channel = send.channel
        return self.dialect.accepted(batch)

    def post(self, request: HttpRequest, caller: Caller, **url: Any) -> Answer:
        url = self.resolve(caller, **url)
        data, body = self.read_object(request)
        now, key = timezone.now(), self.idempotency_key(request, body)
        if key and (before := idempotency.answered(key, company_id=caller.company_id, now=now)):
            return before
        send = self.dialect.send_request(data, caller=caller, url=url)
        return self.accept(request, caller, send, key)

    def accept(
        self,
        request: HttpRequest,
        caller: Caller,
        send: SendRequest,
        key: idempotency.Key | None,
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
            key=key,
        )

    def resolve(self, caller: Caller, **url: Any) -> dict[str, Any]:
        """Turn what the path names into what it means, before the body is looked at."""
        return url


def _failures(address: str) -> limits.Window:
    """What requests with a wrong key are counted in."""
    return limits.Window(f"fail:{address}", settings.AUTH_FAILURES_PER_MINUTE)


class NotFoundView(DialectView):
    """Any path under a dialect's prefix that leads nowhere, by any method."""

    def answer(self, request: HttpRequest, **url: Any) -> Answer:
        raise ApiError("There is nothing at this path", code="not_found", status=404)
