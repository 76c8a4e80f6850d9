"""Verbs on other systems and their keys."""

import secrets
from hashlib import sha256

from django.db import transaction
from django.utils.translation import gettext as _

from wasl.core.organisation import rights
from wasl.core.organisation.actions.audit import Refused, facts_of, note
from wasl.core.organisation.models import Client, Staff, Unit


def make_client(*, by: Staff, name: str, unit: Unit | None = None, trusted: bool = False) -> tuple[Client, str]:
    """Let another system in; gives it and its key, which is kept nowhere and shown only now."""
    rights.require(by, "clients.edit")
    key = secrets.token_urlsafe(24)
    with transaction.atomic():
        if not name.strip() or Client.objects.filter(name__iexact=name.strip()).exists():
            raise Refused(_("There is a system of this name already."))
        made = Client(name=name.strip(), key_digest=sha256(key.encode()).digest(), unit=unit, trusted=trusted)
        made.save(force_insert=True)
        note(by, "client.made", made, None)
    return made, key


def set_client_active(client: Client, *, by: Staff, active: bool) -> None:
    """Take a system's key back, or let it count again."""
    rights.require(by, "clients.edit")
    with transaction.atomic():
        held = Client.objects.select_for_update().get(pk=client.pk)
        before = facts_of(held)
        held.active = active
        held.save(update_fields=["active"])
        note(by, "client.changed", held, before)
