"""A report in the making: its steps, what is still missing, and what is sent in the end. Pages only show it."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from wasl.core.cases import actions as cases
from wasl.core.cases import queries as case_queries
from wasl.core.cases.change import THE_CITIZEN
from wasl.core.cases.intake import Receipt, Report
from wasl.core.cases.models import Case
from wasl.core.catalogue import queries as catalogue
from wasl.core.catalogue.book import Category
from wasl.core.contacts import actions as contacts
from wasl.core.contacts.models import Attachment, Contact
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Area
from wasl.core.people.actions import Reach
from wasl.core.people.models import Person
from wasl.faces.portal.models import KEPT_FOR, Draft
from wasl.kernel import clock, seal

logger = logging.getLogger(__name__)
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


def _detailed(data: Mapping[str, Any]) -> bool:
    """What a similar report has told already need not be told again; the words are wanted all the same."""
    asked = bool(data.get("asked")) and data["asked"] == data.get("category")
    return bool(data.get("text")) and (asked or bool(data.get("same_as")))


STEPS = (
    Step("what", pgettext_lazy("step", "What"), lambda d: bool(d.get("category"))),
    Step("where", pgettext_lazy("step", "Where"), _placed),
    Step("details", pgettext_lazy("step", "Details"), _detailed),
    Step("you", pgettext_lazy("step", "You"), lambda d: bool(d.get("how"))),
    Step("check", pgettext_lazy("step", "Check"), lambda d: False),
)


class DraftIncomplete(Exception):
    """Something is still to be filled in; `step` says where."""

    def __init__(self, step: str) -> None:
        super().__init__(step)
        self.step = step


def most_photos() -> int:
    """How many files a report takes: what a telephone sends in good time, or less where the house says so."""
    return min(MOST_PHOTOS, contacts.most_files())


class TooManyPhotos(Exception):
    """A report takes only so many files."""

    sentence = gettext_lazy("You can add up to %(most)s files. The first ones were kept.")

    def __str__(self) -> str:
        return self.sentence % {"most": most_photos()}


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
    purge_drafts(limit=20)
    draft = Draft(begun_at=clock.now())
    draft.data = {"text": text, "kind": kind, "language": language}
    draft.save(force_insert=True)
    return draft


def purge_drafts(limit: int = 10_000) -> int:
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


def begun_by(tokens: Sequence[str]) -> list[Draft]:
    """The drafts of these tokens that were not sent and are not over, the latest first."""
    found = Draft.objects.filter(token__in=list(tokens), case__isnull=True, begun_at__gt=clock.now() - KEPT_FOR)
    return list(found.order_by("-begun_at", "-pk"))


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
    if len(draft.data.get("photos", ())) >= most_photos():
        raise TooManyPhotos
    made = _as_json(contacts.keep(data, name))
    with transaction.atomic():
        held = Draft.objects.select_for_update().get(pk=draft.pk)
        filled = held.data
        photos = filled.get("photos", [])
        if any(photo["sha256"] == made["sha256"] for photo in photos) or held.case_id is not None:
            return held
        if len(photos) >= most_photos():
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


# What the device keeps beside us, by the names of the fields on the pages.
FIELDS = (
    "text", "category", "kind", "address", "lat", "lon", "accuracy", "area", "how", "name", "phone", "mail", "channel",
    "language", "same_as", "compared",
)  # fmt: skip


def for_device(draft: Draft, page: str) -> dict[str, Any]:
    """What the page hands to its own browser, so that the report can be ended there when the signal is gone."""
    data = draft.data
    category = category_of(data)
    fields = {name: data[name] for name in FIELDS if data.get(name) not in (None, "")}
    for question in catalogue.in_force().form_of(category.code) if category else ():
        if question.code in data.get("answers", {}):
            fields[f"q-{question.category}-{question.code}"] = data["answers"][question.code]
    photos = [{"id": str(photo["id"]), "name": photo["name"]} for photo in data.get("photos", ())]
    return {"token": draft.token, "page": page, "fields": fields, "photos": photos}


@dataclass(frozen=True)
class PhotoPlace:
    """Where a camera says that it took a photo of the draft; `area` is nothing for a place outside the city."""

    photo: Mapping[str, Any]
    lat: float
    lon: float
    area: Area | None

    @property
    def taken_at(self) -> datetime | None:
        """When, as the camera says; an old photo may show another place than it is reported for."""
        return datetime.fromisoformat(self.photo["taken_at"]) if self.photo["taken_at"] else None


def photo_places(data: Mapping[str, Any]) -> list[PhotoPlace]:
    """The places that the photos of the draft know. A camera may lie: they are offered, never taken by themselves."""
    places = []
    for photo in data.get("photos", ()):
        if photo["position"]:
            lat, lon = (float(part) for part in seal.unseal(bytes.fromhex(photo["position"])).split(","))
            places.append(PhotoPlace(photo, lat, lon, _inmost(lat, lon)))
    return places


def _inmost(lat: float, lon: float) -> Area | None:
    index, known = organisation.areas()
    inside = [known[code] for code in index.locate(lon, lat)]
    return max(inside, key=organisation.depth_of) if inside else None


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


def of_key(key: str) -> Draft:
    """The draft that a device keeps under this key, made if it is new. The key itself is stored nowhere.

    Whoever knows the key is the device that made it: it may ask again what became of its report, without the session
    whose cookie was lost together with the first answer.
    """
    return _named(f"d{sha256(key.encode()).hexdigest()[:28]}")


def again(token: str) -> Draft:
    """The draft of this token, of which the caller knows that it is this session's; anew if it is over by now."""
    return _named(token)


def _named(token: str) -> Draft:
    fresh = Draft(token=token, begun_at=clock.now())
    fresh.data = {}
    return Draft.objects.select_related("case").get_or_create(
        token=token, defaults={"sealed": fresh.sealed, "begun_at": fresh.begun_at}
    )[0]


@transaction.atomic
def replace(draft: Draft, *, photos: Collection[str], **fields: Any) -> Draft:
    """Everything at once, as the device has it; of the photos that we hold, those of the ids in `photos` stay."""
    held = Draft.objects.select_for_update().get(pk=draft.pk)
    if held.case_id is None:
        kept = [photo for photo in held.data.get("photos", ()) if str(photo["id"]) in photos]
        held.data = {**fields, "photos": kept}
        held.save(update_fields=["sealed"])
    return held


@transaction.atomic
def send(draft: Draft) -> Draft:
    """Make a case of the draft, once: sent again, it gives the case that it made. Raises DraftIncomplete."""
    held = Draft.objects.select_for_update().get(pk=draft.pk)
    if held.case_id is None:
        receipt: Receipt = cases.receive(report_of(held.data, held.token), by=THE_CITIZEN)
        if held.data.get("same_as") and not receipt.repeated:
            _join(receipt.case, held.data["same_as"])
        # A case begins with the first PIN. Where a key comes again after the draft went and the PIN was renewed, the
        # old receipt must not show the new one.
        held.case, held.pin_generation = receipt.case, 0
        # What was written lies in the case now, under its rules; here it would be a second copy that nobody forgets.
        held.data = {"language": held.data.get("language", "")}
        held.save(update_fields=["sealed", "case", "pin_generation"])
    return held


def _join(case: Case, number: str) -> None:
    """Join it to the report that the citizen says is the same; if that has moved on since, it goes the usual way."""
    head = case_queries.by_number(number)
    if head is None:
        return
    try:
        cases.join(case, by=THE_CITIZEN, head=head)
    except cases.NotAllowed as error:
        logger.info("case %s was not joined to the one its reporter named: %s", case.pk, error)


def place_in_words(data: Mapping[str, Any]) -> str:
    """Where it is, as the check page says it."""
    parts = []
    if data.get("address"):
        parts.append(data["address"])
    known = organisation.areas()[1]
    if data.get("lat") is not None:
        inside = _inmost(data["lat"], data["lon"])
        if inside:
            parts.append(str(inside))
        accuracy = data.get("accuracy")
        if accuracy:
            parts.append(_("position, exact to about %(metres)s m") % {"metres": max(1, round(accuracy))})
        else:
            parts.append(_("position on the map"))
    elif data.get("area") == NO_PLACE:
        parts.append(_("It is not about a place"))
    elif data.get("area") in known:
        parts.append(str(known[data["area"]]))
    return " · ".join(parts)
