import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import wasl.kernel.ids


class Migration(migrations.Migration):
    dependencies = [
        ("texts", "0002_used"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DayPeak",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("day", models.DateField()),
                ("at", models.DateTimeField(help_text="Beginning of that minute")),
                ("parts", models.PositiveIntegerField(help_text="That he took in it")),
            ],
        ),
        migrations.CreateModel(
            name="DayReceived",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("day", models.DateField()),
                ("code", models.CharField(max_length=20)),
                ("received", models.PositiveIntegerField()),
                ("answered", models.PositiveIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="DayTally",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("day", models.DateField()),
                (
                    "klass",
                    models.PositiveSmallIntegerField(
                        choices=[
                            (1, "one-time code or emergency"),
                            (2, "answer to an enquiry"),
                            (3, "about a case"),
                            (4, "alert somebody subscribed to"),
                            (5, "to many people"),
                        ]
                    ),
                ),
                ("made", models.PositiveIntegerField()),
                ("parts", models.PositiveIntegerField(help_text="Of texts that the operator took")),
                ("accepted", models.PositiveIntegerField()),
                ("delivered", models.PositiveIntegerField()),
                ("failed", models.PositiveIntegerField()),
                ("expired", models.PositiveIntegerField()),
                ("cancelled", models.PositiveIntegerField()),
                ("in_doubt", models.PositiveIntegerField()),
                ("cost", models.DecimalField(decimal_places=4, help_text="In the city's currency", max_digits=14)),
                ("to_accepted", django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), size=None)),
                (
                    "to_delivered",
                    django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), size=None),
                ),
            ],
        ),
        migrations.CreateModel(
            name="PortedDraft",
            fields=[
                (
                    "id",
                    models.BigIntegerField(
                        default=wasl.kernel.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("at", models.DateTimeField()),
                (
                    "packed",
                    models.BinaryField(
                        help_text="24 bytes each: blind index, operator's id or 0 for where the prefix says"
                    ),
                ),
                (
                    "wrong",
                    models.JSONField(
                        default=list, help_text="Lines that were not understood: number of the line and why"
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Review",
            fields=[
                (
                    "id",
                    models.BigIntegerField(
                        default=wasl.kernel.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("month", models.DateField(help_text="Its first day")),
                ("remarks", models.TextField()),
                ("figures", models.JSONField(help_text="As they stood when it was signed")),
                ("at", models.DateTimeField()),
            ],
            options={
                "ordering": ["-month", "-at"],
            },
        ),
        migrations.AddField(
            model_name="bindstate",
            name="per_s",
            field=models.FloatField(default=0, help_text="Parts accepted a second, over the last minute"),
        ),
        migrations.AddField(
            model_name="client",
            name="held",
            field=models.BooleanField(default=False, help_text="What it hands in is taken and waits"),
        ),
        migrations.AddField(
            model_name="text",
            name="left_at",
            field=models.DateTimeField(help_text="When somebody decided not to send a doubtful one again", null=True),
        ),
        migrations.AddIndex(
            model_name="incoming",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["at"], name="incoming_at", pages_per_range=32
            ),
        ),
        migrations.AddIndex(
            model_name="text",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["made_at"], name="text_made", pages_per_range=32
            ),
        ),
        migrations.AddField(
            model_name="daypeak",
            name="operator",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="texts.operator"
            ),
        ),
        migrations.AddConstraint(
            model_name="dayreceived",
            constraint=models.UniqueConstraint(fields=("day", "code"), name="received_once"),
        ),
        migrations.AddField(
            model_name="daytally",
            name="client",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="texts.client"
            ),
        ),
        migrations.AddField(
            model_name="daytally",
            name="operator",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="texts.operator",
            ),
        ),
        migrations.AddField(
            model_name="porteddraft",
            name="by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="review",
            name="by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddConstraint(
            model_name="daypeak",
            constraint=models.UniqueConstraint(fields=("day", "operator"), name="peak_once"),
        ),
        migrations.AddConstraint(
            model_name="daytally",
            constraint=models.UniqueConstraint(
                fields=("day", "client", "klass", "operator"), name="tally_once", nulls_distinct=False
            ),
        ),
    ]
