"""The demo's mail server: takes every mail and keeps it as a file, so that nothing of a demo reaches a real person.

`python -m wasl.channels.mail.catcher --port N --dir FOLDER [--bounces HOST:PORT]`. Knows no Django. Mail to an address
whose domain begins with `bounce.` is taken and then returned as undeliverable, to show what happens then.
"""

import argparse
import asyncio
import itertools
import os
import re
import signal
import smtplib
import sys
import time
from email.message import Message
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

KEEP = 5000
LARGEST_BYTES = 20_000_000


class Catcher:
    """Keeps what comes. A file is there wholly or not at all, before the sender hears that it was taken."""

    def __init__(self, folder: Path, bounces: tuple[str, int] | None = None) -> None:
        self.folder, self.bounces = folder, bounces
        self._count = itertools.count()
        self._returning: set[asyncio.Task[None]] = set()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def handle_RCPT(  # noqa: N802 # the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 # the library's name
        content = envelope.content or b""
        data = content if isinstance(content, bytes) else content.encode()
        number = next(self._count)
        name = f"{time.time_ns():020d}-{os.getpid()}-{number}.eml"
        head = f"X-Envelope-From: {envelope.mail_from}\r\nX-Envelope-To: {', '.join(envelope.rcpt_tos)}\r\n".encode()
        part = self.folder / f".{name}.part"
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(head + data)
        part.replace(self.folder / name)
        if number % 200 == 0:
            self._forget_oldest()
        dead = [to for to in envelope.rcpt_tos if to.rpartition("@")[2].startswith("bounce.")]
        if dead and self.bounces and envelope.mail_from:
            task = asyncio.create_task(self._return(data, envelope.mail_from, dead[0]))
            self._returning.add(task)
            task.add_done_callback(self._returning.discard)
        return f"250 kept as {name}"

    def _forget_oldest(self) -> None:
        kept = sorted(self.folder.glob("*.eml"))
        for file in kept[: max(0, len(kept) - KEEP)]:
            file.unlink(missing_ok=True)

    async def _return(self, data: bytes, frm: str, dead: str) -> None:
        await asyncio.sleep(1)
        report = undeliverable(data, to=frm, dead=dead)
        host, port = self.bounces or ("127.0.0.1", 0)

        def post() -> None:
            with smtplib.SMTP(host, port, timeout=10) as smtp:
                smtp.sendmail("", [frm], report.as_bytes(policy=compat32.clone(linesep="\r\n")))

        try:
            await asyncio.to_thread(post)
        except (OSError, smtplib.SMTPException) as error:
            print(f"catcher: the bounce for {dead} was not taken: {error}", file=sys.stderr, flush=True)


def undeliverable(
    original: bytes, *, to: str, dead: str, status: str = "5.1.1", action: str = "failed"
) -> MIMEMultipart:
    """A delivery status notification as mail servers send it (RFC 3464, RFC 3462)."""
    report = MIMEMultipart("report")
    report.set_param("report-type", "delivery-status")
    report["From"] = "MAILER-DAEMON@catcher.example"
    report["To"] = to
    report["Subject"] = "Undelivered Mail Returned to Sender"
    report["Auto-Submitted"] = "auto-replied"
    report.attach(MIMEText(f"I could not deliver your mail to {dead}: there is no such person here.\n"))
    fields = Message()
    fields["Reporting-MTA"] = "dns; catcher.example"
    one = Message()
    one["Final-Recipient"] = f"rfc822; {dead}"
    one["Action"] = action
    one["Status"] = status
    one["Diagnostic-Code"] = "smtp; 550 5.1.1 no such person here"
    status_part = MIMEBase("message", "delivery-status")
    status_part.set_payload([fields, one])
    report.attach(status_part)
    head = MIMEBase("text", "rfc822-headers")
    lines = re.split(rb"\r?\n\r?\n", original, maxsplit=1)[0].decode("ascii", "replace").splitlines()
    head.set_payload("\n".join(lines) + "\n")
    report.attach(head)
    return report


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host or "127.0.0.1", int(port)


async def serve(folder: Path, port: int, bounces: tuple[str, int] | None, host: str = "127.0.0.1") -> None:
    """Until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    handler = Catcher(folder, bounces)

    def session() -> SMTP:
        return SMTP(
            handler,
            loop=loop,
            hostname="catcher.example",
            data_size_limit=LARGEST_BYTES,
            ident="Wasl demo",
            enable_SMTPUTF8=True,
        )

    server = await loop.create_server(session, host=host, port=port)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    print(f"catcher: listening on {host}:{port}, keeping mail in {folder}", file=sys.stderr, flush=True)
    await ended.wait()
    server.close()


def main(arguments: list[str] | None = None) -> None:
    options = argparse.ArgumentParser(description="Take every mail and keep it as a file.")
    options.add_argument("--port", type=int, default=int(os.environ.get("WASL_MAIL_PORT", "1025")))
    options.add_argument("--dir", type=Path, default=Path(os.environ.get("WASL_DATA", ".")) / "mail")
    options.add_argument("--bounces", type=_address, help="host:port that undeliverable mail is reported to")
    given = options.parse_args(arguments)
    asyncio.run(serve(given.dir, given.port, given.bounces))


__all__ = ["Catcher", "main", "serve", "undeliverable"]

if __name__ == "__main__":
    main()
