"""What whoever writes a client reads: the API's document, its reference page, how to take webhooks, and
how to move here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from pathlib import Path

import orjson
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from config.api import MethodNotAllowed
from messaging import deliveries, delivery_queue, webhook_endpoints
from messaging.dialects import AUTOKONNECT
from messaging.openapi.document import document
from messaging.openapi.parts import example
from messaging.openapi.postman import collection

# Nothing is fetched from elsewhere, nothing is told to anybody.
_REFERENCE = {
    "withDefaultFonts": False,
    "telemetry": False,
    "agent": {"disabled": True},
    "mcp": {"disabled": True},
    "hideClientButton": True,
    "showDeveloperTools": "never",
    "proxyUrl": "",
    "authentication": {"preferredSecurityScheme": "bearer"},
    "metaData": {"title": "API reference · Tuma"},
}
_CACHE = "public, max-age=300"


@dataclass(frozen=True)
class Move:
    """How a client of one vendor becomes ours."""

    slug: str
    name: str
    before: str  # the line of the client that changes …
    after: str  # … and what it becomes; {origin} is this server
    credentials: tuple[str, ...]
    differs: tuple[str, ...]
    note: str = ""  # on the two lines


MOVES = {
    move.slug: move
    for move in (
        Move(
            "autokonnect",
            "Autokonnect",
            "https://app.autokonnect.co.ke/api/v1/whatsapp/123/messages",
            "{origin}/api/v1/whatsapp/1/messages",
            (
                "Authorization: Bearer and a whole API key of yours, which begins with tuma_.",
                "The number in the path is your channel's; it is shown on the overview.",
            ),
            (
                "The answer also has a Location: the batch, where you see what became of each.",
                "template_id is a number, as the document's table of errors says; the name that "
                "its example shows is refused with invalid_template_id_format.",
                "Interactive messages of every kind that Meta has are taken, not the printed alone.",
                "Codes and sentences of the document's errors are the same to the letter.",
            ),
        ),
        Move(
            "whatssync",
            "WhatsSync",
            "https://HOST/api/v1/messages",
            "{origin}/api/v1/messages",
            ("Authorization: Bearer and a whole API key of yours, which begins with tuma_.",),
            (
                "Messages are sent from the key's channel, else from your default one.",
                "A field that a type of message has no place for is refused, not dropped.",
                "profileImage is always null: WhatsApp gives businesses no pictures of people.",
                "60 requests a minute unless more was agreed for your company.",
            ),
            "WhatsSync's document prints no host: HOST is what your client is set up with.",
        ),
        Move(
            "amanahagent",
            "AmanahAgent",
            "https://api.amanahagent.cloud/v1/messages",
            "{origin}/v1/messages",
            ("Authorization: Bearer and a whole API key of yours, which begins with tuma_.",),
            (
                "media_url may also be the media_… of a file that you uploaded to /v1/media.",
                "What a type of message can't carry is refused, so that nobody thinks it was sent.",
                "Webhooks are signed by the Standard Webhooks specification, with the secret that "
                "you give or that we make; they also carry an id and a sequence.",
                "Webhooks can be listed, changed, tested, and their events read or sent again.",
            ),
        ),
        Move(
            "engagelab",
            "EngageLab",
            "https://wa.api.engagelab.cc/v1/messages",
            "{origin}/v1/messages",
            (
                "dev_key is the first 13 characters of your API key: tuma_ and eight more.",
                "dev_secret is all the rest of it.",
                "Authorization: Basic and base64 of dev_key:dev_secret, as before.",
            ),
            (
                "from may be left out: your default number sends.",
                "If one of several in to is no phone number, none is sent: error 3003.",
                "With several recipients message_id is the batch's; webhooks carry both.",
                "request_id and custom_args come back as they were given.",
            ),
        ),
        Move(
            "socnet",
            "Socnet",
            "https://www.socnetsolutions.com/projects/bulk/whatsapp/api.php",
            "{origin}/projects/bulk/whatsapp/api.php",
            ("api_key in the body is a whole API key of yours, which begins with tuma_.",),
            (
                "All goes by WhatsApp: answers are those of the document's second channel.",
                "A field besides api_key, msisdn, msg and template is refused with 422.",
                "A number known not to be on WhatsApp is answered with invalid and costs nothing.",
                "With the template of a one-time code, msg is the code; with another template, it "
                "stands for its one variable.",
            ),
        ),
    )
}

# How to verify a signature, by language; tests run them.
SAMPLES = {
    "Python": "verify_webhook.py",
    "JavaScript": "verify_webhook.mjs",
    "PHP": "verify_webhook.php",
}
SAMPLES_FOLDER = Path(settings.BASE_DIR) / "templates/docs/samples"


def _json(body: object) -> HttpResponse:
    answer = HttpResponse(orjson.dumps(body), content_type="application/json")
    answer["Cache-Control"] = _CACHE
    answer["Vary"] = "Host"
    return answer


def _origin(request: HttpRequest) -> str:
    return request.build_absolute_uri("/").rstrip("/")


View = Callable[[HttpRequest], HttpResponse]


def _reads(view: View) -> View:
    """A page under /api/, where programs are: another method is refused in the API's own words."""

    @csrf_exempt
    @wraps(view)
    def answer(request: HttpRequest) -> HttpResponse:
        if request.method in ("GET", "HEAD"):
            return view(request)
        refused = AUTOKONNECT.error(MethodNotAllowed(request.method, ["GET", "HEAD"]))
        return HttpResponse(
            orjson.dumps(refused.body),
            content_type="application/json",
            status=refused.status,
            headers=refused.headers,
        )

    return answer


@_reads
def api_schema(request: HttpRequest) -> HttpResponse:
    return _json(document(_origin(request)))


@_reads
def api_postman(request: HttpRequest) -> HttpResponse:
    answer = _json(collection(document(_origin(request))))
    answer["Content-Disposition"] = 'attachment; filename="tuma.postman_collection.json"'
    return answer


@_reads
def api_docs(request: HttpRequest) -> HttpResponse:
    configuration = orjson.dumps(_REFERENCE).decode()
    answer = render(request, "docs/reference.html", {"configuration": configuration})
    # The reference brings its styles within its script; django-csp's own decorator has no types.
    answer._csp_update = {"style-src": ["'unsafe-inline'"]}  # type: ignore[attr-defined]
    return answer


@require_safe
def webhook_guide(request: HttpRequest) -> HttpResponse:
    event = {
        **example("amanahagent/webhook.payload"),
        "id": "evt_2c8a7vq0x4m1z",
        "sequence": 42,
    }
    context = {
        "event": orjson.dumps(event, option=orjson.OPT_INDENT_2).decode(),
        "samples": [
            (language, name, (SAMPLES_FOLDER / name).read_text())
            for language, name in SAMPLES.items()
        ],
        "tries": list(_tries()),
        "answer_within": _span(deliveries.POST_SECONDS),
        "longest_wait": _span(delivery_queue.MAX_RETRY_AFTER),
        "patience": delivery_queue.PATIENCE,
        "off_after": _span(delivery_queue.OFF_AFTER.total_seconds()),
        "both_secrets": _span(webhook_endpoints.BOTH_SECRETS.total_seconds()),
        "kept_days": settings.WEBHOOK_RETENTION_DAYS,
    }
    return render(request, "docs/webhooks.html", context)


def _tries() -> Iterator[tuple[int, str, str]]:
    """Each try after the first: its number, how long after the one before, how long after the first."""
    total = 0
    for number, delay in enumerate(delivery_queue.DELAYS, start=2):
        total += delay
        yield number, _span(delay), _span(total)


def _span(seconds: float) -> str:
    """In symbols that every language has: `30 s`, `2 min`, `9 h 23 min`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h" if hours else "", f"{minutes} min" if minutes else ""]
    parts += [f"{rest} s" if rest and not hours else ""]
    return " ".join(filter(None, parts))


@require_safe
def moving(request: HttpRequest) -> HttpResponse:
    return render(request, "docs/moving.html", {"moves": MOVES.values()})


@require_safe
def moving_from(request: HttpRequest, vendor: str) -> HttpResponse:
    move = MOVES.get(vendor)
    if move is None:
        raise Http404
    after = move.after.format(origin=_origin(request))
    return render(request, "docs/moving_from.html", {"move": move, "after": after})
