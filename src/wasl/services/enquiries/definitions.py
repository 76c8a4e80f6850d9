"""Enquiries as they are in force, read once and kept while nobody changes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max
from django.utils.translation import gettext as _

from wasl.core.organisation.queries import Kept
from wasl.kernel.names import LANGUAGES, local
from wasl.services.enquiries import reading, replies
from wasl.services.enquiries.models import DataSet, Enquiry


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that is asked for. `name` is what replies call it."""

    name: str
    kind: str
    labels: Mapping[str, str]
    example: str


@dataclass(frozen=True, slots=True)
class Definition:
    """An enquiry in force."""

    pk: int
    code: str
    names: Mapping[str, str]
    fields: tuple[Field, ...]
    who: str
    source: str
    data_set: DataSet | None
    settings: Mapping[str, Any]
    secret_sealed: bytes | None
    replies: Mapping[tuple[str, str], replies.Reply]

    @property
    def kinds(self) -> tuple[str, ...]:
        """What is asked, in order."""
        return tuple(field.kind for field in self.fields)

    @property
    def is_slow(self) -> bool:
        """Whether its source is another system, which may take seconds or be away."""
        return self.source in (Enquiry.Source.SQL, Enquiry.Source.HTTP)

    def name(self, language: str) -> str:
        """Its name in this language."""
        return local(self.names, language)

    def example(self) -> str:
        """What somebody might write, without the command before it."""
        optional = reading.Kind.PIN if self.who == Enquiry.Who.EITHER else ""
        return " ".join(field.example for field in self.fields if field.kind != optional)


def fields_of(rows: list[dict[str, Any]]) -> tuple[Field, ...]:
    """The fields as they are stored; each is named by its kind, the second of a kind with a 2."""
    made: list[Field] = []
    for row in rows:
        same = sum(one.kind == row["kind"] for one in made)
        name = f"{row['kind']}{same + 1 if same else ''}"
        example = row.get("example") or reading.EXAMPLES[row["kind"]]
        made.append(Field(name, row["kind"], row.get("labels", {}), example))
    return tuple(made)


def of(enquiry: Enquiry) -> Definition:
    """The row as a definition. Raises replies.BadReply, KeyError for a row that makes none."""
    return Definition(
        enquiry.pk,
        enquiry.code,
        enquiry.names,
        fields_of(enquiry.fields),
        enquiry.who,
        enquiry.source,
        enquiry.data_set,
        enquiry.settings,
        bytes(enquiry.secret_sealed) if enquiry.secret_sealed else None,
        {
            (kind, language): replies.in_language(enquiry.replies.get(kind, {}), language)
            for kind in replies.KINDS
            for language in LANGUAGES
        },
    )


_in_force: Kept[dict[str, Definition]] = Kept(
    lambda: {one.code: of(one) for one in Enquiry.objects.filter(active=True).select_related("data_set")},
    lambda: (
        tuple(Enquiry.objects.aggregate(Count("pk"), Max("updated_at")).values()),
        tuple(DataSet.objects.aggregate(Count("pk"), Max("updated_at")).values()),
    ),
)


def in_force() -> Mapping[str, Definition]:
    """Enquiries that are on, by code; at most a second old."""
    return _in_force.get()


def forget() -> None:
    """Read them anew next time."""
    _in_force.forget()


def how_to_ask(one: Definition, language: str) -> str:
    """One sentence on what to give, with an example, in the language that is active."""
    labels = [local(field.labels, language) or str(reading.Kind(field.kind).label) for field in one.fields]
    return _("%(name)s: please give %(fields)s, such as %(example)s") % {
        "name": one.name(language),
        "fields": ", ".join(labels),
        "example": one.example(),
    }
