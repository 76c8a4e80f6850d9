"""Loads a demo city from its folder: organisation, rule book, templates, people at every desk, one key for Open311.

Runs in one transaction and only into a data base without units.
"""

import csv
import json
import secrets
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import transaction

from wasl.core.catalogue import actions as catalogue
from wasl.core.catalogue import book
from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.models import Area, Calendar, City, Client, Post, Staff, Unit
from wasl.kernel import clock
from wasl.kernel.names import LANGUAGES
from wasl.services.articles import actions as articles
from wasl.services.calls import line, setting
from wasl.services.calls.models import Profile
from wasl.services.enquiries import definitions, loading
from wasl.services.enquiries.models import DataSet, Enquiry
from wasl.services.messages.models import Template
from wasl.services.quality import actions as quality
from wasl.services.texts.actions import HOUSE
from wasl.services.texts.models import Client as Sender
from wasl.services.texts.models import Klass
from wasl.site.demo import dialogue

CITIES = Path(__file__).parent


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    """Rows of one CSV file of the city."""
    with (folder / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def names(row: dict[str, Any], prefix: str = "name") -> dict[str, str]:
    """The three names of a row."""
    return {language: str(row.get(f"{prefix}_{language}", "")) for language in LANGUAGES}


@transaction.atomic
def load(city: str) -> dict[str, Any]:
    """Load `city`; gives sign-ins and the Open311 key, which are kept nowhere else.

    Raises FileNotFoundError, ValueError.
    """
    folder = CITIES / city
    if not (folder / "city.json").exists():
        there = sorted(p.name for p in CITIES.iterdir() if (p / "city.json").exists())
        raise FileNotFoundError(f"there is no demo city {city}; there is: {', '.join(there)}")
    if Unit.objects.exists():
        raise ValueError("the data base has an organisation already")
    facts = json.loads((folder / "city.json").read_text())
    City.objects.create(
        names=names(facts),
        hotline=facts["hotline"],
        region=facts["region"],
        bounds=facts["bounds"],
        near_border_m=facts["near_border_m"],
    )
    _calendars(folder)
    units = _units(folder)
    areas = _areas(folder)
    organisation.forget()
    password = "wasl-" + secrets.token_hex(4)
    sign_ins = _staff(folder, units, areas, password)
    edition = catalogue.draft(by=None, note=city, sheets={sheet: rows(folder, sheet) for sheet in book.COLUMNS})
    catalogue.publish(edition, by=None)
    Template.objects.bulk_create(
        Template(event=r["event"], channel=r["channel"], language=r["language"], subject=r["subject"], body=r["body"])
        for r in rows(folder, "templates")
    )
    _enquiries(folder)
    articles.load(json.loads((folder / "articles.json").read_text()))
    _telephone()
    dialogue.load(folder)
    Sender.objects.create(code=HOUSE, name="Wasl", sender=facts["sms_sender"], best=Klass.URGENT, told=True)
    key = secrets.token_urlsafe(24)
    Client.objects.create(name="Open311 demo", key_digest=sha256(key.encode()).digest(), trusted=True)
    return {"city": facts, "open311_key": key, "sign_ins": sign_ins}


def _calendars(folder: Path) -> None:
    for row in json.loads((folder / "calendars.json").read_text()):
        Calendar.objects.create(
            code=row["code"],
            names=names(row),
            timezone=row["timezone"],
            country=row.get("country", ""),
            weekly=row["weekly"],
            ramadan_weekly=row.get("ramadan_weekly") or {},
            exceptions=row.get("exceptions") or {},
        )


def _units(folder: Path) -> dict[str, Unit]:
    calendars = {calendar.code: calendar for calendar in Calendar.objects.all()}
    waiting = rows(folder, "units")
    made: dict[str, Unit] = {}
    while waiting:
        ready = [row for row in waiting if not row["parent"] or row["parent"] in made]
        if not ready:
            raise ValueError(f"units without a known parent: {', '.join(row['code'] for row in waiting)}")
        for row in ready:
            unit = Unit(
                code=row["code"],
                parent=made.get(row["parent"]),
                kind=row["kind"],
                names=names(row),
                mail=row["mail"],
                phone=row["phone"],
                calendar=calendars.get(row["calendar"]),
                delivery=row["delivery"] or Unit.Delivery.LIST,
            )
            unit.path = unit.path_below(unit.parent)
            unit.save(force_insert=True)
            made[row["code"]] = unit
        waiting = [row for row in waiting if row["code"] not in made]
    return made


def _areas(folder: Path) -> dict[str, Area]:
    features = json.loads((folder / "areas.geojson").read_text())["features"]
    made: dict[str, Area] = {}
    for feature in sorted(features, key=lambda f: bool(f["properties"].get("parent"))):
        facts = feature["properties"]
        made[facts["code"]] = Area.objects.create(
            code=facts["code"],
            parent=made.get(facts.get("parent") or ""),
            kind=facts["kind"],
            names=names(facts),
            geometry=feature["geometry"],
        )
    return made


def _staff(folder: Path, units: dict[str, Unit], areas: dict[str, Area], password: str) -> list[dict[str, str]]:
    hashed = make_password(password)
    now = clock.now()
    sign_ins = []
    for row in rows(folder, "staff"):
        staff = Staff.objects.filter(username=row["username"]).first()
        if staff is None:
            staff = Staff.objects.create(
                username=row["username"],
                names=names(row),
                email=row["mail"],
                phone=row["phone"],
                language=row["language"],
                password=hashed,
            )
        kind, _, code = row["scope"].partition(":")
        Post.objects.create(
            staff=staff,
            role=row["role"],
            unit=units[code] if kind == "unit" else None,
            area=areas[code] if kind == "area" else None,
            since=now,
        )
        sign_ins.append({"role": row["role"], "scope": row["scope"], "username": row["username"], "password": password})
    return sign_ins


def _telephone() -> None:
    """Whoever of the centre may answer the telephone can take a seat, with Arabic, English and his own language."""
    setting.begin()
    quality.begin()
    for staff in Staff.objects.order_by("pk"):
        if rights.scopes(staff, "phone.answer").centre:
            languages = sorted({"ar", "en", staff.language[:2]})
            topics = "شكاوى تُعاد، complaints that come back" if "second_line" in rights.roles_of(staff) else ""
            Profile.objects.create(staff=staff, languages=languages, queues=[line.FIRST], topics=topics)


def _enquiries(folder: Path) -> None:
    """Made-up fines, registrations and visa applications, and what may be asked about them and about cases."""
    known = json.loads((folder / "enquiries.json").read_text())
    sets: dict[str, DataSet] = {}
    for row in known["data_sets"]:
        made = DataSet.objects.create(
            code=row["code"], names=names(row), columns=row["columns"], key=row["key"],
            owner_column=row.get("owner_column", ""), pin_column=row.get("pin_column", ""),
        )  # fmt: skip
        loading.load(made, loading.prepare(made, enumerate(rows(folder, row["file"]), 2)).rows, whole=True)
        sets[row["code"]] = made
    for row in known["enquiries"]:
        fields = [
            {"kind": one["kind"], "example": one["example"], "labels": names(one, "label")} for one in row["fields"]
        ]
        Enquiry.objects.create(
            code=row["code"], names=names(row), fields=fields, who=row["who"], source=row["source"],
            data_set=sets.get(row.get("data_set", "")), replies=row["replies"], active=True,
        )  # fmt: skip
    definitions.forget()
