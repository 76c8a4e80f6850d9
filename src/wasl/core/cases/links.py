"""Signed links into one case, sent to its requester: who holds one acts for him, for one purpose and for some time.

A link says nothing by itself: it names the case by its key, not by number, and holds no personal data. It dies with the
PIN generation of the case: a new PIN voids every link sent before.
"""

from datetime import timedelta

from django.core import signing

from wasl.core.cases.models import Case
from wasl.kernel import clock

ANSWER = "answer"
TRACK = "track"
PURPOSES = frozenset({ANSWER, TRACK})
# As long as somebody may answer or reopen; a link in an old mail must not open a case for ever.
GOOD_FOR = timedelta(days=60)


class LinkRefused(Exception):
    """The link is forged, cut off, of another purpose, too old, or void because a new PIN was issued."""


def _salt(purpose: str) -> str:
    if purpose not in PURPOSES:
        raise ValueError(f"there is no link for {purpose!r}")
    return f"wasl.cases.links.{purpose}"


def make(case: Case, purpose: str = ANSWER) -> str:
    """The token of a link into `case`, fit for a URL path. Raises ValueError for an unknown purpose."""
    return signing.Signer(salt=_salt(purpose)).sign_object([case.pk, case.pin_generation, int(clock.now().timestamp())])


def read(token: str, purpose: str = ANSWER, max_age: timedelta = GOOD_FOR) -> Case:
    """The case that `token` opens. Raises LinkRefused, which does not tell why."""
    try:
        pk, generation, made = signing.Signer(salt=_salt(purpose)).unsign_object(token)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise LinkRefused from error
    if clock.now().timestamp() - made > max_age.total_seconds():
        raise LinkRefused
    case = Case.objects.filter(pk=pk, pin_generation=generation).select_related("unit", "area").first()
    if case is None or case.redacted_at is not None:
        raise LinkRefused
    return case


__all__ = ["ANSWER", "GOOD_FOR", "PURPOSES", "TRACK", "LinkRefused", "make", "read"]
