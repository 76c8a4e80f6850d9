"""A person's own page: how he gets in, what he sees and changes, and what nobody else gets out of it."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from tests.city import City, Told
from tests.faces.citizen import other, post, unlocked
from wasl.core.people import proving
from wasl.core.people.actions import Reach
from wasl.core.people.models import Address, Code, Person
from wasl.core.people.queries import asked_to_be_forgotten
from wasl.faces.portal import access
from wasl.faces.portal.models import SignIn
from wasl.kernel import clock
from wasl.services.messages import actions as outbox
from wasl.services.messages.models import Message

pytestmark = pytest.mark.django_db
MINE = "maryam@example.com"


def last_code() -> Code:
    found = Code.objects.order_by("-made_at", "-pk").first()
    assert found is not None
    return found


def entered(browser: Client, mail: str = MINE) -> Client:
    """A browser that asked for a code and entered it."""
    assert post(browser, reverse("portal:me"), {"address": mail}).resolver_match.view_name == "portal:me_code"
    page = post(browser, reverse("portal:me_code"), {"code": proving.digits_of(last_code())})
    assert page.resolver_match.view_name == "portal:me"
    return browser


def words(browser: Client, name: str = "me") -> str:
    page = browser.get(reverse(f"portal:{name}"))
    assert page.status_code == 200
    return page.content.decode()


def requester(told: Told) -> Person:
    assert told.case.requester is not None
    return told.case.requester


@pytest.mark.req("K7", "P4")
def test_a_code_opens_all_reports_of_an_address_and_nothing_of_others(city: City) -> None:
    first = city.report()
    second = city.report("street-light-out").dispatched_to().replied().told()
    city.report(reach=Reach(name="Salim", mail="salim@example.com"))
    mine = entered(other())
    page = words(mine)
    for told in (first, second):
        assert reverse("portal:case", args=[told.case.number]) in page
    assert page.count("w-card-facts") == 2
    assert page.index("They wait for your answer") < page.index(">Open</h2>")
    assert "The water runs" in mine.get(reverse("portal:case", args=[first.case.number])).content.decode()
    done = post(mine, reverse("portal:case_answer", args=[second.case.number]), {"verdict": "solved", "rating": "5"})
    assert done.status_code == 200
    assert second.fresh().state == "closed"


@pytest.mark.req("C8")
def test_an_unknown_address_gets_the_same_answer(city: City) -> None:
    city.report()

    def answer(mail: str) -> str:
        browser = other()
        page = post(browser, reverse("portal:me"), {"address": mail}).content.decode()
        return re.sub(r'csrfmiddlewaretoken" value="[^"]*|X-CSRFToken": "[^"]*', "", page)

    assert answer(MINE) == answer("mabruk@example.com")
    assert Message.objects.filter(event="link").count() == 2
    assert [outbox.way_of(m, {"mail"}) is not None for m in Message.objects.filter(event="link").order_by("pk")] == [
        True,
        False,
    ]


def test_the_digits_of_an_unknown_address_open_an_empty_page(city: City) -> None:
    mine = entered(other(), "nobody@example.com")
    assert "No report stands under this address" in words(mine)
    assert mine.post(reverse("portal:me_add"), {"address": "x@example.com"}).status_code == 404


@pytest.mark.req("C8")
def test_codes_are_guessed_five_times_and_asked_for_five_times(city: City) -> None:
    city.report()
    browser = other()
    post(browser, reverse("portal:me"), {"address": MINE})
    right = proving.digits_of(last_code())
    wrong = f"{(int(right) + 1) % 10**6:06d}"
    for _ in range(5):
        assert browser.post(reverse("portal:me_code"), {"code": wrong}).status_code == 422
    assert browser.post(reverse("portal:me_code"), {"code": right}).status_code == 410
    for _ in range(4):
        assert other().post(reverse("portal:me"), {"address": MINE}).status_code == 302
    refused = other().post(reverse("portal:me"), {"address": f" {MINE.upper()} "})
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) > 3000


def test_the_digits_work_in_the_browser_that_asked_only(city: City) -> None:
    city.report()
    asking, stranger = other(), other()
    post(asking, reverse("portal:me"), {"address": MINE})
    assert stranger.post(reverse("portal:me_code"), {"code": proving.digits_of(last_code())}).status_code == 410
    assert not SignIn.objects.exists()


def test_the_link_signs_in_by_its_button_once(city: City) -> None:
    city.report()
    post(other(), reverse("portal:me"), {"address": MINE})
    message = Message.objects.get(event="link")
    assert message.facts == {"code": last_code().pk}
    from wasl.services.messages import render

    said = render.render(message, "mail")
    assert proving.digits_of(last_code()) in said.body
    assert proving.digits_of(last_code()) not in said.kept
    link = re.search(r"/me/open/\S+", said.body)
    assert link is not None
    assert link[0] not in said.kept
    phone = other()
    for _ in range(2):
        assert phone.get(link[0]).status_code == 200
    assert not SignIn.objects.exists()
    assert post(phone, link[0]).resolver_match.view_name == "portal:me"
    assert other().post(link[0]).status_code == 410
    assert other().get("/me/open/forged:token/").status_code == 410


@pytest.mark.req("K7")
def test_half_an_hour_without_a_page_signs_out(city: City) -> None:
    told = city.report()
    mine = entered(other())
    with clock.later(timedelta(minutes=29)):
        assert "w-card-facts" in words(mine)
    with clock.later(timedelta(minutes=58)):
        assert "w-card-facts" in words(mine)
    with clock.later(timedelta(minutes=89)):
        assert "Send me a code" in words(mine)
        assert "The water runs" not in mine.get(reverse("portal:case", args=[told.case.number])).content.decode()
    with clock.later(timedelta(hours=14)):
        assert access.purge_sign_ins() == 1


def test_signing_out_everywhere_ends_every_browser_and_shuts_the_cases(city: City) -> None:
    told = city.report()
    here, there = entered(other()), entered(other())
    stranger = entered(other(), "salim@example.com")
    post(here, reverse("portal:me_leave"), {"where": "everywhere"})
    for browser in (here, there):
        assert "Send me a code" in words(browser)
        assert browser.post(reverse("portal:case_add", args=[told.case.number]), {"text": "x"}).status_code == 404
    assert "Sign out" in words(stranger)


def test_signing_in_changes_the_key_of_the_session(city: City) -> None:
    city.report()
    browser = other()
    post(browser, reverse("portal:me"), {"address": MINE})
    before = browser.cookies["sessionid"].value
    post(browser, reverse("portal:me_code"), {"code": proving.digits_of(last_code())})
    assert browser.cookies["sessionid"].value != before


def test_every_page_of_one_s_own_is_shut_to_others(city: City) -> None:
    address = requester(city.report()).addresses.get()
    for name in ("me_messages", "me_details"):
        assert other().get(reverse(f"portal:{name}")).status_code == 302
    for name, args in (("me_wish", []), ("me_add", []), ("me_forget", []), ("me_change", [address.pk])):
        assert other().post(reverse(f"portal:{name}", args=args), {"do": "remove"})["Location"] == reverse("portal:me")
        assert other().get(reverse(f"portal:{name}", args=args)).status_code == 405
    strange = entered(other(), "salim@example.com")
    assert strange.post(reverse("portal:me_change", args=[address.pk]), {"do": "remove"}).status_code == 404
    assert Address.objects.filter(pk=address.pk).exists()
    strict = Client(enforce_csrf_checks=True)
    for name in ("me", "me_code", "me_wish", "me_add", "me_forget", "me_leave"):
        assert strict.post(reverse(f"portal:{name}")).status_code == 403


@pytest.mark.req("K7")
def test_messages_stand_with_what_became_of_them(city: City) -> None:
    told = city.report().dispatched_to()
    first = Message.objects.filter(person=told.case.requester).order_by("pk")[0]
    first.state, first.subject, first.body, first.channel = "sent", "Your report arrived", "Thank you. <b>", "mail"
    first.save()
    Message.objects.filter(person=told.case.requester).exclude(pk=first.pk).update(state="no_way")
    page = words(entered(other()), "me_messages")
    assert "Your report arrived" in page
    assert "Thank you. &lt;b&gt;" in page
    assert "handed over" in page
    assert "we have no address" in page
    assert "one-time" not in page


@pytest.mark.req("K7", "P4")
def test_an_address_is_added_by_its_code_in_this_browser_only(city: City) -> None:
    person = requester(city.report())
    mine = entered(other())
    page = post(mine, reverse("portal:me_add"), {"address": "second@example.com"})
    assert page.resolver_match.view_name == "portal:me_code"
    assert not person.addresses.filter(hint__startswith="s").exists()
    code = last_code()
    # Who reads the mail may not be who asked: a link would prove another's address for the asker.
    assert other().post(reverse("portal:me_open", args=[proving.token_of(code)])).status_code == 410
    from wasl.services.messages import render

    assert "/me/open/" not in render.render(Message.objects.latest("pk"), "mail").body
    post(mine, reverse("portal:me_code"), {"code": proving.digits_of(code)})
    added = person.addresses.get(hint__startswith="s")
    assert added.verified_at is not None
    assert "second@example.com" in words(mine, "me_details")
    post(mine, reverse("portal:me_change", args=[added.pk]), {"do": "prefer"})
    way = outbox.way_of(Message.objects.filter(person=person).exclude(event="link")[0], {"mail"})
    assert way is not None
    assert way.to == "second@example.com"
    assert "w-card-facts" in words(entered(other(), "second@example.com"))
    post(mine, reverse("portal:me_change", args=[added.pk]), {"do": "remove"})
    assert "No report stands" in words(entered(other(), "second@example.com"))


def test_a_number_is_added_as_given_and_what_was_only_typed_is_masked(city: City) -> None:
    city.report(reach=Reach(name="Maryam", mail=MINE, phone="92345678"))
    mine = entered(other())
    page = words(mine, "me_details")
    assert MINE in page
    assert "92345678" not in page
    post(mine, reverse("portal:me_add"), {"address": "٩٩٨٧٦٥٤٣"})
    number = Address.objects.get(medium="phone", hint__endswith="543")
    assert number.verified_at is None
    assert mine.post(reverse("portal:me_add"), {"address": "no such thing"}).status_code == 422


def test_the_only_way_to_reach_him_stays_while_a_report_is_open(city: City) -> None:
    address = requester(city.report()).addresses.get()
    mine = entered(other())
    page = post(mine, reverse("portal:me_change", args=[address.pk]), {"do": "remove"}).content.decode()
    assert "Add another address first" in page
    assert Address.objects.filter(pk=address.pk).exists()


@pytest.mark.req("K7", "I3")
def test_language_and_channel_count_for_open_reports_too(city: City) -> None:
    told = city.report()
    mine = entered(other())
    with clock.later(timedelta(minutes=1)):
        post(mine, reverse("portal:me_wish"), {"language": "zh", "channel": "web"})
    message = Message.objects.filter(person=told.case.requester).exclude(event="link")[0]
    from wasl.services.messages import render

    assert render.render(message, "mail").language == "zh"
    assert mine.post(reverse("portal:me_wish"), {"language": "xx", "channel": "web"}).status_code == 422


@pytest.mark.req("K7")
def test_being_forgotten_is_asked_for_and_taken_back(city: City) -> None:
    person = requester(city.report())
    mine = entered(other())
    post(mine, reverse("portal:me_forget"), {"do": "ask"})
    person.refresh_from_db()
    assert person.forget_asked_at is not None
    assert list(asked_to_be_forgotten()) == [person]
    assert "could not be told its outcome" in words(mine, "me_details")
    post(mine, reverse("portal:me_forget"), {"do": "back"})
    person.refresh_from_db()
    assert person.forget_asked_at is None


def test_a_pin_opens_one_report_and_not_the_page(city: City) -> None:
    told = city.report()
    city.report("street-light-out")
    browser = unlocked(told.case)
    assert "Send me a code" in words(browser)
    assert other().get(reverse("portal:me_code")).status_code == 410
