"""Reads of the exchange: which keys count now, how a client's text stands, what is left of its bounds."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from django.db.models import Count, Q, QuerySet

from wasl.kernel import clock
from wasl.services.exchange.models import Call, Key, Webhook
from wasl.services.texts.making import bound, today
from wasl.services.texts.models import Client, Queued, Text, Used


@dataclass(frozen=True, slots=True)
class Known:
    """A key that counts: whose it is and what it opens."""

    id: int
    client: Client
    scopes: frozenset[str]
    valid_from: datetime
    valid_until: datetime | None

    def counts(self, now: datetime) -> bool:
        """Whether it counts at this moment."""
        return self.valid_from <= now and (self.valid_until is None or now < self.valid_until)


def known_keys() -> dict[bytes, Known]:
    """All keys that are not revoked, of clients that are on, by their digest."""
    rows = Key.objects.filter(revoked_at=None, client__on=True).select_related("client")
    return {
        bytes(one.key_digest): Known(one.pk, one.client, frozenset(one.scopes), one.valid_from, one.valid_until)
        for one in rows
    }


def digest_of(key: str) -> bytes:
    """What a key is found by. Looking up the digest of a long random secret tells whoever measures time nothing."""
    return sha256(key.encode(errors="replace")).digest()


def alive(client: Client) -> QuerySet[Key]:
    """The keys of a client that count, now or later."""
    return client.keys.filter(revoked_at=None).exclude(valid_until__lt=clock.now())


def webhooks(client: Client) -> QuerySet[Webhook]:
    """Its webhooks, with how many calls wait (`waiting`) and were given up (`dead`)."""
    return client.webhooks.annotate(
        waiting=Count("calls", filter=Q(calls__state=Call.State.WAITING)),
        dead=Count("calls", filter=Q(calls__state=Call.State.DEAD)),
    ).order_by("pk")


@dataclass(frozen=True, slots=True)
class Life:
    """A text as its client may see it."""

    text: Text
    due_at: datetime | None
    taken_at: datetime | None


def life(client: Client, ref: str) -> Life | None:
    """How a text of this client stands; None when it has none of this reference."""
    text = Text.objects.filter(client=client, ref=ref).defer("number_sealed", "words_sealed").first()
    if text is None:
        return None
    waits = Queued.objects.filter(pk=text.pk).values_list("due_at", "taken_at").first()
    return Life(text, *(waits or (None, None)))


@dataclass(frozen=True, slots=True)
class Balance:
    """Parts: of today (UTC) and of this minute, where there is a bound."""

    per_day: int | None
    used_today: int
    per_min: int | None
    used_this_minute: int
    waiting: int


def balance(client: Client) -> Balance:
    """What the client has used of its bounds, and how many of its texts wait."""
    waiting = Queued.objects.filter(client=client).count()
    used = Used.objects.filter(client=client, day=today()).first() if bound(client) else None
    minute = int(clock.now().timestamp()) // 60
    return Balance(
        per_day=client.per_day,
        used_today=used.parts if used else 0,
        per_min=client.per_min,
        used_this_minute=used.minute_parts if used and used.minute == minute else 0,
        waiting=waiting,
    )
