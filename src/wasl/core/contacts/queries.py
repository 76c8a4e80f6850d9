"""Who may read a file. Of a photo all see what was made anew; its original goes with the identity."""

from collections.abc import Mapping, Sequence

from django.db.models import QuerySet

from wasl.core.cases import queries as cases
from wasl.core.cases.models import Case
from wasl.core.contacts.models import Attachment, Contact
from wasl.core.organisation.models import Staff
from wasl.kernel import seal

_KEPT = {"erased_at__isnull": True, "contact__erased_at__isnull": True}


def visible_to(staff: Staff) -> QuerySet[Attachment]:
    """Files whose shown form this person may read: those of cases that he may see. Forgotten ones are nobody's."""
    return Attachment.objects.filter(contact__case__in=cases.visible_to(staff).values("pk"), **_KEPT)


def may_open_original(staff: Staff, attachment: Attachment) -> bool:
    """Whether this person may open the sealed original of a file that he may see.

    That of a photo, and of every file of a confidential case, only with the right to the identity: it may hold a place,
    a camera, a name.
    """
    case = attachment.contact.case
    if case is None or not visible_to(staff).filter(pk=attachment.pk).exists():
        return False
    sealed = attachment.kind == "image" or case.confidential
    return not sealed or cases.may_see_identity(staff, case)


def citizen_may_open_original(attachment: Attachment) -> bool:
    """Whether the requester may have the original of a file that he is shown: his own, or one without a shown form.

    Of others' files he has what was made anew, without place and camera.
    """
    contact = attachment.contact
    return not attachment.shown or (contact.direction == Contact.Direction.IN and contact.staff_id is None)


def position_of(attachment: Attachment, staff: Staff) -> tuple[float, float] | None:
    """(lat, lon) that was found inside the file, for those who may open the original; nothing for others."""
    if attachment.position_sealed is None or not may_open_original(staff, attachment):
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
