import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from companies.graph.sandbox import cli


class Command(BaseCommand):
    help = "Run the Graph sandbox: a local stand-in for Meta's Graph and WhatsApp Cloud API."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        cli.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        status = cli.run(options)
        if status:
            sys.exit(status)
