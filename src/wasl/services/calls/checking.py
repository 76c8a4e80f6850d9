"""Whether a flow can be walked: every way leads somewhere, and all is said in every language. Knows no data base."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from wasl.services.calls.flow import LANGUAGES, MAILBOX, PERSON, SENTENCES, Flow, Said, words

KINDS: Final = (
    "language", "menu", "say", "ask", "enquiry", "record", "hours", "queue", "transfer", "set", "go", "end",
)  # fmt: skip
ASKS: Final = ("digits", "number", "pin", "area")
KEEPS: Final = ("complaint", "mailbox")
MOST_NODES: Final = 200
LONGEST_TEXT: Final = 1000
NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
FACTS: Final = frozenset({"hotline", "area", "number", "seconds"})
"""What may stand in words besides the digits that were asked for."""
# Nobody can leave a ring of these by a key. An area is not asked for where the house knows none.
_PASSED = frozenset({"say", "set", "go", "hours", "enquiry", "language"})
_TEXT = frozenset({"language", "menu", "ask", "record", "end"})
_NEEDED = {
    "enquiry": ("enquiry", gettext_lazy("choose the enquiry")),
    "hours": ("calendar", gettext_lazy("choose the calendar")),
    "transfer": ("unit", gettext_lazy("choose the unit")),
    "set": ("values", gettext_lazy("nothing is set")),
}


class FlowError(ValueError):
    """What is wrong with a flow, in a sentence for who draws it."""


def read(data: Mapping[str, Any]) -> Flow:
    """A flow, if every way in it leads somewhere. Raises FlowError with the first thing that is wrong."""
    for problem in problems(data):
        raise FlowError(problem)
    return Flow(str(data["start"]), data["nodes"])


def ways(node: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Where it leads: (key or kind of the way, name of the node), in the order they are said."""
    kind = node.get("kind")
    if kind == "menu":
        return list(dict(node.get("keys") or {}).items())
    if kind == "hours":
        return [(way, str(node.get(way, ""))) for way in ("open", "closed")]
    found = [("next", str(node["next"]))] if node.get("next") and kind not in ("queue", "transfer", "end") else []
    if kind == "enquiry" and node.get("again"):
        found.append(("again", str(node["again"])))
    return found


def spoken(flow: Flow) -> list[Said]:
    """All that is said in it and beside it, in all languages; the beginning first. To be made ahead of a call."""
    names = sorted(flow.nodes, key=lambda name: name != flow.start)
    texts = [flow.nodes[name].get(part, {}) for name in names for part in ("text", "thanks")]
    made = [one for text in [*texts, *SENTENCES.values()] for code, said in text.items() for one in words(said, code)]
    return [*made, *(Said("0123456789", code, spelled=True) for code in LANGUAGES)]


def problems(data: Mapping[str, Any]) -> Iterator[str]:
    """Everything that is wrong, a sentence each."""
    nodes, start = data.get("nodes"), data.get("start")
    if not isinstance(nodes, Mapping) or start not in nodes:
        yield _("The flow has no beginning.")
        return
    if len(nodes) > MOST_NODES:
        yield _("A flow has at most %(most)s steps.") % {"most": MOST_NODES}
        return
    broken = False
    for name, node in nodes.items():
        for problem in _of_node(name, node, nodes):
            broken = True
            yield f"{name}: {problem}"
    if not broken:
        yield from _of_whole(nodes)


def _of_node(name: str, node: Mapping[str, Any], nodes: Mapping[str, Any]) -> Iterator[str]:
    kind = node.get("kind")
    if not NAME.fullmatch(name):
        yield _("a name is small letters, digits and hyphens")
    if kind not in KINDS:
        yield _("there is no kind “%(kind)s”") % {"kind": kind}
        return
    yield from _texts(node, nodes)
    found = ways(node)
    if kind not in ("queue", "transfer", "end") and not found:
        yield _("nothing comes after it")
    for _way, to in found:
        if to not in nodes:
            yield _("“%(way)s” does not exist") % {"way": to}
    keys = node.get("keys", {}) if kind in ("menu", "language") else {}
    if "0" in keys:
        yield _("0 always leads to a person")
    if any(not re.fullmatch(r"[1-9*]", key) for key in keys if key != "0"):
        yield _("a key is one of 1 to 9 or the star")
    yield from _parts(kind, node, nodes)


def _texts(node: Mapping[str, Any], nodes: Mapping[str, Any]) -> Iterator[str]:
    kind = node["kind"]
    wanted = ["text"] if kind in _TEXT or (kind == "say" and "article" not in node) else []
    wanted += ["thanks"] if kind == "record" else []
    for part in wanted:
        lacking = [code for code in LANGUAGES if not str(node.get(part, {}).get(code, "")).strip()]
        if lacking:
            yield _("nothing is said in %(languages)s") % {"languages": ", ".join(lacking)}
    asked = {name for name, one in nodes.items() if one.get("kind") == "ask" and one.get("of") != "pin"} | FACTS
    for part in ("text", "thanks"):
        for text in (node.get(part) or {}).values():
            if len(text) > LONGEST_TEXT:
                yield _("more than %(most)s characters are said at once") % {"most": LONGEST_TEXT}
            for datum in re.findall(r"\{([^}]*)\}", text):
                if datum not in asked:
                    yield _("nothing is known as “%(datum)s”") % {"datum": datum}


def _parts(kind: str, node: Mapping[str, Any], nodes: Mapping[str, Any]) -> Iterator[str]:
    """What each kind needs besides words and ways."""
    if kind == "language" and not set(node.get("keys", {}).values()) <= set(LANGUAGES):
        yield _("a language is Arabic, English or Chinese")
    if kind == "ask":
        if node.get("of", "digits") not in ASKS:
            yield _("what is asked for is digits, a number, a PIN or an area")
        if not 1 <= int(node.get("least", 1)) <= int(node.get("most", 20)) <= 30:
            yield _("from 1 to 30 digits can be asked for")
    if kind == "record":
        if node.get("keep") not in KEEPS:
            yield _("a message is a complaint or goes to the mailbox")
        if not 5 <= int(node.get("longest_s", 180)) <= 180:
            yield _("a message takes from 5 to 180 seconds")
    for asked in node.get("asks", ()):
        if nodes.get(asked, {}).get("kind") != "ask":
            yield _("“%(name)s” asks for nothing") % {"name": asked}
    if kind in _NEEDED and not node.get(_NEEDED[kind][0]):
        yield str(_NEEDED[kind][1])


def _of_whole(nodes: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    box = nodes.get(MAILBOX, {})
    if box.get("kind") != "record" or box.get("keep") != "mailbox":
        yield _("The step “%(name)s” must record a message for the mailbox.") % {"name": MAILBOX}
    if not _ends_in(PERSON, nodes):
        yield _("The step “%(name)s” must be a queue, or hours that lead to one: 0 leads there.") % {"name": PERSON}
    for name in nodes:
        seen, edge = set(), [name]
        while edge:
            at = edge.pop()
            if at in seen:
                continue
            seen.add(at)
            node = nodes[at]
            if node["kind"] in _PASSED or (node["kind"] == "ask" and node.get("of") == "area"):
                after = [to for _way, to in ways(node)]
                if name in after:
                    yield _("%(name)s: it comes back to itself without asking anything") % {"name": name}
                    break
                edge += after


def _ends_in(name: str, nodes: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether this way of 0 ends where somebody answers: a queue when open, a queue or the mailbox when closed."""
    node = nodes.get(name, {})
    if node.get("kind") == "hours":
        return nodes[node["open"]]["kind"] == "queue" and nodes[node["closed"]]["kind"] in ("queue", "record", "hours")
    return node.get("kind") == "queue"
