"""What the control endpoint changes: faults, statuses, webhooks, templates, numbers, tokens."""

from typing import Any, Final

from . import faults, ids, sending, template_events
from .buckets import Bucket
from .errors import Refused
from .faults import BEHAVIOURS, Behaviour
from .state import State
from .statuses import Due
from .webhooks import Change

GROUPS: Final = ("messages", "media", "templates", "numbers", "any")
MATCHES: Final = ("phone_number_id", "to", "template", "type", "node", "edge")
ORDER_FIELDS: Final = {
    "fault", "code", "subcode", "details", "arrives", "http_status", "seconds", "on", "match",
    "times", "probability", "per_second", *MATCHES,
}  # fmt: skip
STATUSES: Final = ("sent", "delivered", "read", "failed", "played", "deleted", "warning")
NUMBER_FIELDS: Final = {
    "waba_id": str, "display_phone_number": str, "verified_name": str, "quality_rating": str,
    "status": str, "name_status": str, "throughput": str, "tier": str, "registered": bool,
    "pin": str, "mps": float,
}  # fmt: skip
TOKEN_ORDERS: Final = ("revoke", "restore", "describe")
TOKEN_FACTS: Final = ("scopes", "expires_at", "app_id")


class BadOrder(ValueError):
    """A control request that cannot be followed; the sentence goes back to who made it."""

    def __init__(self, sentence: str, *, status: int = 400) -> None:
        super().__init__(sentence)
        self.status = status


def show_faults(state: State, query: dict[str, str], body: dict[str, Any]) -> Any:
    return {"faults": [fault.as_json() for fault in state.faults.orders]}


def order_fault(state: State, query: dict[str, str], body: dict[str, Any]) -> Any:
    """{"fault": "close_after", "times": 3, "match": {"to": "254…"}, "probability": 0.1}"""
    unknown = set(body) - ORDER_FIELDS
    if unknown:
        raise BadOrder(f"There is no field {sorted(unknown)[0]!r} in a fault.")
    if body.get("on", "messages") not in GROUPS:
        raise BadOrder(f"on is one of {', '.join(GROUPS)}.")
    times = body.get("times")
    if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
        raise BadOrder("times is a whole number above 0, or null for always.")
    fault = state.faults.order(
        _behaviour(body),
        on=body.get("on", "messages"),
        match=_match(body),
        times=times,
        probability=_number(body, "probability", 1.0, most=1.0),
        bucket=_bucket(state, body),
    )
    return fault.as_json()


def _behaviour(body: dict[str, Any]) -> Behaviour:
    name = body.get("fault") or "error"
    code, subcode = body.get("code"), body.get("subcode")
    if name == "error":
        if isinstance(code, bool) or not isinstance(code, int):
            raise BadOrder("An error fault needs the code, a whole number.")
        arrives = body.get("arrives", "")
        if arrives not in ("", "sync", "async"):
            raise BadOrder("arrives is sync or async.")
        behaviour = faults.for_error(
            code, arrives=arrives, subcode=subcode, details=body.get("details")
        )
    elif name == "throttle":
        behaviour = faults.for_error(130429)
    elif name in BEHAVIOURS:
        behaviour = BEHAVIOURS[name]
    else:
        names = ", ".join(["error", "throttle", *BEHAVIOURS])
        raise BadOrder(f"There is no fault {name!r}. There are: {names}.")
    changes: dict[str, Any] = {}
    if "seconds" in body:
        changes["wait"] = _number(body, "seconds", 0.0)
    if "http_status" in body:
        changes["status"] = int(_number(body, "http_status", 500, least=200, most=599))
    return faults.adjusted(behaviour, **changes) if changes else behaviour


def _match(body: dict[str, Any]) -> dict[str, str]:
    match = body.get("match") or {}
    if not isinstance(match, dict):
        raise BadOrder("match is a JSON object.")
    match = {**match, **{name: body[name] for name in MATCHES if name in body}}
    unknown = set(match) - set(MATCHES)
    if unknown:
        raise BadOrder(f"match knows {', '.join(MATCHES)}, not {sorted(unknown)[0]!r}.")
    found = {name: str(value) for name, value in match.items()}
    if "to" in found:
        found["to"] = ids.wa_id(found["to"]) or found["to"]
    return found


def _bucket(state: State, body: dict[str, Any]) -> Bucket | None:
    if body.get("fault") != "throttle":
        return None
    rate = _number(body, "per_second", 0.0)
    if not rate:
        raise BadOrder("A throttle needs per_second, a number above 0.")
    return Bucket.full(rate=rate, burst=max(1.0, rate), now=state.now())


def _number(
    body: dict[str, Any], name: str, default: float, *, least: float = 0.0, most: float = 1e9
) -> float:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise BadOrder(f"{name} is a number from {least:g} to {most:g}.")
    return float(value)


def cancel_faults(state: State, query: dict[str, str], body: dict[str, Any]) -> Any:
    """All of them, or the one with ?id=."""
    chosen = query.get("id", "")
    if chosen and not chosen.isdigit():
        raise BadOrder("id is a whole number.")
    return {"cancelled": state.faults.cancel(int(chosen) if chosen else None)}


def send_status(state: State, query: dict[str, str], body: dict[str, Any]) -> Any:
    """A status for a message that was accepted, now: {"wamid", "status", "code"?, "copies"?}."""
    record = state.ring.by_wamid.get(str(body.get("wamid")))
    if record is None:
        raise BadOrder("wamid: no such message (any more).", status=404)
    status = body.get("status")
    if status not in STATUSES:
        raise BadOrder(f"status is one of {', '.join(STATUSES)}.")
    copies = int(_number(body, "copies", 1, least=1, most=1000))
    code = int(_number(body, "code", 131026 if status == "failed" else 0))
    number = state.numbers.number(record.phone_number_id)
    known = "." not in record.to
    due = Due(record, number, record.to, str(status), faults.NO_FAULT, code, True, known)
    for _ in range(copies):
        sending.send_status(state, due)
    return {"success": True}


def send_webhook(state: State, query: dict[str, str], body: dict[str, Any]) -> Any:
    """Any value under any field, signed: {"waba_id"?, "field"?, "value", "phone_number_id"?}."""
    value = body.get("value")
    if not isinstance(value, dict):
        raise BadOrder("value is a JSON object.")
    field = str(body.get("field", "messages"))
    number_id = str(body.get("phone_number_id", ""))
    if not number_id and isinstance(value.get("metadata"), dict):
        number_id = str(value["metadata"].get("phone_number_id", ""))
    waba_id = str(body.get("waba_id", ""))
    if not waba_id and ids.is_object_id(number_id):
        waba_id = state.numbers.number(number_id).waba_id
    if not ids.is_object_id(waba_id):
        raise BadOrder("waba_id: an id of 15 to 17 digits is needed (or a phone_number_id).")
    moment = 0 if field == "messages" else int(state.now())
    state.emit(Change(waba_id, field, value, moment), phone_number_id=number_id)
    return {"success": True}


def show_templates(state: State, query: dict[str, str], body: dict[str, Any]) -> Any:
    return {"templates": state.templates.rows(query.get("waba_id", ""))}


def change_template(state: State, query: dict[str, str], body: dict[str, Any]) -> Any:
    try:
        return {"templates": template_events.act(state, body)}
    except Refused as refusal:
        raise BadOrder(refusal.error.message.removeprefix("(#100) ")) from None


def show_numbers(state: State, query: dict[str, str], body: dict[str, Any]) -> Any:
    wabas = {waba.id: waba.as_json() for waba in state.numbers.wabas.values()}
    rows = [{**n.as_json(), "waba_id": n.waba_id} for n in state.numbers.numbers.values()]
    return {"numbers": rows, "wabas": list(wabas.values())}


def change_number(state: State, query: dict[str, str], body: dict[str, Any]) -> Any:
    """Make a number known, or change it: {"id", "waba_id"?, "status"?, "mps"?, …}."""
    number_id = str(body.get("id", ""))
    waba_id = str(body.get("waba_id") or "")
    for each in filter(None, (number_id, waba_id)):
        if not ids.is_object_id(each):
            raise BadOrder(f"{each!r} is no id: 15 to 17 digits are needed.")
    if not number_id:
        raise BadOrder("id: the phone number id is needed.")
    for name, value in body.items():
        if name != "id":
            _check_field(name, value)
    known = state.numbers.numbers.get(number_id)
    home = waba_id or (known.waba_id if known else ids.waba_of(number_id))
    number = state.numbers.add(number_id, home)
    for name, value in body.items():
        if name not in ("id", "waba_id"):
            setattr(number, name, value)
    state.changed = True
    return {**number.as_json(), "waba_id": number.waba_id}


def _check_field(name: str, value: Any) -> None:
    kind = NUMBER_FIELDS.get(name)
    if kind is None:
        raise BadOrder(f"A number has no {name!r}. It has: {', '.join(NUMBER_FIELDS)}.")
    wanted: Any = (int, float) if kind is float else kind
    if not isinstance(value, wanted) or (kind is float and isinstance(value, bool)):
        raise BadOrder(f"{name}: a {kind.__name__} is needed, not {value!r}.")


def change_tokens(state: State, query: dict[str, str], body: dict[str, Any]) -> Any:
    """{"revoke": "EAA…"} makes a token answer 401, {"restore": "EAA…"} makes it good again, and
    {"describe": "EAA…", "scopes"?, "expires_at"?, "app_id"?} says what debug_token tells of it.
    """
    chosen = [name for name in TOKEN_ORDERS if isinstance(body.get(name), str)]
    if len(chosen) != 1 or set(body) - {*chosen, *(TOKEN_FACTS if "describe" in chosen else ())}:
        raise BadOrder("Either revoke or restore or describe, with the token.")
    token = body[chosen[0]]
    if chosen == ["describe"]:
        state.describe(token, **_token_facts(body))
    else:
        (state.revoke if chosen == ["revoke"] else state.restore)(token)
    state.changed = True
    return {"success": True, "revoked": len(state.revoked)}


def _token_facts(body: dict[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if "scopes" in body:
        if not isinstance(body["scopes"], list):
            raise BadOrder("scopes is a list of names.")
        facts["scopes"] = tuple(map(str, body["scopes"]))
    if "expires_at" in body:
        facts["expires_at"] = int(_number(body, "expires_at", 0, most=1e11))
    if "app_id" in body:
        facts["app_id"] = str(body["app_id"])
    return facts
