"""What administrators set of the gateway: operators, connections, routes, rules of classes, ported numbers."""

import csv
import io
import re
import struct
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias

from django.db import connection, transaction
from django.utils.translation import gettext as _

from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.actions.audit import Refused, facts_of, note
from wasl.core.organisation.models import Staff
from wasl.kernel import clock, phone, seal
from wasl.kernel.digits import to_ascii_digits
from wasl.services.texts import queries
from wasl.services.texts.actions import wake
from wasl.services.texts.models import Bind, KlassRule, Operator, Ported, PortedDraft, Route

EDIT = "sms.edit"
Setting: TypeAlias = Operator | Bind | Route | KlassRule
MOST_LINES = 200_000
_PACKED = struct.Struct(">16sq")
_WRITTEN = re.compile(r"\+[1-9][0-9]{6,14}")
_KEPT_WRONG = 50


def save(row: Setting, *, by: Staff, password: str = "") -> None:
    """Keep a row as it was filled in and checked by its form; the gateway follows within seconds.

    `password`: of a connection, empty leaves it. It is sealed and never shown again.
    """
    rights.require(by, EDIT)
    if password and isinstance(row, Bind):
        row.password_sealed = seal.seal(password, place="bind")
    with transaction.atomic():
        before = type(row)._default_manager.select_for_update().filter(pk=row.pk).first()
        row.save()
        verb = f"{row._meta.model_name}.{'changed' if before else 'made'}"
        more = {"password": "new"} if password else {}
        note(by, verb, row, facts_of(before) if before else None, **more)
        wake()
    queries.forget()


# --- ported numbers ---


@dataclass(slots=True)
class Preview:
    """What a list would do: numbers new in it, taken elsewhere than before, taken out; lines not understood."""

    new: int = 0
    changed: int = 0
    same: int = 0
    removed: int = 0
    wrong: list[tuple[int, str]] = field(default_factory=list)


def draft_ported(text: str, *, by: Staff) -> PortedDraft:
    """Read a list of ported numbers (CSV, a line each: number, operator's code; no code: where its prefix says).

    It changes nothing yet (`take_ported`). Only indexes of the numbers are kept. Raises Refused.
    """
    rights.require(by, EDIT)
    codes = dict(Operator.objects.values_list("code", "pk"))
    region = organisation.the_city().region
    found: dict[bytes, int] = {}
    wrong: list[tuple[int, str]] = []
    for place, line in enumerate(csv.reader(io.StringIO(text)), 1):
        if place > MOST_LINES:
            raise Refused(_("The list has more than %(most)s lines; part it.") % {"most": MOST_LINES})
        if not any(cell.strip() for cell in line):
            continue
        number = _number(line[0], region)
        code = line[1].strip() if len(line) > 1 else ""
        if number is None:
            if place > 1:  # the first line may name the columns
                wrong.append((place, _("This is no telephone number.")))
        elif code and code not in codes:
            wrong.append((place, _("There is no operator %(code)s.") % {"code": code[:30]}))
        else:
            found[seal.index_of(number)] = codes[code] if code else 0
    if not found and not wrong:
        raise Refused(_("No number is in the file."))
    PortedDraft.objects.filter(at__lt=clock.now() - timedelta(days=1)).delete()
    return PortedDraft.objects.create(
        by=by,
        at=clock.now(),
        packed=b"".join(_PACKED.pack(look_up, operator) for look_up, operator in found.items()),
        wrong=[*wrong[:_KEPT_WRONG], *([(0, str(len(wrong)))] if len(wrong) > _KEPT_WRONG else [])],
    )


def _number(text: str, region: str) -> str | None:
    plain = to_ascii_digits(text).strip()
    # Lists are long, and most of them are written as we write numbers.
    if _WRITTEN.fullmatch(plain):
        return plain
    found = phone.normalise(plain, region)
    return None if found is None or phone.is_short_code(found) else found


def _unpacked(draft: PortedDraft) -> dict[bytes, int]:
    return dict(_PACKED.iter_unpack(bytes(draft.packed)))


def preview_ported(draft: PortedDraft) -> Preview:
    """What taking the list over would change."""
    given = _unpacked(draft)
    made = Preview(wrong=[(int(place), str(why)) for place, why in draft.wrong])
    there = dict(Ported.objects.filter(look_up__in=list(given)).values_list("look_up", "operator"))
    before = {bytes(key): operator for key, operator in there.items()}
    for key, operator in given.items():
        if not operator:
            made.removed += key in before
            made.same += key not in before
        elif key not in before:
            made.new += 1
        else:
            made.changed += before[key] != operator
            made.same += before[key] == operator
    return made


def drop_ported(draft: PortedDraft, *, by: Staff) -> None:
    """Throw an uploaded list away: nothing changes."""
    rights.require(by, EDIT)
    draft.delete()


def take_ported(draft: PortedDraft, *, by: Staff) -> Preview:
    """Let the list count from now; gives what it changed."""
    rights.require(by, EDIT)
    given = _unpacked(draft)
    with transaction.atomic():
        # Two lists at the same time follow one another.
        held = PortedDraft.objects.select_for_update().filter(pk=draft.pk).first()
        if held is None:
            raise Refused(_("This list is no longer here; upload it again."))
        done = preview_ported(held)
        kept = {key: operator for key, operator in given.items() if operator}
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO texts_ported (look_up, operator_id) SELECT * FROM unnest(%s::bytea[], %s::bigint[])"
                " ON CONFLICT (look_up) DO UPDATE SET operator_id = excluded.operator_id",
                [list(kept), list(kept.values())],
            )
        Ported.objects.filter(look_up__in=[key for key in given if key not in kept]).delete()
        counts = {"new": done.new, "moved": done.changed, "removed": done.removed}
        note(by, "ported.taken", held, facts_of(held), **counts)
        held.delete()
    queries.forget()
    return done
