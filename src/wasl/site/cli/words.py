"""`./wasl words`: gather the words for people into the catalogues, and say what still lacks a translation."""

from wasl.site import catalogues
from wasl.site.cli.console import parser, say


def main(arguments: list[str]) -> int:
    """Bring the .po files up to the source and compile them; 1 when something lacks a translation."""
    options = parser("Gather the words for people into src/wasl/locale, and say what lacks a translation.")
    options.add_argument("--check", action="store_true", help="change nothing, only say what is wrong")
    given = options.parse_args(arguments)
    if not given.check:
        catalogues.update()
        catalogues.compile_catalogues()
    wrong = catalogues.faults()
    for fault in wrong[:40]:
        say(fault)
    say(f"{len(wrong)} faults" if wrong else f"all is translated: {', '.join(catalogues.PLURALS)}")
    return 1 if wrong else 0
