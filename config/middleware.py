"""What every request passes: a request id, a line in the log, a content security policy."""

import re
import threading
import time
from collections.abc import Callable

import structlog
from csp.middleware import CSPMiddleware
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import resolve
from django.utils.crypto import get_random_string

Handler = Callable[[HttpRequest], HttpResponse]

log = structlog.get_logger("tuma.requests")

_MACHINES = re.compile(
    r"/(api/(?!docs|schema)|api$|v1/|projects/|webhooks/meta|media/|healthz|readyz|metrics)"
)
_TRUSTED_SECONDS = 2.0
_connections = threading.local()
_CALLERS_ID = re.compile(r"^[A-Za-z0-9._-]{1,64}$")


def client_address(request: HttpRequest) -> str:
    """The caller's address, read past as many proxies as are trusted."""
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop]
    trusted: int = settings.TRUSTED_PROXIES
    if trusted and len(hops) >= trusted:
        return hops[-trusted][:45]
    return str(request.META.get("REMOTE_ADDR") or "")


class RequestIdMiddleware:
    """Gives each request an id (the caller's own `X-Request-Id`, if it is tidy), binds it to every
    log line, returns it, and logs the outcome. The query string is left out: it may hold a number.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        offered = request.headers.get("X-Request-Id", "")
        request_id = offered if _CALLERS_ID.match(offered) else get_random_string(20)
        request.request_id = request_id  # type: ignore[attr-defined]
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.perf_counter()
        response = self.get_response(request)
        response["X-Request-Id"] = request_id
        if response.status_code >= 500 or not request.path.startswith(
            ("/static/", "/webhooks/meta")
        ):
            log.info(
                "request",
                method=request.method,
                path=request.path[:200],
                status=response.status_code,
                ms=round((time.perf_counter() - started) * 1000, 1),
            )
        return response


class MachineMiddleware:
    """Leads the API, Meta's webhook and probes straight to their views: what follows in MIDDLEWARE
    (sessions, CSRF, sign-in, messages) is for browsers, and is a third of the cost of a small request.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not _MACHINES.match(request.path_info):
            return self.get_response(request)
        trust_recent_connection()
        match = resolve(request.path_info)
        request.resolver_match = match
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        if not response.streaming:
            response.headers.setdefault("Content-Length", str(len(response.content)))
        return response


def trust_recent_connection() -> None:
    """Spare this thread's database connection its check (a round trip) if it has just been used."""
    now = time.monotonic()
    if now - getattr(_connections, "used_at", 0.0) < _TRUSTED_SECONDS:
        connection.health_check_done = True  # type: ignore[attr-defined]
    _connections.used_at = now


class ContentSecurityPolicyMiddleware(CSPMiddleware):
    """The strict policy everywhere but under /admin/, where Unfold needs more."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if request.path.startswith("/admin/"):
            response._csp_replace = settings.ADMIN_CONTENT_SECURITY_POLICY  # type: ignore[attr-defined]
        elif not response.get("Content-Type", "").startswith("text/html"):
            return response
        return super().process_response(request, response)
