"""The administrator's pages: units, staff, areas, calendars, client systems, who changed what.

The rule book is `rulebook`.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.contrib import messages
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from wasl.core.cases import journal
from wasl.core.cases.models import DailyRoot, Entry
from wasl.core.organisation import actions, queries
from wasl.core.organisation.models import Area, Audit, Calendar, Client, Post, Staff, Unit
from wasl.faces.desk import setup_forms as forms
from wasl.faces.desk.access import desk
from wasl.faces.desk.places import desk_context
from wasl.faces.desk.story import duration_words
from wasl.kernel import clock, worktime
from wasl.kernel.worktime import Duration

TABS = (
    (
        "units",
        pgettext_lazy("set-up", "Units"),
        "sitemap",
        gettext_lazy("The tree of units, their hours and how they get orders."),
    ),
    ("staff", pgettext_lazy("set-up", "Staff"), "users", gettext_lazy("People, their posts, their accounts.")),
    ("areas", pgettext_lazy("set-up", "Areas"), "map-2", gettext_lazy("Areas of the city as shapes.")),
    (
        "calendars",
        pgettext_lazy("set-up", "Hours"),
        "calendar",
        gettext_lazy("Working calendars: week, Ramadan, holidays."),
    ),
    (
        "catalogue",
        pgettext_lazy("set-up", "Catalogue"),
        "book",
        gettext_lazy("Categories, questions, routes, deadlines, reasons."),
    ),
    ("templates", pgettext_lazy("set-up", "Words"), "template", gettext_lazy("What messages say, in three languages.")),
    ("clients", pgettext_lazy("set-up", "Systems"), "key", gettext_lazy("Other systems and their keys (Open311).")),
    ("audit", pgettext_lazy("set-up", "Changes"), "history", gettext_lazy("Who changed what of all this.")),
    (
        "journal",
        pgettext_lazy("set-up", "Journal"),
        "shield-check",
        gettext_lazy("The proof that nothing was altered."),
    ),
)
RIGHT = "organisation.edit"
FORM = ("GET", "HEAD", "POST")


def draw(request: HttpRequest, staff: Staff, template: str, tab: str, status: int = 200, **more: Any) -> HttpResponse:
    """A page of set-up with its tabs."""
    tabs = [
        {"code": c, "label": label, "icon": icon, "about": about, "url": reverse(f"desk:{c}"), "current": c == tab}
        for c, label, icon, about in TABS
    ]
    return render(
        request,
        f"desk/setup/{template}.html",
        desk_context(
            request, staff, tab if tab in ("messages", "privacy") else "admin", tabs=tabs, now=clock.now(), **more
        ),
        status=status,
    )


def tried(request: HttpRequest, form: Any, do: Callable[[], object], done: str) -> bool:
    """Do it; a refusal goes to the form (or the notices without one). True when it went well."""
    try:
        do()
    except actions.Refused as refused:
        if form is not None:
            form.add_error(None, str(refused))
        else:
            messages.error(request, str(refused))
        return False
    messages.success(request, done)
    return True


def found(model: Any, pk: int) -> Any:
    """The row. Raises Http404."""
    row = model.objects.filter(pk=pk).first()
    if row is None:
        raise Http404
    return row


@desk(right=RIGHT)
def home(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Where set-up begins."""
    return draw(request, staff, "home", "")


# --- units ---


@desk(right=RIGHT)
def units(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The tree."""
    rows = [
        {"unit": u, "depth": range(u.path.count("/") - 2)}
        for u in Unit.objects.select_related("calendar").order_by("path")
    ]
    return draw(request, staff, "units", "units", rows=rows)


@desk(right=RIGHT, methods=FORM)
def unit(request: HttpRequest, staff: Staff, pk: int = 0) -> HttpResponse:
    """One unit, or a new one."""
    held: Unit | None = found(Unit, pk) if pk else None
    start: dict[str, Any] = {"delivery": Unit.Delivery.LIST, "parent": request.GET.get("below", "")}
    if held:
        start = {
            **{name: getattr(held, name) for name in ("code", "kind", "delivery", "mail", "phone")},
            "parent": held.parent.code if held.parent else "",
            "calendar": held.calendar_id,
            **forms.names_of(held.names),
        }
    form = forms.UnitForm(request.POST if request.POST.get("do") == "save" else None, unit=held, initial=start)
    if request.method == "POST":
        done = _unit_done(request, staff, held, form)
        if done is not None:
            return done
    return draw(
        request,
        staff,
        "form",
        "units",
        422 if form.errors else 200,
        form=form,
        row=held,
        heading=held or _("New unit"),
        back="desk:units",
        active=held.active if held else None,
    )


def _unit_done(request: HttpRequest, staff: Staff, held: Unit | None, form: forms.UnitForm) -> HttpResponse | None:
    do = request.POST.get("do")
    if do in ("shut", "open") and held is not None:
        tried(request, None, lambda: actions.set_unit_active(held, by=staff, active=do == "open"), _("Saved."))
        return redirect("desk:unit", held.pk)
    if do != "save" or not form.is_valid():
        return None
    g = form.cleaned_data
    facts = actions.UnitFacts(
        code=g["code"],
        kind=g["kind"],
        names=form.names(),
        parent=g["parent"],
        mail=g["mail"],
        phone=g["phone"],
        calendar=g["calendar"],
        delivery=g["delivery"],
    )
    return (
        redirect("desk:units")
        if tried(request, form, lambda: actions.save_unit(facts, by=staff, unit=held), _("Saved."))
        else None
    )


# --- staff ---


@desk(right=RIGHT)
def people(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Everybody with an account, with posts held now."""
    now = clock.now()
    posts = (
        Post.objects.filter(Q(until__isnull=True) | Q(until__gt=now))
        .select_related("unit", "area", "staff")
        .order_by("role")
    )
    held: dict[int, list[Post]] = {}
    for post in posts:
        held.setdefault(post.staff_id, []).append(post)
    wanted = request.GET.get("q", "")[:60].strip().lower()
    rows = [
        {"staff": s, "posts": held.get(s.pk, [])}
        for s in Staff.objects.order_by("-is_active", "username")
        if not wanted or wanted in f"{s.username} {' '.join(str(n) for n in s.names.values())} {s.email}".lower()
    ]
    return draw(request, staff, "staff", "staff", rows=rows[:500], wanted=wanted)


@desk(right=RIGHT, methods=FORM)
def person(request: HttpRequest, staff: Staff, pk: int = 0) -> HttpResponse:
    """One account with its posts, or a new one."""
    held: Staff | None = found(Staff, pk) if pk else None
    start: dict[str, Any] = {"language": "ar"}
    if held:
        start = {"email": held.email, "phone": held.phone, "language": held.language, **forms.names_of(held.names)}
    do = request.POST.get("do", "")
    form = forms.StaffForm(request.POST if do == "save" else None, staff=held, initial=start)
    post_form = forms.PostForm(request.POST if do == "post" else None)
    link = ""
    if request.method == "POST":
        if do == "link" and held:
            link = request.build_absolute_uri(_password_link(held))
        else:
            done = (
                _account_done(request, staff, held, form)
                if do == "save"
                else _posts_done(request, staff, held, post_form)
            )
            if done is not None:
                return done
    posts = held.posts.select_related("unit", "area").order_by("-since") if held else []
    bad = form.errors or post_form.errors
    return draw(
        request,
        staff,
        "person",
        "staff",
        422 if bad else 200,
        form=form,
        post_form=post_form,
        row=held,
        posts=posts,
        link=link,
        heading=held or _("New account"),
    )


def _password_link(held: Staff) -> str:
    key = f"{user_pk_to_url_str(held)}-{default_token_generator.make_token(held)}"
    uid, _sep, token = key.partition("-")
    return reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": token})


def _account_done(request: HttpRequest, staff: Staff, held: Staff | None, form: forms.StaffForm) -> HttpResponse | None:
    if not form.is_valid():
        return None
    g, made = form.cleaned_data, []
    facts = {"names": form.names(), "email": g["email"], "phone": g["phone"], "language": g["language"]}

    def save() -> None:
        made.append(
            actions.change_staff(held, by=staff, **facts)
            if held
            else actions.make_staff(by=staff, username=g["username"], **facts)
        )

    return redirect("desk:person", made[0].pk) if tried(request, form, save, _("Saved.")) else None


def _posts_done(request: HttpRequest, staff: Staff, held: Staff | None, form: forms.PostForm) -> HttpResponse | None:
    do = request.POST.get("do", "")
    if held is None:
        raise Http404
    if do in ("shut", "open"):
        tried(request, None, lambda: actions.set_staff_active(held, by=staff, active=do == "open"), _("Saved."))
    elif do == "end":
        text = request.POST.get("post", "")
        post = held.posts.filter(pk=int(text)).first() if text.isdecimal() and len(text) < 19 else None
        if post is None:
            raise Http404
        tried(request, None, lambda: actions.end_post(post, by=staff), _("The post has ended."))
    elif do == "post":
        if not form.is_valid():
            return None
        g = form.cleaned_data
        if not tried(
            request,
            form,
            lambda: actions.give_post(held, by=staff, role=g["role"], unit=g["unit"], area=g["area"], until=g["until"]),
            _("The post was given."),
        ):
            return None
    return redirect("desk:person", held.pk)


# --- areas ---


@desk(right=RIGHT, methods=FORM)
def areas(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The areas, and taking in a file of them."""
    form = forms.AreasForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        counts: list[tuple[int, int]] = []
        try:
            counts.append(actions.save_areas(form.cleaned_data["file"], by=staff))
        except actions.Refused as refused:
            form.add_error("file", str(refused))
        else:
            messages.success(
                request,
                _("%(made)s areas are new, %(changed)s were replaced.")
                % {"made": counts[0][0], "changed": counts[0][1]},
            )
            return redirect("desk:areas")
    rows = Area.objects.select_related("parent").order_by("kind", "code").defer("geometry")
    return draw(request, staff, "areas", "areas", 422 if form.errors else 200, form=form, rows=rows)


# --- calendars ---

PREVIEWED = ("4wh", "1wd", "5wd", "15wd")


def _preview(calendar: Calendar) -> list[tuple[str, Any]]:
    value, now = queries.as_value(calendar), clock.now()
    return [(duration_words(text), worktime.add(value, now, d)) for text in PREVIEWED if (d := Duration.parse(text))]


@desk(right=RIGHT)
def calendars(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The working calendars."""
    rows = [
        {
            "calendar": c,
            "units": c.used,
            "week": [(label, forms.windows_text(c.weekly.get(day, []))) for day, label in forms.DAYS],
        }
        for c in Calendar.objects.annotate(used=Count("unit")).order_by("code")
    ]
    return draw(request, staff, "calendars", "calendars", rows=rows)


@desk(right=RIGHT, methods=FORM)
def calendar(request: HttpRequest, staff: Staff, pk: int = 0) -> HttpResponse:
    """One calendar, with what some durations from now would come to; `do=preview` changes nothing."""
    held: Calendar | None = found(Calendar, pk) if pk else None
    form = forms.CalendarForm(request.POST or None, initial=forms.CalendarForm.initial_of(held) if held else None)
    preview = _preview(held) if held else []
    if request.method == "POST" and form.is_valid():
        g = form.cleaned_data
        facts = {
            "code": g["code"], "names": form.names(), "timezone": g["timezone"], "country": g["country"].upper(),
            "weekly": form.week("week"), "ramadan_weekly": form.week("ramadan"), "exceptions": form.exceptions(),
        }  # fmt: skip
        if request.POST.get("do") == "preview":
            trial = Calendar(**facts)
            try:
                actions.check_calendar(trial)
                preview = _preview(trial)
            except (actions.Refused, ValueError) as refused:
                form.add_error(None, str(refused))
        elif tried(
            request,
            form,
            lambda: actions.save_calendar(held, by=staff, **facts),
            _("Saved. Due dates of open requests follow within minutes."),
        ):
            return redirect("desk:calendars")
    return draw(
        request,
        staff,
        "calendar",
        "calendars",
        422 if form.errors else 200,
        form=form,
        row=held,
        preview=preview,
        heading=held or _("New calendar"),
    )


# --- client systems ---


@desk(right="clients.edit", methods=FORM)
def clients(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Systems with a key; a new key is shown once, here."""
    do = request.POST.get("do", "")
    form = forms.ClientForm(request.POST if do == "make" else None)
    key = ""
    if do == "make" and form.is_valid():
        g, made = form.cleaned_data, []
        if tried(
            request,
            form,
            lambda: made.append(actions.make_client(by=staff, name=g["name"], unit=g["unit"], trusted=g["trusted"])),
            _("Made."),
        ):
            key, form = made[0][1], forms.ClientForm()
    elif do in ("shut", "open"):
        text = request.POST.get("client", "")
        client = found(Client, int(text)) if text.isdecimal() and len(text) < 19 else None
        if client is None:
            raise Http404
        tried(request, None, lambda: actions.set_client_active(client, by=staff, active=do == "open"), _("Saved."))
        return redirect("desk:clients")
    rows = Client.objects.select_related("unit").order_by("-active", "name")
    return draw(request, staff, "clients", "clients", 422 if form.errors else 200, form=form, rows=rows, key=key)


# --- proof ---


@desk(right=RIGHT)
def audit(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Who changed what, the latest first."""
    rows = Audit.objects.select_related("by").order_by("-at", "-pk")
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) < 19:
        rows = rows.filter(pk__lt=int(before))
    page = list(rows[:101])
    older = f"?before={page[99].pk}" if len(page) > 100 else ""
    return draw(request, staff, "audit", "audit", rows=page[:100], older=older)


@desk(right=RIGHT, methods=FORM)
def proof(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Daily roots, and proving the whole journal now."""
    proved = journal.verify() if request.method == "POST" else None
    day = clock.now() - timedelta(days=1)
    context: dict[str, Any] = {
        "proved": proved,
        "roots": DailyRoot.objects.order_by("-day")[:60],
        "lately": Entry.objects.filter(at__gte=day).count(),
    }
    return draw(request, staff, "journal", "journal", **context)
