"""Meta's webhook bodies for tests, and posting them signed."""

import hashlib
import hmac
import time
from typing import Any

import orjson
from django.conf import settings
from django.test import Client

from companies.models import Channel
from messaging.models import Message


def body(channel: Channel, field: str = "messages", **value: Any) -> bytes:
    if field in ("messages", "user_preferences"):
        value = {
            "messaging_product": "whatsapp",
            "metadata": {
                "display_phone_number": channel.phone_number.lstrip("+"),
                "phone_number_id": channel.phone_number_id,
            },
            **value,
        }
    change = {"field": field, "value": value}
    return orjson.dumps(
        {
            "object": "whatsapp_business_account",
            "entry": [{"id": channel.waba_id, "changes": [change]}],
        }
    )


def status(message: Message, status: str, *, with_wamid: str = "", **fields: Any) -> dict[str, Any]:
    return {
        "id": with_wamid or message.wamid or f"wamid.of{message.pk}",
        "status": status,
        "timestamp": str(int(time.time())),
        "recipient_id": message.recipient,
        "biz_opaque_callback_data": message.public_id,
        **fields,
    }


def failure(message: Message, code: int, **fields: Any) -> dict[str, Any]:
    errors = [{"code": code, "title": f"Error {code}", "error_data": {"details": "Because."}}]
    return status(message, "failed", errors=errors, **fields)


def inbound(text: str = "Hello", *, sender: str = "254711111111", **fields: Any) -> dict[str, Any]:
    return {
        "from": sender,
        "id": f"wamid.in{time.monotonic_ns()}",
        "timestamp": str(int(time.time())),
        "type": "text",
        "text": {"body": text},
        **fields,
    }


def sign(raw: bytes, secret: str | None = None) -> str:
    secret = settings.META_APP_SECRET if secret is None else secret
    return "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()


def post(client: Client, raw: bytes, signature: str | None = None) -> Any:
    return client.post(
        "/webhooks/meta",
        raw,
        content_type="application/json",
        headers={"X-Hub-Signature-256": sign(raw) if signature is None else signature},
    )
