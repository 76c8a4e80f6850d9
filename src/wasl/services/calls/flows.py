"""Flows and the numbers that they answer: versions, publishing, going back; and what a walk is told of the house."""

import json
import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from wasl.core.catalogue import queries as catalogue
from wasl.core.catalogue.book import KINDS, URGENCIES
from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.actions.audit import Refused, facts_of, note
from wasl.core.organisation.models import Staff
from wasl.kernel import clock, rows, worktime
from wasl.kernel.digits import to_ascii_digits
from wasl.services.articles import queries as articles
from wasl.services.calls import checking
from wasl.services.calls.flow import LANGUAGES, Around, Flow, Said, article_words
from wasl.services.calls.models import FlowVersion, Line, Queue
from wasl.services.enquiries.models import Enquiry

log = logging.getLogger(__name__)

RIGHT: Final = "phone.edit"
MAIN: Final = "main"
CENTRE: Final = "centre"
"""In the place of a calendar's code: the hours of the contact centre."""
_NUMBER = re.compile(r"\+?[0-9]{2,20}")
_DISTRICT_CODE: Final = "{:02d}"


def in_force(code: str) -> FlowVersion | None:
    """The version that answers calls which come now."""
    return FlowVersion.objects.filter(code=code, published_at__isnull=False).order_by("-published_at", "-pk").first()


def answers(code: str) -> FlowVersion | None:
    """The same for a call that comes now; to be read only. What is published never changes: it is read once."""
    for (pk,) in rows.read(_IN_FORCE, [code]):
        if pk not in _published:
            _published[pk] = FlowVersion.objects.get(pk=pk)
        return _published[pk]
    return None


_IN_FORCE = """
SELECT id FROM calls_flowversion WHERE code = $1 AND published_at IS NOT NULL
 ORDER BY published_at DESC, id DESC LIMIT 1
"""
_published: dict[int, FlowVersion] = {}


def draft_of(code: str) -> FlowVersion | None:
    """The version that is being drawn and answers nobody yet."""
    return FlowVersion.objects.filter(code=code, published_at__isnull=True).order_by("-pk").first()


def to_walk(version: FlowVersion) -> Flow:
    """The flow of a published version; the shipped one where it cannot be walked any more: callers hear something."""
    if version.pk not in _walked:
        try:
            _walked[version.pk] = checking.read(version.data)
        except checking.FlowError:
            log.exception("flow %s cannot be walked; the shipped one answers", version)
            return checking.read(shipped())
    return _walked[version.pk]


_walked: dict[int, Flow] = {}


def answering() -> list[Flow]:
    """Those that answer calls which come now."""
    versions = [in_force(code) for code in Line.objects.values_list("flow", flat=True).distinct()]
    return [to_walk(one) for one in versions if one]


def articles_said(flow: Flow) -> set[str]:
    """Codes of the articles that a flow says."""
    return {str(node["article"]) for node in flow.nodes.values() if node.get("article")}


def articles_named() -> set[str]:
    """Codes of the articles that answering flows and drafts say: none of them may be withdrawn."""
    drafts = FlowVersion.objects.filter(published_at__isnull=True)
    named = {str(n.get("article")) for one in drafts for n in one.data.get("nodes", {}).values() if n.get("article")}
    return named.union(*(articles_said(flow) for flow in answering()))


def articles_spoken() -> list[Said]:
    """What answering flows say of articles, to be made ahead of the first call."""
    codes = {code for flow in answering() for code in articles_said(flow)}
    voices = [voice for _mark, voice in articles.spoken(codes).values()]
    return [one for voice in voices for language in LANGUAGES for one in article_words(voice[language], language)]


def around(line: Line, flow: Flow) -> Around:
    """What a walk through this flow is told of the house and of the line that was called."""
    codes = articles_said(flow)
    held = articles.spoken(codes) if codes else {}
    languages = tuple(code for code in line.languages if code in LANGUAGES) or LANGUAGES
    calendars = _calendars()

    def opened(code: str) -> bool:
        # Asked in the middle of a call, where nothing may be read. One that is no more is open: a person is safe.
        return code not in calendars or worktime.is_open(calendars[code], clock.now())

    straight = line.straight == Line.Straight.ALWAYS
    if line.straight in (Line.Straight.OPEN, Line.Straight.CLOSED):
        straight = opened(line.calendar.code if line.calendar else CENTRE) == (line.straight == Line.Straight.OPEN)
    return Around(
        languages=languages,
        straight=straight,
        opened=opened,
        areas={code: area.names for code, area in organisation.areas()[1].items()},
        articles={code: voice for code, (_mark, voice) in held.items()},
        marks={code: mark for code, (mark, _voice) in held.items()},
        hotline=organisation.the_city().hotline,
    )


def _calendars() -> dict[str, worktime.WorkCalendar]:
    found = dict(organisation.calendars())
    with suppress(LookupError):
        found[CENTRE] = organisation.calendar_of_unit(organisation.centre())
    return found


# --- versions ---


def problems(data: Mapping[str, Any]) -> list[str]:
    """Everything that is wrong with a flow: in itself, and with what it names of the house. A sentence each."""
    found = list(checking.problems(data))
    return found or [f"{name}: {wrong}" for name, node in data["nodes"].items() if (wrong := _unknown(node))]


def _unknown(node: Mapping[str, Any]) -> str:
    """What a step names that the house does not have."""
    kind = node["kind"]
    if "article" in node and articles.one(str(node["article"])) is None:
        return _("there is no article “%(code)s”") % {"code": node["article"]}
    if kind == "enquiry" and not Enquiry.objects.filter(code=node["enquiry"]).exists():
        return _("there is no enquiry “%(code)s”") % {"code": node["enquiry"]}
    if kind == "hours" and node["calendar"] != CENTRE and node["calendar"] not in _calendars():
        return _("there is no calendar “%(code)s”") % {"code": node["calendar"]}
    if kind == "queue" and Queue.objects.exists() and not Queue.objects.filter(code=node.get("queue", "")).exists():
        return _("there is no queue “%(code)s”") % {"code": node.get("queue", "")}
    if kind == "transfer":
        unit = organisation.units().get(node["unit"])
        if unit is None or not unit.active or not unit.phone:
            return _("the unit “%(code)s” has no telephone") % {"code": node["unit"]}
    if kind == "ask" and node.get("of") == "area":
        for code in node.get("areas", {}).values():
            if code not in organisation.areas()[1]:
                return _("there is no area “%(code)s”") % {"code": code}
    return _unknown_value(node["values"]) if kind == "set" else ""


def _unknown_value(values: Mapping[str, str]) -> str:
    known = {"kind": KINDS, "urgency": URGENCIES, "area": organisation.areas()[1]}
    for name, value in values.items():
        if name == "category":
            try:
                there = value in catalogue.in_force().categories
            except catalogue.NotSetUp:
                there = False
        else:
            there = value in known.get(name, (value,))
        if not there:
            return _("there is no %(name)s “%(value)s”") % {"name": name, "value": value}
    return ""


def save(code: str, data: Mapping[str, Any], *, by: Staff, seen: int | None) -> FlowVersion:
    """Keep what is drawn, right or wrong, as the draft; `seen` is the id of the version that was changed on the screen.

    Raises Forbidden; Refused where somebody else went on in between.
    """
    rights.require(by, RIGHT)
    now = clock.now()
    with transaction.atomic():
        held = _draft(code)
        if held is None:
            return FlowVersion.objects.create(code=code, number=_next(code), data=dict(data), made_at=now, made_by=by)
        if seen is not None and held.pk != seen:
            raise _drawn_by(held)
        held.data, held.made_at, held.made_by = dict(data), now, by
        held.save(update_fields=["data", "made_at", "made_by"])
        return held


def _draft(code: str) -> FlowVersion | None:
    versions = FlowVersion.objects.select_for_update().filter(code=code)
    return versions.filter(published_at__isnull=True).order_by("-pk").first()


def _next(code: str) -> int:
    return (FlowVersion.objects.filter(code=code).aggregate(last=Max("number"))["last"] or 0) + 1


def _drawn_by(held: FlowVersion) -> Refused:
    return Refused(_("%(who)s changes this flow at the moment; look at it again.") % {"who": held.made_by or "–"})


def stamp(version: FlowVersion) -> str:
    """What a page that shows this version sends back, to tell whether somebody has gone on drawing since."""
    return f"{version.pk}.{int(version.made_at.timestamp() * 1_000_000)}"


def _drop(code: str, draft: str) -> None:
    held = _draft(code)
    if held is not None:
        if stamp(held) != draft:
            raise _drawn_by(held)
        held.delete()


def discard(code: str, *, by: Staff, draft: str) -> None:
    """Forget the draft that has this `stamp`. Raises Forbidden; Refused where somebody went on drawing since."""
    rights.require(by, RIGHT)
    with transaction.atomic():
        _drop(code, draft)


def publish(code: str, data: Mapping[str, Any], *, by: Staff | None, draft: str | None = None) -> FlowVersion:
    """A new version counts from now; calls that are on keep theirs.

    `draft`: the `stamp` of the draft that it was until now; all other drafts stay. Raises Forbidden; FlowError;
    Refused where somebody went on drawing since.
    """
    rights.require(by, RIGHT)
    for problem in problems(data):
        raise checking.FlowError(problem)
    now = clock.now()
    with transaction.atomic():
        if draft is not None:
            _drop(code, draft)
        version = FlowVersion.objects.create(
            code=code, number=_next(code), data=dict(data), made_at=now, made_by=by, published_at=now
        )
        if by is not None:
            note(by, "flow.published", version, None)
    return version


@dataclass(frozen=True, slots=True)
class Difference:
    """What one step says or does in two versions; an empty text where it is not there."""

    step: str
    part: str
    before: str
    after: str


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """What `new` changes of `old`, step by step."""
    made = []
    if old.get("start") != new.get("start"):
        made.append(Difference("", "start", str(old.get("start", "")), str(new.get("start", ""))))
    before, after = old.get("nodes", {}), new.get("nodes", {})
    for step in dict.fromkeys((*after, *before)):
        was, now = _flat(before.get(step, {})), _flat(after.get(step, {}))
        made += [
            Difference(step, part, was.get(part, ""), now.get(part, ""))
            for part in dict.fromkeys((*now, *was))
            if was.get(part, "") != now.get(part, "")
        ]
    return made


def _flat(node: Mapping[str, Any]) -> dict[str, str]:
    made: dict[str, str] = {}
    for part, value in node.items():
        if isinstance(value, Mapping):
            made.update({f"{part} {name}": str(one) for name, one in value.items()})
        else:
            made[part] = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return made


# --- the numbers that are called ---


def save_line(held: Line | None, *, by: Staff, facts: Mapping[str, Any]) -> Line:
    """Make a line or change it; the next call is answered so. Raises Forbidden, Refused."""
    rights.require(by, RIGHT)
    number = to_ascii_digits(str(facts["number"])).strip()
    if not _NUMBER.fullmatch(number):
        raise Refused(_("A number is a plus and digits, or digits alone, as the carrier writes it."))
    if in_force(str(facts["flow"])) is None:
        raise Refused(_("This flow was never published."))
    with transaction.atomic():
        row = Line() if held is None else Line.objects.select_for_update().get(pk=held.pk)
        if Line.objects.filter(number=number).exclude(pk=row.pk).exists():
            raise Refused(_("There is such a number already."))
        before = None if held is None else facts_of(row)
        row.number, row.name, row.flow = number, str(facts["name"]).strip() or number, str(facts["flow"])
        row.languages = [code for code in facts["languages"] if code in LANGUAGES]
        row.straight, row.calendar = facts["straight"], facts["calendar"]
        row.save(force_insert=held is None)
        note(by, "line.made" if held is None else "line.changed", row, before)
    return row


# --- what is shipped ---


def shipped() -> dict[str, Any]:
    """The flow that answers until somebody draws his own, with the areas of this city by number."""
    data: dict[str, Any] = json.loads((Path(__file__).parent / "default.json").read_text())
    nodes = data["nodes"]
    # The widest area is the city itself: nobody is asked whether it is there.
    codes = sorted(code for code, area in organisation.areas()[1].items() if area.parent_id is not None)
    if codes:
        nodes["district"]["areas"] = {_DISTRICT_CODE.format(n): code for n, code in enumerate(codes, 1)}
    else:
        for name in ("district", "right"):
            del nodes[name]
        for name in ("complaint", "suggestion"):
            nodes[name]["next"] = "message"
    return data


def ship() -> None:
    """Publish the shipped flow where there is none, or where it is an older one that nobody has changed."""
    data = shipped()
    versions = FlowVersion.objects.filter(code=MAIN)
    held = in_force(MAIN)
    if held is None or (held.data != data and not versions.filter(made_by__isnull=False).exists()):
        now = clock.now()
        FlowVersion.objects.create(code=MAIN, number=_next(MAIN), data=data, made_at=now, published_at=now)
    if not Line.objects.exists():
        hotline = organisation.the_city().hotline or "1111"
        Line.objects.create(number=hotline, name=hotline, flow=MAIN)
