"""How a case begins: one contact becomes one case, routed and on the clock, in one statement (B6, F3, G2)."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from django.db import IntegrityError
from django.utils import timezone

from wasl.core.cases import routing
from wasl.core.cases.change import THE_SYSTEM, By, Change, beginning, digest, kind_of
from wasl.core.cases.models import Case
from wasl.core.catalogue import queries as catalogue
from wasl.core.catalogue.book import Book
from wasl.core.contacts.models import Attachment, Contact
from wasl.core.organisation.models import Area, Client, Staff, Unit
from wasl.core.people import actions as people
from wasl.kernel import acceptance, clock, ids, seal


@dataclass(frozen=True)
class Report:
    """What somebody tells the hotline, on any channel, already checked for form by the channel.

    `category` may be empty: the centre classifies it. `place` is (latitude, longitude) in degrees WGS 84.
    """

    medium: str
    body: str
    category: str = ""
    kind: str = ""
    urgency: str = ""
    reach: people.Reach = field(default_factory=people.Reach)
    place: tuple[float, float] | None = None
    accuracy_m: float | None = None
    address: str = ""
    area: Area | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)
    against: Unit | None = None
    attachments: Sequence[Attachment] = ()
    idempotency_key: str | None = None
    source: str = ""
    parent: Case | None = None
    trusted: bool = False


@dataclass(frozen=True)
class Receipt:
    """What the reporter gets: case, PIN (kept nowhere), the hash of the entry; `repeated`: of a replayed key."""

    case: Case
    pin: str
    entry_hash: str
    repeated: bool = False


def receive(report: Report, *, by: By) -> Receipt:
    """Take a report in under an acceptance number.

    A trusted report whose route is clear is registered and dispatched at once; all others wait in the review queue. The
    same idempotency key gives the case that was made the first time. Raises Forbidden.
    """
    if report.idempotency_key and (known := of_key(report.idempotency_key, by)):
        return known
    case = new_case()
    try:
        with beginning(case, by=by) as change:
            take_in(change, report)
    except IntegrityError:
        if report.idempotency_key and (known := of_key(report.idempotency_key, by)):
            return known
        raise
    return Receipt(case, seal.pin_of(case.number, case.pin_generation), change.entries[0].hash.hex())


def new_case() -> Case:
    """An unwritten case with its number."""
    case = Case()
    case.number = acceptance.make(ids.new_serial(), timezone.localtime(clock.now()).year)
    return case


def of_key(key: str, by: By) -> Receipt | None:
    """What the same sender was given for this idempotency key before, or nothing.

    A PIN that was renewed since is the citizen's alone: then it is empty.
    """
    contact = Contact.objects.filter(idempotency_key=scoped(key, by)).select_related("case").first()
    if contact is None or contact.case is None:
        return None
    first = contact.case.entries.get(seq=1)
    return Receipt(
        contact.case,
        "" if contact.case.pin_generation else seal.pin_of(contact.case.number, 0),
        bytes(first.hash).hex(),
        repeated=True,
    )


def scoped(key: str, by: By) -> str:
    """The key bound to who sent it.

    Citizens are not told apart here: their channel gives a key that nobody can guess.
    """
    return sha256(f"{kind_of(by)}{by.pk if isinstance(by, Staff | Client) else ''}:{key}".encode()).hexdigest()


def take_in(change: Change, report: Report) -> None:
    """Everything that receiving a report writes; for verbs that begin a case."""
    case, by, now = change.case, change.by, change.at
    book = catalogue.in_force(now)
    person, rows = people.meet(report.reach)
    contact = Contact(
        case=case,
        person=person,
        medium=report.medium,
        at=now,
        language=report.reach.language,
        body=report.body.strip(),
        salt=secrets.token_bytes(16),
        staff=by if isinstance(by, Staff) else None,
        client=by if isinstance(by, Client) else None,
        source=report.source,
        idempotency_key=scoped(report.idempotency_key, by) if report.idempotency_key else None,
    )
    for attachment in report.attachments:
        attachment.contact = contact
    change.add(*rows, contact, *report.attachments)
    case.answers, case.address, case.accuracy_m = dict(report.answers), report.address, report.accuracy_m
    case.lat, case.lon = report.place or (None, None)
    case.requester = person
    place = routing.locate(case.lon, case.lat, report.area)
    known = classify(book, report.category, report.kind, report.urgency)
    decision = routing.route(book, report.category, place, now, against=report.against) if report.category else None
    change.record(
        "case.received",
        number=case.number,
        medium=report.medium,
        requester=person.pk if person else None,
        client=by.pk if isinstance(by, Client) else None,
        language=report.reach.language,
        channel=report.reach.channel,
        contact=contact.pk,
        digest=digest(contact.salt, contact.body),
        files=[a.sha256.hex() for a in report.attachments] or None,
        area=place.area.pk if place.area else None,
        against=report.against.pk if report.against else None,
        parent=report.parent.pk if report.parent else None,
        unit=decision.unit.pk if decision and decision.unit else None,
        route=decision.facts() if decision else {"why": "no_category"},
        **known,
    )
    if decision and report.trusted and decision.automatic and decision.unit:
        asked, change.by = change.by, THE_SYSTEM
        change.record("case.registered")
        change.record("case.dispatched", orders=orders_for(decision.unit, decision.assist), route=decision.facts())
        change.by = asked


def classify(book: Book, category: str, kind: str = "", urgency: str = "") -> dict[str, Any]:
    """The class columns of a case of this category in this edition, with the deadline rule that applies.

    Raises LookupError for an unknown category.
    """
    if not category:
        kind, urgency = kind or "complaint", urgency or "normal"
        rule = book.deadline("", kind, urgency)
        return {"category": "", "kind": kind, "urgency": urgency, "edition": book.number, "rule": rule.rule}
    found = book.categories[category]
    kind, urgency = kind or found.kinds[0], urgency or found.urgency
    return {
        "category": category,
        "kind": kind,
        "urgency": urgency,
        "confidential": found.confidential or found.conduct,
        "emergency": found.emergency,
        "edition": book.number,
        "rule": book.deadline(category, kind, urgency).rule,
    }


def orders_for(lead: Unit, assist: Sequence[Unit] = (), *, no_return: bool = False) -> list[dict[str, Any]]:
    """The orders of a dispatch as an entry holds them."""
    made: list[dict[str, Any]] = [
        {"id": ids.new_id(), "unit": lead.pk, "role": "lead", **({"no_return": True} if no_return else {})}
    ]
    helpers = dict.fromkeys(unit.pk for unit in assist if unit.pk != lead.pk)
    made += [{"id": ids.new_id(), "unit": pk, "role": "assist"} for pk in helpers]
    return made
