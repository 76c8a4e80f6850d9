"""What comes in: a report, an update and the filters of a search, read from the fields of a request and checked."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import urlsplit

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _

from wasl.core.cases.intake import Report
from wasl.core.catalogue import answers, book
from wasl.core.catalogue import queries as catalogue
from wasl.core.contacts import actions as contacts
from wasl.core.contacts.models import Attachment, Contact
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Area, Client
from wasl.core.people.actions import Reach
from wasl.core.people.models import Person
from wasl.faces.open311.answer import Refusal
from wasl.kernel import clock, mailaddress, media, phone, plain
from wasl.kernel.digits import to_ascii_digits

LONGEST_DESCRIPTION = 4000
MOST_FILES = 5
MOST_BYTES = 60_000_000
PAGE_SIZE = 1000
MOST_PAGES = 100_000
SPAN = timedelta(days=90)
STATUSES = ("open", "closed")
SWITCH = ("", "true", "false", "1", "0")
ONCE = ("api_key", "end_date", "extensions", "jurisdiction_id", "lang", "page", "page_size", "start_date")
_ATTRIBUTE = re.compile(r"attribute\[([^\]]{1,100})\](?:\[\])?")
_KEY_LENGTH = 64
# A plus sign that was not escaped in a query arrives as a blank.
_LOST_PLUS = re.compile(r"(?<=\d) (?=\d\d:?\d\d$)")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class Fields:
    """The fields of a form, read one by one; what is wrong is collected, so that the sender hears all of it at once."""

    def __init__(self, given: QueryDict) -> None:
        self.given = given
        self.problems: list[str] = []

    def wrong(self, sentence: str) -> None:
        """One more thing that is wrong."""
        self.problems.append(sentence)

    def line(self, name: str, most: int) -> str:
        """A text of one line; empty where it is not given or was too long."""
        return self._within(name, plain.line(self.given.get(name) or ""), most)

    def block(self, name: str, most: int) -> str:
        """A text of several lines."""
        return self._within(name, plain.block(self.given.get(name) or ""), most)

    def _within(self, name: str, text: str, most: int) -> str:
        if len(text) > most:
            self.wrong(
                _("%(name)s may have %(most)s characters, not %(count)s.")
                % {"name": name, "most": most, "count": len(text)}
            )
            return ""
        return text

    def settle(self) -> None:
        """Raises Refusal 400 with all that is wrong."""
        if self.problems:
            raise Refusal(400, *self.problems[:20])


def report(request: HttpRequest, by: Client, language: str) -> Report:
    """The report of a POST to `requests`. Raises Refusal: 400 with all that is wrong, 404 unknown service, 413."""
    fields = Fields(request.POST)
    rules = catalogue.in_force()
    category = _service(fields, rules)
    place = _place(fields)
    area = _area(fields)
    address = fields.line("address_string", 300)
    if category and place is None and area is None and not address and not fields.problems:
        fields.wrong(_("Say where it is: lat and long, address_string, or address_id."))
    answered = _answers(fields, rules, category) if category else {}
    body = "\n\n".join(
        part for part in (fields.block("description", LONGEST_DESCRIPTION), *_references(fields)) if part
    )
    reach = _reach(fields, _spoken(fields, language))
    sender = " ".join(
        f"{name[:-3]} {value}" for name in ("account_id", "device_id") if (value := fields.line(name, 255))
    )
    key = request.headers.get("Idempotency-Key", "").strip()
    files = _files(fields, request.FILES)
    fields.settle()
    return Report(
        medium=Contact.Medium.OPEN311,
        body=body,
        category=category,
        reach=reach,
        place=place,
        address=address,
        area=area,
        answers=answered,
        attachments=_kept(files),
        idempotency_key=short_key(key) if key else None,
        source=sender[:100],
        trusted=by.trusted,
    )


def short_key(key: str) -> str:
    """A key of the sender's making, short enough to be kept whole."""
    return (
        key
        if len(key) <= _KEY_LENGTH and key.isascii() and key.isprintable()
        else sha256(key.encode(errors="replace")).hexdigest()
    )


def check_size(request: HttpRequest) -> None:
    """Raises Refusal 413 for a body that is too large; to be called before anything of it is read."""
    # Django bounds the fields of a form but not its files, which it writes to disk.
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        length = 0
    if length > MOST_BYTES:
        raise Refusal(413, _("That is more than this interface takes at once."))


def _service(fields: Fields, rules: book.Book) -> str:
    code = plain.line(fields.given.get("service_code") or "")
    if not code:
        fields.wrong(_("service_code is missing."))
        return ""
    return service(code, rules).code


def service(code: str, rules: book.Book) -> book.Category:
    """The category of a service code. Raises Refusal 404."""
    found = rules.category(code)
    if found is None or not found.leaf:
        raise Refusal(404, _("There is no service “%(code)s”.") % {"code": plain.line(code)[:60]})
    return found


def _degrees(fields: Fields, name: str, most: float) -> float | None:
    typed = to_ascii_digits((fields.given.get(name) or "")[:64]).replace("٫", ".").replace("−", "-").strip()
    if not typed:
        return None
    try:
        value = float(typed) if "_" not in typed else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or abs(value) > most:
        fields.wrong(
            _("%(name)s must be a number of degrees from -%(most)s to %(most)s.") % {"name": name, "most": f"{most:g}"}
        )
        return None
    return value


def _place(fields: Fields) -> tuple[float, float] | None:
    before = len(fields.problems)
    lat, lon = _degrees(fields, "lat", 90), _degrees(fields, "long", 180)
    if len(fields.problems) > before:
        return None
    if lat is None and lon is None:
        return None
    if lat is None or lon is None:
        fields.wrong(_("lat and long must be given together."))
        return None
    bounds = organisation.the_city().bounds
    if bounds and not (bounds[0] <= lon <= bounds[2] and bounds[1] <= lat <= bounds[3]):
        fields.wrong(
            _("This place is outside the city. If it is right, call the hotline or the authority of that place.")
        )
        return None
    return lat, lon


def _area(fields: Fields) -> Area | None:
    code = fields.line("address_id", 60)
    if not code:
        return None
    found = organisation.areas()[1].get(code)
    if found is None:
        fields.wrong(_("There is no address_id “%(code)s”; it is the code of an area.") % {"code": code})
    return found


def _answers(fields: Fields, rules: book.Book, category: str) -> Mapping[str, answers.Answer]:
    given: dict[str, list[str]] = {}
    for name in fields.given:
        if name.startswith("attribute") and (found := _ATTRIBUTE.fullmatch(name)):
            given.setdefault(found[1], []).extend(fields.given.getlist(name))
    answered, problems = answers.read(rules.form_of(category), given)
    for code, sentence in problems.items():
        fields.wrong(f"attribute[{plain.line(code)[:60]}]: {sentence}")
    return answered


def _references(fields: Fields) -> list[str]:
    """Addresses of media elsewhere. They are kept in the words of the report and never fetched by the house."""
    found = []
    for name in ("media_url", "media_url[]"):
        for text in fields.given.getlist(name)[:10]:
            url = plain.line(text)
            if not url:
                continue
            try:
                parts = urlsplit(url)
                good = (
                    parts.scheme in ("http", "https") and bool(parts.hostname) and len(url) <= 1000 and " " not in url
                )
            except ValueError:
                good = False
            if good:
                found.append(f"media_url: {url}")
            else:
                fields.wrong(_("media_url must be an address that begins with http:// or https://."))
    return found


def _spoken(fields: Fields, language: str) -> str:
    wished = plain.line(fields.given.get("lang") or "")[:2].lower()
    return wished if wished in ("ar", "en", "zh") else language


def _reach(fields: Fields, language: str) -> Reach:
    name = plain.line(f"{fields.line('first_name', 100)} {fields.line('last_name', 100)}")
    mail, number = fields.line("email", 254), fields.line("phone", 40)
    if mail and mailaddress.normalise(mail) is None:
        fields.wrong(_("email is not a mail address."))
    if number and phone.normalise(number, organisation.the_city().region) is None:
        fields.wrong(_("phone is not a telephone number."))
    channel = Person.Channel.MAIL if mail else Person.Channel.SMS if number else Person.Channel.WEB
    return Reach(name=name, phone=number, mail=mail, language=language, channel=channel, source=Contact.Medium.OPEN311)


def _files(fields: Fields, given: "MultiValueDict[str, UploadedFile[bytes]]") -> "list[UploadedFile[bytes]]":
    files = [file for name in ("media", "media[]") for file in given.getlist(name)]
    most = min(MOST_FILES, contacts.most_files())
    if len(files) > most:
        fields.wrong(_("At most %(count)s files can be sent.") % {"count": most})
        return []
    return files


def _kept(files: "Sequence[UploadedFile[bytes]]") -> list[Attachment]:
    made = []
    for file in files:
        try:
            made.append(contacts.keep(file.read(), file.name or "file"))
        except media.MediaRefused as refused:
            raise Refusal(413 if refused.code == "too_large" else 400, f"media: {refused.sentence}") from refused
    return made


@dataclass(frozen=True)
class Update:
    """Something a client adds to a request that is known already."""

    number: str
    text: str
    key: str | None
    language: str
    attachments: Sequence[Attachment]


def update(request: HttpRequest, language: str) -> Update:
    """The update of a POST to `servicerequestupdates`. Raises Refusal 400, 413."""
    fields = Fields(request.POST)
    number = fields.line("service_request_id", 60)
    if not number:
        fields.wrong(_("service_request_id is missing."))
    text = fields.block("description", LONGEST_DESCRIPTION)
    references = _references(fields)
    files = _files(fields, request.FILES)
    if not text and not references and not files and not fields.problems:
        fields.wrong(_("description is missing."))
    own = fields.line("update_id", 255)
    key = request.headers.get("Idempotency-Key", "").strip() or (f"update {number} {own}" if own else "")
    spoken = _spoken(fields, language)
    fields.settle()
    return Update(
        number, "\n\n".join([text, *references]).strip(), short_key(key) if key else None, spoken, _kept(files)
    )


@dataclass(frozen=True)
class Search:
    """Filters of a search. `numbers` overrides all others; instants are aware; `page` counts from 1."""

    numbers: Sequence[str]
    services: Sequence[str]
    statuses: Sequence[str]
    start: datetime
    end: datetime
    page: int
    page_size: int


def search(request: HttpRequest) -> Search:
    """The filters of a GET. Without dates the last 90 days; with one of them 90 days beside it. Raises Refusal 400."""
    fields = Fields(request.GET)
    numbers = _listed(request.GET, "service_request_id")
    if len(numbers) > PAGE_SIZE:
        raise Refusal(400, _("At most %(count)s numbers can be asked for at once.") % {"count": PAGE_SIZE})
    statuses = [status.lower() for status in _listed(request.GET, "status")]
    if set(statuses) - set(STATUSES):
        fields.wrong(_("status is open or closed."))
    # Numbers override all other filters, which must be well formed nevertheless.
    start, end = _span(fields, bounded=not numbers)
    page, page_size = _count(fields, "page", 1, MOST_PAGES), _count(fields, "page_size", PAGE_SIZE, PAGE_SIZE)
    fields.settle()
    if numbers:
        return Search(numbers, (), (), start, end, 1, PAGE_SIZE)
    return Search((), _listed(request.GET, "service_code"), statuses, start, end, page, page_size)


def _listed(given: QueryDict, name: str) -> list[str]:
    """Values of a parameter that may be given several times and hold several, comma delimited."""
    return [value for text in given.getlist(name) for part in text.split(",") if (value := plain.line(part))]


def _span(fields: Fields, *, bounded: bool) -> tuple[datetime, datetime]:
    start, end = _moment(fields, "start_date"), _moment(fields, "end_date", last=True)
    now = clock.now()
    try:
        if start is None:
            start = (end or now) - SPAN
        if end is None:
            end = max(now, start) if now - start <= SPAN else start + SPAN
    except OverflowError:
        fields.wrong(_("These dates are out of range."))
        return now, now
    if not bounded:
        return start, end
    if start > end:
        fields.wrong(_("start_date must not be after end_date."))
    elif end - start >= SPAN + timedelta(days=1):
        fields.wrong(_("start_date and end_date may not be more than 90 days apart."))
    return start, end


def _moment(fields: Fields, name: str, *, last: bool = False) -> datetime | None:
    typed = _LOST_PLUS.sub("+", to_ascii_digits((fields.given.get(name) or "")[:64]).strip())
    if not typed:
        return None
    try:
        moment = datetime.fromisoformat(typed)
        if timezone.is_naive(moment):
            if not _DAY.fullmatch(typed):
                raise ValueError
            # A day is meant from its beginning to its end, in the city's time.
            moment = timezone.make_aware(moment) + (timedelta(days=1, microseconds=-1) if last else timedelta())
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        fields.wrong(_("%(name)s must be a date and time with its zone, as in 2026-01-31T00:00:00Z.") % {"name": name})
        return None


def _count(fields: Fields, name: str, usual: int, most: int) -> int:
    typed = to_ascii_digits((fields.given.get(name) or "").strip())
    if not typed:
        return usual
    if not (typed.isascii() and typed.isdigit() and len(typed) <= 9 and 1 <= int(typed) <= most):
        fields.wrong(_("%(name)s is a number from 1 to %(most)s.") % {"name": name, "most": most})
        return usual
    return int(typed)


def wants(request: HttpRequest, name: str) -> bool:
    """Whether a switch such as `extensions` is on, in the query or in the form. Raises Refusal 400."""
    given = request.GET.get(name) or (request.POST.get(name) if request.method == "POST" else None) or ""
    if given.lower() not in SWITCH:
        raise Refusal(400, _("%(name)s is true or false.") % {"name": name})
    return given.lower() in ("true", "1")


def once(given: QueryDict) -> None:
    """Raises Refusal 400 when a parameter that takes one value was given several times."""
    for name in ONCE:
        if len(given.getlist(name)) > 1:
            raise Refusal(400, _("%(name)s is given more than once.") % {"name": name})
