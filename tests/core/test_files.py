"""Who may read a file of a case: the unit what was made anew, the centre the original, everybody what was released."""

import io

import pytest
from PIL import Image

from tests.city import City
from wasl.core.cases import actions, persons
from wasl.core.contacts import actions as contacts
from wasl.core.contacts import queries
from wasl.core.contacts.models import Attachment
from wasl.core.organisation.models import Staff
from wasl.core.people.actions import Reach


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
    assert not queries.may_open_original(officer, sent)
    assert queries.position_of(sent, officer) is None
    assert queries.may_open_original(city.agent, sent)
    assert queries.position_of(sent, city.agent) == pytest.approx((23.5, 58.25))
    other = city.officer("audit")
    assert sent not in queries.visible_to(other)
    assert not queries.may_open_original(other, sent)


@pytest.mark.req("B9", "P4")
def test_an_original_opens_to_those_who_may_know_who_sent_it(city: City) -> None:
    files = [contacts.keep(photo_with_position(), "street.jpg"), contacts.keep(b"As I said.", "letter.txt")]
    told = city.report(attachments=files, reach=Reach(name="Ali", phone="92345678")).dispatched_to()
    officer = city.officer_of(told.order.unit)
    person = told.case.requester
    assert person is not None

    def may(staff: Staff) -> list[bool]:
        rows = Attachment.objects.select_related("contact__case__requester").order_by("pk")
        return [queries.may_open_original(staff, row) for row in rows]

    assert (may(officer), may(city.agent)) == ([False, True], [True, True])
    actions.open_identity(told.case, by=officer, reason="contact-person", text="I must ring at his door.")
    assert may(officer) == [True, True]
    persons.mark_sensitive(person, by=city.second_line, sensitive=True)
    assert (may(officer), may(city.agent), may(city.second_line)) == ([False, True], [False, True], [True, True])
    persons.mark_sensitive(person, by=city.second_line, sensitive=False)
    actions.flag(told.fresh(), by=city.agent, flags={"confidential": True})
    assert (may(officer), may(city.agent)) == ([False, False], [True, True])


def test_of_what_others_sent_the_citizen_has_no_original(city: City, sent: Attachment) -> None:
    case = sent.contact.case
    assert case is not None
    added = [contacts.keep(photo_with_position(), "b.jpg"), contacts.keep(b"%PDF-1.4\n%%EOF", "b.pdf")]
    actions.add(case, by=city.agent, text="From the inspector.", attachments=added)
    rows = Attachment.objects.select_related("contact").order_by("pk")
    assert [queries.citizen_may_open_original(row) for row in rows] == [True, False, True]


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
