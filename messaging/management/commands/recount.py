"""Compare every counter with the messages that it counts."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from messaging import checks


class Command(BaseCommand):
    help = "Recomputes batches' counters, daily usage and balances; fails if one differs."

    def handle(self, *args: Any, **options: Any) -> None:
        found = list(checks.differences())
        for sentence in found:
            self.stdout.write(sentence)
        if found:
            raise CommandError(f"{len(found)} differ; {checks.in_flight()} messages are in flight.")
        self.stdout.write("All counters are right.")
