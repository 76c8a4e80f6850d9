"""The one door: a change of a case is checked, locked, recorded in its journal and written here, or not at all.

A verb in `actions` opens a change, says what happened with `record`, and hangs words (`remark`) and rows (`add`) on it.
Reactions listed in the wiring run inside the change. When the block ends, everything leaves in one statement.
"""

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from importlib import import_module
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.utils.translation import gettext as _

from wasl.core.cases import clocks, fold, queries, search
from wasl.core.cases.models import Case, Entry, Remark, State, WorkOrder
from wasl.core.cases.transitions import BY_VERB, CITIZEN, CLIENT, QUIET, STAFF, SYSTEM, possible
from wasl.core.catalogue import queries as catalogue
from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.models import Client, Staff
from wasl.kernel import chain, clock, rows


class NotAllowed(Exception):
    """The state of the case or a guard forbids it; the sentence says why and what is open instead."""


class StaleCase(Exception):
    """Somebody else changed the case since the screen was made; `since` holds the entries it has not seen."""

    def __init__(self, case: Case, since: list[Entry]) -> None:
        super().__init__(
            _("Somebody else changed this request in the meantime. Look at what happened, then decide again.")
        )
        self.case, self.since = case, since


@dataclass(frozen=True, slots=True)
class Citizen:
    """The requester himself, known by number and PIN, a signed link, or as the one who reports."""


@dataclass(frozen=True, slots=True)
class System:
    """The house itself, acting by a rule."""


By = Staff | Client | Citizen | System
THE_CITIZEN, THE_SYSTEM = Citizen(), System()


def kind_of(by: By) -> str:
    """citizen, staff, client or system."""
    match by:
        case Staff():
            return STAFF
        case Client():
            return CLIENT
        case Citizen():
            return CITIZEN
        case System():
            return SYSTEM


def actor_of(by: By) -> str:
    """What the journal says of who did it; no name."""
    return f"{kind_of(by)}:{by.pk}" if isinstance(by, Staff | Client) else kind_of(by)


Reaction = Callable[["Change", fold.Happening], None]


@lru_cache(maxsize=1)
def _wiring() -> Mapping[str, list[Reaction]]:
    table: Mapping[str, list[Reaction]] = import_module(settings.WASL_WIRING).REACTIONS
    return table


def digest(salt: bytes | memoryview, body: str) -> str:
    """What the journal holds of words: nothing can be told from it without salt and words together."""
    return sha256(bytes(salt) + body.encode()).hexdigest()


class Change:
    """What is being done to one case in one transaction."""

    def __init__(self, case: Case, by: By, orders: fold.Orders, *, new: bool = False) -> None:
        self.case, self.by, self.orders = case, by, orders
        self.at: datetime = clock.now()
        self.entries: list[Entry] = []
        self.new_rows: list[models.Model] = []
        self._new, self._moved = new, False
        self._before = {} if new else _columns(case)
        self._orders_before = {pk: _columns(order) for pk, order in orders.items()}

    def add(self, *rows: models.Model) -> None:
        """Rows to be inserted with this change."""
        self.new_rows.extend(rows)

    def remark(
        self, role: str, body: str, *, audience: str = Remark.Audience.INTERNAL, language: str = ""
    ) -> dict[str, Any]:
        """Keep words with the next entry; gives the reference for `record`. Empty words give an empty reference."""
        body = body.strip()
        if not body:
            return {}
        made = Remark(
            case=self.case,
            seq=self.case.seq + 1,
            role=role,
            audience=audience,
            body=body,
            salt=secrets.token_bytes(16),
            language=language,
            at=self.at,
        )
        self.add(made)
        return {"remark": made.pk, "digest": digest(made.salt, body)}

    def record(self, verb: str, **data: Any) -> Entry:
        """Append one entry, carry out what it means, run what is wired to it.

        Raises NotAllowed when the transition table does not have it.
        """
        row = BY_VERB[verb]
        if self._new and not self.entries:
            if verb != "case.received":
                raise NotAllowed(_("A request begins by being received."))
        elif not possible(row, State(self.case.state), lead=self._about_lead(data)):
            raise NotAllowed(
                _("“%(verb)s” is not possible while the request is “%(state)s”.")
                % {"verb": queries.label(verb), "state": State(self.case.state).label}
            )
        if kind_of(self.by) not in row.actors:
            raise NotAllowed(_("This is not for you to do."))
        happening = fold.Happening(verb, self.at, actor_of(self.by), {k: v for k, v in data.items() if v is not None})
        text = json.dumps(happening.data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        case = self.case
        seq = case.seq + 1
        prev = bytes(case.head_hash) if case.seq else chain.GENESIS
        made = chain.link(prev, chain=case.pk, seq=seq, at=self.at, actor=happening.actor, verb=verb, data=text)
        entry = Entry(case=case, seq=seq, at=self.at, actor=happening.actor, verb=verb, data=text, prev=prev, hash=made)
        self.entries.append(entry)
        self.new_rows.append(entry)
        fold.apply(case, self.orders, happening, row.to)
        case.seq, case.head_hash = seq, made
        if verb not in QUIET:
            case.version = seq
            self._moved = True
        for reaction in _wiring().get(verb, ()):
            reaction(self, happening)
        return entry

    def _about_lead(self, data: Mapping[str, Any]) -> bool:
        order = self.orders.get(data.get("order", 0))
        return order is None or order.role == WorkOrder.Role.LEAD

    def _write(self) -> None:
        if self._moved:
            set_clocks(self.case, self.orders)
        changed: list[tuple[models.Model, list[str]]] = []
        ended: list[tuple[models.Model, list[str]]] = []
        if self._new:
            self.new_rows.insert(0, self.case)
        elif names := _changed(self.case, self._before):
            changed.append((self.case, names))
        for pk, order in self.orders.items():
            before = self._orders_before.get(pk)
            if before is None:
                self.new_rows.append(order)
            elif names := _changed(order, before):
                ended.append((order, names))
        self.new_rows += search.texts_of(self.case, self.new_rows)
        # A lead order must have ended before the next one stands: parts of one statement have no order among
        # themselves.
        rows.write([], ended)
        rows.write(self.new_rows, changed, [self._notice()] if self.entries else [])

    def _notice(self) -> str:
        topics = [f"case:{self.case.pk}", "centre"]
        if self.case.unit_id:
            topics.append(f"unit:{self.case.unit_id}")
        topics += [f"unit:{o.unit_id}" for o in self.orders.values() if o.unit_id != self.case.unit_id]
        return rows.notice(sorted(set(topics))[:60], self.entries[-1].verb, case=self.case.pk, seq=self.case.seq)


def _columns(row: models.Model) -> dict[str, Any]:
    return {f.attname: getattr(row, f.attname) for f in row._meta.local_concrete_fields}


def _changed(row: models.Model, before: Mapping[str, Any]) -> list[str]:
    return [f.name for f in row._meta.local_concrete_fields if getattr(row, f.attname) != before[f.attname]]


def set_clocks(case: Case, orders: fold.Orders) -> None:
    """Compute the due dates anew from the clock facts; on the orders too. The unit's clocks run by its calendar."""
    rule = catalogue.of_number(case.edition).deadline(case.category, case.kind, case.urgency)
    standing = fold.lead(orders)
    unit = organisation.unit_of(standing.unit_id) if standing and "start" in case.clock else None
    calendar = organisation.calendar_of_unit(unit)
    due = clocks.compute(case.clock, rule, calendar)
    case.due_centre, case.due_sign, case.due_contact, case.due_result = due.centre, due.sign, due.contact, due.result
    case.due_next = due.next
    for order in orders.values():
        if order.state in WorkOrder.LIVE:
            signed = order.signed_at and order.signed_at.isoformat()
            facts = {"start": order.dispatched_at.isoformat(), "signed": signed}
            order.due_sign = clocks.compute(facts, rule, calendar).sign
            order.due_result = due.result


@contextmanager
def changing(
    case: Case, *, by: By, verb: str, seen: int | None = None, order: WorkOrder | None = None
) -> Iterator[Change]:
    """Lock the case and let the block change it by `verb`; `seen` is the version on the screen of whoever asks.

    Raises Forbidden (no right, not in scope), StaleCase (`seen` is old), NotAllowed (state or guard). `case` and
    `order` as given are brought up to date when the block has ended well.
    """
    with transaction.atomic():
        held = Case.objects.select_for_update().get(pk=case.pk)
        orders = {o.pk: o for o in WorkOrder.objects.filter(case=held).order_by("pk")}
        if isinstance(by, Staff):
            queries.check_scope(by, verb, held, orders, order.pk if order else None)
        if seen is not None and seen != held.version:
            since = list(Entry.objects.filter(case=held, seq__gt=seen).exclude(verb__in=QUIET).order_by("seq"))
            raise StaleCase(held, since)
        change = Change(held, by, orders)
        yield change
        change._write()
    for given, fresh in ((case, held), (order, orders.get(order.pk) if order else None)):
        if given is not None and fresh is not None:
            for field in given._meta.local_concrete_fields:
                setattr(given, field.attname, getattr(fresh, field.attname))


@contextmanager
def beginning(case: Case, *, by: By, verb: str = "case.received") -> Iterator[Change]:
    """As `changing`, for a case that is not yet: the block's first `record` must be that it was received.

    Written in one statement; outside a transaction that is the whole transaction.
    """
    if isinstance(by, Staff) and not rights.may(by, verb):
        raise rights.Forbidden(_("Your post does not include this."))
    change = Change(case, by, {}, new=True)
    yield change
    change._write()


__all__ = [
    "THE_CITIZEN",
    "THE_SYSTEM",
    "By",
    "Change",
    "Citizen",
    "NotAllowed",
    "StaleCase",
    "System",
    "actor_of",
    "beginning",
    "changing",
    "digest",
    "kind_of",
    "set_clocks",
]
