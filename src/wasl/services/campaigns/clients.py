"""Under which clients of the gateway a unit's campaigns go: each audience its own, with its own bound a day."""

from collections.abc import Mapping
from dataclasses import dataclass

from wasl.core.organisation.models import Unit
from wasl.services.campaigns.models import Campaign
from wasl.services.dialogue.models import ShortCode
from wasl.services.texts import actions as texts
from wasl.services.texts import queries
from wasl.services.texts.models import Client, Klass

PER_DAY = 5_000
"""Parts a day of a new client; administrators change it. Emergencies have no bound."""


@dataclass(frozen=True, slots=True)
class _Way:
    word: str
    audience: str
    best: Klass
    per_day: int | None


_STAFF = _Way("staff", Client.Audience.STAFF, Klass.ALERT, PER_DAY)
_WAYS: Mapping[str, _Way] = {
    Campaign.Kind.CITIZENS: _Way("unit", Client.Audience.CITIZENS, Klass.ALERT, PER_DAY),
    Campaign.Kind.STAFF: _STAFF,
    Campaign.Kind.SALARY: _STAFF,
    Campaign.Kind.EMERGENCY: _Way("emergency", Client.Audience.STAFF, Klass.URGENT, None),
}


def code_of(unit: Unit, kind: str) -> str:
    """The code of the client, as `unit-roads` or `staff-roads`; as `staffid-7` where the unit's code is long.

    The word before the first dash says which of them it is and how to read what follows, so that no two units have one
    code, whatever they are called.
    """
    word = _WAYS[kind].word
    code = f"{word}-{unit.code}"
    return code if len(code) <= 40 else f"{word}id-{unit.pk}"


def is_of_units(code: str) -> bool:
    """Whether a code is one of those that units get, and no other client may."""
    begins, dash, _rest = code.partition("-")
    return bool(dash) and begins.removesuffix("id") in {way.word for way in _WAYS.values()}


def existing(unit: Unit, kind: str) -> Client | None:
    """The client, if it is there already."""
    return Client.objects.filter(code=code_of(unit, kind)).first()


def client_of(unit: Unit, kind: str) -> Client:
    """The client of a unit for campaigns of this kind; made when it is first needed.

    It sends from a short code that answers, so that STOP and 1 can be said; from the hotline's number where there is
    none.
    """
    way = _WAYS[kind]
    codes = list(ShortCode.objects.filter(on=True).order_by("number").values_list("number", flat=True))
    home = texts.house()
    sender = home.sender if home.sender in codes or not codes else codes[-1]
    found, made = Client.objects.get_or_create(
        code=code_of(unit, kind),
        defaults={
            "name": (str(unit) if way.word == "unit" else f"{unit}-{way.word}")[:100],
            "unit": unit,
            "audience": way.audience,
            "sender": sender,
            "senders": codes,
            "best": way.best,
            "per_day": way.per_day,
        },
    )
    if made:
        queries.forget()
    return found


def per_day(kind: str) -> int | None:
    """The bound of a client that is not made yet."""
    return _WAYS[kind].per_day
