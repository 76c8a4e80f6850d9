"""Who is told at once that something of the telephone changed: pages by topic, the controller by its channel.

A notice holds no words: `staff:7` is that person's own page, `phones` the board of all. It is sent with the commit.
"""

from collections.abc import Iterable

from wasl.kernel import rows

CHANNEL = "wasl_calls"
"""The controller listens here; what it hears only says: look again."""
BOARD = "phones"
SOMEBODY = "{who}"
"""In a notice: who the statement that sends it finds."""


def notice(staff: Iterable[int | str | None] = ()) -> str:
    """What is said on the live channel to the pages of these people and the board, for a statement that says it."""
    return rows.notice([BOARD, *(f"staff:{one}" for one in dict.fromkeys(staff) if one)], "phone")


def tell(staff: Iterable[int | None] = ()) -> None:
    """The pages of these people and the board look again."""
    rows.tell([notice(staff)])


def wake(what: str = "line") -> None:
    """The controller looks again: `line` for seats and waiting callers, `command` for what is to be done."""
    rows.read("SELECT pg_notify($1, $2)", [CHANNEL, what])
