"""The fields that verbs ask for: units, categories, reasons, other cases, files. What is done with them is `verbs`."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from wasl.core.cases import queries
from wasl.core.cases.models import Case, Kind, Severity, Urgency, WorkOrder
from wasl.core.catalogue import queries as catalogue
from wasl.core.contacts import actions as contacts
from wasl.core.contacts.models import Attachment, Contact
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Staff, Unit
from wasl.faces.desk.story import duration_words
from wasl.kernel import clock, media
from wasl.kernel.digits import to_ascii_digits

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise  # what django-stubs calls a string translated later

Words: TypeAlias = "str | _StrPromise"
_UNIT, _ASSISTING, _REASON, _FILES = _("Unit"), _("Assisting units"), _("Reason"), _("Photos and files")


@dataclass(frozen=True)
class Situation:
    """Who stands before which case, and before which order for a verb on an order."""

    staff: Staff
    case: Case
    order: WorkOrder | None = None


Ask = Callable[[Situation], forms.Field]
Choices = list[tuple[str, str] | tuple[str, list[tuple[str, str]]]]


def unit_choices(*, under: Unit | None = None, without: Iterable[int] = (), empty: bool = True) -> Choices:
    """Active units as a tree, by code; only those below `under` where it is given."""
    left_out = set(without)
    units = sorted(
        (
            u
            for u in organisation.units().values()
            if u.active and u.pk not in left_out and (under is None or u.lies_under(under))
        ),
        key=lambda u: u.path,
    )
    depth = {u.pk: u.path.count("/") - 2 for u in units}
    made: Choices = [(u.code, " " * 2 * depth[u.pk] + str(u)) for u in units]
    return [("", "—"), *made] if empty else made


def category_choices(chosen: str = "") -> Choices:
    """The categories that a case can be given, grouped by subject."""
    book = catalogue.in_force()
    groups: dict[str, list[tuple[str, str]]] = {}
    for category in book.leaves:
        root = book.categories[category.line[0]]
        groups.setdefault(root.name, []).append((category.code, category.name))
    made: Choices = [*groups.items()]
    if chosen and chosen not in book.categories:
        made.insert(0, (chosen, chosen))
    return [("", "—"), *made]


def _unit(code: str) -> Unit:
    try:
        return organisation.unit(code)
    except LookupError as error:
        raise ValueError(str(error)) from error


def unit(
    label: Words = _UNIT, *, required: bool = True, proposed: bool = False, hint: Words = "", below: bool = False
) -> Ask:
    """One unit; `proposed` starts with the case's own, `below` offers only units under that of the order."""

    def ask(now: Situation) -> forms.Field:
        own = now.order.unit if now.order else None
        choices = unit_choices(under=own if below else None, without=[own.pk] if own else [])
        start = now.case.unit.code if proposed and now.case.unit else ""
        return forms.TypedChoiceField(
            label=label,
            choices=choices,
            coerce=_unit,
            empty_value=None,
            required=required,
            initial=start,
            help_text=hint,
        )

    return ask


def units(label: Words = _ASSISTING) -> Ask:
    """Any number of units."""

    def ask(now: Situation) -> forms.Field:
        return forms.TypedMultipleChoiceField(
            label=label,
            choices=unit_choices(empty=False),
            coerce=_unit,
            required=False,
            widget=forms.SelectMultiple(attrs={"size": 4}),
        )

    return ask


def category(*, required: bool = True) -> Ask:
    """A category of the catalogue in force."""

    def ask(now: Situation) -> forms.Field:
        return forms.ChoiceField(
            label=_("Category"), choices=category_choices(), required=required, initial=now.case.category
        )

    return ask


def kind(now: Situation) -> forms.Field:
    """What the citizen wants; empty follows the category."""
    return forms.ChoiceField(
        label=_("Kind"),
        choices=[("", _("as usual for the category")), *Kind.choices],
        required=False,
        initial=now.case.kind,
    )


def urgency(now: Situation) -> forms.Field:
    """How urgent; empty follows the category."""
    start = now.case.urgency if now.case.category else ""
    return forms.ChoiceField(
        label=_("Urgency"),
        choices=[("", _("as usual for the category")), *Urgency.choices],
        required=False,
        initial=start,
    )


def against(now: Situation) -> forms.Field:
    """The unit complained of."""
    return forms.TypedChoiceField(
        label=_("About a unit"),
        choices=unit_choices(),
        coerce=_unit,
        empty_value=None,
        required=False,
        initial=now.case.against.code if now.case.against else "",
        help_text=_("Only where the request is about a unit itself; it will not get it."),
    )


def text(label: Words, *, required: bool = True, rows: int = 3, hint: Words = "", least: int = 0) -> Ask:
    """Words."""

    def ask(now: Situation) -> forms.Field:
        return forms.CharField(
            label=label, required=required, help_text=hint, max_length=10_000, min_length=least or None,
            widget=forms.Textarea(attrs={"rows": rows}),
        )  # fmt: skip

    return ask


def reason_choices(listed: str, edition: int | None = None) -> list[tuple[str, str]]:
    """The listed reasons of this edition, or of the one in force where it has none, by code."""
    book = catalogue.in_force()
    found = (catalogue.of_number(edition).reasons_of(listed) if edition else []) or book.reasons_of(listed)
    return [("", "—"), *((r.code, r.name) for r in found)]


def reason(listed: str, label: Words = _REASON, *, required: bool = True) -> Ask:
    """One of the listed reasons."""

    def ask(now: Situation) -> forms.Field:
        start = now.case.analysis.get(listed, "")
        return forms.ChoiceField(
            label=label, choices=reason_choices(listed, now.case.edition), required=required, initial=start
        )

    return ask


def severity(now: Situation) -> forms.Field:
    """How bad it is for those concerned."""
    return forms.ChoiceField(
        label=_("Severity"),
        choices=[("", "—"), *Severity.choices],
        required=False,
        initial=now.case.analysis.get("severity", ""),
    )


def found(name: str, label: Words) -> Ask:
    """One box of the analysis, as it was ticked last."""
    return lambda now: forms.BooleanField(label=label, required=False, initial=now.case.analysis.get(name, False))


def whom(now: Situation) -> forms.Field:
    """The unit that has the case, or the centre."""
    has = next((o.unit for o in queries.orders_of(now.case) if o.role == "lead" and o.ended_at is None), None)
    choices = [*([(has.code, str(has))] if has else []), ("", _("the centre"))]
    return forms.TypedChoiceField(
        label=_("Whom"),
        choices=choices,
        coerce=_unit,
        empty_value=None,
        required=False,
        initial=has.code if has else "",
        widget=forms.RadioSelect(),
    )


def inquiry(now: Situation) -> forms.Field:
    """Which of the leaders' questions that wait for an answer."""
    told = {
        e: d for e in queries.story(now.case) if (d := queries.data_of(e)).get("inquiry") and e.verb == "case.inquired"
    }
    words = dict(now.case.remarks.values_list("pk", "body"))
    waiting = {one["id"] for one in now.case.inquiries}
    choices = [(str(d["inquiry"]), words.get(d.get("remark", 0), "")) for d in told.values() if d["inquiry"] in waiting]
    return forms.TypedChoiceField(
        label=_("Question"),
        choices=choices,
        coerce=int,
        initial=choices[0][0] if choices else None,
        widget=forms.RadioSelect(),
    )


def choice(label: Words, choices: Sequence[tuple[str, Words]], *, radio: bool = True, initial: str = "") -> Ask:
    """One of a few; where one of them is empty, none need be chosen."""

    def ask(now: Situation) -> forms.Field:
        return forms.ChoiceField(
            label=label,
            choices=list(choices),
            required=all(value for value, _label in choices),
            initial=initial or None,
            widget=forms.RadioSelect() if radio else forms.Select(),
        )

    return ask


def medium(now: Situation) -> forms.Field:
    """The medium of a contact with the citizen."""
    found = [
        (m.value, m.label)
        for m in (Contact.Medium.PHONE, Contact.Medium.VISIT, Contact.Medium.MAIL, Contact.Medium.SMS)
    ]
    return forms.ChoiceField(label=_("By"), choices=found)


def reached(now: Situation) -> forms.Field:
    """Whether he was reached."""
    return forms.TypedChoiceField(
        label=_("Was the citizen reached?"),
        choices=[("yes", _("Yes")), ("no", _("No"))],
        coerce=lambda v: v == "yes",
        widget=forms.RadioSelect(),
    )


DURATIONS = ("4wh", "1wd", "2wd", "3wd", "5wd", "10wd")


def duration(label: Words, *, required: bool = True) -> Ask:
    """How much longer."""

    def ask(now: Situation) -> forms.Field:
        asked = now.order.extension_asked if now.order else ""
        values = list(dict.fromkeys([*([asked] if asked else []), *DURATIONS]))
        return forms.ChoiceField(
            label=label, choices=[(v, duration_words(v)) for v in values], required=required, initial=asked or "2wd"
        )

    return ask


def until(now: Situation) -> forms.Field:
    """An instant to come, in local time."""
    start = timezone.localtime(clock.now()) + timedelta(days=1)
    return forms.DateTimeField(
        label=_("Until"), initial=start.replace(hour=14, minute=0, second=0, microsecond=0),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )  # fmt: skip


class OtherCase(forms.CharField):
    """Another case by its acceptance number, as people write it; only one that the person may see."""

    def __init__(self, staff: Staff, **more: Any) -> None:
        super().__init__(max_length=60, **more)
        self.staff = staff

    def clean(self, value: Any) -> Any:
        """The case. Raises ValidationError when there is none that this person may see."""
        given = super().clean(value)
        found = queries.by_number(to_ascii_digits(given))
        if found is None or not queries.visible_to(self.staff).filter(pk=found.pk).exists():
            raise forms.ValidationError(_("There is no such request, or you may not see it."))
        return found


def other_case(label: Words) -> Ask:
    """The number of another case."""
    return lambda now: OtherCase(now.staff, label=label)


class ManyFilesInput(forms.ClearableFileInput):
    """The browser's own choice of files, several at once; a phone offers the camera."""

    allow_multiple_selected = True


class ManyFiles(forms.FileField):
    """Any number of files, each taken in by the one media pipeline; gives unsaved attachments."""

    widget = ManyFilesInput

    def clean(self, data: Any, initial: Any = None) -> list[Attachment]:
        """The attachments. Raises ValidationError with the pipeline's sentence, the file named."""
        given: list[UploadedFile[Any]] = [f for f in (data if isinstance(data, list | tuple) else [data]) if f]
        if len(given) > (most := contacts.most_files()):
            raise forms.ValidationError(_("At most %(most)s files at once.") % {"most": most})
        kept: list[Attachment] = []
        for file in given:
            try:
                kept.append(contacts.keep(file.read(), file.name or "file"))
            except media.MediaRefused as refused:
                raise forms.ValidationError(f"{file.name}: {refused}") from refused
        return kept


def files(label: Words = _FILES, *, camera: bool = False) -> Ask:
    """Photos and files; `camera`: a telephone opens its camera at once."""
    taken = {"accept": "image/*", "capture": "environment", "class": "d-camera"}
    kept = {"accept": "image/*,application/pdf,audio/*,video/*,text/plain"}

    def ask(now: Situation) -> forms.Field:
        widget = ManyFilesInput(attrs={**(taken if camera else kept), "multiple": True})
        return ManyFiles(label=label, required=False, widget=widget)

    return ask


MARKS: tuple[tuple[str, Words], ...] = (
    ("emergency", _("Emergency")),
    ("confidential", _("Confidential")),
    ("supervised", _("Under supervision")),
    ("brief", _("To be reported to the leaders")),
)


class Position(forms.CharField):
    """Where a telephone says it is, "latitude,longitude,accuracy"; gives the three numbers, or nothing."""

    def clean(self, value: Any) -> Any:
        """Degrees WGS 84 and metres. Raises ValidationError for what is no place on the globe."""
        given = super().clean(value)
        if not given:
            return None
        try:
            lat, lon, accuracy_m = (float(part) for part in given.split(","))
        except ValueError:
            lat, lon, accuracy_m = 91.0, 0.0, 0.0
        if not (abs(lat) <= 90 and abs(lon) <= 180 and 0 <= accuracy_m <= 1e6):
            raise forms.ValidationError(_("This is no position. Take it again, or send the record without it."))
        return lat, lon, accuracy_m


def position(now: Situation) -> forms.Field:
    """Where the person stands; filled in by a button, where the browser can tell."""
    return Position(
        label=_("Position"),
        required=False,
        max_length=60,
        widget=forms.TextInput(
            attrs={
                "data-position": _("Take my position"),
                "data-position-wait": _("Looking for the position…"),
                "data-position-none": _("The position could not be found; the record can be sent without it."),
                "readonly": True,
                "dir": "ltr",
            }
        ),
    )


def visited_at(now: Situation) -> forms.Field:
    """When somebody was there, in local time; now, unless it is recorded later."""
    start = timezone.localtime(clock.now()).replace(second=0, microsecond=0)
    return forms.DateTimeField(
        label=_("When"), required=False, initial=start,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )  # fmt: skip


def flags(now: Situation) -> forms.Field:
    """The marks of a case."""
    return forms.MultipleChoiceField(
        label=_("Marks"), choices=list(MARKS), required=False, widget=forms.CheckboxSelectMultiple(),
        initial=[name for name, _label in MARKS if getattr(now.case, name)],
    )  # fmt: skip


def marks(label: Words) -> Ask:
    """Some of the marks, none chosen yet."""
    return lambda now: forms.MultipleChoiceField(
        label=label, choices=list(MARKS), required=False, widget=forms.CheckboxSelectMultiple()
    )


def yes(label: Words) -> Ask:
    """One box."""
    return lambda now: forms.BooleanField(label=label, required=False)
