"""What the desk keeps for its own sake: forms begun and not yet sent, and who has a case open; cases are the core's."""

import json
import secrets
from typing import Any

from django.db import models

from wasl.core.cases.models import Case
from wasl.core.organisation.models import Staff
from wasl.kernel import seal
from wasl.kernel.ids import Row


def _new_key() -> str:
    return secrets.token_urlsafe(16)


class Draft(Row):
    """An agent's form as far as it was filled in, sealed because it holds names and numbers; only he opens it (E2)."""

    staff = models.ForeignKey(Staff, models.CASCADE, related_name="+")
    key = models.CharField(max_length=40, default=_new_key, help_text="Idempotency key of what will come of it")
    sealed = models.BinaryField(help_text="Sealed JSON of what was filled in, by field")
    saved_at = models.DateTimeField()
    discarded_at = models.DateTimeField(null=True, blank=True, help_text="Taken back until the next sweep")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["staff", "key"], name="desk_draft_once")]

    def __str__(self) -> str:
        return self.key

    @property
    def data(self) -> dict[str, list[str]]:
        """What was filled in so far: the values of each field."""
        found: dict[str, list[str]] = json.loads(seal.unseal(self.sealed, place=self.key))
        return found

    @data.setter
    def data(self, value: dict[str, Any]) -> None:
        self.sealed = seal.seal(json.dumps(value, ensure_ascii=False), place=self.key)


class Presence(Row):
    """That somebody has a case open in a browser now; says nothing once `seen_at` is old (see `presence`)."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="+")
    staff = models.ForeignKey(Staff, models.CASCADE, related_name="+")
    seen_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "staff"], name="desk_presence_once")]
