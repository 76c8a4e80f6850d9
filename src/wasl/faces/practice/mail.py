"""The practice's mail: nothing leaves, all is caught in its folder and shown to the trainee whose case it is about."""

import json
from dataclasses import asdict
from typing import Any

from django.conf import settings

from wasl.core.cases.models import Case, Entry
from wasl.core.organisation.models import Staff
from wasl.services.messages.delivery import Parcel
from wasl.services.messages.models import Message
from wasl.services.messages.sender import Sender


class Catcher:
    """A courier that takes every message and hands none on."""

    @staticmethod
    def serves() -> bool:
        """Always."""
        return True

    def hand_over(self, parcel: Parcel) -> None:
        """Keep it."""
        box = settings.WASL_DATA / "mail"
        box.mkdir(mode=0o700, exist_ok=True)
        (box / f"{parcel.message_id}.json").write_text(json.dumps(asdict(parcel), ensure_ascii=False))

    def close(self) -> None:
        """Nothing is open."""


def caught_for(staff: Staff, most: int = 50) -> list[dict[str, Any]]:
    """What the house would have sent because of this trainee's work, in full, the latest first."""
    sender = Sender({"mail": Catcher()})
    for _round in range(20):
        if not sender.round():
            break
    touched = Entry.objects.filter(actor=f"staff:{staff.pk}").values("case")
    cases = Case.objects.filter(pk__in=touched)
    found = []
    for message in Message.objects.filter(case__in=cases, sent_at__isnull=False).order_by("-made_at", "-pk")[:most]:
        file = settings.WASL_DATA / "mail" / f"{message.pk}.json"
        if file.exists():
            found.append({**json.loads(file.read_text()), "at": message.sent_at, "case": message.case})
    return found
