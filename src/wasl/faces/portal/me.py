"""A person's own page: signing in by a one-time code, his reports, messages, addresses and wishes.

What a code proves and opens is decided in `core.people.proving`, who is signed in here in `access`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django import forms
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import get_language, gettext_lazy, pgettext
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from wasl.core.cases import queries as cases
from wasl.core.cases.models import Case, State
from wasl.core.catalogue import queries as catalogue
from wasl.core.organisation import queries as organisation
from wasl.core.people import actions as people
from wasl.core.people import proving
from wasl.core.people import queries as finding
from wasl.core.people.models import Address, Code, Person
from wasl.faces.portal import access
from wasl.faces.portal.access import Me
from wasl.faces.portal.forms import OFFERED, Digits, _Form
from wasl.faces.portal.pages import limited
from wasl.faces.portal.queries import next_step
from wasl.kernel import mailaddress, phone, seal
from wasl.kernel.names import OWN_NAMES, code_of
from wasl.services.messages import actions as outbox
from wasl.services.messages import delivery
from wasl.services.messages import queries as told
from wasl.services.messages.models import Message

P = ParamSpec("P")
_ASKED = "portal_code"
_MOST_SHOWN = 100
M = Address.Medium


class AddressForm(_Form):
    """A mail address or telephone number; `proved_by` says which of the two a code can be sent to here."""

    address = Digits(
        max_length=254,
        widget=forms.TextInput(attrs={"dir": "ltr", "autocomplete": "email", "autocapitalize": "none"}),
        error_messages={"required": gettext_lazy("Enter your e-mail address.")},
    )

    def __init__(self, *args: Any, media: frozenset[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._media = media
        widget = self.fields["address"].widget
        if media == {M.MAIL}:
            self.fields["address"].label = _("Your e-mail address")
            widget.attrs["inputmode"] = "email"
        else:
            self.fields["address"].label = _("Your e-mail address or phone number")

    def clean_address(self) -> tuple[str, str, str]:
        """(medium, normalised value, masked form)."""
        text = str(self.cleaned_data["address"])
        if (mail := mailaddress.normalise(text)) and M.MAIL in self._media:
            return M.MAIL.value, mail, mailaddress.masked(mail)
        number = phone.normalise(text, organisation.the_city().region) if M.PHONE in self._media else None
        if number and not phone.is_short_code(number):
            return M.PHONE.value, number, phone.masked(number)
        if M.PHONE in self._media:
            raise forms.ValidationError(_("This is no e-mail address and no phone number. Please check it."))
        raise forms.ValidationError(_("This is no e-mail address. Please check it."))


class CodeForm(_Form):
    """The six digits that were sent."""

    code = Digits(
        label=gettext_lazy("The code, six digits"),
        max_length=40,
        widget=forms.TextInput(
            attrs={"inputmode": "numeric", "dir": "ltr", "autocomplete": "one-time-code", "class": "w-number"}
        ),
        error_messages={"required": gettext_lazy("Enter the six digits that we sent.")},
    )


class WishForm(_Form):
    """How he wants to be told."""

    language = forms.ChoiceField(
        label=gettext_lazy("In which language do we write to you?"),
        choices=[*OWN_NAMES.items()],
        widget=forms.RadioSelect,
    )
    channel = forms.ChoiceField(
        label=gettext_lazy("How do we tell you what happens?"),
        choices=[(channel.value, channel.label) for channel in OFFERED],
        widget=forms.RadioSelect,
    )


def _provable() -> frozenset[str]:
    """Media that a code can be sent to here."""
    by = {"mail": M.MAIL.value, "sms": M.PHONE.value}
    return frozenset(by[channel] for channel in delivery.served() if channel in by)


# --- signing in ---


@never_cache
@limited
@require_http_methods(["GET", "HEAD", "POST"])
def home(request: HttpRequest) -> HttpResponse:
    """The reports of who is signed in; for everybody else the way in."""
    here = access.me(request)
    if request.method != "POST" and here is not None:
        return _show(request, here, "cases", groups=_grouped(_cases_of(here)))
    if request.method != "POST":
        return render(request, "portal/me/enter.html", {"form": AddressForm(media=_provable())})
    form = AddressForm(request.POST, media=_provable())
    access.limit(request, "portal-code")
    if not form.is_valid():
        return render(request, "portal/me/enter.html", {"form": form}, status=422)
    _send(request, *form.cleaned_data["address"])
    return redirect("portal:me_code")


def _send(request: HttpRequest, medium: str, value: str, hint: str, person: Person | None = None) -> None:
    """Ask for a code. The same is done and said for an address that nobody has (no list of our people is given away).

    Raises throttle.TooMany.
    """
    access.limit(request, "portal-code-to", finding.index_of(medium, value).hex())
    code = proving.ask(medium=medium, value=value, hint=hint, person=person, language=code_of(get_language()))
    outbox.send_code(code)
    request.session[_ASKED] = code.pk


def _asked(request: HttpRequest) -> Code | None:
    pk = request.session.get(_ASKED)
    return Code.objects.select_related("person").filter(pk=pk).first() if pk else None


@never_cache
@limited
@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """Where the six digits are entered, in the browser that asked for them."""
    asked = _asked(request)
    if asked is None or not proving.is_good(asked):
        return _over(request)
    if request.method != "POST":
        return render(request, "portal/me/code.html", {"form": CodeForm(), "asked": asked})
    access.limit(request, "portal-look")
    form = CodeForm(request.POST)
    try:
        if form.is_valid() and not proving.use(asked, form.cleaned_data["code"]):
            form.add_error("code", _("This is not the code that we sent last. Please look again."))
    except proving.CodeRefused:
        return _over(request)
    if form.errors:
        return render(request, "portal/me/code.html", {"form": form, "asked": asked}, status=422)
    return _proved(request, asked)


def _proved(request: HttpRequest, used: Code) -> HttpResponse:
    request.session.pop(_ASKED, None)
    if used.person_id is not None:
        messages.success(request, _("The address is yours now."))
        return redirect("portal:me_details")
    access.sign_in(request, used)
    return redirect("portal:me")


def _over(request: HttpRequest) -> HttpResponse:
    return render(request, "portal/me/over.html", {"signed_in": access.me(request) is not None}, status=410)


@never_cache
@limited
@require_http_methods(["GET", "HEAD", "POST"])
def follow(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind the link in the message; only its button signs in, because mail scanners look too."""
    access.limit(request, "portal-look")
    found = proving.of_token(token)
    if found is None or found.person_id is not None or not proving.is_good(found):
        return _over(request)
    if request.method != "POST":
        return render(request, "portal/me/follow.html", {"asked": found})
    try:
        proving.use(found)
    except proving.CodeRefused:
        return _over(request)
    return _proved(request, found)


@never_cache
@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """Sign out, here or in every browser."""
    access.sign_out(request, everywhere=request.POST.get("where") == "everywhere")
    return redirect("portal:home")


# --- signed in ---

Page = Callable[Concatenate[HttpRequest, Me, P], HttpResponseBase]


def own(page: Page[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """A page for who is signed in; others are led to the way in."""

    @never_cache
    @limited
    @wraps(page)
    def inner(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        here = access.me(request)
        return redirect("portal:me") if here is None else page(request, here, *args, **kwargs)

    return inner


def _show(request: HttpRequest, here: Me, name: str, *, status: int = 200, **context: Any) -> HttpResponse:
    shown = {"here": here, "tab": name, "person": here.persons[0] if here.persons else None, **context}
    return render(request, f"portal/me/{name}.html", shown, status=status)


@dataclass(frozen=True)
class Mine:
    """One of his reports in the list."""

    case: Case
    title: str
    sentence: str
    waits: bool


def _cases_of(here: Me) -> list[Mine]:
    found = (
        Case.objects.filter(requester__in=here.persons, redacted_at__isnull=True)
        .select_related("unit", "area")
        .order_by("-received_at", "-pk")[:_MOST_SHOWN]
    )
    made = []
    for case in found:
        category = catalogue.of_number(case.edition).category(case.category)
        waits = case.state == State.TOLD or case.awaiting_citizen
        said = next_step(case) if case.awaiting_citizen else cases.status_sentence(case)
        made.append(Mine(case, category.name if category else _("Your report"), said, waits))
    return made


def _grouped(found: list[Mine]) -> list[tuple[str, list[Mine]]]:
    """Those that wait for him, then the open ones, then the closed."""
    waiting = [one for one in found if one.waits]
    closed = [one for one in found if one.case.state == State.CLOSED]
    rest = [one for one in found if not one.waits and one.case.state != State.CLOSED]
    groups = [
        (_("They wait for your answer"), waiting),
        (pgettext("of requests", "Open"), rest),
        (pgettext("of requests", "Closed"), closed),
    ]
    return [(title, group) for title, group in groups if group]


@dataclass(frozen=True)
class Letter:
    """A message as its receiver reads it: what became of it in words; `good` where it arrived or is to be read here."""

    message: Message
    arrived: str
    good: bool


def _letter(message: Message) -> Letter:
    state = Message.State
    if message.state == state.SENT:
        return Letter(message, _("handed over"), good=True)
    if message.state == state.ON_PAGE:
        return Letter(message, _("shown here only"), good=True)
    if message.bounced_at or message.state == state.FAILED:
        return Letter(message, _("it did not arrive"), good=False)
    if message.state == state.NO_WAY:
        return Letter(message, _("not sent: we have no address that we can write to"), good=False)
    return Letter(message, _("on its way"), good=True)


@require_GET
@own
def letters(request: HttpRequest, here: Me) -> HttpResponse:
    """What was sent to him, by which way, and whether it arrived."""
    found = list(told.of_persons(here.persons)[:_MOST_SHOWN]) if here.persons else []
    return _show(request, here, "messages", letters=[_letter(message) for message in found])


@dataclass(frozen=True)
class Reachable:
    """One of his addresses, in full because it is his."""

    row: Address
    value: str
    provable: bool


def _rows(here: Me) -> QuerySet[Address]:
    """Addresses of his records and of those joined to them."""
    return Address.objects.filter(Q(person__in=here.persons) | Q(person__merged_into__in=here.persons))


def _addresses(here: Me) -> list[Reachable]:
    media = _provable()
    rows = list(_rows(here))
    rows.sort(key=lambda a: (not a.preferred, a.verified_at is None, a.medium, a.pk))
    seen: dict[bytes, Address] = {}
    for row in rows:
        seen.setdefault(bytes(row.look_up), row)
    # What was typed and never proved may be a stranger's: only its masked form is shown.
    return [
        Reachable(row, seal.unseal(bytes(row.value_sealed)) if row.verified_at else row.hint, row.medium in media)
        for row in seen.values()
    ]


def _details(request: HttpRequest, here: Me, *, status: int = 200, **forms_given: Any) -> HttpResponse:
    person = here.persons[0] if here.persons else None
    channels = {channel.value for channel in OFFERED}
    context = {
        "addresses": _addresses(here),
        "called": seal.unseal(bytes(person.name_sealed)) if person and person.name_sealed else "",
        "open_cases": Case.objects.filter(requester__in=here.persons).exclude(state=State.CLOSED).exists(),
        "wish_form": WishForm(
            initial={
                "language": code_of(person.language),
                "channel": person.channel if person.channel in channels else Person.Channel.WEB,
            }
        )
        if person
        else None,
        "address_form": AddressForm(media=_media_taken()),
        **forms_given,
    }
    return _show(request, here, "details", status=status, **context)


def _media_taken() -> frozenset[str]:
    """Numbers are taken also where no code can be sent to them: people call them."""
    return _provable() | {M.PHONE.value}


@require_GET
@own
def details(request: HttpRequest, here: Me) -> HttpResponse:
    """His addresses, language and channel; being forgotten; signing out everywhere."""
    return _details(request, here)


@require_POST
@own
def wish(request: HttpRequest, here: Me) -> HttpResponse:
    """Keep language and channel."""
    form = WishForm(request.POST)
    if not form.is_valid():
        return _details(request, here, status=422, wish_form=form)
    people.wish(here.persons, language=form.cleaned_data["language"], channel=form.cleaned_data["channel"])
    messages.success(request, _("Kept. It counts from now on, for your earlier reports too."))
    return redirect("portal:me_details")


@require_POST
@own
def add(request: HttpRequest, here: Me) -> HttpResponse:
    """A further address: where a code can be sent it is written down once the code was entered, else as claimed."""
    if not here.persons:
        raise Http404
    form = AddressForm(request.POST, media=_media_taken())
    access.limit(request, "portal-code")
    if not form.is_valid():
        return _details(request, here, status=422, address_form=form)
    medium, value, hint = form.cleaned_data["address"]
    if medium in _provable():
        _send(request, medium, value, hint, here.persons[0])
        return redirect("portal:me_code")
    people.add_address(here.persons[0], medium=medium, value=value, hint=hint, source="web")
    messages.success(request, _("The number was added."))
    return redirect("portal:me_details")


@require_POST
@own
def change(request: HttpRequest, here: Me, pk: int) -> HttpResponse:
    """Prove, prefer or remove one of his addresses."""
    row = _rows(here).filter(pk=pk).first()
    do = request.POST.get("do", "")
    if row is None or do not in ("prove", "prefer", "remove"):
        raise Http404
    if do == "prove" and row.medium in _provable():
        access.limit(request, "portal-code")
        _send(request, row.medium, seal.unseal(bytes(row.value_sealed)), row.hint, row.person)
        return redirect("portal:me_code")
    if do == "prefer":
        people.prefer(row)
        messages.success(request, _("We use this one first from now on."))
    if do == "remove":
        _remove(request, here, row)
    return redirect("portal:me_details")


def _remove(request: HttpRequest, here: Me, row: Address) -> None:
    same = _rows(here).filter(look_up=bytes(row.look_up))
    others = _rows(here).exclude(look_up=bytes(row.look_up))
    if not others.exists() and Case.objects.filter(requester__in=here.persons).exclude(state=State.CLOSED).exists():
        messages.error(
            request, _("This is the only way to reach you, and a report of yours is open. Add another address first.")
        )
    elif bytes(row.look_up) == bytes(here.sign_in.look_up):
        messages.error(request, _("You are signed in by this address. Sign in by another one to remove it."))
    else:
        same.delete()
        messages.success(request, _("Removed."))


@require_POST
@own
def forget(request: HttpRequest, here: Me) -> HttpResponse:
    """Ask to be forgotten, or take that back; the centre does it when the last report is closed."""
    asked = request.POST.get("do") == "ask"
    people.ask_to_be_forgotten(here.persons, asked=asked)
    messages.success(request, _("We have your wish.") if asked else _("Your wish was taken back."))
    return redirect("portal:me_details")
