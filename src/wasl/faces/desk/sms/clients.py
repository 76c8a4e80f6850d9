"""The systems that use the gateway: what each may send, its keys and logins, and where it is told."""

from datetime import UTC, datetime, time, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from wasl.core.organisation.actions import Refused
from wasl.core.organisation.models import Audit, Staff
from wasl.faces.desk.setup.page import found, number, tried
from wasl.faces.desk.setup.told import changes_of
from wasl.faces.desk.sms.forms import ClientForm, KeyForm, LoginForm, WebhookForm
from wasl.faces.desk.sms.page import EDIT, FORM, draw, page
from wasl.services.exchange import actions, queries
from wasl.services.exchange.models import Key, Login, Webhook
from wasl.services.texts.making import HOUSE
from wasl.services.texts.models import Client


@page(EDIT)
def clients(request: HttpRequest, staff: Staff) -> HttpResponse:
    """All of them, with what they have used today."""
    rows = [
        {"client": one, "balance": queries.balance(one), "keys": queries.alive(one).count()}
        for one in Client.objects.select_related("unit").order_by("-on", "name")
    ]
    return draw(request, staff, "clients", "sms_clients", rows=rows)


@page(EDIT, methods=FORM)
@sensitive_variables()
def client(request: HttpRequest, staff: Staff, pk: int = 0) -> HttpResponse:
    """One system; a new secret is shown once, on the page that made it."""
    held: Client | None = found(Client, pk) if pk else None
    do = request.POST.get("do", "")
    posted = request.POST if request.method == "POST" else None
    form = ClientForm(posted if do == "save" else None, instance=held)
    # Each form has its own names: they stand on one page.
    key_form = KeyForm(posted if do == "key" else None, prefix="key")
    login_form = LoginForm(posted if do == "login" else None, prefix="login")
    webhook_form = WebhookForm(posted if do == "webhook" else None, prefix="webhook")
    secret: tuple[str, str] | None = None
    made: list[tuple[str, str]] = []
    if do == "save" and form.is_valid():
        row = form.save(commit=False)
        if tried(request, form, lambda: actions.save_client(row, by=staff), _("Saved. It counts within seconds.")):
            return redirect("desk:sms_client", row.pk)
    elif held and do == "key" and key_form.is_valid():
        g = key_form.cleaned_data
        end = datetime.combine(g["until"] + timedelta(days=1), time(), UTC) if g["until"] else None
        tried(
            request,
            key_form,
            lambda: made.append(
                (
                    _("The new key"),
                    actions.make_key(held, by=staff, name=g["name"], scopes=g["scopes"], valid_until=end)[1],
                )
            ),
            _("Made."),
        )
    elif held and do == "login" and login_form.is_valid():
        g = login_form.cleaned_data
        tried(
            request,
            login_form,
            lambda: made.append(
                (_("The new password"), actions.make_login(held, by=staff, system_id=g["system_id"])[1])
            ),
            _("Made."),
        )
    elif held and do == "webhook" and webhook_form.is_valid():
        url = webhook_form.cleaned_data["url"]
        tried(
            request,
            webhook_form,
            lambda: made.append(
                (_("The secret that calls are signed with"), actions.make_webhook(held, by=staff, url=url)[1])
            ),
            _("Made."),
        )
    elif held and ":" in do:
        return _switch(request, staff, held, do)
    if made:
        secret = made[0]
        key_form, login_form, webhook_form = (
            KeyForm(prefix="key"),
            LoginForm(prefix="login"),
            WebhookForm(prefix="webhook"),
        )
    wrong = any(one.errors for one in (form, key_form, login_form, webhook_form))
    return draw(
        request,
        staff,
        "client",
        "sms_clients",
        422 if wrong else 200,
        form=form,
        key_form=key_form,
        login_form=login_form,
        webhook_form=webhook_form,
        secret=secret,
        row=held,
        house=held is not None and held.code == HOUSE,
        balance=queries.balance(held) if held else None,
        keys=held.keys.order_by("-made_at")[:20] if held else [],
        logins=held.logins.order_by("system_id") if held else [],
        webhooks=queries.webhooks(held) if held else [],
        heading=held.name if held else _("New system"),
        changes=changes_of(Audit.objects.filter(kind="client", row=held.pk), most=8) if held else [],
    )


def _switch(request: HttpRequest, staff: Staff, held: Client, do: str) -> HttpResponse:
    """One button of one row: `revoke:12`, `shut:3`, `open:3`, `quiet:9`, `call:9`."""
    word, _colon, of = do.partition(":")
    pk = number(of)

    def act() -> None:
        if word == "revoke":
            actions.revoke_key(found(Key, _own(Key, held, pk)), by=staff)
        elif word in ("shut", "open"):
            actions.set_login(found(Login, _own(Login, held, pk)), by=staff, on=word == "open")
        elif word in ("quiet", "call"):
            actions.set_webhook(found(Webhook, _own(Webhook, held, pk)), by=staff, on=word == "call")
        else:
            raise Refused(_("There is no such button."))

    tried(request, None, act, _("Saved."))
    return redirect("desk:sms_client", held.pk)


def _own(model: type[Key] | type[Login] | type[Webhook], held: Client, pk: int) -> int:
    """The id, if it is one of this client's; 0, which nothing has, otherwise."""
    return pk if model._default_manager.filter(pk=pk, client=held).exists() else 0
