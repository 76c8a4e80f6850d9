"""What the board counts, and which cases an officer's list has, is read from indexes alone."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cases", "0008_questions_of_leaders")]

    operations = [
        migrations.RemoveIndex("case", "case_unit_due"),
        migrations.RemoveIndex("case", "case_kind"),
        migrations.RemoveIndex("workorder", "order_unit_live"),
        migrations.AlterField(
            "case",
            "unit",
            models.ForeignKey(
                blank=True,
                db_index=False,
                help_text="Lead unit, or the one proposed",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="cases",
                to="organisation.unit",
            ),
        ),
        migrations.AlterField(
            "workorder",
            "case",
            models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="orders",
                to="cases.case",
            ),
        ),
        migrations.AddIndex(
            "case", models.Index(fields=["kind", "-received_at"], include=["id", "against"], name="case_kind")
        ),
        migrations.AddIndex(
            "case", models.Index(fields=["unit", "-received_at"], include=["id", "against"], name="case_unit")
        ),
        migrations.AddIndex(
            "case",
            models.Index(
                fields=["unit", "due_next"],
                include=["id", "state", "due_sign", "due_contact", "due_result", "due_centre"],
                name="case_unit_due",
                condition=~models.Q(state="closed"),
            ),
        ),
        migrations.AddIndex("workorder", models.Index(fields=["case"], include=["unit", "state"], name="order_case")),
        migrations.AddIndex(
            "workorder",
            models.Index(
                fields=["unit", "state"],
                include=["case"],
                name="order_unit_live",
                condition=models.Q(state__in=["dispatched", "signed", "in_progress"]),
            ),
        ),
    ]
