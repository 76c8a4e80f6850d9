"""Similar open reports close to the one in the making: when they are looked for, and what is shown of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from wasl.core.cases import similar
from wasl.core.catalogue import queries as catalogue
from wasl.core.catalogue.suggest import suggest
from wasl.faces.portal import drafts

WITHIN_M = 150.0
MOST_M = 500.0
_BY_WORDS = 2


@dataclass(frozen=True)
class Match:
    """A public report as the list shows it: what, how far, since when. Nothing of it tells of a person."""

    number: str
    name: str
    words: str
    metres: float
    received_at: datetime
    unit: str

    @property
    def distance(self) -> str:
        """How far off, no more exact than a position is."""
        if self.metres < 10:
            return _("at this place")
        return _("about %(metres)d m away") % {"metres": round(self.metres, -1)}


def place_of(data: Mapping[str, Any]) -> str:
    """What the search was made for; where it changes, the list is shown again."""
    return f"{data.get('category', '')} {data.get('lat')} {data.get('lon')}"


def matches(data: Mapping[str, Any]) -> list[Match]:
    """Open public reports of the category chosen, or of those that the words mean, around the position.

    None without a position, and none for what the centre must read by itself. An inexact position widens the circle.
    """
    category = drafts.category_of(data)
    if data.get("lat") is None or (category and (category.emergency or category.confidential or category.conduct)):
        return []
    book = catalogue.in_force()
    codes = {found.category.code for found in suggest(book, data.get("text", ""), limit=_BY_WORDS)}
    codes |= {category.code} if category else set()
    within = min(WITHIN_M + (data.get("accuracy") or 0.0), MOST_M)
    found = []
    for one in similar.near((data["lat"], data["lon"]), categories=codes, within_m=within):
        of = book.category(one.case.category)
        found.append(
            Match(
                one.case.number,
                of.name if of else "",
                one.case.public_text,
                one.metres,
                one.case.received_at,
                str(one.case.unit or ""),
            )
        )
    return found
