"""Articles: written in versions, refused where they are too long, the same on every channel, counted."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.city import City
from wasl.core.organisation import rights
from wasl.core.organisation.actions.audit import Refused
from wasl.core.organisation.models import Audit
from wasl.kernel import clock
from wasl.services import articles as package
from wasl.services.articles import actions, checking, queries
from wasl.services.articles.models import Article, ArticleUse, ArticleVersion
from wasl.services.calls import actions as calls
from wasl.services.calls import flows
from wasl.services.calls.models import Line
from wasl.services.dialogue import actions as dialogue
from wasl.services.dialogue.said import Said

pytestmark = [pytest.mark.django_db, pytest.mark.req("A4", "C6", "C12", "M3")]
SHIPPED: dict[str, Any] = json.loads((Path(package.__file__).parent / "shipped.json").read_text())


def measured(_language: str, text: str) -> float:
    """As the engine: some fifteen signs a second."""
    return len(text) / 15


def rewritten(code: str, words: str, city: City) -> ArticleVersion:
    """The article, published with these words in every form of every language."""
    article = Article.objects.get(code=code)
    assert article.current
    content = actions.content_of(article.current)
    every = dict.fromkeys(("ar", "en", "zh"), words)
    content = replace(content, full=every, voice=every, short={code: text[:90] for code, text in every.items()})
    by = city.supervisor
    held = actions.save(article, content, by=by, seen=actions.stamp(actions.draft_of(article) or article.current))
    return actions.publish(article, by=by, seen=actions.stamp(held), measure=measured)


def texted(words: str, number: int = 1) -> str:
    """The answer to a text to 90888; no two texts come from the same telephone."""
    (reply,) = dialogue.answer([Said(number, f"+96892{number:06}", "90888", words, clock.now())])
    assert reply
    return reply.words


def heard(*keys: str) -> tuple[Any, str]:
    """A call in English that keys this in the menu: its walk, and the words of the last act."""
    _call, walk = calls.came(f"leg{Article.objects.count()}{'-'.join(keys)}{clock.now().timestamp()}", "1111", "")
    assert walk
    act = walk.begin()
    for key in ("2", *keys):
        act = walk.keyed(key)
    return walk, " ".join(one.text for one in act.says)


def test_the_four_topics_are_there_in_three_languages() -> None:
    held = queries.in_force()
    assert [(one.article.code, one.article.number, one.number) for one in held[:4]] == [
        (code, n, 1) for n, code in enumerate(actions.FIXED, 1)
    ]
    for one in held[:4]:
        assert not list(checking.problems(actions.content_of(one), measured))


def test_shipping_again_changes_nothing_and_leaves_what_somebody_wrote(city: City) -> None:
    before = ArticleVersion.objects.count()
    actions.ship()
    assert ArticleVersion.objects.count() == before
    rewritten("scope", "We take all.", city)
    actions.ship()
    assert queries.one("scope").full["en"] == "We take all."  # type: ignore[union-attr]  # it is there
    newer = json.loads(json.dumps({"policies": SHIPPED["policies"]}))
    newer["policies"]["titles"]["en"] = "Rules"
    actions.load(newer, fixed=True)
    held = queries.one("policies")
    assert held
    assert (held.titles["en"], held.mark) == ("Rules", "1.2"), "what nobody changed is renewed"


def test_drafts_publish_and_go_back(city: City) -> None:
    by, article = city.supervisor, Article.objects.get(code="scope")
    first = article.current
    assert first
    content = actions.content_of(first)
    draft = actions.save(article, replace(content, titles={"en": "New"}), by=by, seen=actions.stamp(first))
    assert queries.one("scope") == first, "a draft is nobody's"
    with pytest.raises(Refused, match="in the meantime"):
        actions.save(article, content, by=city.administrator, seen=actions.stamp(first))
    with pytest.raises(Refused, match="العربية: the title is missing"):
        actions.publish(article, by=by, seen=actions.stamp(draft), measure=measured)
    second = rewritten("scope", "Second.", city)
    assert second.mark == "2.2"
    article.refresh_from_db()
    third = actions.go_back(article, first, by=by, measure=measured)
    held = queries.one("scope")
    assert held
    assert (held.mark, held.full) == ("2.3", first.full)
    assert third.made_by == by
    assert list(Audit.objects.filter(kind="article").values_list("verb", flat=True)) == ["article.published"] * 2
    draft = actions.save(article, content, by=by, seen=actions.stamp(held))
    actions.discard(article, by=by, seen=actions.stamp(draft))
    assert actions.draft_of(article) is None


def test_what_speaks_for_more_than_a_minute_is_refused_with_a_sentence(city: City) -> None:
    with pytest.raises(Refused, match="中文: the voice form takes 67 seconds; at most 60 go"):
        rewritten("scope", "word " * 200, city)
    article = Article.objects.get(code="scope")
    held = actions.draft_of(article)
    with pytest.raises(Refused, match="could not be spoken"):
        actions.publish(article, by=city.supervisor, seen=actions.stamp(held), measure=lambda _l, _t: 0.0)


def test_the_short_form_takes_three_parts(city: City) -> None:
    wrong = list(checking.problems(replace(_content(), short=dict.fromkeys(("ar", "en", "zh"), "字" * 200)), measured))
    assert len([one for one in wrong if "takes 4 parts of SMS; at most 3 go" in one]) == 3


def _content() -> checking.Content:
    held = queries.one("scope")
    assert held
    return actions.content_of(held)


def test_only_who_may_writes_and_withdraws(city: City) -> None:
    article = Article.objects.get(code="bulky-waste")
    for act in (
        lambda: actions.save(article, _content(), by=city.agent, seen=""),
        lambda: actions.publish(article, by=city.agent, seen="", measure=measured),
        lambda: actions.begin("x", by=city.agent),
        lambda: actions.withdraw(article, by=city.agent, named=()),
        lambda: actions.discard(article, by=city.agent, seen=""),
        lambda: actions.go_back(article, article.current, by=city.agent, measure=measured),  # type: ignore[arg-type]  # it is there
    ):
        with pytest.raises(rights.Forbidden):
            act()
    with pytest.raises(Refused, match="voice menu"):
        actions.withdraw(article, by=city.supervisor, named={"bulky-waste"})
    actions.withdraw(article, by=city.supervisor, named=())
    assert queries.one("bulky-waste") is None
    with pytest.raises(Refused, match="four topics"):
        actions.withdraw(Article.objects.get(code="scope"), by=city.supervisor, named=())
    with pytest.raises(Refused, match="of this code"):
        actions.begin("scope", by=city.supervisor)
    assert actions.begin("new-one", by=city.supervisor).number == 8


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("What do you accept?", "scope"),
        ("كيف تعالج الشكاوى ضد الموظفين", "complaints"),
        ("停水了怎么办", "water-cut"),
        ("they should collect my old furniture", "bulky-waste"),
        ("مخالفات سيارتي", "vehicle-fines"),
    ],
)
def test_words_find_an_article(city: City, words: str, code: str) -> None:
    assert queries.suggest(words)[0].version.article.code == code


def test_a_category_finds_its_article(city: City) -> None:
    assert [one.version.article.code for one in queries.suggest("", category="green-waste")] == ["bulky-waste"]
    assert queries.suggest("") == []


@pytest.mark.req("C14", "J3")
def test_by_sms(city: City) -> None:
    scope = queries.one("scope")
    assert scope
    assert texted("INFO 2", 1) == f"{scope.short['ar']} (2.1)", "of no language: that of the short code"
    assert texted("info which policies and regulations", 2).endswith("(1.1)")
    assert "2 What the hotline accepts\n3 How acceptance works" in texted("info what does the hotline accept", 8)
    assert texted("معلومات ٢", 3) == f"{scope.short['ar']} (2.1)"
    assert texted("咨询2", 4) == f"{scope.short['zh']} (2.1)"
    assert texted("INFO 2.7", 5).endswith("(2.1)"), "what is cited leads to what is in force"
    listed = texted("INFO", 6)
    assert "2 نطاق القبول" in listed
    assert texted("3", 6).endswith("(3.1)"), "a number after the list, and not a verdict"
    assert "2 نطاق القبول" in texted("INFO 99", 7), "a number that there is not: what there is"
    uses = {(one.version.mark, one.channel): one.count for one in ArticleUse.objects.select_related("version__article")}
    assert uses[("3.1", "sms")] == 1
    assert uses[("2.1", "sms")] >= 3


@pytest.mark.req("J3")
def test_who_tries_it_out_is_not_counted(city: City) -> None:
    (reply,) = dialogue.rehearse([Said(1, "+96892000001", "90888", "INFO 2", clock.now())])
    assert reply
    assert reply.words.endswith("(2.1)")
    assert not ArticleUse.objects.exists()


@pytest.mark.req("C13", "C14")
def test_by_voice_and_a_live_call_keeps_what_it_began_with(city: City) -> None:
    flows.ship()
    assert flows.problems(flows.shipped()) == []
    walk, said = heard("3", "2")
    assert said.startswith("The hotline accepts what concerns")
    assert walk.told == ["2.1"]
    calls.told(walk)
    assert walk.told == []
    assert walk.keyed_so_far() == {"scope": "2.1"}
    rewritten("scope", "All is new.", city)
    again = " ".join(one.text for one in walk.keyed("2").says)
    assert again.startswith("The hotline accepts what concerns"), "a live call keeps what it began with"
    _other, now = heard("3", "2")
    assert now.startswith("All is new.")
    assert walk.keyed("0").queue or walk.at == "mailbox", "a person at the same step"
    assert Line.objects.count() == 1
    assert ArticleUse.objects.get().count == 1


def test_what_a_voice_menu_says_is_known(city: City) -> None:
    flows.ship()
    assert flows.articles_named() == set(actions.FIXED)
    data = flows.shipped()
    data["nodes"]["scope"]["article"] = "moon"
    assert "no article “moon”" in " ".join(flows.problems(data))
    spoken = flows.articles_spoken()
    assert len(spoken) >= 12
    assert {one.language for one in spoken} == {"ar", "en", "zh"}
