"""The contracts put together: what GET /api/schema answers."""

from functools import cache

from messaging.openapi import amanahagent, autokonnect, engagelab, socnet, whatssync
from messaging.openapi.parts import INTEGER, STRING, Object

CONTRACTS = (
    autokonnect.CONTRACT,
    whatssync.CONTRACT,
    amanahagent.CONTRACT,
    engagelab.CONTRACT,
    socnet.CONTRACT,
)
_INTRODUCTION = """\
A WhatsApp Business gateway that speaks five contracts. Use the one that your software knows already;
whichever it is, a message takes the same way and keeps the same promises: what was accepted is sent or
visibly failed, and nothing is sent twice.

- **Moving here?** [What to change in your client](/moving), by vendor.
- **Webhooks?** [How to verify them](/docs/webhooks), and to prove that none was missed.
- **Postman?** [The same as a collection](/api/postman.json).
- `Idempotency-Key` on a POST makes a repeat within 24 hours get the first answer and send nothing.
- Every answer carries `X-Request-Id` and `X-RateLimit-Limit`, `-Remaining`, `-Reset`; a 429 also
  `Retry-After`.
"""


def _header(description: str, schema: Object = STRING) -> Object:
    return {"description": description, "schema": schema}


_HEADERS: Object = {
    "X-RateLimit-Limit": _header("Requests that the key may make in a minute.", INTEGER),
    "X-RateLimit-Remaining": _header("How many of them are left.", INTEGER),
    "X-RateLimit-Reset": _header("When they are all back, in Unix seconds.", INTEGER),
    "X-Request-Id": _header("Names this request in our logs; the caller's own if it gave one."),
    "Location": _header("The batch that the message became."),
    "Retry-After": _header("Seconds to wait.", INTEGER),
    "Idempotent-Replayed": _header("`true` where the answer is that of an earlier request."),
    "WWW-Authenticate": _header("The scheme that is asked for."),
    "Allow": _header("The methods that there are."),
}
_PARAMETERS: Object = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "A repeat within 24 hours gets the first answer and does nothing.",
        "schema": {"type": "string", "maxLength": 255},
    }
}
_SECURITY: Object = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, `tuma_…`."},
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "The first 13 characters of an API key as user, the rest as password.",
    },
}


@cache
def _document() -> Object:
    paths: Object = {}
    schemas: Object = {}
    for contract in CONTRACTS:
        paths |= contract.paths
        schemas |= contract.schemas
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tuma", "version": "1", "description": _INTRODUCTION},
        "tags": [{"name": c.name, "description": c.description} for c in CONTRACTS],
        "paths": paths,
        "webhooks": amanahagent.WEBHOOKS,
        "components": {
            "schemas": schemas,
            "headers": _HEADERS,
            "parameters": _PARAMETERS,
            "securitySchemes": _SECURITY,
        },
    }


def document(origin: str) -> Object:
    """The whole API, served from `origin`, such as https://tuma.example."""
    return {**_document(), "servers": [{"url": origin}]}
