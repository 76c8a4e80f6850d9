"""The rule book of the hotline, edition by edition. What an edition says is read through `book`."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from wasl.kernel.ids import Row


class Edition(Row):
    """One whole version of categories, forms, dispatch rules, deadlines and reasons (P9).

    A draft has no `published_at`. The edition in force at an instant is the one published with the latest
    `effective_from` not after it; a published edition never changes.
    """

    number = models.PositiveIntegerField(unique=True)
    effective_from = models.DateTimeField(null=True, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    published_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    made_at = models.DateTimeField()
    note = models.CharField(max_length=300, blank=True)
    sheets = models.JSONField(help_text="{sheet name: [row, ...]}, the rows as in the CSV files")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(published_at__isnull=True) | Q(effective_from__isnull=False),
                name="edition_published_has_date",
            )
        ]

    def __str__(self) -> str:
        return f"{self.number}"
