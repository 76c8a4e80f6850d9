"""The agent's form: contact, person, what, where, kind, and answer at once or register, on one page (E2, E3).

While the agent types, the page beside the form says who this may be, what it may be, which unit would get it and by
when, and what is open nearby; it never touches what is being typed.
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.db import transaction
from django.forms.utils import ErrorDict
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from wasl.core.cases import actions, clocks, queries, routing
from wasl.core.cases.change import NotAllowed
from wasl.core.cases.intake import Receipt, Report, classify
from wasl.core.cases.models import OPEN_STATES, Case, Kind, Urgency
from wasl.core.catalogue import queries as catalogue
from wasl.core.catalogue.book import Question
from wasl.core.catalogue.suggest import suggest
from wasl.core.contacts.models import Contact
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Area, Staff, Unit
from wasl.core.people import actions as people
from wasl.core.people.models import Person
from wasl.faces.desk import fields, lists, story
from wasl.faces.desk.access import desk
from wasl.faces.desk.pages import case_of
from wasl.faces.desk.places import desk_context
from wasl.kernel import clock, seal
from wasl.kernel.digits import to_ascii_digits
from wasl.kernel.geo import distance_m
from wasl.kernel.names import code_of, local

M = Contact.Medium
MEDIA = (M.PHONE, M.VISIT, M.LETTER, M.FAX, M.MAIL, M.CHAT, M.SMS, M.UNIT, M.INSPECTION, M.MEDIA, M.LEADER)
NEARBY_M = 500
_LANGUAGES = [("ar", "العربية"), ("en", "English"), ("zh", "中文")]


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
        widget=forms.TextInput(attrs={"inputmode": "tel", "dir": "ltr", "autocomplete": "off"}),
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
    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=_LANGUAGES)
    channel = forms.ChoiceField(
        label=gettext_lazy("Reply by"), choices=Person.Channel.choices, initial=Person.Channel.PHONE
    )
    body = forms.CharField(
        label=gettext_lazy("What is it about?"), max_length=10_000, widget=forms.Textarea(attrs={"rows": 4})
    )
    category = forms.ChoiceField(label=gettext_lazy("Category"), required=False)
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"),
        choices=[("", gettext_lazy("as usual for the category")), *Kind.choices],
        required=False,
    )
    urgency = forms.ChoiceField(
        label=gettext_lazy("Urgency"),
        choices=[("", gettext_lazy("as usual for the category")), *Urgency.choices],
        required=False,
    )
    address = forms.CharField(label=gettext_lazy("Where? Address or place in words"), max_length=300, required=False)
    area = forms.TypedChoiceField(label=gettext_lazy("Area"), coerce=_area, empty_value=None, required=False)
    lat = forms.FloatField(required=False, min_value=-90, max_value=90, widget=forms.HiddenInput)
    lon = forms.FloatField(required=False, min_value=-180, max_value=180, widget=forms.HiddenInput)
    against = forms.TypedChoiceField(label=gettext_lazy("About a unit"), coerce=_unit, empty_value=None, required=False)
    answer = forms.CharField(
        label=gettext_lazy("Answer at once"),
        max_length=10_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
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
        self.questions: list[Question] = []
        given = str(self.data.get("category", "")) if self.is_bound else ""
        book = catalogue.in_force()
        if given in book.categories:
            self.questions = list(book.form_of(given))
            for question in self.questions:
                self.fields[f"q_{question.code}"] = question_field(question)

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


def _place(lat: float | None, lon: float | None) -> tuple[float, float] | None:
    return (lat, lon) if lat is not None and lon is not None else None


@desk(right="case.received", methods=("GET", "HEAD", "POST"))
def report(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The form; on POST the case is filed, then answered or sent where that was asked for."""
    if request.method != "POST":
        form = ReportForm(initial={"key": secrets.token_hex(12), "language": code_of(get_language())})
        return _form(request, staff, form)
    form = ReportForm(request.POST, request.FILES)
    do = request.POST.get("do", "register")
    if form.is_valid() and not form.cleaned_data["category"] and do == "send":
        form.add_error("category", _("Choose a category first."))
    if form.is_valid() and do == "answer" and not form.cleaned_data["answer"].strip():
        form.add_error("answer", _("Write the answer that you gave."))
    if not form.is_valid():
        return _form(request, staff, form, status=422)
    try:
        receipt = _file(form, do, staff)
    except NotAllowed as refused:
        form.add_error(None, str(refused))
        return _form(request, staff, form, status=422)
    filed = [n for n in request.session.get("filed", []) if n != receipt.case.number][-19:]
    request.session["filed"] = [*filed, receipt.case.number]
    return redirect("desk:filed", receipt.case.number)


def _form(request: HttpRequest, staff: Staff, form: ReportForm, status: int = 200) -> HttpResponse:
    more = _beside(form.data if form.is_bound else {}, staff)
    context = desk_context(request, staff, "report", form=form, panes="thing context", **more)
    return render(request, "desk/report.html", context, status=status)


def _file(form: ReportForm, do: str, staff: Staff) -> Receipt:
    g = form.cleaned_data
    made = Report(
        medium=g["medium"],
        body=g["body"],
        category=g["category"],
        kind=g["kind"],
        urgency=g["urgency"],
        reach=people.Reach(
            name=g["name"],
            phone=to_ascii_digits(g["phone"]),
            mail=g["mail"],
            kind=g["person_kind"],
            language=g["language"],
            channel=g["channel"],
            source=g["medium"],
        ),
        place=_place(g["lat"], g["lon"]),
        address=g["address"],
        area=g["area"],
        answers=form.answers(),
        against=g["against"],
        attachments=g["files"],
        idempotency_key=g["key"] or None,
        source=g["source"],
    )
    with transaction.atomic():
        receipt = actions.file_report(made, by=staff)
        if receipt.repeated:
            return receipt
        if do == "answer":
            actions.answer(receipt.case, by=staff, text=g["answer"])
        elif do == "send":
            actions.dispatch(receipt.case, by=staff)
    return receipt


def _point(lat: str, lon: str) -> tuple[float, float] | None:
    """The point typed so far, if it is one on the globe."""
    try:
        point = float(lat), float(lon)
    except ValueError:
        return None
    return point if abs(point[0]) <= 90 and abs(point[1]) <= 180 else None


def _beside(given: Mapping[str, Any], staff: Staff) -> dict[str, Any]:
    """What stands beside the form, worked out from whatever has been typed so far; wrong input gives nothing."""
    book = catalogue.in_force()
    text = given.get("body", "")[:4000]
    chosen = given.get("category", "")
    category = book.categories.get(chosen)
    point = _point(given.get("lat", ""), given.get("lon", ""))
    area = organisation.areas()[1].get(given.get("area", ""))
    place = routing.locate(point[1], point[0], area) if point else routing.locate(None, None, area)
    beside: dict[str, Any] = {
        "suggestions": [s.category for s in suggest(book, text, limit=5) if s.category.code != chosen]
        if text.strip()
        else [],
        "category": category,
        "script": local(category.script) if category else "",
        "standard": local(category.standard) if category else "",
        "place": place,
        "outside": point is not None and place.area is None,
        "now": clock.now(),
        **_known(given, staff),
        "near": _near(chosen, place, point, staff) if category else [],
    }
    if category:
        beside |= _forecast(given, chosen, place)
    return beside


def _known(given: Mapping[str, Any], staff: Staff) -> dict[str, Any]:
    reach = people.Reach(phone=to_ascii_digits(given.get("phone", "")[:40]), mail=given.get("mail", "")[:200])
    addresses = reach.addresses()
    person = people.known(addresses) if addresses else None
    if person is None:
        return {"person": None, "reachable": bool(addresses)}
    cases = (
        queries.visible_to(staff).filter(requester=person).select_related("unit", "area").order_by("-received_at")[:5]
    )
    return {"person": person, "earlier": lists.rows_of(list(cases)), "reachable": True}


def _forecast(given: Mapping[str, Any], code: str, place: routing.Place) -> dict[str, Any]:
    book, now = catalogue.in_force(), clock.now()
    try:
        against = organisation.unit(given.get("against", ""))
    except LookupError:
        against = None
    decision = routing.route(book, code, place, now, against=against)
    kind = given.get("kind", "") if given.get("kind", "") in Kind.values else ""
    urgency = given.get("urgency", "") if given.get("urgency", "") in Urgency.values else ""
    known = classify(book, code, kind, urgency)
    rule = book.deadline(code, known["kind"], known["urgency"])
    unit = decision.unit
    calendar = organisation.calendar_of_unit(unit)
    due = clocks.compute({"start": now.isoformat()}, rule, calendar)
    return {"decision": decision, "why": story.route_words(decision.facts()), "due": due}


def _near(
    code: str, place: routing.Place, point: tuple[float, float] | None, staff: Staff
) -> list[tuple[lists.Row, int | None]]:
    cases = queries.visible_to(staff).filter(category=code, state__in=OPEN_STATES, head__isnull=True)
    if point is not None:
        lat, lon = point
        reach = NEARBY_M / 90_000
        cases = cases.filter(lat__range=(lat - reach, lat + reach), lon__range=(lon - reach, lon + reach))
        found = [
            (c, round(distance_m((lon, lat), (c.lon or 0.0, c.lat or 0.0))))
            for c in cases.select_related("unit", "area")[:50]
        ]
        chosen: Sequence[tuple[Case, int | None]] = [
            (c, d) for c, d in sorted(found, key=lambda pair: pair[1]) if d <= NEARBY_M
        ][:5]
    elif place.area is not None:
        chosen = [
            (c, None) for c in cases.filter(area=place.area).select_related("unit", "area").order_by("-received_at")[:5]
        ]
    else:
        return []
    rows = lists.rows_of([c for c, _distance in chosen])
    return [(row, distance) for row, (_case, distance) in zip(rows, chosen, strict=True)]


@desk(right="case.received", methods=("POST",))
def beside(request: HttpRequest, staff: Staff) -> HttpResponse:
    """What stands beside the form, asked for while typing."""
    return render(request, "desk/_beside.html", _beside(request.POST, staff))


@desk(right="case.received", methods=("POST",))
def class_part(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The part of the form that depends on the category, for the category chosen (`pick`, or the one in the form)."""
    given = request.POST.copy()
    if pick := given.get("pick", ""):
        given["category"] = pick
    form = ReportForm(given)
    form.complain_of_nothing()
    response = render(request, "desk/_class.html", {"form": form})
    response.headers["HX-Trigger-After-Settle"] = "classed"
    return response


@desk(right="case.received")
def pick_map(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The map to choose a place on, fetched when it is opened."""
    return render(request, "desk/_pick_map.html")


@desk(right="case.received")
def filed(request: HttpRequest, staff: Staff, number: str) -> HttpResponse:
    """What to tell the caller: number, PIN, who, by when. Shown only to the one who filed it, in this session."""
    if number not in request.session.get("filed", []):
        raise Http404
    case = case_of(staff, number)
    first = case.entries.get(seq=1)
    context = {
        "case": case,
        "pin": seal.pin_of(case.number, case.pin_generation),
        "hash": bytes(first.hash).hex(),
        "status": queries.status_sentence(case),
        "what": lists.category_name(case),
        "now": clock.now(),
    }
    return render(request, "desk/filed.html", desk_context(request, staff, "report", panes="thing", **context))
