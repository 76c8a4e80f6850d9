"""Lists: paging by key, filters, columns, views."""

import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.http import QueryDict
from django.test import Client
from django.utils import timezone

from tests.city import City
from tests.faces.desk import HOSTILE
from tests.faces.test_desk_matrix import enter
from wasl.core.cases import actions as cases
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Post, Staff
from wasl.faces.desk.lists import Filters
from wasl.faces.desk.lists import views as saved
from wasl.faces.desk.lists.columns import COLUMNS
from wasl.faces.desk.saved.models import Layout, SavedView
from wasl.kernel import clock

pytestmark = pytest.mark.django_db


def numbers(client: Client, url: str) -> list[str]:
    """Acceptance numbers of a list, in order."""
    response = client.get(url)
    assert response.status_code == 200
    return re.findall(r'href="/desk/case/(\d+)/\?from', response.content.decode())


def headings(client: Client, url: str) -> list[str]:
    """What the columns of a list are called, in order."""
    page = client.get(url).content.decode()
    return re.findall(r'<th scope="col">([^<]+)</th>', page)


def post_over(staff_of: str, unit: str, username: str) -> Staff:
    """A new person with this role over this unit."""
    staff = Staff.objects.create(username=username, names={"en": username}, language="en")
    Post.objects.create(staff=staff, role=staff_of, unit=organisation.unit(unit), since=clock.now())
    return staff


@pytest.mark.slow
def test_paging_shows_every_row_once(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wasl.faces.desk.lists.paging.PAGE", 3)
    made = [city.report(area=area).case.number for area in ("bawshar", "seeb", "muttrah", "amrat")] + [
        city.report().case.number for _ in range(4)
    ]
    client = enter(city.agent)
    for code in ("review", "all"):
        seen: list[str] = []
        url, page = f"/desk/list/{code}/", ""
        for _step in range(6):
            page = client.get(url).content.decode()
            seen += re.findall(r'href="/desk/case/(\d+)/\?from', page)
            older = re.search(r'href="(\?[^"]*after[^"]*)" rel="next"', page)
            if not older:
                break
            url = f"/desk/list/{code}/" + older[1].replace("&amp;", "&")
        assert sorted(seen) == sorted(made)
        newer = re.search(r'href="(\?[^"]*before[^"]*)" rel="prev"', page)
        assert newer
        back = client.get(f"/desk/list/{code}/" + newer[1].replace("&amp;", "&")).content.decode()
        assert re.findall(r'href="/desk/case/(\d+)/\?from', back) == seen[3:6]
    for nonsense in (
        "after=x",
        "after=|x",
        "after=2026|1",
        "before=|",
        "after=9999-99-99|3",
        "state=x&unit=y&category=z&area=q&kind=k&number=1",
    ):
        assert client.get(f"/desk/list/all/?{nonsense}").status_code == 200


@pytest.mark.req("H1")
def test_filters_and_clocks(city: City) -> None:
    water, sewage = (
        city.report("water-leak").dispatched_to(),
        city.report("sewage-overflow", area="seeb").dispatched_to(),
    )
    client = enter(city.supervisor)

    def shown(url: str) -> set[str]:
        return set(numbers(client, url))

    assert shown("/desk/list/all/?area=seeb") == {sewage.case.number}
    assert shown("/desk/list/all/?category=water") == {water.case.number}
    assert shown(f"/desk/list/all/?unit={water.order.unit.code}") == {water.case.number}
    assert shown("/desk/list/all/?state=closed") == set()
    assert shown("/desk/list/overdue/") == set()
    with clock.later(timedelta(days=60)):
        assert shown("/desk/list/overdue/") == {water.case.number, sewage.case.number}
        page = client.get("/desk/board/").content.decode()
        assert "Overdue" in page


@pytest.mark.slow
@pytest.mark.req("H1")
def test_each_filter_narrows_and_several_values_are_either(city: City) -> None:
    water = city.report("water-leak").dispatched_to()
    sewage = city.report("sewage-overflow", area="seeb")
    outage = city.report("water-outage", area="muttrah").registered()
    cases.flag(water.fresh(), by=city.supervisor, flags={"supervised": True})
    one, two, three = (told.case.number for told in (water, sewage, outage))
    client = enter(city.supervisor)
    today = timezone.localdate().isoformat()
    tomorrow = (timezone.localdate() + timedelta(days=1)).isoformat()
    arabic = today.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    expected = {
        "area=seeb&area=muttrah": {two, three},
        "state=received&state=dispatched": {one, two},
        "state=open&area=seeb": {two},
        "category=water": {one, three},
        "mark=supervised": {one},
        "medium=web": {one, two, three},
        "medium=phone": set(),
        "language=ar&language=zh": {one, two, three},
        "language=en": set(),
        "urgency=normal&urgency=urgent&urgency=critical": {one, two, three},
        f"since={today}": {one, two, three},
        f"since={tomorrow}": set(),
        f"until={arabic}": {one, two, three},
        "due=over": set(),
        "due=1440": {one, two, three},
        "due=١٤٤٠&area=seeb": {two},
        f"number={one}": {one},
        "mine=1": set(),
    }
    for query, wanted in expected.items():
        assert set(numbers(client, f"/desk/list/all/?{query}")) == wanted, query
    assert set(numbers(enter(city.agent), "/desk/list/all/?mine=1")) == {one, three}, "he registered them"
    with clock.later(timedelta(days=60)):
        assert set(numbers(client, "/desk/list/all/?due=over&area=seeb")) == {two}
    officer = enter(city.officer_of(water.order.unit))
    water.signed()
    assert numbers(officer, "/desk/list/work/?mine=1") == [one]


def test_what_is_no_filter_is_passed_over() -> None:
    junk = QueryDict(
        "state=x&state=open&due=0&due=99999&since=2026-13-01&until=0001-01-01&mine=yes&mark=brief&mark=password"
        "&number=%00&category=%00&unit=../x&area=&medium=&language=x&urgency=1"
    )
    found = Filters.read(junk)
    assert found.pairs() == [("state", "open"), ("mark", "brief")]
    assert Filters.read(QueryDict("&".join(f"state={s}" for s in ["open"] * 500))).state == ("open",)


@pytest.mark.slow
def test_an_address_says_all_filters_and_each_chip_takes_one_away(city: City) -> None:
    city.report("water-leak")
    client = enter(city.supervisor)
    query = "area=seeb&area=bawshar&due=24&state=open"
    page = client.get(f"/desk/list/all/?{query}&cols=number,owner&order=oldest").content.decode()
    chips = re.findall(r'd-chip" href="([^"]+)" aria-label="Without “([^”]+)”', page)
    assert [words for _url, words in chips] == ["open", "As Seeb", "Bawshar", "due within 24 hours"]
    for url, words in chips:
        rest = client.get("/desk/list/all/" + url.replace("&amp;", "&")).content.decode()
        left = re.findall(r"Without “([^”]+)”", rest)
        assert left == [w for _u, w in chips if w != words]
        assert "Answers for it" in rest, "columns stay"
    page = client.get("/desk/list/all/?area=bawshar").content.decode()
    opened = re.search(r'href="(/desk/case/[^"]+)"', page)
    assert opened
    assert "area=bawshar" in opened[1], "the case page knows which list one came from"


@pytest.mark.slow
def test_columns_are_chosen_ordered_and_kept_for_the_person_and_the_list(city: City) -> None:
    city.report("water-leak")
    supervisor, leader = enter(city.supervisor), enter(city.leader)
    usual = headings(supervisor, "/desk/list/all/")
    assert usual == ["Due", "Number", "What", "Where", "Unit", "State", "Received"]
    kept = {"cols": ["state", "number", "owner"], "order": "oldest", "query": "area=bawshar", "do": "show"}
    response = supervisor.post("/desk/list/all/columns/", kept)
    assert response.headers["Location"] == "/desk/list/all/?area=bawshar"
    assert headings(supervisor, "/desk/list/all/") == ["State", "Number", "Answers for it"]
    assert headings(supervisor, "/desk/list/overdue/?state=open") in ([], usual)
    assert headings(leader, "/desk/list/all/") == usual
    assert headings(supervisor, "/desk/list/all/?cols=unit,evil,number") == ["Unit", "Number"]
    assert headings(supervisor, "/desk/list/all/?cols=unit")[0] == "Number", "a row can always be opened"
    supervisor.post("/desk/list/all/columns/", {**kept, "do": "earlier:owner"})
    assert headings(supervisor, "/desk/list/all/") == ["State", "Answers for it", "Number"]
    supervisor.post("/desk/list/all/columns/", {**kept, "do": "usual"})
    assert headings(supervisor, "/desk/list/all/") == usual
    assert not Layout.objects.exists()
    every = ",".join(COLUMNS)
    assert len(headings(supervisor, f"/desk/list/all/?cols={every}")) == len(COLUMNS)


@pytest.mark.slow
@pytest.mark.parametrize("order", ["due", "newest", "oldest"])
def test_each_order_pages_forth_and_back(city: City, monkeypatch: pytest.MonkeyPatch, order: str) -> None:
    monkeypatch.setattr("wasl.faces.desk.lists.paging.PAGE", 2)
    made = [city.report(area=area).case for area in ("bawshar", "seeb", "muttrah", "amrat", "seeb")]
    client = enter(city.agent)
    seen, url, page = [], f"/desk/list/all/?order={order}&state=open", ""
    for _step in range(3):
        seen += numbers(client, url)
        page = client.get(url).content.decode()
        older = re.search(r'href="(\?[^"]*after[^"]*)" rel="next"', page)
        url = "/desk/list/all/" + older[1].replace("&amp;", "&") if older else url
    columns = {"due": "due_next", "newest": "received_at", "oldest": "received_at"}
    wanted = sorted(made, key=lambda c: (getattr(c, columns[order]), c.pk), reverse=order == "newest")
    assert seen == [c.number for c in wanted]
    newer = re.search(r'href="(\?[^"]*before[^"]*)" rel="prev"', page)
    assert newer
    assert numbers(client, "/desk/list/all/" + newer[1].replace("&amp;", "&")) == seen[2:4]


# --- views ---


def save(client: Client, name: str, query: str = "state=open&area=seeb", **more: str) -> SavedView:
    """Save a view through its page."""
    response = client.post(f"/desk/views/new/?listing=all&{query}", {"name": name, **more})
    assert response.status_code == 302, response.content.decode()
    return SavedView.objects.get(name=name)


def rail(client: Client) -> str:
    """The rail of a page."""
    return client.get("/desk/rail/").content.decode()


@pytest.mark.slow
def test_a_view_is_saved_opened_changed_removed_and_taken_back(city: City) -> None:
    seeb, other = city.report(area="seeb").case, city.report(area="bawshar").case
    client = enter(city.supervisor)
    view = save(client, "Seeb, open")
    assert "Seeb, open" in rail(client)
    url = saved.url_of(view)
    assert numbers(client, url) == [seeb.number]
    page = client.get(url).content.decode()
    assert "<h1>Seeb, open</h1>" in page
    assert "Name and readers of this view" in page
    changed = client.get(url.replace("area=seeb", "area=bawshar")).content.decode()
    assert "Save the changes of this view" in changed
    edit = re.search(rf'href="(/desk/views/{view.pk}/\?[^"]+)"', changed)
    assert edit
    client.post(edit[1].replace("&amp;", "&"), {"name": "Bawshar"})
    view.refresh_from_db()
    assert numbers(client, saved.url_of(view)) == [other.number]
    gone = client.post(f"/desk/views/{view.pk}/remove/")
    page = client.get(gone.headers["Location"]).content.decode()
    assert "“Bawshar” was removed." in page
    assert "Bawshar" not in rail(client)
    assert client.get(f"/desk/views/{view.pk}/").status_code == 404
    assert client.post(f"/desk/views/{view.pk}/restore/").status_code == 302
    assert "Bawshar" in rail(client)
    client.post(f"/desk/views/{view.pk}/remove/")
    with clock.later(timedelta(days=2)):
        assert client.post(f"/desk/views/{view.pk}/restore/").status_code == 404


@pytest.mark.slow
def test_a_shared_view_shows_each_reader_only_what_he_may_see(city: City) -> None:
    told = city.report("water-leak").dispatched_to()
    other = city.report("sewage-overflow", area="seeb").dispatched_to()
    view = save(enter(city.supervisor), "All open", "state=open", shared="1", role="officer")
    officer = enter(city.officer_of(told.order.unit))
    assert "All open" in rail(officer)
    assert numbers(officer, saved.url_of(view)) == [told.case.number]
    assert other.case.number not in officer.get(saved.url_of(view)).content.decode()
    assert "All open" not in rail(enter(city.agent)), "shared with another role"
    assert officer.post(f"/desk/views/{view.pk}/", {"name": "Mine now"}).status_code == 403
    assert officer.post(f"/desk/views/{view.pk}/remove/").status_code == 403
    view.refresh_from_db()
    assert (view.name, view.removed_at) == ("All open", None)


@pytest.mark.slow
def test_views_are_shared_only_by_who_may_and_within_his_scope(city: City) -> None:
    officer = post_over("officer", "water", "officer-of-water")
    client = enter(officer)
    page = client.get("/desk/views/new/?listing=work").content.decode()
    assert 'value="roads"' not in page, "units outside his scope are not offered"
    view = save(client, "Ours", "state=open", shared="1", unit="water")
    assert view.shared
    assert client.post("/desk/views/new/?listing=all", {"name": "x", "shared": "1"}).status_code == 403
    assert client.post("/desk/views/new/?listing=all", {"name": "x", "shared": "1", "unit": "roads"}).status_code == 422
    colleague, stranger = post_over("officer", "water", "colleague"), post_over("officer", "roads", "stranger")
    assert "Ours" in rail(enter(colleague))
    assert "Ours" not in rail(enter(stranger))
    assert enter(stranger).get(f"/desk/views/{view.pk}/").status_code == 404
    agent = save(enter(city.agent), "Sneaky", "state=open", shared="1", role="")
    assert not agent.shared, "an agent may not share"


@pytest.mark.slow
def test_names_of_views_are_never_markup_and_not_without_end(city: City) -> None:
    client = enter(city.supervisor)
    view = save(client, HOSTILE[:60].strip())
    for url in ("/desk/views/", saved.url_of(view), f"/desk/views/{view.pk}/"):
        page = client.get(url).content.decode()
        assert "<script>alert" not in page
    assert client.post("/desk/views/new/?listing=all", {"name": "x" * 61}).status_code == 422
    assert client.post("/desk/views/new/?listing=nonsense", {"name": "x"}).status_code == 404
    assert client.get(f"/desk/list/all/?view={'9' * 30}&view=x").status_code == 200
    assert client.get(f"/desk/list/all/?cols={quote('<b>')}&order={quote('<b>')}").status_code == 200


def test_nobody_keeps_views_without_end(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved, "MOST", 2)
    client = enter(city.agent)
    save(client, "one")
    save(client, "two")
    assert client.post("/desk/views/new/?listing=all", {"name": "three"}).status_code == 409
