"""What the contracts' modules are written with: short words for OpenAPI's long ones."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson

Object = dict[str, Any]
Codes = dict[int, dict[str, str]]  # by status: codes, each with its sentence

_EXAMPLES = Path(__file__).parent / "examples"
_LIMITS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "X-Request-Id")

STRING: Object = {"type": "string"}
STRING_OR_NULL: Object = {"type": ["string", "null"]}
INTEGER: Object = {"type": "integer"}
BOOLEAN: Object = {"type": "boolean"}
TIME: Object = {"type": "string", "format": "date-time"}
TIME_OR_NULL: Object = {"type": ["string", "null"], "format": "date-time"}
LINK: Object = {"type": "string", "format": "uri"}
PHONE: Object = {
    "type": ["string", "integer"],
    "description": "A phone number: international, or national of the company's own country. "
    "Spaces, dashes and a plus are fine.",
}


PHONES: Object = {
    "type": [*PHONE["type"], "array"],
    "items": PHONE,
    "description": "One number or an array of them.",
}


@dataclass(frozen=True)
class Contract:
    """One section of the document."""

    name: str
    description: str
    paths: Object
    schemas: Object


@cache
def example(path: str) -> Any:
    """A printed example, by its path without the ending: `whatssync/text.request`."""
    return orjson.loads((_EXAMPLES / f"{path}.json").read_bytes())


def examples(folder: str, names: Iterable[str], *, kind: str = "request") -> Object:
    return {name: {"value": example(f"{folder}/{name}.{kind}")} for name in names}


def ref(name: str, kind: str = "schemas") -> Object:
    return {"$ref": f"#/components/{kind}/{name}"}


def record(
    properties: Object, *, required: Iterable[str] = (), closed: bool = False, about: str = ""
) -> Object:
    """An object; `closed` where unknown fields are refused."""
    shape: Object = {"type": "object", "properties": properties}
    if required:
        shape["required"] = list(required)
    if closed:
        shape["additionalProperties"] = False
    return shape | ({"description": about} if about else {})


def array(items: Object, **more: Any) -> Object:
    return {"type": "array", "items": items, **more}


def one_of(*values: str) -> Object:
    return {"type": "string", "enum": list(values)}


def or_null(schema: Object) -> Object:
    """Where null counts as not given."""
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return {**schema, "type": [*types, "null"]}


def said(schema: Object, description: str) -> Object:
    return {**schema, "description": description}


# Of a template that is sent.
PARAMETERS: Object = array(
    {"type": "object"},
    description="Parameters, as Meta writes them; [] for none. They are checked against the template "
    "before anything is queued. Texts, codes to copy, ends of links and payloads may hold what is known "
    "of each person, filled in when the message is sent: `{{contact.name}}`, `{{contact.phone}}` (the "
    "number written to) and `{{contact.custom.field}}`, each with a default where you like: "
    "`{{contact.name|friend}}`. Whoever lacks a value that has no default fails alone, with "
    "`value_missing`, and one whose value does not fit with `value_unfit`; both are refunded.",
)


def in_path(name: str, description: str, schema: Object = STRING) -> Object:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": schema,
    }


def in_query(name: str, description: str, schema: Object = STRING) -> Object:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def number(least: int, most: int, default: int) -> Object:
    return {"type": "integer", "minimum": least, "maximum": most, "default": default}


def content(schema: Object, shown: Object | None = None, kind: str = "application/json") -> Object:
    media: Object = {"schema": schema}
    if shown:
        media["examples"] = shown
    return {kind: media}


def body(schema: Object, shown: Object | None = None, *, required: bool = True) -> Object:
    return {"required": required, "content": content(schema, shown)}


def headers(*names: str) -> Object:
    return {name: ref(name, "headers") for name in (*names, *_LIMITS)}


def answer(
    description: str, schema: Object, shown: Any = None, extra: Iterable[str] = ()
) -> Object:
    return {
        "description": description,
        "headers": headers(*extra),
        "content": content(schema, {"example": {"value": shown}} if shown is not None else None),
    }


def error(
    status: int, schema: Object, shown: dict[str, Object], description: str = ""
) -> dict[str, Object]:
    """The answer of one error status, with an example for each code."""
    extra = {429: ["Retry-After"], 401: ["WWW-Authenticate"], 405: ["Allow"]}.get(status, [])
    return {
        str(status): {
            "description": description or ", ".join(f"`{name}`" for name in shown),
            "headers": headers(*extra),
            "content": content(schema, {name: {"value": value} for name, value in shown.items()}),
        }
    }
