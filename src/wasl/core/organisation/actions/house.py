"""Verbs on the rules of the house and bulletins to its staff."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from wasl.core.organisation import queries, rights
from wasl.core.organisation.actions.audit import Refused, facts_of, note
from wasl.core.organisation.models import Bulletin, House, Post, Staff, Unit
from wasl.kernel import clock

MEGABYTE = 1_000_000
MOST_ALONE = 10_000
# What an administrator may set: smallest and largest, in files or bytes.
MEDIA_BOUNDS: Mapping[str, tuple[int, int]] = {
    "files": (1, 20),
    "image": (MEGABYTE, 50 * MEGABYTE),
    "pdf": (0, 50 * MEGABYTE),
    "audio": (0, 50 * MEGABYTE),
    "video": (0, 200 * MEGABYTE),
    "text": (0, 5 * MEGABYTE),
}


def save_house(
    *,
    by: Staff,
    media: Mapping[str, int] | None = None,
    second_factor: Sequence[str] | None = None,
    alone: int | None = None,
) -> None:
    """Set what files are taken (`MEDIA_BOUNDS`; 0 bytes: none of that kind) and which roles need a second factor.

    `alone`: to how many people a day one person may write without anybody's approval. What is not given stays.
    """
    rights.require(by, "house.edit")
    with transaction.atomic():
        held = House.objects.select_for_update().first() or House()
        before = facts_of(held) if House.objects.exists() else None
        if media is not None:
            for name, value in media.items():
                if name not in MEDIA_BOUNDS:
                    raise Refused(_("There is no such limit."))
                least, most = MEDIA_BOUNDS[name]
                if not least <= value <= most:
                    raise Refused(
                        _("Between %(least)s and %(most)s.") % {"least": least, "most": most}
                        if name == "files"
                        else _("Between %(least)s and %(most)s MB.")
                        % {"least": least // MEGABYTE, "most": most // MEGABYTE}
                    )
            held.media = {**held.media, **media}
        if second_factor is not None:
            if set(second_factor) - set(Post.Role.values):
                raise Refused(_("There is no such role."))
            held.second_factor = sorted(set(second_factor))
        if alone is not None:
            if not 0 <= alone <= MOST_ALONE:
                raise Refused(_("Between %(least)s and %(most)s.") % {"least": 0, "most": MOST_ALONE})
            held.alone = alone
        held.save(force_insert=before is None)
        note(by, "house.changed", held, before)
    queries.forget()


def tell_staff(*, by: Staff, body: str, unit: Unit | None = None, until: datetime | None = None) -> Bulletin:
    """Show staff a short text until each has read it: those of a unit and below, or everybody (P3)."""
    rights.require_over(by, unit)
    if not body.strip():
        raise Refused(_("Write what is to be read."))
    now = clock.now()
    if until is not None and until <= now:
        raise Refused(_("It must be shown until some time in the future."))
    made = Bulletin.objects.create(body=body.strip()[:600], unit=unit, by=by, at=now, until=until)
    note(by, "bulletin.made", made, None)
    return made


def end_bulletin(bulletin: Bulletin, *, by: Staff) -> None:
    """Show it no longer."""
    rights.require_over(by, bulletin.unit)
    before = facts_of(bulletin)
    bulletin.until = clock.now()
    bulletin.save(update_fields=["until"])
    note(by, "bulletin.changed", bulletin, before)


def mark_read(bulletin: Bulletin, *, by: Staff) -> None:
    """Whoever has read a bulletin is not shown it again."""
    bulletin.read_by.add(by)
