"""Verbs on other systems that use the gateway: letting one in, its keys and logins, and where it is told."""

import secrets
import string
from collections.abc import Sequence
from datetime import datetime
from hmac import compare_digest

from django.db import transaction
from django.utils.translation import gettext as _

from wasl.core.organisation import rights
from wasl.core.organisation.actions.audit import Refused, facts_of, note
from wasl.core.organisation.models import Staff
from wasl.kernel import clock, seal
from wasl.services.exchange.calls import secret_place, wrong_with
from wasl.services.exchange.models import Key, Login, Scope, Webhook
from wasl.services.exchange.queries import alive, digest_of
from wasl.services.texts import queries as texts
from wasl.services.texts.making import HOUSE
from wasl.services.texts.models import Client

RIGHT = "clients.edit"
KEYS_AT_ONCE = 2
MARK = "wasl_"
"""How keys begin, so that scanners for secrets that were published by mistake know them."""
_LETTERS = string.ascii_letters + string.digits


def save_client(client: Client, *, by: Staff) -> None:
    """Keep a system, new or changed. Raises Forbidden, or Refused where its code is taken or the hotline's own."""
    rights.require(by, RIGHT)
    with transaction.atomic():
        held = Client.objects.select_for_update().filter(pk=client.pk).first()
        if Client.objects.filter(code=client.code).exclude(pk=client.pk).exists():
            raise Refused(_("There is a system with this code already."))
        if (client.code == HOUSE) != (held is not None and held.code == HOUSE):
            raise Refused(_("This code is that of the hotline itself."))
        client.save()
        note(by, "sms.client.changed" if held else "sms.client.made", client, facts_of(held) if held else None)
    texts.forget()


def make_key(
    client: Client,
    *,
    by: Staff,
    name: str,
    scopes: Sequence[str] = (Scope.SEND, Scope.STATUS),
    valid_until: datetime | None = None,
) -> tuple[Key, str]:
    """A new key of the client and its secret, which is kept nowhere and shown only now.

    Raises Forbidden, or Refused when two keys count already: revoke the older one first.
    """
    rights.require(by, RIGHT)
    _not_house(client)
    now = clock.now()
    if not scopes or set(scopes) - set(Scope.values):
        raise Refused(_("A key needs at least one thing that it may do."))
    if valid_until is not None and valid_until <= now:
        raise Refused(_("This end lies in the past."))
    secret = MARK + secrets.token_urlsafe(32)
    with transaction.atomic():
        Client.objects.select_for_update().get(pk=client.pk)
        if alive(client).count() >= KEYS_AT_ONCE:
            raise Refused(_("Two keys count already: revoke one of them first."))
        made = Key.objects.create(
            client=client,
            name=name.strip()[:60],
            key_digest=digest_of(secret),
            head=secret[:10],
            scopes=sorted(set(scopes)),
            valid_from=now,
            valid_until=valid_until,
            made_at=now,
        )
        note(by, "sms.key.made", made, None)
    return made, secret


def revoke_key(key: Key, *, by: Staff) -> None:
    """The key counts no more, within two seconds everywhere. Raises Forbidden."""
    rights.require(by, RIGHT)
    with transaction.atomic():
        held = Key.objects.select_for_update().get(pk=key.pk)
        if held.revoked_at is None:
            before = facts_of(held)
            held.revoked_at = clock.now()
            held.save(update_fields=["revoked_at"])
            note(by, "sms.key.changed", held, before)


def make_login(client: Client, *, by: Staff, system_id: str) -> tuple[Login, str]:
    """A way in over SMPP and its password, which is shown only now. Raises Forbidden, Refused."""
    rights.require(by, RIGHT)
    _not_house(client)
    system_id = system_id.strip()
    if not 1 <= len(system_id) <= 15 or not system_id.isascii() or not system_id.isprintable():
        raise Refused(_("A system id has 1 to 15 letters, digits or signs."))
    password = "".join(secrets.choice(_LETTERS) for _one in range(8))
    with transaction.atomic():
        if Login.objects.filter(system_id=system_id).exists():
            raise Refused(_("There is a login with this system id already."))
        made = Login.objects.create(
            client=client, system_id=system_id, key_digest=password_digest(system_id, password), made_at=clock.now()
        )
        note(by, "sms.login.made", made, None)
        _tell(client)
    return made, password


def set_login(login: Login, *, by: Staff, on: bool) -> None:
    """Shut a login, or open it again. Raises Forbidden."""
    rights.require(by, RIGHT)
    with transaction.atomic():
        held = Login.objects.select_for_update().get(pk=login.pk)
        before = facts_of(held)
        held.on = on
        held.save(update_fields=["on"])
        note(by, "sms.login.changed", held, before)


def password_digest(system_id: str, password: str) -> bytes:
    """What a password is known by: keyed, so that a copy of the data base alone gives none of them away."""
    return seal.index_of(f"smpp\0{system_id}\0{password}")


def login_of(system_id: str, password: str) -> Login | None:
    """The login that may bind with these; nobody learns which of the two was wrong."""
    found = Login.objects.select_related("client").filter(system_id=system_id, on=True, client__on=True).first()
    given = password_digest(system_id, password)
    kept = bytes(found.key_digest) if found else bytes(16)
    return found if compare_digest(given, kept) and found else None


def make_webhook(client: Client, *, by: Staff, url: str) -> tuple[Webhook, str]:
    """An address to be told at and the secret that calls are signed with. Raises Forbidden, Refused."""
    rights.require(by, RIGHT)
    _not_house(client)
    if (why := wrong_with(url)) is not None:
        raise Refused(why)
    secret = "whsec_" + secrets.token_urlsafe(32)
    with transaction.atomic():
        if client.webhooks.count() >= 5:
            raise Refused(_("Five addresses are enough for one system."))
        made = Webhook(client=client, url=url.strip(), made_at=clock.now())
        made.secret_sealed = seal.seal(secret, place=secret_place(made.pk))
        made.save(force_insert=True)
        note(by, "sms.webhook.made", made, None)
        _tell(client)
    return made, secret


def set_webhook(webhook: Webhook, *, by: Staff, on: bool) -> None:
    """Call no more, or again: then what was given up is tried once more. Raises Forbidden."""
    rights.require(by, RIGHT)
    now = clock.now()
    with transaction.atomic():
        held = Webhook.objects.select_for_update().get(pk=webhook.pk)
        before = facts_of(held)
        held.on = on
        held.save(update_fields=["on"])
        note(by, "sms.webhook.changed", held, before)
        if on:
            held.calls.filter(state="dead").update(state="waiting", due_at=now, attempts=0, made_at=now)


def _not_house(client: Client) -> None:
    if client.code == HOUSE:
        raise Refused(_("The hotline itself needs no key: what becomes of its texts it is told inside."))


def _tell(client: Client) -> None:
    """Its endings are kept from now on."""
    if not client.told:
        Client.objects.filter(pk=client.pk).update(told=True)
        client.told = True
        texts.forget()
