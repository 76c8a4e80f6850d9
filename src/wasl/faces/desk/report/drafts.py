"""Forms that agents have begun: kept on the server while they type, gone on with on any computer, taken back (E2)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.http import QueryDict

from wasl.core.cases.intake import of_key
from wasl.core.organisation.models import Staff
from wasl.faces.desk.models import Draft
from wasl.kernel import clock

# A call that was not gone on with for this long never will be; what was discarded can be taken back for a while.
KEPT_FOR = timedelta(days=14)
TAKEN_BACK_FOR = timedelta(hours=1)
MOST = 30
MOST_LETTERS = 40_000
# What stands in a form that nobody has written in yet.
_GIVEN = frozenset({"key", "medium", "language", "channel", "person_kind"})
_KEY = re.compile(r"[A-Za-z0-9_-]{1,40}")
_NOT_KEPT = frozenset({"csrfmiddlewaretoken", "files", "do", "join", "pick"})


@dataclass(frozen=True)
class Begun:
    """A draft as its list shows it: the first words, who it is about as far as it was typed."""

    key: str
    words: str
    who: str
    saved_at: datetime
    discarded: bool


def save(staff: Staff, given: QueryDict) -> datetime | None:
    """Keep what the form holds now; nothing where it is empty, too long, or was sent already.

    Gives when it was saved. Of more than `MOST` the oldest go.
    """
    key = given.get("key", "")
    data = {name: given.getlist(name) for name in given if name not in _NOT_KEPT and any(given.getlist(name))}
    letters = sum(len(value) for values in data.values() for value in values)
    if not _KEY.fullmatch(key) or letters > MOST_LETTERS or not set(data) - _GIVEN:
        return None
    with transaction.atomic():
        if of_key(key, staff):
            # A page that was left while it sent its form saves once more.
            return None
        draft = Draft.objects.select_for_update().filter(staff=staff, key=key).first() or Draft(staff=staff, key=key)
        draft.data, draft.saved_at, draft.discarded_at = data, clock.now(), None
        draft.save()
        kept = Draft.objects.filter(staff=staff).order_by("-saved_at").values_list("pk", flat=True)[:MOST]
        Draft.objects.filter(staff=staff).exclude(pk__in=list(kept)).delete()
    return draft.saved_at


def opened(staff: Staff, key: str) -> QueryDict | None:
    """What this person's draft holds, as a form sends it; nothing where there is none."""
    draft = Draft.objects.filter(staff=staff, key=key, discarded_at__isnull=True).first()
    if draft is None:
        return None
    given = QueryDict(mutable=True)
    for name, values in draft.data.items():
        given.setlist(name, values)
    given["key"] = draft.key
    return given


def begun(staff: Staff, but: str = "") -> list[Begun]:
    """What this person can go on with, the latest first, and what he has just discarded."""
    since = clock.now() - TAKEN_BACK_FOR
    drafts = Draft.objects.filter(staff=staff).exclude(key=but).order_by("-saved_at")
    return [_told(draft) for draft in drafts if draft.discarded_at is None or draft.discarded_at > since]


def _told(draft: Draft) -> Begun:
    data: Mapping[str, list[str]] = draft.data
    first = {name: values[0] for name, values in data.items() if values}
    who = first.get("name") or first.get("phone") or first.get("mail") or ""
    words = first.get("body") or first.get("address") or ""
    return Begun(draft.key, words[:160], who[:60], draft.saved_at, draft.discarded_at is not None)


def discard(staff: Staff, key: str) -> None:
    """Put it away; `restore` takes that back for an hour."""
    Draft.objects.filter(staff=staff, key=key, discarded_at__isnull=True).update(discarded_at=clock.now())


def restore(staff: Staff, key: str) -> None:
    """Take a discard back."""
    Draft.objects.filter(staff=staff, key=key).update(discarded_at=None)


def sent(staff: Staff, key: str) -> None:
    """A case came of it: nothing is left to go on with."""
    Draft.objects.filter(staff=staff, key=key).delete()


def sweep_drafts() -> int:
    """Delete what nobody will go on with; how many they were. A job of the schedule."""
    now = clock.now()
    old = Draft.objects.filter(saved_at__lt=now - KEPT_FOR)
    gone = Draft.objects.filter(discarded_at__lt=now - TAKEN_BACK_FOR)
    return old.delete()[0] + gone.delete()[0]
