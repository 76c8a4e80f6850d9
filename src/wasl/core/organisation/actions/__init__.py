"""The administrator's verbs on units, staff, posts, areas, calendars, client systems and the rules of the house.

Each writes who changed what. All raise Forbidden without the right or beyond the administrator's scope, and Refused
with a sentence where the organisation would not hold together.
"""

from wasl.core.organisation.actions.audit import Refused, facts_of
from wasl.core.organisation.actions.clients import make_client, set_client_active
from wasl.core.organisation.actions.house import end_bulletin, mark_read, save_house, tell_staff
from wasl.core.organisation.actions.places import check_calendar, save_areas, save_calendar
from wasl.core.organisation.actions.posts import agree, ask_factor_reset, end_post, give_post, refuse
from wasl.core.organisation.actions.staff import (
    change_own,
    change_staff,
    confirm_own,
    end_sessions,
    hand_link,
    make_staff,
    set_staff_active,
    unlock,
)
from wasl.core.organisation.actions.units import UnitFacts, merge_unit, move_unit, save_unit, set_unit_active

__all__ = [
    "Refused",
    "UnitFacts",
    "agree",
    "ask_factor_reset",
    "change_own",
    "change_staff",
    "check_calendar",
    "confirm_own",
    "end_bulletin",
    "end_post",
    "end_sessions",
    "facts_of",
    "give_post",
    "hand_link",
    "make_client",
    "make_staff",
    "mark_read",
    "merge_unit",
    "move_unit",
    "refuse",
    "save_areas",
    "save_calendar",
    "save_house",
    "save_unit",
    "set_client_active",
    "set_staff_active",
    "set_unit_active",
    "tell_staff",
    "unlock",
]
