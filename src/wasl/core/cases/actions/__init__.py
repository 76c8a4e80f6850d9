"""The verbs of a case. Each checks its own guards and records one entry; what follows from it is in the wiring.

Every verb takes `by` (a Staff member, `THE_CITIZEN`, `THE_SYSTEM` or a Client) and `seen` (the version on the screen,
`None` where nobody looks at one). All raise Forbidden, StaleCase and NotAllowed; what else one raises it says itself.
Modules go by who acts. The table of what may follow what is `transitions`; law and sources stand there.
"""

from wasl.core.cases.actions.beside import add, flag, link, note, publish, renew_pin, take_over
from wasl.core.cases.actions.centre import (
    answer,
    arbitrate,
    ask,
    dispatch,
    escalate,
    file_report,
    join,
    open_part,
    reclassify,
    refuse,
    register,
    unjoin,
)
from wasl.core.cases.actions.closing import close, confirm, contest, rate, record_attempt, redo, reopen, review, tell
from wasl.core.cases.actions.deadline import (
    ask_extension,
    ask_pause,
    deny_extension,
    deny_pause,
    grant_extension,
    resume,
    suspend,
)
from wasl.core.cases.actions.identity import open_identity, see_identity
from wasl.core.cases.actions.unit import (
    begin_work,
    interim_reply,
    object_to,
    record_contact,
    record_visit,
    reply,
    return_order,
    sign_for,
    sub_dispatch,
    withdraw,
)
from wasl.core.cases.change import NotAllowed
from wasl.core.cases.intake import Receipt, Report, receive

__all__ = [
    "NotAllowed",
    "Receipt",
    "Report",
    "add",
    "answer",
    "arbitrate",
    "ask",
    "ask_extension",
    "ask_pause",
    "begin_work",
    "close",
    "confirm",
    "contest",
    "deny_extension",
    "deny_pause",
    "dispatch",
    "escalate",
    "file_report",
    "flag",
    "grant_extension",
    "interim_reply",
    "join",
    "link",
    "note",
    "object_to",
    "open_identity",
    "open_part",
    "publish",
    "rate",
    "receive",
    "reclassify",
    "record_attempt",
    "record_contact",
    "record_visit",
    "redo",
    "refuse",
    "register",
    "renew_pin",
    "reopen",
    "reply",
    "resume",
    "return_order",
    "review",
    "see_identity",
    "sign_for",
    "sub_dispatch",
    "suspend",
    "take_over",
    "tell",
    "unjoin",
    "withdraw",
]
