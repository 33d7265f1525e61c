"""The control endpoint /_sandbox/…: order faults, make users write, read what the sandbox got."""

from collections.abc import Callable
from typing import Any, Final

import orjson
from aiohttp import web

from . import control_orders, ids, template_events
from .control_orders import BadOrder
from .inbound import BadInbound
from .inbound import receive as receive_inbound
from .settings import BadSetting
from .state import State, new_chance

Query = dict[str, str]
Action = Callable[[State, Query, dict[str, Any]], Any]

MAX_ROWS = 10_000


async def answer(state: State, request: web.BaseRequest) -> web.Response:
    name = request.path.removeprefix("/_sandbox").strip("/") or "state"
    actions = ACTIONS.get(name)
    try:
        if actions is None:
            raise BadOrder(f"There is no {name!r}. There are: {', '.join(ACTIONS)}.", status=404)
        action = actions.get(request.method)
        if action is None:
            raise BadOrder(f"{name} takes {' or '.join(actions)}.", status=405)
        result = action(state, dict(request.query), await _body(request))
    except BadOrder as error:
        return _json({"error": str(error)}, status=error.status)
    except (BadSetting, BadInbound) as error:
        return _json({"error": str(error)}, status=400)
    state.webhooks.pump()
    return _json(result)


async def _body(request: web.BaseRequest) -> dict[str, Any]:
    raw = await request.read()
    if not raw:
        return {}
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadOrder(f"The body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise BadOrder("The body must be a JSON object.")
    return body


def _json(document: Any, status: int = 200) -> web.Response:
    body = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)
    return web.Response(status=status, body=body, content_type="application/json")


def whole(query: Query, name: str, default: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit()):
        raise BadOrder(f"{name} is a whole number, not {text!r}.")
    return int(text)


def show_state(state: State, query: Query, body: dict[str, Any]) -> Any:
    pending = len(state.timetable.heap)
    return {
        "base_url": state.base_url,
        "time": state.now(),
        "accepted": state.counts.accepted,
        "rejected": state.counts.rejected,
        "dropped": state.counts.dropped,
        "messages_kept": len(state.ring.rows),
        "statuses_due": pending,
        "idle": not pending and state.webhooks.idle(),
        "webhooks": state.webhooks.as_json(),
        "faults": len(state.faults.orders),
        "wabas": list(state.numbers.wabas),
        "phone_numbers": list(state.numbers.numbers),
        "media": len(state.media.items),
        "settings": state.settings.public(),
    }


def show_settings(state: State, query: Query, body: dict[str, Any]) -> Any:
    return state.settings.public()


def change_settings(state: State, query: Query, body: dict[str, Any]) -> Any:
    state.settings.update(body)
    if "seed" in body:
        state.chance = new_chance(state.settings.seed)
    if "ring_size" in body:
        state.ring.resize(state.settings.ring_size)
    return state.settings.public()


def show_messages(state: State, query: Query, body: dict[str, Any]) -> Any:
    """Oldest first, after the seq given; without `after`, the latest ones."""
    names = {
        "phone_number_id": "phone_number_id", "to": "to", "wamid": "wamid", "template": "template",
        "outcome": "outcome", "behaviour": "behaviour", "biz_opaque_callback_data": "tag",
    }  # fmt: skip
    unknown = set(query) - set(names) - {"limit", "after"}
    if unknown:
        raise BadOrder(
            f"There is no filter {sorted(unknown)[0]!r}. There are: "
            f"{', '.join([*names, 'limit', 'after'])}."
        )
    wanted = {names[name]: value for name, value in query.items() if name in names}
    if "to" in wanted:
        wanted["to"] = ids.wa_id(wanted["to"]) or wanted["to"]
    limit = min(whole(query, "limit", 100), MAX_ROWS)
    rows = list(state.ring.find(after=whole(query, "after", 0), **wanted))
    rows = rows[:limit] if "after" in query else rows[len(rows) - min(limit, len(rows)) :]
    return {"messages": [row.as_json() for row in rows], "last": rows[-1].seq if rows else None}


def show_counts(state: State, query: Query, body: dict[str, Any]) -> Any:
    to, tag = query.get("to", ""), query.get("biz_opaque_callback_data", "")
    if to or tag:
        return state.counts.of(to=ids.wa_id(to) or to, tag=tag)
    return state.counts.as_json(whole(query, "limit", 100))


def show_calls(state: State, query: Query, body: dict[str, Any]) -> Any:
    limit = whole(query, "limit", 100)
    return {"calls": list(state.calls)[-limit:] if limit else []}


def show_webhooks(state: State, query: Query, body: dict[str, Any]) -> Any:
    limit = whole(query, "limit", 100)
    rows = [row for row in state.webhooks.log if row.state == query.get("state", row.state)]
    shown = [row.as_json() for row in rows[-limit:]] if limit else []
    if query.get("bodies"):
        for row, delivery in zip(shown, rows[-limit:], strict=True):
            row["body"] = delivery.body.decode()
    return {**state.webhooks.as_json(), "deliveries": shown}


def receive(state: State, query: Query, body: dict[str, Any]) -> Any:
    return receive_inbound(state, body)


def reset(state: State, query: Query, body: dict[str, Any]) -> Any:
    """Forget messages, faults and undelivered webhooks; {"everything": true} forgets all."""
    state.reset(everything=bool(body.get("everything")))
    template_events.schedule_pending(state)
    return {"success": True}


ACTIONS: Final[dict[str, dict[str, Action]]] = {
    "state": {"GET": show_state},
    "settings": {"GET": show_settings, "POST": change_settings},
    "messages": {"GET": show_messages},
    "counts": {"GET": show_counts},
    "calls": {"GET": show_calls},
    "webhooks": {"GET": show_webhooks},
    "faults": {
        "GET": control_orders.show_faults,
        "POST": control_orders.order_fault,
        "DELETE": control_orders.cancel_faults,
    },
    "inbound": {"POST": receive},
    "status": {"POST": control_orders.send_status},
    "webhook": {"POST": control_orders.send_webhook},
    "templates": {"GET": control_orders.show_templates, "POST": control_orders.change_template},
    "numbers": {"GET": control_orders.show_numbers, "POST": control_orders.change_number},
    "tokens": {"POST": control_orders.change_tokens},
    "reset": {"POST": reset},
}
