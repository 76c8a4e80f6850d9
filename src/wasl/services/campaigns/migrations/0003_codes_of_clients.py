"""Clients that units have got so far keep their rows and bounds under the new codes (`clients.code_of`)."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def rename(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """`unit-roads-staff` becomes `staff-roads`, and `unit-7-staff` of a unit with a long code `staffid-7`."""
    client = apps.get_model("texts", "Client")
    known = set(client.objects.values_list("code", flat=True))
    for one in client.objects.filter(unit__isnull=False, code__startswith="unit-").select_related("unit"):
        for word, ending in (("unit", ""), ("staff", "-staff"), ("emergency", "-emergency")):
            if one.code not in (f"unit-{one.unit.code}{ending}", f"unit-{one.unit_id}{ending}"):
                continue
            code = f"{word}-{one.unit.code}"
            code = code if len(code) <= 40 else f"{word}id-{one.unit_id}"
            if code not in known:
                one.code = code
                one.save(update_fields=["code"])
                known.add(code)
            break


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0002_asked"),
        ("texts", "0005_early_receipts"),
    ]

    operations = [migrations.RunPython(rename, migrations.RunPython.noop)]
