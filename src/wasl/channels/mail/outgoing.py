"""Mail out: one message as RFC 5322 wants it, handed to the city's mail server over one kept connection."""

import html
import re
import smtplib
import ssl
from email.charset import BASE64, QP, Charset
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import format_datetime, formataddr

from django.conf import settings
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from wasl.core.organisation import queries as organisation
from wasl.kernel import clock, names
from wasl.services.messages.delivery import InDoubt, Parcel, Permanent, Temporary, Unreachable

_WIRE = compat32.clone(linesep="\r\n")
_URL = re.compile(r"https?://[^\s<>\"]+")
_LANGUAGE_TAG = {"ar": "ar", "en": "en", "zh": "zh-Hans"}
_BAD_MAILBOX = re.compile(r"\b5\.1\.[0-9]+\b|\b5\.2\.1\b")


def sender_domain() -> str:
    """The domain that our mail comes from; bounces and replies go there."""
    return settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ")


def message_id(pk: int) -> str:
    """The Message-ID of an outbox row: the same each time it is sent."""
    return f"<wasl-{pk}@{sender_domain()}>"


def _mark(pk: int) -> str:
    return salted_hmac("wasl.mail.bounce", str(pk), algorithm="sha256").hexdigest()[:16]


def bounce_address(pk: int) -> str:
    """Where a failure of this message comes back to; signed, so that nobody can make an address look dead (VERP)."""
    return f"bounce+{pk}-{_mark(pk)}@{sender_domain()}"


def bounced_pk(address: str) -> int | None:
    """The outbox row of a bounce address, None if it is none of ours."""
    found = re.fullmatch(r"bounce\+([0-9]{1,19})-([0-9a-f]{16})", address.rpartition("@")[0].lower())
    if found is None or not constant_time_compare(_mark(int(found[1])), found[2]):
        return None
    return int(found[1])


def _as_html(parcel: Parcel) -> str:
    """The same words with the direction said and links alive: plain text leaves a right-to-left reader guessing."""
    code = names.code_of(parcel.language)

    def line(text: str) -> str:
        out, last = [], 0
        for found in _URL.finditer(text):
            url = html.escape(found[0])
            out += [
                html.escape(text[last : found.start()]),
                f'<a href="{url}" dir="ltr" style="unicode-bidi:isolate">{url}</a>',
            ]
            last = found.end()
        return "".join([*out, html.escape(text[last:])])

    paragraphs = "".join(
        f'<p style="margin:0 0 1em">{"<br>".join(line(row) for row in block.split(chr(10)))}</p>'
        for block in parcel.body.split("\n\n")
    )
    direction, side = ("rtl", "right") if code == "ar" else ("ltr", "left")
    style = f"font-family:sans-serif;font-size:16px;line-height:1.6;max-width:40em;text-align:{side}"
    return (
        f'<!doctype html><html lang="{_LANGUAGE_TAG[code]}" dir="{direction}"><head><meta charset="utf-8">'
        f"<title>{html.escape(parcel.subject)}</title></head>"
        f'<body dir="{direction}" style="{style}">{paragraphs}</body></html>'
    )


def compose(parcel: Parcel) -> MIMEMultipart:
    """The mail. Raises Permanent for an address that cannot stand in a header."""
    code = names.code_of(parcel.language)
    domain = sender_domain()
    if not parcel.to.isascii() or not parcel.to.isprintable() or re.search(r"[\s<>,;]", parcel.to):
        raise Permanent("no mail can be written to this address", bad_address=True)
    mail = MIMEMultipart("alternative")
    mail["From"] = formataddr((names.local(organisation.the_city().names, code), settings.DEFAULT_FROM_EMAIL))
    mail["To"] = parcel.to
    # Django's rule and ours: a line break in a header is refused, whatever was made of it before (RFC 5322 2.2).
    if "\n" in parcel.subject or "\r" in parcel.subject:
        raise Permanent("a subject is one line")
    # A word that does not fit on a line must be encoded too: folding would put a blank before it.
    plain = parcel.subject.isascii() and max(map(len, parcel.subject.split()), default=0) < 60
    mail["Subject"] = Header(parcel.subject, "us-ascii" if plain else "utf-8", header_name="Subject").encode()
    if parcel.number:
        mail["Reply-To"] = f"hotline+{parcel.number}@{domain}"
    mail["Message-ID"] = message_id(parcel.message_id)
    mail["Date"] = format_datetime(timezone.localtime(clock.now()))
    mail["Content-Language"] = _LANGUAGE_TAG[code]
    # RFC 3834: programs that answer mail leave it alone.
    mail["Auto-Submitted"] = "auto-generated"
    mail.attach(_part(parcel.body, "plain"))
    mail.attach(_part(_as_html(parcel), "html"))
    return mail


def _part(text: str, subtype: str) -> MIMEText:
    """Quoted-printable, which stays readable in Latin scripts, and base64 for the others."""
    charset = Charset("utf-8")
    charset.body_encoding = QP if text.isascii() else BASE64
    return MIMEText(text, subtype, charset)  # type: ignore[arg-type]  # typeshed knows only names of charsets here


class MailCourier:
    """Hands mail to one SMTP server. Not for several threads."""

    def __init__(self) -> None:
        self._smtp: smtplib.SMTP | None = None

    @staticmethod
    def serves() -> bool:
        """A mail server is always named."""
        return True

    def hand_over(self, parcel: Parcel) -> None:
        """See `delivery.Courier`. A connection that the server closed while idle is opened anew, unnoticed."""
        wire = compose(parcel).as_bytes(policy=_WIRE)
        frm = bounce_address(parcel.message_id)
        fresh = self._smtp is None
        smtp = self._connected()
        try:
            answer = smtp.docmd(f"MAIL FROM:<{frm}>")
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            if fresh:
                raise Unreachable(str(error) or type(error).__name__) from error
            smtp = self._connected()
            try:
                answer = smtp.docmd(f"MAIL FROM:<{frm}>")
            except (OSError, smtplib.SMTPException) as again:
                self._drop()
                raise Unreachable(str(again) or type(again).__name__) from again
        self._look(answer, mailbox=False)
        self._look(self._ask(smtp, f"RCPT TO:<{parcel.to}>"), mailbox=True)
        go_ahead = self._ask(smtp, "DATA")
        if go_ahead[0] != 354:
            self._look(go_ahead, mailbox=False)
            self._drop()
            raise Temporary(_said(go_ahead))
        try:
            smtp.send(re.sub(rb"(?m)^\.", b"..", wire) + (b"" if wire.endswith(b"\r\n") else b"\r\n") + b".\r\n")
            answer = smtp.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise InDoubt(str(error) or type(error).__name__) from error
        self._look(answer, mailbox=False)

    def _ask(self, smtp: smtplib.SMTP, command: str) -> tuple[int, bytes]:
        try:
            return smtp.docmd(command)
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise Temporary(str(error) or type(error).__name__) from error

    def _look(self, answer: tuple[int, bytes], *, mailbox: bool) -> None:
        code = answer[0]
        if 200 <= code < 300:
            return
        words = _said(answer)
        if code == 421:
            self._drop()
            raise Unreachable(words)
        self._reset()
        if 500 <= code < 600:
            raise Permanent(
                words, bad_address=mailbox and (code in (550, 551, 553) or bool(_BAD_MAILBOX.search(words)))
            )
        raise Temporary(words)

    def _reset(self) -> None:
        try:
            if self._smtp is not None and self._smtp.docmd("RSET")[0] != 250:
                self._drop()
        except (OSError, smtplib.SMTPException):
            self._drop()

    def _connected(self) -> smtplib.SMTP:
        if self._smtp is not None:
            return self._smtp
        smtp = None
        try:
            # Our own name is given, because smtplib would ask the name server for it each time.
            smtp = smtplib.SMTP(
                settings.EMAIL_HOST, settings.EMAIL_PORT, local_hostname=sender_domain(), timeout=settings.EMAIL_TIMEOUT
            )
            smtp.ehlo_or_helo_if_needed()
            if settings.EMAIL_USE_TLS:
                smtp.starttls(context=ssl.create_default_context())
                smtp.ehlo()
            if settings.EMAIL_HOST_USER:
                smtp.login(settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD)
        except (OSError, smtplib.SMTPException) as error:
            if smtp is not None:
                smtp.close()
            raise Unreachable(str(error) or type(error).__name__) from error
        self._smtp = smtp
        return smtp

    def _drop(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None

    def close(self) -> None:
        """Say goodbye."""
        if self._smtp is not None:
            try:
                self._smtp.quit()
            except (OSError, smtplib.SMTPException):
                self._smtp.close()
            self._smtp = None


def _said(answer: tuple[int, bytes]) -> str:
    return f"{answer[0]} {answer[1].decode('utf-8', 'replace')}"[:280]
