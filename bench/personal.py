"""R18: what it costs to say something of his own to each: the same template, with a friendly word for
everybody, and with each one's name.

Both are sent by the real drain, to the same people, with more POSTs under way than the machine can
answer, so that nothing hides behind waiting. Rounds alternate; the ratio is the median of theirs.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace

from bench.figures import Line, ratios, spread
from bench.machine import Bench
from bench.sending import Sender

PLAIN = ("friend", "town")
PERSONAL = ("{{contact.name|friend}}", "{{contact.custom.city|town}}")
IN_FLIGHT = 1500


def r18(bench: Bench) -> list[Line]:
    messages, rounds = (10_000, 4) if bench.quick else (100_000, 2)
    values: dict[str, float] = {}
    notes = []
    with contextlib.ExitStack() as stack:
        mock = bench.mock(stack)
        for kind in bench.kinds:
            sender = Sender.of_product(bench, kind, mock, stack, messages)
            personal, plain = (replace(sender, texts=texts) for texts in (PERSONAL, PLAIN))
            personal.round(messages=messages, in_flight=IN_FLIGHT)  # imports, connections, plans
            mine, same = [], []  # messages a second, and CPU, of each round
            for _ in range(rounds):
                mine.append(personal.round(messages=messages, in_flight=IN_FLIGHT))
                same.append(plain.round(messages=messages, in_flight=IN_FLIGHT))
            sender.check()
            rates, cpus = zip(*mine, strict=True)
            plain_rates, plain_cpus = zip(*same, strict=True)
            values[kind] = ratios(rates, plain_rates)
            notes.append(
                f"{kind} {spread(rates)}/s of {spread(plain_rates)}/s, "
                f"CPU {ratios(cpus, plain_cpus):.2f}x"
            )
    what = "messages/s with each one's name / the same to everybody, saturated"
    return [Line("R18", what, ">=", {"": 0.80}, values, ", ".join(notes))]
