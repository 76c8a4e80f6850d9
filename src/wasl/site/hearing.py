"""Who may hear which live topic: a page hears of a case, a unit or the centre only if its visitor may read about it."""

from wasl.core.cases.queries import visible_to
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff, Unit
from wasl.faces.frame.live import OPENED_CASES, Visitor


def may_hear(visitor: Visitor, topic: str) -> bool:
    """Whether this visitor may be told that something changed on `topic` (`centre`, `phones`, `case:12`, ...).

    Staff hear what they may see; a citizen's browser hears of the cases it has opened by number and PIN or by link,
    which its session lists under `OPENED_CASES`, but not of who among the staff has one open (`here`).
    """
    kind, _, text = topic.partition(":")
    key = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
    if kind == "case" and key in visitor.session.get(OPENED_CASES, []):
        return True
    staff = visitor.user
    if not isinstance(staff, Staff):
        return False
    scope = rights.scopes(staff)
    if kind == "staff":
        return key == staff.pk and bool(scope)
    if kind == "centre" and not text:
        return scope.centre
    if kind == "phones" and not text:
        return rights.scopes(staff, "phone.supervise").centre
    if kind == "unit" and key:
        if scope.centre:
            return True
        unit = Unit.objects.filter(pk=key).only("path").first()
        return unit is not None and any(unit.path.startswith(path) for path in scope.unit_paths)
    return kind in ("case", "here") and key > 0 and visible_to(staff).filter(pk=key).exists()
