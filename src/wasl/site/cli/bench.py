"""`./wasl bench NAME`: run a measure of `bench/` on an installation made for it, and thrown away after it."""

import importlib
import os
import shutil
import sys
import tempfile
from inspect import signature
from pathlib import Path

from wasl.site.cli.console import Refusal, parser, run, step
from wasl.site.installation import ROOT, Addresses, Installation

PLACE = ROOT / "bench"


def main(arguments: list[str]) -> int:
    """Runs `bench.NAME.main(quick)`, which prints its figures and, as the last line, `NAME ratio R`."""
    names = sorted(file.stem for file in PLACE.glob("*.py") if file.stem != "__init__")
    options = parser("Measure one thing against its limit or a peer. The last line is `NAME ratio R`.")
    options.add_argument("name", help=f"one of: {', '.join(names) or 'none yet'}")
    options.add_argument("--quick", action="store_true", help="a short run: less exact")
    options.add_argument("--long", action="store_true", help="a long run, of those that have one")
    given = options.parse_args(arguments)
    if given.name not in names:
        raise Refusal(f"there is no bench/{given.name}.py; there are: {', '.join(names) or 'none'}.")
    # Not in the temporary directory: that may be memory, and what is measured writes to disk.
    shelf = ROOT / ".cache" / "bench"
    shelf.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=shelf))
    try:
        installation = Installation(folder / "data", Addresses(demo="none"))
        installation.make()
        with installation.database():
            os.environ.update(installation.environment())
            with step("making the data base", "data base made"):
                for command in (["migrate", "--no-input"], ["load_city", "muscat"]):
                    run(
                        [sys.executable, "-P", "-m", "django", *command],
                        "Making the data base",
                        log=installation.log / "prepare.log",
                    )
            import django

            django.setup()
            sys.path.insert(0, str(ROOT))
            measure = importlib.import_module(f"bench.{given.name}").main
            if given.long and "long" not in signature(measure).parameters:
                raise Refusal(f"{given.name} has no long run.")
            measure(given.quick, **({"long": True} if given.long else {}))
            from django.db import connections

            connections.close_all()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0
