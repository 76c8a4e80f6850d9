"""What somebody with bad intent tries on a whole running hotline: nothing breaks, leaks or lets him in."""

import base64
import hashlib
import hmac
import io
import re
import secrets
import statistics
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psycopg
import pytest
from django.urls import URLPattern
from PIL import Image

from tests.city import POINTS
from tests.faces.test_open311_hostile import _archive, _bomb
from tests.real.hotline import Hotline, run
from wasl.faces.desk import urls as desk_urls
from wasl.kernel import acceptance
from wasl.site.installation import Installation

pytestmark = pytest.mark.timeout(900)
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
# What is new each time a page is made.
FRESH = re.compile(r'(?<="X-CSRFToken": ")[^"]+|(?<=name="csrfmiddlewaretoken" value=")[^"]+')
SECRETS = re.compile(r"Traceback|psycopg|django_key|seal_key|SELECT .* FROM")


class Visitor(httpx.Client):
    """A browser without scripts; sends the forms of pages with their token."""

    def __init__(self, house: Hotline) -> None:
        super().__init__(base_url=house.url, timeout=120, trust_env=False)

    def send(self, request: httpx.Request, **kwargs: Any) -> httpx.Response:
        """As usual; no answer may tell of the inside, whatever was sent."""
        answer = super().send(request, **kwargs)
        assert answer.status_code != 500, f"{request.method} {request.url}"
        if not kwargs.get("stream") and "text/" in answer.headers.get("content-type", ""):
            assert not SECRETS.search(answer.text), answer.text[:2000]
        return answer

    def form(self, page: str, to: str = "", **fields: Any) -> httpx.Response:
        """Get the page, fill in its form and send it, as a browser does."""
        found = TOKEN.search(self.get(page).text)
        assert found, page
        return self.post(
            to or page, data={"csrfmiddlewaretoken": found[1], **fields}, headers={"Referer": f"{self.base_url}{page}"}
        )

    def sign_in(self, house: Hotline, username: str, password: str = "") -> httpx.Response:
        known = next(one["password"] for one in house.demo["sign_ins"] if one["username"] == username)
        return self.form("/account/login/", login=username, password=password or known)


@pytest.fixture
def visitor(house: Hotline) -> Iterator[Visitor]:
    with Visitor(house) as one:
        yield one


@pytest.fixture
def another(house: Hotline) -> Iterator[Visitor]:
    with Visitor(house) as one:
        yield one


@pytest.fixture(autouse=True)
def fresh_limits(house: Hotline) -> None:
    """All of these come from one address: what one test used up of its limits is not the next one's."""
    with psycopg.connect(Installation.at(house.data).cluster.url()) as connection:
        connection.execute("DELETE FROM kernel_throttle")


Report = Callable[..., dict[str, Any]]


@pytest.fixture
def report(house: Hotline, visitor: Visitor) -> Report:
    """Report over Open311; gives what was answered, with number and PIN."""

    def send(files: Any = None, **more: str) -> dict[str, Any]:
        lat, lon = POINTS["bawshar"]
        fields = {"service_code": "water-leak", "lat": str(lat), "long": str(lon), "description": "Water"} | more
        answer = visitor.post(
            "/open311/v2/requests.json?extensions=true",
            data=fields,
            files=files,
            headers={"X-API-Key": house.demo["open311"]["key"]},
        )
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()[0]
        return made | {"pin": made["extended_attributes"]["pin"], "number": made["service_request_id"]}

    return send


@pytest.fixture(scope="module", autouse=True)
def whole_afterwards(house: Hotline) -> Iterator[None]:
    """After all of it the house runs, and its journal is unbroken."""
    yield
    assert house.answers()
    done = run("journal", "verify", "--data", house.data, timeout_s=300)
    assert done.returncode == 0, done.stdout + done.stderr


# --- too much, and of the wrong kind ---------------------------------------------------------------------------------


def test_ten_megabytes_of_words_are_refused_everywhere(house: Hotline, visitor: Visitor) -> None:
    flood = "ماء " * 2_500_000
    key = {"X-API-Key": house.demo["open311"]["key"]}
    for path, fields in (
        ("/open311/v2/requests.json", {"service_code": "water-leak", "description": flood}),
        ("/report/", {"text": flood}),
        ("/track/", {"number": flood, "pin": "1"}),
        ("/account/login/", {"login": flood, "password": flood}),
    ):
        answer = visitor.post(path, data=fields, headers=key)
        assert answer.status_code in (400, 403, 413), f"{path}: {answer.status_code}"
        assert len(answer.content) < 100_000
    assert visitor.form("/report/", text="x" * 100_000).status_code == 422
    assert visitor.get("/track/?number=" + "9" * 60_000).status_code in (200, 400, 414, 431)


@pytest.mark.parametrize(
    "wrong", ["\0", "a\0b", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "‮", "{{7*7}}"]
)
def test_bytes_that_are_no_words(visitor: Visitor, wrong: str) -> None:
    for path in ("/report/", "/track/", "/verify/", "/account/login/"):
        field = {"/report/": "text", "/account/login/": "login"}.get(path, "number")
        answer = visitor.form(path, **{field: wrong, "pin": wrong, "password": wrong, "receipt": wrong})
        assert answer.status_code in (200, 302, 400, 422, 429), path
        assert ">49<" not in answer.text
    for path in (
        "/track/%00/",
        "/track/a%00b/",
        "/answer/%00/",
        "/answer/..%2f..%2f/",
        "/open311/v2/requests/%00.json",
    ):
        assert visitor.get(path).status_code in (302, 400, 404), path
    assert visitor.get("/track/", params={"number": wrong}).status_code in (200, 302, 400)


def test_wrong_types_are_told_apart_from_nothing(house: Hotline, visitor: Visitor) -> None:
    key = {"X-API-Key": house.demo["open311"]["key"]}
    for body, kind in (
        (b'{"service_code": 7}', "application/json"),
        (b"<xml/>", "text/xml"),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
        (b"\xff\xfe\x00", "application/x-www-form-urlencoded"),
        (b"", "multipart/form-data"),
    ):
        answer = visitor.post("/open311/v2/requests.json", content=body, headers=key | {"Content-Type": kind})
        assert answer.status_code in (400, 404), kind
        assert all(one["code"] and one["description"] for one in answer.json())
    for method in ("PUT", "DELETE", "PATCH", "TRACE"):
        assert visitor.request(method, "/open311/v2/requests.json").status_code in (400, 405)
        assert visitor.request(method, "/track/").status_code in (400, 403, 405)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("bomb.png", _bomb()),
        ("archive.jpg", _archive()),
        ("picture.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
        ("program.jpg", b"MZ" + bytes(500)),
    ],
)
def test_hostile_files_cost_little_and_are_refused(house: Hotline, visitor: Visitor, name: str, data: bytes) -> None:
    lat, lon = POINTS["bawshar"]
    began = time.monotonic()
    answer = visitor.post(
        "/open311/v2/requests.json",
        data={"service_code": "water-leak", "lat": str(lat), "long": str(lon)},
        files={"media": (name, data, "image/jpeg")},
        headers={"X-API-Key": house.demo["open311"]["key"]},
    )
    assert answer.status_code in (400, 413)
    assert time.monotonic() - began < 20


def test_a_page_that_calls_itself_a_picture_is_text(visitor: Visitor, report: Report) -> None:
    made = report(files={"media": ("page.jpg", b"<html><script>alert(1)</script>", "image/jpeg")})
    visitor.form("/track/", number=made["number"], pin=made["pin"])
    links = set(re.findall(rf"/track/{made['number']}/file/\d+/\w+/", visitor.get(f"/track/{made['number']}/").text))
    assert links
    for link in links:
        answer = visitor.get(link)
        shown = answer.headers["content-type"]
        assert shown.startswith("text/plain") or answer.headers["content-disposition"].startswith("attachment"), shown
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_polyglot_is_never_handed_out_as_what_it_hides(visitor: Visitor, report: Report) -> None:
    out = io.BytesIO()
    Image.new("RGB", (60, 40), (9, 90, 9)).save(out, "JPEG", comment=b"<script>alert(1)</script>")
    hidden = out.getvalue() + b"<html><script>alert(document.cookie)</script></html>"
    made = report(files={"media": ("both.html", hidden, "text/html")})
    visitor.form("/track/", number=made["number"], pin=made["pin"])
    links = set(re.findall(rf"/track/{made['number']}/file/\d+/\w+/", visitor.get(f"/track/{made['number']}/").text))
    assert links
    for link in links:
        answer = visitor.get(link)
        assert answer.status_code == 200
        assert answer.headers["x-content-type-options"] == "nosniff"
        if link.endswith("/original/"):
            assert answer.headers["content-type"] == "application/octet-stream"
            assert answer.headers["content-disposition"].startswith("attachment")
        else:
            assert answer.headers["content-type"] == "image/jpeg"
            assert b"script" not in answer.content


# --- who may what ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/report/", "/track/", "/verify/", "/account/login/", "/account/logout/", "/i18n/setlang/"]
)
def test_a_form_without_its_token_is_refused(visitor: Visitor, path: str) -> None:
    assert visitor.post(path, data={"text": "x", "number": "1", "login": "a"}).status_code == 403
    found = TOKEN.search(visitor.get("/track/").text)
    assert found
    forged = {"csrfmiddlewaretoken": found[1][::-1]}
    assert visitor.post(path, data=forged).status_code == 403
    good = {"csrfmiddlewaretoken": found[1]}
    assert visitor.post(path, data=good, headers={"Origin": "https://evil.example"}).status_code == 403


@pytest.mark.req("C8")
def test_forged_pins_are_counted_whether_the_number_exists_or_not(visitor: Visitor, report: Report) -> None:
    made = report()
    answers = []
    for number in (made["number"], acceptance.make(secrets.randbelow(10**7) + 2 * 10**6, 2025)):
        wrong = [
            visitor.form("/track/", number=number, pin=f"{guess:06d}")
            for guess in range(1, 7)
            if f"{guess:06d}" != made["pin"]
        ]
        answers.append(
            [
                (one.status_code, len(one.text.replace(number, "").replace(acceptance.grouped(number), "")))
                for one in wrong
            ]
        )
        assert [one.status_code for one in wrong[:5]] == [422] * 5
        assert wrong[5].status_code == 429
        assert int(wrong[5].headers["retry-after"]) > 60
    assert [status for status, _ in answers[0]] == [status for status, _ in answers[1]]
    assert visitor.form("/track/", number=made["number"], pin=made["pin"]).status_code == 429, (
        "locked for the right one too"
    )


@pytest.mark.req("C8")
def test_behind_a_proxy_everybody_has_limits_of_his_own(house: Hotline, report: Report) -> None:
    made = report()

    def tries(address: str, pin: str) -> int:
        with Visitor(house) as one:
            # What he says of himself comes first, what the proxy saw last.
            one.headers["X-Forwarded-For"] = f"198.51.100.{secrets.randbelow(250)}, {address}"
            return one.form("/track/", number=made["number"], pin=pin).status_code

    wrong = f"{(int(made['pin']) + 1) % 10**6:06d}"
    assert [tries("203.0.113.9", wrong) for _ in range(6)] == [422] * 5 + [429]
    assert tries("203.0.113.9", made["pin"]) == 429
    assert tries("203.0.113.10", made["pin"]) == 302


def test_numbers_cannot_be_enumerated(visitor: Visitor, report: Report) -> None:
    """Not by the answer, nor by how long it takes: a confidential request is like a number that was never given."""
    hidden = report(**{"service_code": "conduct-quality", "attribute[unit-concerned]": "seeb"})["number"]
    never = acceptance.make(secrets.randbelow(10**7) + 2 * 10**6, 2025)
    # The first page that a visitor gets holds the styles too.
    visitor.get("/")
    shown: dict[str, set[str]] = {hidden: set(), never: set()}
    times: dict[str, list[float]] = {hidden: [], never: []}
    for _ in range(25):
        for number in (hidden, never):
            began = time.perf_counter()
            page = visitor.get(f"/track/{number}/")
            times[number].append(time.perf_counter() - began)
            text = page.text.replace(number, "N").replace(acceptance.grouped(number), "N")
            shown[number].add(f"{page.status_code} {FRESH.sub('', text)}")
            assert visitor.get(f"/open311/v2/requests/{number}.json").status_code == 404
    assert len(shown[hidden]) == 1
    assert shown[hidden] == shown[never]
    medians = [statistics.median(times[number]) for number in (hidden, never)]
    print(f"\nhidden {medians[0] * 1000:.1f} ms, never given {medians[1] * 1000:.1f} ms")
    assert max(medians) < 2 * min(medians)


def test_a_session_that_was_planted_is_not_taken_over(house: Hotline, visitor: Visitor, another: Visitor) -> None:
    visitor.cookies.set("sessionid", "planted0planted0planted0planted0")
    assert visitor.sign_in(house, "agent3").status_code == 302
    kept = visitor.cookies.get("sessionid", domain="127.0.0.1") or [c.value for c in visitor.cookies.jar][-1]
    assert kept != "planted0planted0planted0planted0"
    another.cookies.set("sessionid", "planted0planted0planted0planted0")
    assert another.get("/desk/").status_code == 302
    assert "/account/login/" in another.get("/desk/").headers["location"]


def test_signing_out_ends_the_session(house: Hotline, visitor: Visitor, another: Visitor) -> None:
    assert visitor.sign_in(house, "agent3").status_code == 302
    for stolen in visitor.cookies.jar:
        another.cookies.jar.set_cookie(stolen)
    assert another.get("/desk/me/").status_code == 200
    assert visitor.form("/account/logout/").status_code == 302
    assert another.get("/desk/me/").status_code == 302


def test_headers_of_every_page(house: Hotline, visitor: Visitor) -> None:
    for path in (
        "/",
        "/report/",
        "/track/",
        "/account/login/",
        "/open311/v2/services.json",
        "/nothing-here/",
        "/desk/",
    ):
        answer = visitor.get(path)
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "x-powered-by" not in answer.headers
        assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/(?:ld\+)?json)[^>]*>", answer.text), path
        assert not re.search(r"\son\w+=\"", answer.text), path
    visitor.sign_in(house, "agent3")
    for cookie in visitor.cookies.jar:
        assert cookie.name != "sessionid" or cookie.has_nonstandard_attr("HttpOnly")
        assert cookie.get_nonstandard_attr("SameSite") in ("Lax", "Strict"), cookie.name
    assert "no-store" in visitor.get("/desk/me/").headers["cache-control"]


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "https:evil.example"],
)
def test_nobody_is_sent_elsewhere(house: Hotline, visitor: Visitor, elsewhere: str) -> None:
    def stays(answer: httpx.Response) -> None:
        assert answer.status_code in (200, 204, 302, 303), answer.status_code
        to = httpx.URL(house.url).join(answer.headers.get("location", "/"))
        assert (to.scheme, to.host) == ("http", "127.0.0.1"), answer.headers["location"]

    stays(visitor.post("/look/", data={"set": "theme:dark", "next": elsewhere}))
    stays(visitor.form("/track/", "/i18n/setlang/", language="en", next=elsewhere))
    known = next(one for one in house.demo["sign_ins"] if one["username"] == "agent4")
    stays(visitor.form("/account/login/", login="agent4", password=known["password"], next=elsewhere))
    stays(visitor.form("/account/logout/", next=elsewhere))


def test_another_host_is_refused_and_a_forwarded_one_ignored(visitor: Visitor) -> None:
    assert visitor.get("/", headers={"Host": "evil.example"}).status_code == 400
    page = visitor.get("/desk/", headers={"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"})
    assert "evil.example" not in page.text + page.headers["location"]


@pytest.mark.parametrize(
    "path",
    [
        "/static/../secrets.json", "/static/%2e%2e/%2e%2e/secrets.json", "/static/..%2f..%2fsecrets.json",
        "/static//etc/passwd", "/static/dist/../../site/settings.py", "/files/", "/media/", "/secrets.json",
        "/demo/mail/..%2f..%2fsecrets.json/", "/open311/v2/media/..%2f1.jpg", "/desk/file/1/..%2foriginal/",
    ],
)  # fmt: skip
def test_paths_lead_nowhere_else(house: Hotline, path: str) -> None:
    """Sent as they stand: httpx and browsers would tidy them first."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=60)
    connection.putrequest("GET", path)
    connection.endheaders()
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    assert answer.status in (302, 400, 403, 404), path
    assert b"seal_key" not in content
    assert b"root:x:" not in content


def test_another_citizens_files_are_not_there(visitor: Visitor, another: Visitor, report: Report) -> None:
    out = io.BytesIO()
    Image.new("RGB", (60, 40)).save(out, "JPEG")
    photo = {"media": ("a.jpg", out.getvalue(), "image/jpeg")}
    mine, theirs = report(files=photo), report(files=photo)
    visitor.form("/track/", number=mine["number"], pin=mine["pin"])
    another.form("/track/", number=theirs["number"], pin=theirs["pin"])
    link = re.search(rf"/track/{theirs['number']}/file/(\d+)/\w+/", another.get(f"/track/{theirs['number']}/").text)
    assert link
    assert another.get(link[0]).status_code == 200
    assert visitor.get(link[0]).status_code in (302, 404)
    for size in ("thumb", "shown", "original"):
        assert visitor.get(f"/track/{mine['number']}/file/{link[1]}/{size}/").status_code == 404
        assert visitor.get(f"/desk/file/{link[1]}/{size}/").status_code == 302
    assert visitor.get(f"/open311/v2/media/{link[1]}.jpg").status_code == 404
    for verb in ("answer", "add", "reopen", "pin"):
        assert visitor.form("/track/", f"/track/{theirs['number']}/{verb}/", text="x").status_code in (302, 404, 405)


def test_the_desk_opens_to_nobody_who_is_not_signed_in(visitor: Visitor) -> None:
    made = {"number": "2600000000", "slug": "sign", "part": "head", "code": "all", "pk": "1", "form": "shown"}
    made |= {"sheet": "dispatch", "event": "told", "channel": "mail", "number:int": "1"}
    paths = []
    for pattern in desk_urls.urlpatterns:
        assert isinstance(pattern, URLPattern)
        route = re.sub(r"<int:\w+>", "1", str(pattern.pattern))
        paths.append("/desk/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: made.get(found[1], "x"), route))
    assert len(paths) > 30
    for path in paths:
        answer = visitor.get(path)
        assert answer.status_code in (302, 405), f"{path}: {answer.status_code}"
        if answer.status_code == 302:
            assert answer.headers["location"].startswith("/account/login/"), path
        assert visitor.form("/track/", path, text="x").status_code in (302, 403, 405), path


# --- signing in ------------------------------------------------------------------------------------------------------


def code_of(secret: str, at: float) -> str:
    """The six digits of RFC 6238 (SHA-1, 30 s)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    mac = hmac.new(key, struct.pack(">Q", int(at) // 30), hashlib.sha1).digest()
    start = mac[-1] & 15
    return f"{(int.from_bytes(mac[start : start + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06d}"


@pytest.mark.req("P1")
def test_a_second_factor_is_asked_for_and_cannot_be_guessed(house: Hotline, visitor: Visitor, another: Visitor) -> None:
    who = "officer-projects"
    assert visitor.sign_in(house, who).status_code == 302
    page = visitor.get("/account/2fa/totp/activate/", follow_redirects=True)
    if "/reauthenticate/" in str(page.url):
        password = next(one["password"] for one in house.demo["sign_ins"] if one["username"] == who)
        visitor.form(page.url.raw_path.decode(), password=password)
        page = visitor.get("/account/2fa/totp/activate/")
    secret = re.search(r'value="([A-Z2-7]{16,64})"', page.text)
    assert secret, page.text[:3000]
    token = TOKEN.search(page.text)
    assert token
    # The page makes a new secret each time it is opened.
    fields = {"csrfmiddlewaretoken": token[1], "code": code_of(secret[1], time.time())}
    done = visitor.post("/account/2fa/totp/activate/", data=fields)
    assert done.status_code == 302, done.text[:2000]
    try:
        asked = another.sign_in(house, who)
        assert asked.headers["location"].startswith("/account/2fa/authenticate/")
        assert another.get("/desk/").status_code == 302, "half signed in is not signed in"
        right = code_of(secret[1], time.time())
        wrong = f"{(int(right) + 1) % 1_000_000:06d}"
        assert another.form("/account/2fa/authenticate/", code=wrong).status_code in (200, 422)
        assert another.get("/desk/me/").status_code == 302
        # A code is taken once: the one that switched it on may still be the current one.
        while code_of(secret[1], time.time()) == right:
            time.sleep(1)
        opened = another.form("/account/2fa/authenticate/", code=code_of(secret[1], time.time()))
        assert opened.status_code == 302, opened.text[:2000]
        assert another.get("/desk/me/").status_code == 200
    finally:
        visitor.form("/account/2fa/totp/deactivate/")


def test_guessing_a_password_is_slowed_down(house: Hotline, visitor: Visitor) -> None:
    """Five wrong ones, and the right one is not heard for a while."""
    who = "officer-digital"
    for guess in range(6):
        answer = visitor.sign_in(house, who, password=f"guess-{guess}-guess")
        assert answer.status_code in (200, 422, 429)
    assert visitor.sign_in(house, who).status_code in (200, 422, 429)
    assert visitor.get("/desk/").status_code == 302
