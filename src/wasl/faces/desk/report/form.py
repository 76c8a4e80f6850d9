"""The agent's form: what a contact can bring, in the order a call goes; reading it, not what is done with it."""

import re
from typing import Any

from django import forms
from django.forms.utils import ErrorDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from wasl.core.cases.models import Kind, Severity, Urgency
from wasl.core.catalogue import queries as catalogue
from wasl.core.catalogue.book import Question
from wasl.core.contacts.models import Contact
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Area, Unit
from wasl.core.people import actions as people
from wasl.core.people.models import Person
from wasl.faces.desk import fields
from wasl.kernel.names import OWN_NAMES, local
from wasl.kernel.text import fold

M = Contact.Medium
MEDIA = (M.PHONE, M.VISIT, M.LETTER, M.FAX, M.MAIL, M.CHAT, M.SMS, M.UNIT, M.INSPECTION, M.MEDIA, M.LEADER)


def _unit(code: str) -> Unit:
    try:
        return organisation.unit(code)
    except LookupError as error:
        raise ValueError(str(error)) from error


def _area(code: str) -> Area:
    try:
        return organisation.areas()[1][code]
    except KeyError as error:
        raise ValueError(code) from error


class ReportForm(forms.Form):
    """Everything that a contact can bring; only the words are required."""

    key = forms.CharField(widget=forms.HiddenInput, max_length=40, required=False)
    call = forms.CharField(widget=forms.HiddenInput, max_length=20, required=False)
    medium = forms.ChoiceField(
        label=gettext_lazy("How it came"), choices=[(m.value, m.label) for m in MEDIA], initial=M.PHONE
    )
    source = forms.CharField(
        label=gettext_lazy("From whom, for a unit, a newspaper or a leader"), max_length=100, required=False
    )
    phone = forms.CharField(
        label=gettext_lazy("Telephone"),
        max_length=40,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "tel", "dir": "ltr", "autocomplete": "off", "autofocus": True}),
    )
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=120,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    mail = forms.EmailField(
        label=gettext_lazy("E-mail"), required=False, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    person_kind = forms.ChoiceField(label=gettext_lazy("Who"), choices=Person.Kind.choices, initial=Person.Kind.CITIZEN)
    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=[*OWN_NAMES.items()])
    channel = forms.ChoiceField(
        label=gettext_lazy("Reply by"), choices=Person.Channel.choices, initial=Person.Channel.PHONE
    )
    body = forms.CharField(
        label=gettext_lazy("What is it about? In the caller's words"),
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    category = forms.ChoiceField(label=gettext_lazy("Category"), required=False)
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"),
        choices=[("", gettext_lazy("as usual")), *Kind.choices],
        required=False,
    )
    urgency = forms.ChoiceField(
        label=gettext_lazy("Urgency"),
        choices=[("", gettext_lazy("as usual")), *Urgency.choices],
        required=False,
    )
    address = forms.CharField(label=gettext_lazy("Where? Address or place in words"), max_length=300, required=False)
    area = forms.TypedChoiceField(label=gettext_lazy("Area"), coerce=_area, empty_value=None, required=False)
    lat = forms.FloatField(required=False, min_value=-90, max_value=90, widget=forms.HiddenInput)
    lon = forms.FloatField(required=False, min_value=-180, max_value=180, widget=forms.HiddenInput)
    against = forms.TypedChoiceField(label=gettext_lazy("About a unit"), coerce=_unit, empty_value=None, required=False)
    cause = forms.ChoiceField(label=gettext_lazy("Cause"), required=False)
    severity = forms.ChoiceField(label=gettext_lazy("Severity"), choices=[("", "—"), *Severity.choices], required=False)
    safety = forms.BooleanField(label=gettext_lazy("It endangers people"), required=False)
    answer = forms.CharField(
        label=gettext_lazy("Answer at once"),
        max_length=10_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 1}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "report-%s", **kwargs})
        self.fields["files"] = fields.ManyFiles(
            label=_("Photos and files"), required=False, widget=fields.ManyFilesInput(attrs={"multiple": True})
        )
        self.fields["category"].choices = fields.category_choices()  # type: ignore[attr-defined]  # a ChoiceField
        areas = sorted(organisation.areas()[1].values(), key=str)
        self.fields["area"].choices = [("", "—"), *((a.code, str(a)) for a in areas)]  # type: ignore[attr-defined]  # a ChoiceField
        self.fields["against"].choices = fields.unit_choices()  # type: ignore[attr-defined]  # a ChoiceField
        self.fields["cause"].choices = fields.reason_choices("cause")  # type: ignore[attr-defined]  # a ChoiceField
        self.questions: list[Question] = []
        given = str(self.data.get("category", "")) if self.is_bound else ""
        book = catalogue.in_force()
        if given in book.categories:
            self.questions = list(book.form_of(given))
            for question in self.questions:
                self.fields[f"q_{question.code}"] = question_field(question)

    def clean(self) -> dict[str, Any]:
        """With the area that the address names, where none was chosen: the agent does not say it twice."""
        given = super().clean() or self.cleaned_data
        if not given.get("area") and given.get("lat") is None:
            given["area"] = area_in(given.get("address", ""))
        return given

    def clean_phone(self) -> str:
        """A number that can be called."""
        given = str(self.cleaned_data["phone"]).strip()
        if given and not people.Reach(phone=given).addresses():
            raise forms.ValidationError(
                _("This is no telephone number. Write it as you dial it, or with + and the country.")
            )
        return given

    def answers(self) -> dict[str, Any]:
        """Answers to the category's questions, by code; empty ones are left out."""
        found = {q.code: self.cleaned_data.get(f"q_{q.code}") for q in self.questions}
        return {code: value for code, value in found.items() if value not in (None, "", [])}

    def questions_fields(self) -> list[forms.BoundField]:
        """The category's own fields for the page."""
        return [self[f"q_{q.code}"] for q in self.questions]

    @property
    def more_open(self) -> bool:
        """Whether something stands, or is wrong, in the part that is folded away."""
        names = ("source", "files", "against", "cause", "severity", "safety")
        return any(self[name].errors or (self.is_bound and self.data.get(name)) for name in names)

    @property
    def contact_open(self) -> bool:
        """As `more_open`, of the ways to reach the caller."""
        return any(self[name].errors for name in ("mail", "channel", "language", "person_kind", "medium")) or bool(
            self.is_bound and self.data.get("mail")
        )

    def complain_of_nothing(self) -> None:
        """Show what was typed so far without checking it."""
        self._errors = ErrorDict()


def question_field(question: Question) -> forms.Field:
    """A field for one question of a category. Nothing is required of an agent while somebody is on the line."""
    more: dict[str, Any] = {"label": local(question.ask), "help_text": local(question.hint), "required": False}
    choices = [(key, local(names)) for key, names in question.values]
    match question.datatype:
        case "singlevaluelist":
            return forms.ChoiceField(choices=[("", "—"), *choices], **more)
        case "multivaluelist":
            return forms.MultipleChoiceField(choices=choices, widget=forms.CheckboxSelectMultiple, **more)
        case "text":
            return forms.CharField(max_length=4000, widget=forms.Textarea(attrs={"rows": 2}), **more)
    return forms.CharField(max_length=300, **more)


def area_in(address: str) -> Area | None:
    """The area that an address names by its name in any language or its code; nothing where it names two.

    Words that stand in the names of several areas ("ولاية", the city's own name) name none.
    """
    given = _words(address)
    areas = [area for area in organisation.areas()[1].values() if area.parent_id is not None]
    names = {a.pk: [_words(n) for n in (*a.names.values(), a.code.replace("-", " "))] for a in areas}
    every = [{w for name in names[a.pk] for w in name} for a in areas]
    every += [
        {w for n in a.names.values() for w in _words(n)} for a in organisation.areas()[1].values() if not a.parent_id
    ]
    shared = {w for words in every for w in words if sum(w in other for other in every) > 1}
    named = [
        a for a in areas if any(_stands(own, given) for n in names[a.pk] if (own := [w for w in n if w not in shared]))
    ]
    return named[0] if len(named) == 1 else None


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", fold(text))


def _stands(some: list[str], among: list[str]) -> bool:
    return any(among[i : i + len(some)] == some for i in range(len(among)))
