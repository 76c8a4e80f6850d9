"""Lists of people: reading them from files, what a file would change, and the change; `actions` checks rights."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.db import connection
from django.utils.translation import gettext as _

from wasl.core.organisation import queries as organisation
from wasl.core.organisation.actions.audit import Refused
from wasl.kernel import phone, plain, seal
from wasl.kernel.ids import new_id
from wasl.kernel.names import LANGUAGES
from wasl.kernel.sms import text as sms
from wasl.services.campaigns.models import Group, Member, Receiver
from wasl.services.enquiries import tables

MOST = 50_000
"""Lines of a file, and numbers of a list."""
LONGEST_WORDS = 1000
_KEPT_WRONG = 50
_HEADS: Mapping[str, frozenset[str]] = {
    "number": frozenset({"number", "phone", "mobile", "telephone", "gsm", "رقم", "الرقم", "الهاتف", "رقم الهاتف",
                         "الجوال", "النقال", "号码", "电话", "手机"}),
    "name": frozenset({"name", "الاسم", "اسم", "姓名", "名字"}),
    "language": frozenset({"language", "lang", "اللغة", "لغة", "语言"}),
    "words": frozenset({"words", "text", "message", "النص", "نص", "الرسالة", "رسالة", "短信", "内容"}),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of a file: number in E.164; language `ar`, `en`, `zh` or empty; words only where a file has them."""

    number: str
    name: str = ""
    language: str = ""
    words: str = ""

    @property
    def look_up(self) -> bytes:
        """The blind index of his number."""
        return seal.index_of(self.number)


@dataclass(slots=True)
class Listed:
    """A file as it was read: who is in it, how often somebody was in it again, lines left out (number, why)."""

    people: list[Person] = field(default_factory=list)
    twice: int = 0
    wrong: int = 0
    errors: list[tuple[int, str]] = field(default_factory=list)

    def leave_out(self, line: int, why: str) -> None:
        """Count a line that is not understood."""
        self.wrong += 1
        if len(self.errors) < _KEPT_WRONG:
            self.errors.append((line, why))


def read(content: bytes, *, with_words: bool = False) -> Listed:
    """Who is in a CSV or XLSX whose first row names its columns (number; name, language and words where there are any).

    Digits of any script are understood; a number that comes again is taken once, its first line. Raises Refused.
    """
    try:
        table = tables.read(content)
    except tables.BadFile as error:
        raise Refused(str(error)) from error
    heads = {kind: name for name in table.columns for kind, known in _HEADS.items() if name.casefold() in known}
    if "number" not in heads:
        raise Refused(_("No column is named “number”. The first row must name the columns: number, name, language."))
    if with_words and "words" not in heads:
        raise Refused(_("No column is named “words”. The first row must name the columns: number, name, words."))
    if len(table.rows) > MOST:
        raise Refused(_("The file has more than %(most)s lines; part it.") % {"most": MOST})
    region = organisation.the_city().region
    made, seen = Listed(), set()
    for line, cells in table.rows:
        number = phone.normalise(cells.get(heads["number"], ""), region)
        if number is None or phone.is_short_code(number):
            made.leave_out(line, _("This is no telephone number."))
            continue
        words = plain.line(cells.get(heads.get("words", ""), "")) if with_words else ""
        if with_words and (why := _unfit(words)):
            made.leave_out(line, why)
            continue
        if number in seen:
            made.twice += 1
            continue
        seen.add(number)
        language = cells.get(heads.get("language", ""), "").casefold()[:2]
        name = plain.line(cells.get(heads.get("name", ""), ""))[:100]
        made.people.append(Person(number, name, language if language in LANGUAGES else "", words))
    return made


def _unfit(words: str) -> str:
    if not words:
        return _("It has no words.")
    if len(words) > LONGEST_WORDS:
        return _("Its words are too long.")
    return ""


def parts_of(words: str) -> int:
    """How many parts these words are."""
    return len(sms.plan(words).parts)


def name_place(pk: int) -> str:
    """Where the name of a member or a receiver is sealed for."""
    return f"campaign.name:{pk}"


def number_place(pk: int) -> str:
    """Where his number is sealed for."""
    return f"campaign.number:{pk}"


def words_place(pk: int) -> str:
    """Where words are sealed for: a receiver's own, or a campaign's."""
    return f"campaign.words:{pk}"


def name_of(row: Member | Receiver) -> str:
    """The name of a member or a receiver; empty where none is known."""
    return seal.unseal(bytes(row.name_sealed), place=name_place(row.pk)) if row.name_sealed is not None else ""


@dataclass(frozen=True, slots=True)
class Difference:
    """What a file would do to a list, in numbers."""

    added: int
    changed: int
    gone: int
    same: int


def difference(group: Group, people: Iterable[Person], *, whole: bool) -> Difference:
    """What taking it over would change now."""
    there = {bytes(row.look_up): row for row in Member.objects.filter(group=group)}
    added = changed = same = 0
    for person in people:
        row = there.pop(person.look_up, None)
        if row is None:
            added += 1
        elif (name_of(row), row.language) == (person.name, person.language):
            same += 1
        else:
            changed += 1
    return Difference(added, changed, len(there) if whole else 0, same + (0 if whole else len(there)))


def take(group: Group, people: list[Person], *, whole: bool) -> Difference:
    """Let the file count, in the caller's transaction. Raises Refused when the list would be too long."""
    done = difference(group, people, whole=whole)
    if done.added + done.changed + done.same > MOST:
        raise Refused(_("A list has at most %(most)s numbers.") % {"most": MOST})
    rows = []
    for person in people:
        pk = new_id()
        rows.append(
            {
                "id": pk,
                "look_up": person.look_up.hex(),
                "number": seal.seal(person.number, place=number_place(pk)).hex(),
                "hint": phone.masked(person.number),
                "name": seal.seal(person.name, place=name_place(pk)).hex() if person.name else None,
                "language": person.language,
            }
        )
    with connection.cursor() as cursor:
        # Who is there already is written anew, with his new id: what is sealed is sealed for the row it lies in.
        cursor.execute(_TAKE, {"group": group.pk, "rows": json.dumps(rows), "whole": whole})
    return done


_TAKE = """
WITH given AS (
    SELECT id, decode(look_up, 'hex') AS look_up, decode(number, 'hex') AS number, hint, decode(name, 'hex') AS name,
        language
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS n(id bigint, look_up text, number text, hint text, name text,
        language text)
), gone AS (
    DELETE FROM campaigns_member m WHERE m.group_id = %(group)s AND %(whole)s
        AND NOT EXISTS (SELECT 1 FROM given g WHERE g.look_up = m.look_up)
)
INSERT INTO campaigns_member (id, group_id, look_up, number_sealed, hint, name_sealed, language)
SELECT id, %(group)s, look_up, number, hint, name, language FROM given ORDER BY look_up
ON CONFLICT (group_id, look_up) DO UPDATE SET id = excluded.id, number_sealed = excluded.number_sealed,
    hint = excluded.hint, name_sealed = excluded.name_sealed, language = excluded.language
"""


def forget(numbers: Iterable[str]) -> int:
    """Take these numbers (E.164) out of all lists, and out of what was sent to many; how many rows.

    Files that still wait may hold them; they are read again, or gone, within a day. Call it in the transaction that
    forgets a person.
    """
    look_ups = [seal.index_of(number) for number in numbers]
    gone = Member.objects.filter(look_up__in=look_ups).delete()[0]
    # A row of what was sent stays for the counts, with nothing of him in it.
    for row in Receiver.objects.filter(look_up__in=look_ups).exclude(state=Receiver.State.WAITING):
        row.look_up, row.number_sealed, row.hint = f"forgotten {row.pk}".encode(), b"", "•••"
        row.name_sealed = row.words_sealed = None
        row.save(update_fields=["look_up", "number_sealed", "hint", "name_sealed", "words_sealed"])
        gone += 1
    return gone + Receiver.objects.filter(look_up__in=look_ups).delete()[0]
