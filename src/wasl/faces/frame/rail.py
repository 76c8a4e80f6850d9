"""The desk's left rail: what one place to go looks like. Which places a role sees is decided by the desk."""

from dataclasses import dataclass

from django.utils.functional import Promise


@dataclass(frozen=True)
class RailItem:
    """One place: `icon` of frontend/icons.txt, `label` for people, `key` the shortcut (as in `g l`).

    `count` is shown when it is not zero; `urgent` colours the count red.
    The page's context variable `rail` is a list of these.
    """

    icon: str
    label: str | Promise
    url: str
    current: bool = False
    key: str = ""
    count: int | None = None
    urgent: bool = False
