"""Finding single texts among millions: by number, or by what is known of them, in bounded time per page."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Generic, TypeVar

from django.db.models import QuerySet
from django.utils import timezone

from wasl.kernel import seal
from wasl.services.texts.making import HOUSE
from wasl.services.texts.models import Client, Incoming, Text

PAGE = 50
WINDOW = 50_000
"""So many texts are looked through for one page; who wants more goes on."""
_ASTRAY = 20_000
"""Ids are drawn in blocks: those of one moment lie at most so far apart."""
_REPLY = "reply:"
"""What stands before the id of an incoming text in the reference of its reply."""

T = TypeVar("T", Text, Incoming)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for; what is empty does not matter. `day` is one of the city."""

    state: str = ""
    klass: int | None = None
    client: int | None = None
    operator: int | None = None
    code: str = ""
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """A page, the latest first. `older`: go on before this id (0: that was all); `back_to`: as far as was looked."""

    rows: list[T]
    older: int = 0
    back_to: datetime | None = None


def texts(wanted: Wanted, before: int = 0) -> Found[Text]:
    """Outgoing texts."""
    rows = Text.objects.select_related("client", "operator").defer("words_sealed", "number_sealed")
    given = {
        "state": wanted.state,
        "klass": wanted.klass,
        "client": wanted.client,
        "operator": wanted.operator,
    }
    rows = rows.filter(**{name: value for name, value in given.items() if value})
    if wanted.state == Text.State.IN_DOUBT:
        rows = rows.filter(left_at=None)
    # The few that went wrong have an index of their own.
    few = wanted.state in (Text.State.FAILED, Text.State.EXPIRED, Text.State.IN_DOUBT)
    if few:
        rows = rows.filter(astray=True)
    return _page(rows, Text, "made_at", wanted.day, before, whole=few)


def incoming(wanted: Wanted, before: int = 0) -> Found[Incoming]:
    """Texts that came in."""
    rows = Incoming.objects.select_related("operator").defer("words_sealed", "number_sealed")
    given = {"state": wanted.state, "code": wanted.code, "operator": wanted.operator}
    rows = rows.filter(**{name: value for name, value in given.items() if value})
    return _page(rows, Incoming, "at", wanted.day, before, whole=wanted.state == Incoming.State.NEW)


def of_number(number: str) -> list[Text | Incoming]:
    """The latest texts to and from a number (E.164), the latest first."""
    look_up = seal.index_of(number)
    out = Text.objects.filter(look_up=look_up).select_related("client", "operator").order_by("-pk")[: 2 * PAGE]
    back = Incoming.objects.filter(look_up=look_up).select_related("operator").order_by("-pk")[: 2 * PAGE]
    both: list[Text | Incoming] = [*out, *back]
    return sorted(both, key=_when, reverse=True)[: 2 * PAGE]


def _when(text: Text | Incoming) -> datetime:
    return text.made_at if isinstance(text, Text) else text.at


def reply_to(text: Incoming) -> Text | None:
    """What was answered to a text that came in."""
    return Text.objects.filter(client__in=_house(), ref=f"{_REPLY}{text.pk}").select_related("client").first()


def asked_by(text: Text) -> Incoming | None:
    """The incoming text that this one answers."""
    rest = text.ref.removeprefix(_REPLY)
    if rest == text.ref or not rest.isdecimal() or len(rest) > 18 or text.client_id not in _house():
        return None
    return Incoming.objects.filter(pk=int(rest), look_up=bytes(text.look_up)).first()


def _house() -> list[int]:
    return list(Client.objects.filter(code=HOUSE).values_list("pk", flat=True))


def _page(rows: QuerySet[T], model: type[T], column: str, day: date | None, before: int, *, whole: bool) -> Found[T]:
    base: Any = model._default_manager.order_by("-pk")
    since = None
    if day is not None:
        since = timezone.make_aware(datetime.combine(day, time()))
        span = {f"{column}__gte": since, f"{column}__lt": since + timedelta(days=1)}
        rows = rows.filter(**span)
        if not before and not whole:
            # Not max(id): that would walk back from the end.
            last = model._default_manager.filter(**span).order_by(f"-{column}").values_list("pk", flat=True).first()
            before = (last or 0) + _ASTRAY
    if before:
        rows, base = rows.filter(pk__lt=before), base.filter(pk__lt=before)
    low: tuple[int, datetime] | None = None
    if not whole:
        low = base.values_list("pk", column)[WINDOW - 1 : WINDOW].first()
        if low is not None:
            rows = rows.filter(pk__gte=low[0])
    found = list(rows.order_by("-pk")[: PAGE + 1])
    if len(found) > PAGE:
        return Found(found[:PAGE], found[PAGE - 1].pk)
    if low is not None and (since is None or low[1] >= since):
        return Found(found, low[0], low[1])
    return Found(found)
