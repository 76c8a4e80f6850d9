"""Loads the short codes of a demo city, what can be texted to them, and topics to subscribe to."""

import json
from pathlib import Path

from wasl.kernel.names import LANGUAGES
from wasl.services.dialogue import queries, subscribing
from wasl.services.dialogue.models import Command, ShortCode
from wasl.services.enquiries.models import DataSet
from wasl.services.subscriptions.models import Topic


def load(folder: Path) -> None:
    """Load `dialogue.json` of the city; the order there is the order in the list."""
    known = json.loads((folder / "dialogue.json").read_text())
    codes = {
        row["number"]: ShortCode.objects.create(number=row["number"], language=row["language"], names=_names(row))
        for row in known["codes"]
    }
    for place, row in enumerate(known["commands"]):
        Command.objects.create(
            code=codes.get(row.get("code", "")),
            kind=row["kind"],
            target=row.get("target", ""),
            example=row.get("example", ""),
            keywords=row["keywords"],
            names=_names(row),
            place=place,
        )
    sets = {one.code: one for one in DataSet.objects.all()}
    for row in known["topics"]:
        Topic.objects.create(
            code=row["code"],
            names=_names(row),
            keywords=row["keywords"],
            data_set=sets[row["data_set"]],
            date_column=row["date_column"],
            key_kind=row["key_kind"],
            example=row["example"],
            sender=row["sender"],
        )
    queries.forget()
    subscribing.forget()


def _names(row: dict[str, str]) -> dict[str, str]:
    return {language: row[f"name_{language}"] for language in LANGUAGES}
