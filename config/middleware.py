"""What every request passes: a request id, a line in the log, a content security policy."""

import ipaddress
import re
import secrets
import threading
import time
from collections.abc import Callable
from functools import lru_cache

import structlog
from csp.middleware import CSPMiddleware
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.urls import ResolverMatch, resolve
from django.utils import translation

Handler = Callable[[HttpRequest], HttpResponse]

log = structlog.get_logger("tuma.requests")

_MACHINES = re.compile(
    r"/(api/(?!docs|schema)|api$|v1/|projects/|webhooks/meta|media/|healthz|readyz|metrics)"
)
# Links of mails: who knows one may use it, so a log must not.
_SECRET_IN_PATH = re.compile(
    r"^(/invitations/|/apply/|/accounts/password/reset/key/|/accounts/confirm-email/)[^/]+"
)
_TRUSTED_SECONDS = 2.0
_connections = threading.local()
_CALLERS_ID = re.compile(r"^[A-Za-z0-9._-]{1,64}$")


def client_address(request: HttpRequest) -> str:
    """The caller's address, read past as many proxies as are trusted; "" where that is none."""
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop]
    trusted: int = settings.TRUSTED_PROXIES
    if trusted and len(hops) >= trusted:
        return _address(hops[-trusted])
    return _address(str(request.META.get("REMOTE_ADDR") or ""))


def _address(text: str) -> str:
    """Without the port that some proxies add: `192.0.2.1:8080`, `[2001:db8::1]:8080`."""
    without_port = text[1:].partition("]")[0] if text.startswith("[") else text.rpartition(":")[0]
    for candidate in (text, without_port):
        try:
            return str(ipaddress.ip_address(candidate))
        except ValueError:
            continue
    return ""


class RequestIdMiddleware:
    """Gives each request an id (the caller's own `X-Request-Id`, if it is tidy), binds it to every
    log line, returns it, and logs the outcome. The query string is left out: it may hold a number.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        offered = request.headers.get("X-Request-Id", "")
        request_id = offered if _CALLERS_ID.match(offered) else secrets.token_hex(10)
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
                path=_SECRET_IN_PATH.sub(r"\1…", request.path)[:200],
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
        match = _resolved(request.path_info)
        request.resolver_match = match
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        if not response.streaming:
            response.headers.setdefault("Content-Length", str(len(response.content)))
        return response


@lru_cache(maxsize=2048)
def _resolved(path: str) -> ResolverMatch:
    """The view of a path. Programs call the same few; to look costs as much as a query."""
    return resolve(path)


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


class LanguageMiddleware(LocaleMiddleware):
    """People read in the language that they chose, else in their browser's if it is one of ours.
    Staff screens are in English: Unfold knows no other.
    """

    def process_request(self, request: HttpRequest) -> None:
        if request.path.startswith("/admin/"):
            translation.activate(settings.LANGUAGE_CODE)
            request.LANGUAGE_CODE = settings.LANGUAGE_CODE
        else:
            super().process_request(request)

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        response = super().process_response(request, response)
        # The thread's next request may be a machine's, which chooses no language.
        translation.deactivate()
        return response
