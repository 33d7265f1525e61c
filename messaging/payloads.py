"""The message as Graph takes it, without its recipient. Pure functions: no queries, no network.

Each refuses what Meta would refuse, with a code that the dialects translate. Limits: Meta's
Cloud API, POST /{phone-number-id}/messages.
"""

from typing import Any

from config.api import ApiError
from config.links import file_name, is_web_link

MAX_TEXT = 4096
MAX_CAPTION = 1024
MEDIA_TYPES = ("image", "video", "audio", "document")

Payload = dict[str, Any]


class InvalidMessage(ApiError):
    code = "invalid_message"


class InvalidCaption(ApiError):
    code = "invalid_caption"


class InvalidLink(ApiError):
    code = "invalid_link"


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


def media(kind: str, *, link: object, caption: object = None, filename: str = "") -> Payload:
    """An image, video, audio or document that Meta fetches from `link`."""
    if not is_web_link(link):
        raise InvalidLink("link must be an absolute http or https URL", param="link")
    content: Payload = {"link": link}
    if caption not in (None, ""):
        content["caption"] = _caption(kind, caption)
    if kind == "document" and (filename or file_name(str(link))):
        content["filename"] = filename or file_name(str(link))
    return {"type": kind, kind: content}


def _caption(kind: str, caption: object) -> str:
    if not isinstance(caption, str):
        raise InvalidCaption("caption must be a string", param="caption")
    if kind == "audio":
        raise InvalidCaption("audio messages have no caption", param="caption")
    if len(caption) > MAX_CAPTION:
        raise InvalidCaption(
            f"caption must be at most {MAX_CAPTION} characters, it has {len(caption)}",
            param="caption",
        )
    return caption


def template(*, name: str, language: str, components: list[Payload]) -> Payload:
    """A template message; `components` as templates_app.parameters made them."""
    content: Payload = {"name": name, "language": {"code": language}}
    if components:
        content["components"] = components
    return {"type": "template", "template": content}


def interactive(content: Payload) -> Payload:
    """An interactive message, already checked by messaging.interactive."""
    return {"type": "interactive", "interactive": content}


def addressed(payload: Payload, *, recipient: str, reference: str) -> Payload:
    """The whole body of a send. `reference` comes back in every status webhook of the message; it is
    the only thing that ties an unanswered send to what Meta made of it (there is no idempotency key).
    """
    # A business-scoped user id holds a dot, a phone number never does.
    to = {"recipient": recipient} if "." in recipient else {"to": f"+{recipient}"}
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        **to,
        **payload,
        "biz_opaque_callback_data": reference,
    }
