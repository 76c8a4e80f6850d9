"""What a caller keyed in the menu, in words for whoever takes his call: the question as he heard it, and his answer."""

import re

from django.utils.text import Truncator
from django.utils.translation import gettext as _

from wasl.core.cases.models import Kind, Urgency
from wasl.core.catalogue import queries as catalogue
from wasl.kernel.names import local
from wasl.services.articles import queries as articles
from wasl.services.calls.models import Call

LONGEST = 90
"""Letters of a question that are shown; callers hear all of it."""
_DATUM = re.compile(r"\{[a-z_]+\}")


def told(call: Call) -> list[tuple[str, str]]:
    """Question and answer of all that was keyed and noted, in the order of the menu and the language of the screen.

    His area is not among them where the house knows it: it stands beside. Nor are keys of menus, which lead on and are
    not kept, and secrets, which `Walk.keyed_so_far` leaves out.
    """
    nodes = call.flow.data.get("nodes", {}) if call.flow else {}
    made = []
    for name, value in call.keyed.items():
        node = nodes.get(name, {})
        if node.get("kind") == "ask":
            blank = _("the latest one of this telephone") if node.get("of") == "number" else "–"
            made.append((_question(local(node.get("text", {}))) or name, str(value) or blank))
        elif "article" in node:
            version = articles.one(str(node["article"]))
            made.append((_("Was told"), f"{version.title if version else node['article']} ({value})"))
        elif name != "area" or call.area_id is None:
            made.append(_noted(name, str(value)))
    return made


def _question(text: str) -> str:
    return Truncator(_DATUM.sub("…", text)).chars(LONGEST)


def _noted(name: str, value: str) -> tuple[str, str]:
    """What a step of the flow notes; what nobody knows any more is told as it is."""
    if name == "kind":
        return _("Kind"), str(Kind(value).label) if value in Kind.values else value
    if name == "urgency":
        return _("Urgency"), str(Urgency(value).label) if value in Urgency.values else value
    if name == "category":
        return _("Category"), _category(value)
    return (_("Area") if name == "area" else name), value


def _category(code: str) -> str:
    try:
        known = catalogue.in_force().categories.get(code)
    except catalogue.NotSetUp:
        return code
    return known.name if known else code
