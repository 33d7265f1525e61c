"""GET and POST /webhooks/meta: Meta's handshake, and its news.

As lean as it gets (no framework, no object per status): three of these come for every message sent.
"""

import hashlib
import hmac

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from config.api import InvalidBody, PayloadTooLarge, read_body
from messaging import inbox, wake

log = structlog.get_logger("tuma.webhooks")


@csrf_exempt
def meta_webhook(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return _receive(request)
    if request.method == "GET":
        return _handshake(request)
    return HttpResponse(status=405, headers={"Allow": "GET, POST"})


def _handshake(request: HttpRequest) -> HttpResponse:
    token = request.GET.get("hub.verify_token", "")
    known = bool(settings.META_VERIFY_TOKEN) and hmac.compare_digest(
        token.encode(), settings.META_VERIFY_TOKEN.encode()
    )
    if request.GET.get("hub.mode") != "subscribe" or not known:
        return HttpResponse("Forbidden", status=403, content_type="text/plain")
    return HttpResponse(request.GET.get("hub.challenge", ""), content_type="text/plain")


def _receive(request: HttpRequest) -> HttpResponse:
    try:
        body = read_body(request)
    except PayloadTooLarge:
        return HttpResponse(status=413)
    except InvalidBody:
        return HttpResponse(status=400)
    if not is_signed(body, request.headers.get("X-Hub-Signature-256", "")):
        log.warning("webhook_signature_refused", bytes=len(body))
        return HttpResponse(status=401)
    inbox.keep(body, now=timezone.now())
    wake.wake_inbox()
    return HttpResponse(status=200)


def is_signed(body: bytes, header: str) -> bool:
    """Whether the raw bytes carry our app's signature. Without a secret nothing does."""
    if not settings.META_APP_SECRET:
        return False
    digest = hmac.new(settings.META_APP_SECRET.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"sha256={digest}".encode(), header.encode())
