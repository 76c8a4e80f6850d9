"""`./wasl manage worker`: the process that runs jobs and the schedule."""

import logging
from typing import Any, cast

from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector

from wasl.site.management.daemon import Daemon


class Command(Daemon):
    """Works until SIGTERM; a job that runs is finished first."""

    help = "Run jobs and the schedule until SIGTERM."

    def handle(self, *args: Any, **options: Any) -> None:
        # Its own lines tell of every poll and every job; ours tell what was done.
        logging.getLogger("procrastinate").setLevel(logging.WARNING)
        connector = cast("DjangoConnector", app.connector)
        with app.replace_connector(connector.get_worker_connector()) as working:
            working.run_worker(name="wasl", concurrency=1, listen_notify=True, shutdown_graceful_timeout=8)
