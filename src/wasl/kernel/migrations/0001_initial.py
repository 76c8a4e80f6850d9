"""The sequences behind `wasl.kernel.ids`."""

from django.db import migrations


class Migration(migrations.Migration):
    initial = True
    dependencies: list[tuple[str, str]] = []
    operations = [
        migrations.RunSQL(
            "CREATE SEQUENCE wasl_id_block; CREATE SEQUENCE wasl_serial_block",
            "DROP SEQUENCE wasl_id_block; DROP SEQUENCE wasl_serial_block",
        )
    ]
