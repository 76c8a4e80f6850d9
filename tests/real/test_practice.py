"""The practice beside a running house: fifty made-up cases there move no figure, list or root of the house."""

import json
import re
import time
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, ProxyHandler, Request, build_opener

import pytest

from tests.real.hotline import Hotline, run
from tests.real.inside import ask

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.req("A1")]
READY_S = 400


class Person:
    """Somebody at a browser that runs no scripts."""

    def __init__(self) -> None:
        self.opener: OpenerDirector = build_opener(ProxyHandler({}), HTTPCookieProcessor(CookieJar()))

    def get(self, url: str) -> tuple[str, str]:
        """Where one ended, and the page."""
        with self.opener.open(Request(url, headers={"Accept-Language": "en"}), timeout=90) as answer:
            return answer.url, answer.read().decode()

    def send(self, url: str, page: str, **fields: str) -> tuple[str, str]:
        """Send a form of `page`."""
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert found is not None
        data = urlencode({"csrfmiddlewaretoken": found[1], **fields}).encode()
        with self.opener.open(Request(url, data=data, headers={"Referer": url}), timeout=90) as answer:
            return answer.url, answer.read().decode()


def signed_in(house: Hotline, role: str) -> Person:
    known = next(one for one in house.demo["sign_ins"] if one["role"] == role)
    person, url = Person(), f"{house.url}/account/login/"
    _, page = person.get(url)
    person.send(url, page, login=known["username"], password=known["password"])
    return person


def practising(house: Hotline, role: str) -> tuple[Person, str, str]:
    """The person, the address of the practice, and the door that he came through."""
    person, until = signed_in(house, role), time.monotonic() + READY_S
    while True:
        url, page = person.get(f"{house.url}/desk/learn/practise/")
        if not url.startswith(house.url + "/"):
            return person, "/".join(url.split("/")[:3]), page
        trouble = house.data / "practice" / "trouble"
        assert not trouble.exists(), trouble.read_text()
        assert time.monotonic() < until, "the practice did not get ready"
        time.sleep(2)


def figures(house: Hotline) -> dict[str, object]:
    """What the house says of itself: cases, messages, lists, Open311, roots."""
    supervisor = signed_in(house, "supervisor")
    _, board = supervisor.get(f"{house.url}/desk/board/")
    _, every = supervisor.get(f"{house.url}/desk/list/all/")
    _, requests = Person().get(f"{house.url}/open311/v2/requests.json")
    return {
        "cases": ask(house, "cases"),
        "messages": len(ask(house, "messages")),
        # Unsent, unsigned, returned, disputed; what is due or overdue changes with the time.
        "board": re.findall(r"<b>[\d+]+</b>", board)[:4],
        "list": re.findall(r'class="w-number">[^<]+', every),
        "open311": json.loads(requests),
        "journal": run("journal", "verify", "--data", house.data).returncode,
    }


def test_fifty_cases_of_the_practice_move_no_figure_of_the_house(house: Hotline) -> None:
    before = figures(house)
    person, there, page = practising(house, "agent")
    assert "w-practice" in page
    numbers = set()
    for n in range(50):
        _, form = person.get(f"{there}/desk/report/")
        key = re.search(r'name="key"[^>]*value="([^"]+)"|value="([^"]+)"[^>]*name="key"', form)
        fields = {
            "key": (key[1] or key[2]) if key else "",
            "medium": "phone",
            "body": f"Practice {n}",
            "do": "register",
        }
        fields |= {"person_kind": "citizen", "language": "en", "channel": "phone", "category": "water-leak"}
        url, said = person.send(f"{there}/desk/report/", form, **fields)
        found = re.search(r"/desk/report/(\d+)/", url)
        assert found is not None, said[-3000:]
        numbers.add(found[1])
    assert len(numbers) == 50
    assert all(number[2] == "9" and len(number) >= 13 for number in numbers), "practice numbers are told apart"
    assert figures(house) == before
    known = {case["number"] for case in ask(house, "cases")}
    assert not known & numbers


def test_the_door_opens_once_and_only_for_the_house_s_own_words(house: Hotline) -> None:
    person, there, _ = practising(house, "agent")
    del person
    for token in ("", "x", "a:b:c"):
        with pytest.raises(HTTPError, match="403"):
            Person().get(f"{there}/practice/enter/?t={token}")
    with pytest.raises(HTTPError, match="404"):
        Person().get(f"{house.url}/practice/enter/?t=x")
    # Nobody signs in at the practice: its sign-in page leads back to the house.
    url, _page = Person().get(f"{there}/account/login/")
    assert url.startswith(house.url + "/account/login/")


def test_no_personal_data_of_the_house_goes_through_the_door(house: Hotline) -> None:
    practising(house, "agent")
    world = (house.data / "practice" / "world.json").read_text()
    assert "@" not in re.sub(r"\{\{.*?\}\}", "", world)
    kinds = {row["model"] for row in json.loads(world)}
    assert kinds == {
        "organisation.city", "organisation.calendar", "organisation.area", "organisation.unit", "catalogue.edition",
        "outbox.template",
    }  # fmt: skip
    assert all(not row["fields"].get("mail") and not row["fields"].get("phone") for row in json.loads(world))
    own = json.loads((house.data / "secrets.json").read_text())
    theirs = json.loads((house.data / "practice" / "secrets.json").read_text())
    assert not set(own.values()) & set(theirs.values())
