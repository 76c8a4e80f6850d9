"""The administrator's pages: scope by unit, two pairs of eyes, locks, sessions, second factors, drafts, house rules."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from tests.city import City
from tests.faces.test_desk_matrix import RULES, World, enter, jpeg
from wasl.core.catalogue import actions as catalogue
from wasl.core.catalogue.models import Edition
from wasl.core.contacts import actions as contacts
from wasl.core.organisation import actions, queries, signin
from wasl.core.organisation.models import Post, Staff, Unit
from wasl.kernel import clock
from wasl.kernel.media import MediaRefused
from wasl.services.messages.models import Message

pytestmark = pytest.mark.django_db

BELOW = frozenset(
    {
        "home", "rail", "me", "account", "read_bulletin", "admin", "units", "new_unit", "staff", "new_person",
        "proposals", "care", "bulletins", "roles",
    }
)  # fmt: skip
CENTRAL = frozenset(
    {
        "areas", "calendars", "new_calendar", "calendar", "catalogue", "edition", "changes", "row", "sheet",
        "templates", "template", "house", "clients", "audit", "journal", "messages", "privacy", "person", "unit",
    }
)  # fmt: skip


def admin_of(unit: str, name: str = "scoped") -> Staff:
    """An administrator of a unit, or of the centre."""
    made = Staff.objects.create(username=name, names={"en": name}, language="en", last_login=clock.now())
    over = queries.unit(unit) if unit else None
    Post.objects.create(staff=made, role="administrator", unit=over, since=clock.now())
    return made


@pytest.mark.slow
@pytest.mark.req("R7")
def test_the_administrator_of_a_unit_opens_his_part_and_nothing_of_the_house(city: City) -> None:
    staff = {role: city.one(role) for role in ("administrator", "agent", "supervisor")}
    told = city.report()
    world = World(city, told, staff)
    client = enter(admin_of("seeb"))
    for name in BELOW - {"read_bulletin"}:
        assert client.get(reverse(f"desk:{name}")).status_code in (200, 302), name
    for name in CENTRAL:
        # `unit` is of another part, `person` works at the centre.
        url = reverse(f"desk:{name}", args=RULES[name].args(world))
        assert client.get(url).status_code == 403, name
        assert client.post(url, {"do": "save"}).status_code in (403, 405), name
    page = client.get(reverse("desk:staff")).content.decode()
    assert city.officer("seeb-roads").username in page
    assert f">{city.agent.username}<" not in page
    assert client.get(reverse("desk:unit", args=[queries.unit("seeb-roads").pk])).status_code == 200


@pytest.mark.req("P1")
def test_a_post_asked_for_on_one_page_is_agreed_to_on_another(city: City) -> None:
    second = admin_of("", "admin2")
    first, url = enter(city.administrator), reverse("desk:person", args=[city.agent.pk])
    given = {"do": "post", "role": "supervisor", "unit": "", "area": "", "until": ""}
    assert "second administrator has agreed" in first.post(url, given, follow=True).content.decode()
    waiting = city.agent.proposals.get()
    agree = {"proposal": waiting.pk, "do": "agree"}
    assert first.post(reverse("desk:proposals"), agree).status_code == 403
    assert enter(second).post(reverse("desk:proposals"), agree).status_code == 302
    page = first.get(url).content.decode()
    assert f"asked by {city.administrator}, agreed by {second}" in page
    assert enter(second).post(reverse("desk:proposals"), {"proposal": "9", "do": "agree"}).status_code == 404


@pytest.mark.req("P5")
def test_a_locked_account_is_refused_with_the_right_password_until_it_is_unlocked(city: City) -> None:
    agent = city.agent
    for _n in range(signin.WRONG_UNTIL_LOCKED):
        signin.note_failure(agent.username)
    right = {"login": agent.username, "password": city.password}
    answer = Client().post("/account/login/", right)
    assert answer.status_code == 200
    page = enter(city.administrator).post(reverse("desk:person", args=[agent.pk]), {"do": "unlock"}, follow=True)
    assert "Unlocked" in page.content.decode()
    assert Client().post("/account/login/", right).status_code == 302


@pytest.mark.req("P5")
@pytest.mark.slow
def test_sessions_are_seen_and_ended(city: City) -> None:
    browser = enter(city.agent)
    assert browser.get(reverse("desk:me"), headers={"User-Agent": "Lynx <b>2.8</b>"}).status_code == 200
    admin, url = enter(city.administrator), reverse("desk:person", args=[city.agent.pk])
    page = admin.get(url).content.decode()
    assert "Lynx &lt;b&gt;2.8" in page
    other = signin.sessions_of(city.agent)[0].pk
    stranger = reverse("desk:person", args=[city.officer("water").pk])
    admin.post(stranger, {"do": "sessions", "session": other})
    assert browser.get(reverse("desk:me")).status_code == 200, "a session of somebody else is not ended there"
    assert admin.post(url, {"do": "sessions", "session": other}).status_code == 302
    assert browser.get(reverse("desk:me")).status_code == 302


@pytest.mark.req("P5")
def test_a_role_that_needs_a_second_factor_sees_nothing_before_it_has_one(city: City) -> None:
    client = enter(city.agent)
    assert client.get(reverse("desk:report")).status_code == 200
    admin = enter(city.administrator)
    assert admin.post(reverse("desk:house"), {"do": "factor", "roles": ["agent"]}).status_code == 302
    answer = client.get(reverse("desk:report"))
    assert answer.status_code == 302
    assert "totp" in answer.headers["Location"]
    assert admin.get(reverse("desk:house")).status_code == 200


@pytest.mark.req("P5")
def test_an_invitation_goes_by_mail_and_keeps_no_link(city: City) -> None:
    made = actions.make_staff(by=city.administrator, username="new.one", names={"en": "New"}, email="n@muscat.example")
    page = enter(city.administrator).post(reverse("desk:person", args=[made.pk]), {"do": "link"}).content.decode()
    assert "/password/reset/key/" not in page
    message = Message.objects.get(staff=made)
    assert message.event == "staff_invited"
    assert "reset" not in str(message.facts)


def test_units_move_by_keys(city: City) -> None:
    client, roads = enter(city.administrator), queries.unit("seeb-roads")
    beside = list(Unit.objects.filter(parent=roads.parent).order_by("place", "pk"))
    at = beside.index(roads)
    client.post(reverse("desk:units"), {"unit": roads.pk, "do": "up"})
    assert list(Unit.objects.filter(parent=roads.parent).order_by("place", "pk")).index(roads) == max(0, at - 1)
    client.post(reverse("desk:units"), {"unit": roads.pk, "do": "down"})
    client.post(reverse("desk:units"), {"unit": roads.pk, "do": "out"})
    roads.refresh_from_db()
    assert roads.parent == queries.unit("seeb").parent
    client.post(reverse("desk:units"), {"unit": roads.pk, "do": "in"})
    roads.refresh_from_db()
    assert roads.parent == queries.unit("seeb")
    assert roads.path == f"{queries.unit('seeb').path}{roads.pk}/"


@pytest.mark.req("P9")
@pytest.mark.slow
def test_a_row_of_a_draft_is_changed_and_what_it_would_mean_is_told(city: City) -> None:
    city.report()
    draft = catalogue.draft(by=city.administrator)
    row = dict(next(r for r in draft.sheets["dispatch"] if r["category"] == "water"))
    client = enter(city.administrator)
    url = f"{reverse('desk:row', args=[draft.number, 'dispatch'])}?key={row['rule']}"
    assert client.get(url).status_code == 200
    changed = client.post(url, {**row, "lead": "roads", "do": "save"})
    assert changed.status_code == 302
    page = client.get(reverse("desk:changes", args=[draft.number])).content.decode()
    assert "1 of 1 requests would have gone to another unit" in page
    assert client.post(url, {**row, "lead": "no-such", "do": "save"}).status_code == 422
    draft.refresh_from_db()
    catalogue.save_row(draft, by=city.administrator, sheet="dispatch", key=row["rule"], row={**row, "lead": "nobody"})
    wrong = client.get(f"{reverse('desk:edition', args=[draft.number])}?sheet=dispatch&only=wrong").content.decode()
    assert "“nobody” is no active unit." in wrong
    published = Edition.objects.get(number=1)
    first = reverse("desk:row", args=[published.number, "dispatch"]) + f"?key={row['rule']}"
    client.post(first, {**row, "lead": "roads", "do": "save"})
    assert Edition.objects.get(number=1).sheets == published.sheets
    assert client.post(url, {"do": "drop"}).status_code == 302


@pytest.mark.req("B9", "M7")
def test_limits_of_files_are_kept_within_bounds_and_count(city: City) -> None:
    client, url = enter(city.administrator), reverse("desk:house")
    given = {"do": "media", "files": "3", "image": "1", "pdf": "0", "audio": "25", "video": "100", "text": "1"}
    assert client.post(url, {**given, "image": "0"}).status_code == 422
    assert client.post(url, {**given, "files": "99"}).status_code == 422
    assert client.post(url, given).status_code == 302
    assert contacts.most_files() == 3
    assert contacts.keep(jpeg(), "a.jpg").kind == "image"
    with pytest.raises(MediaRefused) as caught:
        contacts.keep(b"%PDF-1.4\n%%EOF", "a.pdf")
    assert caught.value.code == "kind"


@pytest.mark.req("M7")
def test_what_is_out_of_date_is_listed_with_the_way_to_mend_it(city: City) -> None:
    gone = queries.unit("water")
    Post.objects.filter(unit=gone).update(until=clock.now())
    Unit.objects.filter(pk=gone.pk).update(mail="", phone="")
    page = enter(city.administrator).get(reverse("desk:care")).content.decode()
    assert "nobody holds an officer&#x27;s post over it" in page
    assert reverse("desk:unit", args=[gone.pk]) in page


@pytest.mark.req("P3")
def test_a_notice_stands_on_the_desk_until_it_is_read(city: City) -> None:
    client = enter(city.administrator)
    form = {"do": "make", "body": "<b>Read this</b>", "unit": "seeb", "until": ""}
    assert client.post(reverse("desk:bulletins"), form).status_code == 302
    officer, other = enter(city.officer("seeb-roads")), enter(city.officer("water"))
    page = officer.get(reverse("desk:me")).content.decode()
    assert "&lt;b&gt;Read this" in page
    assert "Read this" not in other.get(reverse("desk:me")).content.decode()
    pk = queries.bulletins_for(city.officer("seeb-roads"))[0].pk
    assert other.post(reverse("desk:read_bulletin", args=[pk])).status_code == 404
    back = officer.post(reverse("desk:read_bulletin", args=[pk]), {"next": "//evil.example/"})
    assert back.headers["Location"] == "/desk/"
    assert "Read this" not in officer.get(reverse("desk:me")).content.decode()


def test_own_addresses_are_changed_with_the_password(city: City) -> None:
    client, url = enter(city.agent), reverse("desk:account")
    facts = {"do": "save", "email": "mine@muscat.example", "phone": "", "language": "en"}
    assert client.post(url, {**facts, "password": "wrong"}).status_code == 422
    assert client.post(url, {**facts, "password": city.password}).status_code == 302
    city.agent.refresh_from_db()
    assert Staff.objects.get(pk=city.agent.pk).email == "mine@muscat.example"


def test_a_sheet_as_a_file_tells_the_row_that_is_wrong(city: City) -> None:
    draft = catalogue.draft(by=city.administrator)
    client = enter(city.administrator)
    url = reverse("desk:edition", args=[draft.number])
    text = client.get(reverse("desk:sheet", args=[draft.number, "questions"])).content.decode()
    broken = text + "nowhere,x,strange,,x,a,b,c,,,\r\n"
    answer = client.post(
        f"{url}?sheet=questions", {"do": "sheet", "file": SimpleUploadedFile("q.csv", broken.encode())}
    )
    assert answer.status_code == 422
    assert "“nowhere” is no category." in answer.content.decode()
