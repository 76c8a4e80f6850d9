"""`./wasl manage asterisk`: write Asterisk's configuration from what is known, and become Asterisk."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import CommandError
from django.db import connection

from wasl.channels.voice import asterisk, carriers, certificate, configuration, music
from wasl.channels.voice.configuration import Tls, Voice
from wasl.channels.voice.speech import Speech
from wasl.services.calls import sentences
from wasl.site.demo import carrier
from wasl.site.management.daemon import Daemon


class Command(Daemon):
    """For the supervisor: this process is replaced by Asterisk's."""

    help = "Write Asterisk's configuration, and become Asterisk."

    def handle(self, *args: Any, **options: Any) -> None:
        found = asterisk.found(Path(settings.WASL_DATA) / "asterisk")
        if found is None:
            raise CommandError("there is no Asterisk: ./wasl voice install fetches it.")
        if settings.WASL_DEMO:
            carrier.connect()
        folder = Speech(settings.WASL_VOICE / "speech")
        first, last = (int(port) for port in settings.WASL_RTP_PORTS.split("-"))
        voice = Voice(
            host=settings.WASL_SIP_HOST,
            sip_port=settings.WASL_SIP_PORT,
            http_port=settings.WASL_ARI_PORT,
            manager_port=settings.WASL_AMI_PORT,
            rtp=(first, last),
            ari_secret=settings.WASL_ARI_SECRET,
            manager_secret=settings.WASL_AMI_SECRET,
            technical=_files(folder, sentences.TECHNICAL),
            nobody=_files(folder, sentences.NOBODY),
            trunks=carriers.known(),
            tls=_tls(),
        )
        connection.close()
        music.make(settings.WASL_VOICE / "moh")
        path = configuration.write(found, settings.WASL_VOICE, voice)
        command = found.command("-f", "-C", str(path))
        os.execv(command[0], command)  # noqa: S606 - no shell is wanted


def _tls() -> Tls | None:
    """Where we listen for SIP over TLS, with the certificate that was given or one of our own."""
    if not settings.WASL_SIP_TLS_PORT:
        return None
    if settings.WASL_SIP_CERTIFICATE:
        files = Path(settings.WASL_SIP_CERTIFICATE), Path(settings.WASL_SIP_KEY)
        for name, one in zip(("WASL_SIP_CERTIFICATE", "WASL_SIP_KEY"), files, strict=True):
            if not one.is_file() or not os.access(one, os.R_OK):
                raise CommandError(f"{name} names no file that can be read.")
    else:
        host = urlsplit(settings.WASL_BASE_URL).hostname or ""
        files = certificate.make(settings.WASL_VOICE / "tls", host, settings.WASL_SIP_HOST)
    return Tls(settings.WASL_SIP_TLS_PORT, *files)


def _files(folder: Speech, sentence: str) -> list[Path]:
    """Where the sentence is in every language, without the ending of its files."""
    return [folder.place(one.language, one.text).with_suffix("") for one in sentences.all_of(sentence)]
