"""Upkeep of the house itself: what a killed worker left is taken up again, and what would pile up is cleared.

Schedules of the hotline (clocks, daily root, reminders) are in `schedule.py`.
"""

import logging

from django.core.management import call_command
from django.db import close_old_connections
from procrastinate import JobContext
from procrastinate.contrib.django import app

from wasl.kernel import throttle

logger = logging.getLogger(__name__)


@app.periodic(cron="* * * * *")
@app.task(name="wasl.take_up_stalled", queueing_lock="wasl.take_up_stalled", pass_context=True)
async def take_up_stalled(context: JobContext, timestamp: int) -> None:
    """Run again what was running in a worker that gave no sign of life for half a minute.

    Such a job counts as running for ever, and its lock would keep its schedule from ever running again.
    """
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs():
        logger.warning("job %s (%s) lost its worker; it is run again", job.id, job.task_name)
        await manager.retry_job(job)


@app.periodic(cron="17 * * * *")
@app.task(name="wasl.clear_old", queueing_lock="wasl.clear_old")
def clear_old(timestamp: int) -> None:
    """Remove rate limits whose window is over, and sessions that have expired."""
    close_old_connections()
    throttle.purge()
    call_command("clearsessions")
