"""A flow as a picture: where its steps lie and how the ways between them run. What they mean is not known here.

Steps lie in rows by how far they are from the beginning; within a row they lie near those that lead to them. The
picture has no words that the list of steps beside it does not have, so it is hidden from screen readers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from wasl.services.calls.checking import ways

WIDTH: Final = 176
HEIGHT: Final = 54
_GAP_X, _GAP_Y, _EDGE = 28, 62, 40
_APART, _LANES = 7, 5
"""How far ways upwards keep from one another, beside the boxes and between their rows."""


@dataclass(frozen=True, slots=True)
class Box:
    """One step: its left upper corner, and whether anything leads to it."""

    name: str
    kind: str
    x: int
    y: int
    reached: bool


@dataclass(frozen=True, slots=True)
class Way:
    """A line from one step to another, as the path of SVG; `back` runs against the order of the rows."""

    path: str
    key: str
    x: int
    y: int
    back: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """All of it, in pixels."""

    width: int
    height: int
    boxes: list[Box]
    ways: list[Way]


def draw(data: Mapping[str, Any]) -> Drawing:
    """The picture of a flow, also of one that cannot be walked."""
    nodes: Mapping[str, Mapping[str, Any]] = data.get("nodes") or {}
    rows, reached = _rows(str(data.get("start", "")), nodes)
    most = max((len(row) for row in rows), default=0)
    width = _EDGE * 2 + most * WIDTH + max(0, most - 1) * _GAP_X
    at: dict[str, tuple[int, int]] = {}
    for n, row in enumerate(rows):
        left = (width - len(row) * WIDTH - (len(row) - 1) * _GAP_X) // 2
        for place, name in enumerate(row):
            at[name] = (left + place * (WIDTH + _GAP_X), 12 + n * (HEIGHT + _GAP_Y))
    boxes = [Box(name, str(nodes[name].get("kind", "")), x, y, name in reached) for name, (x, y) in at.items()]
    lines: list[Way] = []
    upwards = 0
    for name, node in nodes.items():
        found = [one for one in ways(node) if one[1] in at]
        for place, (key, to) in enumerate(found):
            x = at[name][0] + WIDTH * (place + 1) // (len(found) + 1)
            if at[to][1] > at[name][1]:
                lines.append(_down(x, at[name][1] + HEIGHT, at[to], key))
            else:
                lines.append(_up(x, at[name][1] + HEIGHT, at[to], key, width, upwards))
                upwards += 1
    width += upwards * _APART
    return Drawing(width, 24 + len(rows) * HEIGHT + len(rows) * _GAP_Y, boxes, lines)


def _rows(start: str, nodes: Mapping[str, Mapping[str, Any]]) -> tuple[list[list[str]], set[str]]:
    """The names row by row, and which of them are reached; person and mailbox are, by 0 and by the night."""
    depth: dict[str, int] = {}
    for beginning in (start, "person", "mailbox", *nodes):
        if beginning not in nodes or beginning in depth:
            continue
        first = 0 if not depth or beginning == start else 1 + max(depth.values())
        edge, depth[beginning] = [beginning], first
        while edge:
            name = edge.pop(0)
            for _key, to in ways(nodes[name]):
                if to in nodes and to not in depth:
                    depth[to] = depth[name] + 1
                    edge.append(to)
    led_to = {to for node in nodes.values() for _key, to in ways(node)} | {start, "person", "mailbox"}
    rows: list[list[str]] = [[] for _ in range(1 + max(depth.values(), default=-1))]
    for name in depth:
        rows[depth[name]].append(name)
    for above, row in pairwise(rows):
        place = {name: n for n, name in enumerate(above)}
        parents = {
            name: [place[p] for p in above if name in (to for _key, to in ways(nodes[p]))] or [len(above)]
            for name in row
        }
        row.sort(key=lambda name: sum(parents[name]) / len(parents[name]))
    return [row for row in rows if row], led_to & set(nodes)


def _down(x: int, y: int, end: tuple[int, int], key: str) -> Way:
    """Ways that leave one step begin beside one another, so that their keys can be read."""
    to, middle = end[0] + WIDTH // 2, (y + end[1]) // 2
    return Way(f"M{x} {y}C{x} {middle} {to} {middle} {to} {end[1] - 4}", key, x + 4, y + 14, back=False)


def _up(x: int, y: int, end: tuple[int, int], key: str, side: int, n: int) -> Way:
    """Between the rows to the side, up beside all boxes, and back between the rows: through no box."""
    lane = _APART * (n % _LANES)
    side += _APART * n - _EDGE // 2
    to = end[0] + WIDTH - 20 - lane
    path = f"M{x} {y}V{y + 18 + lane}H{side}V{end[1] - 14 - lane // 2}H{to}V{end[1] - 4}"
    return Way(path, key, x + 4, y + 14, back=True)
