"""What the portal asks and how it reads the answers; nothing is written here."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from wasl.core.cases.models import Kind, Verdict
from wasl.core.catalogue import queries as catalogue
from wasl.core.catalogue.book import Book, Category, Question
from wasl.core.organisation import queries as organisation
from wasl.core.people.models import Person
from wasl.faces.portal import drafts
from wasl.kernel import mailaddress, phone
from wasl.kernel.digits import to_ascii_digits
from wasl.kernel.names import OWN_NAMES, code_of, local

LONGEST_TEXT = 5000


class Digits(forms.CharField):
    """A text in which digits of any script become 0-9."""

    def to_python(self, value: Any) -> str:
        """The text, its digits ASCII."""
        return to_ascii_digits(str(super().to_python(value) or ""))


class Number(Digits):
    """A number in digits of any script, as a float."""

    def __init__(self, *, least: float = -1e12, most: float = 1e12, **kwargs: Any) -> None:
        super().__init__(max_length=40, empty_value=None, **kwargs)
        self.least, self.most = least, most

    def clean(self, value: Any) -> float | None:
        """The number; the Arabic decimal and thousands signs are understood."""
        text = str(super().clean(value) or "").replace("٫", ".").replace("٬", "").strip()
        if not text:
            return None
        try:
            found = float(text)
        except ValueError:
            raise forms.ValidationError(_("Enter a number, in digits.")) from None
        if not self.least <= found <= self.most:
            raise forms.ValidationError(_("This number is too large or too small."))
        return found


class _Form(forms.Form):
    """Labels stand above, nothing is checked by the browser in another language than the page's."""

    use_required_attribute = False
    label_suffix = ""


class WhatForm(_Form):
    """Own words, and the category that they mean."""

    text = forms.CharField(
        label=gettext_lazy("In your own words"),
        required=False,
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    category = forms.CharField(required=False, max_length=60)

    def clean_category(self) -> str:
        """A category that can be given, or the word for none of them."""
        code = str(self.cleaned_data.get("category", ""))
        if not code:
            raise forms.ValidationError(_("Choose what it is about, or “None of these”."))
        found = catalogue.in_force().category(code)
        if code != drafts.NONE_FITS and (found is None or not found.leaf):
            raise forms.ValidationError(_("This is not on the list any more. Please choose again."))
        return code


class Files(forms.FileInput):
    """A chooser for several files at once."""

    allow_multiple_selected = True

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """All of them."""
        return files.getlist(name) if hasattr(files, "getlist") else []


class FilesField(forms.FileField):
    """Any number of files; what they are is decided by the media pipeline."""

    widget = Files

    def clean(self, data: Any, initial: Any = None) -> Any:
        """The files as they came."""
        del initial
        return data or []


def _files_field() -> FilesField:
    return FilesField(
        label=gettext_lazy("Photos or documents"),
        required=False,
        help_text=gettext_lazy("Their position and camera data are taken out before anybody sees them."),
        # More than pictures are asked for: a telephone then opens its files, whose photos keep their position, and not
        # its gallery, which strips it.
        widget=Files(attrs={"accept": "image/*,application/pdf,audio/*,video/*", "multiple": True}),
    )


class WhereForm(_Form):
    """An address, a position, or at least an area; and the photo that may know the position."""

    address = forms.CharField(
        label=gettext_lazy("Address or description of the place"),
        required=False,
        max_length=300,
        help_text=gettext_lazy("Street, house or way number, what is nearby."),
        widget=forms.TextInput(attrs={"autocomplete": "street-address"}),
    )
    lat = Number(required=False, least=-90, most=90, widget=forms.HiddenInput)
    lon = Number(required=False, least=-180, most=180, widget=forms.HiddenInput)
    accuracy = Number(required=False, least=0, most=1e7, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = organisation.areas()[1]
        parents = {area.parent_id for area in known.values()}
        inner = [(area.code, str(area)) for area in known.values() if area.pk not in parents]
        inner.sort(key=lambda choice: choice[1])
        choices = [("", _("Choose")), *inner, (drafts.NO_PLACE, _("It is not about a place"))]
        self.fields["area"] = forms.ChoiceField(label=_("Part of the city"), required=False, choices=choices)
        self.fields["added"] = _files_field()
        self.fields["added"].label = _("Photo of it")
        self.fields["added"].help_text = _("If the photo knows where it was taken, you can use that place.")

    def clean(self) -> dict[str, Any]:
        """Somewhere, and inside the city."""
        found: dict[str, Any] = super().clean() or self.cleaned_data
        lat, lon = found.get("lat"), found.get("lon")
        if lat is None or lon is None:
            found["lat"] = found["lon"] = found["accuracy"] = lat = None
        elif organisation.areas()[1] and not organisation.areas()[0].locate(lon, lat):
            found["lat"] = found["lon"] = None
            raise forms.ValidationError(
                _("That position lies outside %(city)s. Choose a point inside it, or describe the place in words.")
                % {"city": local(organisation.the_city().names)}
            )
        if not self.errors and lat is None and not found.get("address") and not found.get("area"):
            raise forms.ValidationError(
                _("Tell us where: an address, a point on the map, or at least the part of the city.")
            )
        return found


class DetailsForm(_Form):
    """The words, the questions of the category, files."""

    text = forms.CharField(
        label=gettext_lazy("What happened, or what do you want?"),
        min_length=3,
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 5}),
        error_messages={"required": gettext_lazy("Tell us in a few words.")},
    )

    def __init__(self, *args: Any, category: Category | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.questions: dict[str, Question] = {}
        if category is not None:
            self.questions = questions_of(catalogue.in_force(), category)
            if len(category.kinds) > 1:
                kinds = [(kind, str(Kind(kind).label)) for kind in category.kinds if kind in Kind.values]
                self.fields["kind"] = forms.ChoiceField(
                    label=pgettext_lazy("of a report", "It is a"), choices=kinds, required=False
                )
        for name, question in self.questions.items():
            self.fields[name] = field_of(question)
        self.fields["added"] = _files_field()

    def answers(self) -> dict[str, Any]:
        """Answers by the question's code; what was left empty is not there."""
        found = {}
        for name, question in self.questions.items():
            value = self.cleaned_data.get(name)
            if value not in (None, "", []):
                found[question.code] = value.isoformat() if hasattr(value, "isoformat") else value
        return found


def questions_of(book: Book, category: Category) -> dict[str, Question]:
    """The questions of the category and all above it, by the name of their field, which is one in the whole book."""
    return {f"q-{question.category}-{question.code}": question for question in book.form_of(category.code)}


def field_of(question: Question) -> forms.Field:
    """The form field of a catalogue's question."""
    more: dict[str, Any] = {
        "label": local(question.ask),
        "help_text": local(question.hint),
        "required": question.required,
    }
    choices = [(key, local(names)) for key, names in question.values]
    match question.datatype:
        case "number":
            return Number(**more, widget=forms.TextInput(attrs={"inputmode": "decimal"}))
        case "datetime":
            widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
            return forms.DateTimeField(**more, widget=widget)
        case "text":
            return forms.CharField(**more, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))
        case "singlevaluelist":
            if len(choices) <= 5:
                extra = [] if question.required else [("", _("I do not know"))]
                return forms.ChoiceField(**more, choices=[*choices, *extra], widget=forms.RadioSelect)
            return forms.ChoiceField(**more, choices=[("", _("Choose")), *choices])
        case "multivaluelist":
            return forms.MultipleChoiceField(**more, choices=choices, widget=forms.CheckboxSelectMultiple)
        case _:
            return Digits(**more, max_length=500)


class QuestionsForm(_Form):
    """Every question of the rule book once; the page shows those of the category that was chosen."""

    def __init__(self, book: Book) -> None:
        super().__init__()
        for questions in book.questions.values():
            for question in questions:
                field = self.fields[f"q-{question.category}-{question.code}"] = field_of(question)
                # The server says what is missing, in the words of the page; hidden questions must not be marked.
                field.required = False


# Ways of reply that are offered; a message by SMS needs a sender, which an installation may not have.
OFFERED = (Person.Channel.MAIL, Person.Channel.PHONE, Person.Channel.WEB)


class YouForm(_Form):
    """Who reports, or that nobody shall know."""

    how = forms.ChoiceField(
        label=gettext_lazy("Do you want to say who you are?"),
        choices=[
            ("named", gettext_lazy("Yes, so that you can answer me")),
            ("anonymous", gettext_lazy("No, I stay anonymous")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose one of the two.")},
    )
    name = forms.CharField(
        label=gettext_lazy("Name"),
        required=False,
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    phone = Digits(
        label=gettext_lazy("Phone number"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "dir": "ltr"}),
    )
    mail = forms.CharField(
        label=gettext_lazy("E-mail address"),
        required=False,
        max_length=254,
        widget=forms.TextInput(attrs={"type": "email", "autocomplete": "email", "dir": "ltr"}),
    )
    channel = forms.ChoiceField(
        label=gettext_lazy("How shall we answer?"),
        choices=[(channel.value, channel.label) for channel in OFFERED],
        required=False,
        widget=forms.RadioSelect,
    )
    language = forms.ChoiceField(
        label=gettext_lazy("In which language?"), choices=[*OWN_NAMES.items()], required=False, widget=forms.RadioSelect
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._mark_as_asked(asked=not self.is_bound)

    def _mark_as_asked(self, *, asked: bool) -> None:
        """Both have a default, so nothing is refused without them; but "optional" they are not called."""
        for name in ("channel", "language"):
            self.fields[name].required = asked

    def clean_phone(self) -> str:
        """A number that can be called."""
        text = str(self.cleaned_data.get("phone", ""))
        number = phone.normalise(text, organisation.the_city().region) if text else ""
        if number is None or (number and phone.is_short_code(number)):
            raise forms.ValidationError(_("This is no phone number that we can call. Please check it."))
        return text

    def clean_mail(self) -> str:
        """An address that can be written to."""
        text = str(self.cleaned_data.get("mail", ""))
        if text and mailaddress.normalise(text) is None:
            raise forms.ValidationError(_("This is no e-mail address. Please check it."))
        return text

    def clean(self) -> dict[str, Any]:
        """The way of reply must be open."""
        found: dict[str, Any] = super().clean() or self.cleaned_data
        self._mark_as_asked(asked=True)
        found["language"] = code_of(found.get("language") or None)
        if found.get("how") != "named":
            return found
        channel = found.get("channel") or Person.Channel.WEB.value
        found["channel"] = channel
        if channel == Person.Channel.MAIL and not found.get("mail") and "mail" not in self.errors:
            self.add_error("mail", _("To answer by e-mail we need your e-mail address."))
        if channel == Person.Channel.PHONE and not found.get("phone") and "phone" not in self.errors:
            self.add_error("phone", _("To answer by telephone we need your phone number."))
        if not (found.get("name") or found.get("phone") or found.get("mail")) and not self.errors:
            self.add_error("name", _("Give at least your name, or choose to stay anonymous."))
        return found


class TrackForm(_Form):
    """Acceptance number and PIN."""

    number = Digits(
        label=gettext_lazy("Number of your report"),
        max_length=60,
        widget=forms.TextInput(
            attrs={"inputmode": "numeric", "dir": "ltr", "autocomplete": "off", "class": "w-number"}
        ),
        error_messages={"required": gettext_lazy("Enter the number of your report.")},
    )
    pin = Digits(
        label=gettext_lazy("PIN"),
        required=False,
        max_length=20,
        help_text=gettext_lazy("Six digits, on your receipt. Without it we show only what everybody may know."),
        widget=forms.TextInput(
            attrs={"inputmode": "numeric", "dir": "ltr", "autocomplete": "off", "class": "w-number"}
        ),
    )


class VerifyForm(_Form):
    """Acceptance number and the hash on the receipt."""

    number = Digits(
        label=gettext_lazy("Number of your report"),
        max_length=60,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "dir": "ltr", "autocomplete": "off"}),
        error_messages={"required": gettext_lazy("Enter the number of your report.")},
    )
    receipt = Digits(
        label=gettext_lazy("Proof on your receipt"),
        max_length=200,
        help_text=gettext_lazy("64 letters and digits."),
        widget=forms.TextInput(attrs={"dir": "ltr", "autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": gettext_lazy("Enter the proof that stands on your receipt.")},
    )


LEVELS = (
    ("5", gettext_lazy("very satisfied")),
    ("4", gettext_lazy("satisfied")),
    ("3", gettext_lazy("neither")),
    ("2", gettext_lazy("dissatisfied")),
    ("1", gettext_lazy("very dissatisfied")),
)


class _Seen(_Form):
    seen = forms.IntegerField(required=False, min_value=0, max_value=2**31, widget=forms.HiddenInput)


class AnswerForm(_Seen):
    """Is it solved? And how was it (GB/T 39735: five levels)?"""

    verdict = forms.ChoiceField(
        label=gettext_lazy("Is it solved?"),
        choices=Verdict.choices,
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose one of the four answers.")},
    )
    rating = forms.ChoiceField(
        label=gettext_lazy("How satisfied are you with how it was handled?"),
        choices=LEVELS,
        required=False,
        widget=forms.RadioSelect,
    )
    comment = forms.CharField(
        label=gettext_lazy("Do you want to add something?"),
        required=False,
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    pressured = forms.BooleanField(label=gettext_lazy("Somebody asked me to change my answer"), required=False)

    def clean(self) -> dict[str, Any]:
        """That he was pressed is kept with his rating, so it needs one."""
        found: dict[str, Any] = super().clean() or self.cleaned_data
        if found.get("pressured") and not found.get("rating") and "rating" in self.fields:
            self.add_error("rating", _("Please choose a level too: what you say about pressure is kept with it."))
        return found


class AddForm(_Form):
    """More on the same case."""

    text = forms.CharField(
        label=gettext_lazy("Your words"),
        required=False,
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    added = _files_field()

    def clean(self) -> dict[str, Any]:
        """Something, at least."""
        found: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors and not found.get("text") and not found.get("added"):
            raise forms.ValidationError(_("Write something or choose a file."))
        return found


class ReopenForm(_Seen):
    """Why it is to be opened again."""

    text = forms.CharField(
        label=gettext_lazy("What is not as it should be?"),
        min_length=3,
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": gettext_lazy("Tell us why, in a few words.")},
    )


def answer_form(case_rated: bool, data: Mapping[str, Any] | None = None, **kwargs: Any) -> AnswerForm:
    """The form, without the levels where he has rated already (once a matter)."""
    form = AnswerForm(data, **kwargs)
    if case_rated:
        del form.fields["rating"]
        del form.fields["pressured"]
    return form


__all__ = [
    "AddForm", "AnswerForm", "DetailsForm", "ReopenForm", "TrackForm", "VerifyForm", "WhatForm", "WhereForm", "YouForm",
    "answer_form",
]  # fmt: skip
