"""Receipts that wait are known by all spellings of their id, and by their number."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("texts", "0004_codes")]

    operations = [
        migrations.RunSQL("DELETE FROM texts_earlyreceipt", migrations.RunSQL.noop),
        migrations.RemoveIndex(model_name="earlyreceipt", name="early_receipt"),
        migrations.RemoveField(model_name="earlyreceipt", name="key"),
        migrations.AddField(
            model_name="earlyreceipt",
            name="keys",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=70),
                size=None,
                help_text="What its part may be known by",
                default=list,
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="earlyreceipt",
            name="look_up",
            field=models.BinaryField(help_text="Blind index of the number that it is about", default=b""),
            preserve_default=False,
        ),
    ]
