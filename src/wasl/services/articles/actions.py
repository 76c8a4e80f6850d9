"""The verbs on articles: drafted, published, taken back, withdrawn; shipped; and that one was used.

Who may is decided by the right `articles.edit`; one pair of eyes is enough, and each version says whose.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from wasl.core.organisation import rights
from wasl.core.organisation.actions.audit import Refused, note
from wasl.core.organisation.models import Staff
from wasl.kernel import clock
from wasl.kernel.plain import block, line
from wasl.kernel.rows import read
from wasl.services.articles import checking
from wasl.services.articles.checking import Content, Measure
from wasl.services.articles.models import Article, ArticleVersion

RIGHT: Final = "articles.edit"
FIXED: Final = ("policies", "scope", "acceptance", "complaints")
"""The four topics of every hotline, in their order; numbered 1 to 4 (C12)."""
WEB, SMS, VOICE, DESK = CHANNELS = ("web", "sms", "voice", "desk")

_USED: Final = """
INSERT INTO articles_articleuse (version_id, channel, day, count)
SELECT v.id, $2, $3, count(*) FROM unnest($1::text[]) AS asked(mark)
JOIN articles_article a ON a.number = split_part(asked.mark, '.', 1)::int
JOIN articles_articleversion v ON v.article_id = a.id AND v.number = split_part(asked.mark, '.', 2)::int
GROUP BY v.id ORDER BY v.id
ON CONFLICT (version_id, channel, day) DO UPDATE SET count = articles_articleuse.count + excluded.count
"""


def begin(code: str, *, by: Staff) -> Article:
    """A new article, without any text yet; its number is the next one. Raises Forbidden, Refused."""
    rights.require(by, RIGHT)
    try:
        with transaction.atomic():
            number = (Article.objects.aggregate(last=Max("number"))["last"] or len(FIXED)) + 1
            row = Article.objects.create(code=code, number=number)
            note(by, "article.made", row, None)
    except IntegrityError as error:
        raise Refused(_("There is one of this code already.")) from error
    return row


def draft_of(article: Article) -> ArticleVersion | None:
    """What is being written and nobody gets yet."""
    return article.versions.filter(number__isnull=True).first()


def stamp(version: ArticleVersion | None) -> str:
    """What a page that shows this version sends back, to tell whether somebody has gone on writing since."""
    return "" if version is None else f"{version.pk}.{version.made_at.timestamp():.6f}"


def save(article: Article, content: Content, *, by: Staff, seen: str) -> ArticleVersion:
    """Keep what is written, whole or not, as the draft; `seen` is the `stamp` of what the screen showed.

    Raises Forbidden; Refused where somebody else went on in between.
    """
    rights.require(by, RIGHT)
    with transaction.atomic():
        held = _seen(article, seen)
        row = held if held and held.number is None else ArticleVersion(article=article)
        for name, value in asdict(_plain(content)).items():
            setattr(row, name, value)
        row.made_at, row.made_by = clock.now(), by
        row.save()
    return row


def _seen(article: Article, seen: str) -> ArticleVersion | None:
    """The draft, or what is in force without one, locked. Raises Refused where it is not the one on the screen."""
    locked = Article.objects.select_for_update().get(pk=article.pk)
    held = draft_of(locked) or locked.current
    if stamp(held) != seen:
        who = held.made_by if held and held.made_by else "–"
        raise Refused(_("%(who)s changed this article in the meantime; look at it again.") % {"who": who})
    return held


def _plain(content: Content) -> Content:
    return Content(
        {code: line(text) for code, text in content.titles.items()},
        {code: block(text) for code, text in content.full.items()},
        {code: line(text) for code, text in content.voice.items()},
        {code: line(text) for code, text in content.short.items()},
        tuple(content.topics),
    )


def discard(article: Article, *, by: Staff, seen: str) -> None:
    """Forget the draft. Raises Forbidden; Refused where somebody went on writing since."""
    rights.require(by, RIGHT)
    with transaction.atomic():
        held = _seen(article, seen)
        if held is not None and held.number is None:
            held.delete()


def publish(article: Article, *, by: Staff, seen: str, measure: Measure) -> ArticleVersion:
    """The draft counts from now, on every channel. Raises Forbidden; Refused with all that stands in its way.

    `measure` tells how long its words take when they are spoken; it makes the speech by that, so no caller waits.
    """
    rights.require(by, RIGHT)
    # Speaking takes seconds: nothing is locked meanwhile.
    held = draft_of(article)
    if held is None or stamp(held) != seen:
        with transaction.atomic():
            _seen(article, seen)
        raise Refused(_("There is no draft to publish."))
    _check(content_of(held), measure)
    with transaction.atomic():
        row = _seen(article, seen)
        if row is None or row.number is not None:
            raise Refused(_("There is no draft to publish."))
        return _in_force(row, by)


def go_back(article: Article, version: ArticleVersion, *, by: Staff, measure: Measure) -> ArticleVersion:
    """An old version counts again, as a new one; what is being written stays. Raises Forbidden, Refused."""
    rights.require(by, RIGHT)
    content = content_of(version)
    _check(content, measure)
    with transaction.atomic():
        Article.objects.select_for_update().get(pk=article.pk)
        row = ArticleVersion(article=article, made_at=clock.now(), made_by=by, **asdict(content))
        return _in_force(row, by)


def _check(content: Content, measure: Measure) -> None:
    found = list(checking.problems(content, measure))
    if found:
        raise Refused(" ".join(found))


def _in_force(row: ArticleVersion, by: Staff | None) -> ArticleVersion:
    article = row.article
    row.number = (article.versions.aggregate(last=Max("number"))["last"] or 0) + 1
    row.published_at = clock.now()
    row.save()
    article.current = row
    article.save(update_fields=["current"])
    if by is not None:
        note(by, "article.published", article, None, version=row.number)
    return row


def withdraw(article: Article, *, by: Staff, named: Collection[str]) -> None:
    """Nobody gets it any more; its versions stay. `named`: codes that voice menus say, which must stay.

    Raises Forbidden; Refused for one of the four topics and for what a voice menu says.
    """
    rights.require(by, RIGHT)
    if article.fixed:
        raise Refused(_("This is one of the four topics that every hotline tells; it stays."))
    if article.code in named:
        raise Refused(_("The voice menu says it. Take it out there first."))
    with transaction.atomic():
        row = Article.objects.select_for_update().get(pk=article.pk)
        row.current = None
        row.save(update_fields=["current"])
        note(by, "article.withdrawn", row, None)


def content_of(version: ArticleVersion) -> Content:
    """Its texts."""
    return Content(version.titles, version.full, version.voice, version.short, tuple(version.topics))


def used(channel: str, marks: Collection[str]) -> None:
    """These articles (`mark` of each version) were given on this channel."""
    if marks:
        read(_USED, [list(marks), channel, timezone.localdate(clock.now())])


# --- what is shipped ---


def ship() -> None:
    """Publish the four topics where they are lacking, or where nobody has changed what was shipped before."""
    load(json.loads((Path(__file__).parent / "shipped.json").read_text()), fixed=True)


def load(rows: Mapping[str, Mapping[str, Any]], *, fixed: bool = False) -> None:
    """Publish articles by code that nobody wrote at the desk; what somebody did write stays."""
    for code, row in rows.items():
        content = _plain(Content(row["titles"], row["full"], row["voice"], row["short"], tuple(row.get("topics", ()))))
        with transaction.atomic():
            facts = {"number": row["number"], "fixed": fixed}
            article, _new = Article.objects.select_for_update().get_or_create(code=code, defaults=facts)
            if article.versions.filter(made_by__isnull=False).exists():
                continue
            if article.current is None or content_of(article.current) != content:
                made = ArticleVersion(article=article, made_at=clock.now(), **asdict(content))
                _in_force(made, None)
