"""What a visitor of the portal has begun to report and not yet sent, and who is signed in; cases are the core's."""

import json
import secrets
from datetime import timedelta
from typing import Any

from django.db import models

from wasl.core.cases.models import Case
from wasl.kernel import seal
from wasl.kernel.ids import Row

# Files that hang on no contact are swept away after a day, and a draft's photos are such files.
KEPT_FOR = timedelta(hours=23)


def _new_token() -> str:
    return secrets.token_urlsafe(16)


class Draft(Row):
    """A report in the making, sealed because it holds names and numbers; known only to the session that began it."""

    token = models.CharField(max_length=30, unique=True, default=_new_token, help_text="Address and idempotency key")
    sealed = models.BinaryField(help_text="Sealed JSON of what was filled in; emptied when it was sent")
    case = models.ForeignKey(
        Case, models.CASCADE, null=True, blank=True, related_name="+", help_text="What became of it"
    )
    pin_generation = models.PositiveSmallIntegerField(default=0, help_text="Of the PIN on the receipt")
    begun_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.token

    @property
    def data(self) -> dict[str, Any]:
        """What was filled in so far, by field; see `drafts`."""
        found: dict[str, Any] = json.loads(seal.unseal(self.sealed, place=self.token))
        return found

    @data.setter
    def data(self, value: dict[str, Any]) -> None:
        self.sealed = seal.seal(json.dumps(value, ensure_ascii=False), place=self.token)


class SignIn(Row):
    """That somebody who proved an address is signed in to his page in one browser; its session names this row."""

    look_up = models.BinaryField(db_index=True, help_text="Blind index of the address that he proved")
    hint = models.CharField(max_length=60, help_text="Its masked form")
    since = models.DateTimeField()
    seen_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.hint
