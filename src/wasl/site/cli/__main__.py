"""Finds the command and turns what goes wrong into one sentence."""

import importlib
import sys

from wasl.kernel.postgres import PostgresError
from wasl.site.cli.console import Refusal

COMMANDS = {
    "up": "start everything; Ctrl-C stops it",
    "test": "run every check and test (--fast: without the real servers and the browser)",
    "manage": "Django's own commands",
    "voice": "voice install: fetch Asterisk, which carries the telephone calls",
    "journal": "journal verify: prove that no entry was changed, removed or slipped in",
    "replay": "play a file of real requests through the running Open311 interface",
    "backup": "write data base, files and keys into one archive",
    "restore": "make a data folder from such an archive",
    "bench": "measure one thing against its limit or a peer",
    "pictures": "draw the pictures of the documentation anew",
    "words": "gather the words for people into the catalogues",
    "lock": "choose package versions anew and write the lock files",
}


def main() -> int:
    """Run the command named first. 0 is success, 1 a refusal with its sentence, 2 a wrong call, 130 Ctrl-C."""
    name, arguments = (sys.argv[1], sys.argv[2:]) if len(sys.argv) > 1 else ("--help", [])
    if name in ("-h", "--help", "help"):
        print("usage: ./wasl COMMAND ...\n")
        for command, does in COMMANDS.items():
            print(f"  {command:<9}{does}")
        print("\n./wasl COMMAND --help says more.")
        return 0
    if name not in COMMANDS:
        print(f"wasl: there is no command {name!r}; ./wasl --help lists them.", file=sys.stderr)
        return 2
    sys.argv[0] = f"wasl {name}"
    module = importlib.import_module(f"wasl.site.cli.{name}")
    try:
        return int(module.main(arguments))
    except (Refusal, PostgresError) as refusal:
        print(f"wasl: {refusal}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output left (`| head`); there is nobody to tell.
        sys.stderr.close()
        return 1


if __name__ == "__main__":
    sys.exit(main())
