"""`./wasl voice install`: fetch Asterisk, which carries the telephone calls; without it everything else still runs."""

import os
from pathlib import Path

from wasl.channels.voice import asterisk
from wasl.channels.voice.asterisk import VoiceError
from wasl.site.cli.console import Refusal, parser, run, say, step
from wasl.site.installation import Installation


def main(arguments: list[str]) -> int:
    """Install it into the data folder, or say which one is used. Raises Refusal."""
    options = parser("Fetch Asterisk, which carries the telephone calls, into the data folder.")
    options.add_argument("what", choices=["install"])
    options.add_argument("--data", help="data folder (default: WASL_DATA or ./data)")
    installation = Installation.at(options.parse_args(arguments).data)
    installation.make()
    folder = installation.asterisk

    def quietly(command: list[str], env: dict[str, str]) -> None:
        run(command, f"{command[0]} of Asterisk", env=env or None, log=installation.log / "voice-install.log")

    try:
        one = asterisk.found(folder)
        if one is None:
            with step("fetching Asterisk from Debian, about 80 MB", "Asterisk fetched"):
                one = asterisk.install(folder, quietly)
        where = "the system's own" if one.prefix == Path(os.sep) else str(one.prefix)
        say(f"  Asterisk {one.version()} is there: {where}. ./wasl up starts it.")
    except VoiceError as error:
        raise Refusal(str(error)) from error
    return 0
