"""`python -m bench [R1 ...]`: measure all figures, or those named, and print them as a table."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable

from bench import (
    crash,
    memory,
    news,
    others,
    pacing,
    pages,
    personal,
    sending,
    serving,
    storing,
    waking,
)
from bench.figures import Line, Report
from bench.machine import POSTGRES, SQLITE, Bench, prepared

FIGURES: dict[str, Callable[[Bench], list[Line]]] = {
    "R1": sending.r1,
    "R2": sending.r2,
    "R3": sending.r3,
    "R4": others.r4,
    "R5": others.r5,
    "R6": others.r6,
    "R7": storing.r7,
    "R8": storing.r8,
    "R9": storing.r9,
    "R10": news.r10,
    "R11": serving.r11,
    "R12": serving.r12,
    "R13": serving.r13,
    "R14": pacing.r14,
    "R15": crash.r15,
    "R16": memory.r16,
    "R17": waking.r17,
    "R18": personal.r18,
    "PAGES": pages.pages,
}


def main(names: list[str]) -> None:
    wanted = [name.upper() for name in names] or list(FIGURES)
    unknown = [name for name in wanted if name not in FIGURES]
    if unknown:
        sys.exit(f"There is no {', '.join(unknown)}; there are {', '.join(FIGURES)}.")
    started = time.monotonic()
    with prepared(quick=bool(names)) as bench:
        print(_circumstances(bench))
        report = _measure(bench, wanted)
    print(_summary(report, time.monotonic() - started))


def _circumstances(bench: Bench) -> str:
    load = os.getloadavg()[0]
    said = [f"{os.cpu_count()} cores, load {load:.1f}, a mock that answers after 150 ms."]
    if load > 0.7:
        said.append("The machine is busy with other things: expect more spread.")
    if bench.skipped:
        said.append(f"PostgreSQL is skipped: {bench.skipped}. Name a server in DATABASE_URL.")
    if bench.quick:
        said.append("Single figures are measured with shorter runs than the whole suite.")
    return "\n".join(said) + "\n"


def _measure(bench: Bench, wanted: list[str]) -> Report:
    report = Report()
    print(f"{'':4} {'':62} {POSTGRES:>10} {SQLITE:>9} {'target':>9}")
    for name in wanted:
        try:
            lines = FIGURES[name](bench)
        except Exception as error:
            report.broken.append(name)
            print(f"{name:4} BROKE: {type(error).__name__}: {error}", flush=True)
            traceback.print_exc(limit=-3)
            continue
        report.lines += lines
        for line in lines:
            _show(line)
    return report


def _show(line: Line) -> None:
    cells = [_number(line, POSTGRES), _number(line, SQLITE)]
    if "" in line.values:
        cells = [f"{_shown(line.values[''])}{line.unit}", ""]
    verdict = "FALLS SHORT" if line.falls_short() else "meets"
    goals = "/".join(_shown(goal) for goal in dict.fromkeys(line.targets.values()))
    target = f"{line.sign} {goals}{line.unit}"
    print(f"{line.figure:4} {line.what:62} {cells[0]:>10} {cells[1]:>9} {target:>9}  {verdict}")
    if line.note:
        print(f"     {line.note}", flush=True)


def _number(line: Line, database: str) -> str:
    return f"{_shown(line.values[database])}{line.unit}" if database in line.values else "-"


def _shown(value: float) -> str:
    if value == int(value) and value < 1000:
        return f"{value:.0f}"
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def _summary(report: Report, seconds: float) -> str:
    short = [
        f"{line.figure} ({', '.join(filter(None, line.falls_short())) or line.what})"
        for line in report.lines
        if line.falls_short()
    ]
    said = [f"\nFalls short: {', '.join(short) if short else 'nothing'}. {seconds:.0f} s."]
    if report.broken:
        said.append(f"Broke, and was not measured: {', '.join(report.broken)}.")
    return "\n".join(said)


if __name__ == "__main__":
    main(sys.argv[1:])
