"""A report in the making: its steps, what is still missing, and what is sent in the end. Pages only show it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from wasl.core.cases import actions as cases
from wasl.core.cases.change import THE_CITIZEN
from wasl.core.cases.intake import Receipt, Report
from wasl.core.catalogue import queries as catalogue
from wasl.core.catalogue.book import Category
from wasl.core.contacts import actions as contacts
from wasl.core.contacts.models import Attachment, Contact
from wasl.core.organisation import queries as organisation
from wasl.core.people.actions import Reach
from wasl.core.people.models import Person
from wasl.faces.portal.models import KEPT_FOR, Draft
from wasl.kernel import clock

MOST_PHOTOS = 6
NONE_FITS = "-"
NO_PLACE = "-"


@dataclass(frozen=True)
class Step:
    """One page of the report; `done` says whether what it asks for is there."""

    name: str
    label: str | Promise
    done: Callable[[Mapping[str, Any]], bool]


def _placed(data: Mapping[str, Any]) -> bool:
    return bool(data.get("address") or data.get("area") or data.get("lat") is not None)


STEPS = (
    Step("what", pgettext_lazy("step", "What"), lambda d: bool(d.get("category"))),
    Step("where", pgettext_lazy("step", "Where"), _placed),
    Step(
        "details",
        pgettext_lazy("step", "Details"),
        lambda d: bool(d.get("text") and d.get("asked")) and d["asked"] == d.get("category"),
    ),
    Step("you", pgettext_lazy("step", "You"), lambda d: bool(d.get("how"))),
    Step("check", pgettext_lazy("step", "Check"), lambda d: False),
)


class DraftIncomplete(Exception):
    """Something is still to be filled in; `step` says where."""

    def __init__(self, step: str) -> None:
        super().__init__(step)
        self.step = step


class TooManyPhotos(Exception):
    """A report takes only so many files."""

    sentence = gettext_lazy("You can add up to %(most)s files. The first ones were kept.")

    def __str__(self) -> str:
        return self.sentence % {"most": MOST_PHOTOS}


def first_missing(data: Mapping[str, Any], before: str = "check") -> str | None:
    """The first step before `before` that is not done, or nothing."""
    for step in STEPS:
        if step.name == before:
            return None
        if not step.done(data):
            return step.name
    return None


def following(name: str) -> str:
    """The step after `name`."""
    names = [step.name for step in STEPS]
    return names[min(names.index(name) + 1, len(names) - 1)]


def category_of(data: Mapping[str, Any]) -> Category | None:
    """The category that was chosen, if it is still in the rule book."""
    return catalogue.in_force().category(data.get("category", ""))


def begin(*, text: str = "", kind: str = "", language: str) -> Draft:
    """A new draft; old ones of anybody are thrown away on the way, a few at a time."""
    purge(limit=20)
    draft = Draft(begun_at=clock.now())
    draft.data = {"text": text, "kind": kind, "language": language}
    draft.save(force_insert=True)
    return draft


def purge(limit: int = 10_000) -> int:
    """Delete drafts that are over, `limit` at the most; how many they were. A daily job."""
    over = Draft.objects.filter(begun_at__lt=clock.now() - KEPT_FOR).values("pk")[:limit]
    return Draft.objects.filter(pk__in=list(over.values_list("pk", flat=True))).delete()[0]


@transaction.atomic
def fill(draft: Draft, **fields: Any) -> Draft:
    """Keep what one page asked for; other pages' answers stay as they are, also when two tabs write at once."""
    held = Draft.objects.select_for_update().get(pk=draft.pk)
    if held.case_id is None:
        held.data = {**held.data, **fields}
        held.save(update_fields=["sealed"])
    return held


_PLAIN = ("kind", "name", "mime", "size", "original", "shown", "thumb", "width", "height", "phash")


def _as_json(made: Attachment) -> dict[str, Any]:
    return {
        "id": made.pk,
        **{name: getattr(made, name) for name in _PLAIN},
        "sha256": bytes(made.sha256).hex(),
        "position": bytes(made.position_sealed).hex() if made.position_sealed else "",
        "taken_at": made.taken_at.isoformat() if made.taken_at else "",
    }


def as_row(kept: Mapping[str, Any]) -> Attachment:
    """A file of a draft as the row, not yet written, that a verb takes."""
    return Attachment(
        id=kept["id"],
        **{name: kept[name] for name in _PLAIN},
        sha256=bytes.fromhex(kept["sha256"]),
        position_sealed=bytes.fromhex(kept["position"]) if kept["position"] else None,
        taken_at=datetime.fromisoformat(kept["taken_at"]) if kept["taken_at"] else None,
    )


def add_photo(draft: Draft, data: bytes, name: str) -> Draft:
    """Take a file into the draft. Raises media.MediaRefused, TooManyPhotos."""
    if len(draft.data.get("photos", ())) >= MOST_PHOTOS:
        raise TooManyPhotos
    made = _as_json(contacts.keep(data, name))
    with transaction.atomic():
        held = Draft.objects.select_for_update().get(pk=draft.pk)
        filled = held.data
        photos = filled.get("photos", [])
        if any(photo["sha256"] == made["sha256"] for photo in photos) or held.case_id is not None:
            return held
        if len(photos) >= MOST_PHOTOS:
            raise TooManyPhotos
        held.data = {**filled, "photos": [*photos, made]}
        held.save(update_fields=["sealed"])
    return held


@transaction.atomic
def remove_photo(draft: Draft, number: int) -> Draft:
    """Take a file out of the draft; its bytes go with the next sweep."""
    held = Draft.objects.select_for_update().get(pk=draft.pk)
    if held.case_id is None:
        filled = held.data
        held.data = {**filled, "photos": [p for p in filled.get("photos", []) if p["id"] != number]}
        held.save(update_fields=["sealed"])
    return held


def report_of(data: Mapping[str, Any], key: str) -> Report:
    """What the core is told. Raises DraftIncomplete."""
    missing = first_missing(data)
    if missing:
        raise DraftIncomplete(missing)
    category = category_of(data)
    if category is None and data["category"] != NONE_FITS:
        raise DraftIncomplete("what")
    known = organisation.areas()[1]
    named = data["how"] == "named"
    reach = Reach(
        name=data.get("name", "") if named else "",
        phone=data.get("phone", "") if named else "",
        mail=data.get("mail", "") if named else "",
        language=data.get("language", "ar"),
        channel=data.get("channel", Person.Channel.WEB) if named else Person.Channel.WEB.value,
        source="web",
    )
    lat, lon = data.get("lat"), data.get("lon")
    return Report(
        medium=Contact.Medium.WEB,
        body=data["text"],
        category=category.code if category else "",
        kind=data.get("kind", ""),
        reach=reach,
        place=(lat, lon) if lat is not None and lon is not None else None,
        accuracy_m=data.get("accuracy"),
        address=data.get("address", ""),
        area=known.get(data.get("area", "")),
        answers=data.get("answers", {}),
        attachments=[as_row(photo) for photo in data.get("photos", []) if default_storage.exists(photo["original"])],
        idempotency_key=f"portal-{key}",
        source="portal",
    )


@transaction.atomic
def send(draft: Draft) -> Draft:
    """Make a case of the draft, once: sent again, it gives the case that it made. Raises DraftIncomplete."""
    held = Draft.objects.select_for_update().get(pk=draft.pk)
    if held.case_id is None:
        receipt: Receipt = cases.receive(report_of(held.data, held.token), by=THE_CITIZEN)
        held.case, held.pin_generation = receipt.case, receipt.case.pin_generation
        # What was written lies in the case now, under its rules; here it would be a second copy that nobody forgets.
        held.data = {"language": held.data.get("language", "")}
        held.save(update_fields=["sealed", "case", "pin_generation"])
    return held


def place_in_words(data: Mapping[str, Any]) -> str:
    """Where it is, as the check page says it."""
    parts = []
    if data.get("address"):
        parts.append(data["address"])
    index, known = organisation.areas()
    if data.get("lat") is not None:
        inside = [known[code] for code in index.locate(data["lon"], data["lat"])]
        if inside:
            parts.append(str(max(inside, key=organisation.depth_of)))
        parts.append(_("position on the map"))
    elif data.get("area") == NO_PLACE:
        parts.append(_("It is not about a place"))
    elif data.get("area") in known:
        parts.append(str(known[data["area"]]))
    return " · ".join(parts)
