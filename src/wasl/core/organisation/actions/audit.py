"""What every verb of the organisation shares: the refusal with a sentence, and the note of who changed what."""

import json
from collections.abc import Mapping
from typing import Any

from django.db import models
from django.utils.translation import gettext as _

from wasl.core.organisation.models import Audit, Staff
from wasl.kernel import clock
from wasl.kernel.names import LANGUAGES

_HIDDEN = frozenset(
    "password key_digest last_login updated_at geometry failures sheets name_words look_up packed".split()  # noqa: SIM905
)


class Refused(Exception):
    """It cannot be done as asked; the sentence says why and what would go."""


def facts_of(row: models.Model) -> dict[str, Any]:
    """The columns of a row as JSON values, for the audit; never a password, a key or anything sealed."""
    found = {
        f.attname: getattr(row, f.attname)
        for f in row._meta.local_concrete_fields
        if f.attname not in _HIDDEN and not f.attname.endswith("_sealed")
    }
    plain: dict[str, Any] = json.loads(json.dumps(found, default=str))
    return plain


def note(by: Staff, verb: str, row: models.Model, before: Mapping[str, Any] | None, **more: Any) -> None:
    """Keep who did `verb` to the row, with what stood there before (`None`: nothing); a change of nothing is none.

    `more` is told beside the columns.
    """
    after = {**facts_of(row), **more}
    if before is not None:
        changed = {k for k in after if before.get(k) != after[k]}
        before, after = {k: before.get(k) for k in changed}, {k: after[k] for k in changed}
        if not changed and verb.endswith(".changed"):
            return
    Audit.objects.create(
        at=clock.now(), by=by, verb=verb, kind=row._meta.model_name or "", row=row.pk, before=before or {}, after=after
    )


def names_of(names: Mapping[str, str]) -> dict[str, str]:
    """The names in each language, trimmed. Refused without any."""
    kept = {language: names.get(language, "").strip() for language in LANGUAGES}
    if not any(kept.values()):
        raise Refused(_("A name is needed in at least one language."))
    return kept
