"""The forms of an enquiry and of a data set: from their many fields to the facts that `editing` takes, and back."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from wasl.faces.desk.setup.forms import Named, names_of
from wasl.kernel.names import LANGUAGES, OWN_NAMES
from wasl.services.enquiries import reading, replies
from wasl.services.enquiries.editing import MOST_FIELDS, DataSetFacts, EnquiryFacts
from wasl.services.enquiries.models import DataSet, Enquiry
from wasl.services.enquiries.sources.away import TIMEOUT_S
from wasl.services.texts.making import HOUSE
from wasl.services.texts.models import Client

REPLY_WORDS: Mapping[str, Promise] = {
    "found": pgettext_lazy("reply", "Found"),
    "several": pgettext_lazy("reply", "Several were found"),
    "line": pgettext_lazy("reply", "One line of several"),
    "nothing": pgettext_lazy("reply", "Nothing was found"),
    "refused": pgettext_lazy("reply", "Not for this asker"),
    "away": pgettext_lazy("reply", "The source is away"),
}
_NOTHING = ("", "—")
_CONNECTED = ("owner_column", "pin_column", "timeout_s")


def _line(label: Any, *, most: int = 300, hint: Any = "", required: bool = False) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=most, required=required, help_text=hint, widget=forms.TextInput(attrs={"dir": "ltr"})
    )


def _block(label: Any, *, rows: int, hint: Any = "", most: int = 5000, required: bool = False) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows, "dir": "ltr", "spellcheck": "false"})
    return forms.CharField(label=label, max_length=most, required=required, help_text=hint, widget=widget)


class EnquiryForm(Named):
    """All of an enquiry on one page."""

    code = forms.CharField(
        label=_("Code"), max_length=50, widget=forms.TextInput(attrs={"dir": "ltr"}),
        help_text=_("Commands and other systems name it so, as vehicle-fines."),
    )  # fmt: skip
    who = forms.ChoiceField(label=_("Who may ask"), choices=Enquiry.Who.choices)
    source = forms.ChoiceField(label=_("The answer comes from"), choices=Enquiry.Source.choices)
    data_set = forms.ModelChoiceField(label=_("Data set"), queryset=DataSet.objects.order_by("code"), required=False)
    active = forms.BooleanField(label=_("On: people may ask it"), required=False)
    sql_url = _line(_("Data base"), hint=_("postgresql://user@host:5432/name — the password stands below."))
    sql_statement = _block(
        _("SELECT"),
        rows=4,
        hint=_("What was asked stands in it as %(plate)s, its halves as %(plate_number)s and so on."),
    )
    http_url = _line(_("Address"), hint=_("https://host/path/{{ plate }}"))
    http_method = forms.ChoiceField(label=_("Way"), choices=[("GET", "GET"), ("POST", "POST")], required=False)
    http_body = _block(_("JSON to send with POST"), rows=3)
    http_header = _line(_("Header of the key"), most=60)
    http_rows = _line(_("Path of the rows in the answer"), hint=_("as data.fines; empty: the whole answer"))
    http_columns = _block(_("Columns"), rows=4, hint=_("One on each line: name = path, as amount = fine.amount"))
    secret = forms.CharField(
        label=_("Password or key"), max_length=500, required=False, strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Kept sealed and shown to nobody. Empty: as it is; give it anew when the address changes."),
    )  # fmt: skip
    owner_column = _line(_("Column of the owner's telephone number"), most=60)
    pin_column = _line(_("Column of the PIN"), most=60)
    timeout_s = forms.FloatField(label=_("Waits so many seconds"), required=False, initial=TIMEOUT_S)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for n in range(1, MOST_FIELDS + 1):
            self.fields[f"kind_{n}"] = forms.ChoiceField(
                label=_("Kind"), choices=[_NOTHING, *reading.Kind.choices], required=False
            )
            for language in LANGUAGES:
                self.fields[f"label_{n}_{language}"] = forms.CharField(
                    label=OWN_NAMES[language], max_length=150, required=False, widget=_in(language)
                )
            self.fields[f"example_{n}"] = _line(_("Example"), most=60)
        for kind in replies.KINDS:
            for language in LANGUAGES:
                self.fields[f"{kind}_{language}"] = forms.CharField(
                    label=OWN_NAMES[language], max_length=replies.LONGEST, required=False, widget=_in(language, rows=3)
                )

    def asked(self) -> Iterator[tuple[int, list[forms.BoundField]]]:
        """The fields of what is asked, thing by thing."""
        for n in range(1, MOST_FIELDS + 1):
            names = [f"kind_{n}", *(f"label_{n}_{language}" for language in LANGUAGES), f"example_{n}"]
            yield n, [self[name] for name in names]

    def replies(self) -> Iterator[tuple[Promise, list[forms.BoundField]]]:
        """The fields of each reply, in three languages."""
        for kind in replies.KINDS:
            yield REPLY_WORDS[kind], [self[f"{kind}_{language}"] for language in LANGUAGES]

    def of_sql(self) -> list[forms.BoundField]:
        """The fields of another data base."""
        return [self["sql_url"], self["sql_statement"]]

    def of_http(self) -> list[forms.BoundField]:
        """The fields of another system."""
        return [self[f"http_{name}"] for name in ("url", "method", "body", "header", "rows", "columns")]

    def of_both(self) -> list[forms.BoundField]:
        """The fields of either."""
        return [self[name] for name in ("secret", *_CONNECTED)]

    def facts(self) -> EnquiryFacts:
        """What was given."""
        g = self.cleaned_data
        fields = [
            {
                "kind": g[f"kind_{n}"],
                "labels": {language: g[f"label_{n}_{language}"] for language in LANGUAGES},
                "example": g[f"example_{n}"],
            }
            for n in range(1, MOST_FIELDS + 1)
            if g[f"kind_{n}"]
        ]
        said = {kind: {code: g[f"{kind}_{code}"] for code in LANGUAGES} for kind in replies.KINDS}
        return EnquiryFacts(
            code=g["code"], names=self.names(), fields=fields, who=g["who"], source=g["source"], replies=said,
            data_set=g["data_set"], settings=self._settings(), secret=g["secret"] or None, active=g["active"],
        )  # fmt: skip

    def _settings(self) -> dict[str, Any]:
        g = self.cleaned_data
        both = {name: g[name] for name in _CONNECTED if g[name]}
        if g["source"] == Enquiry.Source.SQL:
            return {"url": g["sql_url"], "statement": g["sql_statement"], **both}
        if g["source"] != Enquiry.Source.HTTP:
            return {}
        lines = [one.partition("=") for one in g["http_columns"].splitlines() if one.strip()]
        columns = {name.strip(): path.strip() for name, _equals, path in lines}
        return {
            "url": g["http_url"], "method": g["http_method"] or "GET", "body": g["http_body"],
            "header": g["http_header"] or "Authorization", "rows": g["http_rows"], "columns": columns, **both,
        }  # fmt: skip


def _in(language: str, rows: int = 0) -> forms.Widget:
    attrs = {"lang": language, "dir": "rtl" if language == "ar" else "ltr"}
    return forms.Textarea(attrs={**attrs, "rows": rows}) if rows else forms.TextInput(attrs=attrs)


def initial_of(row: Enquiry | None) -> dict[str, Any]:
    """What the form of an enquiry begins with."""
    said = row.replies if row else replies.STARTING
    made: dict[str, Any] = {
        f"{kind}_{language}": text for kind, texts in said.items() for language, text in texts.items()
    }
    if row is None:
        return {**made, "http_header": "Authorization"}
    for n, one in enumerate(row.fields, 1):
        made |= {f"kind_{n}": one["kind"], f"example_{n}": one.get("example", "")}
        made |= {f"label_{n}_{language}": one.get("labels", {}).get(language, "") for language in LANGUAGES}
    settings = row.settings
    prefix = "sql" if row.source == Enquiry.Source.SQL else "http"
    made |= {name if name in _CONNECTED else f"{prefix}_{name}": value for name, value in settings.items()}
    if isinstance(columns := settings.get("columns"), dict):
        made["http_columns"] = "\n".join(f"{name} = {path}" for name, path in columns.items())
    return {
        **made, **names_of(row.names), "code": row.code, "who": row.who, "source": row.source,
        "data_set": row.data_set_id, "active": row.active,
    }  # fmt: skip


class TryForm(forms.Form):
    """The test box: what somebody writes, from which number, in which language."""

    words = forms.CharField(
        label=_("What is written after the command"), max_length=200, widget=forms.TextInput(attrs={"dir": "auto"})
    )
    number = _line(_("From the number"), most=30)
    language = forms.ChoiceField(label=_("Language"), choices=[*OWN_NAMES.items()])


class DataSetForm(Named):
    """A data set: what answers show of it, by what a row is found, and what opens it."""

    code = forms.CharField(label=_("Code"), max_length=50, widget=forms.TextInput(attrs={"dir": "ltr"}))
    columns = _block(
        _("Columns that answers may show"), rows=5, hint=_("One on each line, as the file names them."), required=True
    )
    kind_1 = forms.ChoiceField(label=_("A row is found by"), choices=())
    columns_1 = _line(_("in the columns"), hint=_("several with commas: number, letters"), required=True)
    kind_2 = forms.ChoiceField(label=_("and by"), choices=(), required=False)
    columns_2 = _line(_("in the columns"))
    owner_column = _line(
        _("Column of the owner's telephone number"), most=60, hint=_("Kept so that it can be compared, never read.")
    )
    pin_column = _line(_("Column of the PIN"), most=60, hint=_("Kept so that it can be compared, never read."))
    system = forms.ModelChoiceField(
        label=_("System that may replace its rows"), queryset=Client.objects.none(), required=False,
        help_text=_("By the interface, with a key that has this scope."), empty_label=_("none: files only"),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = [choice for choice in reading.Kind.choices if choice[0] != reading.Kind.PIN]
        self.fields["kind_1"].choices = kinds  # type: ignore[attr-defined]  # a ChoiceField
        self.fields["kind_2"].choices = [_NOTHING, *kinds]  # type: ignore[attr-defined]  # as above
        systems = Client.objects.exclude(code=HOUSE).order_by("name")
        self.fields["system"].queryset = systems  # type: ignore[attr-defined]  # a ModelChoiceField
        self.order_fields(["code", "name_ar", "name_en", "name_zh"])

    def facts(self) -> DataSetFacts:
        """What was given."""
        g = self.cleaned_data
        parts = [
            {"kind": g[f"kind_{n}"], "columns": [c.strip() for c in g[f"columns_{n}"].split(",") if c.strip()]}
            for n in (1, 2)
            if g[f"kind_{n}"]
        ]
        columns = [one.strip() for one in g["columns"].splitlines() if one.strip()]
        return DataSetFacts(
            code=g["code"], names=self.names(), columns=columns, key=parts, owner_column=g["owner_column"],
            pin_column=g["pin_column"], system=g["system"],
        )  # fmt: skip


def initial_of_data_set(row: DataSet | None) -> dict[str, Any]:
    """What the form of a data set begins with."""
    if row is None:
        return {}
    made: dict[str, Any] = {
        "code": row.code, **names_of(row.names), "columns": "\n".join(row.columns), "owner_column": row.owner_column,
        "pin_column": row.pin_column, "system": row.system_id,
    }  # fmt: skip
    for n, part in enumerate(row.key, 1):
        made |= {f"kind_{n}": part["kind"], f"columns_{n}": ", ".join(part["columns"])}
    return made


class UploadForm(forms.Form):
    """A file for a data set."""

    file = forms.FileField(label=_("CSV (UTF-8) or XLSX"), widget=forms.FileInput(attrs={"accept": ".csv,.xlsx"}))
    whole = forms.ChoiceField(
        label=_("What becomes of the rows there are"),
        choices=[("all", _("The file replaces all of them")), ("keys", _("Only those it has itself are replaced"))],
        initial="all",
        widget=forms.RadioSelect,
    )
