"""`./wasl lock`: choose the versions of all packages anew, within requirements*.in, and write the lock files."""

import sys
from pathlib import Path

from wasl.site.cli.console import parser, run, step
from wasl.site.installation import ROOT


def main(arguments: list[str]) -> int:
    """Write requirements.lock and requirements-test.lock. Raises Refusal when no set of versions fits."""
    options = parser("Choose package versions anew and write requirements.lock and requirements-test.lock.")
    options.add_argument("--upgrade", action="store_true", help="also move packages that are locked already")
    given = options.parse_args(arguments)
    log = ROOT / ".cache" / "lock.log"
    log.parent.mkdir(exist_ok=True)
    uv = Path(sys.executable).with_name("uv")
    # The lock names no index: whoever installs uses his own.
    how = ["--generate-hashes", "--no-emit-index-url", "--no-emit-find-links", "--no-annotate", "--quiet"]
    how += ["--universal", "--python-version", "3.11", *(["--upgrade"] if given.upgrade else [])]
    for name in ("requirements", "requirements-test"):
        with step(f"locking {name}.in", f"{name}.lock written"):
            command = [str(uv), "pip", "compile", *how, f"{name}.in", "-o", f"{name}.lock"]
            run(command, "Locking", cwd=ROOT, log=log)
    return 0
