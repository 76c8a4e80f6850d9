"""Pages on paper: data and a template become a PDF, in Arabic, English or Chinese; what is printed is not decided here.

Typst (docs/decisions/2026-11-22-typst.md) sets the pages: it shapes Arabic, orders both directions, repeats the heads
of tables, embeds only the glyphs used, and tags the PDF for screen readers. Data reaches a template as JSON and is
never read as markup.
"""

import json
import unicodedata
from collections.abc import Mapping
from datetime import UTC
from functools import lru_cache
from pathlib import Path
from typing import Any

import typst
from django.core import checks
from django.http import HttpResponse
from django.utils.translation import get_language, get_language_bidi
from django.utils.translation import gettext as _

from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Staff
from wasl.faces.frame import assets, dates
from wasl.kernel import clock
from wasl.kernel.names import LANGUAGES, code_of

HERE = Path(__file__).resolve().parent
FONTS = assets.DIST / "paper"
_FAMILIES = ("Noto Sans Arabic", "Noto Sans SC")


def text(words: object) -> dict[str, Any]:
    """Words of anybody with the direction that they are read in, which is that of their first strong letter.

    Source: Unicode Standard Annex 9, rules P2 and P3.
    """
    said = str(words)
    strong = next((d for d in map(unicodedata.bidirectional, said) if d in ("L", "R", "AL")), "")
    return {"text": said, "rtl": strong in ("R", "AL") if strong else get_language_bidi()}


def ltr(number: object) -> str:
    """A number or code that stays left-to-right inside any text (Unicode isolates)."""
    return f"\u2066{number}\u2069"


@lru_cache(maxsize=1)
def _fonts(_modified_ns: int) -> typst.Fonts:
    return typst.Fonts(include_system_fonts=True, include_embedded_fonts=False, font_paths=[str(FONTS)])


def pdf(template: str, data: Mapping[str, Any], *, by: Staff) -> bytes:
    """The pages of `template` (a file of this folder) with `data`, in the language that is active.

    Each page says who printed it and when, and how many there are. Raises typst.TypstError for a broken template.
    """
    modified = FONTS.stat().st_mtime_ns if FONTS.exists() else 0
    now = clock.now()
    page = {
        "lang": code_of(get_language()),
        "rtl": get_language_bidi(),
        "fonts": _FAMILIES,
        "city": str(organisation.the_city()),
        "mark": _("Printed by %(who)s, %(when)s. For official use.") % {"who": by, "when": dates.exact(now)},
        "page_of": [_("page"), _("of")],
    }
    compiler = typst.Compiler(
        (HERE / f"{template}.typ").read_bytes(),
        root=str(HERE),
        font_paths=_fonts(modified),
        sys_inputs={"data": json.dumps({**page, **data}, default=str)},
    )
    made = compiler.compile(format="pdf", timestamp=now.astimezone(UTC).replace(microsecond=0))
    if not isinstance(made, bytes):
        raise TypeError("one document was asked for")
    return made


def answer(made: bytes, name: str) -> HttpResponse:
    """A PDF as the answer of a page: always a download, never run in the page."""
    response = HttpResponse(made, content_type="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.pdf"'
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def language_of(code: str) -> str:
    """A language that pages are printed in: the one asked for, else the screen's."""
    return code if code in LANGUAGES else code_of(get_language())


@checks.register()
def fonts_are_built(**_more: Any) -> list[checks.CheckMessage]:
    """Warns when printed pages would have no letters of their own."""
    if FONTS.exists():
        return []
    return [
        checks.Warning("The typefaces of printed pages are not built.", hint="Build the front end.", id="desk.W001")
    ]
