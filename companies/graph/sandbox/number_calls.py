"""Calls about phone numbers and the accounts that own them."""

from typing import Any

from . import ids
from .app_calls import set_override
from .calls import Call, page, pick
from .errors import missing, param, refuse, unknown_object
from .numbers import LISTED, Number
from .state import APP_ID

WABA_DEFAULT = ("id", "name", "timezone_id", "message_template_namespace")
WABA_ONLY = {
    "timezone_id", "message_template_namespace", "account_review_status", "currency", "country",
    "business_verification_status", "ownership_type", "owner_business_info", "primary_funding_id",
    "marketing_messages_lite_api_status", "name", "on_behalf_of_business_info",
}  # fmt: skip
PROFILE_LIMITS = {"about": 139, "address": 256, "description": 512, "email": 128}


async def list_all(call: Call) -> dict[str, Any]:
    call.state.numbers.waba(call.node)
    call.state.changed = True
    names = call.fields()
    rows = [
        pick(number.as_json(), names, LISTED) for number in call.state.numbers.of_waba(call.node)
    ]
    return page(rows, call)


async def get(call: Call) -> dict[str, Any]:
    """A number or an account. An id never heard of is what the fields asked for belong to."""
    numbers, names = call.state.numbers, call.fields()
    known = call.node in numbers.numbers or call.node in numbers.wabas
    if ids.is_minted(call.node) and not known:
        raise unknown_object(call.node, "get")
    is_waba = call.node in numbers.wabas or (not known and bool(WABA_ONLY & set(names)))
    call.state.changed = call.state.changed or not known
    if is_waba and call.node not in numbers.numbers:
        return pick(numbers.waba(call.node).as_json(), names, WABA_DEFAULT)
    return pick(numbers.number(call.node).as_json(), names, LISTED)


async def change(call: Call) -> dict[str, Any]:
    """POST /{number}: the two-step PIN, or a webhook address of its own."""
    if ids.is_minted(call.node) and call.node not in call.state.numbers.numbers:
        raise unknown_object(call.node, "post")
    number = call.state.numbers.number(call.node)
    if "pin" in call.body:
        number.pin = _pin(call)
    override = call.body.get("webhook_configuration")
    if override is not None:
        if not isinstance(override, dict):
            raise param("Param webhook_configuration must be a JSON object.")
        number.callback = await set_override(call, number.callback, override)
    call.state.changed = True
    return {"success": True}


async def register(call: Call) -> dict[str, Any]:
    """The first PIN becomes the number's; later ones must be the same."""
    _product(call)
    number, pin = _number(call), _pin(call)
    if number.pin and number.pin != pin:
        raise refuse(133005, "Two-step verification PIN mismatch")
    number.pin, number.registered, number.status = pin, True, "CONNECTED"
    call.state.changed = True
    return {"success": True}


async def deregister(call: Call) -> dict[str, Any]:
    _number(call).registered = False
    call.state.changed = True
    return {"success": True}


async def succeed(call: Call) -> dict[str, Any]:
    _number(call)
    return {"success": True}


async def verify_code(call: Call) -> dict[str, Any]:
    number, code = _number(call), call.required("code")
    if not (code.isascii() and code.isdigit() and len(code) == 6):
        raise param("Param code must be a string of 6 digits.")
    number.code_verification_status = "VERIFIED"
    call.state.changed = True
    return {"success": True}


async def settings(call: Call) -> dict[str, Any]:
    _number(call)
    return {"user_identity_change": {"enable_identity_key_check": False}}


async def profile(call: Call) -> dict[str, Any]:
    number = _number(call)
    shown = {"messaging_product": "whatsapp", **number.profile}
    names = call.fields()
    if names:
        wanted = {*names, "messaging_product"}
        shown = {name: value for name, value in shown.items() if name in wanted}
    return {"data": [shown]}


async def change_profile(call: Call) -> dict[str, Any]:
    _product(call)
    for name, limit in PROFILE_LIMITS.items():
        value = call.body.get(name, "")
        if not isinstance(value, str) or len(value) > limit:
            raise param(f"Param {name} must be at most {limit} characters long.")
    given = {k: v for k, v in call.body.items() if k not in ("messaging_product", "access_token")}
    _number(call).profile.update(given)
    call.state.changed = True
    return {"success": True}


async def subscribed_apps(call: Call) -> dict[str, Any]:
    waba = call.state.numbers.waba(call.node)
    if not waba.subscribed:
        return {"data": []}
    row: dict[str, Any] = {
        "whatsapp_business_api_data": {
            "id": APP_ID,
            "link": f"https://www.facebook.com/games/?app_id={APP_ID}",
            "name": "Graph sandbox",
        }
    }
    if waba.callback:
        row["override_callback_uri"] = waba.callback
    return {"data": [row]}


async def subscribe(call: Call) -> dict[str, Any]:
    """Also the way to set or, by leaving it out, to drop the account's own webhook address."""
    waba = call.state.numbers.waba(call.node)
    waba.callback = await set_override(call, "", call.body)
    waba.subscribed = True
    call.state.changed = True
    return {"success": True}


async def unsubscribe(call: Call) -> dict[str, Any]:
    call.state.numbers.waba(call.node).subscribed = False
    call.state.changed = True
    return {"success": True}


def _number(call: Call) -> Number:
    return call.state.numbers.number(call.node)


def _product(call: Call) -> None:
    product = call.text("messaging_product")
    if not product:
        raise missing("messaging_product")
    if product != "whatsapp":
        raise param(f'Param messaging_product must be one of {{WHATSAPP}} - got "{product}".')


def _pin(call: Call) -> str:
    pin = call.required("pin")
    if not (len(pin) == 6 and pin.isascii() and pin.isdigit()):
        raise param("Param pin must be a string of 6 digits.")
    return pin
