"""Checks that every validator needs, with Graph's sentences about parameters."""

from collections.abc import Iterable
from typing import Any

from .errors import missing, param, refuse

MAX_CAPTION = 1024
MAX_LINK = 2048
MAX_FILENAME = 240


def require_object(value: object, where: str) -> dict[str, Any]:
    if value is None:
        raise missing(where)
    if not isinstance(value, dict):
        raise param(f"Param {where} must be a JSON object.")
    return value


def require_list(value: object, where: str) -> list[Any]:
    if value is None:
        raise missing(where)
    if not isinstance(value, list):
        raise param(f"Param {where} must be an array.")
    return value


def require_text(owner: dict[str, Any], name: str, where: str, limit: int = 0) -> str:
    value = owner.get(name)
    if value is None or value == "":
        raise missing(where)
    return _text(value, where, limit)


def optional_text(owner: dict[str, Any], name: str, where: str, limit: int = 0) -> str:
    value = owner.get(name)
    return "" if value is None else _text(value, where, limit)


def _text(value: object, where: str, limit: int) -> str:
    if not isinstance(value, str):
        raise param(f"Param {where} must be a string.")
    if limit and len(value) > limit:
        raise param(f"Param {where} must be at most {limit} characters long.")
    return value


def only(owner: dict[str, Any], known: Iterable[str], where: str) -> None:
    """Graph refuses what it does not know inside a typed object."""
    for key in owner:
        if key not in known:
            raise param(f'Unexpected key "{key}" on param "{where}".')


def check_media(content: object, kind: str, extra: Iterable[str] = (), where: str = "") -> None:
    """{"id"} or {"link"}, and what this kind of medium may have beside it."""
    where = where or kind
    medium = require_object(content, where)
    only(medium, ("id", "link", "provider", *extra), where)
    if not medium.get("id") and not medium.get("link"):
        raise refuse(131008, f"{where}: either id or link is required")
    if medium.get("link"):
        link = optional_text(medium, "link", f"{where}['link']", MAX_LINK)
        if not link.lower().startswith(("https://", "http://")) or " " in link:
            raise param(f"Param {where}['link'] is not a valid URI.")
    elif isinstance(medium["id"], bool) or not isinstance(medium["id"], str | int):
        raise param(f"Param {where}['id'] must be a string.")
    optional_text(medium, "caption", f"{where}['caption']", MAX_CAPTION)
    optional_text(medium, "filename", f"{where}['filename']", MAX_FILENAME)
    if not isinstance(medium.get("voice", False), bool):
        raise param(f"Param {where}['voice'] must be a boolean.")
