"""What a map says about a file of real requests: which column is what, where a row lies, which category it becomes.

Pure: reads no requests and sends nothing. The format stands at the top of `new_haven.toml`.
"""

import hashlib
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

__all__ = ["BadMap", "Box", "Request", "RequestMap", "Shift", "read", "shipped"]

Row = Mapping[str, str]
COLUMNS = ("lat", "lng", "description", "address", "created_at", "service")
_METRES_PER_DEGREE = 111_320.0


class BadMap(ValueError):
    """The file is not a map; the sentence says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Box:
    """A part of the map in degrees; west and south edges belong to it."""

    west: float
    south: float
    east: float
    north: float

    def holds(self, lon: float, lat: float) -> bool:
        """Whether the point lies in the box."""
        return self.west <= lon < self.east and self.south <= lat < self.north

    def at(self, x: float, y: float) -> tuple[float, float]:
        """The point (longitude, latitude) at the fractions `x`, `y` of the way from the west and the south."""
        return self.west + x * (self.east - self.west), self.south + y * (self.north - self.south)

    def clip(self, lon: float, lat: float) -> tuple[float, float]:
        """The nearest point of the box."""
        return min(max(lon, self.west), self.east), min(max(lat, self.south), self.north)


@dataclass(frozen=True, slots=True)
class Shift:
    """A part of the source city and where it comes to lie; `share` weighs it where rows are placed by a digest."""

    source: Box | None
    target: Box
    share: float


@dataclass(frozen=True, slots=True)
class Request:
    """One row, ready to be sent. `created_at` is when it was made in the source city, None where none can be read."""

    service: str
    category: str
    lon: float
    lat: float
    description: str
    address: str
    created_at: datetime | None


@dataclass(frozen=True)
class RequestMap:
    """A map as it was read."""

    columns: Mapping[str, str]
    encoding: str
    time: str
    zone: ZoneInfo
    mode: str
    shifts: tuple[Shift, ...]
    key: tuple[str, ...]
    near: tuple[str, ...]
    spread_m: float
    default: str
    exact: Mapping[str, str]
    patterns: tuple[tuple[re.Pattern[str], str], ...]
    vague: frozenset[str]
    look: int | None

    def request(self, row: Row) -> Request:
        """The request that a row of the file makes. Raises KeyError for a row that lacks a named column."""
        service, description = self._cell(row, "service"), self._cell(row, "description")
        lon, lat = self.place(row)
        return Request(
            service=service,
            category=self.category(service, description),
            lon=lon,
            lat=lat,
            description=description or service,
            address=self._cell(row, "address"),
            created_at=self.created_at(row),
        )

    @cached_property
    def categories(self) -> frozenset[str]:
        """Every category that a row can become."""
        return frozenset({self.default, *self.exact.values(), *(code for _, code in self.patterns)})

    def category(self, service: str, description: str = "") -> str:
        """The category of a service, by the order that the head of `new_haven.toml` gives."""
        name, beginning = _folded(service), description[: self.look]
        found = self._searched(beginning) if name in self.vague else None
        return found or self.exact.get(name) or self._searched(service) or self._searched(beginning) or self.default

    def place(self, row: Row) -> tuple[float, float]:
        """Where a row comes to lie: longitude and latitude in degrees, the same at each call."""
        if self.mode == "shift":
            point = self._point(row)
            for shift in self.shifts:
                if point is not None and shift.source is not None and shift.source.holds(*point):
                    lon, lat = point
                    source = shift.source
                    return shift.target.at(
                        (lon - source.west) / (source.east - source.west),
                        (lat - source.south) / (source.north - source.south),
                    )
        return self._hashed(row)

    def created_at(self, row: Row) -> datetime | None:
        """When the request was made, aware; None where the file does not say or what it says is no time."""
        text = self._cell(row, "created_at")
        try:
            at = datetime.fromisoformat(text) if self.time == "iso" else datetime.strptime(text, self.time)  # noqa: DTZ007  the zone follows
        except ValueError:
            return None
        return at if at.tzinfo else at.replace(tzinfo=self.zone)

    def _cell(self, row: Row, what: str) -> str:
        column = self.columns.get(what)
        return (row[column] or "").strip() if column else ""

    def _searched(self, text: str) -> str | None:
        return next((code for pattern, code in self.patterns if pattern.search(text)), None) if text else None

    def _point(self, row: Row) -> tuple[float, float] | None:
        try:
            lon, lat = float(self._cell(row, "lng")), float(self._cell(row, "lat"))
        except ValueError:
            return None
        return (lon, lat) if math.isfinite(lon) and math.isfinite(lat) else None

    def _hashed(self, row: Row) -> tuple[float, float]:
        pick, x, y = _fractions("|".join(row[column] or "" for column in self.key))
        mark = pick * sum(shift.share for shift in self.shifts)
        for shift in self.shifts:
            mark -= shift.share
            if mark < 0:
                break
        lon, lat = shift.target.at(x, y)
        turn, away, _ = _fractions("|".join(row[column] or "" for column in self.near))
        # The square root spreads the points evenly over the disc.
        metres, angle = self.spread_m * math.sqrt(away), turn * math.tau
        north = metres * math.sin(angle) / _METRES_PER_DEGREE
        east = metres * math.cos(angle) / (_METRES_PER_DEGREE * math.cos(math.radians(lat)))
        return shift.target.clip(lon + east, lat + north)


def shipped(name: str) -> Path:
    """The file of a map that comes with the house, such as `new_haven`."""
    return Path(__file__).with_name(f"{name}.toml")


def read(path: Path) -> RequestMap:
    """The map in `path`. Raises BadMap with a sentence, OSError where the file cannot be read."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadMap(f"{path.name} is not TOML: {error}") from error
    try:
        return _made(content)
    except BadMap as error:
        raise BadMap(f"{path.name}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadMap(f"{path.name} is not a map: {type(error).__name__} {error}") from error


def _made(content: Mapping[str, Any]) -> RequestMap:
    file, place, services = content.get("file", {}), content["place"], content["services"]
    columns = {what: column for what, column in content["columns"].items() if column}
    if unknown := set(columns) - set(COLUMNS):
        raise BadMap(f"[columns] knows no {', '.join(sorted(unknown))}")
    if "service" not in columns:
        raise BadMap("[columns] must name the column of the service")
    shifts = tuple(
        Shift(_box(one["from"]) if "from" in one else None, _box(one["to"]), float(one.get("share", 1)))
        for one in place["shift"]
    )
    mode = place["mode"]
    if mode not in ("shift", "hash"):
        raise BadMap(f'[place] mode is "shift" or "hash", not {mode!r}')
    if mode == "shift" and any(shift.source is None for shift in shifts):
        raise BadMap("every [[place.shift]] needs a `from` where rows are shifted")
    if not shifts or any(shift.share <= 0 for shift in shifts):
        raise BadMap("[[place.shift]] must be there, each with a share above 0")
    return RequestMap(
        columns=columns,
        encoding=file.get("encoding", "utf-8"),
        time=file.get("time", "iso"),
        zone=_zone(file.get("zone", "UTC")),
        mode=mode,
        shifts=shifts,
        key=tuple(place.get("key", ())),
        near=tuple(place.get("near", ())),
        spread_m=float(place.get("spread_m", 0)),
        default=services["default"],
        exact={_folded(name): code for name, code in services.get("exact", {}).items()},
        patterns=tuple((_pattern(text), code) for text, code in services.get("patterns", ())),
        vague=frozenset(_folded(name) for name in services.get("vague", ())),
        look=services.get("look"),
    )


def _box(numbers: list[float]) -> Box:
    box = Box(*(float(number) for number in numbers))
    if not (-180 <= box.west < box.east <= 180 and -90 <= box.south < box.north <= 90):
        raise BadMap(f"{numbers} is not a box [west, south, east, north]")
    return box


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error as error:
        raise BadMap(f"the pattern {text!r} cannot be read: {error}") from error


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise BadMap(f"{name!r} is not a time zone") from error


def _folded(name: str) -> str:
    return name.strip().casefold()


def _fractions(text: str) -> tuple[float, float, float]:
    """Three numbers in [0, 1) that only the text decides."""
    digest = hashlib.sha256(text.encode()).digest()
    a, b, c = (int.from_bytes(digest[start : start + 6], "big") / 2**48 for start in (0, 6, 12))
    return a, b, c
