"""Messages from people: every type is stored as it came, with what a person would read of it."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from companies.models import Channel
from contacts import services as contacts
from contacts.models import Contact
from contacts.phones import is_bsuid
from messaging import outgoing
from messaging.models import InboundMessage
from messaging.wake import wake_media
from messaging.webhook_body import Inbound, Preference

_MEDIA = ("image", "video", "audio", "document", "sticker")
_NEARLY_A_SECOND = timedelta(microseconds=999_999)


def store(inbound: Inbound, channel: Channel) -> bool:
    """Store one, once; whether it was new. Its sender becomes a contact, and may opt out by a word."""
    message = inbound.message
    if InboundMessage.objects.filter(wamid=message["id"]).exists():
        return False
    kind = message["type"]
    is_system = kind == "system"
    contact = (is_system and _moved(message, channel)) or _sender(inbound, channel)
    content = message.get(kind)
    content = content if isinstance(content, dict) else {}
    # Nobody has written in the future, whatever a clock says: the 24-hour window would stay open.
    at = min(inbound.at, timezone.now())
    text = _readable(kind, message)
    media_id = str(content.get("id") or "")[:64] if kind in _MEDIA else ""
    stored = InboundMessage.objects.create(
        company_id=channel.company_id,
        channel=channel,
        contact=contact,
        wamid=message["id"],
        type=kind[:20],
        text=text,
        media_id=media_id.replace("\x00", ""),
        media_due_at=timezone.now() if media_id else None,
        reply_to=_reply_to(message),
        payload=_without_nul(message),
        sent_at=_within_its_second(at),
    )
    if media_id:
        transaction.on_commit(wake_media)
    else:
        outgoing.received(stored)
    if contact and not is_system:
        contacts.wrote(contact, at=at, text=text)
    return True


def _within_its_second(at: datetime) -> datetime:
    """Meta tells whole seconds. Taken as they are, an answer would stand before what it answers, and
    before what somebody who reads page by page has seen of that second.
    """
    return min(max(at, timezone.now()), at + _NEARLY_A_SECOND)


def _sender(inbound: Inbound, channel: Channel) -> Contact | None:
    message, profile = inbound.message, inbound.profile
    phone = _digits(message.get("from") or profile.get("wa_id"))
    bsuid = _bsuid(message.get("from_user_id") or profile.get("user_id"))
    if not phone and not bsuid:
        return None
    about = profile.get("profile")
    name = about.get("name") if isinstance(about, dict) else ""
    return contacts.person(
        company_id=channel.company_id,
        phone=phone,
        bsuid=bsuid,
        name=str(name or "").replace("\x00", ""),
    )


def _digits(value: Any) -> str | None:
    text = str(value or "").lstrip("+")
    return text if text.isascii() and text.isdigit() and 7 <= len(text) <= 15 else None


def _bsuid(value: Any) -> str | None:
    return value if isinstance(value, str) and is_bsuid(value) else None


def _reply_to(message: dict[str, Any]) -> str:
    context = message.get("context")
    target = context.get("id") if isinstance(context, dict) else None
    reaction = message.get("reaction")
    if isinstance(reaction, dict):
        target = reaction.get("message_id")
    return str(target or "")[:140]


def _readable(kind: str, message: dict[str, Any]) -> str:
    """What a person would read: the text, a caption, a button's title, a place's name."""
    content = message.get(kind)
    if not isinstance(content, dict):
        return ""
    if kind == "edit":  # what it says now
        changed = content.get("message")
        return _readable(str(changed.get("type")), changed) if isinstance(changed, dict) else ""
    if kind == "interactive":
        content = content.get(str(content.get("type"))) or {}
    for key in ("body", "caption", "text", "title", "emoji", "name", "filename"):
        value = content.get(key) if isinstance(content, dict) else None
        if isinstance(value, str) and value:
            return value.replace("\x00", "")
    return ""


def _moved(message: dict[str, Any], channel: Channel) -> Contact | None:
    """Whom WhatsApp itself says to have another number or another id now."""
    system = message.get("system")
    if not isinstance(system, dict):
        return None
    if system.get("type") == "user_changed_number":
        return contacts.changed_number(
            company_id=channel.company_id,
            old=_digits(message.get("from")),
            new=_digits(system.get("wa_id")),
        )
    if system.get("type") == "user_changed_user_id":
        return contacts.changed_bsuid(
            company_id=channel.company_id,
            old=_bsuid(system.get("previous_user_id")),
            new=_bsuid(system.get("user_id")),
        )
    return None


def _without_nul(value: Any) -> Any:
    """PostgreSQL's JSON can't hold NUL; everything else is kept as Meta sent it."""
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(item) for key, item in value.items()}
    return value


def prefer(preference: Preference, channel: Channel) -> None:
    """Meta's own switch for marketing: stop opts out, resume undoes that (and only that)."""
    phone, bsuid = _digits(preference.phone), _bsuid(preference.bsuid)
    if not phone and not bsuid:
        return
    contact = contacts.person(company_id=channel.company_id, phone=phone, bsuid=bsuid)
    at, source = preference.at, contacts.Source.META
    if contacts.is_overtaken(contact, at=at):
        return
    if preference.wants_marketing:
        why = contacts.MARKETING
        contacts.opt_in(contact, at=at, reason=why, source=source, only_if=why)
    else:
        contacts.opt_out(contact, at=at, reason=contacts.MARKETING, source=source)
