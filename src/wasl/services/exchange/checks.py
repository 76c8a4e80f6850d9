"""Numbers that counters of other systems check: a code goes to the number, its owner reads it out there (Q2).

Nobody is told whose a number is, or whether we know it: the answers are the same for all.
"""

import hmac
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from wasl.core.organisation import queries as organisation
from wasl.core.people import proving
from wasl.core.people.models import Address
from wasl.core.people.queries import index_of
from wasl.kernel import clock, phone, seal, throttle
from wasl.kernel.digits import to_ascii_digits
from wasl.services.dialogue.words import DJANGO
from wasl.services.exchange.models import Check
from wasl.services.texts import actions
from wasl.services.texts.making import New, Refused
from wasl.services.texts.models import Client, Klass

TO_NUMBER, OF_CLIENT = 3, 600
"""Codes that go to one number, from whatever counter or desk, and that one system has sent, in an hour."""
_KEPT = timedelta(days=180)


class Void(Exception):
    """The code counts no more: used, older than ten minutes, or wrong five times."""


def ask(client: Client, *, number: str, person: str, language: str) -> Check:
    """Send a code to a number (E.164) that somebody gave at a counter.

    `person` is the client's own name for him. The text is the hotline's, urgent, and names the client, so that nobody
    reads it out to somebody else. Raises Refused, throttle.TooMany.
    """
    throttle.hit(f"check-of:{client.pk}", limit=OF_CLIENT, per_s=3600)
    throttle.hit(f"number-to:{number}", limit=TO_NUMBER, per_s=3600)
    made = Check(
        client=client, look_up=index_of(Address.Medium.PHONE, number), hint=phone.masked(number), made_at=clock.now()
    )
    made.person_sealed = seal.seal(person, place=f"check:{made.pk}")
    with translation.override(DJANGO[language]):
        words = _("%(city)s: %(system)s asks whether this number is yours. Read this code out there only: %(code)s") % {
            "city": organisation.the_city(), "system": client.name, "code": digits_of(made),
        }  # fmt: skip
    with transaction.atomic():
        made.save(force_insert=True)
        new = New(ref=f"check:{made.pk}", number=number, words=words, klass=Klass.URGENT, secret=True)
        (answer,) = actions.queue(actions.house().code, [new])
        if isinstance(answer, Refused):
            raise answer
    return made


def digits_of(check: Check) -> str:
    """The six digits, derived and never kept."""
    return seal.pin_of(f"check {check.pk}", 0)


def person_of(check: Check) -> str:
    """The client's own name for the person; empty once he was forgotten here."""
    sealed = bytes(check.person_sealed)
    return seal.unseal(sealed, place=f"check:{check.pk}") if sealed else ""


def void_at(check: Check) -> datetime:
    """Until when the code counts."""
    return check.made_at + proving.GOOD_FOR


def state_of(check: Check) -> str:
    """ "verified", "sent" while the code counts, "void" after it."""
    if check.verified_at is not None:
        return "verified"
    return "sent" if check.tries < proving.MOST_TRIES and clock.now() <= void_at(check) else "void"


def confirm(client: Client, pk: int, typed: str) -> bool:
    """Whether this is the code; then the number is proved, also where a record of ours has it.

    Raises Check.DoesNotExist for one of another client, Void.
    """
    with transaction.atomic():
        held = Check.objects.select_for_update().get(pk=pk, client=client)
        if state_of(held) != "sent":
            raise Void
        plain = "".join(to_ascii_digits(typed[:40]).split())
        if not hmac.compare_digest(digits_of(held).encode(), plain.encode(errors="replace")):
            held.tries += 1
            held.save(update_fields=["tries"])
            return False
        held.verified_at = clock.now()
        held.save(update_fields=["verified_at"])
        proving.answered(Address.Medium.PHONE, bytes(held.look_up))
    return True


def forget(numbers: list[str]) -> None:
    """Whose numbers these are is forgotten: what was checked of them stays without number and name."""
    look_ups = [index_of(Address.Medium.PHONE, number) for number in numbers]
    Check.objects.filter(look_up__in=look_ups).update(look_up=b"", person_sealed=b"", hint="•••")


def forget_old() -> int:
    """Take away what was checked longer ago than texts are kept; how many."""
    kept = timedelta(days=settings.WASL_TEXTS_DAYS) if settings.WASL_TEXTS_DAYS > 0 else _KEPT
    return Check.objects.filter(made_at__lt=clock.now() - kept).delete()[0]
