"""Taking a list out of the house as a file (F12): own right, a second secret, a purpose, a watermark, a record.

Which cases, and the record, are `core.cases.extracts`; how a file is written is `sheets`.
"""

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import islice
from typing import IO, Any

from allauth.mfa.models import Authenticator
from django import forms
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language_bidi, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from wasl.core.cases import actions, extracts
from wasl.core.cases.change import NotAllowed
from wasl.core.cases.models import Case
from wasl.core.catalogue import queries as catalogue
from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.models import Audit, Staff
from wasl.core.people.models import Address
from wasl.faces.desk import lists
from wasl.faces.desk.access import desk
from wasl.faces.desk.lists import Filters, Listing, Row
from wasl.faces.desk.lists.columns import Part
from wasl.faces.desk.lists.pages import listing_of
from wasl.faces.desk.lists.paging import Shape, address
from wasl.faces.desk.places import desk_context
from wasl.faces.desk.sheets import CSV_MIME, XLSX_MIME, Cell, Heading, Mark, write_csv, write_xlsx
from wasl.faces.frame import dates
from wasl.kernel import clock, throttle
from wasl.kernel.digits import to_ascii_digits
from wasl.kernel.ids import new_id

BATCH = 1000
IN_MEMORY_BYTES = 1_000_000
WRONG_CODES, WRONG_CODES_S = 5, 15 * 60


@dataclass(frozen=True)
class Taken:
    """What is taken out: whose hands, which list, how it was narrowed and laid out, and the facts that mark it."""

    staff: Staff
    listing: Listing
    filters: Filters
    shape: Shape
    serial: int
    purpose: str
    reason: str = ""

    @property
    def words(self) -> str:
        """The list and its filters in words."""
        return " · ".join([str(self.listing.label), *(words for _name, _value, words in self.filters.words())])

    def cases(self) -> QuerySet[Case]:
        """The cases, in the order of the screen."""
        return extracts.within(self.staff, lists.cases_of(self.listing, self.staff, self.filters, self.shape))

    def mark(self) -> Mark:
        """The watermark: who, when, what for, and the serial number by which the record is found."""
        now = clock.now()
        line = _("Extract %(serial)s · %(who)s · %(when)s · for: %(purpose)s") % {
            "serial": self.serial,
            "who": self.staff,
            "when": dates.exact(now),
            "purpose": " ".join(self.purpose.split()),
        }
        facts = [
            (_("Extract"), str(self.serial)),
            (_("Taken out by"), f"{self.staff} ({self.staff.username})"),
            (_("When"), dates.exact(now)),
            (_("Purpose"), self.purpose.strip()),
            (_("What"), self.words),
            (_("Times are those of"), str(timezone.get_current_timezone_name())),
            (_("Rule"), _("For official use. Whoever passes it on answers for it; each extract is recorded.")),
        ]
        return Mark(line, facts, f"{organisation.the_city()} · {self.words}", str(self.staff))


def parts_of(shape: Shape) -> list[Part]:
    """The plain columns of what is shown."""
    return [part for column in shape.columns for part in column.parts]


def _identity(taken: Taken, case: Case) -> tuple[str, str]:
    if case.requester_id is None:
        return "", ""
    shown: Any = actions.see_identity(case, by=taken.staff, reason=taken.reason)
    media = dict(Address.Medium.choices)
    addresses = [f"{media.get(medium, medium)}: {value}" for medium, value, _verified in shown["addresses"]]
    return str(shown["name"]), "; ".join(addresses)


def rows_of(taken: Taken) -> Iterator[list[Cell]]:
    """The values of each row, read in batches; with a reason given each identity is looked at and recorded."""
    parts = parts_of(taken.shape)
    most = extracts.MOST_IDENTITIES if taken.reason else extracts.MOST
    cases = taken.cases()[:most].iterator(chunk_size=BATCH)
    while batch := list(islice(cases, BATCH)):
        found: list[Row] = lists.rows_of(batch)
        for row in found:
            more: Sequence[Cell] = _identity(taken, row.case) if taken.reason else ()
            yield [*(part.value(row) for part in parts), *more]


def write(taken: Taken, out: IO[bytes], kind: str) -> int:
    """Write the file; gives how many rows it has."""
    headings = [Heading(str(part.label), part.width) for part in parts_of(taken.shape)]
    if taken.reason:
        headings += [Heading(_("Name"), 24), Heading(_("Addresses"), 40)]
    if kind == "xlsx":
        return write_xlsx(out, headings, rows_of(taken), taken.mark(), rtl=get_language_bidi())
    text = TextIOWrapper(out, "utf-8", newline="", write_through=False)
    count = write_csv(text, headings, rows_of(taken), taken.mark())
    text.flush()
    text.detach()
    return count


# --- the page ---


class ExtractForm(forms.Form):
    """Kind of file, purpose, second secret; names only for who may read identities, with a listed reason."""

    kind = forms.ChoiceField(
        label=gettext_lazy("File"),
        choices=[("csv", "CSV"), ("xlsx", "Excel (XLSX)")],
        initial="xlsx",
        widget=forms.RadioSelect(),
    )
    purpose = forms.CharField(
        label=gettext_lazy("What it is for"),
        max_length=300,
        min_length=extracts.LEAST_PURPOSE,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("It stands in the file with your name, and in the record."),
    )

    def __init__(self, staff: Staff, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if rights.scopes(staff, "identity.read").centre:
            reasons = catalogue.in_force().reasons_of("identity")
            self.fields["reason"] = forms.ChoiceField(
                label=_("Names and numbers of the people"),
                choices=[("", _("without")), *((r.code, r.name) for r in reasons)],
                required=False,
                help_text=_("With them only for a reason; each look is recorded at its request. At most %(most)s rows.")
                % {"most": extracts.MOST_IDENTITIES},
            )
        self.fields["code"] = forms.CharField(
            label=_("Code of your authenticator app"),
            max_length=12,
            widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "dir": "ltr"}),
        )


def has_second_secret(staff: Staff) -> bool:
    """Whether this person has an authenticator, without which nothing is taken out."""
    return bool(Authenticator.objects.filter(user=staff, type=Authenticator.Type.TOTP).exists())


@sensitive_variables("code")
def prove(staff: Staff, code: str) -> None:
    """Check the one-time code (RFC 6238), good once only. Raises NotAllowed, also after too many wrong ones."""
    key = f"extract:{staff.pk}"
    try:
        throttle.hit(key, limit=WRONG_CODES, per_s=WRONG_CODES_S)
    except throttle.TooMany as many:
        raise NotAllowed(
            _("Too many wrong codes. Try again in %(minutes)s minutes.") % {"minutes": -(-many.retry_after_s // 60)}
        ) from many
    held = Authenticator.objects.filter(user=staff, type=Authenticator.Type.TOTP).first()
    digits = "".join(to_ascii_digits(code).split())
    if held is None or not bool(held.wrap().validate_code(digits)):
        raise NotAllowed(_("The code is not right, or it was used already. Wait for the next one."))
    throttle.clear(key)


@desk(right=extracts.RIGHT, methods=("GET", "HEAD", "POST"), optional=True)
@sensitive_post_parameters("code")
@sensitive_variables("code")
def extract(request: HttpRequest, staff: Staff, code: str) -> HttpResponseBase:
    """Ask what a list is taken out for, check the second secret, record it, and give the file."""
    listing = listing_of(code)
    filters, shape = Filters.read(request.GET), lists.shape_of(listing, staff, request.GET)
    taken = Taken(staff, listing, filters, shape, new_id(), "")
    count = taken.cases().order_by()[: extracts.MOST + 1].count()
    form = ExtractForm(staff, request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            given = form.cleaned_data
            try:
                extracts.check(given["purpose"], rows=count, identities=bool(given.get("reason")))
                prove(staff, given["code"])
                made = Taken(staff, listing, filters, shape, taken.serial, given["purpose"], given.get("reason", ""))
                return _file(made, given["kind"])
            except NotAllowed as refused:
                form.add_error(None, str(refused))
    context = {
        "form": form,
        "listing": listing,
        "taken": taken,
        "count": count,
        "most": extracts.MOST,
        "too_many": count > extracts.MOST,
        "ready": has_second_secret(staff),
        "columns": [part.label for part in parts_of(shape)],
        "back": reverse("desk:list", args=[listing.code]) + address(request.GET),
    }
    return render(request, "desk/extract.html", desk_context(request, staff, listing.code, **context), status=status)


def _file(taken: Taken, kind: str) -> FileResponse:
    # Written whole before it is recorded, and recorded before a byte of it leaves: number of rows and digest are true.
    out = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115 - the response closes it
    try:
        _record(taken, out, kind)
    except BaseException:
        out.close()
        raise
    mime = XLSX_MIME if kind == "xlsx" else CSV_MIME
    return FileResponse(out, as_attachment=True, filename=f"wasl-{taken.serial}.{kind}", content_type=mime)


def _record(taken: Taken, out: IO[bytes], kind: str) -> None:
    rows = write(taken, out, kind)
    out.seek(0)
    facts = {
        "list": taken.listing.code,
        "filters": dict(_several(taken.filters.pairs())),
        "columns": taken.shape.codes,
        "rows": rows,
        "kind": kind,
        "identities": taken.reason,
        "sha256": sha256(out),
    }
    extracts.record(taken.serial, by=taken.staff, purpose=taken.purpose, facts=facts)
    out.seek(0)


def sha256(file: IO[bytes]) -> str:
    """The digest of what is left of a file, in hexadecimal."""
    digest = hashlib.sha256()
    while piece := file.read(2**16):
        digest.update(piece)
    return digest.hexdigest()


def _several(pairs: list[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    for name in dict.fromkeys(name for name, _value in pairs):
        yield name, [value for other, value in pairs if other == name]


@desk(right=extracts.RIGHT)
def register(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Which extracts were made, found by the serial number that stands in a file."""
    found = extracts.recorded(staff)
    text = to_ascii_digits(request.GET.get("serial", "")[:30]).strip()
    if text:
        found = found.filter(row=int(text)) if text.isdecimal() and len(text) <= 18 else found.none()
    rows = [{"audit": one, "what": _what(one)} for one in found[: lists.PAGE]]
    return render(request, "desk/extracts.html", desk_context(request, staff, "extracts", rows=rows, serial=text))


def _what(audit: Audit) -> str:
    listing = lists.LISTINGS.get(str(audit.after.get("list")))
    query = QueryDict(mutable=True)
    for name, values in dict(audit.after.get("filters", {})).items():
        query.setlist(name, [str(value) for value in values])
    said = [words for _name, _value, words in Filters.read(query).words()]
    return " · ".join([str(listing.label) if listing else "", *said])
