"""What the board counts is read from an index alone, and a kind of requests in the order of its lists."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cases", "0008_questions_of_leaders")]

    operations = [
        migrations.RemoveIndex("case", "case_unit_due"),
        migrations.RemoveIndex("case", "case_kind"),
        migrations.AddIndex("case", models.Index(fields=["kind", "-received_at"], name="case_kind")),
        migrations.AddIndex(
            "case",
            models.Index(
                fields=["unit", "due_next"],
                include=["id", "state", "due_sign", "due_contact", "due_result", "due_centre"],
                name="case_unit_due",
                condition=~models.Q(state="closed"),
            ),
        ),
    ]
