from typing import Any

from django.db import migrations

from wasl.kernel import terms

_AT_ONCE = 2000


def fill(apps: Any, schema_editor: Any) -> None:
    """Make what is there already findable by its words."""
    Text = apps.get_model("cases", "SearchText")
    contacts = apps.get_model("contacts", "Contact").objects.filter(case__isnull=False).select_related("case")
    remarks = apps.get_model("cases", "Remark").objects.all()
    for rows in (contacts, remarks):
        batch = []
        for row in rows.exclude(body="").iterator(_AT_ONCE):
            more: tuple[str, ...] = ()
            if hasattr(row, "medium") and row.at == row.case.received_at:
                more = (row.case.address, *(v for v in row.case.answers.values() if isinstance(v, str)))
            batch.append(Text(id=row.pk, case_id=row.case_id, words=terms.vector(row.body, *more)))
            if len(batch) == _AT_ONCE:
                Text.objects.bulk_create(batch)
                batch.clear()
        Text.objects.bulk_create(batch)


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0005_search"),
        ("contacts", "0001_initial"),
    ]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
