"""`./wasl pictures`: draw the pictures of docs/pictures.md anew from a demo city made for it."""

import subprocess
import sys

from wasl.site.cli.console import parser
from wasl.site.cli.test import install_debian
from wasl.site.installation import ROOT


def main(arguments: list[str]) -> int:
    """0 when all pictures were drawn."""
    parser("Draw the pictures of docs/pictures.md anew, in Arabic and English.").parse_args(arguments)
    log = ROOT / ".cache" / "pictures.log"
    log.parent.mkdir(exist_ok=True)
    install_debian(log)
    done = subprocess.run([sys.executable, "-m", "tests.real.pictures", str(ROOT / "docs")], cwd=ROOT, check=False)
    return done.returncode
