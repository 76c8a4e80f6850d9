"""The administrator's forms; what they mean is decided by the actions they are handed to."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _

from wasl.core.catalogue import book
from wasl.core.organisation import rights
from wasl.core.organisation.actions.house import MEDIA_BOUNDS, MEGABYTE, MOST_ALONE
from wasl.core.organisation.models import Area, Calendar, House, Post, Staff, Unit
from wasl.faces.desk.setup.page import choices_in_scope, unit_by_code
from wasl.kernel.digits import to_ascii_digits
from wasl.kernel.names import LANGUAGES, OWN_NAMES

DAYS = (
    ("sun", _("Sunday")),
    ("mon", _("Monday")),
    ("tue", _("Tuesday")),
    ("wed", _("Wednesday")),
    ("thu", _("Thursday")),
    ("fri", _("Friday")),
    ("sat", _("Saturday")),
)
_NAME_LABELS = {"ar": _("Name in Arabic"), "en": _("Name in English"), "zh": _("Name in Chinese")}


def _over_centre(staff: Staff) -> bool:
    return rights.scopes(staff, "organisation.edit").centre


class Named(forms.Form):
    """A form for something with a name in three languages."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for language in LANGUAGES:
            self.fields[f"name_{language}"] = forms.CharField(
                label=_NAME_LABELS[language], max_length=150, required=False,
                widget=forms.TextInput(attrs={"lang": language, "dir": "rtl" if language == "ar" else "ltr"}),
            )  # fmt: skip

    def names(self) -> dict[str, str]:
        """The names given."""
        return {language: self.cleaned_data[f"name_{language}"] for language in LANGUAGES}


def names_of(names: Mapping[str, str]) -> dict[str, str]:
    """Initial values for a `Named` form."""
    return {f"name_{language}": names.get(language, "") for language in LANGUAGES}


class UnitForm(Named):
    """A unit of the tree."""

    code = forms.SlugField(label=_("Code"), max_length=50, widget=forms.TextInput(attrs={"dir": "ltr"}))
    kind = forms.ChoiceField(label=_("Kind"), choices=Unit.Kind.choices)
    parent = forms.ChoiceField(label=_("Lies below"), required=False)
    calendar = forms.ModelChoiceField(
        label=_("Working hours"), queryset=Calendar.objects.order_by("code"), required=False, empty_label="—"
    )
    delivery = forms.ChoiceField(label=_("Gets its orders by"), choices=Unit.Delivery.choices)
    mail = forms.EmailField(label=_("E-mail"), required=False)
    phone = forms.CharField(
        label=_("Telephone"), max_length=20, required=False, widget=forms.TextInput(attrs={"dir": "ltr"})
    )

    def __init__(self, *args: Any, by: Staff, unit: Unit | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        above = choices_in_scope(by, without=unit, empty="—" if _over_centre(by) else "")
        if unit is not None and unit.parent is not None and not rights.covers(by, unit.parent):
            # The top of his own part: it stays where it is.
            above = [(unit.parent.code, str(unit.parent))]
        self.fields["parent"].choices = above  # type: ignore[attr-defined]  # a ChoiceField
        self.order_fields(["code", "name_ar", "name_en", "name_zh"])


class StaffForm(Named):
    """A person who works with the system."""

    username = forms.RegexField(
        r"^[a-zA-Z0-9._-]+$",
        label=_("User name"),
        max_length=60,
        widget=forms.TextInput(attrs={"dir": "ltr", "autocomplete": "off"}),
        error_messages={"invalid": _("Letters a to z, digits, dots, dashes.")},
    )
    email = forms.EmailField(label=_("E-mail"), required=False)
    phone = forms.CharField(
        label=_("Telephone"), max_length=20, required=False, widget=forms.TextInput(attrs={"dir": "ltr"})
    )
    language = forms.ChoiceField(label=_("Language"), choices=[*OWN_NAMES.items()])
    unit = forms.ChoiceField(
        label=_("Account kept by the administrator of"),
        required=False,
        help_text=_("Whoever administers this unit may change the account."),
    )

    def __init__(self, *args: Any, by: Staff, staff: Staff | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].choices = choices_in_scope(  # type: ignore[attr-defined]  # a ChoiceField
            by, empty=str(_("the whole centre")) if _over_centre(by) else ""
        )
        if staff is not None:
            del self.fields["username"]
        self.order_fields(["username", "name_ar", "name_en", "name_zh"])


class OwnForm(forms.Form):
    """What everybody changes of his own account; the password shows that it is he."""

    email = forms.EmailField(label=_("E-mail"), required=False)
    phone = forms.CharField(
        label=_("Telephone"), max_length=20, required=False, widget=forms.TextInput(attrs={"dir": "ltr"})
    )
    language = forms.ChoiceField(label=_("Language"), choices=[*OWN_NAMES.items()])
    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, *args: Any, staff: Staff, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._staff = staff

    def clean_password(self) -> str:
        """Checked, and nothing else."""
        if not self._staff.check_password(self.cleaned_data["password"]):
            raise forms.ValidationError(_("This is not your password."))
        return ""


class PostForm(forms.Form):
    """A role over a scope."""

    role = forms.ChoiceField(label=_("Role"))
    unit = forms.ChoiceField(label=_("Over a unit and all below it"), required=False)
    area = forms.ModelChoiceField(
        label=_("Or over an area"),
        queryset=Area.objects.order_by("code"),
        required=False,
        empty_label="—",
        help_text=_("Neither: the whole centre."),
    )
    until = forms.DateTimeField(
        label=_("Until"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    def __init__(self, *args: Any, by: Staff, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        centre = _over_centre(by)
        roles = [(code, words) for code, words in Post.Role.choices if centre or code in rights.GIVEN_BELOW]
        self.fields["role"].choices = roles  # type: ignore[attr-defined]  # a ChoiceField
        self.fields["unit"].choices = choices_in_scope(  # type: ignore[attr-defined]  # a ChoiceField
            by, empty="—" if centre else ""
        )
        if not centre:
            del self.fields["area"]


class MergeForm(forms.Form):
    """Which unit gets all that is another's."""

    into = forms.ChoiceField(label=_("Merge into"))

    def __init__(self, *args: Any, unit: Unit | None, by: Staff, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["into"].choices = choices_in_scope(  # type: ignore[attr-defined]  # a ChoiceField
            by, without=unit, empty="—"
        )

    def clean_into(self) -> Unit:
        """The unit."""
        found = unit_by_code(self.cleaned_data["into"])
        if found is None:
            raise forms.ValidationError(_("There is no such unit."))
        return found


class LeaveForm(forms.Form):
    """Who takes over what somebody has open when his account is shut."""

    to = forms.ModelChoiceField(
        label=_("Pass on to"),
        queryset=Staff.objects.none(),
        required=False,
        empty_label=_("nobody: back to the unit or the centre"),
    )

    def __init__(self, *args: Any, staff: Staff | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        roles = rights.roles_of(staff) if staff else set()
        same = rights.current_posts().filter(role__in=roles - {"administrator"}, staff__is_active=True)
        colleagues = Staff.objects.filter(pk__in=same.values("staff")).exclude(pk=staff.pk if staff else 0)
        self.fields["to"].queryset = colleagues.order_by("username")  # type: ignore[attr-defined]  # a ModelChoiceField


class HouseForm(forms.Form):
    """What files are taken, in numbers that people read: files and megabytes."""

    LABELS: ClassVar[Mapping[str, Any]] = {
        "files": _("Files with one report"),
        "image": _("A picture, MB"),
        "pdf": _("A PDF, MB"),
        "audio": _("A recording, MB"),
        "video": _("A video, MB"),
        "text": _("A plain text, MB"),
    }

    def __init__(self, *args: Any, house: House, now: Mapping[str, int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, (least, most) in MEDIA_BOUNDS.items():
            unit = 1 if name == "files" else MEGABYTE
            self.fields[name] = forms.IntegerField(
                label=self.LABELS[name],
                min_value=least // unit,
                max_value=most // unit,
                initial=now[name] // unit,
                help_text=_g("%(least)s to %(most)s") % {"least": least // unit, "most": most // unit}
                + ("" if least else f" · {_g('0: not taken')}"),
            )

    def limits(self) -> dict[str, int]:
        """Files and bytes."""
        return {n: v * (1 if n == "files" else MEGABYTE) for n, v in self.cleaned_data.items() if n in MEDIA_BOUNDS}


class AloneForm(forms.Form):
    """How many people one person writes to without approval."""

    alone = forms.IntegerField(
        label=_("People a day that one person may write to without approval"),
        min_value=0,
        max_value=MOST_ALONE,
        help_text=_("For more, somebody else of the unit approves first. 0: always. Emergencies to lists always wait."),
    )


class FactorForm(forms.Form):
    """Which roles sign in with a second factor."""

    roles = forms.MultipleChoiceField(
        label=_("These roles need a second factor"),
        choices=Post.Role.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Whoever has none yet is led to set it up before he sees anything else."),
    )


class BulletinForm(forms.Form):
    """A short text to staff."""

    body = forms.CharField(label=_("Text"), max_length=600, widget=forms.Textarea(attrs={"rows": 3}))
    unit = forms.ChoiceField(label=_("For"), required=False)
    until = forms.DateTimeField(
        label=_("Shown until"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    def __init__(self, *args: Any, by: Staff, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].choices = choices_in_scope(  # type: ignore[attr-defined]  # a ChoiceField
            by, empty=str(_("everybody")) if _over_centre(by) else ""
        )


class CalendarForm(Named):
    """A working calendar: windows are written `07:30-14:30`, several parted by a blank; a line a day for exceptions."""

    code = forms.SlugField(label=_("Code"), max_length=50, widget=forms.TextInput(attrs={"dir": "ltr"}))
    timezone = forms.CharField(
        label=_("Time zone"), max_length=50, initial="Asia/Muscat", widget=forms.TextInput(attrs={"dir": "ltr"})
    )
    country = forms.CharField(
        label=_("Public holidays of"),
        max_length=2,
        required=False,
        help_text=_("Two letters, as in OM; empty for none."),
        widget=forms.TextInput(attrs={"dir": "ltr"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for prefix in ("week", "ramadan"):
            for day, label in DAYS:
                self.fields[f"{prefix}_{day}"] = forms.CharField(
                    label=label,
                    required=False,
                    max_length=100,
                    widget=forms.TextInput(attrs={"dir": "ltr", "placeholder": "07:30-14:30"}),
                )
        self.fields["exceptions"] = forms.CharField(
            label=_("Exceptional days"),
            required=False,
            max_length=20_000,
            widget=forms.Textarea(attrs={"rows": 5, "dir": "ltr", "placeholder": "2026-11-18\n2026-12-31 08:00-12:00"}),
            help_text=_("One day a line; without hours it is a day off."),
        )
        self.order_fields(["code", "name_ar", "name_en", "name_zh"])

    def week(self, prefix: str) -> dict[str, list[list[str]]]:
        """The windows of each day that has any."""
        found = {day: windows_of(self.cleaned_data[f"{prefix}_{day}"]) for day, _label in DAYS}
        return {day: pairs for day, pairs in found.items() if pairs}

    def exceptions(self) -> dict[str, list[list[str]]]:
        """The windows of each exceptional day."""
        found = {}
        for line in self.cleaned_data["exceptions"].splitlines():
            day, _sep, hours = line.strip().partition(" ")
            if day:
                found[day] = windows_of(hours)
        return found

    def of_week(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        """The fields of each day: usual and in Ramadan."""
        return [(self[f"week_{day}"], self[f"ramadan_{day}"]) for day, _label in DAYS]

    @staticmethod
    def initial_of(calendar: Calendar) -> dict[str, str]:
        """Initial values for a calendar."""
        found = {
            "code": calendar.code,
            "timezone": calendar.timezone,
            "country": calendar.country,
            **names_of(calendar.names),
        }
        for prefix, week in (("week", calendar.weekly), ("ramadan", calendar.ramadan_weekly)):
            for day, _label in DAYS:
                found[f"{prefix}_{day}"] = windows_text(week.get(day, []))
        found["exceptions"] = "\n".join(
            f"{day} {windows_text(pairs)}".strip() for day, pairs in sorted(calendar.exceptions.items())
        )
        return found


def windows_of(text: str) -> list[list[str]]:
    """`07:30-14:30 16:00-18:00` as pairs."""
    return [
        [a.strip() for a in window.split("-", 1)] if "-" in window else [window, window]
        for window in text.replace(",", " ").split()
    ]


def windows_text(pairs: list[list[str]]) -> str:
    """Pairs as `windows_of` reads them."""
    return " ".join("-".join(pair) for pair in pairs)


class AreasForm(forms.Form):
    """Areas as a GeoJSON file."""

    file = forms.FileField(
        label=_("GeoJSON file"),
        help_text=_("A FeatureCollection; each feature with code, name_ar, name_en, name_zh, kind, parent."),
    )

    def clean_file(self) -> object:
        """The parsed file."""
        given = self.cleaned_data["file"]
        if given.size > 20_000_000:
            raise forms.ValidationError(_("The file is larger than 20 MB; simplify the shapes."))
        try:
            return json.loads(given.read().decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(_g("This is no JSON: %(why)s") % {"why": error}) from error


class ClientForm(forms.Form):
    """Another system that may send requests."""

    name = forms.CharField(label=_("Name"), max_length=100)
    unit = forms.ChoiceField(label=_("Of the unit"), required=False)
    trusted = forms.BooleanField(
        label=_("Trusted: its requests are registered and sent at once where one rule is clear"), required=False
    )

    def __init__(self, *args: Any, by: Staff, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].choices = choices_in_scope(by, empty="—")  # type: ignore[attr-defined]  # a ChoiceField


class SheetForm(forms.Form):
    """One sheet of a draft as a CSV file."""

    file = forms.FileField(label=_("CSV file"))

    def clean_file(self) -> str:
        """Its text."""
        given = self.cleaned_data["file"]
        if given.size > 5_000_000:
            raise forms.ValidationError(_("The file is larger than 5 MB."))
        try:
            return str(given.read().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise forms.ValidationError(_("The file is not in UTF-8. Save it as “CSV UTF-8”.")) from error


class PublishForm(forms.Form):
    """When a draft comes into force."""

    start = forms.DateTimeField(
        label=_("In force from"), required=False, help_text=_("Empty: at once."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )  # fmt: skip


class PersonForm(forms.Form):
    """A person by pseudonym."""

    person = forms.RegexField(
        r"^\s*[Rr]-0*[1-9][0-9]{0,17}\s*$",
        label=_("Pseudonym of the person"),
        help_text=_("As on the case page: R-000123."),
        widget=forms.TextInput(attrs={"dir": "ltr"}),
    )


class RetentionForm(forms.Form):
    """Until when closed requests lose their personal data."""

    before = forms.DateField(
        label=_("Requests closed before"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )


_LONG = ("keywords_", "standard_", "script_", "hint_", "recourse_")


class RowForm(forms.Form):
    """One row of a sheet of the catalogue, a field a column; what the columns mean is checked by `book`."""

    def __init__(
        self,
        *args: Any,
        sheet: str,
        row: Mapping[str, str],
        choices: Mapping[str, list[tuple[str, str]]],
        **kwargs: Any,
    ) -> None:
        kwargs["initial"] = dict(row)
        super().__init__(*args, **kwargs)
        for column in book.COLUMNS[sheet]:
            self.fields[column] = self._field(column, choices.get(column), row.get(column, ""))

    @staticmethod
    def _field(column: str, choices: list[tuple[str, str]] | None, held: str) -> forms.Field:
        label = COLUMN_WORDS.get(column, column)
        if choices is not None:
            known = choices if any(code == held for code, _words in choices) else [(held, held), *choices]
            return forms.ChoiceField(label=label, choices=known, required=False)
        language = column.rsplit("_", 1)[-1]
        attrs = {"dir": "auto"}
        if language in LANGUAGES:
            attrs = {"lang": language, "dir": "rtl" if language == "ar" else "ltr"}
        if column.startswith(_LONG):
            return forms.CharField(
                label=label, required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 2, **attrs})
            )
        return forms.CharField(label=label, required=False, max_length=500, widget=forms.TextInput(attrs=attrs))

    def clean(self) -> dict[str, Any]:
        """Durations and numbers in digits of any script."""
        given = super().clean() or {}
        return {column: to_ascii_digits(value) if column in DIGITS else value for column, value in given.items()}


YES_NO_COLUMNS = frozenset({"confidential", "conduct", "emergency", "public", "required", "automatic"})
DIGITS = frozenset(
    {"order", "dispatch", "sign", "contact", "return", "result", "extension", "extension_supervisor", "max", "urge"}
)
COLUMN_WORDS: Mapping[str, Any] = {
    "code": _("Code"),
    "parent": _("Lies below"),
    "name_en": _("Name in English"),
    "name_ar": _("Name in Arabic"),
    "name_zh": _("Name in Chinese"),
    "keywords_en": _("Keywords in English"),
    "keywords_ar": _("Keywords in Arabic"),
    "keywords_zh": _("Keywords in Chinese"),
    "kinds": _("Kinds of request"),
    "urgency": _("Urgency"),
    "confidential": _("Confidential"),
    "conduct": _("About somebody's conduct"),
    "emergency": _("Emergency"),
    "public": _("Public"),
    "standard_en": _("Service standard in English"),
    "standard_ar": _("Service standard in Arabic"),
    "standard_zh": _("Service standard in Chinese"),
    "script_en": _("What the agent says, in English"),
    "script_ar": _("What the agent says, in Arabic"),
    "script_zh": _("What the agent says, in Chinese"),
    "category": _("Category"),
    "datatype": _("Kind of answer"),
    "required": _("Must be answered"),
    "order": _("Place in the order"),
    "ask_en": _("Question in English"),
    "ask_ar": _("Question in Arabic"),
    "ask_zh": _("Question in Chinese"),
    "hint_en": _("Hint in English"),
    "hint_ar": _("Hint in Arabic"),
    "hint_zh": _("Hint in Chinese"),
    "question": _("Question"),
    "key": _("Key"),
    "rule": _("Rule"),
    "area": _("Area"),
    "hours": _("Working hours"),
    "lead": _("Lead unit"),
    "assist": _("Assisting units"),
    "automatic": _("Sent without a look"),
    "note": _("Note"),
    "kind": _("Kind"),
    "dispatch": _("Dispatch within"),
    "sign": _("Sign for within"),
    "contact": _("First contact within"),
    "return": _("Return within"),
    "result": _("Result within"),
    "extension": _("Extension by the centre"),
    "extension_supervisor": _("Extension by a supervisor"),
    "urge": _("Urged at"),
    "supervision": _("Supervised when overdue by"),
    "visit": _("Return visit"),
    "list": _("List"),
    "max": _("Longest"),
    "recourse_en": _("Where else to turn, in English"),
    "recourse_ar": _("Where else to turn, in Arabic"),
    "recourse_zh": _("Where else to turn, in Chinese"),
}
SHEET_WORDS: Mapping[str, Any] = {
    "categories": _("Categories"),
    "questions": _("Questions"),
    "values": _("Answers to choose"),
    "dispatch": _("Dispatch rules"),
    "deadlines": _("Deadlines"),
    "reasons": _("Reasons"),
}
