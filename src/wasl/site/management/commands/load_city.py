"""`./wasl manage load_city NAME`: load a demo city once, and leave its sign-ins in the data folder."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from wasl.core.organisation.models import Unit
from wasl.site.demo.load import load


class Command(BaseCommand):
    """Loads the city unless there is one."""

    help = "Load a demo city into an empty data base; writes city.json into the data folder."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("city")

    def handle(self, *args: Any, **options: Any) -> None:
        if Unit.objects.exists():
            self.stdout.write("The data base has an organisation already; nothing loaded.")
            return
        path = settings.WASL_DATA / "city.json"
        try:
            # The file first, then the commit: killed between the two, the city is loaded and the file written anew.
            with transaction.atomic():
                made = load(options["city"])
                path.touch(0o600)
                path.write_text(json.dumps(made, ensure_ascii=False, indent=1))
        except (FileNotFoundError, ValueError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Loaded {options['city']}.")
