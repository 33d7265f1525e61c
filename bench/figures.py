"""The figures' names and targets, and how a line of the table is judged."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Line:
    """One line of the table: measured values by database, or one under "" where there is none."""

    figure: str
    what: str
    sign: str  # ">=" or "<="
    targets: dict[str, float]
    values: dict[str, float]
    note: str = ""
    unit: str = ""

    def target(self, database: str) -> float:
        return self.targets.get(database, self.targets.get("", 0.0))

    def falls_short(self) -> list[str]:
        """The databases with which the target is missed."""
        return [
            database
            for database, value in self.values.items()
            if not (
                value >= self.target(database)
                if self.sign == ">="
                else value <= self.target(database)
            )
        ]


@dataclass
class Report:
    lines: list[Line] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


def ratios(tops: Sequence[float], bottoms: Sequence[float]) -> float:
    """The median of what was measured side by side, round by round."""
    return statistics.median(top / bottom for top, bottom in zip(tops, bottoms, strict=True))


def spread(values: Sequence[float], digits: int = 0) -> str:
    """Median, and lowest to highest where there is more than one."""
    middle = f"{statistics.median(values):,.{digits}f}"
    if len(values) < 2:
        return middle
    return f"{middle} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"
