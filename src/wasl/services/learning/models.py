"""Who has taken which tour (A1): one row for each person, role and edition of the tour."""

from django.db import models
from django.utils.translation import pgettext_lazy

from wasl.core.organisation.models import Post, Staff
from wasl.kernel.ids import Row


class Tour(Row):
    """A tour of one role as one person took it; a new edition of the tour is a new row."""

    class State(models.TextChoices):
        OFFERED = "offered", pgettext_lazy("tour", "offered")
        LEFT = "left", pgettext_lazy("tour", "begun and left")
        DONE = "done", pgettext_lazy("tour", "taken to the end")

    staff = models.ForeignKey(Staff, models.CASCADE, related_name="tours")
    role = models.CharField(max_length=20, choices=Post.Role)
    edition = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=8, choices=State, default=State.OFFERED)
    at = models.DateTimeField(help_text="Of the state; the end stands, however often it is taken again")
    reached = models.PositiveSmallIntegerField(default=0, help_text="The last step seen, from 1")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["staff", "role", "edition"], name="tour_once")]

    def __str__(self) -> str:
        return f"{self.staff} {self.role} {self.edition} {self.state}"
