"""`load_practice WORLD`: fills the practice's empty data base; run by `site.practice`."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from wasl.faces.practice.making import load


class Command(BaseCommand):
    """Loads what the house gave and makes cases up; refuses anywhere but in a practice."""

    help = "Fill the empty data base of a practice."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("world", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.WASL_IS_PRACTICE:
            raise CommandError("This is not a practice: made-up cases are made in one only.")
        self.stdout.write(f"{load(options['world'])} made-up cases.")
