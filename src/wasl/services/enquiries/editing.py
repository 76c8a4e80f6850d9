"""The administrator's verbs on enquiries and data sets. Each raises Forbidden, and Refused with a sentence."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.utils.translation import gettext as _

from wasl.core.organisation import rights
from wasl.core.organisation.actions.audit import Refused, facts_of, names_of, note
from wasl.core.organisation.models import Staff
from wasl.kernel import clock, seal
from wasl.kernel.plain import line
from wasl.services.enquiries import definitions, loading, reading, replies, tables
from wasl.services.enquiries.models import DataSet, Enquiry, Upload
from wasl.services.enquiries.sources import away, case, http, sql
from wasl.services.texts.models import Client

RIGHT = "enquiries.edit"
MOST_FIELDS = 4
_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,49}")
_COLUMN = re.compile(r"[^\s{}|,;]{1,60}")
Kind, Source, Who = reading.Kind, Enquiry.Source, Enquiry.Who


@dataclass(frozen=True, slots=True)
class EnquiryFacts:
    """What an administrator writes down of an enquiry.

    `secret` is None where the one that is kept stays, which it does while the address and the header are the same.
    """

    code: str
    names: Mapping[str, str]
    fields: Sequence[Mapping[str, Any]]
    who: str
    source: str
    replies: Mapping[str, Mapping[str, str]]
    data_set: DataSet | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    secret: str | None = None
    active: bool = False


def save_enquiry(held: Enquiry | None, *, by: Staff, facts: EnquiryFacts) -> Enquiry:
    """Make an enquiry or change it; it is live at once. Who changed what is kept (J3)."""
    rights.require(by, RIGHT)
    _check(facts)
    with transaction.atomic():
        row = Enquiry() if held is None else Enquiry.objects.select_for_update().get(pk=held.pk)
        before, before_goes_to = None if held is None else facts_of(row), _goes_to(row)
        _check_code(Enquiry, facts.code, row.pk)
        row.code, row.names, row.who, row.source = facts.code, names_of(facts.names), facts.who, facts.source
        row.fields = [dict(one) for one in facts.fields]
        row.data_set = facts.data_set if facts.source == Source.DATA else None
        row.settings = dict(facts.settings) if facts.source in (Source.SQL, Source.HTTP) else {}
        row.replies = {kind: {c: t.strip() for c, t in said.items()} for kind, said in facts.replies.items()}
        row.active = facts.active
        more: dict[str, Any] = {}
        if row.secret_sealed and facts.secret is None and before_goes_to != _goes_to(row):
            # Whoever may change the address must not thereby have the secret sent to himself.
            row.secret_sealed, more["secret"] = None, clock.now().isoformat(timespec="seconds")
        if facts.secret is not None:
            row.secret_sealed = seal.seal(facts.secret, place=f"enquiry:{row.pk}") if facts.secret else None
            more["secret"] = clock.now().isoformat(timespec="seconds")
        row.save(force_insert=held is None)
        note(by, "enquiry.made" if held is None else "enquiry.changed", row, before, **more)
    definitions.forget()
    return row


def _goes_to(row: Enquiry) -> tuple[str, ...]:
    """Who gets the secret, and how: read as whoever sends it reads it."""
    url = str(row.settings.get("url", ""))
    if row.source == Source.SQL:
        return row.source, *sql.goes_to(url)
    parts = urlsplit(url)
    return row.source, parts.scheme, parts.netloc, str(row.settings.get("header", ""))


def set_active(held: Enquiry, *, by: Staff, active: bool) -> None:
    """Take it off, or put it on again."""
    rights.require(by, RIGHT)
    with transaction.atomic():
        row = Enquiry.objects.select_for_update().get(pk=held.pk)
        before = facts_of(row)
        row.active = active
        row.save(update_fields=["active", "updated_at"])
        note(by, "enquiry.changed", row, before)
    definitions.forget()


def _check_code(model: type[Enquiry | DataSet], code: str, pk: int) -> None:
    if not _CODE.fullmatch(code):
        raise Refused(_("A code has small letters a to z, digits and dashes."))
    if model._default_manager.filter(code=code).exclude(pk=pk).exists():
        raise Refused(_("There is one of this code already."))


def _check(facts: EnquiryFacts) -> None:
    names_of(facts.names)
    kinds = [one.get("kind") for one in facts.fields]
    plain = [kind for kind in kinds if kind != Kind.PIN]
    if set(kinds) - set(Kind.values) or not plain or len(kinds) > MOST_FIELDS:
        raise Refused(_("Say what is asked for: one to four things."))
    if Kind.PIN in kinds[:-1]:
        raise Refused(_("The PIN is asked last, and once."))
    if (facts.who in (Who.PIN, Who.EITHER)) != (Kind.PIN in kinds):
        raise Refused(_("Ask for a PIN where one opens it, and only there."))
    if facts.who not in Who.values or facts.source not in Source.values:
        raise Refused(_("Choose who may ask and where the answer comes from."))
    known = {
        Source.CASE: _check_case,
        Source.DATA: _check_data,
        Source.SQL: _check_connector,
        Source.HTTP: _check_connector,
    }[Source(facts.source)](facts, plain)
    try:
        fields = [
            one.name for one in definitions.fields_of([dict(one) for one in facts.fields]) if one.kind != Kind.PIN
        ]
        if facts.source == Source.SQL:
            # What a statement gives is known when it has run; what is not there is empty.
            known = sorted(
                {n.removeprefix("sum_") for said in facts.replies.values() for t in said.values()
                 for n in replies.compiled(t).names} - set(replies.ALWAYS)
            )  # fmt: skip
        replies.check(facts.replies, list(dict.fromkeys([*fields, *known])))
    except replies.BadReply as error:
        raise Refused(str(error)) from error


def _check_case(facts: EnquiryFacts, plain: Sequence[Any]) -> Sequence[str]:
    if list(plain) != [Kind.ACCEPTANCE]:
        raise Refused(_("The status of a request is asked by its acceptance number."))
    if facts.who == Who.ANYONE:
        raise Refused(_("Not everybody may know how a request stands: ask for its owner's number or a PIN."))
    return case.COLUMNS


def _check_data(facts: EnquiryFacts, plain: Sequence[Any]) -> Sequence[str]:
    held = facts.data_set
    if held is None:
        raise Refused(_("Choose the data set."))
    if list(plain) != [part["kind"] for part in held.key]:
        raise Refused(
            _("This data set is asked by: %(kinds)s.")
            % {"kinds": ", ".join(str(Kind(part["kind"]).label) for part in held.key)}
        )
    if facts.who in (Who.OWNER, Who.EITHER) and not held.owner_column:
        raise Refused(_("The data set has no column with the owner's telephone number."))
    if facts.who in (Who.PIN, Who.EITHER) and not held.pin_column:
        raise Refused(_("The data set has no column with a PIN."))
    return list(held.columns)


def _check_connector(facts: EnquiryFacts, plain: Sequence[Any]) -> Sequence[str]:
    sentences = {
        "url": _("The address is none, or says more than it may: name and password are given apart."),
        "statement": _("Write one SELECT, without semicolon; what was asked stands in it as %(plate)s."),
        "method": _("Ask by GET or POST."),
        "header": _("This is no name of a header."),
        "rows": _("A path is names with dots between, as in data.fines."),
        "columns": _("Write one column on each line: its name, an equals sign, its path."),
    }
    try:
        if facts.source == Source.SQL:
            wanted: sql.SqlSettings | http.HttpSettings = sql.SqlSettings.of(facts.settings)
        else:
            wanted = http.HttpSettings.of(facts.settings)
        names, wrong = wanted.names(), wanted.check()
    except (KeyError, replies.BadReply):
        raise Refused(sentences["url"]) from None
    if wrong:
        raise Refused(sentences[wrong])
    fields = definitions.fields_of([dict(one) for one in facts.fields])
    given = away.asked_as(fields, ["1 A" for _one in fields])
    if strange := sorted(names - set(given)):
        raise Refused(
            _("There is no “%(name)s” here. There is: %(known)s.") % {"name": strange[0], "known": ", ".join(given)}
        )
    if not any(name.startswith(kind) for name in names for kind in plain):
        raise Refused(_("The source must be asked for what people give."))
    settings = facts.settings
    if facts.who in (Who.OWNER, Who.EITHER) and not settings.get("owner_column"):
        raise Refused(_("Name the column with the owner's telephone number."))
    if facts.who == Who.EITHER and not settings.get("pin_column"):
        raise Refused(_("Name the column with the PIN."))
    if facts.who == Who.PIN and not settings.get("pin_column") and Kind.PIN not in names:
        raise Refused(_("Name the column with the PIN, or ask the source with the PIN."))
    try:
        timeout_s = float(settings.get("timeout_s", away.TIMEOUT_S))
    except (TypeError, ValueError):
        timeout_s = 0.0
    if not 0.2 <= timeout_s <= away.LONGEST_TIMEOUT_S:
        raise Refused(_("It may take 0.2 to %(most)s seconds.") % {"most": int(away.LONGEST_TIMEOUT_S)})
    hidden = {settings.get("owner_column"), settings.get("pin_column")}
    return (
        [name for name, _path in wanted.columns if name not in hidden] if isinstance(wanted, http.HttpSettings) else []
    )


# --- data sets ---


@dataclass(frozen=True, slots=True)
class DataSetFacts:
    """What an administrator writes down of a data set; `key` as it is kept there."""

    code: str
    names: Mapping[str, str]
    columns: Sequence[str]
    key: Sequence[Mapping[str, Any]]
    owner_column: str = ""
    pin_column: str = ""
    system: Client | None = None


def save_data_set(held: DataSet | None, *, by: Staff, facts: DataSetFacts) -> DataSet:
    """Make a data set or change it. By what its rows are found changes only while it has none."""
    rights.require(by, RIGHT)
    keyed = [name for part in facts.key for name in part["columns"]]
    every = [*facts.columns, *keyed, facts.owner_column, facts.pin_column]
    if any(name and not _COLUMN.fullmatch(name) for name in every):
        raise Refused(_("Names of columns have no blanks, braces or commas."))
    if not facts.columns or len(set(facts.columns)) < len(facts.columns):
        raise Refused(_("Name the columns that answers show, each once."))
    if {facts.owner_column, facts.pin_column} & set(facts.columns) - {""}:
        raise Refused(_("Telephone number and PIN only open a row; they are not shown."))
    kinds = {part.get("kind") for part in facts.key}
    if not keyed or kinds - (set(Kind.values) - {Kind.PIN}) or any(not part["columns"] for part in facts.key):
        raise Refused(_("Say by what a row is found: a kind, and the columns it is in."))
    with transaction.atomic():
        row = DataSet() if held is None else DataSet.objects.select_for_update().get(pk=held.pk)
        before = None if held is None else facts_of(row)
        _check_code(DataSet, facts.code, row.pk)
        key = [dict(part) for part in facts.key]
        opened_by = (key, facts.owner_column, facts.pin_column)
        if row.rows_count and opened_by != (row.key, row.owner_column, row.pin_column):
            raise Refused(_("It has rows that are found by what stands here now. Make another data set for this."))
        row.code, row.names, row.columns = facts.code, names_of(facts.names), list(facts.columns)
        row.key, row.owner_column, row.pin_column = opened_by
        row.system = facts.system
        row.save(force_insert=held is None)
        note(by, "dataset.made" if held is None else "dataset.changed", row, before)
    definitions.forget()
    return row


@dataclass(frozen=True, slots=True)
class Preview:
    """What a file holds and what it would change. `shown` are its first rows without numbers and PINs."""

    columns: tuple[str, ...]
    shown: list[list[str]]
    rows: int
    wrong: int
    errors: list[tuple[int, str]]
    difference: loading.Difference


def stage(data_set: DataSet, *, by: Staff, name: str, content: bytes, whole: bool) -> Upload:
    """Keep a file for somebody to look at what it would change; one for each data set."""
    rights.require(by, RIGHT)
    _table(data_set, content)
    with transaction.atomic():
        data_set.uploads.all().delete()
        made = Upload(data_set=data_set, name=line(name)[:200], whole=whole, by=by, at=clock.now())
        made.content = seal.seal_bytes(content, place=f"upload:{made.pk}")
        made.save(force_insert=True)
    return made


def preview(upload: Upload) -> Preview:
    """What it would change now. Raises Refused."""
    held = upload.data_set
    table = _table(held, _content(upload))
    made = _prepared(held, table)
    hidden = {held.owner_column, held.pin_column}
    columns = tuple(name for name in table.columns if name not in hidden)
    shown = [[row.get(name, "")[:60] for name in columns] for _line, row in table.rows[:5]]
    difference = loading.difference(held, made.rows, whole=upload.whole)
    return Preview(columns, shown, len(made.rows), made.wrong, made.errors, difference)


def confirm(upload: Upload, *, by: Staff) -> int:
    """Load it: rows without errors, all at once. Gives how many."""
    rights.require(by, RIGHT)
    made = _prepared(upload.data_set, _table(upload.data_set, _content(upload)))
    return _load(upload.data_set, made, by=by, whole=upload.whole, staged=upload)


def discard(upload: Upload, *, by: Staff) -> None:
    """Forget it."""
    rights.require(by, RIGHT)
    upload.delete()


class WrongRows(ValueError):
    """Rows that cannot be kept: `made.errors` says why. None of the others was kept either."""

    def __init__(self, made: loading.Prepared) -> None:
        super().__init__(_("Some rows cannot be kept, so none was."))
        self.made = made


def push(data_set: DataSet, *, client: Client, table: tables.Table, whole: bool) -> tuple[int, loading.Difference]:
    """Take rows that another system hands over, all or none: how many, and what changed by it.

    `whole`: instead of all rows there are. Raises Refused, WrongRows. Source: requirement J9.
    """
    if data_set.system_id is None or data_set.system_id != client.pk:
        raise Refused(_("This data set is not kept by your system."))
    _complete(data_set, table)
    made = _prepared(data_set, table)
    if made.wrong:
        raise WrongRows(made)
    if not made.rows:
        raise Refused(_("There is no row in it."))
    with transaction.atomic():
        DataSet.objects.select_for_update().get(pk=data_set.pk)
        difference = loading.difference(data_set, made.rows, whole=whole)
        loading.load(data_set, made.rows, whole=whole)
        DataSet.objects.filter(pk=data_set.pk).update(pushed_at=clock.now())
    definitions.forget()
    return len(made.rows), difference


def _load(data_set: DataSet, made: loading.Prepared, *, by: Staff, whole: bool, staged: Upload | None) -> int:
    if not made.rows:
        raise Refused(_("No row of it can be kept."))
    with transaction.atomic():
        before = facts_of(data_set)
        loading.load(data_set, made.rows, whole=whole)
        note(by, "dataset.loaded", data_set, before)
        if staged is not None:
            staged.delete()
    definitions.forget()
    return len(made.rows)


def _content(upload: Upload) -> bytes:
    return seal.unseal_bytes(upload.content, place=f"upload:{upload.pk}")


def _prepared(data_set: DataSet, table: tables.Table) -> loading.Prepared:
    try:
        return loading.prepare(data_set, table.rows)
    except loading.TooMuch as error:
        raise Refused(str(error)) from error


def _table(data_set: DataSet, content: bytes) -> tables.Table:
    try:
        table = tables.read(content)
    except tables.BadFile as error:
        raise Refused(str(error)) from error
    _complete(data_set, table)
    return table


def _complete(data_set: DataSet, table: tables.Table) -> None:
    if missing := loading.missing_columns(data_set, table.columns):
        raise Refused(
            _("The file has no column “%(name)s”. It has: %(known)s.")
            % {"name": missing[0], "known": ", ".join(table.columns)}
        )
