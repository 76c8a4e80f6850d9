"""What the machine says and asks on the telephone: a flow of nodes, and one caller's walk through it.

Knows no telephony and no clock: `Walk` is told what was keyed and says what is to be done next. A walk keeps the flow
that it began with, whatever is published meanwhile. From every node `0` leads to a person, and so do three tries that
came to nothing (requirements C3, C5, C8; GB/T 33358-2016: a person is always one key away). Whether a flow can be
walked at all is found out in `checking`.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from wasl.kernel import acceptance
from wasl.kernel.digits import to_ascii_digits

TRIES: Final = 3
"""So often a caller may key nothing, nothing fitting or something wrong before a person is called."""
PERSON: Final = "person"
"""The node that `0` leads to: a queue, or the hours that lead to one or to the mailbox."""
MAILBOX: Final = "mailbox"
"""The node where those leave a message for whom there is no person."""
LANGUAGES: Final = ("ar", "en", "zh")
LONGEST_MESSAGE_S: Final = 180
FIRST_KEY_S: Final = 8.0

Texts = Mapping[str, str]
"""What is said, by language."""
SENTENCES: Final[Mapping[str, Texts]] = json.loads((Path(__file__).parent / "sentences.json").read_text())
"""What the machine says beside its flow, by name."""

# Five digits and more are a number that somebody writes down; a year or an hour is said as a word.
_LONG_NUMBER = re.compile(r"\d(?:[  ]?\d){4,}")
_DATUM = re.compile(r"\{([a-z_]+)\}")
_UNSPOKEN = re.compile("https?://\\S+|[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Said:
    """One piece of speech: words of a language, or digits that are said one by one."""

    text: str
    language: str
    spelled: bool = False


@dataclass(frozen=True, slots=True)
class Collect:
    """What is waited for after the words: one key of `keys`, or up to `most` digits ended by #."""

    keys: str = ""
    most: int = 1
    first_s: float = FIRST_KEY_S


@dataclass(frozen=True, slots=True)
class Record:
    """Keep what he says after the tone: until #, silence or the longest time. `keep`: `complaint` or `mailbox`."""

    keep: str
    longest_s: int = LONGEST_MESSAGE_S
    silence_s: int = 5


@dataclass(frozen=True, slots=True)
class Act:
    """What is to be done next: say all of `says`, which a key cuts short, then one of the others.

    `transfer` is the code of the unit whose telephone is to be rung.
    """

    says: tuple[Said, ...] = ()
    collect: Collect | None = None
    enquire: tuple[str, tuple[str, ...]] | None = None
    record: Record | None = None
    queue: str = ""
    transfer: str = ""
    end: bool = False


@dataclass(frozen=True, slots=True)
class Flow:
    """The nodes by name. `checking.read` makes one of data."""

    start: str
    nodes: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Around:
    """What a walk is told of the house and of the line that was called.

    `opened` says whether the calendar of a code is open now; `areas` are names by code, `articles` texts by code, as
    they were when the call began, and `marks` what each is cited by.
    """

    languages: tuple[str, ...] = LANGUAGES
    straight: bool = False
    opened: Callable[[str], bool] = lambda _code: True
    areas: Mapping[str, Texts] = field(default_factory=dict)
    articles: Mapping[str, Texts] = field(default_factory=dict)
    marks: Mapping[str, str] = field(default_factory=dict)
    hotline: str = ""


def sentence(name: str, language: str, facts: Mapping[str, str | Texts] = {}) -> tuple[Said, ...]:
    """One of `SENTENCES` with its facts. Raises KeyError."""
    return words(SENTENCES[name][language], language, facts)


def words(text: str, language: str, facts: Mapping[str, str | Texts] = {}) -> tuple[Said, ...]:
    """Text as it is said: `{name}` is the fact of that name, and long numbers are said digit by digit."""
    made: list[Said] = []
    for n, part in enumerate(_DATUM.split(text)):
        fact = facts.get(part, "") if n % 2 else part
        value = fact if isinstance(fact, str) else fact.get(language, "")
        made += _plain(value, language, all_digits=bool(n % 2))
    return tuple(made)


def article_words(text: str, language: str) -> tuple[Said, ...]:
    """The voice form of an article as it is said."""
    return tuple(_plain(text, language, all_digits=False))


def _plain(text: str, language: str, *, all_digits: bool) -> list[Said]:
    made = []
    clean = to_ascii_digits(_UNSPOKEN.sub("", text))
    if all_digits and clean.isdecimal():
        return [Said(clean, language, spelled=True)]
    at = 0
    for number in _LONG_NUMBER.finditer(clean):
        made += [Said(clean[at : number.start()].strip(), language)]
        made += [Said("".join(one for one in number[0] if one.isdecimal()), language, spelled=True)]
        at = number.end()
    made += [Said(clean[at:].strip(), language)]
    # What is left around a number may be a full stop alone.
    return [one for one in made if any(sign.isalnum() for sign in one.text)]


@dataclass(slots=True)
class Walk:
    """One caller's way through a flow. Each call of a method gives what is to be done next.

    `told` are the marks of the articles that he has been told since somebody last looked and emptied it.
    """

    flow: Flow
    around: Around = field(default_factory=Around)
    language: str = ""
    at: str = ""
    tries: int = 0
    wrong: int = 0
    given: dict[str, str] = field(default_factory=dict)
    facts: dict[str, str | Texts] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.language = self.language or self.around.languages[0]
        self.facts["hotline"] = self.around.hotline

    def begin(self) -> Act:
        """The caller has been answered."""
        return self.go(PERSON if self.around.straight else self.flow.start)

    def keyed(self, keys: str) -> Act:
        """He keyed this (`#` for the hash key alone), or nothing before the time was over."""
        node = self.flow.nodes[self.at]
        pressed = to_ascii_digits(keys)
        if pressed == "0":
            return self.go(PERSON)
        kind = node["kind"]
        if kind == "language" and pressed in node["keys"]:
            self.language = node["keys"][pressed]
            return self.go(node["next"])
        if kind == "menu" and pressed in node["keys"]:
            return self.go(node["keys"][pressed])
        if kind == "ask" and self._fits(node, pressed):
            return self.go(node["next"])
        return self._again(sentence("wrong", self.language) if pressed and kind != "language" else ())

    def answered(self, text: str, *, right: bool = True, over: bool = False) -> Act:
        """What the enquiry of this node came to, in his language.

        `right`: he was told what he asked; `over`: he may not try again.
        """
        node = self.flow.nodes[self.at]
        says = words(text, self.language)
        if right:
            return self.go(node["next"], says)
        self.wrong += 1
        if over or self.wrong >= TRIES:
            return self.go(PERSON, says + sentence("tries", self.language))
        return self.go(node.get("again", node["next"]), says)

    def recorded(self, facts: Mapping[str, str | Texts] | None) -> Act:
        """What he said was kept, and what is to be told of that; None: there was nothing to keep."""
        node = self.flow.nodes[self.at]
        if facts is None:
            self.tries += 1
            if self.tries >= TRIES:
                done = self.at == MAILBOX
                return Act(sentence("goodbye", self.language), end=True) if done else self.go(PERSON)
            return self._node(sentence("unheard", self.language))
        self.facts.update(facts)
        says = words(node["thanks"][self.language], self.language, self.facts)
        if "pin" in facts:
            says += sentence("pin", self.language, self.facts)
        return self.go(node["next"], says)

    def go(self, name: str, says: tuple[Said, ...] = ()) -> Act:
        """Go on at this node, after these words."""
        self.at, self.tries = name, 0
        return self._node(says)

    def keyed_so_far(self) -> dict[str, str]:
        """What was keyed and set, by name, without what is secret."""
        secret = {name for name, node in self.flow.nodes.items() if node.get("of") == "pin"}
        return {name: value for name, value in self.given.items() if name not in secret}

    def _again(self, says: tuple[Said, ...]) -> Act:
        self.tries += 1
        return self.go(PERSON) if self.tries >= TRIES else self._node(says)

    def _fits(self, node: Mapping[str, Any], pressed: str) -> bool:
        """Whether it is what was asked for; then it is kept."""
        of = node.get("of", "digits")
        if pressed == "#" and node.get("blank"):
            self.given[self.at] = ""
            return True
        if of == "area":
            code = node["areas"].get(pressed)
            if code not in self.around.areas:
                return False
            self.given["area"], self.facts["area"] = code, self.around.areas[code]
            return True
        if of == "number":
            number = acceptance.parse(pressed)
            self.given[self.at] = number or ""
            return number is not None
        if not pressed.isdecimal() or len(pressed) < int(node.get("least", 1)):
            return False
        self.given[self.at] = self.facts[self.at] = pressed
        return True

    def _node(self, says: tuple[Said, ...]) -> Act:
        node = self.flow.nodes[self.at]
        kind = node["kind"]
        if kind in ("language", "set", "go", "hours", "say") or (kind == "ask" and not self._asks(node)):
            return self._pass(node, says)
        if "text" in node:
            says += words(node["text"][self.language], self.language, self.facts)
        if kind == "menu":
            return Act(says, Collect(keys="".join(node["keys"]) + "0"))
        if kind == "ask":
            return Act(says, Collect(most=int(node.get("most", 20))))
        if kind == "enquiry":
            return Act(says, enquire=(node["enquiry"], tuple(self.given.get(name, "") for name in node["asks"])))
        if kind == "record":
            # The hash begins at once, and nothing keyed begins too: he may be unable to key.
            return Act(
                says, Collect(keys="#0", first_s=0.0), record=Record(node["keep"], int(node.get("longest_s", 180)))
            )
        if kind == "queue":
            return Act(says, queue=str(node.get("queue", PERSON)))
        if kind == "transfer":
            return Act(says, transfer=node["unit"])
        return Act(says, end=True)

    def _said(self, node: Mapping[str, Any]) -> tuple[Said, ...]:
        if "article" not in node:
            return words(node["text"].get(self.language, ""), self.language, self.facts)
        # What an article says stands as it is: no braces of it are facts of this call.
        text, mark = self.around.articles.get(node["article"], {}), self.around.marks.get(node["article"], "")
        if mark:
            self.given[self.at] = mark
            self.told.append(mark)
        return article_words(text.get(self.language, ""), self.language)

    def _asks(self, node: Mapping[str, Any]) -> bool:
        return node.get("of") != "area" or any(code in self.around.areas for code in node["areas"].values())

    def _pass(self, node: Mapping[str, Any], says: tuple[Said, ...]) -> Act:
        """Through a node that asks nothing of him."""
        kind = node["kind"]
        if kind == "language":
            offered = {key: code for key, code in node["keys"].items() if code in self.around.languages}
            if len(offered) > 1:
                # Each offer in its own language: who is not understood must not have to understand.
                offers = tuple(one for code in offered.values() for one in words(node["text"][code], code, self.facts))
                return Act((*says, *offers), Collect(keys="".join(offered) + "0"))
        if kind == "set":
            self.given.update(node["values"])
        if kind == "say":
            says += self._said(node)
        if kind == "hours":
            return self.go(node["open"] if self.around.opened(node["calendar"]) else node["closed"], says)
        return self.go(node["next"], says)
