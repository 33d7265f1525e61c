"""The sample values of a template's variables, as Meta keeps them in `example`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Component = dict[str, Any]


def samples_of(component: Mapping[str, Any]) -> dict[str, str]:
    """The sample of each variable of a header or a body, by its position or its name."""
    example = component.get("example")
    if not isinstance(example, dict):
        return {}
    kind = str(component.get("type", "")).lower()
    named = example.get(f"{kind}_text_named_params")
    if isinstance(named, list):
        pairs = [pair for pair in named if isinstance(pair, dict)]
        return {str(pair.get("param_name")): str(pair.get("example", "")) for pair in pairs}
    values = example.get(f"{kind}_text")
    if isinstance(values, list) and values and isinstance(values[0], list):
        values = values[0]
    if not isinstance(values, list):
        return {}
    return {str(place): str(value) for place, value in enumerate(values, start=1)}


def example_of(
    kind: str, names: list[str], samples: Mapping[str, str], *, named: bool
) -> Component | None:
    """`example` of a HEADER or BODY with these variables; None where there is nothing to show."""
    values = [samples.get(name, "") for name in names]
    if not any(values):
        return None
    key = f"{kind.lower()}_text"
    if named:
        pairs = [
            {"param_name": name, "example": value}
            for name, value in zip(names, values, strict=True)
        ]
        return {f"{key}_named_params": pairs}
    return {key: [values] if kind == "BODY" else values}


def sample_file(component: Mapping[str, Any]) -> str:
    """What stands for the file of a header: our `media_…`, or a handle of Meta's."""
    example = component.get("example")
    handles = example.get("header_handle") if isinstance(example, dict) else None
    first = handles[0] if isinstance(handles, list) and handles else ""
    return first if isinstance(first, str) else ""
