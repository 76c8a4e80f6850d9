"""What a text does to a case: begins one, says whether it is solved, adds to it, says that it reached a stranger."""

from django.db import transaction
from django.utils.translation import gettext as _

from wasl.core.cases import actions as cases
from wasl.core.cases.change import THE_CITIZEN, THE_SYSTEM, NotAllowed
from wasl.core.cases.models import Case, Verdict
from wasl.core.catalogue import queries as catalogue
from wasl.core.catalogue.suggest import suggest
from wasl.core.people import actions as people
from wasl.core.people import proving
from wasl.core.people.models import Address
from wasl.services.dialogue import places, words
from wasl.services.dialogue.said import Said
from wasl.services.messages import actions as messages
from wasl.services.messages import queries as told

# A keyword of the category stands in the text: less is a guess that the centre makes better.
_SURE = 6.0
_LONGEST_ADDRESS = 300


def file(said: Said, language: str, body: str, *, category: str = "", address: str = "") -> cases.Receipt:
    """Take a report in, as a contact and a case in the review queue; the same text gives the same case.

    The number becomes the person's, proved: he wrote from it. He is told by the answer to his text.
    """
    found = suggest(catalogue.in_force(), body, limit=1)
    sure = found[0].category if found and found[0].score >= _SURE else None
    report = cases.Report(
        medium="sms",
        body=body,
        category=category or (sure.code if sure else ""),
        reach=people.Reach(phone=said.number, language=language, channel="sms", source="sms"),
        address=address[:_LONGEST_ADDRESS],
        area=places.area_in(address or body),
        idempotency_key=f"sms:{said.id}",
        source=said.code,
    )
    with transaction.atomic():
        receipt = cases.receive(report, by=THE_CITIZEN)
    if receipt.case.requester is not None:
        proving.wrote_from(receipt.case.requester, medium=Address.Medium.PHONE, value=said.number)
    messages.said_in_answer(receipt.case, "received", words.received(receipt.case.number, "••••••"), said.number)
    return receipt


def verdict(said: Said, case: int, verdict: str) -> Case:
    """The citizen says whether it is solved. Raises NotAllowed where nobody waits for it any more."""
    found = Case.objects.get(pk=case)
    if verdict == Verdict.SOLVED:
        cases.confirm(found, by=THE_CITIZEN, medium="sms")
        if found.channel == "sms":
            messages.said_in_answer(found, "closed", words.thanks_for(verdict, found.number), said.number)
    else:
        cases.contest(found, verdict=verdict, by=THE_CITIZEN, medium="sms")
    return found


def add(said: Said, case: int, language: str, text: str) -> Case:
    """His words, added to his case."""
    found = Case.objects.get(pk=case)
    cases.add(found, by=THE_CITIZEN, text=text, medium="sms", language=language, idempotency_key=f"sms:{said.id}")
    return found


def addable(look_up: bytes, number: str) -> Case | None:
    """The case of this acceptance number, if it is open to this telephone: proved to be its requester's, or told by it.

    Nothing in it tells a case that is not his from one that is not there.
    """
    found = Case.objects.filter(number=number, redacted_at__isnull=True, requester__forgotten_at__isnull=True).first()
    if found is None or found.requester_id is None:
        return None
    rows = Address.objects.filter(person_id=found.requester_id, look_up=look_up, medium=Address.Medium.PHONE)
    usable = [row for row in rows if people.is_usable(row)]
    if any(row.verified_at for row in usable) or told.told_by_sms(found, usable):
        return found
    return None


def wrong_person(look_up: bytes) -> int:
    """Somebody says that a number is not who we think: it is not used any more until it is proved.

    The cases that it was told of get a note, so that the centre looks for another way; gives how many.
    """
    rows = list(Address.objects.filter(look_up=look_up, medium=Address.Medium.PHONE).select_related("person"))
    for row in rows:
        people.note_wrong_person(row)
    about = told.open_cases_told_at(rows)
    for case in about:
        try:
            cases.note(case, by=THE_SYSTEM, text=_("Who has the telephone number says that it is not the requester's."))
        except NotAllowed:
            continue
    return len(about)
