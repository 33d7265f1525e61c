"""Signatures by the Standard Webhooks specification: `webhook-id`, `-timestamp`, `-signature`.

A secret that we make is `whsec_` and base64. One that a company gives may be any text: its bytes are
the key, as with most vendors. Where such a text is itself good base64, a second signature is made with
what it stands for, since the specification's libraries read it so; a receiver takes either.
"""

import base64
import binascii
import secrets
from datetime import datetime

from standardwebhooks import Webhook

from config.api import ApiError

PREFIX = "whsec_"
MAX_SECRET = 256
_OUR_BYTES = 32
# The base64 of less is more likely just a word.
_MIN_DECODED = 16


class InvalidSecret(ApiError):
    code = "invalid_secret"


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(_OUR_BYTES)).decode()


def check_secret(secret: object) -> str:
    """A secret that a company gave, if messages can be signed with it."""
    if not isinstance(secret, str) or not 0 < len(secret) <= MAX_SECRET:
        raise InvalidSecret(
            f"secret must be a string of 1 to {MAX_SECRET} characters", param="secret"
        )
    if not secret.isprintable():
        raise InvalidSecret("secret must not hold control characters", param="secret")
    if secret.startswith(PREFIX) and not _decoded(secret.removeprefix(PREFIX)):
        raise InvalidSecret(f"What follows {PREFIX} must be base64", param="secret")
    return secret


def headers(*, public_id: str, at: datetime, body: bytes, keys: list[str]) -> dict[str, str]:
    """The headers of a post at `at`, signed with each of the secrets `keys`."""
    signatures = [
        signer.sign(public_id, at, body.decode()) for secret in keys for signer in _signers(secret)
    ]
    return {
        "webhook-id": public_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _signers(secret: str) -> list[Webhook]:
    if secret.startswith(PREFIX):
        return [Webhook(_decoded(secret.removeprefix(PREFIX)))]
    decoded = _decoded(secret)
    meant = [decoded] if len(decoded) >= _MIN_DECODED else []
    return [Webhook(key) for key in (secret.encode(), *meant)]


def _decoded(text: str) -> bytes:
    """The bytes that a base64 text stands for, with or without padding; b"" for anything else."""
    try:
        return base64.b64decode(
            text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), validate=True
        )
    except (binascii.Error, ValueError):
        return b""
