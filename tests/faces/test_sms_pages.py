"""The gateway's pages on the desk: what is going on, single texts, what administrators set, figures."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client as Browser
from django.utils import timezone

from tests.city import City
from tests.faces.test_desk_matrix import enter
from wasl.core.organisation.actions import Refused as RefusedVerb
from wasl.core.organisation.models import Audit, Unit
from wasl.kernel import clock, phone, seal
from wasl.services.texts import actions, queries, steering, tally
from wasl.services.texts.actions import New, Refused, number_place, words_place
from wasl.services.texts.models import (
    Bind,
    BindState,
    Client,
    Ended,
    Incoming,
    Klass,
    Operator,
    Part,
    Ported,
    PortedDraft,
    Queued,
    Review,
    Route,
    Text,
)
from wasl.site.schedule import SCHEDULE

pytestmark = pytest.mark.django_db

NUMBER = "+96892345678"
HOSTILE = "<script>alert(1)</script>"


def operator(code: str = "first", **fields: Any) -> Operator:
    """An operator with one connection, and a route over all of them."""
    made = Operator.objects.create(**{"code": code, "name": code.title(), "prefixes": ["+9689"], **fields})
    Bind.objects.create(operator=made, host="10.0.0.1", system_id="wasl", password_sealed=seal.seal("x", place="bind"))
    route, _new = Route.objects.get_or_create(name="all", defaults={"operators": []})
    route.operators = [*route.operators, made.pk]
    route.save()
    queries.forget()
    return made


def sender(code: str = "fines", **fields: Any) -> Client:
    """A client of the gateway."""
    made = Client.objects.create(**{"code": code, "name": code.title(), "sender": "1111", "best": 1, **fields})
    queries.forget()
    return made


def hand_in(ref: str = "a", words: str = "Your case is closed.", code: str = "fines", **more: Any) -> Text:
    """A text as a client hands it in."""
    (taken,) = actions.queue(code, [New(**{"ref": ref, "number": NUMBER, "words": words, "klass": Klass.CASE, **more})])
    assert not isinstance(taken, Refused), str(taken)
    return Text.objects.get(pk=taken.id)


def in_doubt(ref: str = "a", **more: Any) -> Text:
    """A text of which nobody knows whether the operator took it."""
    one = hand_in(ref, **more)
    Queued.objects.filter(pk=one.pk).delete()
    Text.objects.filter(pk=one.pk).update(
        state="in_doubt", ended_at=clock.now(), error="the operator did not answer", operator=Operator.objects.first()
    )
    one.refresh_from_db()
    return one


def came_in(words: str = "SR 2611", **more: Any) -> Incoming:
    """A text that somebody sent us."""
    row = Incoming(
        **{
            "operator": Operator.objects.get(),
            "code": "90888",
            "look_up": seal.index_of(NUMBER),
            "hint": phone.masked(NUMBER),
            "mark": b"1",
            "session": 1,
            "at": clock.now(),
            **more,
        }
    )
    row.number_sealed = seal.seal(NUMBER, place=number_place(row.pk))
    row.words_sealed = seal.seal(words, place=words_place(row.pk))
    row.save()
    return row


# --- live ---


@pytest.mark.req("J17", "I9")
def test_the_live_page_says_how_each_connection_is_and_what_waits(city: City) -> None:
    one, client = operator(), enter(city.one("supervisor"))
    sender()
    page = client.get("/desk/sms/").content.decode()
    assert "has never been heard of" in page
    state = BindState.objects.create(
        bind=one.binds.get(), bound_since=clock.now(), at=clock.now(), in_flight=3, per_s=12.5, said=HOSTILE
    )
    hand_in()
    hand_in("later", due_at=clock.now() + timedelta(hours=2))
    part = client.get("/desk/sms/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert "bound since" in part
    assert "3 / 10" in part
    assert "12.5" in part
    assert "Fines" in part
    assert HOSTILE not in part
    lane = part[part.index("live-queue") :]
    assert lane.count('<td class="d-num">1</td>') == 2, "one waits, one is due later"
    state.at -= timedelta(minutes=1)
    state.save()
    old = client.get("/desk/sms/").content.decode()
    assert "Nobody carries texts" in old
    assert "bound since" not in old


@pytest.mark.req("J17", "P1")
def test_a_supervisor_switches_an_operator_with_a_reason_that_is_kept(city: City) -> None:
    one, by = operator(), city.one("supervisor")
    client, url = enter(by), f"/desk/sms/steer/operator/{one.pk}/"
    assert client.post(url, {"do": "off", "reason": " "}).status_code == 422
    assert client.post(url, {"do": "off", "reason": "Maintenance until noon"}).status_code == 302
    one.refresh_from_db()
    assert not one.on
    kept = Audit.objects.get(verb="operator.changed", row=one.pk)
    assert (kept.by, kept.after) == (by, {"on": False, "reason": "Maintenance until noon"})
    assert "Maintenance until noon" in client.get(url).content.decode()
    assert client.post(url, {"do": "cancel", "reason": "x"}).status_code == 404
    assert client.post(f"/desk/sms/steer/unit/{one.pk}/", {"do": "off", "reason": "x"}).status_code == 404


def test_a_client_is_held_let_go_and_what_it_has_waiting_taken_back(city: City) -> None:
    operator()
    fines, other = sender(told=True), sender("other")
    for n in range(3):
        hand_in(str(n))
    secret = hand_in("secret", secret=True)
    taken = hand_in("taken")
    Queued.objects.filter(pk=taken.pk).update(taken_by=Operator.objects.get(), taken_at=clock.now())
    hand_in("others", code="other")
    client, url = enter(city.one("supervisor")), f"/desk/sms/steer/client/{fines.pk}/"
    client.post(url, {"do": "hold", "reason": "It floods"})
    fines.refresh_from_db()
    assert fines.held
    assert "held" in client.get("/desk/sms/").content.decode()
    page = client.post(url, {"do": "cancel", "reason": "It floods"}, follow=True).content.decode()
    assert "4 texts taken back" in page
    assert set(Queued.objects.values_list("text__ref", flat=True)) == {"taken", "others"}
    assert Ended.objects.filter(state="cancelled").count() == 4
    secret.refresh_from_db()
    assert secret.words_sealed is None
    assert Audit.objects.get(verb="client.texts_cancelled").after == {"reason": "It floods", "texts": 4}
    client.post(url, {"do": "release", "reason": "Settled"})
    assert not Client.objects.get(pk=fines.pk).held
    assert Queued.objects.filter(client=other).exists()


# --- texts ---


@pytest.mark.req("J17")
def test_texts_are_listed_by_what_is_known_of_them_with_masked_numbers(city: City) -> None:
    operator()
    sender()
    sender("other")
    hand_in("a", klass=Klass.CASE)
    hand_in("b", code="other", klass=Klass.URGENT)
    client = enter(city.one("administrator"))
    page = client.get("/desk/sms/texts/").content.decode()
    assert "+968 •••• 678" in page
    assert NUMBER not in page
    assert "2345678" not in page
    rows = page.split("<tbody>")[1]
    assert "Fines" in rows
    narrow = client.get("/desk/sms/texts/?klass=1&state=queued&day=2000-01-01").content.decode()
    assert "No text fits" in narrow
    narrow = client.get("/desk/sms/texts/?klass=1&state=queued").content.decode().split("<tbody>")[1]
    assert "Other" in narrow
    assert "Fines" not in narrow
    for nonsense in ("?klass=x&client=-1&day=x&before=zz", f"?before={10**30}", "?state=%00"):
        assert client.get(f"/desk/sms/texts/{nonsense}").status_code == 200


@pytest.mark.req("J17", "P1")
def test_a_number_is_looked_for_by_right_and_stands_in_no_address(city: City) -> None:
    operator()
    sender()
    hand_in()
    came_in()
    assert enter(city.one("administrator")).post("/desk/sms/texts/", {"number": NUMBER}).status_code == 403
    client = enter(city.one("supervisor"))
    page = client.post("/desk/sms/texts/", {"number": "٩٢٣٤٥٦٧٨"}).content.decode()
    assert page.count("/desk/sms/texts/") > 1
    assert "/desk/sms/incoming/" in page.split("<tbody>")[1]
    assert NUMBER not in page
    assert "No text fits" in client.post("/desk/sms/texts/", {"number": "92345679"}).content.decode()
    assert client.post("/desk/sms/texts/", {"number": "x"}).status_code == 422


@pytest.mark.req("J17", "P2")
def test_words_and_number_are_shown_for_a_reason_and_each_look_is_kept(city: City) -> None:
    operator()
    sender()
    one = hand_in(words=f"Hello {HOSTILE}")
    url, client = f"/desk/sms/texts/{one.pk}/", enter(city.one("supervisor"))
    assert "Hello" not in client.get(url).content.decode()
    assert client.post(url, {"do": "read", "reason": ""}).status_code == 422
    page = client.post(url, {"do": "read", "reason": "She asked what we wrote"}).content.decode()
    assert NUMBER in page
    assert "Hello &lt;script&gt;" in page
    kept = Audit.objects.get(verb="text.read")
    assert kept.after == {"reason": "She asked what we wrote"}
    assert NUMBER not in str(kept.before)
    administrator = enter(city.one("administrator"))
    assert administrator.post(url, {"do": "read", "reason": "x"}).status_code in (403, 422)
    assert "Hello" not in administrator.get(url).content.decode()
    assert Audit.objects.filter(verb="text.read").count() == 1


@pytest.mark.req("Q1", "P2")
def test_a_secret_text_is_read_by_nobody(city: City) -> None:
    operator()
    sender()
    one = hand_in(words="Your salary is 812", secret=True)
    client, url = enter(city.one("supervisor")), f"/desk/sms/texts/{one.pk}/"
    page = client.post(url, {"do": "read", "reason": "x"}).content.decode()
    assert "812" not in page
    assert NUMBER not in page
    assert not Audit.objects.filter(verb="text.read").exists()


@pytest.mark.req("J10")
def test_the_life_of_a_text_is_told_with_the_operators_words(city: City) -> None:
    one = operator()
    sender()
    text = hand_in()
    Queued.objects.filter(pk=text.pk).delete()
    Text.objects.filter(pk=text.pk).update(
        state="failed", operator=one, accepted_at=clock.now(), ended_at=clock.now(), error="UNDELIVERABLE 034"
    )
    Part.objects.create(
        text=text, operator=one, key="7f3a", accepted_at=clock.now(), state="UNDELIVERABLE", error="034"
    )
    page = enter(city.one("administrator")).get(f"/desk/sms/texts/{text.pk}/").content.decode()
    for words in ("queued", "taken by the operator", "failed", "UNDELIVERABLE 034", "7f3a"):
        assert words in page, words


def test_what_came_in_leads_to_its_answer_and_back(city: City) -> None:
    operator()
    house = actions.house()
    asked = came_in(state="done", done_at=clock.now())
    reply = hand_in(f"reply:{asked.pk}", "It is with the unit.", code=house.code)
    client = enter(city.one("supervisor"))
    assert f"/desk/sms/texts/{reply.pk}/" in client.get(f"/desk/sms/incoming/{asked.pk}/").content.decode()
    assert f"/desk/sms/incoming/{asked.pk}/" in client.get(f"/desk/sms/texts/{reply.pk}/").content.decode()
    assert "+968 •••• 678" in client.get("/desk/sms/incoming/?code=90888&state=done").content.decode()
    shown = client.post(f"/desk/sms/incoming/{asked.pk}/", {"do": "read", "reason": "Call back"}).content.decode()
    assert "SR 2611" in shown
    assert Audit.objects.filter(verb="text.read", kind="incoming").count() == 1


@pytest.mark.req("J10")
def test_what_is_in_doubt_is_sent_again_or_left_by_hand(city: City) -> None:
    operator()
    sender(told=True)
    again, left, third = in_doubt("a"), in_doubt("b"), in_doubt("c")
    Ended.objects.create(text=again, state="in_doubt", at=clock.now())
    client, by = enter(city.one("supervisor")), city.one("supervisor")
    page = client.get("/desk/sms/texts/?state=in_doubt").content.decode()
    assert page.count('name="text"') == 3
    client.post("/desk/sms/texts/", {"do": "again", "text": [again.pk, 0, "x"]})
    client.post(f"/desk/sms/texts/{left.pk}/", {"do": "leave"})
    again.refresh_from_db()
    assert (again.state, again.repeated, again.ended_at) == ("queued", True, None)
    assert Queued.objects.get().text == again
    assert not Ended.objects.exists()
    left.refresh_from_db()
    assert (left.state, left.left_at is not None) == ("in_doubt", True)
    for verb in (steering.send_again, steering.leave):
        with pytest.raises(RefusedVerb, match="doubt no more"):
            verb(left, by=by)
    page = client.get("/desk/sms/texts/?state=in_doubt").content.decode()
    assert page.count('name="text"') == 1
    assert f'value="{third.pk}"' in page
    assert Audit.objects.filter(verb__in=["text.sent_again", "text.left"], by=by).count() == 2


# --- what administrators set ---


@pytest.mark.req("J11")
def test_an_operator_its_connection_and_a_route_are_made_without_a_file(city: City) -> None:
    client, by = enter(city.administrator), city.administrator
    facts = {
        "code": "second", "name": "Second", "prefixes": "+٩٦٨٧, 96871", "per_s": "٢٠", "window": "10", "cost": "0.005",
        "alphabet": "gsm", "long_way": "udh-8", "response_ids": "plain", "receipt_ids": "hex",
    }  # fmt: skip
    assert client.post("/desk/sms/operators/new/", {**facts, "prefixes": "+968x"}).status_code == 422
    assert client.post("/desk/sms/operators/new/", facts).status_code == 302
    one = Operator.objects.get(code="second")
    assert (one.prefixes, one.per_s) == (["+9687", "+96871"], 20)
    bind = {"host": "10.0.0.2", "port": "2775", "system_id": "wasl", "password": "hunter2", "way": "transceiver"}
    url = f"/desk/sms/operators/{one.pk}/connection/"
    assert client.post(url, {**bind, "host": "a b"}).status_code == 422
    assert client.post(url, {**bind, "on": "on"}).status_code == 302
    made = one.binds.get()
    assert seal.unseal(bytes(made.password_sealed or b""), place="bind") == "hunter2"
    url = f"/desk/sms/connections/{made.pk}/"
    assert "hunter2" not in client.get(url).content.decode()
    assert client.post(url, {**bind, "password": "", "port": "2776"}).status_code == 302
    made.refresh_from_db()
    assert seal.unseal(bytes(made.password_sealed or b""), place="bind") == "hunter2"
    assert (made.port, made.on) == (2776, False)
    assert client.post(url, {**bind, "password": "other", "port": "2776"}).status_code == 302
    kept = Audit.objects.filter(kind="bind", row=made.pk).order_by("pk")
    assert [one.verb for one in kept] == ["bind.made", "bind.changed", "bind.changed"]
    assert kept[2].after == {"password": "new"}
    assert not any("hunter2" in str(one.after) or "sealed" in str(one.after) for one in kept)
    route = {"name": "Everything", "place": "5", "carrier_0": str(one.pk), "klasses": ["1", "3"], "on": "on"}
    assert client.post("/desk/sms/routes/new/", {**route, "carrier_0": ""}).status_code == 422
    assert client.post("/desk/sms/routes/new/", route).status_code == 302
    kept_route = Route.objects.get(name="Everything")
    assert (kept_route.operators, kept_route.klasses) == ([one.pk], [1, 3])
    page = client.get("/desk/sms/operators/").content.decode()
    assert "Everything" in page
    assert "hunter2" not in page
    assert Audit.objects.filter(by=by, verb="route.made").count() == 1
    assert "made the route of SMS" in client.get("/desk/setup/audit/").content.decode()


@pytest.mark.req("J11")
def test_the_rules_of_a_class_are_changed_and_count(city: City) -> None:
    client = enter(city.administrator)
    url = "/desk/sms/classes/5/"
    assert 'value="21:00"' in client.get(url).content.decode()
    assert client.post(url, {"worth_min": "60", "quiet_from": "22:00"}).status_code == 422
    assert client.post(url, {"worth_min": "0"}).status_code == 422
    assert queries.settings().rules[5].worth_min == 24 * 60
    assert client.post(url, {"worth_min": "60"}).status_code == 302
    rule = queries.settings().rules[5]
    assert (rule.worth_min, rule.quiet_from, rule.repeat) == (60, None, False)
    assert client.get("/desk/sms/classes/9/").status_code == 404


@pytest.mark.req("J11")
def test_where_a_text_would_go_is_told_with_the_reason_and_is_where_it_goes(city: City) -> None:
    first, second = operator(), operator("second", prefixes=["+9687"])
    Route.objects.filter(name="all").update(place=50)
    Route.objects.create(name="their own", place=1, home=second, operators=[second.pk])
    Route.objects.create(name="codes", place=2, klasses=[1], operators=[first.pk])
    queries.forget()
    fines, client = sender(), enter(city.administrator)
    asked = {"number": "92345678", "client": str(fines.pk), "klass": "3", "sender": ""}
    page = client.post("/desk/sms/operators/", asked).content.decode()
    for words in ("It takes the route “all”", "only for numbers of Second", "not for this class", "begins with +9689"):
        assert words in page, words
    hand_in()
    assert Queued.objects.get().route.name == "all"
    page = client.post("/desk/sms/operators/", {**asked, "klass": "1"}).content.decode()
    assert "It takes the route “codes”" in page
    assert client.post("/desk/sms/operators/", {**asked, "number": "x"}).status_code == 422
    Operator.objects.update(on=False)
    queries.forget()
    assert "no route fits" in client.post("/desk/sms/operators/", asked).content.decode()


@pytest.mark.req("J11")
def test_ported_numbers_are_shown_before_they_count(city: City) -> None:
    operator()
    second = operator("second", prefixes=["+9687"])
    Route.objects.create(name="their own", place=1, home=second, operators=[second.pk])
    queries.forget()
    sender()
    client = enter(city.administrator)
    lines = f"number,operator\n{NUMBER},second\n٩٢٣٤٥٦٧٩,second\n+96892345670,\nnonsense,second\n+96892345671,nobody\n"
    file = SimpleUploadedFile("ported.csv", lines.encode())
    page = client.post("/desk/sms/ported/", {"do": "read", "file": file}).content.decode()
    assert "Line 5" in page
    assert "no operator nobody" in page
    assert not Ported.objects.exists()
    draft = PortedDraft.objects.get()
    assert NUMBER.encode() not in bytes(draft.packed)
    assert client.post("/desk/sms/ported/", {"do": "take", "draft": draft.pk}).status_code == 302
    assert Ported.objects.count() == 2
    hand_in()
    assert Queued.objects.get().route.name == "their own"
    assert client.post("/desk/sms/ported/", {"do": "take", "draft": draft.pk}).status_code == 404
    file = SimpleUploadedFile("ported.csv", f"{NUMBER}\n".encode())
    client.post("/desk/sms/ported/", {"do": "read", "file": file})
    client.post("/desk/sms/ported/", {"do": "take", "draft": PortedDraft.objects.get().pk})
    assert Ported.objects.count() == 1
    assert Audit.objects.filter(verb="ported.taken").count() == 2
    wrong = SimpleUploadedFile("ported.csv", b"\xff\xfe\x00")
    assert client.post("/desk/sms/ported/", {"do": "read", "file": wrong}).status_code == 422


# --- figures ---


def ended(ref: str, state: str = "delivered", *, after_s: float = 3, days: int = 0, **more: Any) -> Text:
    """A text that was taken within half of `after_s` seconds and ended after it, so many days ago."""
    one = hand_in(ref, **more)
    Queued.objects.filter(pk=one.pk).delete()
    at = clock.now() - timedelta(days=days)
    Text.objects.filter(pk=one.pk).update(
        state=state,
        operator=Operator.objects.first(),
        made_at=at,
        accepted_at=at + timedelta(seconds=after_s / 2),
        ended_at=at + timedelta(seconds=after_s),
    )
    one.refresh_from_db()
    return one


def in_figures(url: str, client: Any) -> str:
    return str(client.get(url).content.decode())


@pytest.mark.req("J16", "J17", "J18", "Q4", "R8")
def test_figures_are_counted_from_the_texts_however_often(city: City) -> None:
    with clock.held(datetime(2026, 11, 20, 9, 0, tzinfo=UTC)):
        one = operator(cost=Decimal("0.01"), per_s=1)
        sender(audience="g2b")
        sender("other")
        for n in range(3):
            ended(str(n), words="x" * 200)
        ended("slow", after_s=40)
        ended("lost", "failed")
        ended("old", days=5)
        hand_in("waits", code="other")
        came_in(state="done")
        for _again in range(2):
            tally.count_lately()
        rows = tally.figures(date(2026, 11, 20), date(2026, 11, 20), by="client")
        fines = next(one for one in rows if one.made == 5)
        assert (fines.delivered, fines.failed, fines.accepted, fines.ended) == (4, 1, 5, 5)
        assert (fines.parts, fines.cost) == (3 * 2 + 2, Decimal("0.08"))
        assert fines.share == 0.8
        assert (fines.accepted_within(0.5), fines.accepted_within(0.95)) == (2, 30)
        assert (fines.delivered_within(0.5), fines.delivered_within(1)) == (5, 60)
        assert sum(one.made for one in rows) == 6
        assert not tally.figures(date(2026, 11, 15), date(2026, 11, 15)), "counted by night only"
        assert tally.count_deferred in [job for jobs in SCHEDULE.values() for job in jobs]
        tally.count_deferred()
        assert tally.figures(date(2026, 11, 15), date(2026, 11, 15))[0].made == 1
        Operator.objects.update(cost=Decimal("0.05"))
        tally.count_deferred()
        assert tally.figures(date(2026, 11, 15), date(2026, 11, 15))[0].cost == Decimal("0.01"), "as it was then"
        Operator.objects.update(cost=Decimal("0.01"))
        tally.count_lately()
        (room,) = tally.room(date(2026, 11, 20), date(2026, 11, 20))
        assert (room.operator, room.peak and room.peak.parts, room.allowed) == (one, 8, 60)
        assert tally.received(date(2026, 11, 1), date(2026, 11, 30)) == [("90888", 1, 1)]
    client = enter(city.one("supervisor"))
    span = "since=2026-11-01&until=2026-11-30"
    page = in_figures(f"/desk/sms/figures/?by=operator&period=month&{span}", client)
    for words in ("November 2026", "First", "83.3 %", "90888"):
        assert words in page, words
    assert "business" in in_figures(f"/desk/sms/figures/?by=audience&period=day&{span}", client)
    sheet = in_figures(f"/desk/sms/figures/figures.csv?by=client&period=month&{span}", client)
    assert "2026-11-01,Fines,6,6,9,5,1,0,0,0,0.833,0.0900,2,30,5,60" in sheet
    for nonsense in ("by=x&period=y&since=2026-99-99", "since=0001-01-01&until=9999-12-31", "by=unit&since=2026-01-01"):
        assert client.get(f"/desk/sms/figures/?{nonsense}").status_code == 200


@pytest.mark.req("J17")
def test_a_month_is_signed_off_with_its_figures(city: City) -> None:
    operator()
    sender()
    ended("a")
    tally.count_lately()
    client = enter(city.one("supervisor"))
    month = timezone.localdate(clock.now()).replace(day=1)
    assert client.post("/desk/sms/reviews/", {"month": month.isoformat(), "remarks": " "}).status_code == 422
    assert client.post("/desk/sms/reviews/", {"month": "1999-01-01", "remarks": "x"}).status_code == 422
    given = {"month": month.isoformat(), "remarks": f"As agreed. {HOSTILE}"}
    assert client.post("/desk/sms/reviews/", given).status_code == 302
    kept = Review.objects.get()
    assert (kept.by, kept.figures["made"], kept.figures["delivered"]) == (city.one("supervisor"), 1, 1)
    page = client.get("/desk/sms/reviews/").content.decode()
    assert "As agreed." in page
    assert HOSTILE not in page


@pytest.mark.slow
@pytest.mark.req("J17")
def test_counting_reads_the_days_that_it_counts_not_all_texts(city: City) -> None:
    operator()
    one = sender()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO texts_text (id, client_id, ref, klass, number_sealed, look_up, hint, sender, secret, parts,"
            " state, repeated, made_at, error)"
            " SELECT -n, %s, n::text, 3, '', '', '', '', false, 1, 'delivered', false,"
            " now() - (100000 - n) * interval '5 minutes', '' FROM generate_series(1, 100000) n",
            [one.pk],
        )
        cursor.execute("ANALYZE texts_text")
        since = clock.now() - timedelta(days=3)
        facts: dict[str, Any] = {"zone": "Asia/Muscat", "since": since, "steps": list(tally.STEPS_S)}
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) {tally.TALLY}", facts)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    print(plan)
    assert "Bitmap Index Scan on text_made" in plan
    assert "Seq Scan on texts_text" not in plan


@pytest.mark.req("R8")
def test_everybody_reads_what_the_texts_cost_but_not_of_few(city: City) -> None:
    operator(cost=Decimal("0.01"))
    unit = Unit.objects.get(code="roads")
    sender(unit=unit)
    sender("small", unit=Unit.objects.get(code="audit"))
    for n in range(10):
        ended(str(n))
    ended("few", code="small")
    ended("none", code=actions.house().code)
    tally.count_lately()
    page = Browser().get("/sms/", headers={"Accept-Language": "en"}).content.decode()
    assert str(unit) in page
    assert str(Unit.objects.get(code="audit")) not in page
    assert "the others" in page
    assert "0.120" in page
    assert "100 %" in page
    assert "Fines" not in page
