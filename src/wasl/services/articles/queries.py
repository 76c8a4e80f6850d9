"""Reads of articles: those in force, always as they are now, and which of them words may mean."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from django.db.models import Sum
from django.utils import timezone

from wasl.kernel import clock, rows
from wasl.kernel.names import LANGUAGES
from wasl.kernel.terms import terms
from wasl.services.articles.checking import cited
from wasl.services.articles.models import Article, ArticleUse, ArticleVersion

_TITLE, _SHORT, _FULL, _TOPIC = 6.0, 2.0, 1.0, 8.0
_ASKS = frozenset({"how", "work", "كيف", "怎么", "么办"})
"""Terms that stand in questions of every kind."""
_LEAST = 2.0
"""What is found by a word of its full text alone is a chance."""


def in_force() -> list[ArticleVersion]:
    """Every article that people get, in the order of their numbers. Read anew each time: nothing stale is given."""
    held = Article.objects.filter(current__isnull=False).select_related("current").order_by("number")
    return [version for row in held if (version := _of(row))]


def one(code: str) -> ArticleVersion | None:
    """The version in force of this code."""
    return _of(Article.objects.filter(code=code, current__isnull=False).select_related("current").first())


def spoken(codes: Iterable[str]) -> dict[str, tuple[str, Mapping[str, str]]]:
    """What these articles are cited by and their voice forms, as in force, by code: all that a call needs."""
    found = rows.read(_SPOKEN, [list(codes)])
    return {code: (f"{number}.{version}", json.loads(voice)) for code, number, version, voice in found}


_SPOKEN = """
SELECT a.code, a.number, v.number, v.voice FROM articles_article a
  JOIN articles_articleversion v ON v.id = a.current_id WHERE a.code = ANY($1)
"""


def _of(row: Article | None) -> ArticleVersion | None:
    if row is None or row.current is None:
        return None
    row.current.article = row
    return row.current


def texted(version: ArticleVersion, language: str) -> str:
    """What is answered to who texts for it."""
    return cited(version.short[language], version.mark)


@dataclass(frozen=True, slots=True)
class Found:
    """An article that words may mean; `score` ranks and means nothing else."""

    version: ArticleVersion
    score: float


def suggest(
    text: str, *, category: str = "", limit: int = 6, among: Iterable[ArticleVersion] | None = None
) -> list[Found]:
    """Articles in force (or those of `among`) that `text` may mean, or that are about this category; the likeliest
    first."""
    sought = {term for found in terms(text[:2000]) for term in found.terms} - _ASKS
    ranked = []
    for version in in_force() if among is None else among:
        weights = _weights(version)
        score = sum(weights.get(term, 0.0) for term in sought)
        if category and category in version.topics:
            score += _TOPIC
        if score >= _LEAST:
            ranked.append(Found(version, score))
    ranked.sort(key=lambda one: (-one.score, one.version.article.number))
    return ranked[:limit]


@lru_cache(maxsize=1000)
def _weights(version: ArticleVersion) -> Mapping[str, float]:
    """What each term of a version weighs: most in its title. What is published never changes."""
    weights: dict[str, float] = {}
    for form, weight in ((version.full, _FULL), (version.short, _SHORT), (version.titles, _TITLE)):
        for term in _terms(form):
            weights[term] = weight
    return weights


def _terms(form: Mapping[str, str]) -> Iterator[str]:
    for language in LANGUAGES:
        for found in terms(form.get(language, "")):
            yield from found.terms


def use(days: int = 30) -> dict[int, dict[str, int]]:
    """How often each article was given lately, by article and channel."""
    since = timezone.localdate(clock.now()) - timedelta(days=days)
    uses = ArticleUse.objects.filter(day__gte=since).values("version__article", "channel").annotate(sum=Sum("count"))
    made: dict[int, dict[str, int]] = {}
    for row in uses:
        made.setdefault(row["version__article"], {})[row["channel"]] = row["sum"]
    return made
