import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import wasl.kernel.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("organisation", "0002_audit"),
    ]

    operations = [
        migrations.CreateModel(
            name="SavedView",
            fields=[
                (
                    "id",
                    models.BigIntegerField(
                        default=wasl.kernel.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=60)),
                ("listing", models.CharField(help_text="Code of the list", max_length=20)),
                (
                    "query",
                    models.CharField(
                        blank=True, help_text="Filters, columns and order, as an address says it", max_length=4000
                    ),
                ),
                ("shared", models.BooleanField(default=False)),
                (
                    "role",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("agent", "agent"),
                            ("dispatcher", "dispatcher"),
                            ("officer", "unit officer"),
                            ("second_line", "second line"),
                            ("supervisor", "supervisor"),
                            ("leader", "leader"),
                            ("administrator", "administrator"),
                        ],
                        help_text="Shared with this role; empty: any",
                        max_length=20,
                    ),
                ),
                ("changed_at", models.DateTimeField()),
                ("removed_at", models.DateTimeField(blank=True, help_text="Can be taken back for a day", null=True)),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "unit",
                    models.ForeignKey(
                        blank=True,
                        help_text="Shared with this unit and all below",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="organisation.unit",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("shared", True), models.Q(("role", ""), ("unit", None)), _connector="OR"),
                        name="saved_view_own_or_shared",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Layout",
            fields=[
                (
                    "id",
                    models.BigIntegerField(
                        default=wasl.kernel.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("listing", models.CharField(max_length=20)),
                ("columns", models.JSONField(default=list)),
                ("order", models.CharField(blank=True, max_length=10)),
                (
                    "staff",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("staff", "listing"), name="saved_layout_once")],
            },
        ),
    ]
