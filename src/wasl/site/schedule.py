"""What runs when: the one table of periodic jobs, and the tasks of the worker made from it.

Everything is safe to run twice and makes up for what was missed, so a time here is a wish, not a promise. Hours are
those of UTC; what must happen at a local midnight runs every hour and finds out itself whether it is due.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence

from django.db import close_old_connections
from procrastinate.contrib.django import app

from wasl.core.cases import jobs as cases
from wasl.core.cases import journal, search
from wasl.core.contacts import jobs as contacts
from wasl.core.people.proving import purge_codes
from wasl.core.roster import attendance
from wasl.faces.desk.report.drafts import sweep_drafts
from wasl.faces.portal.access import purge_sign_ins
from wasl.faces.portal.drafts import purge_drafts
from wasl.services.calls import actions as calls
from wasl.services.calls import callbacks, recordings, seats
from wasl.services.calls import forgetting as callers
from wasl.services.campaigns import sending as campaigns
from wasl.services.dialogue import actions as dialogue
from wasl.services.enquiries.jobs import purge_enquiries
from wasl.services.exchange import calls as exchange
from wasl.services.exchange import checks
from wasl.services.messages import jobs as messages
from wasl.services.messages import notices
from wasl.services.subscriptions.jobs import send_alerts
from wasl.services.texts import forgetting as texts
from wasl.services.texts import tally

logger = logging.getLogger(__name__)
Job = Callable[[], object]


def close_unanswered() -> int:
    """Close what nobody answered, except where nobody was reached."""
    return cases.close_unanswered(hold=messages.not_reached())


def take_roots() -> int:
    """The daily root of every day that is over."""
    return len(journal.take_roots())


SCHEDULE: Mapping[str, Sequence[Job]] = {
    "* * * * *": (
        cases.resume_ended,
        messages.warn,
        cases.escalate_overdue,
        messages.remind,
        close_unanswered,
        calls.meanwhile,
        recordings.keep,
        callbacks.lapse,
        seats.clear,
    ),
    # Apart from the line above: what many wait for is not held up by what goes to many.
    "*/1 * * * *": (campaigns.send_campaigns,),
    "*/10 * * * *": (cases.recompute_changed, search.learn_words, tally.count_today, attendance.end_stale),
    "40 * * * *": (tally.count_lately,),
    "15 * * * *": (
        take_roots,
        purge_drafts,
        sweep_drafts,
        purge_codes,
        purge_sign_ins,
        purge_enquiries,
        send_alerts,
        messages.remind_staff,
    ),
    "30 22 * * *": (
        cases.retain,
        contacts.sweep,
        attendance.forget_old,
        notices.forget_old,
        exchange.forget_old,
        checks.forget_old,
        dialogue.forget_old,
        tally.count_deferred,
        texts.forget_old,
        recordings.erase_old,
        campaigns.forget_receivers,
        callers.forget_old,
        cases.recompute_all,
    ),
}
"""cron line -> jobs, in order."""


def run(jobs: Sequence[Job]) -> list[str]:
    """Run them one after another; gives the names of those that failed, which are logged and do not stop the rest."""
    failed = []
    for job in jobs:
        began = time.monotonic()
        try:
            done = job()
        except Exception:
            logger.exception("job=%s failed", job.__name__)
            failed.append(job.__name__)
            continue
        logger.log(
            logging.INFO if done else logging.DEBUG,
            "job=%s done=%s seconds=%.2f",
            job.__name__,
            done,
            time.monotonic() - began,
        )
    return failed


def _task(cron: str, name: str, jobs: Sequence[Job]) -> None:
    # The lock keeps a slow run from being overtaken by the next, the queueing lock keeps runs from piling up.
    @app.periodic(cron=cron)
    @app.task(name=name, queueing_lock=name, lock=name)
    def task(timestamp: int) -> None:
        # A worker's thread keeps its connection for ever; one that the server closed meanwhile is replaced here.
        close_old_connections()
        run(jobs)


for _cron, _jobs in SCHEDULE.items():
    _task(_cron, f"wasl.{_jobs[0].__name__}", _jobs)


@app.periodic(cron="45 22 * * *")
@app.task(name="wasl.forget_done_jobs", queueing_lock="wasl.forget_done_jobs", pass_context=False)
async def forget_done_jobs(timestamp: int) -> None:
    """Finished jobs older than two days."""
    await app.job_manager.delete_old_jobs(nb_hours=48, include_failed=True)
