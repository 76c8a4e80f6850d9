"""The administrator's forms; what they mean is decided by the actions they are handed to."""

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _

from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Area, Calendar, Post, Staff, Unit
from wasl.faces.desk.fields import unit_choices
from wasl.kernel.names import LANGUAGES

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
_SPEAKS = [("ar", "العربية"), ("en", "English"), ("zh", "中文")]


def _unit(code: str) -> Unit:
    try:
        return organisation.unit(code)
    except LookupError as error:
        raise ValueError(str(error)) from error


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
    parent = forms.TypedChoiceField(label=_("Lies below"), coerce=_unit, empty_value=None, required=False)
    calendar = forms.ModelChoiceField(
        label=_("Working hours"), queryset=Calendar.objects.order_by("code"), required=False
    )
    delivery = forms.ChoiceField(label=_("Gets its orders by"), choices=Unit.Delivery.choices)
    mail = forms.EmailField(label=_("E-mail"), required=False)
    phone = forms.CharField(
        label=_("Telephone"), max_length=20, required=False, widget=forms.TextInput(attrs={"dir": "ltr"})
    )

    def __init__(self, *args: Any, unit: Unit | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        below = [u.pk for u in Unit.objects.filter(path__startswith=unit.path)] if unit else []
        self.fields["parent"].choices = unit_choices(without=below)  # type: ignore[attr-defined]  # a ChoiceField
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
    language = forms.ChoiceField(label=_("Language"), choices=_SPEAKS)

    def __init__(self, *args: Any, staff: Staff | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if staff is not None:
            del self.fields["username"]
        self.order_fields(["username", "name_ar", "name_en", "name_zh"])


class PostForm(forms.Form):
    """A role over a scope."""

    role = forms.ChoiceField(label=_("Role"), choices=Post.Role.choices)
    unit = forms.TypedChoiceField(
        label=_("Over a unit and all below it"), coerce=_unit, empty_value=None, required=False
    )
    area = forms.ModelChoiceField(
        label=_("Or over an area"),
        queryset=Area.objects.order_by("code"),
        required=False,
        help_text=_("Neither: the whole centre."),
    )
    until = forms.DateTimeField(
        label=_("Until"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].choices = unit_choices()  # type: ignore[attr-defined]  # a ChoiceField


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
    unit = forms.TypedChoiceField(label=_("Of the unit"), coerce=_unit, empty_value=None, required=False)
    trusted = forms.BooleanField(
        label=_("Trusted: its requests are registered and sent at once where one rule is clear"), required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].choices = unit_choices()  # type: ignore[attr-defined]  # a ChoiceField


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
