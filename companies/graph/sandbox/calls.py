"""One request to Graph as the handlers see it: who asks what of which object."""

from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from .errors import missing, param
from .state import State


@dataclass(slots=True)
class Call:
    state: State
    request: web.BaseRequest
    method: str
    node: str
    edge: str
    token: str
    version: str
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def query(self) -> dict[str, str]:
        return dict(self.request.query)

    def text(self, name: str, default: str = "") -> str:
        """A parameter from the query or the body; Graph takes both alike."""
        value = self.request.query.get(name, self.body.get(name, default))
        return value if isinstance(value, str) else str(value)

    def required(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise missing(name)
        return value

    def fields(self) -> list[str]:
        """?fields=a,b{c,d}: the names of the first level."""
        text, depth, names = self.text("fields"), 0, [""]
        for char in text:
            if char in "{(":
                depth += 1
            elif char in "})":
                depth -= 1
            elif char == "," and not depth:
                names.append("")
            elif not depth:
                names[-1] += char
        return [name.strip().partition(".")[0] for name in names if name.strip()]

    def limit(self, default: int = 25) -> int:
        text = self.text("limit")
        return max(1, min(int(text), 1000)) if text.isascii() and text.isdigit() else default


async def read_body(request: web.BaseRequest) -> dict[str, Any]:
    """The parameters of a JSON or form body. What cannot be read is as if it were not there."""
    kind = request.content_type
    if kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        form = await request.post()
        return {name: value for name, value in form.items() if isinstance(value, str)}
    raw = await request.read()
    if not raw:
        return {}
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def pick(document: dict[str, Any], names: list[str], default: tuple[str, ...]) -> dict[str, Any]:
    """The fields asked for, always with the id."""
    wanted = names or list(default)
    shown = {name: document[name] for name in wanted if document.get(name) is not None}
    shown["id"] = document["id"]
    return shown


def page(rows: list[dict[str, Any]], call: Call) -> dict[str, Any]:
    """One page of a list, with cursors that are positions in it."""
    limit = call.limit()
    start = _position(call.text("after")) if call.text("after") else 0
    if call.text("before"):
        start = max(0, _position(call.text("before")) - limit)
    part = rows[start : start + limit]
    answer: dict[str, Any] = {"data": part}
    if not part:
        return answer
    end = start + len(part)
    answer["paging"] = {"cursors": {"before": _cursor(start), "after": _cursor(end)}}
    if end < len(rows):
        url = call.request.url.update_query({"after": _cursor(end), "limit": str(limit)})
        answer["paging"]["next"] = str(url.without_query_params("access_token", "before"))
    return answer


def _cursor(position: int) -> str:
    return f"QVFI{position:08x}"


def _position(cursor: str) -> int:
    try:
        return max(0, int(cursor.removeprefix("QVFI"), 16))
    except ValueError:
        raise param("Invalid cursors values supplied for cursor after.") from None
