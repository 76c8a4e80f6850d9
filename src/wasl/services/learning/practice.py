"""The door between the house and its practice: where the practice is, what it is loaded with, and who may go in.

The practice is a second house of the same program with its own data base, files, keys and address (`site.practice`); so
no query, figure, queue or root can meet a made-up case. Through the door go the organisation, the rule book and the
words of messages, with the addresses of units taken out, and of people only the one who goes in.
"""

import json
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import serializers, signing
from django.core.cache import cache

from wasl.core.catalogue import queries as catalogue
from wasl.core.catalogue.models import Edition
from wasl.core.organisation import rights
from wasl.core.organisation.models import Area, Calendar, City, Staff, Unit
from wasl.services.messages.models import Template

WORLD, WANTED, ANEW, TROUBLE = "world.json", "wanted", "anew", "trouble"
"""Files of the practice's folder: what it is loaded with, when it was wanted last, to begin anew, why it cannot."""
DOOR_S = 60
_SALT = "wasl.practice.door"


class Shut(Exception):
    """Whoever knocks has no good token."""


@dataclass(frozen=True, slots=True)
class Trainee:
    """Who goes in: the id of the staff member in the house, names, language and posts by codes of unit and area."""

    pk: int
    names: dict[str, str]
    language: str
    posts: list[dict[str, str]]


def folder() -> Path:
    """The data folder of the practice, as the house sees it."""
    return Path(settings.WASL_PRACTICE_DATA)


def is_offered() -> bool:
    """Whether this house has a practice at all."""
    return bool(settings.WASL_PRACTICE_URL) and (folder() / "secrets.json").exists() and not settings.WASL_IS_PRACTICE


def trouble() -> str:
    """Why the practice could not be made ready, in the operator's words; empty when nothing is known against it."""
    file = folder() / TROUBLE
    return file.read_text()[:500] if file.exists() else ""


def answers() -> bool:
    """Whether somebody listens at the practice's own port."""
    host, port = settings.WASL_PRACTICE_AT.rsplit(":", 1)
    try:
        with socket.create_connection((host.strip("[]"), int(port)), 0.5):
            return True
    except OSError:
        return False


def want() -> None:
    """Ask that the practice be made ready, loaded with the house as it is now."""
    there = folder() / WORLD
    world = json.dumps(_world(), ensure_ascii=False, sort_keys=True)
    if not there.exists() or there.read_text() != world:
        part = there.with_suffix(f".{secrets.token_hex(4)}.part")
        part.write_text(world)
        part.replace(there)
    (folder() / WANTED).touch()


def _world() -> list[dict[str, Any]]:
    """Rows as Django writes them; no person, no address that a mail or a call could reach, no account."""
    book = Edition.objects.filter(number=catalogue.in_force().number)
    found: list[Any] = [*City.objects.all(), *Calendar.objects.order_by("pk")]
    found += [*Area.objects.order_by("parent__pk", "pk"), *Unit.objects.order_by("path"), *book]
    found += Template.objects.order_by("pk")
    rows: list[dict[str, Any]] = json.loads(serializers.serialize("json", found))
    for row in rows:
        fields = row["fields"]
        for name in ("mail", "phone", "hotline"):
            if name in fields:
                fields[name] = ""
        for name in ("made_by", "published_by", "successor"):
            if name in fields:
                fields[name] = None
    return rows


def _key(place: Path) -> str:
    return str(json.loads((place / "secrets.json").read_text())["django_key"])


def door_url(staff: Staff) -> str:
    """The address that lets this person in, once and within a minute."""
    posts = [
        {"role": p.role, "unit": p.unit.code if p.unit else "", "area": p.area.code if p.area else ""}
        for p in rights.posts_of(staff)
    ]
    said = {
        "staff": staff.pk,
        "names": staff.names or {"en": staff.username},
        "language": staff.language,
        "posts": posts,
        "once": secrets.token_urlsafe(12),
    }
    token = signing.dumps(said, key=_key(folder()), salt=_SALT)
    return f"{settings.WASL_PRACTICE_URL}/practice/enter/?t={token}"


def open_door(token: str) -> Trainee:
    """Who stands at the door of this practice. Raises Shut for a token that is forged, old or was used before."""
    try:
        said = signing.loads(token, key=settings.SECRET_KEY, salt=_SALT, max_age=DOOR_S)
    except signing.BadSignature as error:
        raise Shut from error
    if not cache.add(f"door:{said['once']}", True, 2 * DOOR_S):
        raise Shut
    return Trainee(said["staff"], said["names"], said["language"], said["posts"])


def house_url() -> str:
    """From the practice, where the real house is."""
    scheme = urlsplit(settings.WASL_HOUSE_URL).scheme
    return str(settings.WASL_HOUSE_URL) if scheme in ("http", "https") else "/"
