"""Template tags and filters that every face uses: icons, assets, numbers, dates, deadlines, QR codes."""

from datetime import datetime
from functools import lru_cache

import segno
from django import template
from django.template import Context
from django.template.defaultfilters import stringfilter
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language_bidi
from django.utils.translation import gettext as _

from wasl.faces.frame import assets, controls, dates
from wasl.faces.frame.security import given
from wasl.kernel import clock
from wasl.kernel.acceptance import grouped
from wasl.kernel.names import OWN_NAMES

register = template.Library()

# Icons that point along the line of reading turn round in right-to-left pages.
_ALONG_THE_LINE = (
    "arrow-", "chevron-left", "chevron-right", "corner-", "send", "logout", "login", "list", "external-link",
    "mail-forward", "message", "layout-columns", "share", "text-size", "menu-2", "trending-up", "sort-", "route",
)  # fmt: skip


@register.simple_tag
def icon(name: str, label: str = "", size: str = "") -> SafeString:
    """An icon of frontend/icons.txt as SVG; with `label` it is read aloud, without it is decoration.

    `size` is "s", "l" or "xl"; the default follows the text beside it.
    """
    return _icon(name, str(label), size, assets.url("icons.svg"))


@lru_cache(maxsize=1000)
def _icon(name: str, label: str, size: str, file: str) -> SafeString:
    along = " w-turn" if name.startswith(_ALONG_THE_LINE) else ""
    sized = f" w-icon-{size}" if size else ""
    voice = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html(
        '<svg class="w-icon{}{}" viewBox="0 0 24 24" focusable="false" {}><use href="{}#{}"></use></svg>',
        along, sized, voice, file, name,
    )  # fmt: skip


@register.simple_tag(takes_context=True)
def first_styles(context: Context, name: str) -> SafeString:
    """The same as `asset` for styles; to who has not been here since they changed they come in the page itself.

    On a slow line asking for them costs as much time as all else until something is seen (P5). `SecurityHeaders` lets
    them in by their hash and leaves the cookie that says they have come.
    """
    request, file = context.get("request"), assets.manifest().get(_turned(name))
    if request is None or file is None or file in given(request):
        return asset(name)
    request.first_styles = file
    css, _hash = assets.words(file)
    return mark_safe(f"<style>{css}</style>")  # noqa: S308  # a file of ours, and it holds no end of an element


def _turned(name: str) -> str:
    turned = name.replace(".css", ".rtl.css")
    return turned if get_language_bidi() and turned in assets.manifest() else name


@register.simple_tag
def asset(name: str) -> SafeString:
    """The `<link>` or `<script>` for one built file, as in `{% asset "portal.css" %}`.

    Styles come in their right-to-left form on right-to-left pages; scripts are modules and bring their parts. On a slow
    line the styles go first: pages are there before their scripts.
    """
    if name.endswith(".css"):
        return format_html('<link rel="stylesheet" href="{}">', assets.url(_turned(name)))
    link = '<link rel="modulepreload" fetchpriority="low" href="{}">'
    early = format_html_join("", link, ((part,) for part in assets.parts(name)))
    return format_html('{}<script type="module" fetchpriority="low" src="{}"></script>', early, assets.url(name))


@register.simple_tag
def asset_url(name: str) -> str:
    """The address of one built file."""
    return assets.url(name)


register.filter("choices", controls.choices)


@register.filter
@stringfilter
def acceptance(number: str) -> SafeString:
    """An acceptance number in its groups, kept left-to-right: `26 004217 85`. What is no number stays as it is."""
    try:
        shown = grouped(number)
    except ValueError:
        shown = number
    return format_html('<bdi dir="ltr" class="w-number">{}</bdi>', shown)


@register.filter
def ltr(text: object) -> SafeString:
    """A phone number, code or address kept left-to-right inside any text."""
    return format_html('<bdi dir="ltr">{}</bdi>', text)


@register.filter
@stringfilter
def own_name(language: str) -> str:
    """A language by what it calls itself; what the house does not speak stays as it is."""
    return OWN_NAMES.get(language[:2], language)


@register.filter
def reason(words: str) -> str:
    """Why something was not sent: our own reasons in the reader's language, another machine's words as they came."""
    return _(words) if words else ""


@register.filter
def near_date(when: datetime | None, now: datetime | None = None) -> SafeString:
    """`today 14:05`, `Thursday 16:00`, `12 March`, with the exact time on hover; a dash for no time."""
    if when is None:
        return mark_safe("–")
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        when.isoformat(timespec="minutes"), dates.exact(when), dates.near(when, now or clock.now()),
    )  # fmt: skip


@register.filter
def exact_date(when: datetime | None) -> SafeString:
    """The exact time in full, for print and for records; a dash for no time."""
    if when is None:
        return mark_safe("–")
    return format_html('<time datetime="{}">{}</time>', when.isoformat(timespec="minutes"), dates.exact(when))


_DUE_SOON_S = 24 * 3600


def _due_state(due: datetime, now: datetime, state: str) -> str:
    if state:
        return state
    left_s = (due - now).total_seconds()
    if left_s < 0:
        return "overdue"
    return "soon" if left_s <= _DUE_SOON_S else "running"


@register.simple_tag
def due_badge(due: datetime | None, now: datetime | None = None, state: str = "") -> SafeString:
    """A deadline in words and colour: `Due Thursday 16:00`, amber `Due soon: ...`, red `Overdue since ...`.

    `state` is "running", "soon", "overdue", "met" or "paused" when a clock has decided it; without it, the last 24
    wall hours count as soon. Nothing is shown for no deadline.
    """
    if due is None:
        return mark_safe("")
    now = now or clock.now()
    state = _due_state(due, now, state)
    words = {
        "running": _("Due %(when)s"),
        "soon": _("Due soon: %(when)s"),
        "overdue": _("Overdue since %(when)s"),
        "met": _("Met: %(when)s"),
        "paused": _("Clock stopped; was due %(when)s"),
    }[state]
    sign = {
        "running": "clock", "soon": "clock-exclamation", "overdue": "alert-triangle", "met": "check",
        "paused": "clock-pause",
    }[state]  # fmt: skip
    return format_html(
        '<span class="w-due w-due-{}">{}<time datetime="{}" title="{}">{}</time></span>',
        state, icon(sign), due.isoformat(timespec="minutes"), dates.exact(due),
        words % {"when": dates.near(due, now)},
    )  # fmt: skip


@register.simple_tag
def due_bar(start: datetime | None, due: datetime | None, now: datetime | None = None, state: str = "") -> SafeString:
    """A thin bar of the share of time used between `start` and `due`; always beside a `due_badge`, never alone."""
    if start is None or due is None or due <= start:
        return mark_safe("")
    now = now or clock.now()
    used = min(1.0, max(0.0, (now - start) / (due - start)))
    return format_html(
        '<svg class="w-due-bar w-due-bar-{}" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="w-due-bar-all" width="100" height="4"></rect>'
        '<rect class="w-due-bar-used" width="{}" height="4"></rect>'
        "</svg>",
        _due_state(due, now, state), f"{used * 100:.0f}",
    )  # fmt: skip


@lru_cache(maxsize=256)
def _qr_svg(text: str, title: str) -> str:
    code = segno.make(text, micro=False, error="m")
    return str(
        code.svg_inline(border=4, dark="#000", light="#fff", svgclass="w-qr", title=title or None, omitsize=True)
    )


@register.simple_tag
def qr(text: str, title: str = "") -> SafeString:
    """`text` (an address) as a QR code in SVG, black on white in every theme so that cameras read it."""
    return mark_safe(_qr_svg(text, title))  # noqa: S308 - segno escapes the title; the rest is its own drawing


@register.simple_tag
def avatar(name: str) -> SafeString:
    """Up to two first letters of a name in a disc, for people without a picture; decoration beside the name.

    Arabic ones are those after the article, and are not joined, or they would read as a word.
    """
    letters = "\u200c".join((word.removeprefix("ال") or word)[0] for word in name.split()[:2])
    return format_html('<span class="w-avatar" aria-hidden="true">{}</span>', letters.upper())
