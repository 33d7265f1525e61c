"""What the API has in common whatever the dialect: its errors, and reading a JSON body safely."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import orjson
from django.conf import settings
from django.http import HttpRequest
from django.http.request import UnreadablePostError

# Nothing that we take is nested deeper than a dozen levels; what is, is an attack on a parser.
MAX_DEPTH = 40


@dataclass(frozen=True)
class Answer:
    """What a caller gets: a status, a JSON body, and headers."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


class ApiError(Exception):
    """A request that we refuse: `code` is stable and ours, `message` is for people.

    Each dialect renders it in its own shape and may give it its own words and status.
    """

    code: ClassVar[str] = "invalid_request"
    status: ClassVar[int] = 400

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        param: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.headers = headers or {}
        self.error_code = code or self.code
        self.error_status = status or self.status


class InvalidBody(ApiError):
    code = "invalid_body"


class PayloadTooLarge(ApiError):
    code = "payload_too_large"
    status = 413


class UnsupportedMediaType(ApiError):
    code = "unsupported_media_type"
    status = 415


class RateLimited(ApiError):
    code = "rate_limit_exceeded"
    status = 429


class MethodNotAllowed(ApiError):
    code = "method_not_allowed"
    status = 405

    def __init__(self, method: str | None, allowed: Sequence[str]) -> None:
        super().__init__(
            f"Method {str(method)[:20]} is not allowed here", headers={"Allow": ", ".join(allowed)}
        )


def read_body(request: HttpRequest) -> bytes:
    """The raw body, at most MAX_BODY_BYTES; raises PayloadTooLarge or InvalidBody. Asked again, the same.

    What is over the limit is read to its end (within reason) and thrown away: a client that is still
    writing when we answer would see a broken connection instead of the 413.
    """
    outcome: bytes | ApiError | None = getattr(request, "_read_body", None)
    if outcome is None:
        try:
            outcome = _read(request)
        except ApiError as error:
            outcome = error
        request._read_body = outcome  # type: ignore[attr-defined]
    if isinstance(outcome, ApiError):
        raise outcome
    return outcome


def _read(request: HttpRequest) -> bytes:
    limit = settings.MAX_BODY_BYTES
    try:
        body = request.read(limit + 1)
        if len(body) > limit:
            left = 20 * limit
            while left > 0 and (chunk := request.read(1 << 20)):
                left -= len(chunk)
            raise PayloadTooLarge(f"The body is larger than {limit} bytes.")
    except UnreadablePostError as error:
        raise InvalidBody("The body could not be read to its end.") from error
    announced = request.META.get("CONTENT_LENGTH") or ""
    if announced.isdecimal() and len(body) < int(announced):
        raise InvalidBody("The body broke off before its end.")
    return body


def is_json(request: HttpRequest) -> bool:
    """Whether the content type is JSON; a missing one is taken as such."""
    kind = (request.META.get("CONTENT_TYPE") or "").partition(";")[0].strip().lower()
    return kind in ("", "application/json") or (
        kind.startswith("application/") and kind.endswith("+json")
    )


def parse_object(body: bytes) -> dict[str, Any]:
    """`body` as a JSON object that a database can store; raises InvalidBody."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidBody("The body is not valid JSON.") from error
    if not isinstance(data, dict):
        raise InvalidBody("The body must be a JSON object.")
    if b"\\u0000" in body or body.count(b"{") + body.count(b"[") > MAX_DEPTH:
        _refuse_unstorable(data)
    return data


def _refuse_unstorable(data: object) -> None:
    stack: list[tuple[object, int]] = [(data, 1)]
    while stack:
        value, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise InvalidBody(f"The body is nested deeper than {MAX_DEPTH} levels.")
        if isinstance(value, dict):
            stack.extend((key, depth) for key in value)
            stack.extend((inner, depth + 1) for inner in value.values())
        elif isinstance(value, list):
            stack.extend((inner, depth + 1) for inner in value)
        elif isinstance(value, str) and "\x00" in value:
            raise InvalidBody("The body holds a NUL character.")
