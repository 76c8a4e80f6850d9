"""What everybody does for himself: his addresses, where he is signed in, bulletins that he has read."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from wasl.core.cases.change import NotAllowed
from wasl.core.organisation import actions, queries, signin
from wasl.core.organisation.models import Staff
from wasl.core.people import proving
from wasl.core.people.models import Code
from wasl.faces.desk.access import desk
from wasl.faces.desk.numbers import CodeForm
from wasl.faces.desk.places import desk_context
from wasl.faces.desk.setup import forms
from wasl.faces.desk.setup.page import FORM, number, tried
from wasl.faces.frame.errors import error_page
from wasl.kernel import clock, throttle
from wasl.services.messages import numbers


@desk(methods=FORM)
def account(request: HttpRequest, staff: Staff) -> HttpResponse:
    """His mail address and telephone, asked for with the password; his sessions, each of which he ends."""
    do = request.POST.get("do", "")
    start = {"email": staff.email, "phone": staff.phone, "language": staff.language}
    form = forms.OwnForm(request.POST if do == "save" else None, staff=staff, initial=start)
    if do == "sessions":
        which = number(request.POST.get("session", "")) or None
        tried(request, None, lambda: actions.end_sessions(staff, by=staff, session=which), _("Signed out there."))
        return redirect("desk:account")
    if do == "save":
        try:
            throttle.hit(f"own-password:{staff.pk}", limit=5, per_s=900)
        except throttle.TooMany as many:
            return error_page(request, 429, retry_after_s=many.retry_after_s)
    code_form, asked = CodeForm(request.POST if do == "code" else None), None
    if do in ("ask", "code"):
        try:
            asked = _prove(request, staff, code_form)
        except throttle.TooMany as many:
            return error_page(request, 429, retry_after_s=many.retry_after_s)
        if asked is None:
            return redirect("desk:account")
    if do == "save" and form.is_valid():
        throttle.clear(f"own-password:{staff.pk}")
        g = form.cleaned_data

        def save() -> None:
            actions.change_own(by=staff, email=g["email"], phone=g["phone"], language=g["language"])
            if not (g["phone"] and numbers.can_prove(staff)):
                actions.confirm_own(by=staff, phone=None)

        if tried(request, form, save, _("Saved.")):
            return redirect("desk:account")
    context = desk_context(
        request, staff, form=form, sessions=signin.sessions_of(staff, request.session.session_key), now=clock.now(),
        can_prove=numbers.can_prove(staff), held=staff, current=queries.is_current(staff), asked=asked,
        code_form=code_form,
    )  # fmt: skip
    wrong = form.errors or code_form.errors
    return render(request, "desk/setup/account.html", context, status=422 if wrong else 200)


def _prove(request: HttpRequest, staff: Staff, form: CodeForm) -> Code | None:
    """A code to his own number, or what he typed of one: the code that still waits to be entered, None when done."""
    try:
        if request.POST.get("do") == "ask":
            return numbers.ask_own(by=staff)
        asked = Code.objects.filter(pk=number(request.POST.get("asked", "")), asked_by=staff).first()
        if asked is None:
            return None
        if form.is_valid():
            if numbers.confirm_own(asked, form.cleaned_data["code"], by=staff):
                messages.success(request, _("Confirmed. It counts for half a year."))
                return None
            form.add_error("code", _("This is not the code that we sent last. Please look again."))
    except proving.CodeRefused:
        refusal = _("This code does not count any more: it is older than ten minutes, or was wrong too often.")
        messages.error(request, refusal)
        return None
    except (NotAllowed, actions.Refused) as refused:
        messages.error(request, str(refused))
        return None
    return asked


@desk(methods=("POST",))
def read_bulletin(request: HttpRequest, staff: Staff, pk: int) -> HttpResponse:
    """It is not shown to him again; back to where he was."""
    held = next((one for one in queries.bulletins_for(staff) if one.pk == pk), None)
    if held is None:
        raise Http404
    actions.mark_read(held, by=staff)
    back = request.POST.get("next", "")
    safe = back.startswith("/") and url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    return redirect(back if safe else "desk:home")
