"""A telephone number checked by a code: of somebody who is with us, who tells it to whoever asked (Q2), and of the
staff themselves (Q3)."""

from django.db import transaction
from django.utils.translation import gettext as _

from wasl.core.cases.change import NotAllowed
from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.actions import staff
from wasl.core.organisation.actions.audit import facts_of, note
from wasl.core.organisation.models import Staff
from wasl.core.people import actions as people
from wasl.core.people import proving, queries
from wasl.core.people.models import Address, Code, Person
from wasl.kernel import clock, phone, seal, throttle
from wasl.services.messages import actions as outbox
from wasl.services.messages.delivery import served

RIGHT = "person.edit"
A_NUMBER, A_STAFF = 3, 30
"""Codes that go to one number, and that one of the staff has sent, in an hour."""


def may_add(person: Person, by: Staff) -> bool:
    """Whether `by` may put a new number on this record.

    A number opens the record to whoever proves it. So, where he has proved an address, he answers a code there first;
    for somebody who can do so no more, whoever may join records adds it.
    """
    if proving.unclaimed(person) or rights.scopes(by, "person.merge").centre:
        return True
    return Address.objects.filter(person=person, verified_at__gt=clock.now() - proving.STILL_THERE).exists()


def ask(person: Person, *, by: Staff, address: int | None = None, number: str = "") -> Code:
    """Send a code to a number of his, by the id of its row, or to a new one.

    Raises Forbidden; NotAllowed with the reason where it cannot go there; throttle.TooMany.
    """
    rights.require(by, RIGHT)
    if "sms" not in served():
        raise NotAllowed(_("No operator carries SMS at present."))
    if person.merged_into_id or person.forgotten_at:
        raise NotAllowed(_("This record was joined to another or forgotten."))
    if address is not None:
        row = Address.objects.filter(pk=address, person=person, medium=Address.Medium.PHONE).first()
        if row is None:
            raise NotAllowed(_("This number is not kept any more."))
        value = seal.unseal(bytes(row.value_sealed))
    else:
        found = phone.normalise(number, organisation.the_city().region)
        if found is None or phone.is_short_code(found):
            raise NotAllowed(_("This is no telephone number."))
        if not may_add(person, by):
            raise NotAllowed(_("Let him confirm a number that he has already, or ask the second line to add this one."))
        value = found
    throttle.hit(f"number-of-staff:{by.pk}", limit=A_STAFF, per_s=3600)
    throttle.hit(f"number-to:{value}", limit=A_NUMBER, per_s=3600)
    hint = phone.masked(value)
    with transaction.atomic():
        code = proving.ask(
            medium=Address.Medium.PHONE, value=value, hint=hint, language=person.language, person=person, by=by
        )
        outbox.send_code(code)
        note(by, "person.number_asked", person, facts_of(person), phone=hint)
    return code


def confirm(code: Code, typed: str, *, by: Staff) -> bool:
    """What he read out: True when it is the code. The number is then his, and the one he is reached at first.

    Raises Forbidden, also for a code that somebody else asked for; CodeRefused when it counts no more.
    """
    rights.require(by, RIGHT)
    if code.asked_by_id != by.pk or code.person is None:
        raise rights.Forbidden(_("Somebody else asked for this code."))
    with transaction.atomic():
        if not proving.use(code, typed):
            return False
        person = code.person.merged_into or code.person
        proved = Address.objects.get(person=person, medium=code.medium, look_up=code.look_up)
        if not person.addresses.filter(preferred=True, confidence__gte=queries.POOR).exclude(pk=proved.pk).exists():
            people.prefer(proved)
        note(by, "person.number_confirmed", person, facts_of(person), phone=code.hint)
    return True


# --- one's own ---


def can_prove(who: Staff) -> bool:
    """Whether a code can be sent to his own number; where it cannot, he confirms it with his password alone."""
    return bool(who.phone) and "sms" in served()


def ask_own(*, by: Staff) -> Code:
    """Send a code to one's own number. Raises NotAllowed where it is none, throttle.TooMany."""
    number = phone.normalise(by.phone, organisation.the_city().region) if by.phone else None
    if number is None or phone.is_short_code(number):
        raise NotAllowed(_("This is no telephone number."))
    if not can_prove(by):
        raise NotAllowed(_("No operator carries SMS at present."))
    throttle.hit(f"number-of-staff:{by.pk}", limit=A_STAFF, per_s=3600)
    throttle.hit(f"number-to:{number}", limit=A_NUMBER, per_s=3600)
    with transaction.atomic():
        code = proving.ask(
            medium=Address.Medium.PHONE, value=number, hint=phone.masked(number), language=by.language, by=by
        )
        outbox.send_code(code, to=by)
    return code


def confirm_own(code: Code, typed: str, *, by: Staff) -> bool:
    """The code that came: True when it is the one; the number is his own and counts for another half year.

    Raises Forbidden for somebody else's code, CodeRefused, Refused when he changed the number meanwhile.
    """
    if code.asked_by_id != by.pk or code.person_id is not None:
        raise rights.Forbidden(_("Somebody else asked for this code."))
    sent_to = seal.unseal(bytes(code.value_sealed))
    if phone.normalise(by.phone, organisation.the_city().region) != sent_to:
        raise NotAllowed(_("The number was changed meanwhile. Send the code anew."))
    with transaction.atomic():
        if not proving.use(code, typed):
            return False
        staff.confirm_own(by=by, phone=by.phone)
    return True
