"""Texts as people write to a hotline, made up: their lengths and how often words come are those of real reports."""

import random
import re
from dataclasses import dataclass
from itertools import pairwise

from wasl.core.catalogue.book import Category
from wasl.kernel import terms

LANGUAGES = ("ar", "en", "zh")
# Quantiles of the length of real reports in characters: of 9,000 in English (SeeClickFix New Haven, 2008-2015; Arabic
# is taken to be like it) and of 3,460 in Chinese (a municipal message board, 2017-2020).
LENGTHS = {
    "en": (20, 30, 50, 124, 248, 439, 606, 1058),
    "ar": (20, 30, 50, 124, 248, 439, 606, 1058),
    "zh": (54, 71, 116, 208, 405, 775, 1122, 2251),
}
_AT = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
# 278,000 running words of the English reports are 21,600 different ones, so spread that the n-th has a share of 1/n.
VOCABULARY = 20_000
_SYLLABLES = {
    "en": "ba co di fen gro hal im jo kel lam mon nor pol quin ras sta ter ul ven wor yar zin ight ash ock ell er",
    "ar": "با تو دي فن جر هل ام نو كل لم مس نر بل قي رس ست تر ول فن وي ير زي شا صو طا عا غي خا",
}
_COMMON = {
    "en": "street road house night water light area broken people days every side corner building school big",
    "ar": "شارع طريق بيت ليل مياه انارة منطقة مكسور ناس ايام جانب زاوية مبنى مدرسة كبير الحي",
}
_SIGNS = (
    "小区路灯水电管道街晚上居民楼车停学校垃圾噪音施工问题已经多次没有人处理希"
    "望领导尽快解决严重影响生活门口业主物业公司道路公园"
)


@dataclass(frozen=True)
class Text:
    """One text: language, words, and its terms as search keeps them."""

    language: str
    words: str
    vector: str


def _vocabulary(language: str, draw: random.Random) -> tuple[list[str], list[float]]:
    common = _COMMON[language].split()
    made = dict.fromkeys(common)
    while len(made) < VOCABULARY:
        made["".join(draw.choices(_SYLLABLES[language].split(), k=draw.randint(2, 4)))] = None
    words = list(made)
    total, weights = 0.0, []
    for place in range(1, len(words) + 1):
        total += 1 / place
        weights.append(total)
    return words, weights


def _length(language: str, draw: random.Random) -> int:
    where, known = draw.random(), LENGTHS[language]
    for (low, high), (short, long) in zip(pairwise(_AT), pairwise(known), strict=True):
        if where <= high:
            return round(short + (long - short) * max(0.0, where - low) / (high - low))
    return known[-1]


def texts(categories: list[Category], count: int, draw: random.Random, *, shorter: int = 1) -> dict[str, list[Text]]:
    """`count` texts of each language, beginning with what a category is called by; `shorter` divides their length."""
    made: dict[str, list[Text]] = {}
    known = {language: _vocabulary(language, draw) for language in ("en", "ar")}
    for language in LANGUAGES:
        made[language] = []
        for _ in range(count):
            category = draw.choice(categories)
            called = [category.names.get(language, ""), *re.split("[,،、，]", category.keywords.get(language, ""))]
            begin = draw.choice(called).strip()
            length = _length(language, draw) // shorter
            if language == "zh":
                body = begin + "，" + "".join(draw.choices(_SIGNS, k=max(0, length - len(begin))))
            else:
                words, weights = known[language]
                more = max(1, (length - len(begin)) // 6)
                body = " ".join([begin, *draw.choices(words, cum_weights=weights, k=more)])
            made[language].append(Text(language, body, terms.vector(body)))
    return made
