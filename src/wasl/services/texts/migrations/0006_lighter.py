"""What a text costs: going well, it touches no index twice and has its references checked no more than once."""

import django.db.models.deletion
from django.db import migrations, models


def _loose(to: str, **more: object) -> models.ForeignKey:  # type: ignore[type-arg]  # the stubs want the model's class
    return models.ForeignKey(
        to=to,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
        **more,
    )


class Migration(migrations.Migration):
    dependencies = [("texts", "0005_early_receipts")]

    operations = [
        migrations.RemoveIndex(model_name="text", name="text_not_told"),
        migrations.AddField(
            model_name="text",
            name="astray",
            field=models.GeneratedField(
                expression=models.ExpressionWrapper(
                    models.Q(state__in=["failed", "expired", "in_doubt"]), output_field=models.BooleanField()
                ),
                output_field=models.BooleanField(),
                db_persist=True,
            ),
        ),
        migrations.AddIndex(
            model_name="text",
            index=models.Index(fields=["-id"], name="text_astray", condition=models.Q(astray=True)),
        ),
        # Room in each page for the later versions of its texts.
        migrations.RunSQL("ALTER TABLE texts_text SET (fillfactor = 70)", "ALTER TABLE texts_text RESET (fillfactor)"),
        migrations.AlterField(model_name="part", name="operator", field=_loose("texts.operator")),
        migrations.AlterField(
            model_name="part",
            name="text",
            field=models.ForeignKey(
                to="texts.text",
                on_delete=django.db.models.deletion.CASCADE,
                related_name="sent_parts",
                db_constraint=False,
            ),
        ),
        migrations.AlterField(model_name="queued", name="client", field=_loose("texts.client")),
        migrations.AlterField(model_name="queued", name="route", field=_loose("texts.route")),
        migrations.AlterField(model_name="queued", name="taken_by", field=_loose("texts.operator", null=True)),
        migrations.AlterField(
            model_name="queued",
            name="text",
            field=models.OneToOneField(
                to="texts.text",
                on_delete=django.db.models.deletion.CASCADE,
                related_name="queued",
                primary_key=True,
                serialize=False,
                db_constraint=False,
            ),
        ),
    ]
