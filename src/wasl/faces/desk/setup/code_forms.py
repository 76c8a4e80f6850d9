"""The forms of a short code, of a command, and of the box that tries them out."""

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from wasl.core.cases.models import Verdict
from wasl.faces.desk.setup.forms import Named, names_of
from wasl.kernel.names import LANGUAGES, OWN_NAMES
from wasl.services.dialogue.editing import CommandFacts
from wasl.services.dialogue.models import Command, ShortCode
from wasl.services.enquiries.models import Enquiry

MOST_TEXTS, LONGEST_TEXT = 20, 500
KEYWORD_LABELS = {
    "": _("Keywords of no language, as VE"),
    "ar": _("Keywords in Arabic"),
    "en": _("Keywords in English"),
    "zh": _("Keywords in Chinese"),
}


class CodeForm(Named):
    """A short code."""

    number = forms.CharField(
        label=_("Number"), max_length=15, widget=forms.TextInput(attrs={"dir": "ltr", "inputmode": "numeric"})
    )
    language = forms.ChoiceField(
        label=_("Language"),
        choices=[*OWN_NAMES.items()],
        help_text=_("Of answers to those whose language is not known."),
    )
    on = forms.BooleanField(label=_("On: it answers"), required=False)


class CommandForm(Named):
    """A command of one code or of all."""

    kind = forms.ChoiceField(label=_("What it does"), choices=Command.Kind.choices)
    target = forms.ChoiceField(
        label=_("Which"), required=False, help_text=_("The enquiry it answers, or what it says about a request.")
    )
    code = forms.ModelChoiceField(
        label=_("Short code"), queryset=ShortCode.objects.order_by("number"), required=False, empty_label=_("all")
    )
    example = forms.CharField(
        label=_("Example"),
        max_length=40,
        required=False,
        help_text=_("A whole text, as VE 12345 BA. It is shown in help and on the web page."),
        widget=forms.TextInput(attrs={"dir": "auto"}),
    )
    place = forms.IntegerField(label=_("Place in the list"), min_value=0, max_value=999, initial=50)
    on = forms.BooleanField(label=_("On: people may text it"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        enquiries = [(one.code, str(one)) for one in Enquiry.objects.order_by("code")]
        self.fields["target"].choices = [  # type: ignore[attr-defined]  # a ChoiceField
            ("", "—"),
            (_("Enquiries"), enquiries),
            (_("A request is"), Verdict.choices),
            (_("Messages"), [("all", _("all of them"))]),
        ]
        for language in ("", *LANGUAGES):
            self.fields[f"keywords_{language}"] = forms.CharField(
                label=KEYWORD_LABELS[language], max_length=300, required=False,
                widget=forms.TextInput(attrs={"lang": language or "en", "dir": "rtl" if language == "ar" else "ltr"}),
                help_text=_("Divided by commas."),
            )  # fmt: skip

    def facts(self) -> CommandFacts:
        """What was written, for `editing`."""
        g = self.cleaned_data
        return CommandFacts(
            code=g["code"],
            kind=g["kind"],
            keywords={language: divided(g[f"keywords_{language}"]) for language in ("", *LANGUAGES)},
            names=self.names(),
            example=g["example"],
            target=g["target"],
            place=g["place"],
            on=g["on"],
        )


def divided(text: str) -> list[str]:
    """Keywords with commas of any script between them."""
    return text.replace("،", ",").replace("，", ",").replace("、", ",").split(",")


def initial_of(held: Command | None) -> dict[str, Any]:
    """What a command's form begins with."""
    if held is None:
        return {"on": True}
    return {
        **names_of(held.names),
        **{f"keywords_{language}": ", ".join(held.keywords.get(language, ())) for language in ("", *LANGUAGES)},
        "kind": held.kind,
        "target": held.target,
        "code": held.code_id,
        "example": held.example,
        "place": held.place,
        "on": held.on,
    }


def initial_of_code(held: ShortCode | None) -> dict[str, Any]:
    """What a short code's form begins with."""
    if held is None:
        return {"on": True}
    return {**names_of(held.names), "number": held.number, "language": held.language, "on": held.on}


class TalkForm(forms.Form):
    """The next text of a talk that is tried out; `before` holds the texts before it, as JSON."""

    code = forms.ChoiceField(label=_("To"))
    number = forms.CharField(
        label=_("From the telephone"), max_length=30, initial="+968 9200 0001",
        widget=forms.TextInput(attrs={"dir": "ltr", "autocomplete": "off"}),
    )  # fmt: skip
    words = forms.CharField(
        label=_("Text"), max_length=LONGEST_TEXT, widget=forms.TextInput(attrs={"dir": "auto", "autocomplete": "off"})
    )
    before = forms.CharField(required=False, max_length=40_000, widget=forms.HiddenInput)

    def __init__(self, *args: Any, codes: Mapping[str, object], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].choices = [(code, code) for code in codes]  # type: ignore[attr-defined]  # as above

    def clean_before(self) -> list[str]:
        """The texts before; those of somebody who changed the field by hand are dropped."""
        try:
            found = json.loads(self.cleaned_data["before"] or "[]")
        except ValueError:
            return []
        if not isinstance(found, list):
            return []
        return [one[:LONGEST_TEXT] for one in found if isinstance(one, str)][-(MOST_TEXTS - 1) :]
