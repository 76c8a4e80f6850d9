"""What follows from what: the one table. Entry verb -> reactions, run in order inside the transaction of the entry.

A reaction that leaves the data base only inserts a row or a job. Live screens need no line here: each change notifies
them.
"""

from collections.abc import Mapping

from wasl.core.cases.reactions import close_followers, close_when_confirmed, resume_when_answered
from wasl.services.messages.reactions import Reaction, blank, citizen, to_centre, unit

REACTIONS: Mapping[str, list[Reaction]] = {
    "case.received": [citizen("received")],
    "case.registered": [citizen("registered", unless_new=True)],
    "case.asked": [citizen("asked")],
    "case.added": [resume_when_answered],
    "case.answered": [citizen("answered")],
    "case.refused": [citizen("refused")],
    "case.joined": [citizen("joined")],
    "case.dispatched": [unit("staff_order"), citizen("dispatched", unless_new=True)],
    "case.reclassified": [citizen("reclassified")],
    "case.arbitrated": [unit("staff_order")],
    "case.escalated": [unit("staff_order"), citizen("dispatched")],
    "case.redone": [unit("staff_order"), citizen("redone")],
    "order.returned": [to_centre("staff_returned")],
    "order.objected": [to_centre("staff_returned")],
    "order.sub_dispatched": [unit("staff_order")],
    "order.extension_granted": [citizen("extended"), unit("staff_extension")],
    "order.extension_denied": [unit("staff_extension_denied")],
    "case.suspended": [citizen("suspended")],
    "case.resumed": [citizen("resumed")],
    "case.interim_replied": [citizen("interim")],
    "case.told": [citizen("told")],
    "case.confirmed": [close_when_confirmed],
    "case.closed": [close_followers, citizen("closed")],
    "case.follower_closed": [citizen("closed")],
    "case.reopened": [citizen("reopened")],
    "case.redacted": [blank],
}
