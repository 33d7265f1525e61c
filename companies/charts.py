"""Figures to be plotted: what templates/parts/chart.html and static/charts.js draw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.utils.functional import Promise

# Each is a variable of portal.css, --bar-<colour>, with a value for both themes.
Colour = Literal["read", "delivered", "sent", "uncertain", "failed", "accent", "quiet"]


@dataclass(frozen=True, kw_only=True)
class Series:
    label: str | Promise
    colour: Colour
    values: Sequence[int | float]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """`labels` stand along the bottom, one for each value of every series; `unit` heads their column
    in the table (“Day”). Bars stand on each other when `stacked`.
    """

    series: Sequence[Series]
    labels: Sequence[str]
    unit: str | Promise
    kind: Literal["bar", "line"] = "bar"
    stacked: bool = True

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to plot."""
        return not any(any(one.values) for one in self.series)

    @property
    def data(self) -> dict[str, Any]:
        """For json_script."""
        return {
            "kind": self.kind,
            "stacked": self.stacked,
            "labels": list(self.labels),
            "series": [
                {"label": str(one.label), "colour": one.colour, "values": list(one.values)}
                for one in self.series
            ],
        }

    @property
    def rows(self) -> Iterator[tuple[str, tuple[int | float, ...]]]:
        """The table: a label and its value in each series."""
        columns = zip(*(one.values for one in self.series), strict=True)
        return zip(self.labels, columns, strict=True)
