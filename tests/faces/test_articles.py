"""Articles on the web and at the desk: read, searched, offered to agents, written, heard, published; one for all."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from tests.city import City
from tests.services.test_articles import heard, rewritten, texted
from wasl.channels.voice import sound
from wasl.core.organisation.models import Staff
from wasl.services.articles import actions, queries
from wasl.services.articles.models import Article, ArticleUse
from wasl.services.calls import flows, prompts
from wasl.services.calls.actions import told

pytestmark = [pytest.mark.django_db, pytest.mark.req("A4", "C6", "C12", "M3")]
HOSTILE = '"><script>alert(1)</script>'


def enter(staff: Staff | None, language: str = "en") -> Client:
    client = Client()
    client.cookies["django_language"] = language
    if staff is not None:
        client.force_login(staff)
    return client


@pytest.fixture
def desk(city: City, tmp_path: Path, settings: Any) -> Client:
    settings.WASL_VOICE = tmp_path
    flows.ship()
    return enter(city.supervisor)


def page(client: Client, name: str, *args: Any, space: str = "desk", **query: str) -> str:
    response = client.get(reverse(f"{space}:{name}", args=args), query)
    assert response.status_code == 200
    return response.content.decode()


def write(client: Client, code: str, do: str, **fields: str) -> Any:
    """Post the article's form as it is shown, with these fields changed."""
    shown = page(client, "article", code)
    seen = re.search(r'name="seen" value="([0-9.]*)"', shown)
    assert seen
    article = Article.objects.get(code=code)
    held = actions.draft_of(article) or article.current
    given = {
        f"{name}_{language}": getattr(held, name, {}).get(language, "")
        for name in ("titles", "full", "voice", "short")
        for language in ("ar", "en", "zh")
    }
    return client.post(reverse("desk:article", args=[code]), {**given, "seen": seen[1], "do": do, **fields})


@pytest.mark.req("C13", "C14")
def test_the_same_article_and_version_by_every_channel(city: City, desk: Client) -> None:
    rewritten("scope", "All that the city does.", city)
    web = page(enter(None), "article", "scope", space="portal")
    assert "All that the city does." in web
    assert '<bdi dir="ltr">2.2</bdi>' in web
    assert texted("INFO 2") == "All that the city does. (2.2)"
    walk, said = heard("3", "2")
    assert said.startswith("All that the city does.")
    assert walk.keyed_so_far() == {"scope": "2.2"}
    told(walk)
    shown = enter(city.agent).post(reverse("desk:read_article"), {"pick": "scope", "language": "en"}).content.decode()
    assert "All that the city does. (2.2)" in shown
    used = {one.channel: (one.version.mark, one.count) for one in ArticleUse.objects.select_related("version__article")}
    assert used == dict.fromkeys(actions.CHANNELS, ("2.2", 1))


def test_the_web_lists_finds_and_shows_in_each_language(city: City) -> None:
    for language, title in (("en", "What the hotline accepts"), ("ar", "نطاق القبول"), ("zh-hans", "受理范围")):
        client = enter(None, language)
        assert title in page(client, "articles", space="portal")
        shown = page(client, "article", "scope", space="portal")
        assert f"<h1>{title}</h1>" in shown
    client = enter(None)
    assert "1 article may fit" in page(client, "articles", space="portal", q="old furniture")
    assert "No article says anything" in page(client, "articles", space="portal", q="qqqqqq")
    assert HOSTILE not in page(client, "articles", space="portal", q=HOSTILE)
    assert client.get(reverse("portal:article", args=["moon"])).status_code == 404
    assert "bulky" in page(client, "services", space="portal", q="old furniture")
    assert reverse("portal:article", args=["bulky-waste"]) in page(client, "service", "bulky-waste", space="portal")


def test_the_next_request_sees_what_was_published(city: City) -> None:
    client = enter(None)
    page(client, "article", "scope", space="portal")
    rewritten("scope", "Brand new.", city)
    response = client.get(reverse("portal:article", args=["scope"]))
    assert "Brand new." in response.content.decode()
    assert "no-store" in response.headers["Cache-Control"]


@pytest.mark.slow
def test_it_is_written_heard_published_and_taken_back(desk: Client, city: City) -> None:
    desk.post(reverse("desk:articles"), {"code": "shade"})
    assert "nobody gets it" in page(desk, "article", "shade")
    assert desk.get(reverse("portal:article", args=["shade"])).status_code == 404
    text = {"titles": "Shade", "full": f"One.\r\n\r\nTwo {HOSTILE}", "voice": "Trees give shade.", "short": "Trees."}
    given = {f"{name}_{code}": words for name, words in text.items() for code in ("ar", "en", "zh")}
    write(desk, "shade", "save", titles_en="Shade")
    write(desk, "shade", "publish", titles_en="Shade")
    shown = page(desk, "article", "shade")
    assert "English: the voice form is missing." in shown
    write(desk, "shade", "publish", **given)
    held = queries.one("shade")
    assert held
    assert (held.mark, held.paragraphs("en")[0]) == ("8.1", "One.")
    shown = page(desk, "article", "shade")
    assert HOSTILE not in shown
    assert "version 1, in force" in shown
    sound = desk.get(reverse("desk:article_sound", args=["shade", "in-force", "en"]))
    assert sound.content[:4] == b"RIFF"
    assert desk.get(reverse("desk:article_sound", args=["shade", "draft", "en"])).status_code == 404
    long = write(desk, "shade", "publish", **(given | {"voice_en": "A long sentence that goes on and on. " * 38}))
    assert long.status_code == 302
    assert re.search(r"English: the voice form takes \d+ seconds; at most 60 go", page(desk, "article", "shade"))
    assert queries.one("shade") == held, "the draft is kept, what is in force goes on"
    write(desk, "shade", "publish", **(given | {"voice_en": "Second."}))
    desk.post(reverse("desk:article_version", args=["shade", 1]))
    now = queries.one("shade")
    assert now
    assert (now.mark, now.voice["en"]) == ("8.3", "Trees give shade.")
    desk.post(reverse("desk:article", args=["shade"]), {"do": "withdraw"})
    assert queries.one("shade") is None


def test_who_comes_second_is_told(desk: Client, city: City) -> None:
    stamp = {"seen": "1.0", "do": "save", "titles_en": "Mine"}
    response = desk.post(reverse("desk:article", args=["scope"]), stamp)
    assert response.status_code == 422
    assert "in the meantime" in response.content.decode()


def test_agents_are_offered_articles_as_they_type(city: City) -> None:
    client = enter(city.agent)
    shown = client.post(
        reverse("desk:beside"), {"body": "Who collects my old mattress and furniture?", "language": "ar"}
    )
    assert "جمع المخلفات الكبيرة" in shown.content.decode(), "in the language of the caller"
    by_category = client.post(reverse("desk:beside"), {"body": "", "category": "bulky-waste"}).content.decode()
    assert "Collection of bulky" in by_category
    assert client.post(reverse("desk:read_article"), {"pick": "moon"}).status_code == 404
    assert client.post(reverse("desk:read_article"), {"pick": "'\"\x00"}).status_code == 404


def test_the_flow_editor_offers_articles(city: City, tmp_path: Path, settings: Any) -> None:
    settings.WASL_VOICE = tmp_path
    flows.ship()
    client = enter(city.administrator)
    shown = page(client, "flow_step", "main", "scope")
    assert re.search(r'<option value="scope" selected>', shown)
    assert "The hotline accepts what concerns" in page(client, "flow", "main")
    seen = re.search(r'name="seen" value="(\d+)"', shown)
    assert seen
    given = {"seen": seen[1], "do": "save", "article": "complaints", "next": "topics"}
    assert client.post(reverse("desk:flow_step", args=["main", "scope"]), given).status_code == 302
    draft = flows.draft_of("main")
    assert draft
    assert draft.data["nodes"]["scope"] == {"kind": "say", "article": "complaints", "next": "topics"}


@pytest.mark.req("C6")
def test_somebodys_recording_is_heard_instead(desk: Client, city: City) -> None:
    held = queries.one("scope")
    assert held
    tone = sound.written(np.sin(np.arange(2 * sound.RATE) / 5) * 9000)

    def given() -> dict[str, Any]:
        return {"do": "record", "part": "text", "language": "en", "file": SimpleUploadedFile("a.wav", tone)}

    where = reverse("desk:article", args=["scope"])
    assert desk.post(where, given()).status_code == 403, "who writes articles need not record for the telephone"
    client = enter(city.administrator)
    assert client.post(where, given()).status_code == 302
    assert prompts.of("en", held.voice["en"])
    heard_now = client.get(reverse("desk:article_sound", args=["scope", "in-force", "en"]))
    assert len(heard_now.content) == len(tone)
    assert "recorded" in page(client, "article", "scope")
