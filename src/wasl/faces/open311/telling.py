"""How the public is shown services, requests and updates: the fields of GeoReport v2 and of its extensions.

Only what `cases.queries.public` lets through, or what a client sent itself, is shown; never the words of a citizen, his
name, numbers or the address that he typed. What the public reads of a request is the text that the centre wrote.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.urls import reverse

from wasl.core.cases import queries as cases
from wasl.core.cases.models import Case, Entry, Outcome, State, WorkOrder
from wasl.core.catalogue import queries as catalogue
from wasl.core.catalogue.book import Book, Category, Question
from wasl.core.contacts import queries as contacts
from wasl.core.contacts.models import Attachment
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Client
from wasl.faces.open311.answer import when
from wasl.kernel import acceptance
from wasl.kernel.names import local

CLOSED = (State.CLOSED,)
# Entries that tell the public something; those of orders only where it is the lead order.
PUBLIC_VERBS = frozenset(
    {
        "case.registered", "case.answered", "case.refused", "case.joined", "case.unjoined", "case.dispatched",
        "case.reclassified", "case.escalated", "case.redone", "case.suspended", "case.resumed", "case.published",
        "case.told", "case.confirmed", "case.contested", "case.closed", "case.follower_closed", "case.reopened",
        "order.signed", "order.started", "order.replied",
    }
)  # fmt: skip


def offered(book: Book, client: Client | None) -> list[Category]:
    """The services that are listed: every category that a request can be given; confidential ones to clients only."""
    return [c for c in book.leaves if client is not None or not (c.confidential or c.conduct)]


def service(book: Book, category: Category) -> dict[str, Any]:
    """One service of the list."""
    root = book.categories[category.line[0]]
    return {
        "service_code": category.code,
        "service_name": category.name,
        "description": local(category.standard) or category.name,
        "metadata": bool(book.form_of(category.code)),
        "type": "realtime",
        "keywords": local(category.keywords),
        "group": root.name,
    }


def definition(book: Book, category: Category) -> dict[str, Any]:
    """The questions of a service as attributes, its own and those of the categories above it, numbered from 1."""
    return {
        "service_code": category.code,
        "attributes": [_attribute(question, order) for order, question in enumerate(book.form_of(category.code), 1)],
    }


def _attribute(question: Question, order: int) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "variable": True,
        "code": question.code,
        "datatype": question.datatype,
        "required": question.required,
        "datatype_description": local(question.hint) or None,
        "order": order,
        "description": local(question.ask),
    }
    if question.values:
        shown["values"] = [{"key": key, "name": local(names)} for key, names in question.values]
    return shown


_SHOWN = (
    "number", "state", "outcome", "category", "edition", "public_text", "dispatched_at", "received_at", "closed_at",
    "updated_at", "due_result", "due_next", "lat", "lon", "head", "verdict",
    "unit", "area",
)  # fmt: skip


def shown_to(client: Client | None) -> QuerySet[Case]:
    """Cases that may be read: those for everybody, and a client's own."""
    public = cases.public()
    found = public if client is None else Case.objects.filter(Q(pk__in=public.values("pk")) | Q(client=client))
    # A feed of a thousand requests reads only what it shows; a shape or a form's answers take longer than all of that.
    return found.only(*_SHOWN)


def numbered(found: QuerySet[Case], numbers: Iterable[str]) -> list[Case]:
    """Those of the cases that have one of these numbers, the latest first."""
    read = {number for text in numbers if (number := acceptance.parse(text))}
    return list(found.filter(number__in=read).order_by("-received_at", "-pk"))


def requests(found: Sequence[Case], *, extended: bool) -> list[dict[str, Any]]:
    """Requests as the specification shows them; with `extended_attributes` where they are asked for."""
    photos = contacts.public_photos(found)
    heads = _public_numbers([case.head_id for case in found if case.head_id]) if extended else {}
    words = _Words()
    return [_request(case, words, photos.get(case.pk, ()), heads if extended else None) for case in found]


class _Words:
    """What many requests of one answer share, in its language: each is looked up once."""

    def __init__(self) -> None:
        self.state = cache(lambda code: str(State(code).label))
        self.outcome = cache(lambda code: str(Outcome(code).label))
        self.unit = cache(lambda pk: str(organisation.unit_of(pk)))
        self.area = cache(_area_words)
        self.service = cache(_service_words)


def _area_words(pk: int) -> tuple[str, str]:
    """Name and code of an area."""
    area = organisation.area_of(pk)
    return str(area), area.code


def _service_words(edition: int, code: str) -> tuple[str | None, str | None]:
    """Name of a service and its standard."""
    category = catalogue.of_number(edition).category(code)
    return (category.name, local(category.standard) or None) if category else (None, None)


def _public_numbers(heads: Sequence[int]) -> Mapping[int, str]:
    found = cases.public().filter(pk__in=heads)
    return dict(found.values_list("pk", "number"))


def _request(
    case: Case, words: _Words, photos: Sequence[Attachment], heads: Mapping[int, str] | None
) -> dict[str, Any]:
    closed = case.state in CLOSED
    name, notice = words.service(case.edition, case.category)
    area, area_code = words.area(case.area_id) if case.area_id else (None, None)
    place = cases.public_place(case)
    shown: dict[str, Any] = {
        "service_request_id": case.number,
        "status": "closed" if closed else "open",
        "status_notes": words.outcome(case.outcome) if closed and case.outcome else words.state(case.state),
        "service_name": name,
        "service_code": case.category or None,
        "description": case.public_text or None,
        "agency_responsible": words.unit(case.unit_id) if case.unit_id and case.dispatched_at else None,
        "service_notice": notice,
        "requested_datetime": when(case.received_at),
        "updated_datetime": when(case.closed_at if closed else case.updated_at),
        "expected_datetime": None if closed else when(case.due_result or case.due_next),
        "address": area,
        "address_id": area_code,
        "zipcode": None,
        "lat": place[0] if place else None,
        "long": place[1] if place else None,
        "media_url": media_url(photos[0]) if photos else None,
    }
    if heads is not None:
        shown["extended_attributes"] = {
            "state": case.state,
            "outcome": case.outcome or None,
            "due_datetime": None if closed else when(case.due_result or case.due_next),
            "next_action": None if closed else next_action(case),
            "next_action_due": None if closed else when(case.due_next),
            "duplicate_of": heads.get(case.head_id) if case.head_id else None,
            "confirmed": {"solved": True, "partly": False, "not_solved": False, "nobody_came": False}.get(case.verdict),
            "media_urls": [media_url(photo) for photo in photos],
        }
    return shown


_NEXT = {
    "register": {State.RECEIVED},
    "dispatch": {State.REGISTERED, State.RETURNED},
    "decide": {State.ARBITRATION, State.CONTESTED},
    "work": {State.DISPATCHED, State.SIGNED, State.IN_PROGRESS},
    "wait": {State.SUSPENDED, State.JOINED},
    "review": {State.REPLIED},
    "tell": {State.REVIEWED},
    "confirm": {State.TOLD},
    "close": {State.ANSWERED, State.REFUSED, State.CONFIRMED},
}
NEXT_ACTIONS = tuple(_NEXT)
_NEXT_OF = {state: action for action, states in _NEXT.items() for state in states}


def next_action(case: Case) -> str:
    """What must be done next, as a word of `NEXT_ACTIONS`."""
    return _NEXT_OF[State(case.state)]


def media_url(photo: Attachment) -> str:
    """Where a released photo is read."""
    return settings.WASL_BASE_URL.rstrip("/") + reverse("open311:media", kwargs={"pk": photo.pk})


def updates(client: Client | None, start: datetime, end: datetime, first: int, count: int) -> list[dict[str, Any]]:
    """What happened to requests that may be read, from `start` to `end`, the earliest first."""
    known = shown_to(client)
    entries = list(
        Entry.objects.filter(at__range=(start, end), verb__in=PUBLIC_VERBS, case__in=known.order_by().values("pk"))
        .select_related("case")
        .order_by("at", "pk")[first : first + count]
    )
    data = {entry.pk: cases.data_of(entry) for entry in entries}
    leads = set(
        WorkOrder.objects.filter(
            pk__in=[d["order"] for d in data.values() if "order" in d], role=WorkOrder.Role.LEAD
        ).values_list("pk", flat=True)
    )
    words = dict(
        cases.public_remarks()
        .filter(pk__in=[d["remark"] for d in data.values() if "remark" in d])
        .values_list("pk", "body")
    )
    return [
        {
            "update_id": str(entry.pk),
            "service_request_id": entry.case.number,
            "status": "closed" if entry.case.closed_at is not None and entry.at >= entry.case.closed_at else "open",
            "updated_datetime": when(entry.at),
            "description": words.get(data[entry.pk].get("remark", 0)) or str(cases.label(entry.verb)),
            "external_status_code": entry.verb,
            "media_url": None,
        }
        for entry in entries
        if not entry.verb.startswith("order.") or data[entry.pk].get("order") in leads
    ]
