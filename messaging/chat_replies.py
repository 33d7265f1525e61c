"""Answering in a conversation: whether that is possible now, and doing it.

WhatsApp takes free words for 24 hours after the person's last message, on the number that they wrote
to. So an answer goes out from the channel, and to the number, of their last message.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO

import requests
import structlog
from django.utils import timezone

from companies.keys import Caller
from companies.models import Channel, Company
from config.api import Answer, ApiError
from contacts.models import Contact
from contacts.phones import as_written
from messaging import idempotency, media, payloads, services
from messaging.media_graph import TIMEOUT, headers, url
from messaging.models import Batch, InboundMessage, Media
from messaging.payloads import Payload
from messaging.services import SendRequest

log = structlog.get_logger("tuma.chat")

WINDOW = timedelta(hours=24)
DIALECT = "portal"
# Meta takes read receipts for so long.
RECEIPTS_FOR = timedelta(days=30)
MAX_KEY = 64


class NoAnswer(ApiError):
    """The conversation can't be answered as things are; the state of the page says why."""

    code = "conversation_closed"
    status = 409


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Where an answer stands: from which channel, to whom (a number with its plus, or a BSUID), until
    when, and if not, `why` in a word: opted_out, never_wrote, disconnected, closed, erased.
    """

    channel: Channel | None
    to: str
    until: datetime | None
    why: str = ""

    @property
    def minutes_left(self) -> tuple[int, int]:
        """Hours and minutes until the window closes."""
        left = (self.until - timezone.now()) if self.until else timedelta(0)
        return divmod(max(0, int(left.total_seconds() // 60)), 60)

    @property
    def is_open(self) -> bool:
        return not self.why

    @property
    def version(self) -> str:
        """Different whenever the page should say something else."""
        until = int(self.until.timestamp()) if self.until else 0
        return f"{self.why or 'open'}-{until}"


def desk(contact: Contact, contact_ids: Sequence[int], *, now: datetime) -> Desk:
    """How the conversation can be answered now."""
    last = (
        InboundMessage.objects.filter(contact__in=contact_ids)
        .exclude(type="system")
        .select_related("channel")
        .defer("channel__access_token")
        .order_by("-pk")
        .first()
    )
    to, why = _address(contact, last), _why_never(contact)
    if last is None:
        return Desk(channel=None, to=to, until=None, why=why or "never_wrote")
    until = last.sent_at + WINDOW
    if not why and last.channel.status != Channel.Status.CONNECTED:
        why = "disconnected"
    if not why and until <= now:
        why = "closed"
    return Desk(channel=last.channel, to=to, until=until, why=why)


def _why_never(contact: Contact) -> str:
    if contact.erased_at:
        return "erased"
    return "opted_out" if contact.opted_out_at else ""


def _address(contact: Contact, last: InboundMessage | None) -> str:
    """The number that they wrote from last, since a person may have several; else how they are known."""
    wrote_from = str(last.payload.get("from") or "") if last else ""
    digits = wrote_from.lstrip("+")
    if digits.isascii() and digits.isdigit():
        return as_written(digits)
    return as_written(contact.phone or contact.bsuid or "")


# --- Sending ---------------------------------------------------------------------------


def caller(company: Company) -> Caller:
    """A person of the company, as `services.accept` knows callers."""
    return Caller(
        key_id=None,
        key_channel_id=None,
        company_id=company.pk,
        company_active=company.status == Company.Status.ACTIVE,
        country=company.country,
        time_zone=company.time_zone,
        requests_per_minute=None,
        prices=company.prices,
        scopes=(),
    )


def send(
    company: Company,
    at: Desk,
    payload: Payload,
    *,
    form_key: str,
    now: datetime,
    request_id: str = "",
) -> None:
    """Accept an answer; the same form twice is one message. Raises NoAnswer, and what
    `services.accept` raises.
    """
    if not at.is_open or at.channel is None:
        raise NoAnswer("This conversation can’t be answered now.")
    request = SendRequest(channel=at.channel, payload=payload, numbers=[at.to], dialect=DIALECT)
    services.accept(
        request,
        caller=caller(company),
        now=now,
        answer=_answer,
        request_id=request_id,
        key=_key("chat", form_key, repr(payload).encode()),
    )


def _answer(batch: Batch) -> Answer:
    return Answer(200, {"batch": batch.public_id})


def _key(purpose: str, form_key: str, content: bytes) -> idempotency.Key:
    return idempotency.Key.of(f"{purpose}:{form_key[:MAX_KEY]}", path=purpose, body=content)


def keep_file(
    company: Company, file: IO[bytes], *, name: str, form_key: str, now: datetime
) -> Media:
    """Store an attachment, once for its form; raises what `media.check` raises."""
    checked = media.check(file, filename=name)
    key = _key("chat-file", form_key, hashlib.sha256(checked.sha256.encode()).digest())
    given = media.accept(checked, company_id=company.pk, now=now, answer=_media_answer, key=key)
    found = media.find(company_id=company.pk, public_id=given.body["media"])
    if found is None:
        raise media.MediaNotFound("The file is not there any more")
    return found


def _media_answer(file: Media) -> Answer:
    return Answer(200, {"media": file.public_id})


def content(text: str, file: Media | None) -> Payload:
    """What is sent: the text, or the file with the text under it. Raises ApiError."""
    if file is None:
        return payloads.text(text)
    name = file.filename if file.kind == Media.Kind.DOCUMENT else ""
    return payloads.media(file.kind, media_id=file.public_id, caption=text, filename=name)


# --- Telling that it was read ----------------------------------------------------------


def tell_read(inbound_id: int, *, now: datetime) -> None:
    """Two blue ticks on the person's phone, for this message and those before it. Best effort: what
    Meta does not take is logged and forgotten.
    """
    message = InboundMessage.objects.select_related("channel").filter(pk=inbound_id).first()
    if message is None or message.sent_at < now - RECEIPTS_FOR:
        return
    channel = message.channel
    if channel.status != Channel.Status.CONNECTED:
        return
    body = {"messaging_product": "whatsapp", "status": "read", "message_id": message.wamid}
    try:
        response = requests.post(
            url(f"{channel.phone_number_id}/messages"),
            json=body,
            headers=headers(channel),
            timeout=TIMEOUT,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        log.warning("read_receipt_failed", inbound=inbound_id, error=type(error).__name__)
        return
    if response.status_code != 200:
        log.warning("read_receipt_refused", inbound=inbound_id, status=response.status_code)
