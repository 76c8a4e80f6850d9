"""What the long-running processes of the house have in common as commands of Django."""

from typing import Any

from django.core.management.base import BaseCommand

from wasl.kernel import collector


class Daemon(BaseCommand):
    """Runs until SIGTERM. `up` has had everything checked when it brought the tables up to date; once is enough."""

    requires_system_checks = ()

    def execute(self, *args: Any, **options: Any) -> str | None:
        """See BaseCommand."""
        collector.settle()
        return super().execute(*args, **options)
