"""`./wasl manage ...`: Django's commands, with the installation's data base and settings."""

import os

from wasl.site.cli.console import require
from wasl.site.installation import Installation


def main(arguments: list[str]) -> int:
    """Run one of Django's commands. `--data DIR`, when given, comes first."""
    data = None
    if len(arguments) >= 2 and arguments[0] == "--data":
        data, arguments = arguments[1], arguments[2:]
    installation = Installation.at(data)
    require(installation)
    with installation.database():
        os.environ.update(installation.environment())
        from django.core.management import execute_from_command_line

        execute_from_command_line(["./wasl manage", *arguments])
    return 0
