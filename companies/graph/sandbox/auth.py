"""Access tokens: which are good, and what debug_token tells about them."""

import hashlib
import hmac
from functools import lru_cache
from typing import Any

from .errors import GraphError, Refused, bad_token
from .state import State, TokenFacts

MALFORMED = "Invalid OAuth access token - Cannot parse access token"
REVOKED = (
    "Error validating access token: The session has been invalidated because the user changed "
    "their password or Facebook has changed the session for security reasons."
)

EXPIRED = "Error validating access token: Session has expired."


def token_of(header: str, query: str | None) -> str:
    """The token in the Authorization header (Bearer or OAuth), else in ?access_token=."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() in ("bearer", "oauth"):
        return token.strip()
    return query or ""


def check(state: State, token: str, *, app: bool = False) -> None:
    """User and system tokens start with EAA; app tokens are `id|secret` and open less."""
    if not token:
        raise bad_token("An access token is required to request this resource.")
    if app and is_app_token(token):
        return
    if not token.startswith("EAA") or not token.isascii() or " " in token:
        raise bad_token(MALFORMED)
    if state.is_revoked(token):
        raise bad_token(REVOKED, subcode=460)
    if 0 < state.facts(token).expires_at <= state.now():
        raise bad_token(EXPIRED, subcode=463)


def check_proof(state: State, token: str, proof: str | None) -> None:
    """appsecret_proof: may be missing unless required, but never wrong."""
    settings = state.settings
    if proof is None:
        if settings.require_appsecret_proof:
            raise Refused(
                GraphError(
                    code=100,
                    message="API calls from the server require an appsecret_proof argument",
                )
            )
        return
    if not hmac.compare_digest(proof_of(token, settings.app_secret).encode(), proof.encode()):
        raise Refused(
            GraphError(code=100, message="Invalid appsecret_proof provided in the API argument")
        )


@lru_cache(maxsize=256)
def proof_of(token: str, app_secret: str) -> str:
    return hmac.new(app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()


def is_app_token(token: str) -> bool:
    app, bar, secret = token.partition("|")
    return bool(bar) and app.isdigit() and bool(secret)


def debug(state: State, token: str) -> dict[str, Any]:
    """An invalid token is no error here: the answer says that it is invalid."""
    try:
        check(state, token)
    except Refused as refusal:
        error = refusal.error
        told = {"code": error.code, "message": error.message}
        if error.subcode:
            told["subcode"] = error.subcode
        return {"data": {"is_valid": False, "error": told, "scopes": []}}
    facts = TokenFacts() if is_app_token(token) else state.facts(token)
    wabas = list(state.numbers.wabas)
    targets = {"target_ids": wabas} if wabas else {}
    granular = [{"scope": scope, **targets} for scope in facts.scopes]
    return {
        "data": {
            "app_id": facts.app_id,
            "type": "SYSTEM_USER",
            "application": "Graph sandbox",
            "is_valid": True,
            "expires_at": facts.expires_at,
            "data_access_expires_at": 0,
            "issued_at": 1712099387,
            "scopes": list(facts.scopes),
            "granular_scopes": granular,
            "user_id": "122000000000001",
        }
    }


def header_for(error: GraphError) -> dict[str, str]:
    """The WWW-Authenticate header of a refused token."""
    if error.status != 401:
        return {}
    message = error.message.replace('"', "'")
    return {"WWW-Authenticate": f'OAuth "Facebook Platform" "invalid_token" "{message}"'}
