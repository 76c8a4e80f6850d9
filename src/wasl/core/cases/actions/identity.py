"""The identity vault: opened for one case with a reason, and each look is an entry."""

from collections.abc import Mapping
from datetime import timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from wasl.core.cases import fold, queries
from wasl.core.cases.actions.guards import listed_reason, must_say
from wasl.core.cases.change import Change, NotAllowed, changing
from wasl.core.cases.models import Case, Entry, Opening
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.kernel import seal

IDENTITY_OPEN_FOR = timedelta(hours=8)


def open_identity(case: Case, *, by: Staff, reason: str, text: str, seen: int | None = None) -> Entry:
    """Open the vault of one case to oneself for some hours, for a listed reason and in words (rules 5, complaint 8)."""
    with changing(case, by=by, seen=seen, verb="case.identity_asked") as change:
        held = change.case
        if held.confidential or (held.requester is not None and held.requester.sensitive):
            raise NotAllowed(
                _("The reporter of a confidential request is not shown to units. Ask the centre to contact him.")
            )
        listed = listed_reason(held, "identity", reason)
        change.add(Opening(case=held, staff=by, at=change.at, until=change.at + IDENTITY_OPEN_FOR))
        words = change.remark("reason", must_say(text, 10))
        return change.record("case.identity_asked", reason=listed.code, **words)


def see_identity(case: Case, *, by: Staff, reason: str = "") -> Mapping[str, object]:
    """Name and addresses of the requester for the screen; the view, with its listed reason, is an entry.

    Whoever opened the vault of this case gave the reason then. Raises Forbidden when the vault is shut, NotAllowed
    without a reason.
    """
    with transaction.atomic():
        held = Case.objects.select_for_update().get(pk=case.pk)
        if not queries.visible_to(by).filter(pk=held.pk).exists() or not queries.may_see_identity(by, held):
            raise rights.Forbidden(_("The identity of the requester is sealed; open it with a reason if you need it."))
        orders: fold.Orders = {}
        change = Change(held, by, orders)
        opened = Opening.objects.filter(case=held, staff=by, until__gt=change.at).exists()
        given = listed_reason(held, "identity", reason).code if reason or not opened else None
        change.record("case.identity_viewed", reason=given)
        change._write()
        person = held.requester
        if person is None:
            return {"name": "", "addresses": []}
        return {
            "name": seal.unseal(bytes(person.name_sealed)) if person.name_sealed else "",
            "addresses": [
                (a.medium, seal.unseal(bytes(a.value_sealed)), a.verified_at) for a in person.addresses.all()
            ],
        }
