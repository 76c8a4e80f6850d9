"""Shifts, days away, and when staff were at the desk."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import wasl.kernel.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("organisation", "0006_people_without_approval"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Shift",
            fields=[
                (
                    "id",
                    models.BigIntegerField(
                        default=wasl.kernel.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("names", models.JSONField(default=dict)),
                ("active", models.BooleanField(default=True)),
                (
                    "calendar",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organisation.calendar"
                    ),
                ),
                ("people", models.ManyToManyField(blank=True, related_name="shifts", to=settings.AUTH_USER_MODEL)),
                (
                    "unit",
                    models.ForeignKey(
                        help_text="Whose shift it is",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="organisation.unit",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Absence",
            fields=[
                (
                    "id",
                    models.BigIntegerField(
                        default=wasl.kernel.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("first", models.DateField()),
                ("last", models.DateField()),
                (
                    "staff",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="absences",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["last"], name="absence_last")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("last__gte", models.F("first"))), name="absence_in_order"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Attendance",
            fields=[
                (
                    "id",
                    models.BigIntegerField(
                        default=wasl.kernel.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("began_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "staff",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attendances",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["seen_at"], name="attendance_seen")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)), fields=("staff",), name="attendance_one_open"
                    )
                ],
            },
        ),
    ]
