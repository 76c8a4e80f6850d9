"""What people keep of their lists: views that they saved and shared, how they like a list laid out; no cases."""

from django.db import models
from django.db.models import Q

from wasl.core.organisation.models import Post, Staff, Unit
from wasl.kernel.ids import Row

LONGEST_QUERY = 4000
"""Signs of what a view holds."""


class SavedView(Row):
    """A list with filters, columns and order under a name: somebody's own, or shared with a role, a unit, or both.

    It holds what was asked for, never cases: each reader sees through it only what he may see.
    """

    owner = models.ForeignKey(Staff, models.PROTECT, related_name="+")
    name = models.CharField(max_length=60)
    listing = models.CharField(max_length=20, help_text="Code of the list")
    query = models.CharField(
        max_length=LONGEST_QUERY, blank=True, help_text="Filters, columns and order, as an address says it"
    )
    shared = models.BooleanField(default=False)
    role = models.CharField(max_length=20, choices=Post.Role, blank=True, help_text="Shared with this role; empty: any")
    unit = models.ForeignKey(
        Unit, models.PROTECT, null=True, blank=True, related_name="+", help_text="Shared with this unit and all below"
    )
    changed_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True, blank=True, help_text="Can be taken back for a day")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(shared=True) | Q(role="", unit=None), name="saved_view_own_or_shared")
        ]

    def __str__(self) -> str:
        return self.name


class Layout(Row):
    """How one person likes one list: columns in their order, and the order of rows."""

    staff = models.ForeignKey(Staff, models.CASCADE, related_name="+")
    listing = models.CharField(max_length=20)
    columns = models.JSONField(default=list)
    order = models.CharField(max_length=10, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["staff", "listing"], name="saved_layout_once")]
