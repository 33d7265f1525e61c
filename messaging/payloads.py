"""The message as Graph takes it, without its recipient. Pure functions: no queries, no network.

Each refuses what Meta would refuse, with a code that the dialects translate. Limits: Meta's
Cloud API, POST /{phone-number-id}/messages.
"""

import re
from datetime import date
from typing import Any

from config.api import ApiError
from config.links import file_name, is_web_link
from contacts.phones import as_written, is_bsuid

MAX_TEXT = 4096
MAX_CAPTION = 1024
MEDIA_TYPES = ("image", "video", "audio", "document")
MAX_FILENAME = 240
MAX_PLACE = 1000  # a location's name and address
MAX_LATITUDE, MAX_LONGITUDE = 90, 180
MAX_CONTACTS = 257
MAX_EMOJI = 50
MAX_WAMID = 140

_NUMBER = re.compile(r"[+-]?\d{1,3}(\.\d{1,20})?", re.ASCII)
_NAME_PARTS = ("first_name", "last_name", "middle_name", "suffix", "prefix")
_CONTACT_LISTS = ("phones", "emails", "addresses", "urls")
_CONTACT_FIELDS = {"name", "org", "birthday", *_CONTACT_LISTS}

Payload = dict[str, Any]


class InvalidMessage(ApiError):
    code = "invalid_message"


class InvalidCaption(ApiError):
    code = "invalid_caption"


class InvalidLink(ApiError):
    code = "invalid_link"


class InvalidFilename(ApiError):
    code = "invalid_filename"


class InvalidLocation(ApiError):
    code = "invalid_location"


class InvalidContacts(ApiError):
    code = "invalid_contacts"


class InvalidReaction(ApiError):
    code = "invalid_reaction"


class InvalidReply(ApiError):
    code = "invalid_reply"


def text(body: object, *, preview_url: bool = True) -> Payload:
    """A text message; links in it get a preview, as people who type them expect."""
    if not isinstance(body, str):
        raise InvalidMessage("message must be a string", param="message")
    if len(body) > MAX_TEXT:
        raise InvalidMessage(
            f"message must be at most {MAX_TEXT} characters, it has {len(body)}", param="message"
        )
    content: Payload = {"body": body}
    if preview_url and ("http://" in body or "https://" in body):
        content["preview_url"] = True
    return {"type": "text", "text": content}


def media(
    kind: str,
    *,
    link: object = None,
    media_id: str = "",
    caption: object = None,
    filename: str = "",
) -> Payload:
    """An image, video, audio, document or sticker: one of our files by its id, or what is at `link`."""
    if not media_id and not is_web_link(link):
        raise InvalidLink("link must be an absolute http or https URL", param="link")
    content: Payload = {"id": media_id} if media_id else {"link": link}
    if caption not in (None, ""):
        content["caption"] = _caption(kind, caption)
    name = _filename(filename) or ("" if media_id else file_name(str(link)))
    if kind == "document" and name:
        content["filename"] = name
    return {"type": kind, kind: content}


def _caption(kind: str, caption: object) -> str:
    if not isinstance(caption, str):
        raise InvalidCaption("caption must be a string", param="caption")
    if kind in ("audio", "sticker"):
        raise InvalidCaption(f"{kind} messages have no caption", param="caption")
    if len(caption) > MAX_CAPTION:
        raise InvalidCaption(
            f"caption must be at most {MAX_CAPTION} characters, it has {len(caption)}",
            param="caption",
        )
    return caption


def _filename(filename: object) -> str:
    if not isinstance(filename, str) or len(filename) > MAX_FILENAME:
        raise InvalidFilename(
            f"filename must be a string of at most {MAX_FILENAME} characters", param="filename"
        )
    return filename


def template(*, name: str, language: str, components: list[Payload]) -> Payload:
    """A template message; `components` as templates_app.parameters made them."""
    content: Payload = {"name": name, "language": {"code": language}}
    if components:
        content["components"] = components
    return {"type": "template", "template": content}


def components(payload: Payload) -> list[Payload]:
    """Those of a template message; none of any other."""
    found: list[Payload] = payload.get("template", {}).get("components", [])
    return found


def with_components(payload: Payload, components: list[Payload]) -> Payload:
    """The same template message with other components."""
    return {**payload, "template": {**payload["template"], "components": components}}


def interactive(content: Payload) -> Payload:
    """An interactive message, already checked by messaging.interactive."""
    return {"type": "interactive", "interactive": content}


def location(
    *, latitude: object, longitude: object, name: object = None, address: object = None
) -> Payload:
    """A place on the map; WhatsApp shows `address` under `name`."""
    content: Payload = {
        "latitude": _degrees("latitude", latitude, MAX_LATITUDE),
        "longitude": _degrees("longitude", longitude, MAX_LONGITUDE),
    }
    for field, value in (("name", name), ("address", address)):
        if value in (None, ""):
            continue
        if not isinstance(value, str) or len(value) > MAX_PLACE:
            raise InvalidLocation(
                f"{field} must be a string of at most {MAX_PLACE} characters", param=field
            )
        content[field] = value
    return {"type": "location", "location": content}


def _degrees(field: str, value: object, most: int) -> float:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= most:
        raise InvalidLocation(f"{field} must be a number from -{most} to {most}", param=field)
    return value


def contacts(people: object) -> Payload:
    """Contact cards, each in Meta's form."""
    if not isinstance(people, list) or not 1 <= len(people) <= MAX_CONTACTS:
        raise InvalidContacts(f"contacts must be 1 to {MAX_CONTACTS} objects", param="contacts")
    for index, person in enumerate(people):
        _check_contact(f"contacts[{index}]", person)
    return {"type": "contacts", "contacts": people}


def _check_contact(where: str, person: object) -> None:
    if not isinstance(person, dict) or not isinstance(person.get("name"), dict):
        raise InvalidContacts(f"{where} must be an object with a name", param=where)
    if not person.keys() <= _CONTACT_FIELDS:
        unknown = sorted(person.keys() - _CONTACT_FIELDS)[0]
        raise InvalidContacts(f"{where} can have no {unknown[:40]}", param=where)
    name = person["name"]
    if not all(isinstance(part, str) for part in name.values()):
        raise InvalidContacts(f"{where}.name must hold strings", param=where)
    if not name.get("formatted_name") or not any(name.get(part) for part in _NAME_PARTS):
        raise InvalidContacts(
            f"{where}.name needs formatted_name and one of: {', '.join(_NAME_PARTS)}", param=where
        )
    for field in _CONTACT_LISTS:
        items = person.get(field, [])
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise InvalidContacts(f"{where}.{field} must be an array of objects", param=where)
    if not isinstance(person.get("org", {}), dict):
        raise InvalidContacts(f"{where}.org must be an object", param=where)
    if "birthday" in person and not _is_date(person["birthday"]):
        raise InvalidContacts(f"{where}.birthday must be a date: YYYY-MM-DD", param=where)


def _is_date(value: object) -> bool:
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def reaction(*, wamid: object, emoji: object) -> Payload:
    """An emoji on a message of theirs, named by WhatsApp's id; "" takes it away again."""
    if not _is_wamid(wamid):
        raise InvalidReaction("message_id must be the id of a WhatsApp message", param="message_id")
    # Letters and digits alone are no emoji; an emoji may hold them among other characters.
    if not isinstance(emoji, str) or len(emoji) > MAX_EMOJI or (emoji and emoji.isascii()):
        raise InvalidReaction("emoji must be one emoji, or empty to remove it", param="emoji")
    return {"type": "reaction", "reaction": {"message_id": wamid, "emoji": emoji}}


def reply(payload: Payload, *, wamid: object) -> Payload:
    """The same message, shown as an answer to the one with WhatsApp's id `wamid`."""
    if not _is_wamid(wamid):
        raise InvalidReply("message_id must be the id of a WhatsApp message", param="message_id")
    if payload["type"] == "reaction":
        raise InvalidReply("a reaction can't be a reply", param="message_id")
    return {**payload, "context": {"message_id": wamid}}


def _is_wamid(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_WAMID and value.isprintable()


def addressed(payload: Payload, *, recipient: str, reference: str) -> Payload:
    """The whole body of a send. `reference` comes back in every status webhook of the message; it is
    the only thing that ties an unanswered send to what Meta made of it (there is no idempotency key).
    """
    to = {"recipient" if is_bsuid(recipient) else "to": as_written(recipient)}
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        **to,
        **payload,
        "biz_opaque_callback_data": reference,
    }
