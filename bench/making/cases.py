"""A million cases in some minutes: plausible rows of every table that a case touches, by COPY.

They did not happen: no verb made them, their hashes prove nothing. What is true to life is how many there are, how they
spread over categories, units, areas, states and years, how long their texts are, and what refers to what.
"""

import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

from django.db import connection, models
from shapely.geometry import shape

from bench.making.words import LANGUAGES, Text, texts
from wasl.core.cases import routing
from wasl.core.cases.models import Case, Entry, Remark, SearchText, WorkOrder
from wasl.core.catalogue import queries as catalogue
from wasl.core.contacts.models import Contact
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Area, Post, Staff, Unit
from wasl.core.people import queries as people
from wasl.core.people.models import Address, Person
from wasl.kernel import acceptance, clock, seal, terms
from wasl.kernel.ids import new_id
from wasl.services.messages.models import Message

AT_ONCE = 20_000
YEARS = 5
# Of 219 kinds of requests to a city's line (Baltimore 311, 2014-2018) the first forty have these shares in a hundred.
SHARES = (
    16.3, 8.9, 7.0, 3.9, 3.9, 3.1, 2.8, 2.8, 2.4, 2.3, 1.7, 1.6, 1.5, 1.4, 1.1, 1.1, 1.1, 1.1, 1.0, 1.0,
    0.9, 0.9, 0.9, 0.9, 0.9, 0.8, 0.7, 0.7, 0.7, 0.7, 0.7, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6,
)  # fmt: skip
# Days from report to end there, at these quantiles; a twentieth is open.
LASTS = (0.02, 0.1, 0.5, 1.7, 7.2, 28.0, 48.8, 201.8)
CHANNELS = {"phone": 50, "open311": 20, "web": 20, "unit": 6, "mail": 4}
OPEN = {
    "received": 4, "registered": 3, "dispatched": 14, "signed": 12, "in_progress": 34, "suspended": 6, "returned": 1,
    "arbitration": 0.5, "replied": 7, "reviewed": 2, "told": 8, "contested": 2, "answered": 0.5, "refused": 0.5,
    "confirmed": 1, "joined": 4.5,
}  # fmt: skip
OPEN_SHARE = 0.05
# The unit that gets the most is far behind: this share of all it ever got is open.
BEHIND_SHARE = 0.2
NEW_PERSON, KNOWN_PERSON = 0.5, 0.35
_GIVEN = {
    "ar": ("محمد أحمد سالم خالد مريم فاطمة عائشة سعيد ناصر هلال بدر زينب راشد حمد علي يوسف منى سعاد إبراهيم طلال"),
    "en": "Aisha Salim Khalid John Priya Raj Maria Ahmed Fatma Hamed Nasser Anita Joseph Zahra Badr Sunil",
    "zh": "王 李 张 刘 陈 杨 黄 赵 吴 周",
}
_FAMILY = {
    "ar": ("البلوشي الحارثي الهنائي الرواحي السيابي الكندي المعمري الزدجالي اللواتي العامري الشكيلي البوسعيدي"),
    "en": "Al-Balushi Al-Harthy Kumar Singh Fernandes Al-Hinai Thomas Al-Lawati Khan Nair Al-Busaidi",
    "zh": "小明 伟 芳 娜 秀英 敏 静 丽 强 磊",
}
RARE = {"en": "quagga", "ar": "زرافة", "zh": "麒麟"}
"""A word that stands in three texts of its language, and in no other."""
_LINE = {
    "registered": 1, "answered": 1, "joined": 1, "refused": 1, "dispatched": 2, "arbitration": 2, "returned": 2,
    "signed": 3, "in_progress": 4, "suspended": 4, "replied": 5, "reviewed": 6, "told": 7, "contested": 7,
    "confirmed": 8, "closed": 9,
}  # fmt: skip
_VERBS = (
    "case.received", "case.registered", "case.dispatched", "order.signed", "order.started", "order.replied",
    "case.reviewed", "case.told", "case.confirmed", "case.closed",
)  # fmt: skip


def _copy(tables: list[tuple[str, str]]) -> None:
    with connection.cursor() as cursor:
        for sql, rows in tables:
            with cursor.copy(sql) as copy:
                copy.write(rows)


def _hang_up() -> None:
    # Each thread has a connection of its own.
    connection.close()


_REFS = {
    "order.signed": '{"order":ORDER}', "order.started": '{"order":ORDER}',
    "order.replied": '{"order":ORDER,"outcome":"fixed"}',
    "case.told": '{"answer_within":"5wd"}', "case.confirmed": '{"medium":"web","verdict":"solved"}',
}  # fmt: skip


@dataclass(frozen=True)
class Made:
    """What there is to look for: one case's number, phone numbers, names, and how many cases there are."""

    cases: int
    numbers: Sequence[str]
    phones: Sequence[str]
    names: Sequence[str]


def _field(value: object) -> str:
    """A value as the text form of COPY."""
    match value:
        case None:
            return r"\N"
        case bool():
            return "t" if value else "f"
        case bytes() | memoryview():
            return r"\\x" + bytes(value).hex()
        case datetime():
            return value.isoformat()
        case dict() | list():
            return _escaped(json.dumps(value, ensure_ascii=False))
    return _escaped(str(value))


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace("\t", r"\t").replace("\r", r"\r")


class _Table:
    """Rows of one model on their way to COPY: the named columns vary, the others have what a new row has."""

    def __init__(self, blank: models.Model, *varying: str) -> None:
        fields = blank._meta.local_concrete_fields
        self.sql = f'COPY "{blank._meta.db_table}" ({", ".join(str(f.column) for f in fields)}) FROM STDIN'
        known = {f.attname for f in fields}
        if unknown := set(varying) - known:
            raise LookupError(f"{blank._meta.db_table} has no {unknown}")
        self._line = "\t".join(
            f"%({f.attname})s" if f.attname in varying else _field(getattr(blank, f.attname)).replace("%", "%%")
            for f in fields
        )
        self._rows: list[str] = []

    def add(self, **values: object) -> None:
        """One row; the values are in the text form of COPY already."""
        self._rows.append(self._line % values)

    def taken(self) -> tuple[str, str]:
        """The statement and what it copies; the table is empty then."""
        rows, self._rows = self._rows, []
        return self.sql, "\n".join([*rows, ""])


class _Crowd:
    """The people who report: some once, some often."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.persons = _Table(
            Person(created_at=clock.now()), "id", "name_sealed", "name_words", "language", "created_at"
        )
        self.addresses = _Table(
            Address(medium="phone", source="phone", hint="•••• 5678", created_at=clock.now()),
            "id", "person_id", "value_sealed", "look_up", "created_at",
        )  # fmt: skip
        self.known: list[int] = []
        self.phones: list[str] = []
        self.names: dict[str, tuple[str, str]] = {}
        self.sealed = _field(seal.seal("+96892345678"))

    def one(self, base: int, language: str, at: str) -> str:
        """The id of who reports, written if he is new, in the text form of COPY."""
        chance = self.draw.random()
        if chance < KNOWN_PERSON and self.known:
            # The square lets some report very often.
            return str(self.known[int(len(self.known) * self.draw.random() ** 2)])
        if chance > NEW_PERSON + KNOWN_PERSON:
            return r"\N"
        given, family = self.draw.choice(_GIVEN[language].split()), self.draw.choice(_FAMILY[language].split())
        name = given + family if language == "zh" else f"{given} {family}"
        if name not in self.names:
            words = ",".join(map(str, people.name_index(name)))
            self.names[name] = (_field(seal.seal(name)), f"{{{words}}}")
        sealed, words = self.names[name]
        self.persons.add(id=base + 1, name_sealed=sealed, name_words=words, language=language, created_at=at)
        phone = f"+9689{self.draw.randrange(10**7):07d}"
        self.addresses.add(
            id=base + 2, person_id=base + 1, value_sealed=self.sealed, created_at=at,
            look_up=_field(people.index_of("phone", phone)),
        )  # fmt: skip
        self.known.append(base + 1)
        if len(self.phones) < 1000:
            self.phones.append(phone)
        return str(base + 1)


class Maker:
    """Makes cases, `AT_ONCE` at a time."""

    def __init__(self, count: int) -> None:
        self.count, self.draw = count, random.Random(20_261_122)
        self.now = clock.now()
        book = catalogue.in_force()
        self.book = book
        leaves = sorted(book.leaves, key=lambda c: (c.conduct, c.confidential, c.code))
        self.categories = leaves
        shares = [*SHARES, *([0.07] * len(leaves))][: len(leaves)]
        self.category_weights = list(accumulate(shares))
        self.areas = [a for a in organisation.areas()[1].values() if not Area.objects.filter(parent=a).exists()]
        self.points = {a.pk: shape(a.geometry).representative_point() for a in self.areas}
        self.units = {(c.code, a.pk): self._unit_of(c.code, a) for c in leaves for a in self.areas}
        self.area_weights = [1 / (n + 1.5) for n in range(len(self.areas))]
        expected: Counter[int] = Counter()
        for category, share in zip(leaves, shares, strict=True):
            for area, weight in zip(self.areas, self.area_weights, strict=True):
                expected[self.units[category.code, area.pk].pk] += int(1e6 * share * weight)
        self.behind = expected.most_common(1)[0][0]
        self.texts = texts(leaves, max(300, min(6000, count // 50)), self.draw)
        # Units answer in fewer words than people ask.
        self.said = texts(leaves, max(100, min(1500, count // 200)), self.draw, shorter=2)
        self.agents = list(Staff.objects.filter(posts__role="agent").values_list("pk", flat=True)) or [
            Staff.objects.order_by("pk").values_list("pk", flat=True)[0]
        ]
        officers = Post.objects.filter(role="officer").values_list("unit", "staff")
        self.officers = dict(officers)
        self.crowd = _Crowd(self.draw)
        self.base = 2**60 + new_id() * 2**10
        self.serial = 1_000_000
        self.cases = _Table(
            Case(edition=book.number, medium="web", clock={"rule": book.deadlines[0].rule}, seq=10, version=10,
                 head_hash=bytes(32), received_at=self.now, updated_at=self.now),
            "id", "number", "state", "kind", "category", "urgency", "outcome", "confidential", "requester_id", "medium",
            "language", "lat", "lon", "address", "area_id", "unit_id", "owner_id", "received_at", "registered_at",
            "dispatched_at", "replied_at", "told_at", "closed_at", "verdict", "due_centre", "due_result", "due_next",
            "updated_at",
        )  # fmt: skip
        self.contacts = _Table(
            Contact(salt=bytes(16), at=self.now), "id", "case_id", "person_id", "medium", "at", "language", "body"
        )
        self.orders = _Table(
            WorkOrder(role="lead", dispatched_at=self.now),
            "id", "case_id", "unit_id", "state", "dispatched_at", "ended_at", "due_result",
        )  # fmt: skip
        self.remarks = _Table(
            Remark(seq=1, role="reply", salt=bytes(16), at=self.now), "id", "case_id", "seq", "role", "body", "at"
        )
        self.entries = _Table(
            Entry(at=self.now, prev=bytes(32), hash=bytes(32)), "id", "case_id", "seq", "at", "actor", "verb", "data"
        )
        self.found = _Table(SearchText(), "id", "case_id", "words")
        self.messages = _Table(
            Message(event="received", channel="mail", state="sent", due_at=self.now, made_at=self.now),
            "id", "case_id", "person_id", "stage", "made_at", "sent_at",
        )  # fmt: skip
        self.numbers: list[str] = []

    def _unit_of(self, category: str, area: Area) -> Unit:
        place = routing.locate(None, None, area)
        return routing.route(self.book, category, place, self.now).unit or organisation.centre()

    def make(self) -> Made:
        """All of them. Nothing else may write meanwhile."""
        tables = (self.crowd.persons, self.crowd.addresses, self.cases, self.contacts, self.orders, self.remarks)
        with connection.cursor() as cursor, _bare(cursor), ThreadPoolExecutor(1) as sender:
            sent = sender.submit(_copy, [])
            for first in range(0, self.count, AT_ONCE):
                self._some(first, min(first + AT_ONCE, self.count))
                taken = [table.taken() for table in (*tables, self.entries, self.found, self.messages)]
                # While the server takes these in, the next ones are made.
                sent.result()
                sent = sender.submit(_copy, taken)
            sent.result()
            sender.submit(_hang_up).result()
        return Made(self.count, self.numbers, self.crowd.phones, list(self.crowd.names))

    def _some(self, first: int, last: int) -> None:
        draw, count = self.draw, last - first
        categories = draw.choices(self.categories, cum_weights=self.category_weights, k=count)
        areas = draw.choices(self.areas, weights=self.area_weights, k=count)
        languages = draw.choices(LANGUAGES, weights=(62, 33, 5), k=count)
        media = draw.choices(list(CHANNELS), weights=list(CHANNELS.values()), k=count)
        states = draw.choices(list(OPEN), weights=list(OPEN.values()), k=count)
        whole = timedelta(days=365 * YEARS)
        for n, category, area, language, medium, state in zip(
            range(first, last), categories, areas, languages, media, states, strict=True
        ):
            # The later, the more: the line becomes known.
            received = self.now - whole * (1 - (n / self.count) ** 0.8) - timedelta(minutes=draw.random() * 30)
            age = self.now - received
            lasts = timedelta(days=_quantile(LASTS, draw.random()))
            # Of old ones few are open still.
            still = draw.random() < OPEN_SHARE * 12 * (0.5 ** (age / timedelta(days=60))) + 0.003
            if self.units[category.code, area.pk].pk == self.behind and draw.random() < BEHIND_SHARE:
                still, state = True, draw.choice(("dispatched", "signed", "in_progress", "in_progress"))
            if not still:
                state = "closed"
                received = min(received, self.now - timedelta(hours=2))
                lasts = min(lasts, self.now - received)
            self._case(n, category, area, language, medium, state, received, received + lasts)

    def _case(
        self, n: int, category: Any, area: Area, language: str, medium: str, state: str, at: datetime, end: datetime
    ) -> None:
        draw, base = self.draw, self.base + n * 64
        received, ended = at.isoformat(), end.isoformat()
        closed = state == "closed"
        person = self.crowd.one(base, language, received)
        text = draw.choice(self.texts[language])
        point, house, way = self.points[area.pk], draw.randrange(1, 6000), draw.randrange(100, 9000)
        address = f"{house} Way {way}"
        words, vector = text.words, f"{text.vector} 'way':901 '{house}':900 '{way}':902"
        if n % (self.count // 9) == 5 and (rare := RARE[language]) not in words and n // (self.count // 9) < 9:
            words, vector = f"{rare} {words}", f"{vector} {terms.vector(rare)}"
        unit = self.units[(category.code, area.pk)]
        done = _LINE.get(state, 0)
        dispatched = done >= 2
        due = self.now + timedelta(days=draw.uniform(-12, 12) if draw.random() < 0.8 else draw.uniform(-90, 60))
        open_due = r"\N" if closed or state == "joined" else due.isoformat()
        serial = self.serial = self.serial + 1
        number = acceptance.make(serial, at.year)
        if len(self.numbers) < 1000 and n % max(1, self.count // 1000) == 0:
            self.numbers.append(number)
        order, lead = base + 5, _LEAD.get(state, "done")
        self.cases.add(
            id=base, number=number, state=state, kind=category.kinds[0], category=category.code,
            urgency="urgent" if draw.random() < 0.08 else "normal", outcome="fixed" if done >= 5 else "",
            confidential="t" if category.confidential or category.conduct else "f", requester_id=person, medium=medium,
            language=language, lat=point.y + draw.uniform(-0.02, 0.02), lon=point.x + draw.uniform(-0.02, 0.02),
            address=address, area_id=area.pk, unit_id=unit.pk, owner_id=draw.choice(self.agents), received_at=received,
            registered_at=received if done >= 1 else r"\N", dispatched_at=received if dispatched else r"\N",
            replied_at=ended if done >= 5 else r"\N", told_at=ended if done >= 7 else r"\N",
            closed_at=ended if closed else r"\N", verdict="solved" if closed and draw.random() < 0.6 else "",
            due_centre=open_due if not dispatched or done >= 5 else r"\N",
            due_result=open_due if dispatched and done < 5 else r"\N", due_next=open_due,
            updated_at=ended if closed else received,
        )  # fmt: skip
        self.contacts.add(
            id=base + 4, case_id=base, person_id=person, medium=medium, at=received, language=language,
            body=_escaped(words),
        )  # fmt: skip
        self.found.add(id=base + 4, case_id=base, words=vector)
        if dispatched and state not in ("returned", "arbitration"):
            self.orders.add(
                id=order, case_id=base, unit_id=unit.pk, state=lead, dispatched_at=received,
                ended_at=ended if done >= 5 else r"\N", due_result=open_due if done < 5 else r"\N",
            )  # fmt: skip
        first = json.dumps(
            {
                "contact": base + 4, "number": number, "medium": medium, "edition": self.book.number,
                "language": language, "channel": "web", "category": category.code, "kind": category.kinds[0],
                "urgency": "normal", "rule": self.book.deadlines[0].rule, "area": area.pk, "unit": unit.pk,
                **({} if person == r"\N" else {"requester": int(person)}),
            }
        )  # fmt: skip
        self._story(base, first, done, received, ended, language, unit.pk, draw)
        if person != r"\N":
            self.messages.add(
                id=base + 40,
                case_id=base,
                person_id=person,
                stage=f"{base}:received",
                made_at=received,
                sent_at=received,
            )

    def _story(
        self, base: int, first: str, done: int, received: str, ended: str, language: str, unit: int, draw: random.Random
    ) -> None:
        agent, officer = f"staff:{self.agents[0]}", f"staff:{self.officers.get(unit, self.agents[0])}"
        data: Text
        for seq in range(1, done + 2):
            verb, refs = _VERBS[seq - 1], _REFS.get(_VERBS[seq - 1], "{}").replace("ORDER", str(base + 5))
            if seq == 1:
                refs = first
            elif seq == 3:
                refs = f'{{"orders":[{{"id":{base + 5},"unit":{unit},"role":"lead"}}]}}'
            elif seq == 6 or (seq == 7 and draw.random() < 0.3):
                data = draw.choice(self.said[language])
                refs = f'{{"order":{base + 5},"outcome":"fixed","remark":{base + 10 + seq}}}'
                self.remarks.add(
                    id=base + 10 + seq, case_id=base, seq=seq, role="reply" if seq == 6 else "note",
                    body=_escaped(data.words), at=ended,
                )  # fmt: skip
                self.found.add(id=base + 10 + seq, case_id=base, words=data.vector)
            self.entries.add(
                id=base + 20 + seq, case_id=base, seq=seq, at=received if seq <= 3 else ended,
                actor="citizen" if seq in (1, 9) else officer if seq in (4, 5, 6) else agent, verb=verb, data=refs,
            )  # fmt: skip


_LEAD = {"dispatched": "dispatched", "signed": "signed", "in_progress": "in_progress", "suspended": "in_progress",
         "replied": "replied", "reviewed": "replied"}  # fmt: skip


def _quantile(known: Sequence[float], where: float) -> float:
    at = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
    before, before_at = 0.0, 0.0
    for value, place in zip(known, at, strict=True):
        if where <= place:
            return before + (value - before) * (where - before_at) / (place - before_at)
        before, before_at = value, place
    return before


@contextmanager
def _bare(cursor: Any) -> Iterator[None]:
    """The tables are without foreign keys and indexes meanwhile: keeping them up row by row takes ten times as long."""
    tables = [
        model._meta.db_table
        for model in (Person, Address, Case, Contact, WorkOrder, Remark, Entry, SearchText, Message)
    ]
    cursor.execute("SET maintenance_work_mem = '512MB'; SET synchronous_commit = off; SET statement_timeout = 0")
    cursor.execute(
        "SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE contype = 'f' AND conrelid = ANY(%s::regclass[])",
        [tables],
    )
    keys = cursor.fetchall()
    cursor.execute(
        "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i"
        " WHERE i.indrelid = ANY(%s::regclass[]) AND NOT EXISTS"
        " (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u'))",
        [tables],
    )
    indexes = cursor.fetchall()
    for table, name, _definition in keys:
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    for name, _definition in indexes:
        cursor.execute(f"DROP INDEX {name}")
    try:
        yield
    finally:
        for _name, definition in indexes:
            cursor.execute(definition)
        for table, name, definition in keys:
            cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition} NOT VALID")


def make(count: int) -> Made:
    """Fill the data base with `count` cases and let the planner know them."""
    made = Maker(count).make()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return made


__all__ = ["RARE", "Made", "make"]
