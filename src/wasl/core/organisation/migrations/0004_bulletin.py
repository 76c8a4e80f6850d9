"""Notices to all staff are bulletins: a notice is what happened to a case."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("organisation", "0003_administration"),
    ]

    operations = [
        migrations.RenameModel("Notice", "Bulletin"),
    ]
