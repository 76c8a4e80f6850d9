"""The words for people: gathered from source and templates into the catalogues (.po), checked, and compiled (.mo).

Does without GNU gettext, which a bare machine lacks. The translations themselves are written into the .po by hand.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polib

from wasl.site.installation import PACKAGE

LOCALE = PACKAGE / "locale"
PLURALS = {
    "ar": (
        "nplurals=6; plural=n==0 ? 0 : n==1 ? 1 : n==2 ? 2 :"
        " n%100>=3 && n%100<=10 ? 3 : n%100>=11 && n%100<=99 ? 4 : 5;"
    ),
    "zh_Hans": "nplurals=1; plural=0;",
}
"""The languages that need a catalogue (English is the source), with their plural forms."""

# Function names whose constant arguments are words: position of context, singular, plural.
_CALLS = {
    "_": (None, 0, None),
    "_g": (None, 0, None),
    "gettext": (None, 0, None),
    "gettext_lazy": (None, 0, None),
    "gettext_noop": (None, 0, None),
    "ngettext": (None, 0, 1),
    "ngettext_lazy": (None, 0, 1),
    "pgettext": (0, 1, None),
    "pgettext_lazy": (0, 1, None),
    "npgettext": (0, 1, 2),
    "npgettext_lazy": (0, 1, 2),
}
_PLACE = re.compile(r"%\((\w+)\)[sd]|%[sd]|\{(\w*)\}")


@dataclass(frozen=True, order=True)
class Words:
    """One thing to translate."""

    text: str
    context: str = ""
    plural: str = ""


def gather() -> dict[Words, set[str]]:
    """Everything that the package says to people, with the files that say it."""
    found: dict[Words, set[str]] = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        if "migrations" not in file.parts:
            _note(found, file, ast.parse(file.read_text()))
    for file in sorted(PACKAGE.rglob("templates/**/*")):
        if file.suffix in {".html", ".txt", ".xml", ".svg"}:
            for call in _calls_of_template(file.read_text(), str(file)):
                _note(found, file, call)
    return found


def _note(found: dict[Words, set[str]], file: Path, tree: ast.AST) -> None:
    for words in _words(tree):
        found.setdefault(words, set()).add(str(file.relative_to(PACKAGE)))


def _words(tree: ast.AST) -> Iterator[Words]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name not in _CALLS:
            continue
        texts = [arg.value if isinstance(arg, ast.Constant) else None for arg in node.args]
        context, text, plural = (
            str(texts[place] or "") if place is not None and place < len(texts) else "" for place in _CALLS[name]
        )
        if text:
            yield Words(text, context, plural)


def _calls_of_template(source: str, origin: str) -> Iterator[ast.AST]:
    """Django rewrites a template into something with Python calls in it; each of them is parsed by itself."""
    from django.utils.translation.template import templatize

    rewritten = templatize(source, origin=origin)
    for start in re.finditer(r"(?<![\w.])(?:_|n?p?gettext)\(", rewritten):
        for end in re.finditer(r"\)", rewritten[start.start() :]):
            try:
                yield ast.parse(rewritten[start.start() : start.start() + end.end()].strip())
            except SyntaxError:
                continue
            break


def update() -> dict[str, int]:
    """Bring every catalogue up to what `gather` finds; words gone are dropped. Gives how many lack a translation."""
    wanted = gather()
    lacking = {}
    for language, plurals in PLURALS.items():
        file = LOCALE / language / "LC_MESSAGES" / "django.po"
        file.parent.mkdir(parents=True, exist_ok=True)
        known = {_key(entry): entry for entry in polib.pofile(str(file))} if file.exists() else {}
        catalogue = polib.POFile(wrapwidth=110)
        catalogue.metadata = {
            "Project-Id-Version": "wasl",
            "Language": language,
            "MIME-Version": "1.0",
            "Content-Type": "text/plain; charset=utf-8",
            "Content-Transfer-Encoding": "8bit",
            "Plural-Forms": plurals,
        }
        for words in sorted(wanted):
            catalogue.append(_entry(words, known.get(words), sorted(wanted[words]), plurals))
        catalogue.save(str(file))
        lacking[language] = sum(not entry.translated() for entry in catalogue)
    return lacking


def _entry(words: Words, old: "polib.POEntry | None", places: list[str], plurals: str) -> "polib.POEntry":
    entry = polib.POEntry(
        msgid=words.text, msgctxt=words.context or None, occurrences=[(place, "") for place in places]
    )
    if re.search(r"%\(\w+\)[sd]|%[sd]", words.text):
        entry.flags.append("python-format")
    if words.plural:
        entry.msgid_plural = words.plural
        count = int(plurals.split("=", 1)[1].split(";", 1)[0])
        entry.msgstr_plural = {form: (old.msgstr_plural.get(form, "") if old else "") for form in range(count)}
    elif old:
        entry.msgstr = old.msgstr
    return entry


def _key(entry: "polib.POEntry") -> Words:
    return Words(entry.msgid, entry.msgctxt or "", entry.msgid_plural or "")


def faults() -> list[str]:
    """What is wrong with the catalogues, one sentence each: words missing, left over, untranslated, places lost."""
    wanted = gather()
    wrong = []
    for language in PLURALS:
        file = LOCALE / language / "LC_MESSAGES" / "django.po"
        known = {_key(entry): entry for entry in polib.pofile(str(file))} if file.exists() else {}
        wrong += [f"{language}: missing: {words.text!r}" for words in sorted(wanted.keys() - known.keys())]
        wrong += [f"{language}: no longer said: {words.text!r}" for words in sorted(known.keys() - wanted.keys())]
        for words, entry in known.items():
            if not entry.translated():
                wrong.append(f"{language}: not translated: {words.text!r}")
            elif lost := _lost_places(words, entry):
                wrong.append(f"{language}: {words.text!r} says {', '.join(sorted(lost))}, its translation does not")
    return wrong


def _lost_places(words: Words, entry: "polib.POEntry") -> set[str]:
    """Placeholders that a translation lacks or invents. One and two need no number: Arabic has forms of its own."""
    if words.plural:
        allowed = _places(words.text) | _places(words.plural)
        return {place for text in entry.msgstr_plural.values() for place in _places(text) - allowed}
    return _places(words.text) ^ _places(entry.msgstr)


def _places(text: str) -> set[str]:
    return {match.group() for match in _PLACE.finditer(text.replace("%%", ""))}


def compile_catalogues() -> int:
    """Make the .mo file of every .po file that is newer; how many were made."""
    made = 0
    for words in sorted(LOCALE.glob("*/LC_MESSAGES/*.po")):
        target = words.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= words.stat().st_mtime:
            continue
        part = target.with_suffix(".mo.part")
        polib.pofile(str(words)).save_as_mofile(str(part))
        part.replace(target)
        made += 1
    return made
