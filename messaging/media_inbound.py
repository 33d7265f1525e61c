"""What people send: fetched from Graph in the background, kept for the company alone.

Graph keeps a file for seven days and hands it out in two steps: its metadata, then a URL that lives
five minutes. A message says when its file is to be fetched (`media_due_at`); moving that on is the
claim, so a fetch that dies is tried again when its time has come.
"""

import random
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import IO, Any

import requests
import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from config import sql
from messaging import media, media_types, outgoing
from messaging.media_graph import TIMEOUT, headers, json_of, url
from messaging.media_types import MB
from messaging.models import InboundMessage, Media
from messaging.outcomes import Refused, judge

log = structlog.get_logger("tuma.media")

MAX_BYTES = 100 * MB  # Graph: inbound media
MAX_SECONDS = 240.0  # of one download, however slowly it trickles
GIVE_UP_AFTER = timedelta(days=7)  # Graph: the life of an inbound media id
FETCH_LEASE = timedelta(minutes=10)
FETCHERS = 4
_FIRST_WAIT_SECONDS = 5
_MAX_WAIT_SECONDS = 6 * 3600
_TRIES_WHEN_UNKNOWN = 3
# The company hears of the message without its file rather than late.
_TRIES_UNTIL_TOLD = 2
_CHUNK = 256 * 1024
# Set when the worker is told to stop.
stopping = threading.Event()


class NotFetched(Exception):
    """Not this time; `for_good` where no time will do."""

    def __init__(self, reason: str, *, for_good: bool = False) -> None:
        super().__init__(reason)
        self.for_good = for_good


def is_waiting(*, now: datetime) -> bool:
    return InboundMessage.objects.filter(media_due_at__lte=now).exists()


def fetch_due(*, seconds: float) -> None:
    """Fetch what is due, a few at once, until nothing is or the time is over."""
    ends_at = time.monotonic() + seconds
    with ThreadPoolExecutor(FETCHERS, thread_name_prefix="fetch-media") as threads:
        for _ in range(FETCHERS):
            threads.submit(_fetch_until, ends_at)


def _fetch_until(ends_at: float) -> None:
    try:
        while time.monotonic() < ends_at and not stopping.is_set():
            if not fetch_next(now=timezone.now()):
                return
    except Exception:  # the sweep starts the next round
        log.exception("media_fetching_failed")
    finally:
        sql.close_connection()


def fetch_next(*, now: datetime) -> bool:
    """Fetch the file that has been due for longest; False where none is."""
    message = _take(now)
    if message is None:
        return False
    try:
        fetch(message)
    except NotFetched as error:
        _put_off(message, str(error), for_good=error.for_good, now=now)
    except Exception as error:
        log.exception("media_not_fetched", inbound=message.pk)
        _put_off(message, f"It could not be stored: {type(error).__name__}", now=now)
    return True


def _take(now: datetime) -> InboundMessage | None:
    due = InboundMessage.objects.filter(media_due_at__lte=now).order_by("media_due_at")
    for pk, due_at in due.values_list("pk", "media_due_at")[: 2 * FETCHERS]:
        taken = InboundMessage.objects.filter(pk=pk, media_due_at=due_at).update(
            media_due_at=now + FETCH_LEASE, media_tries=F("media_tries") + 1
        )
        if taken:
            return InboundMessage.objects.select_related("channel").get(pk=pk)
    return None


def _put_off(
    message: InboundMessage, reason: str, *, now: datetime, for_good: bool = False
) -> None:
    is_over = for_good or now > message.sent_at + GIVE_UP_AFTER
    wait = min(_FIRST_WAIT_SECONDS * 4 ** min(message.media_tries - 1, 10), _MAX_WAIT_SECONDS)
    wait *= random.uniform(1.0, 1.3)  # noqa: S311 - not a secret
    InboundMessage.objects.filter(pk=message.pk).update(
        media_due_at=None if is_over else now + timedelta(seconds=wait),
        media_problem=reason[:200],
    )
    if is_over or message.media_tries >= _TRIES_UNTIL_TOLD:
        _tell(message)
    log.warning("media_not_fetched", inbound=message.pk, reason=reason, given_up=is_over)


def fetch(message: InboundMessage) -> None:
    """Download a message's file and keep it. Raises NotFetched."""
    about = _metadata(message)
    with tempfile.SpooledTemporaryFile(max_size=MB) as file:
        _download(str(about.get("url", "")), message, file)
        found = media.checked(
            file,
            filename=_filename(message),
            content_type=media_types.wide(file, said=str(about.get("mime_type", ""))),
        )
        if str(about.get("sha256") or found.sha256).lower() != found.sha256:
            raise NotFetched("What was downloaded is not what Meta described.")
        _keep(found, message)


def _metadata(message: InboundMessage) -> dict[str, Any]:
    response = _get(url(message.media_id), message)
    about = json_of(response)
    if response.status_code == 200 and about.get("url"):
        if (size := about.get("file_size")) and isinstance(size, int) and size > MAX_BYTES:
            raise NotFetched(f"It has {size} bytes, more than WhatsApp allows.", for_good=True)
        return about
    verdict = judge(response.status_code, response.content)
    reason = verdict.detail if isinstance(verdict, Refused) else f"HTTP {response.status_code}"
    # Graph says the same of what is gone and of what this token may not see: the token may be mended.
    unknown = response.status_code == 404 or about.get("error", {}).get("error_subcode") == 33
    gone = unknown and message.media_tries >= _TRIES_WHEN_UNKNOWN
    raise NotFetched(f"Meta said: {reason}", for_good=gone)


def _get(address: str, message: InboundMessage, **options: Any) -> requests.Response:
    try:
        return requests.get(address, headers=headers(message.channel), timeout=TIMEOUT, **options)
    except requests.RequestException as error:
        raise NotFetched(f"Meta could not be reached: {type(error).__name__}") from error


def _download(address: str, message: InboundMessage, file: IO[bytes]) -> None:
    # The token goes to where Graph says; to nobody who listens in, at least.
    if not address.startswith(("https://", f"{settings.GRAPH_API_URL}/")):
        raise NotFetched("Meta named an address that is not https.")
    ends_at, size = time.monotonic() + MAX_SECONDS, 0
    with _get(address, message, stream=True) as response:
        if response.status_code != 200:
            raise NotFetched(f"The download answered HTTP {response.status_code}.")
        try:
            for chunk in response.iter_content(_CHUNK):
                size += len(chunk)
                if size > MAX_BYTES:
                    raise NotFetched("It is larger than WhatsApp allows.", for_good=True)
                if time.monotonic() > ends_at:
                    raise NotFetched("The download took too long.")
                file.write(chunk)
        except requests.RequestException as error:
            raise NotFetched(f"The download broke off: {type(error).__name__}") from error
    if not size:
        raise NotFetched("The download was empty.")


def _filename(message: InboundMessage) -> str:
    content = message.payload.get(message.type)
    name = content.get("filename") if isinstance(content, dict) else None
    return name if isinstance(name, str) else ""


def _keep(found: media.Checked, message: InboundMessage) -> None:
    now, company_id = timezone.now(), message.company_id
    with media.written(found, company_id=company_id) as name, transaction.atomic():
        file = media.record(
            found, name, company_id=company_id, now=now, origin=Media.Origin.INBOUND
        )
        linked = InboundMessage.objects.filter(pk=message.pk, stored_media=None).update(
            stored_media=file, media_due_at=None, media_problem=""
        )
        if not linked:
            raise NotFetched("Another worker was faster.")
        _tell(message)


def _tell(message: InboundMessage) -> None:
    whole = InboundMessage.objects.select_related("channel", "contact", "stored_media")
    outgoing.received(whole.get(pk=message.pk))
