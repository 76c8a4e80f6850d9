"""The controls of forms are what Django's own templates would draw."""

import re
from datetime import date
from typing import Any

import pytest
from django import forms
from django.forms.renderers import DjangoTemplates
from django.utils.html import conditional_escape
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy, override

from wasl.faces.frame.controls import choices
from wasl.faces.frame.forms import FrameRenderer
from wasl.faces.frame.templatetags.frame_tags import reason
from wasl.services.texts.spool import GATEWAY_ENDED

OWN_REASONS = ("its number cannot be read", "the operator did not answer", "the sender ended while it was sending this")
HOSTILE = "\"><script>alert('1')</script>&amp;"
CHOICES: list[Any] = [
    ("", "—"),
    (1, gettext_lazy("State")),
    (HOSTILE, HOSTILE),
    (HOSTILE, [("a", HOSTILE), ("b", mark_safe("<b>b</b>")), (2000, 2000)]),
]


class Everything(forms.Form):
    """A field of each kind."""

    words = forms.CharField(widget=forms.TextInput(attrs={"data-x": HOSTILE, "autofocus": True, "hidden": False}))
    long = forms.CharField(widget=forms.Textarea)
    secret = forms.CharField(widget=forms.PasswordInput)
    unseen = forms.CharField(widget=forms.HiddenInput)
    mail = forms.EmailField()
    link = forms.URLField(assume_scheme="https")
    number = forms.IntegerField()
    day = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    yes = forms.BooleanField()
    file = forms.FileField(widget=forms.FileInput)
    one = forms.ChoiceField(choices=CHOICES)
    of = forms.ChoiceField(choices=CHOICES, widget=forms.RadioSelect)
    several = forms.MultipleChoiceField(choices=CHOICES, widget=forms.CheckboxSelectMultiple)
    many = forms.MultipleChoiceField(choices=CHOICES)


VALUES: list[dict[str, Any]] = [
    {},
    {
        "words": HOSTILE,
        "long": "\n" + HOSTILE,
        "secret": "x",
        "unseen": HOSTILE,
        "number": 12345,
        "day": date(2026, 11, 22),
        "yes": True,
        "one": HOSTILE,
        "of": "1",
        "several": ["a", "1"],
        "many": ["b", HOSTILE],
    },
]


def drawn(renderer: Any, given: dict[str, Any]) -> list[str]:
    """Each control, and each box or button of it alone; blanks between tags do not count."""
    form = Everything(initial=given, renderer=renderer)
    parts = [str(field) for field in form] + [box.tag(wrap_label=True) for field in form for box in field]
    return [re.sub(r">\s+", ">", part) for part in parts]


@pytest.mark.parametrize("given", VALUES)
@pytest.mark.parametrize("language", ["en", "ar"])
def test_controls_are_as_django_draws_them(given: dict[str, Any], language: str) -> None:
    class Plain(DjangoTemplates):
        """Django's templates with our fields."""

        bound_field_class = FrameRenderer.bound_field_class

    with override(language):
        assert drawn(FrameRenderer(), given) == drawn(Plain(), given)


@pytest.mark.parametrize("given", VALUES)
def test_all_choices_at_once_are_each_of_them_drawn_alone(given: dict[str, Any]) -> None:
    form = Everything(initial=given, renderer=FrameRenderer())
    for name in ("of", "several"):
        alone = "".join(
            f'<label class="w-choice">{box.tag()}<span>{conditional_escape(box.choice_label)}</span></label>'
            for box in form[name]
        )
        assert choices(form[name]) == alone


def test_our_own_reasons_are_in_the_language_of_who_reads_and_others_as_they_came() -> None:
    for ours in (GATEWAY_ENDED, *OWN_REASONS):
        for language in ("ar", "zh-hans"):
            with override(language):
                assert reason(ours) != ours
    with override("ar"):
        assert reason("RINVDSTADR") == "RINVDSTADR"
        assert reason("") == ""


def test_a_hint_is_words() -> None:
    field = forms.CharField(help_text='<div hx-post="/desk/">A & B</div>')
    form = type("Form", (forms.Form,), {"field": field})(renderer=FrameRenderer())
    drawn = form["field"].as_field_group()
    assert "&lt;div hx-post=" in drawn
    assert "<div hx-post=" not in drawn
