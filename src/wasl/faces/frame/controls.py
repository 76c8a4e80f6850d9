"""Draws the controls of forms: boxes, lists of choices and input fields. Labels, hints and errors are templates.

Django draws each option of each control by templates within templates. A list's filters have hundreds of options, and
drawing them took most of the time of the page. The shape is that of `django/forms/widgets/*.html`.
"""

from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any

from django.forms import BoundField
from django.utils.formats import localize
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

Widget = Mapping[str, Any]
"""`context["widget"]` as a widget's `get_context` gives it."""


def _escaped(value: Any) -> str:
    # Nearly all are plain, and Django's way for those that are not takes ten times as long.
    return escape(value) if type(value) is str else conditional_escape(value)


def _text(value: Any) -> str:
    return _escaped(localize(value, use_l10n=None))


def _attributes(widget: Widget) -> str:
    return "".join(
        f" {name}" if value is True else f' {name}="{_escaped(str(value))}"'
        for name, value in widget["attrs"].items()
        if value is not False
    )


def _input(widget: Widget) -> str:
    value = "" if widget["value"] is None else f' value="{_escaped(str(widget["value"]))}"'
    return f'<input type="{widget["type"]}" name="{_escaped(widget["name"])}"{value}{_attributes(widget)}>'


def _boxed(widget: Widget) -> str:
    if not widget.get("wrap_label"):
        return _input(widget)
    target = widget["attrs"].get("id")
    start = f'<label for="{_escaped(target)}">' if target else "<label>"
    return f"{start}{_input(widget)} {_text(widget['label'])}</label>"


def _option(widget: Widget) -> str:
    value = _escaped(str(widget["value"]))
    return f'<option value="{value}"{_attributes(widget)}>{_text(widget["label"])}</option>'


def _select(widget: Widget) -> str:
    parts = []
    for group, options, _ in widget["optgroups"]:
        drawn = "".join(_option(option) for option in options)
        parts.append(f'<optgroup label="{_text(group)}">{drawn}</optgroup>' if group else drawn)
    return f'<select name="{_escaped(widget["name"])}"{_attributes(widget)}>{"".join(parts)}</select>'


def _textarea(widget: Widget) -> str:
    value = _text(widget["value"]) if widget["value"] else ""
    return f'<textarea name="{_escaped(widget["name"])}"{_attributes(widget)}>\n{value}</textarea>'


_DRAWN: dict[str, Callable[[Widget], str]] = {
    "checkbox": _input,
    "checkbox_option": _boxed,
    "date": _input,
    "email": _input,
    "file": _input,
    "hidden": _input,
    "number": _input,
    "password": _input,
    "radio_option": _boxed,
    "select": _select,
    "select_option": _option,
    "tel": _input,
    "text": _input,
    "textarea": _textarea,
    "url": _input,
}
CONTROLS = {f"django/forms/widgets/{name}.html": draw for name, draw in _DRAWN.items()}


def choices(field: BoundField) -> SafeString:
    """All radio buttons or boxes of a field, each within its label, as the frame shows them."""
    place = field.field.widget.attrs.get("id") or field.auto_id
    attributes = field.build_widget_attrs({"id": place} if place else {})
    options: Iterable[Widget] = field.field.widget.subwidgets(field.html_name, field.value(), attrs=attributes)
    drawn = (f'<label class="w-choice">{_input(one)}<span>{_text(one["label"])}</span></label>' for one in options)
    return mark_safe("".join(drawn))  # noqa: S308  # every value is escaped above


def draw(template: str, widget: Widget) -> SafeString | None:
    """The control that Django would draw with this template; None for one that is left to it."""
    drawing = CONTROLS.get(template)
    return None if drawing is None else mark_safe(drawing(widget))  # noqa: S308  # every value is escaped above
