"""The pages of lists: a list and its rows, its columns, and views. What they show comes from `paging` and `views`."""

from collections.abc import Iterator, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from wasl.core.cases.models import Kind, State, Urgency
from wasl.core.catalogue import queries as catalogue
from wasl.core.contacts.models import Contact
from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.models import Post, Staff
from wasl.faces.desk import verbs
from wasl.faces.desk.access import CASE_ROLES, desk, is_part
from wasl.faces.desk.fields import Choices, unit_choices
from wasl.faces.desk.lists import columns, views
from wasl.faces.desk.lists.drawn import drawn
from wasl.faces.desk.lists.filters import MARKS, OVER, Filters, due_words, kept
from wasl.faces.desk.lists.listings import HOURS, LISTINGS, Listing
from wasl.faces.desk.lists.paging import ORDERS, Page, Shape, address, page_of, shape_of
from wasl.faces.desk.places import desk_context
from wasl.faces.desk.saved.models import SavedView
from wasl.kernel import clock
from wasl.kernel.names import OWN_NAMES


def listing_of(code: str) -> Listing:
    """The list of that code. Raises Http404."""
    try:
        return LISTINGS[code]
    except KeyError:
        raise Http404 from None


@desk(roles=CASE_ROLES)
def case_list(request: HttpRequest, staff: Staff, code: str) -> HttpResponse:
    """One list: a table with filters, or with `part` only its rows."""
    listing = listing_of(code)
    page = page_of(listing, staff, request.GET)
    several, now = verbs.for_several(staff), clock.now()
    context = {
        "listing": listing,
        "page": page,
        "drawn": drawn(page, now, code=code, ticks=bool(several)),
        "now": now,
        "part_url": request.get_full_path(),
        "several": several,
    }
    if is_part(request):
        return render(request, "desk/_table.html", context)
    view = views.open_view(staff, request.GET, listing)
    return render(
        request,
        "desk/list.html",
        desk_context(
            request,
            staff,
            f"view:{view.pk}" if view else code,
            **context,
            **narrowing(request.GET, page.filters),
            **_around(staff, listing, page, request.GET, view),
        ),
    )


def _around(staff: Staff, listing: Listing, page: Page, query: QueryDict, view: SavedView | None) -> dict[str, Any]:
    held = views.query_of(listing, query, page.shape)
    return {
        "view": view,
        "view_changed": view is not None and view.query != held,
        "may_change_view": view is not None and views.may_change(staff, view),
        "held": held,
        "orders": [(code, order.label, code == page.shape.order) for code, order in ORDERS.items()],
        "other_columns": columns.others(page.columns),
        "may_extract": rights.may(staff, "cases.extract"),
        "printed_by": staff,
        "clear_url": address(query, without=[(name, value) for name, value, _words in page.filters.words()]),
    }


# --- filters ---


def _category_choices() -> Choices:
    book = catalogue.in_force()
    made: Choices = []
    for root in (c for c in book.categories.values() if c.depth == 0):
        made += [(c.code, " " * 3 * c.depth + c.name) for c in book.categories.values() if root.code in c.line]
    return made


class FilterForm(forms.Form):
    """The filters of a list, drawn; several values of one are boxes."""

    def __init__(self, filters: Filters) -> None:
        super().__init__(auto_id="filter-%s", initial={k: v for k, v in vars(filters).items() if v})
        areas = sorted(organisation.areas()[1].values(), key=str)
        boxes: tuple[tuple[str, Any, Any], ...] = (
            ("state", gettext_lazy("State"), [("open", pgettext("cases", "open")), *State.choices]),
            ("area", gettext_lazy("Area"), [(a.code, str(a)) for a in areas]),
            ("unit", gettext_lazy("Unit"), unit_choices(empty=False)),
            ("category", gettext_lazy("Category"), _category_choices()),
            ("kind", gettext_lazy("Kind"), [*Kind.choices]),
            ("urgency", gettext_lazy("Urgency"), [*Urgency.choices]),
            ("mark", gettext_lazy("Marks"), [(code, str(label)) for code, label in MARKS.items()]),
            ("medium", gettext_lazy("Medium"), [*Contact.Medium.choices]),
            ("language", gettext_lazy("Language"), [*OWN_NAMES.items()]),
        )
        self.fields["number"] = forms.CharField(
            label=_("Number"), required=False, widget=forms.TextInput(attrs={"dir": "ltr", "inputmode": "numeric"})
        )
        self.fields["due"] = forms.ChoiceField(label=_("Due"), choices=_due_choices(filters.due), required=False)
        for name, label in (("since", _("Received from")), ("until", _("Received until"))):
            self.fields[name] = forms.DateField(
                label=label, required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
            )
        self.fields["mine"] = forms.BooleanField(
            label=_("Only mine"), required=False, widget=forms.CheckboxInput(attrs={"value": "1"})
        )
        for name, label, choices in boxes:
            self.fields[name] = forms.MultipleChoiceField(
                label=label, choices=choices, required=False, widget=forms.CheckboxSelectMultiple()
            )

    @property
    def boxes(self) -> Iterator[tuple[forms.BoundField, int]]:
        """The filters of several values, with how many are chosen."""
        for bound in self:
            if isinstance(bound.field, forms.MultipleChoiceField):
                yield bound, len(bound.initial or ())

    @property
    def lines(self) -> Iterator[forms.BoundField]:
        """The filters of one value."""
        return (bound for bound in self if not isinstance(bound.field, forms.MultipleChoiceField))


def _due_choices(chosen: str) -> list[tuple[str, str]]:
    hours = sorted({*HOURS, 8, 48, 168, *([int(chosen)] if chosen.isdecimal() else [])})
    return [("", _("any time")), (OVER, _("overdue")), *((str(h), due_words(h)) for h in hours)]


def narrowing(query: QueryDict, filters: Filters) -> dict[str, Any]:
    """The filter form, and a chip for each value that takes it away."""
    chips = [
        {"words": words, "url": address(query, without=[(name, query_value)])}
        for name, value, words in filters.words()
        for query_value in _as_given(query, name, value)
    ]
    return {"filter_form": FilterForm(filters), "chips": chips, "keep": _beside_filters(query)}


def _as_given(query: QueryDict, name: str, value: str) -> Sequence[str]:
    # A single value may have been written in other digits than it was read as.
    given = query.getlist(name)
    return [value] if value in given else given[:1]


def _beside_filters(query: QueryDict) -> list[tuple[str, str]]:
    return [(name, query.get(name, "")) for name in ("view", "cols", "order") if query.get(name)]


@desk(roles=CASE_ROLES)
def side_list(request: HttpRequest, staff: Staff, code: str) -> HttpResponse:
    """The rows of a list beside an open case."""
    listing = listing_of(code)
    page = page_of(listing, staff, request.GET)
    here = request.GET.get("here", "")
    numbers = [row.case.number for row in page.rows]
    place = numbers.index(here) if here in numbers else -1
    after = numbers[place + 1] if place + 1 < len(numbers) else ""
    context = {
        "listing": listing,
        "page": page,
        "now": clock.now(),
        "open": here,
        "next": after,
        "query": kept(request.GET),
    }
    return render(request, "desk/_side.html", context)


# --- columns ---


@desk(roles=CASE_ROLES, methods=("POST",))
def layout(request: HttpRequest, staff: Staff, code: str) -> HttpResponse:
    """Choose columns and order: kept for this person and list; in an open view they go into its address."""
    listing = listing_of(code)
    back = QueryDict(request.POST.get("query", "")[:6000])
    codes = [c for c in request.POST.getlist("cols")[: len(columns.COLUMNS)] if c]
    order = request.POST.get("order", "")
    step, _colon, moved = request.POST.get("do", "").partition(":")
    if step in ("earlier", "later") and moved in codes:
        place = codes.index(moved)
        codes.insert(max(0, place - 1) if step == "earlier" else place + 1, codes.pop(place))
    shape = Shape(columns.chosen(codes), order if order in ORDERS else shape_of(listing, staff, back).order)
    plain = reverse("desk:list", args=[code])
    if views.open_view(staff, back, listing):
        return HttpResponseRedirect(plain + address(back, cols=shape.codes, order=shape.order))
    if step == "usual":
        views.forget_layout(staff, listing)
    else:
        views.keep_layout(staff, listing, shape)
    return HttpResponseRedirect(plain + address(back, cols="", order=""))


# --- views ---


class ViewForm(forms.Form):
    """Name and readers of a view; readers only for who may share."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=60)

    def __init__(self, staff: Staff, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        scope = rights.scopes(staff, "views.share")
        if not scope:
            return
        self.fields["shared"] = forms.ChoiceField(
            label=_("Who sees it"),
            choices=[("", pgettext("view", "only I")), ("1", pgettext("view", "shared"))],
            required=False,
            widget=forms.RadioSelect(),
            help_text=_("Everybody sees through it only the requests that he may see anyway."),
        )
        self.fields["role"] = forms.ChoiceField(
            label=_("With the role"),
            choices=[("", _("every role")), *((v, label) for v, label in Post.Role.choices if v in CASE_ROLES)],
            required=False,
        )
        choices = [
            (str(code), name)
            for code, name in unit_choices(empty=False)
            if scope.centre or any(organisation.unit(str(code)).path.startswith(p) for p in scope.unit_paths)
        ]
        self.fields["unit"] = forms.TypedChoiceField(
            label=_("In the unit and all below it"),
            choices=[*([("", _("every unit"))] if scope.centre else []), *choices],
            coerce=lambda code: organisation.unit(str(code)),
            empty_value=None,
            required=False,
        )

    def sharing(self) -> views.Sharing:
        """With whom, as filled in."""
        given = self.cleaned_data
        return views.Sharing(given.get("shared") == "1", given.get("role", ""), given.get("unit"))


def _form_of(staff: Staff, view: SavedView | None, data: QueryDict | None) -> ViewForm:
    start = (
        {
            "name": view.name,
            "shared": "1" if view.shared else "",
            "role": view.role,
            "unit": view.unit.code if view.unit else "",
        }
        if view
        else {"shared": ""}
    )
    return ViewForm(staff, data, initial=start)


def _one_of(staff: Staff, pk: int) -> SavedView:
    found = views.seen_by(staff).filter(pk=pk).select_related("unit").first()
    if found is None:
        raise Http404
    return found


@desk(roles=CASE_ROLES)
def all_views(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Every view that this person may open, and the one just removed, to take back."""
    found = views.seen_by(staff).select_related("owner", "unit")
    rows = [
        {
            "view": view,
            "url": views.url_of(view),
            "mine": views.may_change(staff, view),
            "words": view_words(view),
        }
        for view in found
    ]
    text = request.GET.get("removed", "")
    removed = (
        SavedView.objects.filter(pk=int(text), owner=staff, removed_at__isnull=False).first()
        if text.isdecimal() and len(text) < 19
        else None
    )
    return render(request, "desk/views.html", desk_context(request, staff, "views", rows=rows, removed=removed))


def view_words(view: SavedView) -> str:
    """What a view holds, in words."""
    said = [words for _name, _value, words in Filters.read(QueryDict(view.query)).words()]
    return " · ".join([str(LISTINGS[view.listing].label), *said])


@desk(roles=CASE_ROLES, methods=("GET", "HEAD", "POST"), optional=True)
def new_view(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Save what a list shows now under a name."""
    return _saving(request, staff, None)


@desk(roles=CASE_ROLES, methods=("GET", "HEAD", "POST"))
def one_view(request: HttpRequest, staff: Staff, pk: int) -> HttpResponse:
    """Change name, readers, or what a view shows."""
    return _saving(request, staff, _one_of(staff, pk))


def _saving(request: HttpRequest, staff: Staff, view: SavedView | None) -> HttpResponse:
    listing = LISTINGS[view.listing] if view else listing_of(request.GET.get("listing", "all"))
    told = QueryDict(view.query) if view and "cols" not in request.GET else request.GET
    query = views.query_of(listing, told, shape_of(listing, staff, told))
    form = _form_of(staff, view, request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            kept_view = views.save(
                listing, by=staff, name=form.cleaned_data["name"], query=query, sharing=form.sharing(), view=view
            )
            messages.success(request, _("“%(name)s” is saved.") % {"name": kept_view.name})
            return HttpResponseRedirect(views.url_of(kept_view))
    context = {
        "form": form,
        "view": view,
        "listing": listing,
        "mine": view is None or views.may_change(staff, view),
        "filters": [words for _name, _value, words in Filters.read(told).words()],
        "columns": shape_of(listing, staff, told).columns,
        "back": views.url_of(view) if view else reverse("desk:list", args=[listing.code]) + f"?{query}",
    }
    return render(request, "desk/view.html", desk_context(request, staff, "views", **context), status=status)


@desk(roles=CASE_ROLES, methods=("POST",))
def remove_view(request: HttpRequest, staff: Staff, pk: int) -> HttpResponse:
    """Take a view away; the next page offers to take that back."""
    view = _one_of(staff, pk)
    views.remove(view, by=staff)
    return HttpResponseRedirect(f"{reverse('desk:views')}?removed={view.pk}")


@desk(roles=CASE_ROLES, methods=("POST",))
def restore_view(request: HttpRequest, staff: Staff, pk: int) -> HttpResponse:
    """Take a removal back."""
    view = views.take_back(pk, by=staff)
    if view is None:
        raise Http404
    messages.success(request, _("“%(name)s” is back.") % {"name": view.name})
    return redirect("desk:views")
