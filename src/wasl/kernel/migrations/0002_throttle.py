"""The table of the rate limits, without write-ahead log."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("kernel", "0001_initial")]
    operations = [
        migrations.CreateModel(
            name="Throttle",
            fields=[
                ("key", models.TextField(primary_key=True, serialize=False)),
                ("window_start", models.DateTimeField(db_index=True)),
                ("hits", models.IntegerField()),
            ],
        ),
        migrations.RunSQL("ALTER TABLE kernel_throttle SET UNLOGGED", "ALTER TABLE kernel_throttle SET LOGGED"),
    ]
