"""Finding cases by words in three languages, by name and by address, within what one may see."""

import pytest

from tests.city import City, Told
from wasl.core.cases import actions, forgetting, persons, queries, search
from wasl.core.cases.models import Case, KnownWord, SearchText
from wasl.core.people.actions import Reach
from wasl.kernel import clock

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True, params=["walked", "looked up"])
def _either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few texts are all walked; with so little to walk the index of words is asked for all but the newest."""
    if request.param == "looked up":
        monkeypatch.setattr(search, "WALKED", 1)
        monkeypatch.setattr(search, "WORTH_WALKING", 10**9)


def found(city: City, text: str, *, by: str = "agent") -> list[int]:
    return list(search.by_words(text, queries.visible_to(getattr(city, by))).cases)


@pytest.mark.req("E6", "P4")
@pytest.mark.parametrize(
    ("body", "typed"),
    [
        ("Street lights are not working beside the mosque", "light"),
        ("The pothole grows", "POTHOLES"),
        ("تسرّب مياه في الشارع، أمام المدرسة", "الشارع مدرسه"),
        ("حفره كبيره فى الطريق", "الحفرة الكبيرة"),
        ("سيارات متروكة", "سيارة"),
        ("小区的路灯不亮已经三天了", "路灯不亮"),
        ("小区的路灯不亮", "灯"),
        ("小区的路灯不亮", "亮"),
        ("12号楼没有热水", "热水 12"),
        ("الحاوية رقم ٤٧١١ ممتلئة", "4711"),
        ("Villa 4711B", "villa ٤٧١١b"),
    ],
)
def test_a_word_is_found_in_every_language_and_form(city: City, body: str, typed: str) -> None:
    told = city.report(body=body)
    city.report(body="Something else altogether 完全不同 شيء آخر")
    assert found(city, typed) == [told.case.pk]


@pytest.mark.req("E6")
def test_place_and_typed_answers_and_remarks_are_found(city: City) -> None:
    told = city.report(body="It leaks", address="Way 2715, behind Zawawi mosque", answers={"plate": "AB 7731"})
    actions.note(told.case, by=city.agent, text="The caretaker has the key of the pump room")
    for typed in ("zawawi", "way 2715", "7731", "caretaker pump", "leak caretaker"):
        assert found(city, typed) == [told.case.pk], typed


def test_all_words_must_stand_in_the_case(city: City) -> None:
    city.report(body="Water on the road")
    assert found(city, "water elephant") == []


def test_the_better_match_comes_first(city: City) -> None:
    loose = city.report(body="A lamp " + "and very many other words that say nothing of it at all " * 5)
    close = city.report(body="The lamp: a broken lamp")
    city.report(body="Nothing")
    assert found(city, "lamp") == [close.case.pk, loose.case.pk]


@pytest.mark.req("E6")
@pytest.mark.parametrize(
    ("body", "typed"),
    [
        ("pothole", "pothle"),
        ("pothole", "photole"),
        ("garbage", "garbege"),
        ("تسريب", "تسرب"),
        ("انترنت", "انترنيت"),
        ("كهرباء", "كهربئاء"),
    ],
)
def test_one_slip_is_understood(city: City, body: str, typed: str) -> None:
    made = [city.report(body=body, reach=Reach()).case.pk for _ in range(2)]
    assert search.learn_words() > 0
    result = search.by_words(typed, queries.visible_to(city.agent))
    assert sorted(result.cases) == sorted(made)
    assert result.loosely
    assert any(hit for _words, hit in result.excerpt(body))


def test_a_longer_word_and_part_of_a_chinese_run_are_found_when_nothing_else_is(city: City) -> None:
    one, two = city.report(body="Wastewater overflows").case.pk, city.report(body="小区的路灯坏了").case.pk
    assert found(city, "wastew") == [one]
    assert found(city, "路灯不亮") == [two]


def test_what_is_learned_is_unlearned_with_its_texts(city: City) -> None:
    for _ in range(2):
        city.report(body="Zanzibar")
    search.learn_words()
    assert KnownWord.objects.filter(word="zanzibar").exists()
    SearchText.objects.all().delete()
    search.learn_words()
    assert not KnownWord.objects.exists()


def test_who_matches_often_is_looked_for_among_the_newest(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "WALKED", 2)
    monkeypatch.setattr(search, "WALKED_MOST", 4)
    monkeypatch.setattr(search, "WORTH_WALKING", 2)
    for _ in range(6):
        city.report(body="Water on the road")
    result = search.by_words("water road", queries.visible_to(city.agent))
    assert len(result.cases) == 5, "the fifth is where the walk ends"
    assert result.more


def test_words_that_say_nothing_are_not_looked_for(city: City) -> None:
    city.report(body="It is in the street")
    result = search.by_words("the is في", queries.visible_to(city.agent))
    assert (result.cases, result.sought) == ((), ())


@pytest.mark.parametrize(
    "typed", ["'", "\\", "a' | 'b", "!()&|<->:*", "''::tsquery", "%%", "\x00", "a" * 5000, "🙂", "\ud800", "ـــ", "الـ"]
)
def test_no_text_breaks_the_query(city: City, typed: str) -> None:
    told = city.report(body=f"x {typed.replace(chr(0), '').encode(errors='ignore').decode()} x")
    search.by_words(typed, queries.visible_to(city.agent))
    assert found(city, "x") == [told.case.pk]


@pytest.mark.req("P1")
def test_an_officer_finds_only_what_he_may_see(city: City) -> None:
    told = city.report(body="Zebra on the loose").dispatched_to("water")
    other = city.report(body="Zebra crossing worn away")
    officer = city.officer("water")
    assert list(search.by_words("zebra", queries.visible_to(officer)).cases) == [told.case.pk]
    against = city.report(body="Zebra was rude", against=told.order.unit)
    result = search.by_words("rude", queries.visible_to(officer))
    assert not result.cases
    assert not search.by_words("zebra rude", queries.visible_to(officer)).cases
    for _ in range(2):
        city.report(body="Quagga").registered()
    search.learn_words()
    assert not search.by_words("quaga", queries.visible_to(officer)).cases
    assert set(found(city, "zebra")) == {told.case.pk, other.case.pk, against.case.pk}


def closed(told: Told) -> Told:
    told.dispatched_to("water").replied().told().confirmed()
    told.case.refresh_from_db()
    if told.case.state != "closed":
        actions.close(told.case, by=told.city.supervisor)
    return told


@pytest.mark.req("P4")
def test_what_is_forgotten_is_no_longer_found(city: City) -> None:
    told = closed(city.report(body="Zebra", reach=Reach(name="Salim Al Harthy", mail="s@example.com")))
    actions.publish(told.fresh(), by=city.second_line, text="An animal was brought home")
    assert found(city, "zebra") == [told.case.pk]
    person = told.case.requester
    assert person is not None
    assert search.by_name("harthy", city.agent).exists()
    forgetting.forget(person, by=city.supervisor)
    assert found(city, "zebra") == []
    assert found(city, "animal brought") == [told.case.pk]
    assert not search.by_name("harthy", city.agent).exists()
    person.refresh_from_db()
    assert person.name_words is None


def test_retention_takes_it_from_search_too(city: City) -> None:
    told = closed(city.report(body="Zebra"))
    forgetting.retain(clock.now(), by=None)
    assert SearchText.objects.filter(case=told.case).count() == 0


@pytest.mark.req("P4")
@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("مريم بنت سالم البلوشي", "مريم بلوشي"),
        ("أحمد", "احمد"),
        ("Aisha Al-Balushi", "al balushi AISHA"),
        ("王小明", "王小明"),
        ("王小明", "小明"),
        ("José", "jose"),
    ],
)
def test_people_are_found_by_name(city: City, name: str, typed: str) -> None:
    told = city.report(reach=Reach(name=name))
    city.report(reach=Reach(name="Somebody Else"))
    assert [c.pk for c in search.by_name(typed, city.agent)] == [told.case.pk]


@pytest.mark.req("P1", "P4")
def test_who_may_not_read_identities_finds_nobody_by_name_or_number(city: City) -> None:
    told = city.report(reach=Reach(name="Salim", phone="92345678", mail="salim@example.com")).dispatched_to("water")
    officer, leader = city.officer("water"), city.leader
    assert queries.visible_to(officer).filter(pk=told.case.pk).exists()
    for staff in (officer, leader):
        assert not search.may_ask_who(staff)
        assert not search.by_name("Salim", staff).exists()
        assert not search.by_address("92345678", staff).exists()
    for typed in ("9234 5678", "+968 ٩٢٣٤٥٦٧٨", "SALIM@example.com"):
        assert [c.pk for c in search.by_address(typed, city.agent)] == [told.case.pk], typed
    assert not search.by_address("salim", city.agent).exists()
    assert not search.by_name("...", city.agent).exists()


def test_a_joined_record_is_found_by_its_old_name_and_number(city: City) -> None:
    one = city.report(reach=Reach(name="Salim", phone="92345678")).case
    two = city.report(reach=Reach(name="Salem Mohsin", mail="s@example.com")).case
    assert one.requester
    assert two.requester
    persons.merge(one.requester, two.requester, by=city.supervisor)
    assert {c.pk for c in search.by_name("mohsin", city.agent)} == {one.pk, two.pk}
    assert {c.pk for c in search.by_address("s@example.com", city.agent)} == {one.pk, two.pk}


def test_the_name_lies_nowhere_open(city: City) -> None:
    told = city.report(reach=Reach(name="Salim Unsealed"))
    person = told.case.requester
    assert person is not None
    assert person.name_words is not None
    assert len(person.name_words) == 2
    assert found(city, "unsealed") == []


def test_the_excerpt_stands_around_the_hit(city: City) -> None:
    body = "Before. " * 100 + "Here is the zebra, look. " + "After. " * 100
    told = city.report(body=body)
    result = search.by_words("zebras", queries.visible_to(city.agent))
    pieces = result.excerpt(search.bodies_of(result, [told.case.pk])[told.case.pk])
    assert [words for words, hit in pieces if hit] == ["zebra"]
    assert len("".join(words for words, _ in pieces)) < 260
    assert Case.objects.filter(pk=told.case.pk).exists()
