"""`./wasl journal verify`: prove every chain and daily root of the journal."""

import time

from wasl.site.cli.console import django, parser, say
from wasl.site.installation import Installation


def main(arguments: list[str]) -> int:
    """0 when every entry stands as it was written; 1 and the name of the first broken entry otherwise."""
    options = parser("Prove that no entry of the journal was changed, removed or slipped in.")
    options.add_argument("do", choices=["verify"])
    options.add_argument("--data", help="data folder (default: WASL_DATA or ./data)")
    given = options.parse_args(arguments)
    began = time.monotonic()
    with django(Installation.at(given.data)):
        from wasl.core.cases.journal import verify

        proof = verify()
    if proof.broken:
        say(f"BROKEN: {proof.broken}")
        return 1
    say(
        f"unbroken: {proof.entries:,} entries of {proof.cases:,} cases, {proof.roots:,} daily roots"
        f" ({time.monotonic() - began:.1f} s)"
    )
    return 0
