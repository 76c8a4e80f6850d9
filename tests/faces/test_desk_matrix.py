"""Who may open what on the desk: every address x every role, from one table; an address without a rule fails."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from tests.city import City, Told
from wasl.core.cases import queries, transitions
from wasl.core.cases.models import Case, Problem
from wasl.core.contacts import actions as contacts
from wasl.core.contacts.models import Contact
from wasl.core.organisation import rights
from wasl.core.organisation.models import Bulletin, Calendar, Post, Staff, Unit
from wasl.core.roster.models import Shift
from wasl.faces.desk import lists, urls, verbs
from wasl.faces.desk.saved.models import SavedView
from wasl.kernel import clock
from wasl.services.calls import flows
from wasl.services.calls.models import Call, Line, Owed, Profile, Queue, Recording, Seat, VoiceMessage
from wasl.services.campaigns.models import Campaign, Group
from wasl.services.dialogue.models import Command, ShortCode
from wasl.services.enquiries.models import DataSet, Enquiry
from wasl.services.quality.models import Check, Criterion, Score
from wasl.services.subscriptions.models import Topic
from wasl.services.texts.models import Bind, Incoming, Operator, Route, Text
from wasl.services.texts.models import Client as SmsClient

pytestmark = pytest.mark.django_db

EVERY = frozenset(rights.RIGHTS)
CASES = EVERY - {"administrator"}
PROBLEMS = frozenset({"dispatcher", "second_line", "supervisor"})
CENTRE = frozenset({"agent", "dispatcher", "second_line", "supervisor"})
ADMIN = frozenset({"administrator"})
READS = ADMIN | {"supervisor"}
WRITES = READS | {"officer"}


@dataclass
class World:
    """One case with an officer's unit, and somebody for every role."""

    city: City
    told: Told
    staff: dict[str, Staff]


@dataclass(frozen=True)
class Rule:
    """`roles` may open it; `args` make its address; `post` says that it is only posted to."""

    roles: frozenset[str]
    args: Callable[[World], list[Any]] = field(default=lambda world: [])
    post: bool = False
    given: dict[str, str] = field(default_factory=dict)


def _number(world: World) -> list[Any]:
    return [world.told.case.number]


def _file(world: World) -> list[Any]:
    return [world.told.case.contacts.get().attachments.get().pk, "thumb"]


def _view(world: World) -> list[Any]:
    owner = world.city.new_officer(Unit.objects.get(code="audit"))
    held = SavedView.objects.create(
        owner=owner, name="Open", listing="all", query="state=open", shared=True, changed_at=clock.now()
    )
    return [held.pk]


def _bulletin(world: World) -> list[Any]:
    known = Bulletin.objects.first()
    return [(known or Bulletin.objects.create(body="Read me.", by=world.staff["administrator"], at=clock.now())).pk]


def _shift(world: World) -> list[Any]:
    facts = {"unit": world.told.order.unit, "calendar": Calendar.objects.order_by("pk")[0], "names": {"en": "Day"}}
    return [(Shift.objects.first() or Shift.objects.create(**facts)).pk]


def _problem(world: World) -> list[Any]:
    known = Problem.objects.first()
    return [(known or Problem.objects.create(title="x", owner=world.staff["supervisor"], opened_at=clock.now())).pk]


def _operator() -> Operator:
    return Operator.objects.get_or_create(code="first", defaults={"name": "First"})[0]


def _bind() -> Bind:
    return Bind.objects.get_or_create(operator=_operator(), host="10.0.0.1", system_id="wasl")[0]


def _text() -> Text:
    sends = SmsClient.objects.get_or_create(code="fines", defaults={"name": "Fines", "sender": "1111"})[0]
    facts = {"klass": 3, "number_sealed": b"", "look_up": b"", "hint": "+968 ••••", "parts": 1, "made_at": clock.now()}
    return Text.objects.get_or_create(client=sends, ref="a", defaults=facts)[0]


def _system() -> SmsClient:
    return SmsClient.objects.get_or_create(code="fines", defaults={"name": "Fines", "sender": "1111"})[0]


def _came_in() -> Incoming:
    facts = {"number_sealed": b"", "look_up": b"", "words_sealed": b"", "session": 1, "at": clock.now()}
    return Incoming.objects.get_or_create(operator=_operator(), code="90888", mark=b"", defaults=facts)[0]


def _group(world: World) -> list[Any]:
    given = {"unit": world.told.order.unit, "name": "Crew", "made_at": clock.now()}
    return [(Group.objects.first() or Group.objects.create(**given)).pk]


def _campaign(world: World) -> list[Any]:
    given = {"unit": world.told.order.unit, "kind": "citizens", "name": "x", "made_at": clock.now()}
    return [(Campaign.objects.first() or Campaign.objects.create(made_by=world.staff["supervisor"], **given)).pk]


def _call(world: World) -> list[Any]:
    """A call that an agent answered; only he, and who supervises, may open it."""
    agent = world.staff["agent"]
    Profile.objects.get_or_create(staff=agent)
    return [Call.objects.get_or_create(channel="1.1", defaults={"arrived_at": clock.now(), "agent": agent})[0].pk]


def _flow(*more: Any) -> list[Any]:
    flows.ship()
    return ["main", *more]


def _voice_message() -> list[Any]:
    contact = Contact.objects.create(medium="mailbox", at=clock.now(), salt=b"")
    facts = {"contact": contact, "seconds": 9, "at": clock.now(), "due_at": clock.now()}
    return [(VoiceMessage.objects.first() or VoiceMessage.objects.create(name="mailbox-1-1", **facts)).pk]


def _owed(world: World) -> list[Any]:
    (call,) = _call(world)
    return [Owed.objects.get_or_create(call_id=call, defaults={"why": "talking", "at": clock.now()})[0].pk]


def _seat(world: World) -> list[Any]:
    now = clock.now()
    return [Seat.objects.get_or_create(staff=world.staff["agent"], defaults={"since": now, "idle_since": now})[0].pk]


def _recording(world: World) -> list[Any]:
    facts = {"file": "", "sha256": b"", "milliseconds": 1, "kept_at": clock.now(), "keep_until": clock.now()}
    call = _call(world)[0]
    return [Recording.objects.get_or_create(channel=f"leg{call}", call_id=call, defaults=facts)[0].pk]


def _check(world: World) -> list[Any]:
    facts = {"agent": world.staff["agent"], "month": date(2026, 10, 1), "drawn_at": clock.now()}
    (recording,) = _recording(world)
    by = world.staff["supervisor"]
    return [Check.objects.get_or_create(recording_id=recording, defaults={**facts, "drawn_by": by})[0].pk]


def _score(world: World) -> int:
    facts = {"at": clock.now(), "marks": [], "total": 100, "critical": False}
    (check,) = _check(world)
    return Score.objects.get_or_create(check_of_id=check, by=world.staff["second_line"], defaults=facts)[0].pk


def _queue(world: World) -> list[Any]:
    return ["queue", Queue.objects.get_or_create(code="person")[0].pk]


RULES: dict[str, Rule] = {
    "home": Rule(EVERY),
    "rail": Rule(EVERY),
    "me": Rule(EVERY),
    "learn": Rule(EVERY),
    # Nobody holds a role of that name: the same answer for everybody.
    "tour": Rule(frozenset(), lambda w: ["nobody"]),
    "learners": Rule(READS),
    # The tests' installation has no practice: the same answer for everybody.
    "practise": Rule(frozenset()),
    "notices": Rule(EVERY),
    "bell": Rule(EVERY),
    "read_notices": Rule(EVERY, post=True),
    "wishes": Rule(EVERY),
    # There is none of this number: the same answer for everybody.
    "follow": Rule(frozenset(), lambda w: [1]),
    "mailboxes": Rule(ADMIN),
    "search": Rule(CASES),
    "board": Rule(frozenset({"dispatcher", "supervisor", "leader"})),
    "list": Rule(CASES, lambda w: ["all"]),
    "side": Rule(CASES, lambda w: ["all"]),
    "layout": Rule(CASES, lambda w: ["all"], post=True),
    "bulk": Rule(CASES, post=True),
    "extract": Rule(frozenset({"supervisor", "leader"}), lambda w: ["all"]),
    "extracts": Rule(frozenset({"supervisor", "leader"})),
    "counts": Rule(CASES),
    "counts_csv": Rule(CASES),
    "counts_pdf": Rule(CASES),
    "print": Rule(CASES, _number),
    "views": Rule(CASES),
    "new_view": Rule(CASES),
    "view": Rule(CASES, _view),
    # Only its owner takes a view away or back; who may not even try is told so first.
    "remove_view": Rule(frozenset(), _view, post=True),
    "restore_view": Rule(frozenset(), _view, post=True),
    "report": Rule(CENTRE),
    "beside": Rule(CENTRE, post=True),
    "class": Rule(CENTRE, post=True),
    "read_article": Rule(CENTRE, post=True, given={"pick": "scope"}),
    "draft": Rule(CENTRE, post=True),
    "put_draft": Rule(CENTRE, lambda w: ["no-such-draft", "discard"], post=True),
    "map": Rule(CENTRE),
    "filed": Rule(CENTRE, _number),
    "case": Rule(CASES, _number),
    "part": Rule(CASES, lambda w: [w.told.case.number, "story"]),
    "do": Rule(CASES, lambda w: [w.told.case.number, "note"]),
    # A leader and an officer are let in and told that the vault is shut.
    "reveal": Rule(CENTRE, _number, post=True, given={"reason": "contact-person"}),
    "file": Rule(CASES, _file),
    "problems": Rule(PROBLEMS),
    "problem": Rule(PROBLEMS, _problem),
    "untold": Rule(CENTRE - {"agent"}),
    "questions": Rule(frozenset({"leader"})),
    "phone": Rule(CENTRE | {"officer"}),
    "phone_bar": Rule(CENTRE | {"officer"}),
    "phone_seat": Rule(CENTRE | {"officer"}, post=True),
    # Nobody has taken a seat: the same answer for everybody.
    "phone_secret": Rule(frozenset(), post=True),
    "phone_call": Rule(frozenset({"agent", "supervisor"}), _call),
    "phone_do": Rule(frozenset({"agent", "supervisor"}), _call, post=True),
    "phone_back": Rule(frozenset({"agent", "supervisor"}), _call, post=True),
    "phone_whom": Rule(frozenset({"agent", "supervisor"}), _call),
    "phone_about": Rule(frozenset({"agent", "supervisor"}), _call, post=True),
    # Who supervises looks on; only who is responsible hands it on.
    "phone_responsible": Rule(frozenset({"agent"}), _call, post=True),
    "phone_number": Rule(frozenset({"agent", "supervisor"}), _call, post=True),
    "phones": Rule(frozenset({"supervisor"})),
    "phone_force": Rule(frozenset({"supervisor"}), _seat, post=True),
    "phone_help": Rule(frozenset({"supervisor"}), _call, post=True, given={"verb": "listen"}),
    "phone_calls": Rule(frozenset({"supervisor"})),
    "phone_figures": Rule(frozenset({"supervisor"})),
    "phone_figures_csv": Rule(frozenset({"supervisor"})),
    "phone_recordings": Rule(frozenset({"supervisor"})),
    "phone_recording": Rule(frozenset({"supervisor"}), _recording),
    # Nobody has said why he listens: the same answer for everybody.
    "phone_sound": Rule(frozenset(), _recording),
    "phone_quality": Rule(frozenset({"supervisor"})),
    "phone_check": Rule(frozenset({"supervisor"}), _check),
    "phone_decide": Rule(frozenset({"supervisor"}), lambda w: [_score(w)], post=True),
    "phone_criteria": Rule(ADMIN),
    "phone_new_criterion": Rule(ADMIN),
    "phone_criterion": Rule(ADMIN, lambda w: [Criterion.objects.order_by("pk")[0].pk]),
    "phone_scores": Rule(CENTRE | {"officer"}),
    # Only the agent of the call.
    "phone_score": Rule(frozenset({"agent"}), lambda w: [_score(w)]),
    "phone_experts": Rule(CENTRE | {"officer"}),
    "phone_queues": Rule(ADMIN),
    "phone_profiles": Rule(ADMIN),
    "phone_carriers": Rule(ADMIN),
    "phone_new": Rule(ADMIN, lambda w: ["queue"]),
    "phone_edit": Rule(ADMIN, _queue),
    "people": Rule(CENTRE),
    "people_record": Rule(CENTRE, lambda w: [w.told.case.requester_id]),
    "repair": Rule(CENTRE),
    "number": Rule(CENTRE, lambda w: [w.told.case.requester_id]),
    "alerts": Rule(CENTRE),
    "account": Rule(EVERY),
    "read_bulletin": Rule(EVERY, _bulletin, post=True),
    "admin": Rule(ADMIN),
    "proposals": Rule(ADMIN),
    "care": Rule(ADMIN),
    "bulletins": Rule(ADMIN),
    "roster": Rule(READS),
    "new_shift": Rule(READS),
    "shift": Rule(READS, _shift),
    "attendance": Rule(READS),
    "house": Rule(ADMIN),
    "roles": Rule(ADMIN),
    "changes": Rule(ADMIN, lambda w: [1]),
    "row": Rule(ADMIN, lambda w: [1, "reasons"]),
    "units": Rule(ADMIN),
    "new_unit": Rule(ADMIN),
    "unit": Rule(ADMIN, lambda w: [Unit.objects.get(code="audit").pk]),
    "staff": Rule(ADMIN),
    "new_person": Rule(ADMIN),
    "person": Rule(ADMIN, lambda w: [w.staff["agent"].pk]),
    "areas": Rule(ADMIN),
    "calendars": Rule(ADMIN),
    "new_calendar": Rule(ADMIN),
    "calendar": Rule(ADMIN, lambda w: [Calendar.objects.order_by("pk")[0].pk]),
    "catalogue": Rule(ADMIN),
    "edition": Rule(ADMIN, lambda w: [1]),
    "sheet": Rule(ADMIN, lambda w: [1, "reasons"]),
    "templates": Rule(ADMIN),
    "template": Rule(ADMIN, lambda w: ["told", "mail"]),
    "clients": Rule(ADMIN),
    "enquiries": Rule(ADMIN),
    "new_enquiry": Rule(ADMIN),
    "enquiry": Rule(ADMIN, lambda w: [Enquiry.objects.get(code="vehicle-fines").pk]),
    "asked": Rule(ADMIN),
    "new_data_set": Rule(ADMIN),
    "data_set": Rule(ADMIN, lambda w: [DataSet.objects.get(code="fines").pk]),
    "codes": Rule(ADMIN),
    "new_code": Rule(ADMIN),
    "code": Rule(ADMIN, lambda w: [ShortCode.objects.get(number="90888").pk]),
    "new_command": Rule(ADMIN),
    "command": Rule(ADMIN, lambda w: [Command.objects.filter(kind="help")[0].pk]),
    "articles": Rule(READS),
    "article": Rule(READS, lambda w: ["scope"]),
    "article_version": Rule(READS, lambda w: ["scope", 1]),
    # There is no such draft: the same answer for everybody.
    "article_sound": Rule(frozenset(), lambda w: ["scope", "draft", "en"]),
    "topics": Rule(ADMIN),
    "new_topic": Rule(ADMIN),
    "topic": Rule(ADMIN, lambda w: [Topic.objects.get(code="registration").pk]),
    "audit": Rule(ADMIN),
    "journal": Rule(ADMIN),
    "messages": Rule(READS),
    "privacy": Rule(READS),
    "sms": Rule(READS),
    "sms_steer": Rule(READS, lambda w: ["operator", _operator().pk]),
    "sms_texts": Rule(READS),
    "sms_text": Rule(READS, lambda w: [_text().pk]),
    "sms_incoming": Rule(READS),
    "sms_came": Rule(READS, lambda w: [_came_in().pk]),
    "sms_figures": Rule(READS),
    "sms_figures_csv": Rule(READS),
    "sms_reviews": Rule(READS),
    "sms_clients": Rule(ADMIN),
    "sms_new_client": Rule(ADMIN),
    "sms_client": Rule(ADMIN, lambda w: [_system().pk]),
    "sms_operators": Rule(ADMIN),
    "sms_new_operator": Rule(ADMIN),
    "sms_operator": Rule(ADMIN, lambda w: [_operator().pk]),
    "sms_new_bind": Rule(ADMIN, lambda w: [_operator().pk]),
    "sms_bind": Rule(ADMIN, lambda w: [_bind().pk]),
    "sms_new_route": Rule(ADMIN),
    "sms_route": Rule(ADMIN, lambda w: [Route.objects.get_or_create(name="all", operators=[])[0].pk]),
    "sms_rule": Rule(ADMIN, lambda w: [1]),
    "sms_ported": Rule(ADMIN),
    "campaigns": Rule(WRITES),
    "new_campaign": Rule(WRITES),
    "campaign": Rule(WRITES, _campaign),
    "campaign_csv": Rule(WRITES, _campaign),
    "groups": Rule(WRITES),
    "ideas": Rule(WRITES),
    "new_group": Rule(WRITES),
    "group": Rule(WRITES, _group),
    "flows": Rule(ADMIN),
    "flow": Rule(ADMIN, lambda w: _flow()),
    "flow_step": Rule(ADMIN, lambda w: _flow("person")),
    # Nobody speaks this language: the same answer for everybody.
    "flow_sound": Rule(frozenset(), lambda w: _flow("main", "text", "xx")),
    "flow_version": Rule(ADMIN, lambda w: _flow(1)),
    "new_phone_line": Rule(ADMIN),
    "phone_line": Rule(ADMIN, lambda w: [_flow() and Line.objects.get().pk]),
    "mailbox": Rule(CENTRE),
    "owed": Rule(CENTRE, lambda w: _owed(w)),
    "voice_message": Rule(CENTRE, lambda w: _voice_message()),
    # Nobody has said why he listens.
    "voice_sound": Rule(frozenset(), lambda w: _voice_message()),
}
NAMES = [pattern.name or "" for pattern in urls.urlpatterns]


def jpeg() -> bytes:
    """A small photo."""
    from io import BytesIO

    from PIL import Image

    out = BytesIO()
    Image.new("RGB", (40, 30), "navy").save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def world(city: City) -> World:
    told = city.report("water-leak", attachments=[contacts.keep(jpeg(), "a.jpg")]).dispatched_to()
    staff = {role: city.one(role) for role in EVERY - {"officer"}}
    staff["officer"] = city.officer_of(told.order.unit)
    return World(city, told, staff)


def enter(staff: Staff | None) -> Client:
    """A browser of this person."""
    client = Client()
    client.cookies["django_language"] = "en"
    if staff is not None:
        client.force_login(staff)
    return client


def one_is_quick(cases: Iterable[str], quick: str) -> list[Any]:
    """The cases of a walk over all addresses: the quick tests walk once, the others are slow."""
    return [one if one == quick else pytest.param(one, marks=pytest.mark.slow) for one in cases]


def test_every_address_has_a_rule() -> None:
    assert set(NAMES) == set(RULES), "an address of the desk without a rule, or a rule without an address"
    assert len(NAMES) == len(set(NAMES))


def asked(client: Client, world: World, name: str) -> tuple[int, str]:
    """The status at this address and what is said of keeping the page; what was done there is taken back."""
    rule = RULES[name]
    with transaction.atomic():
        url = reverse(f"desk:{name}", args=rule.args(world))
        response = client.post(url, rule.given) if rule.post else client.get(url)
        if response.streaming:
            b"".join(response)
        transaction.set_rollback(True)
    return response.status_code, response.headers.get("Cache-Control", "")


@pytest.mark.parametrize("role", one_is_quick(sorted(EVERY), "officer"))
def test_addresses_for_this_role(world: World, role: str) -> None:
    client, wrong = enter(world.staff[role]), []
    # The browser is noted with its first page, not anew at every address.
    client.get(reverse("desk:me"))
    for name in NAMES:
        status, keeping = asked(client, world, name)
        if role in RULES[name].roles:
            right = status in (200, 302) or (name == "filed" and status == 404)
        else:
            right = status in (403, 404)
        if not right or "no-store" not in keeping:
            wrong.append((name, status, keeping))
    assert wrong == [], role


@pytest.mark.slow
def test_whoever_is_not_signed_in_is_asked_to(world: World) -> None:
    for name in NAMES:
        rule, stranger = RULES[name], enter(None)
        url = reverse(f"desk:{name}", args=rule.args(world))
        response = stranger.post(url) if rule.post else stranger.get(url)
        assert response.status_code == 302, name
        assert response.headers["Location"].startswith("/account/login/"), name


def test_a_post_without_token_is_refused(world: World) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.staff["supervisor"])
    for name in NAMES:
        response = client.post(reverse(f"desk:{name}", args=RULES[name].args(world)))
        assert response.status_code == 403, name


@pytest.mark.parametrize("state", one_is_quick(["shut account", "ended post", "no post", "post to come"], "ended post"))
@pytest.mark.slow
def test_whoever_holds_nothing_sees_nothing(world: World, state: str) -> None:
    staff = world.staff["supervisor"]
    client = enter(staff)
    now = clock.now()
    if state == "shut account":
        Staff.objects.filter(pk=staff.pk).update(is_active=False)
    elif state == "ended post":
        Post.objects.filter(staff=staff).update(until=now - timedelta(seconds=1))
    elif state == "post to come":
        Post.objects.filter(staff=staff).update(since=now + timedelta(hours=1))
    else:
        Post.objects.filter(staff=staff).delete()
    for name, rule in RULES.items():
        url = reverse(f"desk:{name}", args=rule.args(world))
        response = client.post(url) if rule.post else client.get(url)
        assert response.status_code == (302 if state == "shut account" else 403), name
        if state == "shut account":
            assert response.headers["Location"].startswith("/account/login/")


# --- verbs ---


def test_every_verb_of_staff_is_on_the_desk() -> None:
    offered = {need for verb in verbs.TABLE for need in verb.needs}
    held = {v for role in rights.RIGHTS.values() for v in role}
    by_staff = {row.verb for row in transitions.TABLE if "staff" in row.actors} & held
    # Received by the agent's form; the record of a person is a page of its own.
    assert by_staff - offered - {"case.received", "case.requester_set", "case.printed"} == set()


GIVEN: dict[str, Any] = {
    "text": "A sentence that is long enough.",
    "note": "x",
    "category": "water-leak",
    "kind": "",
    "urgency": "",
    "unit": "roads",
    "ground": "court",
    "reason": "not-our-duty",
    "outcome": "fixed",
    "medium": "phone",
    "reached": "yes",
    "verdict": "solved",
    "rating": "5",
    "duration": "4wh",
    "until": "2030-01-01T10:00",
    "flags": "supervised",
}


@pytest.mark.slow
@pytest.mark.parametrize("role", sorted(CASES))
def test_what_is_not_offered_is_not_done(world: World, role: str) -> None:
    staff, case, order = world.staff[role], world.told.fresh(), world.told.order
    offered = {(offer.verb.slug) for offer in verbs.offers(staff, case)}
    other = world.city.report("water-outage").case
    client = enter(staff)
    refused = 0
    for verb in verbs.TABLE:
        allowed = set(queries.verbs_for(staff, case, order if verb.of_order else None))
        if verb.slug in offered or set(verb.needs) <= allowed:
            continue
        url = reverse("desk:do", args=[case.number, verb.slug]) + f"?order={order.pk}"
        with transaction.atomic():
            response = client.post(url, {**GIVEN, "other": other.number, "seen": case.version})
            changed = Case.objects.get(pk=case.pk).version != case.version
            transaction.set_rollback(True)
        assert response.status_code in (403, 404, 409, 422), (verb.slug, response.status_code)
        assert not changed, verb.slug
        refused += 1
    assert refused > 5


@pytest.mark.slow
@pytest.mark.parametrize("role", sorted(CASES))
def test_what_is_offered_has_a_form(world: World, role: str) -> None:
    staff, case = world.staff[role], world.told.fresh()
    client = enter(staff)
    for offer in verbs.offers(staff, case):
        url = reverse("desk:do", args=[case.number, offer.verb.slug]) + (
            f"?order={offer.order.pk}" if offer.order else ""
        )
        part = client.get(url, headers={"HX-Request": "true"})
        assert part.status_code == 200
        assert 'name="seen"' in part.content.decode()


@pytest.mark.slow
@pytest.mark.parametrize("code", list(lists.LISTINGS))
def test_each_list_opens_for_each_role(world: World, code: str) -> None:
    for role in CASES:
        assert enter(world.staff[role]).get(reverse("desk:list", args=[code])).status_code == 200


@pytest.mark.slow
def test_an_officer_of_another_unit_finds_no_case(world: World) -> None:
    stranger = enter(world.city.officer("audit"))
    case, order = world.told.fresh(), world.told.order
    number, file = case.number, _file(world)[0]
    gets = [f"/desk/case/{number}/", *(f"/desk/case/{number}/part/{p}/" for p in ("head", "story", "context", "map"))]
    gets += [f"/desk/file/{file}/{form}/" for form in ("shown", "thumb", "original")]
    for url in [*gets, f"/desk/case/{number}/do/reply/?order={order.pk}"]:
        assert stranger.get(url).status_code == 404, url
    assert stranger.post(f"/desk/case/{number}/identity/").status_code == 404
    assert stranger.post(f"/desk/case/{number}/do/sign/?order={order.pk}", {"seen": case.version}).status_code == 404
    assert f"/desk/case/{number}" not in stranger.get(f"/desk/search/?q={number}").content.decode()
    assert Case.objects.get(pk=case.pk).version == case.version


@pytest.mark.slow
def test_orders_of_other_cases_and_guessed_ids_are_not_found(world: World) -> None:
    mine = world.told.fresh()
    theirs = world.city.report("water-outage").dispatched_to()
    client = enter(world.staff["officer"])
    for order in (theirs.order.pk, 1, "0", "", "x", "9" * 30):
        response = client.post(f"/desk/case/{mine.number}/do/sign/?order={order}", {"seen": mine.version})
        assert response.status_code == 404, order
    for number in ("1", "0000000000", "x", "26000000", mine.number + "0", "%00"):
        assert client.get(f"/desk/case/{number}/").status_code == 404
    assert client.get(f"/desk/case/{mine.number}/part/nonsense/").status_code == 404
    assert client.get(f"/desk/case/{mine.number}/do/nonsense/").status_code == 404
    assert client.get("/desk/list/nonsense/").status_code == 404
    assert client.get("/desk/file/1/shown/").status_code == 404


def test_nobody_sees_the_case_against_his_own_unit(world: World) -> None:
    unit = Unit.objects.get(code="audit")
    told = world.city.report("water-leak", against=unit)
    told.dispatched_to()
    assert enter(world.city.officer("audit")).get(f"/desk/case/{told.case.number}/").status_code == 404
