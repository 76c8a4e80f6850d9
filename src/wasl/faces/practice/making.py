"""Makes the practice: loads what the house gave, and invents people and cases in the states that one practises on.

Everything goes through the verbs that the house uses, in the practice's own data base.
"""

import json
import random
from pathlib import Path

from django.core import serializers
from django.db import connection, transaction

from wasl.core.cases import actions
from wasl.core.cases.change import THE_CITIZEN
from wasl.core.cases.models import WorkOrder
from wasl.core.catalogue import queries as catalogue
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Area, Post, Staff, Unit
from wasl.core.people.actions import Reach
from wasl.kernel import clock
from wasl.kernel.ids import BLOCK
from wasl.kernel.names import local
from wasl.services.learning.practice import Trainee

FIRST_SERIAL = 900_000_000
"""Practice numbers have nine digits between year and check digits and begin with 9, as in 26 900000128 42."""
CASES = 24
FOR_A_UNIT = 4
_NAMES = {"en": "Practice", "ar": "تدريب", "zh": "练习"}
_BODIES = (
    "Made up for practice: {what}. It has been like this for three days.",
    "حالة تدريبية غير حقيقية: {what}. الوضع كذلك منذ ثلاثة أيام.",
)


@transaction.atomic
def load(world: Path) -> int:
    """Fill an empty practice; gives the number of made-up cases. Raises ValueError where an organisation is."""
    if Unit.objects.exists():
        raise ValueError("this data base has an organisation already")
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval('wasl_serial_block', %s, false)", [FIRST_SERIAL // BLOCK])
    for row in serializers.deserialize("json", json.dumps(json.loads(world.read_text()))):
        row.save()
    organisation.forget()
    catalogue.forget()
    centre = _person("practice-centre", "dispatcher", None)
    leaves = sorted(catalogue.in_force().leaves, key=lambda category: category.code)
    chosen = random.Random(7).sample(leaves, min(CASES, len(leaves)))  # noqa: S311 - made-up cases, no secret
    for number, category in enumerate(chosen):
        case = _case(category.code, number)
        if number % 3:
            _send(case, centre, None)
    return len(chosen)


def _person(username: str, role: str, unit: Unit | None) -> Staff:
    staff, _new = Staff.objects.get_or_create(username=username, defaults={"names": _NAMES})
    staff.set_unusable_password()
    staff.save(update_fields=["password"])
    Post.objects.get_or_create(staff=staff, role=role, unit=unit, defaults={"since": clock.now()})
    return staff


def _case(code: str, number: int) -> actions.Receipt:
    names = catalogue.in_force().categories[code].names
    language = ("en", "ar")[number % 2]
    body = _BODIES[number % 2].format(what=local(names, language))
    who = Reach(
        name=f"{_NAMES[language]} {number + 1}", mail=f"citizen{number + 1}@practice.invalid", language=language,
        channel="mail",
    )  # fmt: skip
    areas = sorted(organisation.areas()[1].values(), key=lambda area: area.code)
    area = areas[number % len(areas)] if areas else None
    return actions.receive(actions.Report(medium="web", body=body, category=code, reach=who, area=area), by=THE_CITIZEN)


def _send(receipt: actions.Receipt, centre: Staff, unit: Unit | None) -> None:
    try:
        with transaction.atomic():
            actions.register(receipt.case, by=centre, category=receipt.case.category)
            actions.dispatch(receipt.case, by=centre, unit=unit)
    except actions.NotAllowed:
        # No rule says where it goes: so it waits to be dispatched, which is practice too.
        return


@transaction.atomic
def welcome(trainee: Trainee) -> Staff:
    """The trainee's own account here, with his posts as in the house, and work for his unit if it has none."""
    staff, _new = Staff.objects.get_or_create(
        username=f"trainee-{trainee.pk}", defaults={"names": trainee.names, "language": trainee.language}
    )
    if not staff.password:
        staff.set_unusable_password()
        staff.save(update_fields=["password"])
    units, areas = organisation.units(), organisation.areas()[1]
    kept = []
    for given in trainee.posts:
        unit, area = units.get(given["unit"]), areas.get(given["area"])
        if (given["unit"] and unit is None) or (given["area"] and area is None):
            continue
        kept.append(_post(staff, given["role"], unit, area).pk)
        if given["role"] == "officer" and unit is not None:
            _work_for(unit)
    Post.objects.filter(staff=staff).exclude(pk__in=kept).delete()
    return staff


def _post(staff: Staff, role: str, unit: Unit | None, area: Area | None) -> Post:
    post, _new = Post.objects.get_or_create(
        staff=staff, role=role, unit=unit, area=area, defaults={"since": clock.now()}
    )
    return post


def _work_for(unit: Unit) -> None:
    there = WorkOrder.objects.filter(unit=unit, state__in=WorkOrder.LIVE).count()
    centre = _person("practice-centre", "dispatcher", None)
    leaves = sorted(catalogue.in_force().leaves, key=lambda category: category.code)
    for number in range(there, FOR_A_UNIT):
        receipt = _case(leaves[(unit.pk + number) % len(leaves)].code, number)
        _send(receipt, centre, unit)
