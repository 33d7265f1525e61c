"""Make the demo data; print how to use it."""

from typing import Any

import orjson
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config import wakes
from messaging import demo


class Command(BaseCommand):
    help = "Makes the demo companies (again and again the same) and fresh API keys for them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print everything as JSON")
        parser.add_argument(
            "--force", action="store_true", help="do it although DEBUG is off: a real installation"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG and not options["force"]:
            raise CommandError(
                "DEBUG is off, so this may be a real installation. Demo accounts have known names; "
                "give --force if you want them here all the same."
            )
        made = demo.make()
        # The sandbox has the same templates already: the worker learns their ids as soon as it runs.
        wakes.send("templates_app.sync_all")
        if options["json"]:
            self.stdout.write(orjson.dumps(made, option=orjson.OPT_INDENT_2).decode())
            return
        self.stdout.write(f"Staff: {made['staff']['email']}  {made['staff']['password']}")
        for company in made["companies"]:
            owner = company["owner"]
            self.stdout.write(f"{company['name']}: {owner['email']}  {owner['password']}")
            self.stdout.write(f"  API key {company['api_key']}")
