"""`./wasl journal verify`: prove every chain and daily root of the journal."""

from wasl.site.cli.console import django, parser
from wasl.site.installation import Installation


def main(arguments: list[str]) -> int:
    """0 when every entry stands as it was written; 1 and the name of the first broken entry otherwise."""
    options = parser("Prove that no entry of the journal was changed, removed or slipped in.")
    options.add_argument("do", choices=["verify"])
    options.add_argument("--data", help="data folder (default: WASL_DATA or ./data)")
    given = options.parse_args(arguments)
    with django(Installation.at(given.data)):
        from django.core.management import call_command

        call_command("verify_journal")
    return 0
