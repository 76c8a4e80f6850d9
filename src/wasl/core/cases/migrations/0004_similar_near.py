"""Open cases by category and latitude, for similar reports close by."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cases", "0003_analysis_and_inquiries")]

    operations = [
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                fields=["category", "lat"], name="case_similar", condition=models.Q(("state", "closed"), _negated=True)
            ),
        ),
    ]
