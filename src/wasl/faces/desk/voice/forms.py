"""The forms of a step of a flow, of a number that is called, and of what is done with a message."""

import re
from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Calendar
from wasl.faces.desk.fields import category_choices
from wasl.kernel.digits import to_ascii_digits
from wasl.kernel.names import OWN_NAMES
from wasl.services.articles import queries as articles
from wasl.services.calls import flows
from wasl.services.calls.checking import ASKS, KEEPS, KINDS, LONGEST_TEXT, NAME
from wasl.services.calls.flow import LANGUAGES, PERSON
from wasl.services.calls.models import FlowVersion, Line, Queue
from wasl.services.enquiries.models import Enquiry

KIND_WORDS: Final = {
    "language": pgettext_lazy("step", "asks for the language"),
    "menu": pgettext_lazy("step", "menu"),
    "say": pgettext_lazy("step", "says something"),
    "ask": pgettext_lazy("step", "asks for digits"),
    "enquiry": pgettext_lazy("step", "answers an enquiry"),
    "record": pgettext_lazy("step", "records a message"),
    "hours": pgettext_lazy("step", "by the hours"),
    "queue": pgettext_lazy("step", "to a person"),
    "transfer": pgettext_lazy("step", "to the telephone of a unit"),
    "set": pgettext_lazy("step", "notes something"),
    "go": pgettext_lazy("step", "goes on elsewhere"),
    "end": pgettext_lazy("step", "ends the call"),
}
WAY_WORDS: Final = {
    "next": pgettext_lazy("way", "then"),
    "again": pgettext_lazy("way", "if it is wrong"),
    "open": pgettext_lazy("way", "open"),
    "closed": pgettext_lazy("way", "closed"),
}
_ASK_WORDS = {
    "digits": _("digits"), "number": _("an acceptance number"), "pin": _("a PIN"), "area": _("the code of an area"),
}  # fmt: skip
_KEEP_WORDS = {"complaint": _("a new request"), "mailbox": _("the mailbox")}
_WORDS = {
    "text": {
        "ar": _("What is said, in Arabic"),
        "en": _("What is said, in English"),
        "zh": _("What is said, in Chinese"),
    },
    "thanks": {
        "ar": _("What is said after it, in Arabic"),
        "en": _("What is said after it, in English"),
        "zh": _("What is said after it, in Chinese"),
    },
}
KEYS: Final = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "*")
_SPOKEN = frozenset({"language", "menu", "say", "ask", "record", "queue", "transfer", "end"})
_GOES_ON = frozenset({"language", "say", "ask", "enquiry", "record", "set", "go"})


class NewStepForm(forms.Form):
    """A name and a kind for a new step."""

    name = forms.CharField(
        label=_("Name of the step"), max_length=40, help_text=_("Small letters, digits and hyphens, as ask-district."),
        widget=forms.TextInput(attrs={"dir": "ltr", "autocomplete": "off"}),
    )  # fmt: skip
    kind = forms.ChoiceField(label=_("What it does"), choices=[(kind, KIND_WORDS[kind]) for kind in KINDS])

    def __init__(self, *args: Any, taken: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._taken = taken

    def clean_name(self) -> str:
        """A name that is free."""
        name: str = self.cleaned_data["name"].strip().lower()
        if not NAME.fullmatch(name):
            raise forms.ValidationError(_g("A name is small letters, digits and hyphens."))
        if name in self._taken:
            raise forms.ValidationError(_g("There is such a step already."))
        return name


class NewFlowForm(forms.Form):
    """A new flow begins as a copy."""

    code = forms.SlugField(label=_("Name of the flow"), max_length=40, widget=forms.TextInput(attrs={"dir": "ltr"}))
    like = forms.ChoiceField(label=_("Begins as a copy of"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = FlowVersion.objects.order_by("code").values_list("code", flat=True).distinct()
        self.fields["like"].choices = [(code, code) for code in known]  # type: ignore[attr-defined]  # a ChoiceField

    def clean_code(self) -> str:
        """A name that is free."""
        code: str = self.cleaned_data["code"].lower()
        if FlowVersion.objects.filter(code=code).exists():
            raise forms.ValidationError(_g("There is such a flow already."))
        return code


class StepForm(forms.Form):
    """One step: the fields that its kind has. `node` gives what was written back as data."""

    def __init__(self, *args: Any, node: Mapping[str, Any], name: str, steps: list[str], **kwargs: Any) -> None:
        self.kind = str(node.get("kind", ""))
        kwargs["initial"] = _initial(node)
        super().__init__(*args, **kwargs)
        others = [("", "—"), *((one, one) for one in steps)]
        if self.kind in _SPOKEN:
            self._texts("text")
        if self.kind == "record":
            self._texts("thanks")
        if self.kind in ("menu", "language"):
            choices = others if self.kind == "menu" else [("", "—"), *OWN_NAMES.items()]
            for key in KEYS:
                self._choice(f"key_{_id(key)}", _g("Key %(key)s") % {"key": key}, choices)
        getattr(self, f"_{self.kind}", lambda _steps: None)(others)
        if self.kind in _GOES_ON:
            self._choice("next", _("Then"), others)

    def _texts(self, part: str) -> None:
        for language in LANGUAGES:
            self.fields[f"{part}_{language}"] = forms.CharField(
                label=_WORDS[part][language], required=False, max_length=LONGEST_TEXT,
                widget=forms.Textarea(
                    attrs={"rows": 3, "lang": language, "dir": "rtl" if language == "ar" else "ltr"}
                ),
            )  # fmt: skip

    def _choice(self, name: str, label: Any, choices: Any, **more: Any) -> None:
        # A way to a step that is gone is still shown, so that nobody loses it by saving something else.
        held = str(self.initial.get(name, ""))
        if held and held not in dict(choices):
            choices = [*choices, (held, held)]
        self.fields[name] = forms.ChoiceField(label=label, choices=choices, required=False, **more)

    def _ask(self, _steps: Any) -> None:
        self._choice("of", _("What is asked for"), [(one, _ASK_WORDS[one]) for one in ASKS])
        self.fields["least"] = forms.IntegerField(label=_("Digits at least"), min_value=1, max_value=30, required=False)
        self.fields["most"] = forms.IntegerField(label=_("Digits at most"), min_value=1, max_value=30, required=False)
        self.fields["blank"] = forms.BooleanField(
            label=_("The hash key alone will do"), required=False,
            help_text=_("For an acceptance number: the latest request of the telephone that calls. The PIN is asked."),
        )  # fmt: skip
        self.fields["areas"] = forms.CharField(
            label=_("Codes of areas"), required=False, max_length=4000, help_text=_("One a line: 01 = seeb"),
            widget=forms.Textarea(attrs={"rows": 6, "dir": "ltr"}),
        )  # fmt: skip

    def _say(self, _steps: Any) -> None:
        known = [(one.article.code, f"{one.title} ({one.mark})") for one in articles.in_force()]
        self._choice(
            "article", _("Article"), [("", "—"), *known],
            help_text=_("Its voice form is said instead of the words above, always as it is in force."),
        )  # fmt: skip

    def _enquiry(self, steps: Any) -> None:
        self._choice(
            "enquiry", _("Enquiry"), [("", "—"), *((e.code, str(e)) for e in Enquiry.objects.order_by("code"))]
        )
        self.fields["asks"] = forms.CharField(
            label=_("What was asked for, in order"), required=False, max_length=200,
            help_text=_("Names of steps that ask, divided by commas."), widget=forms.TextInput(attrs={"dir": "ltr"}),
        )  # fmt: skip
        self._choice("again", _("If it is wrong"), steps)

    def _record(self, _steps: Any) -> None:
        self._choice("keep", _("It becomes"), [(one, _KEEP_WORDS[one]) for one in KEEPS])
        self.fields["longest_s"] = forms.IntegerField(
            label=_("Seconds at most"), min_value=5, max_value=180, required=False
        )

    def _hours(self, steps: Any) -> None:
        known = [(c.code, str(c)) for c in Calendar.objects.order_by("code")]
        self._choice("calendar", _("Calendar"), [(flows.CENTRE, _("hours of the contact centre")), *known])
        self._choice("open", _("While it is open"), steps)
        self._choice("closed", _("While it is closed"), steps)

    def _queue(self, _steps: Any) -> None:
        self._choice(
            "queue", _("Queue"), [(q.code, str(q)) for q in Queue.objects.order_by("code")] or [(PERSON, PERSON)]
        )

    def _transfer(self, _steps: Any) -> None:
        with_phone = [(unit.code, str(unit)) for unit in organisation.units_with_phone()]
        self._choice("unit", _("Unit"), [("", "—"), *with_phone])

    def _set(self, _steps: Any) -> None:
        self.fields["values"] = forms.CharField(
            label=_("What is noted"), max_length=1000, widget=forms.Textarea(attrs={"rows": 3, "dir": "ltr"}),
            help_text=_("One a line: category = water-leak, kind = complaint, urgency = urgent, area = seeb."),
        )  # fmt: skip

    def clean_areas(self) -> dict[str, str]:
        """By digits."""
        made = _pairs(self.cleaned_data["areas"])
        if any(not re.fullmatch("[0-9]{1,6}", key) for key in made):
            raise forms.ValidationError(_g("A code of an area is one to six digits."))
        return made

    def clean_values(self) -> dict[str, str]:
        """By name."""
        return _pairs(self.cleaned_data["values"])

    def clean_asks(self) -> list[str]:
        """In their order."""
        return [one for one in re.split(r"[,،，\s]+", self.cleaned_data["asks"]) if one]

    def node(self) -> dict[str, Any]:
        """The step as data."""
        g = self.cleaned_data
        made: dict[str, Any] = {"kind": self.kind}
        for part in ("text", "thanks") if not g.get("article") else ():
            texts = {code: g[f"{part}_{code}"].strip() for code in LANGUAGES if g.get(f"{part}_{code}", "").strip()}
            if texts:
                made[part] = texts
        if self.kind in ("menu", "language"):
            made["keys"] = {key: g[f"key_{_id(key)}"] for key in KEYS if g[f"key_{_id(key)}"]}
        for part in ("of", "least", "most", "blank", "areas", "enquiry", "asks", "again", "keep", "longest_s",
                     "calendar", "open", "closed", "queue", "unit", "values", "article", "next"):  # fmt: skip
            if g.get(part):
                made[part] = g[part]
        if made.get("of") == "area":
            made.setdefault("areas", {})
        else:
            made.pop("areas", None)
        return made


def _id(key: str) -> str:
    return "star" if key == "*" else key


def _pairs(text: str) -> dict[str, str]:
    made = {}
    for line in to_ascii_digits(text).splitlines():
        if not line.strip():
            continue
        key, mark, value = (part.strip() for part in line.partition("="))
        if not (key and mark and value):
            raise forms.ValidationError(_g("A line is a name, an equals sign and a value: “%(line)s”") % {"line": line})
        made[key] = value
    return made


def _initial(node: Mapping[str, Any]) -> dict[str, Any]:
    made = {name: value for name, value in node.items() if not isinstance(value, dict | list)}
    for part in ("text", "thanks"):
        made.update({f"{part}_{code}": words for code, words in node.get(part, {}).items()})
    made.update({f"key_{_id(key)}": value for key, value in node.get("keys", {}).items()})
    for part in ("areas", "values"):
        made[part] = "\n".join(f"{key} = {value}" for key, value in node.get(part, {}).items())
    made["asks"] = ", ".join(node.get("asks", ()))
    return made


class PromptForm(forms.Form):
    """Somebody's own recording."""

    file = forms.FileField(
        label=_("A recording (WAV)"), help_text=_("Up to a minute. It is heard instead of the machine's voice."),
        widget=forms.FileInput(attrs={"accept": ".wav,audio/wav,audio/x-wav"}),
    )  # fmt: skip


class LineForm(forms.Form):
    """A number that people call."""

    number = forms.CharField(
        label=_("Number"), max_length=25, help_text=_("As the carrier writes it."),
        widget=forms.TextInput(attrs={"dir": "ltr", "inputmode": "tel"}),
    )  # fmt: skip
    name = forms.CharField(label=_("What it is for"), max_length=80, required=False)
    flow = forms.ChoiceField(label=_("Answered by the flow"))
    languages = forms.MultipleChoiceField(
        label=_("Languages"), choices=[*OWN_NAMES.items()], required=False, widget=forms.CheckboxSelectMultiple,
        help_text=_("None: all three. With one alone nobody is asked for his language."),
    )  # fmt: skip
    straight = forms.ChoiceField(label=_("Straight to a person"), choices=Line.Straight.choices)
    calendar = forms.ModelChoiceField(
        label=_("By the hours of"), queryset=Calendar.objects.order_by("code"), required=False,
        empty_label=_("hours of the contact centre"),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = FlowVersion.objects.filter(published_at__isnull=False).order_by("code")
        self.fields["flow"].choices = [  # type: ignore[attr-defined]  # a ChoiceField
            (code, code) for code in known.values_list("code", flat=True).distinct()
        ]


class ToCaseForm(forms.Form):
    """What somebody heard, as a new request."""

    body = forms.CharField(
        label=_("What the message says"), max_length=10_000, widget=forms.Textarea(attrs={"rows": 4, "dir": "auto"})
    )
    category = forms.ChoiceField(label=_("Category"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["category"].choices = category_choices()  # type: ignore[attr-defined]  # a ChoiceField
