"""Amounts in words for people: shares, spans of time, counts."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext


def percent(share: float | None) -> str:
    """A share in words; never 100 % where something is missing."""
    if share is None:
        return "–"
    shown = f"{share * 100:.1f}"
    return _("%(n)s %%") % {"n": "99.9" if shown == "100.0" and share < 1 else shown}


def seconds(span_s: float | None) -> str:
    """A span in whole seconds, however long: `185 s`; a dash for none."""
    return "–" if span_s is None else _("%(n)s s") % {"n": f"{span_s:.0f}"}


def span(span_s: float | None) -> str:
    """A span in words for people: `0.8 s`, `2 s`, `4 min`, `3 h`, `2 days`; a dash for none."""
    if span_s is None:
        return "–"
    if span_s < 10:
        return _("%(n)s s") % {"n": f"{round(max(0.0, span_s), 1):g}"}
    if span_s < 120:
        return seconds(span_s)
    if span_s < 7200:
        return _("%(n)s min") % {"n": f"{span_s / 60:.0f}"}
    if span_s < 172_800:
        return _("%(n)s h") % {"n": f"{span_s / 3600:.0f}"}
    days = round(span_s / 86_400)
    return ngettext("%(n)s day", "%(n)s days", days) % {"n": days}


def counted(n: int, *, more: bool = False) -> str:
    """A count with its thousands parted; `more`: at least so many."""
    words = f"{n:,}".replace(",", "\u202f")
    return _("over %(n)s") % {"n": words} if more else words
