"""Who has a case open now: known by the live stream of his page, told to the others on the topic `here:ID`.

No page asks: a stream that begins enters its reader, each process says every `frame.live.BEAT_S` whose streams still
stand, and what was not said again is swept away and told.
"""

from collections.abc import Iterable
from datetime import timedelta

from django.db import connection

from wasl.core.cases.models import Case
from wasl.core.organisation.models import Staff
from wasl.faces.desk.models import Presence
from wasl.kernel import clock, ids, rows

# With the beat of the streams on top, somebody who left is gone after a minute.
FADES_AFTER = timedelta(seconds=40)
TOPIC = "here:"


def came(staff_id: int, topics: Iterable[str]) -> None:
    """This person's page with these topics has begun to listen; the others are told if he was not there before."""
    now = clock.now()
    for case_id in _cases(topics):
        with connection.cursor() as cursor:
            cursor.execute(
                "WITH old AS (SELECT seen_at FROM desk_presence WHERE case_id = %(case)s AND staff_id = %(staff)s)"
                " INSERT INTO desk_presence (id, case_id, staff_id, seen_at)"
                " VALUES (%(id)s, %(case)s, %(staff)s, %(now)s)"
                " ON CONFLICT (case_id, staff_id) DO UPDATE SET seen_at = %(now)s"
                " RETURNING (SELECT seen_at FROM old) > %(gone)s",
                {"id": ids.new_id(), "case": case_id, "staff": staff_id, "now": now, "gone": now - FADES_AFTER},
            )
            if not cursor.fetchone()[0]:
                _tell([case_id])


def still(present: Iterable[tuple[int, Iterable[str]]]) -> None:
    """These streams still stand; who was not named by any process for a while has left."""
    now = clock.now()
    pairs = {(case_id, staff_id) for staff_id, topics in present for case_id in _cases(topics)}
    with connection.cursor() as cursor:
        if pairs:
            cursor.execute(
                "UPDATE desk_presence p SET seen_at = %s"
                " FROM unnest(%s::bigint[], %s::bigint[]) AS n (case_id, staff_id)"
                " WHERE p.case_id = n.case_id AND p.staff_id = n.staff_id",
                [now, [case for case, _staff in pairs], [staff for _case, staff in pairs]],
            )
        cursor.execute("DELETE FROM desk_presence WHERE seen_at < %s RETURNING case_id", [now - FADES_AFTER])
        _tell({case_id for (case_id,) in cursor.fetchall()})


def others(case: Case, but: Staff) -> list[Staff]:
    """Who else has it open, by name."""
    here = Presence.objects.filter(case=case, seen_at__gte=clock.now() - FADES_AFTER).exclude(staff=but)
    return sorted((one.staff for one in here.select_related("staff")), key=str)


def _cases(topics: Iterable[str]) -> set[int]:
    return {int(topic.removeprefix(TOPIC)) for topic in topics if topic.startswith(TOPIC)}


def _tell(cases: Iterable[int]) -> None:
    rows.tell(rows.notice([f"{TOPIC}{case_id}"], "presence", case=case_id) for case_id in cases)
