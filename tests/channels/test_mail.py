"""Mails as they are written, and what comes back of them."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default

import pytest
from django.conf import settings

from tests.city import City
from wasl.channels.mail import bounce, catcher, outgoing
from wasl.services.messages.delivery import Parcel, Permanent

LONG = "بلاغكم بشأن تسرب مياه من الشبكة العامة في شارع السلطان قابوس قرب دوار برج الصحوة رقم 26 004217 85"


def written(**more: str) -> EmailMessage:
    """A mail as a mail program reads it, from the bytes that leave."""
    parcel = Parcel(
        message_id=4217,
        to=more.get("to", "maryam@example.com"),
        language=more.get("language", "ar"),
        subject=more.get("subject", LONG),
        body=more.get("body", "السلام عليكم\n.\nhttps://hotline.example/track/?number=1&x=2\n\n<b>وداعًا</b>"),
        number=more.get("number", "2600421785"),
    )
    return message_from_bytes(outgoing.compose(parcel).as_bytes(policy=outgoing._WIRE), policy=default)


def test_the_headers_say_what_programs_need(city: City) -> None:
    mail = written()
    domain = outgoing.sender_domain()
    assert mail["Subject"] == LONG
    assert mail["From"].addresses[0].display_name == "مسقط"
    assert mail["From"].addresses[0].addr_spec == settings.DEFAULT_FROM_EMAIL
    assert mail["Message-ID"] == f"<wasl-4217@{domain}>"
    assert mail["Reply-To"] == f"hotline+2600421785@{domain}"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "ar"
    assert mail["Date"].datetime.utcoffset() is not None
    assert not mail.defects


@pytest.mark.parametrize("subject", ["x", "a" * 200, "水" * 100, "Report 26 004217 85: " + "water " * 25, LONG * 2])
def test_any_subject_survives_folding(city: City, subject: str) -> None:
    subject = subject.strip()[:200]
    mail = written(subject=subject)
    assert mail["Subject"] == subject
    raw = mail.as_bytes(policy=SMTP.clone(refold_source="none"))
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998


def test_both_bodies_say_the_same_with_the_direction(city: City) -> None:
    mail = written()
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    text, page = plain.get_content(), html.get_content()
    assert "السلام عليكم" in text
    assert "\n.\n" in text
    assert 'dir="rtl"' in page
    assert 'href="https://hotline.example/track/?number=1&amp;x=2"' in page
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    english = written(language="en", body="Good day").get_body(("html",))
    assert english is not None
    assert 'dir="ltr"' in english.get_content()


@pytest.mark.parametrize(
    "to", ["a@example.com\r\nBcc: b@example.com", "a b@example.com", "a@x>, <b@y", "ø@example.com"]
)
def test_an_address_that_is_none_never_reaches_the_wire(city: City, to: str) -> None:
    with pytest.raises(Permanent):
        written(to=to)


def test_a_subject_with_a_line_break_is_refused(city: City) -> None:
    with pytest.raises(Permanent):
        written(subject="a\r\nBcc: b@example.com")


def test_bounce_addresses_are_signed() -> None:
    address = outgoing.bounce_address(4217)
    assert outgoing.bounced_pk(address) == 4217
    assert outgoing.bounced_pk(address.upper()) == 4217
    local, _, domain = address.partition("@")
    for forged in (
        f"{local[:-1]}{'0' if local[-1] != '0' else '1'}@{domain}",
        address.replace("4217", "4218"),
        f"bounce+4217@{domain}",
        "",
        "@",
        f"bounce+{'9' * 40}-{'a' * 16}@x",
    ):
        assert outgoing.bounced_pk(forged) is None


def test_a_delivery_report_is_read() -> None:
    original = b"From: a@b.example\r\nMessage-ID: <wasl-1@x>\r\n\r\nsecret"
    report = catcher.undeliverable(original, to="bounce+1-x@h.example", dead="a@bounce.example").as_bytes()
    assert b"secret" not in report
    notice = bounce.read(report)
    assert notice is not None
    assert (notice.action, notice.status, notice.for_good) == ("failed", "5.1.1", True)
    assert "no such person" in notice.words
    delay = catcher.undeliverable(original, to="x@y.example", dead="a@b.example", action="delayed", status="4.4.1")
    late = bounce.read(delay.as_bytes())
    assert late is not None
    assert not late.for_good


def test_a_report_about_a_real_mail_can_itself_be_mailed(city: City) -> None:
    mail = written().as_bytes(policy=SMTP.clone(refold_source="none"))
    report = catcher.undeliverable(mail, to="bounce+1-x@h.example", dead="a@bounce.example").as_bytes()
    assert max(len(line) for line in report.splitlines()) <= 998
    assert b"Message-ID: <wasl-4217@" in report
    notice = bounce.read(report)
    assert notice is not None
    assert notice.for_good


POSTFIX = b"""\
Content-Type: multipart/report; report-type=delivery-status; boundary="B"
MIME-Version: 1.0

--B
Content-Type: text/plain

I'm sorry to have to inform you that your message could not be delivered.

--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
X-Postfix-Queue-ID: 4Wxyz
Arrival-Date: Sat, 21 Nov 2026 21:00:00 +0400 (+04)

Final-Recipient: rfc822; alive@example.com
Action: delivered
Status: 2.0.0

Final-Recipient: rfc822; dead@example.com
Action: Failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 <dead@example.com>:
    Recipient address rejected: User unknown

--B--
"""


def test_the_worst_of_several_receivers_counts() -> None:
    notice = bounce.read(POSTFIX)
    assert notice is not None
    assert notice.for_good
    assert notice.words.endswith("Recipient address rejected: User unknown")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe\x00",
        b"Subject: out of office\r\n\r\nback on Sunday",
        b"Content-Type: multipart/report; boundary=B\n\n--B\nContent-Type: message/delivery-status\n\n\n--B--",
        b"Content-Type: message/delivery-status\r\n\r\nnonsense",
        b"Content-Type: multipart/report; boundary=B\r\n\r\n" + b"--B\r\n" * 5000,
    ],
)
def test_what_is_no_report_is_left_alone(data: bytes) -> None:
    assert bounce.read(data) is None
