"""Messages to many on the desk: a thin thread from file to report, who may what, what nobody sees."""

from collections.abc import Iterator

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from tests.city import City
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Audit, Staff
from wasl.services.campaigns import sending
from wasl.services.campaigns.models import Campaign, Group
from wasl.services.texts import queries as gateway
from wasl.services.texts.models import Operator, Route, Text

pytestmark = pytest.mark.django_db
WORDS = "The coast road is closed on Friday."


@pytest.fixture(autouse=True)
def _carried(city: City) -> Iterator[None]:
    operator = Operator.objects.create(code="first", name="First", cost="0.0050")
    Route.objects.create(name="all", operators=[operator.pk])
    gateway.forget()
    yield
    gateway.forget()


def enter(staff: Staff) -> Client:
    client = Client(headers={"accept-language": "en"})
    staff.language = "en"
    staff.save(update_fields=["language"])
    client.force_login(staff)
    return client


@pytest.fixture
def author(city: City) -> Staff:
    return city.officer_of(organisation.unit("roads"))


@pytest.fixture
def desk(author: Staff) -> Client:
    return enter(author)


def file(content: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("crew.csv", content.encode(), "text/csv")


def a_group(desk: Client, n: int = 2) -> Group:
    """A list made on the pages."""
    unit = str(organisation.unit("roads").pk)
    kept = desk.post(reverse("desk:new_group"), {"do": "save", "name": "Crew", "unit": unit, "kind": "list"})
    group = Group.objects.get()
    assert kept.headers["Location"] == reverse("desk:group", args=[group.pk])
    lines = "\n".join(f"9200{k:04},<b>Name {k}</b>" for k in range(1, n + 1))
    url = reverse("desk:group", args=[group.pk])
    desk.post(url, {"do": "upload", "up-file": file(f"number,name\n{lines}\nabc,x\n"), "up-whole": "add"})
    page = desk.get(url).content.decode()
    assert f"Line {n + 2}:" in page
    desk.post(url, {"do": "confirm", "upload": str(group.uploads.get().pk)})
    return group


def given(group: Group, **more: str) -> dict[str, str]:
    """What the form posts; what is empty of `groups` is not posted, as browsers do."""
    facts = {
        "name": "Road closed", "kind": "citizens", "unit": str(group.unit_id), "groups": str(group.pk), "klass": "5",
        "words_en": WORDS, "words_ar": "", "words_zh": "", "ask_again_min": "15", **more,
    }  # fmt: skip
    return {name: value for name, value in facts.items() if value or name != "groups"}


@pytest.mark.req("J4", "I4")
def test_from_a_file_to_the_report(desk: Client) -> None:
    group = a_group(desk)
    part = desk.post(
        reverse("desk:new_campaign"), given(group, do="plan", name=""), headers={"HX-Request": "true"}
    ).content.decode()
    assert "room for 125 more characters" in part
    assert "<html" not in part
    kept = desk.post(reverse("desk:new_campaign"), given(group, do="send"))
    campaign = Campaign.objects.get()
    url = reverse("desk:campaign", args=[campaign.pk])
    assert kept.headers["Location"] == url
    assert sending.send_campaigns() == 2
    page = desk.get(url).content.decode()
    assert WORDS in page
    assert "&lt;b&gt;Name 1" in page
    assert "<b>Name" not in page
    assert "92000001" not in page, "numbers are masked"
    taken = desk.get(reverse("desk:campaign_csv", args=[campaign.pk]))
    assert "Name 2" in taken.content.decode()
    assert "92000002" not in taken.content.decode()
    assert Audit.objects.filter(verb="campaign.exported", row=campaign.pk).count() == 1
    desk.post(url, {"do": "stop", "remark": ""})
    assert Text.objects.filter(state="queued").count() == 2, "not without a reason"
    desk.post(url, {"do": "stop", "remark": "Wrong road"})
    assert Text.objects.filter(state="cancelled").count() == 2
    assert "Road closed" in desk.get(reverse("desk:campaigns")).content.decode()


@pytest.mark.req("J4")
@pytest.mark.slow
def test_the_author_is_offered_no_approval_and_gets_none(desk: Client, city: City) -> None:
    group = a_group(desk, 101)
    desk.post(reverse("desk:new_campaign"), given(group, do="send"))
    campaign = Campaign.objects.get()
    url = reverse("desk:campaign", args=[campaign.pk])
    assert 'value="approve"' not in desk.get(url).content.decode()
    assert desk.post(url, {"do": "approve", "seen": str(campaign.version)}).status_code == 403
    other = enter(city.supervisor)
    assert "Road closed" in other.get(reverse("desk:campaigns")).content.decode()
    assert 'value="approve"' in other.get(url).content.decode()
    other.post(url, {"do": "approve", "seen": str(campaign.version)})
    campaign.refresh_from_db()
    assert campaign.approved_by == city.supervisor
    assert sending.send_campaigns() == 101


@pytest.mark.slow
def test_another_unit_finds_nothing(desk: Client, city: City) -> None:
    group = a_group(desk)
    desk.post(reverse("desk:new_campaign"), given(group, do="save"))
    campaign = Campaign.objects.get()
    stranger = enter(city.officer("audit"))
    for name, pk in (("group", group.pk), ("campaign", campaign.pk), ("campaign_csv", campaign.pk)):
        assert stranger.get(reverse(f"desk:{name}", args=[pk])).status_code == 404
    assert stranger.post(reverse("desk:campaign", args=[campaign.pk]), {"do": "stop", "remark": "x"}).status_code == 404
    own = str(organisation.unit("audit").pk)
    refused = stranger.post(reverse("desk:new_campaign"), given(group, do="send", unit=own))
    assert refused.status_code == 422
    assert stranger.post(reverse("desk:new_campaign"), given(group, do="send", groups="")).status_code == 422
    part = stranger.post(reverse("desk:new_campaign"), given(group, do="plan"), headers={"HX-Request": "true"})
    assert "<dd>0</dd>" in part.content.decode()
    assert Campaign.objects.count() == 1


@pytest.mark.req("J15")
@pytest.mark.slow
def test_words_of_a_salary_are_on_no_page(desk: Client) -> None:
    group = a_group(desk)
    desk.post(reverse("desk:new_campaign"), given(group, do="save", kind="salary", words_en="", groups=""))
    campaign = Campaign.objects.get()
    url = reverse("desk:campaign", args=[campaign.pk])
    desk.post(url, {"do": "upload", "up-file": file("number,name,words\n92000001,A,Salary 812.500\n")})
    pages = [desk.get(url).content.decode()]
    assert "1 person is in it." in pages[0]
    desk.post(url, {"do": "confirm", "upload": str(campaign.uploads.get().pk)})
    pages.append(desk.get(url).content.decode())
    campaign.refresh_from_db()
    sent = given(group, do="send", kind="salary", words_en="", groups="", seen=str(campaign.version))
    desk.post(url, sent)
    assert sending.send_campaigns() == 1
    pages += [
        desk.get(url).content.decode(),
        desk.get(reverse("desk:campaign_csv", args=[campaign.pk])).content.decode(),
    ]
    assert not any("812.5" in page for page in pages)
    assert Text.objects.get().secret


def test_two_who_write_the_same_draft(desk: Client, city: City) -> None:
    group = a_group(desk)
    desk.post(reverse("desk:new_campaign"), given(group, do="save"))
    campaign = Campaign.objects.get()
    url = reverse("desk:campaign", args=[campaign.pk])
    seen = str(campaign.version)
    enter(city.supervisor).post(url, given(group, do="save", seen=seen, name="Other"))
    late = desk.post(url, given(group, do="send", seen=seen, name="Mine"))
    assert late.status_code == 422
    assert "Somebody changed the message meanwhile" in late.content.decode()
    campaign.refresh_from_db()
    assert (campaign.name, campaign.state) == ("Other", "draft")
