"""Meta's webhook body, taken apart. Pure: bytes in, typed updates out.

A body may hold a thousand changes of different kinds. One that makes no sense is told apart from the
others, which are applied all the same.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from config import public_ids
from messaging.models import Status
from messaging.outcomes import describe

_STATUSES = {
    "sent": Status.SENT,
    "delivered": Status.DELIVERED,
    "read": Status.READ,
    "played": Status.READ,  # a voice note that was listened to
    "failed": Status.FAILED,
}
# Known, and nothing that we keep follows from them.
_IGNORED_STATUSES = {"deleted", "warning"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusUpdate:
    phone_number_id: str
    message_id: int | None  # ours, from biz_opaque_callback_data
    wamid: str
    status: Status
    at: datetime
    error_code: str = ""
    error_detail: str = ""
    pricing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    phone_number_id: str
    message: dict[str, Any]
    profile: dict[str, Any]  # the entry of `contacts` that is the sender's; may be empty
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    phone_number_id: str
    phone: str
    bsuid: str
    wants_marketing: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectUpdate:
    """Something about a WABA, a number or a template."""

    waba_id: str
    field: str
    value: dict[str, Any]
    at: datetime | None = None  # Meta's own time of it, where it says one


@dataclass
class Parsed:
    statuses: list[StatusUpdate] = field(default_factory=list)
    inbound: list[Inbound] = field(default_factory=list)
    preferences: list[Preference] = field(default_factory=list)
    objects: list[ObjectUpdate] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class NotAWebhook(ValueError):
    """The body as a whole is not what Meta sends."""


def parse(body: bytes) -> Parsed:
    """Raises NotAWebhook where there is nothing to take apart."""
    data = _loaded(body)
    if not isinstance(data, dict) or not isinstance(data.get("entry"), list):
        raise NotAWebhook("The body is not an object with a list of entries.")
    parsed = Parsed()
    for where, entry, change in _changes(data["entry"], parsed.problems):
        _guard(parsed.problems, where, _take_change, change, entry, where, parsed)
    return parsed


def _loaded(body: bytes) -> Any:
    """The JSON in a body. Half an emoji, as cutting a text leaves it, is no reason to lose the rest."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        lenient = json.dumps(json.loads(body.decode(errors="replace")), ensure_ascii=False)
        return orjson.loads(lenient.encode(errors="replace"))
    except (ValueError, RecursionError) as error:
        raise NotAWebhook("The body is not valid JSON.") from error


def _changes(
    entries: list[Any], problems: list[str]
) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    for number, entry in enumerate(entries):
        where = f"entry[{number}]"
        changes = entry.get("changes") if isinstance(entry, dict) else None
        if not isinstance(changes, list):
            problems.append(f"{where}: has no list of changes")
            continue
        for index, change in enumerate(changes):
            yield f"{where}.changes[{index}]", entry, change


def _guard(problems: list[str], where: str, take: Callable[..., None], *args: Any) -> None:
    """Run `take`; what it can't make sense of is a problem at `where`, not an error."""
    try:
        take(*args)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, IndexError) as error:
        problems.append(f"{where}: {type(error).__name__}: {error}"[:300])


def _take_change(change: dict[str, Any], entry: dict[str, Any], where: str, parsed: Parsed) -> None:
    kind, value = change["field"], change["value"]
    if not isinstance(value, dict):
        raise TypeError("value is not an object")
    if kind in ("messages", "user_preferences"):
        _take_messages(value, where, parsed)
    else:
        waba_id, at = str(entry.get("id", "")), _entry_time(entry)
        parsed.objects.append(ObjectUpdate(waba_id=waba_id, field=str(kind), value=value, at=at))


def _entry_time(entry: dict[str, Any]) -> datetime | None:
    """When Meta says that it happened; what is no time is no reason to ignore the news."""
    try:
        return moment(entry.get("time"))
    except (TypeError, ValueError):
        return None


def _take_messages(value: dict[str, Any], where: str, parsed: Parsed) -> None:
    metadata = value.get("metadata")
    number = str(metadata.get("phone_number_id", "")) if isinstance(metadata, dict) else ""
    number = number.replace("\x00", "")
    people = _people(value.get("contacts"))
    takers: tuple[tuple[str, Callable[..., None]], ...] = (
        ("statuses", _take_status),
        ("messages", _take_inbound),
        ("user_preferences", _take_preference),
    )
    for name, take in takers:
        for index, item in enumerate(_listed(value, name, where, parsed)):
            _guard(
                parsed.problems,
                f"{where}.value.{name}[{index}]",
                take,
                item,
                number,
                people,
                parsed,
            )
    for error in _listed(value, "errors", where, parsed):
        said = describe(error) if isinstance(error, dict) else error
        parsed.problems.append(f"{where}: Meta reports {said}"[:300])


def _listed(value: dict[str, Any], name: str, where: str, parsed: Parsed) -> list[Any]:
    items = value.get(name)
    if items is not None and not isinstance(items, list):
        parsed.problems.append(f"{where}.value.{name}: is no list")
    return items if isinstance(items, list) else []


def _people(contacts: Any) -> dict[str, dict[str, Any]]:
    people: dict[str, dict[str, Any]] = {}
    for person in contacts if isinstance(contacts, list) else []:
        if isinstance(person, dict):
            for key in ("wa_id", "user_id"):
                if isinstance(person.get(key), str):
                    people[person[key]] = person
    return people


def _take_status(
    item: dict[str, Any], number: str, _people_: dict[str, Any], parsed: Parsed
) -> None:
    if item["status"] in _IGNORED_STATUSES:
        return
    status = _STATUSES[item["status"]]
    error = _first_error(item.get("errors")) if status == Status.FAILED else {}
    parsed.statuses.append(
        StatusUpdate(
            phone_number_id=number,
            message_id=public_ids.decode("msg", item.get("biz_opaque_callback_data")),
            wamid=_text(item["id"], 140),
            status=status,
            at=moment(item["timestamp"]),
            error_code=_code(error) if status == Status.FAILED else "",
            error_detail=describe(error) if error else "",
            pricing=_pricing(item.get("pricing")),
        )
    )


def _first_error(errors: Any) -> dict[str, Any]:
    """Nothing where it can't be read: the message has failed all the same."""
    error = errors[0] if isinstance(errors, list) and errors else None
    return error if isinstance(error, dict) else {}


def _code(error: dict[str, Any]) -> str:
    return str(error.get("code", "unknown")).replace("\x00", "")[:40]


def _pricing(pricing: Any) -> str:
    if not isinstance(pricing, dict) or not pricing:
        return ""
    kind, category = pricing.get("type", ""), pricing.get("category", "")
    free = pricing.get("billable") is False or str(kind).startswith("free")
    return f"{category} {kind} {'free' if free else 'billable'}".strip().replace("\x00", "")[:80]


def _take_inbound(
    item: dict[str, Any], number: str, people: dict[str, Any], parsed: Parsed
) -> None:
    _text(item["id"], 140)
    _text(item["type"], 40)
    sender = item.get("from") or item.get("from_user_id") or ""
    profile = people.get(sender, {}) if isinstance(sender, str) else {}
    if not profile and len({id(person) for person in people.values()}) == 1:
        profile = next(iter(people.values()))
    parsed.inbound.append(
        Inbound(phone_number_id=number, message=item, profile=profile, at=moment(item["timestamp"]))
    )


def _take_preference(
    item: dict[str, Any], number: str, people: dict[str, Any], parsed: Parsed
) -> None:
    if item.get("category") != "marketing_messages":
        raise ValueError(f"unknown category {item.get('category')!r}")
    wants = {"stop": False, "resume": True, "signup": True}[item["value"]]
    person = people.get(str(item.get("wa_id", "")), {})
    parsed.preferences.append(
        Preference(
            phone_number_id=number,
            phone=str(item.get("wa_id") or person.get("wa_id") or ""),
            bsuid=str(item.get("user_id") or person.get("user_id") or ""),
            wants_marketing=wants,
            at=moment(item.get("timestamp", 0)),
        )
    )


def _text(value: Any, most: int) -> str:
    if not isinstance(value, str) or not value or len(value) > most or "\x00" in value:
        raise ValueError(f"{value!r:.60} is not a usable id")
    return value


def moment(timestamp: Any) -> datetime:
    """Meta's timestamps are seconds as text; milliseconds have been seen."""
    seconds = int(timestamp)
    if seconds > 10**12:
        seconds //= 1000
    if not 0 <= seconds < 10**11:
        raise ValueError(f"{timestamp!r:.40} is not a time")
    return datetime.fromtimestamp(seconds, UTC)
