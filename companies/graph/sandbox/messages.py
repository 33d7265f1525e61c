"""Whether POST /{number}/messages would take a payload, and with which error it would not.

Pure: a dict in, a GraphError or None out. What depends on the state of the account (templates,
media, windows, throughput) is checked elsewhere. Limits are Meta's, in characters.
"""

from collections.abc import Callable
from typing import Any, Final

from . import ids, interactive
from .errors import GraphError, Refused, missing, param, refuse
from .fields import check_media, only, optional_text, require_object, require_text

MAX_TEXT = 4096
MAX_TAG = 512
MAX_CONTACTS = 257
MAX_EMOJI = 50

ACCEPTED_TYPES: Final = (
    "AUDIO, CONTACTS, DOCUMENT, GIF, IMAGE, INTERACTIVE, LINK_PREVIEW, LOCATION, PIN, REACTION, "
    "STICKER, TEMPLATE, TEXT, VIDEO"
)
NAME_PARTS: Final = ("first_name", "last_name", "middle_name", "suffix", "prefix")


def check(payload: object) -> GraphError | None:
    try:
        _check(payload)
    except Refused as refusal:
        return refusal.error
    return None


def _check(payload: object) -> None:
    if not isinstance(payload, dict):
        raise missing("messaging_product")
    product = payload.get("messaging_product")
    if product is None:
        raise missing("messaging_product")
    if product != "whatsapp":
        raise param(f'Param messaging_product must be one of {{WHATSAPP}} - got "{product}".')
    if "status" in payload:
        _receipt(payload)
        return
    _recipient(payload)
    kind = payload.get("type", "text")
    checker = CHECKERS.get(kind) if isinstance(kind, str) else None
    if checker is None:
        raise param(f'Param type must be one of {{{ACCEPTED_TYPES}}} - got "{kind}".')
    _options(payload, kind)
    content = payload.get(kind)
    if content is None:
        raise missing(kind)
    checker(content)


def _receipt(payload: dict[str, Any]) -> None:
    """A read receipt, with or without a typing indicator."""
    if payload["status"] != "read":
        raise param(f'Param status must be one of {{READ}} - got "{payload["status"]}".')
    require_text(payload, "message_id", "message_id")
    typing = payload.get("typing_indicator")
    if typing is None:
        return
    if not isinstance(typing, dict) or typing.get("type") != "text":
        raise param("Param typing_indicator['type'] must be one of {TEXT}.")


def _recipient(payload: dict[str, Any]) -> None:
    to, user = payload.get("to"), payload.get("recipient")
    if to in (None, "") and user in (None, ""):
        raise Refused(GraphError(code=100, message="The parameter to is required."))
    kind = payload.get("recipient_type", "individual")
    if kind not in ("individual", "group"):
        raise param(f'Param recipient_type must be one of {{INDIVIDUAL, GROUP}} - got "{kind}".')
    if to not in (None, ""):
        if isinstance(to, bool) or not isinstance(to, str | int):
            raise param("Param to must be a string.")
        if kind == "individual" and ids.wa_id(str(to)) is None:
            raise refuse(131009, "Recipient is not a valid phone number")
    elif not (isinstance(user, str) and ids.is_bsuid(user)):
        raise refuse(131009, "Recipient is not a valid user id")


def _options(payload: dict[str, Any], kind: str) -> None:
    tag = payload.get("biz_opaque_callback_data")
    if tag is not None:
        if not isinstance(tag, str):
            raise param("Param biz_opaque_callback_data must be a string.")
        if len(tag) > MAX_TAG:
            raise param(
                f"Param biz_opaque_callback_data must be at most {MAX_TAG} characters long."
            )
    context = payload.get("context")
    if context is None:
        return
    if not isinstance(context, dict):
        raise param("Param context must be a JSON object.")
    require_text(context, "message_id", "context['message_id']")
    if kind == "reaction":
        raise param("Param context is not allowed with messages of type reaction.")


def _text(content: object) -> None:
    text = require_object(content, "text")
    only(text, ("body", "preview_url"), "text")
    require_text(text, "body", "text['body']", MAX_TEXT)
    if not isinstance(text.get("preview_url", False), bool):
        raise param("Param text['preview_url'] must be a boolean.")


def _media(kind: str, *extra: str) -> Callable[[object], None]:
    return lambda content: check_media(content, kind, extra)


def _location(content: object) -> None:
    place = require_object(content, "location")
    only(place, ("latitude", "longitude", "name", "address"), "location")
    for name, limit in (("latitude", 90), ("longitude", 180)):
        value = place.get(name)
        if value in (None, ""):
            raise missing(f"location['{name}']")
        try:
            degrees = float(value) if isinstance(value, str | int | float) else 999.0
        except ValueError:
            degrees = 999.0
        if not -limit <= degrees <= limit:
            raise param(f"Param location['{name}'] must be a number between {-limit} and {limit}.")
    optional_text(place, "name", "location['name']", 1000)
    optional_text(place, "address", "location['address']", 1000)


def _contacts(content: object) -> None:
    if not isinstance(content, list) or not content:
        raise param("Param contacts must be a non-empty array.")
    if len(content) > MAX_CONTACTS:
        raise param(f"Param contacts must have at most {MAX_CONTACTS} elements.")
    for at, contact in enumerate(content):
        where = f"contacts[{at}]"
        name = require_object(require_object(contact, where).get("name"), f"{where}['name']")
        require_text(name, "formatted_name", f"{where}['name']['formatted_name']")
        if not any(name.get(part) for part in NAME_PARTS):
            raise refuse(131009, f"{where}: name needs one more field than formatted_name")
        for listed in ("phones", "emails", "addresses", "urls"):
            _objects(contact.get(listed, []), f"{where}['{listed}']")
        birthday = contact.get("birthday")
        if birthday is not None and not _is_date(birthday):
            raise param(f"Param {where}['birthday'] must be a date in YYYY-MM-DD format.")


def _objects(value: object, where: str) -> None:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise param(f"Param {where} must be an array of JSON objects.")


def _is_date(text: object) -> bool:
    if not isinstance(text, str) or len(text) != 10:
        return False
    year, month, day = text[:4], text[5:7], text[8:]
    if text[4] + text[7] != "--" or not (year + month + day).isdigit():
        return False
    return 1 <= int(month) <= 12 and 1 <= int(day) <= 31


def _reaction(content: object) -> None:
    reaction = require_object(content, "reaction")
    only(reaction, ("message_id", "emoji"), "reaction")
    require_text(reaction, "message_id", "reaction['message_id']")
    emoji = reaction.get("emoji")
    if emoji is None:
        raise missing("reaction['emoji']")
    if not isinstance(emoji, str) or len(emoji) > MAX_EMOJI or _is_plain(emoji):
        raise refuse(131009, "Reaction must be one emoji, or empty to remove it")


def _is_plain(text: str) -> bool:
    """Letters and spaces are no emoji; keycaps such as 1 with a combining mark are."""
    return bool(text) and text.isascii()


def _template(content: object) -> None:
    """Only the frame: what its components need is the template's affair."""
    template = require_object(content, "template")
    only(template, ("name", "language", "components", "namespace"), "template")
    require_text(template, "name", "template['name']", 512)
    language = template.get("language")
    if language is None:
        raise missing("template['language']")
    code = require_object(language, "template['language']").get("code")
    if not isinstance(code, str) or not code:
        raise missing("template['language']['code']")
    policy = language.get("policy", "deterministic")
    if policy != "deterministic":
        raise param(
            "Param template['language']['policy'] must be one of {DETERMINISTIC} - "
            f'got "{policy}".'
        )
    components = template.get("components")
    if components is not None:
        _objects(components, "template['components']")


CHECKERS: Final[dict[str, Callable[[object], None]]] = {
    "text": _text,
    "image": _media("image", "caption"),
    "video": _media("video", "caption"),
    "document": _media("document", "caption", "filename"),
    "audio": _media("audio", "voice"),
    "sticker": _media("sticker"),
    "location": _location,
    "contacts": _contacts,
    "reaction": _reaction,
    "interactive": interactive.check,
    "template": _template,
}


def media_ids(payload: dict[str, Any]) -> list[tuple[str, str, str]]:
    """The (kind, id, where) of every medium that a valid payload names by id."""
    kind = payload.get("type", "text")
    content = payload.get(kind)
    if kind in ("image", "video", "document", "audio", "sticker"):
        named = isinstance(content, dict) and content.get("id")
        return [(kind, str(named), kind)] if named else []
    found: list[tuple[str, str, str]] = []
    if kind in ("interactive", "template"):
        _find_media(content, kind, found)
    return found


def _find_media(node: object, where: str, found: list[tuple[str, str, str]]) -> None:
    if isinstance(node, list):
        for at, item in enumerate(node):
            _find_media(item, f"{where}[{at}]", found)
    elif isinstance(node, dict):
        kind = node.get("type")
        medium = node.get(kind) if kind in ("image", "video", "document") else None
        if isinstance(medium, dict) and medium.get("id"):
            found.append((str(kind), str(medium["id"]), f"{where}['{kind}']"))
        for key, item in node.items():
            if isinstance(item, dict | list):
                _find_media(item, f"{where}['{key}']", found)
