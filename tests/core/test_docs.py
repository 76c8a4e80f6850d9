"""The life cycle in the docs is drawn from the table: run with WASL_DRAW=1 to draw it anew."""

import os
from pathlib import Path

from wasl.core.cases.transitions import diagram

PAGE = Path(__file__).parents[2] / "docs" / "case-life-cycle.md"
HEAD = """# The life cycle of a case

Drawn from `src/wasl/core/cases/transitions.py` by `tests/core/test_docs.py`; do not edit by hand.

"""


def test_the_docs_show_the_table_as_it_is() -> None:
    drawn = HEAD + diagram()
    if os.environ.get("WASL_DRAW"):
        PAGE.write_text(drawn)
    assert PAGE.read_text() == drawn, "run: WASL_DRAW=1 ./.venv/bin/pytest tests/core/test_docs.py"
