"""Figures: true over what somebody may see, each with the list behind it, as table, CSV and paper."""

import csv
import io
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.city import City
from tests.faces.test_desk_matrix import enter
from wasl.core.cases import queries
from wasl.core.cases.models import Case
from wasl.core.organisation.models import Staff
from wasl.faces.desk import counts
from wasl.kernel import clock

pytestmark = [pytest.mark.django_db, pytest.mark.req("O1")]


def figures(client: Client, query: str) -> dict[str, list[str]]:
    """The table of the page: first cell, then the others, by row."""
    page = client.get(f"/desk/counts/?{query}").content.decode()
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
    plain = [
        [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[hd].*?</t[hd]>", r, re.DOTALL)] for r in rows
    ]
    return {row[0]: row[1:] for row in plain}


@pytest.fixture
def cases(city: City) -> list[Case]:
    told = [city.report("water-leak", area=area) for area in ("seeb", "seeb", "bawshar")]
    told += [city.report("sewage-overflow", area="seeb").dispatched_to()]
    return [one.case for one in told]


def test_rows_by_columns_with_totals(city: City, cases: list[Case]) -> None:
    table = figures(enter(city.supervisor), "rows=category&columns=area")
    assert table["Category"] == ["As Seeb", "Bawshar", "Total"]
    assert table["Total"] == ["3", "1", "4"]
    assert sorted(v for k, v in table.items() if k not in ("Category", "Total")) == [["1", "0", "1"], ["2", "1", "3"]]
    alone = figures(enter(city.supervisor), "rows=medium&columns=")
    assert alone["web"] == ["4"]


@pytest.mark.parametrize("rows", list(counts.DIMENSIONS))
@pytest.mark.slow
def test_each_way_to_classify_adds_up_and_leads_to_its_list(city: City, cases: list[Case], rows: str) -> None:
    made = counts.count(queries.visible_to(city.supervisor), rows, "", [])
    assert made.total.count == 4
    assert sum(line.total.count for line in made.lines) == 4
    client = enter(city.supervisor)
    for line in made.lines:
        assert line.words
        if line.total.url:
            page = client.get(line.total.url).content.decode()
            assert len(re.findall(r'class="d-row-link"', page)) == line.total.count, line.total.url


def test_only_what_one_may_see_is_counted(city: City, cases: list[Case]) -> None:
    order = cases[3].orders.get(role="lead")
    officer = city.officer_of(order.unit)
    assert figures(enter(officer), "rows=medium&columns=")["Total"] == ["1"]
    stranger = city.officer("audit")
    assert "Nothing to count" in enter(stranger).get("/desk/counts/?rows=medium").content.decode()


@pytest.mark.slow
def test_period_filters_and_lists(city: City, cases: list[Case]) -> None:
    client = enter(city.supervisor)
    tomorrow = (timezone.localdate() + timedelta(days=1)).isoformat()
    assert "Nothing to count" in client.get(f"/desk/counts/?rows=area&since={tomorrow}").content.decode()
    assert figures(client, "rows=medium&area=bawshar")["Total"] == ["1"]
    assert figures(client, "listing=review&rows=medium")["Total"] == ["3"]
    with clock.later(timedelta(days=60)):
        first = client.get("/desk/counts/").content.decode()
        assert "Nothing to count" in first, "without a word the last 30 days"
    for nonsense in ("rows=x&columns=y", "rows=area&columns=area", "listing=x", "since=x&until=0000-00-00"):
        assert client.get(f"/desk/counts/?{nonsense}").status_code == 200


def test_columns_beyond_the_last_are_added_up(city: City, cases: list[Case], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "MOST_COLUMNS", 1)
    made = counts.count(queries.visible_to(city.supervisor), "medium", "area", [])
    assert made.heads == ["As Seeb", "the others"]
    assert [f.count for f in made.lines[0].figures] == [3, 1]
    assert [f.count for f in made.totals] == [3, 1]


def test_csv_and_paper(city: City, cases: list[Case]) -> None:
    client = enter(city.supervisor)
    rows = list(csv.reader(io.StringIO(client.get("/desk/counts/figures.csv?rows=area").content.decode("utf-8-sig"))))
    assert rows[1] == ["Area", "Total"]
    assert rows[-2] == ["Total", "4"]
    assert str(city.supervisor) in rows[0][0]
    for language in ("ar", "en", "zh-hans"):
        client.cookies["django_language"] = language
        made = client.get("/desk/counts/figures.pdf?rows=category&columns=month")
        assert made.headers["Content-Type"] == "application/pdf"
        assert made.content.startswith(b"%PDF-")


def test_one_query_makes_the_table(city: City, cases: list[Case], django_assert_max_num_queries: object) -> None:
    staff = Staff.objects.get(pk=city.supervisor.pk)
    counts.count(queries.visible_to(staff), "unit", "area", [])
    with django_assert_max_num_queries(3):  # type: ignore[operator]  # pytest-django's fixture; the query and what is kept of the organisation
        counts.count(queries.visible_to(staff), "unit", "area", [])
