"""What a killed worker left does not stop its schedule for ever."""

import asyncio

import pytest
from django.db import connection
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector

from wasl.site import upkeep


@pytest.mark.django_db(transaction=True)
def test_a_job_whose_worker_was_killed_is_run_again_and_lets_go_of_its_lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '10 minutes') RETURNING id"
        )
        worker = cursor.fetchone()[0]
        cursor.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, status, worker_id, args)"
            " VALUES ('lost', 'wasl.take_up_stalled', 'some schedule', 'doing', %s, '{\"timestamp\": 1}') RETURNING id",
            [worker],
        )
        job = cursor.fetchone()[0]

    async def work() -> None:
        async with working.open_async():
            await upkeep.take_up_stalled.configure(queue="lost").defer_async(timestamp=1)
            # Twice: the first round takes the lost job up, the second runs it.
            for _ in range(2):
                await working.run_worker_async(
                    queues=["lost"], wait=False, install_signal_handlers=False, listen_notify=False
                )

    assert isinstance(app.connector, DjangoConnector)
    with app.replace_connector(app.connector.get_worker_connector()) as working:
        asyncio.run(work())
    with connection.cursor() as cursor:
        cursor.execute("SELECT status FROM procrastinate_jobs WHERE id = %s", [job])
        assert cursor.fetchone() == ("succeeded",)
