"""Who may read a file of a case: the unit what was made anew, the centre the original, everybody what was released."""

import io

import pytest
from PIL import Image

from tests.city import City
from wasl.core.cases import actions
from wasl.core.contacts import actions as contacts
from wasl.core.contacts import queries
from wasl.core.contacts.models import Attachment


def photo_with_position() -> bytes:
    """A JPEG whose camera noted where it stood: 23.5 N, 58.25 E."""
    picture = Image.new("RGB", (640, 480), "red")
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (23.0, 30.0, 0.0), 3: "E", 4: (58.0, 15.0, 0.0)}
    exif[0x010F] = "SecretCamera"
    out = io.BytesIO()
    picture.save(out, "JPEG", exif=exif)
    return out.getvalue()


@pytest.fixture
def sent(city: City) -> Attachment:
    told = city.report(attachments=[contacts.keep(photo_with_position(), "street.jpg")]).dispatched_to()
    return Attachment.objects.select_related("contact__case").get(contact__case=told.case)


@pytest.mark.req("B9")
@pytest.mark.slow
def test_a_unit_sees_what_was_made_anew_and_never_the_original_or_the_position(city: City, sent: Attachment) -> None:
    case = sent.contact.case
    assert case is not None
    assert case.unit is not None
    officer = city.officer_of(case.unit)
    assert sent in queries.visible_to(officer)
    assert sent not in queries.originals_visible_to(officer)
    assert queries.position_of(sent, officer) is None
    assert sent in queries.originals_visible_to(city.agent)
    assert queries.position_of(sent, city.agent) == pytest.approx((23.5, 58.25))
    other = city.officer("audit")
    assert sent not in queries.visible_to(other)


def test_the_citizen_reads_his_own_and_not_what_staff_added(city: City, sent: Attachment) -> None:
    case = sent.contact.case
    assert case is not None
    actions.add(
        case, by=city.agent, text="From the inspector.", attachments=[contacts.keep(photo_with_position(), "b.jpg")]
    )
    assert list(queries.of_citizen(case)) == [sent]


def test_a_photo_is_public_when_it_was_released_and_its_case_is(city: City, sent: Attachment) -> None:
    case = sent.contact.case
    assert case is not None
    assert not queries.public().exists()
    Attachment.objects.update(public=True)
    assert list(queries.public()) == [sent]
    assert queries.public_photos([case]) == {case.pk: [sent]}
    actions.flag(case, by=city.supervisor, flags={"confidential": True})
    assert not queries.public().exists()


def test_forgotten_files_are_nobodys(city: City, sent: Attachment) -> None:
    case = sent.contact.case
    assert case is not None
    Attachment.objects.update(public=True, erased_at=case.received_at)
    assert not queries.visible_to(city.supervisor).exists()
    assert not queries.of_citizen(case).exists()
    assert not queries.public().exists()
