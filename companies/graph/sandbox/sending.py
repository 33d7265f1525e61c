"""POST /{number}/messages: check, decide what happens, answer, and let the statuses follow."""

import asyncio
import time
from typing import Any

import orjson
from aiohttp import web

from . import errors, ids, media, messages, statuses
from .errors import GraphError
from .faults import NO_FAULT, Behaviour
from .inbound import schedule_reply
from .numbers import Number
from .records import Record
from .state import State
from .statuses import Due
from .webhooks import Change

JSON = "application/json; charset=UTF-8"
EARLY_LIMIT = 5.0  # seconds that an answer waits for its early status


class Closed(Exception):
    """The connection is to be closed in place of an answer."""


async def receive(
    state: State, number: Number, body: bytes, *, marketing: bool = False
) -> tuple[int, bytes]:
    """The HTTP status and body that answer a send."""
    if state.settings.latency:
        await asyncio.sleep(state.settings.latency)
    now = state.now()
    payload = _parse(body)
    error = messages.check(payload)
    if error is None and "status" in payload:
        return 200, b'{"success":true}'
    record = Record(state.next_seq(), now, number.id, _recipient(payload), body)
    if error is None:
        error = _check_state(state, number, payload, record, marketing=marketing, now=now)
    if error is not None:
        return _reject(state, record, error)
    return await _follow(state, number, payload, record, now=now)


def _parse(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _recipient(payload: Any) -> str:
    if not isinstance(payload, dict):
        return ""
    to = payload.get("to")
    if to in (None, ""):
        return str(payload.get("recipient") or "")
    return ids.wa_id(str(to)) or str(to)


def _check_state(
    state: State,
    number: Number,
    payload: dict[str, Any],
    record: Record,
    *,
    marketing: bool,
    now: float,
) -> GraphError | None:
    """What a well-formed message can still run into, in the order in which Meta looks."""
    settings = state.settings
    if payload.get("type") == "template":
        template = payload["template"]
        record.template = str(template.get("name"))
        error, category = state.templates.check_send(
            number.waba_id, template, to_user_id=not payload.get("to")
        )
        record.category = category
        if error is not None:
            return error
        if marketing and category != "marketing":
            return errors.of(134100)
    elif marketing:
        return GraphError(code=100, message="(#100) Message must be a template message.")
    if settings.strict_media:
        error = media.check_references(state.media, messages.media_ids(payload), now=now)
        if error is not None:
            return error
    if not number.registered or number.status not in ("CONNECTED", "FLAGGED"):
        return errors.of(133010)
    if settings.allow_list and record.to not in settings.allow_list:
        return errors.of(131030)
    if record.to == number.digits:
        return errors.of(131021)
    if not number.take(now, mps=settings.mps, burst=settings.mps_burst):
        return _throttled(state)
    if settings.pair_limit and not state.pair_allows(number.id, record.to, now=now):
        return errors.of(131056)
    closed = settings.enforce_window == "sync" and record.category == "service"
    if closed and not state.window_open(number.id, record.to, now=now):
        return errors.of(131047)
    return None


def _throttled(state: State) -> GraphError:
    error = errors.of(130429)
    return errors.with_status(error, state.settings.throttle_status)


def _reject(state: State, record: Record, error: GraphError) -> tuple[int, bytes]:
    record.outcome, record.code = "rejected", error.code
    state.ring.add(record)
    state.counts.reject(error.code)
    return error.status, orjson.dumps(error.body(ids.fbtrace_id()))


async def _follow(
    state: State, number: Number, payload: dict[str, Any], record: Record, *, now: float
) -> tuple[int, bytes]:
    behaviour = _behaviour(state, record, payload, now=now)
    record.behaviour = "" if behaviour is NO_FAULT else behaviour.name
    record.tag = payload.get("biz_opaque_callback_data") or ""
    if not behaviour.accepts:
        return await _do_not_accept(state, record, behaviour)
    early = _accept(state, number, payload, record, behaviour, now=now)
    if early is not None:
        await asyncio.wait([early], timeout=EARLY_LIMIT)
    if behaviour.wait:
        await asyncio.sleep(behaviour.wait)
    if behaviour.closes:
        raise Closed
    if behaviour.raw is not None:
        return behaviour.status or 200, behaviour.raw
    return behaviour.status or 200, _acceptance(payload, record, behaviour)


def _behaviour(state: State, record: Record, payload: dict[str, Any], *, now: float) -> Behaviour:
    facts = {
        "phone_number_id": record.phone_number_id,
        "to": record.to,
        "type": payload.get("type", "text"),
        "template": record.template,
    }
    behaviour = state.faults.pick_for_message(facts, chance=state.chance, now=now)
    if behaviour is not NO_FAULT:
        return behaviour
    windowed = state.settings.enforce_window == "async" and record.category == "service"
    if windowed and not state.window_open(record.phone_number_id, record.to, now=now):
        return WINDOW_CLOSED
    return REACTION if payload.get("type") == "reaction" else NO_FAULT


WINDOW_CLOSED = Behaviour(name="window_closed", script=(("failed", "sent", 131047),))
REACTION = Behaviour(name="", script=(("sent", "sent", 0),))


async def _do_not_accept(state: State, record: Record, behaviour: Behaviour) -> tuple[int, bytes]:
    if behaviour.code:
        error = errors.of(behaviour.code, behaviour.details, subcode=behaviour.subcode)
        answer = _reject(state, record, errors.with_status(error, behaviour.status))
    else:
        record.outcome = "dropped"
        state.ring.add(record)
        state.counts.dropped += 1
        answer = behaviour.status or 500, behaviour.raw or b""
    if behaviour.wait:
        await asyncio.sleep(behaviour.wait)
    if behaviour.closes:
        raise Closed
    return answer


def _accept(
    state: State,
    number: Number,
    payload: dict[str, Any],
    record: Record,
    behaviour: Behaviour,
    *,
    now: float,
) -> asyncio.Future[None] | None:
    """Mint the id, remember, and put the statuses on the timetable."""
    known = "." not in record.to
    record.wamid = ids.outgoing_wamid(record.to if known else "0")
    state.ring.add(record)
    fails = bool(behaviour.script) and behaviour.script[-1][0] == "failed"
    state.counts.accept(record, reaches=not fails)
    recipient = other_wa_id(record.to) if behaviour.other_wa_id else record.to
    early: asyncio.Future[None] | None = None
    base = time.monotonic()
    steps = statuses.plan(behaviour.script, state.settings, chance=state.chance)
    for delay, status, code, priced in steps if state.settings.statuses else ():
        due = Due(record, number, recipient, status, behaviour, code, priced, known)
        for _ in range(behaviour.copies):
            if behaviour.early and early is None:
                early = asyncio.get_running_loop().create_future()
                send_status(state, due, done=early)
                state.webhooks.pump()
            else:
                state.timetable.add(base + delay, due)
    if behaviour.reply:
        last = steps[-1][0] if steps else 0.0
        schedule_reply(state, number, recipient, record.wamid, behaviour.reply, after=last + 0.1)
    return early


def send_status(state: State, due: Due, *, done: "asyncio.Future[None] | None" = None) -> None:
    """Hand a status to the webhook sender and note it with its message."""
    now = state.now()
    due.record.statuses.append((due.status, now, due.code))
    value = statuses.value_of(due, state.settings, now=now)
    change = Change(due.number.waba_id, "messages", value, done=done)
    state.emit(change, phone_number_id=due.number.id)


def other_wa_id(to: str) -> str:
    """Numbers of a few countries have two spellings; this makes a second one of any."""
    return to[:3] + "9" + to[3:]


def _acceptance(payload: dict[str, Any], record: Record, behaviour: Behaviour) -> bytes:
    if "." in record.to:
        contact = {"input": record.to, "user_id": record.to}
    else:
        wa_id = other_wa_id(record.to) if behaviour.other_wa_id else record.to
        contact = {"input": str(payload["to"]), "wa_id": wa_id}
    message = {"id": record.wamid}
    if payload.get("type") == "template":
        message["message_status"] = behaviour.message_status or "accepted"
    return orjson.dumps(
        {"messaging_product": "whatsapp", "contacts": [contact], "messages": [message]}
    )


async def answer(
    state: State, request: web.BaseRequest, number: Number, *, marketing: bool
) -> web.StreamResponse:
    """The HTTP side of a send."""
    try:
        status, body = await receive(state, number, await request.read(), marketing=marketing)
    except Closed:
        return close(request)
    kind = JSON if body[:1] == b"{" else "text/html"
    return web.Response(status=status, body=body, headers={"Content-Type": kind})


def close(request: web.BaseRequest) -> web.Response:
    """Hang up. The response is for aiohttp's sake; nobody is there to read it."""
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=500)
