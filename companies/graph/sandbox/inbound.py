"""Messages from users, as the webhook that Meta would send for them."""

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from . import ids
from .media import SAMPLES, Medium
from .numbers import Number
from .settings import Settings
from .state import State
from .webhooks import Change

UNSUPPORTED: Final = {
    "code": 131051,
    "title": "Message type unknown",
    "message": "Message type unknown",
    "error_data": {"details": "Message type is currently not supported."},
}


class BadInbound(ValueError):
    """A request for an inbound message that cannot be made."""


@dataclass(slots=True)
class Reply:
    """What a magic recipient writes back, when its time has come."""

    number: Number
    wa_id: str
    wamid: str
    text: str


def schedule_reply(
    state: State, number: Number, wa_id: str, wamid: str, text: str, *, after: float
) -> None:
    state.timetable.add(time.monotonic() + after, Reply(number, wa_id, wamid, text))


def send_reply(state: State, reply: Reply) -> None:
    order = {
        "phone_number_id": reply.number.id,
        "from": reply.wa_id,
        "type": "text",
        "text": reply.text,
        "context": reply.wamid,
    }
    receive(state, order)


def receive(state: State, order: dict[str, Any]) -> dict[str, Any]:
    """Make the message, remember that the user wrote, and queue the webhook."""
    number_id = str(order.get("phone_number_id") or "")
    if not ids.is_object_id(number_id):
        raise BadInbound("phone_number_id: an id of 15 to 17 digits is needed.")
    number = state.numbers.number(number_id)
    wa_id = ids.wa_id(str(order.get("from") or ""))
    if wa_id is None and not order.get("from_user_id"):
        raise BadInbound("from: a phone number is needed (or from_user_id).")
    now = state.now()
    message = _message(state, order, number, wa_id, now=now)
    value: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": number.digits, "phone_number_id": number.id},
    }
    if not order.get("no_contacts") and order.get("type") != "system":
        value["contacts"] = [_contact(order, wa_id, state.settings)]
    value["messages"] = [message]
    if message["type"] not in ("system",):
        for name in filter(None, (wa_id, message.get("from_user_id"))):
            state.last_inbound[number.id, name] = now
    state.emit(Change(number.waba_id, "messages", value), phone_number_id=number.id)
    return {"message": message, "value": value}


def _contact(order: dict[str, Any], wa_id: str | None, settings: Settings) -> dict[str, Any]:
    contact: dict[str, Any] = {}
    if not order.get("no_profile"):
        contact["profile"] = {"name": order.get("name", "Sandbox User")}
        if order.get("username"):
            contact["profile"]["username"] = order["username"]
    if wa_id and not order.get("user_id_only"):
        contact["wa_id"] = wa_id
    user = order.get("from_user_id") or (ids.bsuid(wa_id) if wa_id else "")
    if user and (settings.bsuid or "wa_id" not in contact):
        contact["user_id"] = user
    return contact


def _message(
    state: State, order: dict[str, Any], number: Number, wa_id: str | None, *, now: float
) -> dict[str, Any]:
    message: dict[str, Any] = {}
    if wa_id and not order.get("user_id_only"):
        message["from"] = wa_id
    user = order.get("from_user_id") or (ids.bsuid(wa_id) if wa_id else "")
    if user and (state.settings.bsuid or "from" not in message):
        message["from_user_id"] = user
    message["id"] = str(order.get("id") or ids.incoming_wamid(wa_id or "0"))
    message["timestamp"] = str(order.get("timestamp") or int(now))
    raw = order.get("message")
    if raw is not None:
        if not isinstance(raw, dict):
            raise BadInbound("message: a JSON object is needed.")
        return {"type": "text", **message, **raw}
    kind = order.get("type", "text")
    shape = SHAPES.get(kind) if isinstance(kind, str) else None
    if shape is None:
        raise BadInbound(f"type: one of {', '.join(SHAPES)}, not {kind!r}.")
    context = order.get("context")
    if isinstance(context, str):
        context = {"from": number.digits, "id": context}
    if context is not None:
        message["context"] = context
    if order.get("referral"):
        message["referral"] = order["referral"]
    message.update(shape(state, order, message))
    return message


Shape = Callable[[State, dict[str, Any], dict[str, Any]], dict[str, Any]]


def _text(state: State, order: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
    text = order.get("text", "Hello")
    return {"type": "text", "text": text if isinstance(text, dict) else {"body": text}}


def _given(kind: str, default: Any) -> Shape:
    """A type whose content is the order's, or a plausible one."""

    def shape(state: State, order: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
        return {"type": kind, kind: order.get(kind, default)}

    return shape


def _button(state: State, order: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
    """A tap on a template's quick reply."""
    text = order.get("text", "Yes")
    return {"type": "button", "button": {"payload": order.get("payload", text), "text": text}}


def _reply(kind: str) -> Shape:
    def shape(state: State, order: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
        reply = {"id": order.get("reply_id", "ID1"), "title": order.get("title", "Yes")}
        if order.get("description"):
            reply["description"] = order["description"]
        return {"type": "interactive", "interactive": {"type": kind, kind: reply}}

    return shape


def _nfm_reply(state: State, order: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
    reply = {
        "name": order.get("name_of_reply", "flow"),
        "body": "Sent",
        "response_json": order.get("response_json", "{}"),
    }
    return {"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": reply}}


def _media(kind: str) -> Shape:
    def shape(state: State, order: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
        return {"type": kind, kind: _stored(state, order, kind)}

    return shape


def _stored(state: State, order: dict[str, Any], kind: str) -> dict[str, Any]:
    """Keep the bytes, so that the media id in the webhook can be downloaded."""
    mime, content = SAMPLES[kind]
    try:
        if "content" in order:
            content = base64.b64decode(order["content"], validate=True)
    except (TypeError, ValueError):
        raise BadInbound("content: base64 is needed.") from None
    medium = state.media.add(
        content=content,
        mime_type=str(order.get("mime_type", mime)),
        phone_number_id=str(order["phone_number_id"]),
        inbound=True,
        now=state.now(),
    )
    shown: dict[str, Any] = {
        "mime_type": medium.mime_type,
        "sha256": base64.b64encode(bytes.fromhex(medium.sha256)).decode(),
        "id": medium.id,
        "url": state.media.url(medium, base=state.base_url, now=state.now()),
    }
    return {**shown, **_about_medium(order, kind, medium)}


def _about_medium(order: dict[str, Any], kind: str, medium: Medium) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    if order.get("caption") and kind in ("image", "video", "document"):
        extra["caption"] = order["caption"]
    if kind == "document":
        extra["filename"] = order.get("filename", "document.pdf")
    if kind == "audio":
        extra["voice"] = bool(order.get("voice", False))
    if kind == "sticker":
        extra["animated"] = bool(order.get("animated", False))
    return extra


def _system(state: State, order: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
    old, new = message.get("from", ""), str(order.get("new_wa_id", "15555550100"))
    body = order.get("body", f"User A changed from {old} to {new}")
    return {
        "type": "system",
        "system": {"body": body, "wa_id": new, "type": order.get("event", "user_changed_number")},
    }


def _unsupported(state: State, order: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "unsupported",
        "errors": [UNSUPPORTED],
        "unsupported": {"type": order.get("unsupported_type", "unknown")},
    }


def _edit(state: State, order: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
    changed = {"type": "text", "text": {"body": order.get("text", "Hello again")}}
    original = order.get("original_message_id", "")
    return {"type": "edit", "edit": {"original_message_id": original, "message": changed}}


def _revoke(state: State, order: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
    original = order.get("original_message_id", "")
    return {"type": "revoke", "revoke": {"original_message_id": original}}


def _reaction(state: State, order: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
    reaction = {"message_id": order.get("message_id", ""), "emoji": order.get("emoji", "👍")}
    return {"type": "reaction", "reaction": reaction}


SHAPES: Final[dict[str, Shape]] = {
    "text": _text,
    "image": _media("image"),
    "video": _media("video"),
    "audio": _media("audio"),
    "document": _media("document"),
    "sticker": _media("sticker"),
    "location": _given(
        "location", {"latitude": -1.286389, "longitude": 36.817223, "name": "Nairobi"}
    ),
    "contacts": _given(
        "contacts",
        [{"name": {"formatted_name": "Ann Otieno", "first_name": "Ann"},
          "phones": [{"phone": "+254700000009", "type": "CELL", "wa_id": "254700000009"}]}],
    ),
    "reaction": _reaction,
    "button": _button,
    "button_reply": _reply("button_reply"),
    "list_reply": _reply("list_reply"),
    "nfm_reply": _nfm_reply,
    "interactive": _given(
        "interactive", {"type": "button_reply", "button_reply": {"id": "ID1", "title": "Yes"}}
    ),
    "order": _given(
        "order",
        {"catalog_id": "1", "text": "", "product_items": [
            {"product_retailer_id": "sku-1", "quantity": 2, "item_price": 30, "currency": "USD"}]},
    ),
    "system": _system,
    "unsupported": _unsupported,
    "edit": _edit,
    "revoke": _revoke,
}  # fmt: skip
