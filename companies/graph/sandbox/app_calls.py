"""Calls about the app: its webhook, its tokens."""

import secrets
from typing import Any

import aiohttp

from . import auth
from .calls import Call
from .errors import GraphError, Refused, missing, param

HANDSHAKE_SECONDS = 5


async def debug_token(call: Call) -> dict[str, Any]:
    """Introspection of one token, asked for with another one or with the app's."""
    auth.check(call.state, call.token, app=True)
    return auth.debug(call.state, call.required("input_token"))


async def access_token(call: Call) -> dict[str, Any]:
    """An app token for client credentials, a business token for a sign-up code."""
    client = call.required("client_id")
    secret = call.required("client_secret")
    if call.text("grant_type") == "client_credentials":
        return {"access_token": f"{client}|{secret}", "token_type": "bearer"}
    call.required("code")
    return {"access_token": "EAA" + secrets.token_urlsafe(60), "token_type": "bearer"}


async def subscriptions(call: Call) -> dict[str, Any]:
    known = call.state.subscriptions.get(call.node)
    return {"data": [known] if known else []}


async def subscribe(call: Call) -> dict[str, Any]:
    """Set the app's webhook: its address must first pass the handshake."""
    if call.required("object") != "whatsapp_business_account":
        raise param("Param object must be one of {WHATSAPP_BUSINESS_ACCOUNT}.")
    url, token = call.required("callback_url"), call.required("verify_token")
    await handshake(url, token)
    names = [name for name in call.text("fields").split(",") if name]
    call.state.subscriptions[call.node] = {
        "object": "whatsapp_business_account",
        "callback_url": url,
        "active": True,
        "fields": [{"name": name, "version": call.version} for name in names],
    }
    call.state.settings.webhook_url = url
    call.state.settings.verify_token = token
    call.state.changed = True
    return {"success": True}


async def unsubscribe(call: Call) -> dict[str, Any]:
    call.state.subscriptions.pop(call.node, None)
    call.state.settings.webhook_url = ""
    call.state.changed = True
    return {"success": True}


async def set_override(call: Call, current: str, settings: dict[str, Any]) -> str:
    """The override address of an account or a number; an empty one deletes it."""
    if "override_callback_uri" not in settings:
        return current
    url = str(settings["override_callback_uri"] or "")
    if not url:
        return ""
    if len(url) > 200:
        raise param("Param override_callback_uri must be at most 200 characters long.")
    token = settings.get("verify_token")
    if not token:
        raise missing("verify_token")
    await handshake(url, str(token))
    return url


async def handshake(url: str, verify_token: str) -> None:
    """GET with hub.challenge: the receiver must answer 200 and repeat it."""
    challenge = str(secrets.randbelow(10**9))
    query = {
        "hub.mode": "subscribe",
        "hub.challenge": challenge,
        "hub.verify_token": verify_token,
    }
    timeout = aiohttp.ClientTimeout(total=HANDSHAKE_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.get(url, params=query, allow_redirects=False) as response,
        ):
            status = response.status
            echoed = (await response.content.read(100)).decode(errors="replace").strip()
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        raise _not_verified("The callback could not be reached.") from None
    if status != 200:
        raise _not_verified(f"Response code was {status}.")
    if echoed != challenge:
        raise _not_verified("Response does not match challenge.")


def _not_verified(why: str) -> Refused:
    return Refused(
        GraphError(
            code=2200,
            message=f"(#2200) Callback verification failed: {why}",
        )
    )
