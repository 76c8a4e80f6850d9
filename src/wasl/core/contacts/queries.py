"""Who may read a file. The original is for the centre alone; units and the citizen see what was made anew from it."""

from collections.abc import Mapping, Sequence

from django.db.models import QuerySet

from wasl.core.cases import queries as cases
from wasl.core.cases.models import Case
from wasl.core.contacts.models import Attachment
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.kernel import seal

_KEPT = {"erased_at__isnull": True, "contact__erased_at__isnull": True}


def visible_to(staff: Staff) -> QuerySet[Attachment]:
    """Files whose shown form this person may read: those of cases that he may see. Forgotten ones are nobody's."""
    return Attachment.objects.filter(contact__case__in=cases.visible_to(staff).values("pk"), **_KEPT)


def originals_visible_to(staff: Staff) -> QuerySet[Attachment]:
    """Files whose sealed original, with the place that may stand in it, this person may open: the centre's people."""
    if not rights.scopes(staff, "identity.read").centre:
        return Attachment.objects.none()
    return visible_to(staff)


def position_of(attachment: Attachment, staff: Staff) -> tuple[float, float] | None:
    """(lat, lon) that was found inside the file, for those who may open the original; nothing for others."""
    if attachment.position_sealed is None or not originals_visible_to(staff).filter(pk=attachment.pk).exists():
        return None
    lat, lon = seal.unseal(bytes(attachment.position_sealed)).split(",")
    return float(lat), float(lon)


def of_citizen(case: Case) -> QuerySet[Attachment]:
    """Files that the requester himself sent on this case, for one who has shown number and PIN; the shown form only."""
    return Attachment.objects.filter(
        contact__case=case, contact__direction="in", contact__staff__isnull=True, **_KEPT
    ).exclude(shown="")


def public() -> QuerySet[Attachment]:
    """Photos that the centre released, of cases that everybody may see."""
    return Attachment.objects.filter(
        public=True, kind="image", contact__case__in=cases.public().values("pk"), **_KEPT
    ).exclude(shown="")


def public_photos(found: Sequence[Case]) -> Mapping[int, Sequence[Attachment]]:
    """The released photos of these cases by case id, the first sent first."""
    made: dict[int, list[Attachment]] = {}
    pks = [case.pk for case in found]
    for photo in (
        public().filter(contact__case__in=pks).select_related("contact").order_by("contact__at", "pk") if pks else ()
    ):
        made.setdefault(photo.contact.case_id or 0, []).append(photo)
    return made
