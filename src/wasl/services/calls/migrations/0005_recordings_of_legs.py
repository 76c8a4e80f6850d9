import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("calls", "0004_alone")]

    operations = [
        migrations.AlterField(
            "recording",
            "call",
            models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="recordings", to="calls.call"),
        ),
        migrations.AddField("recording", "channel", models.CharField(max_length=80, null=True)),
        migrations.RunSQL(
            "UPDATE calls_recording r SET channel = c.channel FROM calls_call c WHERE c.id = r.call_id",
            migrations.RunSQL.noop,
        ),
        migrations.AlterField("recording", "channel", models.CharField(max_length=80, unique=True)),
    ]
