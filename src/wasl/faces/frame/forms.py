"""How every form is drawn: label, hint and error belong to their field for the eye and for a screen reader alike."""

from typing import Any

from django import forms
from django.forms import widgets
from django.forms.boundfield import BoundField
from django.forms.renderers import TemplatesSetting
from django.http import HttpRequest

from wasl.faces.frame import controls
from wasl.kernel.plain import line

_CLASSES: tuple[tuple[type[forms.Widget], str], ...] = (
    (forms.CheckboxSelectMultiple, "form-check-input"),
    (forms.RadioSelect, "form-check-input"),
    (forms.CheckboxInput, "form-check-input"),
    (forms.Select, "form-select"),
    (widgets.Input, "form-control"),
    (forms.Textarea, "form-control"),
    (forms.MultiWidget, "form-control"),
)
# Fields whose content may be in any language take the direction of what is typed.
_FREE_TEXT = (forms.TextInput, forms.Textarea)
_ALWAYS_LTR = (forms.EmailInput, forms.URLInput, forms.NumberInput, forms.PasswordInput)


def sought(request: HttpRequest, longest: int) -> str:
    """What is looked for (`q`), fit for the data base, at most so many signs of it."""
    return line(request.GET.get("q", "")[:longest])


class FrameBoundField(BoundField):
    """A field that gives its control the classes of the style sheet, the direction of its text and the error mark."""

    def build_widget_attrs(self, attrs: dict[str, Any], widget: forms.Widget | None = None) -> dict[str, Any]:
        """Django's attributes (`aria-describedby`, `aria-invalid`, `required`) and ours."""
        widget = widget or self.field.widget
        found = dict(super().build_widget_attrs(attrs, widget))
        own = next((name for kind, name in _CLASSES if isinstance(widget, kind)), "")
        if self.errors:
            own += " is-invalid"
        given = found.get("class") or widget.attrs.get("class", "")
        found["class"] = f"{given} {own}".strip()
        if "dir" not in found and "dir" not in widget.attrs:
            if isinstance(widget, _ALWAYS_LTR):
                found["dir"] = "ltr"
            elif isinstance(widget, _FREE_TEXT):
                found["dir"] = "auto"
        if found.get("dir") == "auto" and "placeholder" not in widget.attrs:
            # The style sheet knows an empty field by it: that begins on the page's side, not on the left.
            found.setdefault("placeholder", " ")
        return found

    @property
    def grouped_choice(self) -> bool:
        """Whether the field is a set of radio buttons or boxes, drawn as a `fieldset`."""
        return isinstance(self.field.widget, forms.RadioSelect | forms.CheckboxSelectMultiple)

    @property
    def single_box(self) -> bool:
        """Whether the field is one box, whose label stands behind it."""
        return isinstance(self.field.widget, forms.CheckboxInput)


class FrameRenderer(TemplatesSetting):
    """`settings.FORM_RENDERER`: `{{ form }}` and `{{ field.as_field_group }}` in the house's own shape."""

    form_template_name = "frame/forms/form.html"
    field_template_name = "frame/forms/field.html"
    bound_field_class = FrameBoundField

    def render(self, template_name: str, context: dict[str, Any], request: HttpRequest | None = None) -> str:
        """As Django draws it, controls without templates."""
        drawn = controls.draw(template_name, context["widget"]) if "widget" in context else None
        return drawn or super().render(template_name, context, request)
