"""The ways to reach the hotline that really work in this installation; nothing else is ever advertised.

Telephone and mail stand in the organisation's rows, the rest in `settings.WASL_WAYS`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, pgettext_lazy

from wasl.core.organisation import queries as organisation
from wasl.kernel.names import local

_LONGEST_CARRIED = 500


@dataclass(frozen=True)
class Way:
    """One way: what to do, what to dial or write to, where a click leads (empty for none), a further sentence."""

    kind: str
    icon: str
    label: str | Promise
    value: str
    href: str = ""
    note: str | Promise = ""


# kind -> icon, label, scheme of its link, whether words can be carried over.
_KINDS: Mapping[str, tuple[str, Promise, str]] = {
    "sms": ("message-2", gettext_lazy("Send an SMS"), "sms:"),
    "chat": ("message-circle", pgettext_lazy("way to reach us", "Chat with us"), ""),
    "fax": ("file-text", gettext_lazy("Send a fax"), ""),
    "post": ("mail-forward", gettext_lazy("Write a letter"), ""),
    "office": ("building", gettext_lazy("Come to our office"), ""),
}


def ways(text: str = "") -> list[Way]:
    """All that work, the quickest first; `text` is what somebody wrote already and is carried along where that works.

    `WASL_WAYS` is a mapping of kind (`sms`, `chat`, `fax`, `post`, `office`) to a number, address or `https://` link,
    or to names of it by language.
    """
    carried = quote(text[:_LONGEST_CARRIED], safe="")
    city = organisation.the_city()
    found = []
    if city.hotline:
        found.append(
            Way("call", "phone", gettext_lazy("Call the hotline"), city.hotline, f"tel:{city.hotline}",
                gettext_lazy("Day and night"))
        )  # fmt: skip
    try:
        centre = organisation.centre()
    except LookupError:
        centre = None
    if centre is not None and centre.phone:
        found.append(Way("abroad", "phone-call", gettext_lazy("Call from abroad"), centre.phone, f"tel:{centre.phone}"))
    if centre is not None and centre.mail:
        link = f"mailto:{centre.mail}" + (f"?body={carried}" if carried else "")
        found.append(Way("mail", "mail", gettext_lazy("Write an e-mail"), centre.mail, link))
    for kind, (icon, label, scheme) in _KINDS.items():
        given = settings.WASL_WAYS.get(kind, "")
        value = local(given) if isinstance(given, Mapping) else str(given)
        if not value:
            continue
        link = value if value.startswith("https://") else f"{scheme}{value}" if scheme else ""
        if kind == "sms" and carried:
            link += f"?body={carried}"
        found.append(Way(kind, icon, label, value, link))
    return found
