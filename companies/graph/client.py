"""Asking Graph about tokens, numbers and accounts, while a person waits for the answer.

Sending has its own loop (messaging/channel_drain.py); here each question is one short call.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests
from django.conf import settings

# Connecting, and between two bytes.
TIMEOUT = (4, 8)
_PAGES = 100
_PER_PAGE = 100

MESSAGING, MANAGEMENT = "whatsapp_business_messaging", "whatsapp_business_management"
SCOPES = (MESSAGING, MANAGEMENT)

NUMBER_FIELDS = (
    "display_phone_number",
    "verified_name",
    "quality_rating",
    "status",
    "name_status",
    "throughput",
    "whatsapp_business_manager_messaging_limit",
)


class GraphAway(Exception):
    """Graph could not be reached, or gave no answer of its own."""


class GraphRefused(Exception):
    """Graph's error: `code`, `subcode` (0 for none), and its own words as the message.

    `said`: what Graph wrote for people to read, else the message.
    """

    def __init__(self, code: int, subcode: int, message: str, said: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.subcode = subcode
        self.said = said or message

    @property
    def is_about_token(self) -> bool:
        return self.code in (0, 102, 190)

    @property
    def is_unknown_object(self) -> bool:
        """Graph says the same of what is not there and of what the token may not see."""
        return (self.code == 100 and self.subcode == 33) or self.code in (10, 200, 803)


@dataclass(frozen=True, kw_only=True)
class Token:
    """What Graph knows of a token. `problem`: why it is not valid, in Graph's words."""

    is_valid: bool
    problem: str = ""
    has_expired: bool = False
    app_id: str = ""
    scopes: tuple[str, ...] = ()
    expires_at: datetime | None = None  # None for never

    @property
    def missing_scopes(self) -> list[str]:
        return [scope for scope in SCOPES if scope not in self.scopes]


@dataclass(frozen=True, kw_only=True)
class Number:
    """A phone number as Graph describes it; what it leaves out is empty."""

    id: str
    phone_number: str  # +254700000001
    verified_name: str
    quality: str
    status: str
    name_status: str
    throughput: str
    tier: str


class Graph:
    """Graph, asked with one token. Every method raises GraphAway and GraphRefused."""

    def __init__(self, token: str, *, timeout: tuple[int, int] = TIMEOUT) -> None:
        self.token = token
        self.timeout = timeout

    def inspect(self) -> Token:
        """What the token is good for. A bad token is an answer here, no error."""
        try:
            data = self._call("GET", "debug_token", input_token=self.token).get("data") or {}
        except GraphRefused as refused:
            if not refused.is_about_token:
                raise
            return Token(
                is_valid=False, problem=str(refused), has_expired=refused.subcode == _EXPIRED
            )
        if not data.get("is_valid"):
            error = data.get("error") or {}
            return Token(
                is_valid=False,
                problem=str(error.get("message", "")),
                has_expired=error.get("subcode") == _EXPIRED,
            )
        return Token(
            is_valid=True,
            app_id=str(data.get("app_id", "")),
            scopes=tuple(map(str, data.get("scopes") or ())),
            expires_at=_moment(data.get("expires_at")),
        )

    def number(self, number_id: str) -> Number:
        found = self._call("GET", number_id, fields=",".join(NUMBER_FIELDS))
        digits = "".join(filter(str.isdigit, str(found.get("display_phone_number", ""))))
        return Number(
            id=str(found.get("id", "")),
            phone_number=f"+{digits}"[:16] if digits else "",
            verified_name=str(found.get("verified_name") or "")[:120],
            quality=str(found.get("quality_rating") or "UNKNOWN")[:8],
            status=str(found.get("status") or ""),
            name_status=str(found.get("name_status") or ""),
            throughput=str((found.get("throughput") or {}).get("level") or "STANDARD")[:16],
            tier=str(found.get("whatsapp_business_manager_messaging_limit") or ""),
        )

    def has_number(self, waba_id: str, number_id: str) -> bool:
        """Whether the number is one of the account's."""
        return any(
            str(row.get("id")) == number_id
            for row in self._rows(f"{waba_id}/phone_numbers", fields="id")
        )

    def subscribed_apps(self, waba_id: str) -> list[str]:
        """The ids of the apps that get the account's webhooks."""
        about = (
            row.get("whatsapp_business_api_data") or {}
            for row in self._rows(f"{waba_id}/subscribed_apps")
        )
        return [str(each.get("id", "")) for each in about]

    def subscribe(self, waba_id: str) -> None:
        """Have the account's webhooks sent to the token's app."""
        self._call("POST", f"{waba_id}/subscribed_apps")

    def _rows(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        query["limit"] = str(_PER_PAGE)
        for _ in range(_PAGES):
            answer = self._call("GET", path, **query)
            yield from (row for row in answer.get("data") or () if isinstance(row, dict))
            paging = answer.get("paging") or {}
            if not paging.get("next"):
                return
            query["after"] = str((paging.get("cursors") or {}).get("after", ""))

    def _call(self, method: str, path: str, **query: str) -> dict[str, Any]:
        return self._ask(method, path, query=query)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: dict[str, Any] | None = None,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """`body` goes as JSON, `content` as it is."""
        try:
            response = requests.request(
                method,
                f"{settings.GRAPH_API_URL}/{settings.GRAPH_API_VERSION}/{path}",
                params=query,
                json=body,
                data=content,
                headers={
                    "Authorization": f"Bearer {self.token}",
                    "User-Agent": "Tuma",
                    **(headers or {}),
                },
                timeout=self.timeout,
                allow_redirects=False,
            )
            answer = response.json()
        except (requests.RequestException, UnicodeError, ValueError) as error:
            raise GraphAway(type(error).__name__) from error
        if not isinstance(answer, dict):
            raise GraphAway("no object")
        refusal = answer.get("error")
        if isinstance(refusal, dict):
            raise GraphRefused(
                _whole(refusal.get("code")),
                _whole(refusal.get("error_subcode")),
                str(refusal.get("message") or "")[:300],
                _said(refusal)[:300],
            )
        if not response.ok:
            raise GraphAway(f"HTTP {response.status_code}")
        return answer


_EXPIRED = 463


def _said(error: dict[str, Any]) -> str:
    """The title and the sentence that Graph adds for people, where it does."""
    words = [error.get("error_user_title"), error.get("error_user_msg")]
    return ": ".join(str(text) for text in words if text)


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _moment(value: object) -> datetime | None:
    return datetime.fromtimestamp(value, UTC) if isinstance(value, int) and value > 0 else None
