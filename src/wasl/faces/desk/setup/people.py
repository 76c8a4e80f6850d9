"""Accounts of staff: posts, the first link, sessions, the lock, the second factor, leaving; and what waits for a second
administrator."""

from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from wasl.core.cases import handover
from wasl.core.organisation import actions, queries, rights, signin
from wasl.core.organisation.actions.posts import may_decide
from wasl.core.organisation.models import Audit, Post, Proposal, Staff
from wasl.faces.desk.access import desk
from wasl.faces.desk.setup import forms
from wasl.faces.desk.setup.page import FORM, RIGHT, draw, found, number, tried, unit_by_code
from wasl.faces.desk.setup.told import changes_of
from wasl.faces.frame.forms import sought
from wasl.kernel import clock
from wasl.services.messages import actions as outbox


@desk(right=RIGHT)
def people(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Everybody whose account this administrator keeps, with posts held now."""
    held: dict[int, list[Post]] = {}
    for post in rights.current_posts().select_related("unit", "area").order_by("role"):
        held.setdefault(post.staff_id, []).append(post)
    wanted = sought(request, 60).lower()
    only = request.GET.get("only", "")
    centre = rights.scopes(staff, RIGHT).centre
    rows = [
        {"staff": s, "posts": held.get(s.pk, []), "locked": signin.is_locked(s)}
        for s in Staff.objects.select_related("unit").order_by("-is_active", "username")
        if (not wanted or wanted in f"{s.username} {' '.join(str(n) for n in s.names.values())} {s.email}".lower())
        and _is(only, s, held)
        and (centre or rights.keeps(staff, s))
    ]
    chips = [("", _("all")), ("locked", _("locked")), ("new", _("never signed in")), ("idle", _("without a post"))]
    return draw(
        request, staff, "staff", "staff", rows=rows[:500], count=len(rows), wanted=wanted, only=only, chips=chips,
        alone_admin=rights.first_setup(staff),
    )  # fmt: skip


def _is(only: str, staff: Staff, held: dict[int, list[Post]]) -> bool:
    if only == "locked":
        return signin.is_locked(staff)
    if only == "new":
        return staff.is_active and staff.last_login is None
    return staff.is_active and not held.get(staff.pk) if only == "idle" else True


@desk(right=RIGHT, methods=FORM)
def person(request: HttpRequest, staff: Staff, pk: int = 0) -> HttpResponse:
    """One account with its posts, or a new one."""
    held: Staff | None = found(Staff, pk) if pk else None
    if held is not None and not rights.keeps(staff, held):
        raise rights.Forbidden(_("This account belongs to another administrator."))
    start: dict[str, Any] = {"language": "ar", "unit": request.GET.get("unit", "")}
    if held:
        home = held.unit.code if held.unit else ""
        start = {"email": held.email, "phone": held.phone, "language": held.language, "unit": home}
        start |= forms.names_of(held.names)
    do = request.POST.get("do", "")
    form = forms.StaffForm(request.POST if do == "save" else None, staff=held, by=staff, initial=start)
    post_form = forms.PostForm(request.POST if do == "post" else None, by=staff)
    leave_form = forms.LeaveForm(request.POST if do == "shut" else None, staff=held) if held else None
    link = ""
    if request.method == "POST":
        if do == "link" and held:
            link = _hand_link(request, staff, held)
        else:
            done = (
                _account_done(request, staff, held, form)
                if do == "save"
                else _held_done(request, staff, found(Staff, pk), post_form, leave_form)
            )
            if done is not None:
                return done
    return _draw_person(request, staff, held, form=form, post_form=post_form, leave_form=leave_form, link=link)


def _draw_person(
    request: HttpRequest, staff: Staff, held: Staff | None, *, form: Any, post_form: Any, leave_form: Any, link: str
) -> HttpResponse:
    more: dict[str, Any] = {}
    if held is not None:
        more = {
            "posts": held.posts.select_related("unit", "area", "given_by", "agreed_by").order_by("-since"),
            "asked": held.proposals.filter(agreed__isnull=True).select_related("unit", "area", "asked_by"),
            "sessions": signin.sessions_of(held, request.session.session_key),
            "factor": signin.has_second_factor(held),
            "factor_needed": bool(rights.roles_of(held) & set(queries.the_house().second_factor)),
            "locked": signin.is_locked(held),
            "open": handover.open_with(held),
            "changes": changes_of(
                Audit.objects.filter(
                    Q(kind="staff", row=held.pk)
                    | Q(kind="post", row__in=held.posts.values("pk"))
                    | Q(kind="proposal", row__in=held.proposals.values("pk"))
                )
            ),
            "leave_form": leave_form,
        }
    bad = form.errors or post_form.errors
    return draw(
        request, staff, "person", "staff", 422 if bad else 200, form=form, post_form=post_form, row=held, link=link,
        heading=held or _("New account"), alone_admin=rights.first_setup(staff), **more,
    )  # fmt: skip


def _hand_link(request: HttpRequest, staff: Staff, held: Staff) -> str:
    """By mail where there is an address; else it is shown, once, to be handed on."""
    if not tried(request, None, lambda: actions.hand_link(held, by=staff), ""):
        return ""
    if held.email:
        outbox.invite(held)
        messages.success(request, _("The link is on its way to %(mail)s.") % {"mail": held.email})
        return ""
    return request.build_absolute_uri(signin.password_link(held))


def _account_done(request: HttpRequest, staff: Staff, held: Staff | None, form: forms.StaffForm) -> HttpResponse | None:
    if not form.is_valid():
        return None
    g, made = form.cleaned_data, []
    facts = {
        "names": form.names(), "email": g["email"], "phone": g["phone"], "language": g["language"],
        "unit": unit_by_code(g["unit"]),
    }  # fmt: skip

    def save() -> None:
        made.append(
            actions.change_staff(held, by=staff, **facts)
            if held
            else actions.make_staff(by=staff, username=g["username"], **facts)
        )

    return redirect("desk:person", made[0].pk) if tried(request, form, save, _("Saved.")) else None


def _held_done(
    request: HttpRequest, staff: Staff, held: Staff, form: forms.PostForm, leave_form: Any
) -> HttpResponse | None:
    do = request.POST.get("do", "")
    if do == "open":
        tried(request, None, lambda: actions.set_staff_active(held, by=staff, active=True), _("Saved."))
    elif do == "shut":
        to = leave_form.cleaned_data["to"] if leave_form.is_valid() else None
        tried(
            request,
            None,
            lambda: actions.set_staff_active(
                held, by=staff, active=False, hand_over=lambda leaver, by: handover.hand_over(leaver, to=to, by=by)
            ),
            _("The account is shut. What was open has been passed on."),
        )
    elif do == "unlock":
        tried(request, None, lambda: actions.unlock(held, by=staff), _("Unlocked."))
    elif do == "sessions":
        which = number(request.POST.get("session", "")) or None
        tried(request, None, lambda: actions.end_sessions(held, by=staff, session=which), _("Signed out there."))
    elif do == "factor":
        _reset_factor(request, staff, held)
    elif do == "end":
        post = held.posts.filter(pk=number(request.POST.get("post", ""))).first()
        if post is None:
            raise Http404
        tried(request, None, lambda: actions.end_post(post, by=staff), _("The post has ended."))
    elif do == "post":
        if not form.is_valid():
            return None
        if not _give_post(request, staff, held, form):
            return None
    return redirect("desk:person", held.pk)


def _reset_factor(request: HttpRequest, staff: Staff, held: Staff) -> None:
    asked: list[object] = []
    if tried(request, None, lambda: asked.append(actions.ask_factor_reset(held, by=staff)), ""):
        messages.success(request, _waits() if asked[0] else _("The second factor is gone; he sets up a new one."))


def _give_post(request: HttpRequest, staff: Staff, held: Staff, form: forms.PostForm) -> bool:
    g, given = form.cleaned_data, []

    def give() -> None:
        unit = unit_by_code(g["unit"])
        given.append(actions.give_post(held, by=staff, role=g["role"], unit=unit, area=g.get("area"), until=g["until"]))

    if not tried(request, form, give, ""):
        return False
    messages.success(request, _("The post was given.") if isinstance(given[0], Post) else _waits())
    return True


def _waits() -> str:
    return _("Asked. It counts when a second administrator has agreed.")


# --- the second pair of eyes ---


@desk(right=RIGHT, methods=FORM)
def proposals(request: HttpRequest, staff: Staff) -> HttpResponse:
    """What waits for a second administrator, and what became of the latest."""
    if request.method == "POST":
        held = found(Proposal, number(request.POST.get("proposal", "")))
        if request.POST.get("do") == "agree":
            tried(request, None, lambda: actions.agree(held, by=staff), _("Agreed. It counts from now."))
        else:
            reason = request.POST.get("reason", "")
            tried(request, None, lambda: actions.refuse(held, by=staff, reason=reason), _("Refused."))
        return redirect("desk:proposals")
    rows = Proposal.objects.select_related("staff", "unit", "area", "asked_by", "decided_by")
    waiting = [
        {"proposal": p, "may": may_decide(p, staff), "own": p.asked_by_id == staff.pk}
        for p in rows.filter(agreed__isnull=True).order_by("asked_at")
    ]
    centre = rights.scopes(staff, RIGHT).centre
    seen = [w for w in waiting if centre or w["may"] or w["own"]]
    decided = rows.filter(agreed__isnull=False).order_by("-decided_at")[:30]
    return draw(
        request, staff, "proposals", "proposals", waiting=seen,
        decided=[p for p in decided if centre or rights.keeps(staff, p.staff)],
        alone_admin=rights.first_setup(staff), now_at=clock.now(),
    )  # fmt: skip
