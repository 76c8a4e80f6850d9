"""Quality of calls: the lot, the score form, two who judge alone, appeals, figures; and its pages."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.city import City
from wasl.core.organisation.actions.audit import Refused
from wasl.core.organisation.models import Audit, Post, Staff
from wasl.core.organisation.rights import Forbidden
from wasl.kernel import clock
from wasl.services.calls.models import Call, Recording
from wasl.services.quality import actions, queries
from wasl.services.quality.models import Check, Criterion, Score

pytestmark = [pytest.mark.django_db, pytest.mark.req("P2")]
MONTH = date(2026, 10, 1)


def recorded(agent: Staff, day: int, count: int = 1, *, ms: int = 60_000, month: int = 10) -> list[Recording]:
    """Calls of this agent on a day, with their recordings."""
    made = []
    for n in range(count):
        at = datetime(2026, month, day, 8, tzinfo=UTC) + timedelta(minutes=n)
        call = Call.objects.create(
            channel=f"q{Call.objects.count()}", arrived_at=at, answered_at=at, ended_at=at + timedelta(minutes=1),
            agent=agent, outcome="answered",
        )  # fmt: skip
        made.append(
            Recording.objects.create(
                call=call, channel=call.channel, file="x", sha256=b"", milliseconds=ms, kept_at=at,
                keep_until=at + timedelta(days=365),
            )
        )  # fmt: skip
    return made


def another(city: City, role: str = "supervisor") -> Staff:
    staff = Staff.objects.create(username=f"second-{role}", names={"en": f"Second {role}"})
    Post.objects.create(staff=staff, role=role, since=clock.now() - timedelta(days=1))
    return staff


def marks(**other: int | None) -> dict[int, int | None]:
    """Everything met, but lines whose English name begins so."""
    given: dict[int, int | None] = {}
    for one in Criterion.objects.filter(on=True):
        first = one.names["en"].split()[0].lower()
        given[one.pk] = other.get(first, 100)
    return given


@pytest.fixture
def check(city: City) -> Check:
    recorded(city.agent, 5)
    actions.draw(MONTH, by=city.supervisor)
    return Check.objects.get()


def test_the_lot_is_the_same_for_everybody_and_takes_a_few_of_each(city: City) -> None:
    recorded(city.agent, 3, 9)
    recorded(city.second_line, 4, 2)
    recorded(city.agent, 6, 3, ms=5000)
    recorded(city.agent, 6, 3, month=9)
    assert actions.draw(MONTH, by=city.supervisor) == actions.EACH + 2
    drawn = set(Check.objects.values_list("recording", flat=True))
    assert actions.draw(MONTH, by=city.supervisor) == 0
    Check.objects.all().delete()
    actions.draw(MONTH, by=another(city))
    assert set(Check.objects.values_list("recording", flat=True)) == drawn, "whoever draws, the lot is the same"
    assert not Check.objects.exclude(month=MONTH).exists()
    assert not Check.objects.filter(recording__milliseconds__lt=actions.SHORTEST_MS).exists()


def test_what_was_erased_is_not_made_up_for(city: City) -> None:
    held = recorded(city.agent, 3, 9)
    actions.draw(MONTH, by=city.supervisor)
    first = Check.objects.order_by("pk")[0].recording_id
    Check.objects.all().delete()
    Recording.objects.filter(pk=first).update(erased_at=clock.now(), file="")
    assert actions.draw(MONTH, by=city.supervisor) == actions.EACH - 1, "else erasing one would choose another"
    assert len(held) == 9


def test_only_months_that_are_over_and_only_who_may(city: City) -> None:
    with pytest.raises(Refused, match="over"):
        actions.draw(clock.now().date(), by=city.supervisor)
    with pytest.raises(Forbidden):
        actions.draw(MONTH, by=city.agent)
    with pytest.raises(Forbidden):
        actions.save_criterion(None, by=city.supervisor, facts={})


def test_weights_and_critical_errors(check: Check, city: City) -> None:
    assert actions.score(check, by=city.supervisor, marks=marks(listened=0, told=50)).total == 68, "25 and half of 15"
    second = actions.score(check, by=another(city), marks=marks(gave=0))
    assert (second.total, second.critical) == (0, True)
    assert actions.totalled([{"weight": 10, "critical": False, "mark": None}]) == (100, False), "nothing was asked"


def test_a_score_is_given_once_and_never_to_oneself(check: Check, city: City) -> None:
    actions.score(check, by=city.supervisor, marks=marks())
    with pytest.raises(Refused, match="already"):
        actions.score(check, by=city.supervisor, marks=marks())
    with pytest.raises(Refused, match="changed meanwhile"):
        actions.score(check, by=another(city), marks={1: 100})
    Check.objects.filter(pk=check.pk).update(agent=city.supervisor)
    check.refresh_from_db()
    with pytest.raises(Refused, match="your own call"):
        actions.score(check, by=city.supervisor, marks=marks())
    with pytest.raises(Forbidden):
        actions.score(check, by=city.agent, marks=marks())


def test_two_judge_alone_and_then_see_where_they_differ(check: Check, city: City) -> None:
    second = another(city)
    actions.score(check, by=city.supervisor, marks=marks(listened=0))
    held = queries.of(check.pk)
    assert held
    assert queries.shown_to(held, second) == []
    actions.score(check, by=second, marks=marks(listened=50))
    held = queries.of(check.pk)
    assert held
    both = queries.shown_to(held, second)
    (line,) = queries.differences(both)
    assert (line.names["en"], line.marks) == ("Listened and asked what was needed", (0, 50))
    (figure,) = queries.figures(list(queries.checks(MONTH)))
    assert (figure.drawn, figure.scored, figure.apart) == (1, 1, 13)
    assert figure.score == (75 + 88) / 2


def test_the_form_may_change_and_old_scores_stay(check: Check, city: City) -> None:
    one = actions.score(check, by=city.supervisor, marks=marks())
    line = Criterion.objects.order_by("place")[0]
    facts: dict[str, Any] = {"names": {"en": "Hello"}, "weight": 50, "critical": False, "place": 1, "on": True}
    actions.save_criterion(line, by=city.administrator, facts=facts)
    one.refresh_from_db()
    assert one.marks[0]["names"]["en"] == "Greeting and name"
    assert Audit.objects.filter(verb="criterion.changed").exists()
    with pytest.raises(Refused, match="weighs something"):
        actions.save_criterion(line, by=city.administrator, facts=facts | {"weight": 0})


def test_an_appeal_is_decided_by_another(check: Check, city: City) -> None:
    one = actions.score(check, by=city.supervisor, marks=marks(gave=0))
    with pytest.raises(Forbidden):
        actions.appeal(one, by=city.second_line, words="No.")
    with pytest.raises(Refused, match="nothing to decide"):
        actions.decide(one, by=another(city), decision="void", reason="x")
    actions.appeal(one, by=city.agent, words="I asked for the PIN first.")
    with pytest.raises(Refused, match="appealed already"):
        actions.appeal(one, by=city.agent, words="Again.")
    with pytest.raises(Refused, match="Somebody else"):
        actions.decide(one, by=city.supervisor, decision="stands", reason="I am right.")
    second = Staff.objects.get(username="second-supervisor")
    with pytest.raises(Refused, match="how you decide"):
        actions.decide(one, by=second, decision="void", reason=" ")
    actions.decide(one, by=second, decision="void", reason="The PIN was asked for.")
    with pytest.raises(Refused, match="nothing to decide"):
        actions.decide(one, by=second, decision="stands", reason="On second thoughts.")
    (figure,) = queries.figures(list(queries.checks(MONTH)))
    assert (figure.scored, figure.score, figure.critical, figure.appeals) == (0, None, 0, 1), "it counts no more"


# --- pages ---


def enter(staff: Staff) -> Client:
    client = Client()
    client.cookies["django_language"] = "en"
    client.force_login(staff)
    return client


def page(client: Client, name: str, *args: Any, **query: str) -> str:
    response = client.get(reverse(f"desk:{name}", args=args), query)
    assert response.status_code == 200
    return response.content.decode()


def test_the_way_of_a_score_through_the_pages(city: City) -> None:
    recorded(city.agent, 5)
    boss, agent = enter(city.supervisor), enter(city.agent)
    assert "Nothing is drawn" in page(boss, "phone_quality", month="2026-10")
    boss.post(reverse("desk:phone_quality"), {"month": "2026-10"})
    check = Check.objects.get()
    assert "to score" in page(boss, "phone_quality", month="2026-10")
    shown = page(boss, "phone_check", check.pk)
    assert "critical: not met makes the whole score 0" in shown
    fields = dict.fromkeys(re.findall(r'name="(mark_\d+)"', shown), "100")
    assert boss.post(reverse("desk:phone_check", args=[check.pk]), {"note": "Good."}).status_code == 422, "each line"
    boss.post(reverse("desk:phone_check", args=[check.pk]), {**fields, "note": "<script>x</script>"})
    score = Score.objects.get()
    assert score.total == 100
    assert "<script>x" not in page(boss, "phone_check", check.pk)
    assert "100" in page(agent, "phone_scores")
    assert "You do not agree?" in page(agent, "phone_score", score.pk)
    agent.post(reverse("desk:phone_score", args=[score.pk]), {"words": "Not fair"})
    assert "to be decided" in page(agent, "phone_score", score.pk)
    second = enter(another(city))
    assert "Not fair" in page(second, "phone_check", check.pk)
    second.post(reverse("desk:phone_decide", args=[score.pk]), {"decision": "stands", "reason": "It is fair."})
    assert "It is fair." in page(agent, "phone_score", score.pk)
    # Nobody else's.
    assert enter(city.second_line).get(reverse("desk:phone_score", args=[score.pk])).status_code == 404


def test_the_form_is_edited(city: City) -> None:
    client = enter(city.administrator)
    assert "Greeting and name" in page(client, "phone_criteria")
    given = {"name_en": "Patience", "weight": "5", "place": "9", "on": "on"}
    assert client.post(reverse("desk:phone_new_criterion"), given).status_code == 302
    held = Criterion.objects.get(names__en="Patience")
    assert "Patience" in page(client, "phone_criterion", held.pk)
    assert client.post(reverse("desk:phone_criterion", args=[held.pk]), {**given, "weight": "x"}).status_code == 422
