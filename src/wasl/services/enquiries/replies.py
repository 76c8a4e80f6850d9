"""The words of answers: `{{ name }}` stands for what a row or the question says; compiled once, filled for each."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from django.utils.translation import gettext as _

from wasl.kernel.names import LANGUAGES, code_of

KINDS = ("found", "several", "line", "nothing", "refused", "away")
"""Replies that somebody words; `line` is one of the choices within `several`."""
ALWAYS = ("name", "hotline", "count", "lines", "as_of")
"""What every reply may name; `sum_COLUMN` as well."""
LONGEST = 1000
STARTING: Mapping[str, Mapping[str, str]] = {
    "several": {
        "en": "{{ name }}: {{ count }}\n{{ lines }}",
        "ar": "{{ name }}: {{ count }}\n{{ lines }}",
        "zh": "{{ name }}：{{ count }}\n{{ lines }}",
    },
    "nothing": {
        "en": "{{ name }}: nothing was found.",
        "ar": "{{ name }}: لا توجد نتائج.",
        "zh": "{{ name }}：未找到。",
    },
    "refused": {
        "en": "We cannot answer this here. Please call {{ hotline }}.",
        "ar": "لا يمكننا الإجابة عن ذلك هنا. يرجى الاتصال بالرقم {{ hotline }}.",
        "zh": "此处无法答复，请拨打{{ hotline }}。",
    },
    "away": {
        "en": "This cannot be looked up at present. Please ask again later, or call {{ hotline }}.",
        "ar": "تعذّر الاستعلام حاليًا. يرجى المحاولة لاحقًا أو الاتصال بالرقم {{ hotline }}.",
        "zh": "目前无法查询，请稍后再试，或拨打{{ hotline }}。",
    },
}
"""What a new enquiry begins with."""
_MARK = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


class BadReply(ValueError):
    """The words cannot be used; the sentence says why and is for people."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A text in pieces: plain words and names in turn, beginning and ending with words."""

    pieces: tuple[str, ...]

    @property
    def names(self) -> frozenset[str]:
        """What it names."""
        return frozenset(self.pieces[1::2])

    def fill(self, facts: Mapping[str, str]) -> str:
        """The text; what is not known is empty."""
        if len(self.pieces) == 1:
            return self.pieces[0]
        said = [piece if n % 2 == 0 else facts.get(piece, "") for n, piece in enumerate(self.pieces)]
        return _UNFIT.sub("", "".join(said)).strip()


@lru_cache(maxsize=2048)
def compiled(text: str) -> Reply:
    """The text as a reply. Raises BadReply for braces that close nothing."""
    pieces = _MARK.split(text.strip())
    if any("{{" in piece or "}}" in piece for piece in pieces[::2]) or "" in pieces[1::2]:
        raise BadReply(_("A placeholder is written {{ like_this }}: two braces, a name, two braces."))
    return Reply(tuple(pieces))


def check(replies: Mapping[str, Mapping[str, str]], known: Sequence[str]) -> None:
    """Raise BadReply where a reply is missing altogether, too long, or names what there is not."""
    allowed = {*known, *ALWAYS, *(f"sum_{name}" for name in known)}
    for kind in KINDS:
        said = {language: text for language, text in replies.get(kind, {}).items() if text.strip()}
        if not said:
            raise BadReply(_("Write each reply in at least one language."))
        for text in said.values():
            if len(text) > LONGEST:
                raise BadReply(_("A reply has at most %(most)s characters.") % {"most": LONGEST})
            strange = sorted(compiled(text).names - allowed)
            if strange:
                raise BadReply(
                    _("There is no “%(name)s” here. There is: %(known)s.")
                    % {"name": strange[0], "known": ", ".join([*known, *ALWAYS])}
                )


def in_language(said: Mapping[str, str], language: str) -> Reply:
    """The reply in this language; where nobody wrote it, in English, Arabic or Chinese."""
    for code in (code_of(language), "en", *LANGUAGES):
        if said.get(code, "").strip():
            return compiled(said[code])
    return Reply(("",))
