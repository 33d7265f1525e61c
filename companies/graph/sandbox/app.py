"""Takes each request to who answers it: a send, another Graph call, the control endpoint."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final

import orjson
from aiohttp import web

from . import auth, control, graph_calls, ids, index, sending
from .calls import Call, read_body
from .errors import GraphError, Refused, of, unknown_object, unknown_path, with_status
from .faults import NO_FAULT, Behaviour
from .state import State

logger = logging.getLogger(__name__)

DEFAULT_VERSION: Final = "v25.0"
JSON: Final = "application/json; charset=UTF-8"
Handler = Callable[[Call], Awaitable[Any]]


class App:
    def __init__(self, state: State) -> None:
        self.state = state

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        try:
            if path.startswith("/_sandbox"):
                return await control.answer(self.state, request)
            if path == "/":
                return index.page(self.state, request)
            return await self._graph(request, path)
        except Refused as refusal:
            return self._refusal(request, refusal.error)
        except (web.HTTPException, ConnectionError, asyncio.CancelledError):
            raise
        except Exception:
            logger.exception("sandbox: %s %s failed", request.method, path.partition("?")[0])
            return self._refusal(request, of(1))

    async def _graph(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        version, parts = split(path)
        query_token = request.query.get("access_token") if request.query_string else None
        token = auth.token_of(request.headers.get("Authorization", ""), query_token)
        if len(parts) == 2 and parts[1] in SENDS and request.method == "POST":
            self._authorize(request, token)
            node = parts[0]
            if not ids.is_object_id(node):
                raise unknown_object(node, "post")
            number = self.state.numbers.number(node)
            return await sending.answer(
                self.state, request, number, marketing=parts[1] == "marketing_messages"
            )
        return await self._other(request, token, version, parts)

    def _authorize(self, request: web.BaseRequest, token: str, *, app: bool = False) -> None:
        auth.check(self.state, token, app=app)
        proof = request.query.get("appsecret_proof") if request.query_string else None
        auth.check_proof(self.state, token, proof)

    async def _other(
        self, request: web.BaseRequest, token: str, version: str, parts: list[str]
    ) -> web.StreamResponse:
        route = graph_calls.find(request.method, parts)
        if route is None:
            if len(parts) == 1 or (len(parts) > 1 and not ids.is_object_id(parts[0])):
                auth.check(self.state, token, app=True)
                raise unknown_object(parts[0], request.method)
            raise unknown_path("/" + "/".join(parts[1:]))
        if not route.public:
            self._authorize(request, token, app=route.app)
        call = Call(
            self.state, request, request.method, parts[0], "/".join(parts[1:]), token, version
        )
        faulty = await self._faulty(call, route.group)
        if faulty is not None:
            return faulty
        if route.reads_body:
            call.body = await read_body(request)
        if route.managed:
            graph_calls.count_management(call)
        result = await route.handler(call)
        self._note(call, 200)
        if isinstance(result, web.StreamResponse):
            return result
        headers = {"Content-Type": JSON, "facebook-api-version": version}
        if route.managed:
            headers["x-business-use-case-usage"] = graph_calls.usage(call)
        return web.Response(body=orjson.dumps(result), headers=headers)

    async def _faulty(self, call: Call, group: str) -> web.StreamResponse | None:
        """An ordered fault for calls other than sends."""
        state = self.state
        if not state.faults.orders:
            return None
        facts = {"phone_number_id": call.node, "node": call.node, "edge": call.edge}
        behaviour = state.faults.pick(group, facts, chance=state.chance, now=state.now())
        if behaviour is NO_FAULT:
            return None
        return await self._act(call.request, behaviour)

    async def _act(
        self, request: web.BaseRequest, behaviour: Behaviour
    ) -> web.StreamResponse | None:
        if behaviour.wait:
            await asyncio.sleep(behaviour.wait)
        if behaviour.closes:
            return sending.close(request)
        if behaviour.code:
            error = of(behaviour.code, behaviour.details, subcode=behaviour.subcode)
            raise Refused(with_status(error, behaviour.status))
        if behaviour.raw is not None:
            return web.Response(status=behaviour.status or 200, body=behaviour.raw)
        return None

    def _refusal(self, request: web.BaseRequest, error: GraphError) -> web.Response:
        trace = ids.fbtrace_id()
        headers = {
            "Content-Type": JSON,
            "facebook-api-version": DEFAULT_VERSION,
            "x-fb-request-id": secrets.token_urlsafe(12),
            "x-fb-trace-id": trace,
            **auth.header_for(error),
        }
        self.state.calls.append(
            {"method": request.method, "path": request.path, "status": error.status,
             "error_code": error.code, "time": self.state.now()}
        )  # fmt: skip
        return web.Response(
            status=error.status, body=orjson.dumps(error.body(trace)), headers=headers
        )

    def _note(self, call: Call, status: int) -> None:
        self.state.calls.append(
            {"method": call.method, "path": call.request.path, "status": status,
             "body": call.body or None, "time": self.state.now()}
        )  # fmt: skip


SENDS: Final = ("messages", "marketing_messages")


def split(path: str) -> tuple[str, list[str]]:
    """The version (or the default one) and the rest of a path."""
    parts = [part for part in path.split("/") if part]
    if parts and is_version(parts[0]):
        return parts[0], parts[1:]
    return DEFAULT_VERSION, parts


def is_version(text: str) -> bool:
    major, dot, minor = text[1:].partition(".")
    return text[:1] == "v" and bool(dot) and (major + minor).isdigit() and text.isascii()
