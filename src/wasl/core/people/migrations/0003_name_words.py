from typing import Any

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
from django.db import migrations, models

from wasl.core.people import queries
from wasl.kernel import seal


def index_names(apps: Any, schema_editor: Any) -> None:
    """Give the people who are there already what their names are found by."""
    Person = apps.get_model("people", "Person")
    batch = []
    for person in Person.objects.filter(name_sealed__isnull=False).only("pk", "name_sealed").iterator(2000):
        person.name_words = queries.name_index(seal.unseal(bytes(person.name_sealed))) or None
        batch.append(person)
        if len(batch) == 2000:
            Person.objects.bulk_update(batch, ["name_words"])
            batch.clear()
    Person.objects.bulk_update(batch, ["name_words"])


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0002_codes_and_wishes"),
    ]

    operations = [
        migrations.AddField(
            model_name="person",
            name="name_words",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(),
                blank=True,
                help_text="Blind index of each word of the name",
                null=True,
                size=None,
            ),
        ),
        migrations.RunPython(index_names, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="person",
            index=django.contrib.postgres.indexes.GinIndex(fields=["name_words"], name="person_name_words"),
        ),
    ]
