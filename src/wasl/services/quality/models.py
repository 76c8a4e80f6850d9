"""Quality of calls: what calls are looked at for, which were drawn, what was thought of them, and appeals (P2)."""

from django.db import models
from django.utils.translation import pgettext_lazy

from wasl.core.organisation.models import Staff
from wasl.kernel.ids import Row
from wasl.kernel.names import local
from wasl.services.calls.models import Recording


class Criterion(Row):
    """One line of the score form. One that is critical makes the whole score nothing where it is not met."""

    names = models.JSONField(default=dict)
    weight = models.PositiveSmallIntegerField(default=10)
    critical = models.BooleanField(default=False)
    place = models.PositiveSmallIntegerField(default=0)
    on = models.BooleanField(default=True)

    class Meta:
        ordering = ["place", "pk"]

    def __str__(self) -> str:
        return local(self.names)


class Check(Row):
    """A recording that the draw of its month took for this agent."""

    recording = models.OneToOneField(Recording, models.CASCADE, related_name="check_of")
    agent = models.ForeignKey(Staff, models.CASCADE, related_name="+")
    month = models.DateField(help_text="Its first day")
    drawn_at = models.DateTimeField()
    drawn_by = models.ForeignKey(Staff, models.PROTECT, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["month", "agent"], name="quality_check_month")]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} {self.pk}"


class Score(Row):
    """What one person thought of one call, and what became of the agent's appeal."""

    class Decision(models.TextChoices):
        STANDS = "stands", pgettext_lazy("score", "stands")
        VOID = "void", pgettext_lazy("score", "does not count")

    check_of = models.ForeignKey(Check, models.CASCADE, related_name="scores")
    by = models.ForeignKey(Staff, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    marks = models.JSONField(
        help_text="As the form was: [{criterion, names, weight, critical, mark}], mark 0, 50, 100, or null: not asked"
    )
    total = models.PositiveSmallIntegerField(help_text="0 to 100")
    critical = models.BooleanField(help_text="A critical criterion was not met")
    note = models.CharField(max_length=1000, blank=True)
    appealed_at = models.DateTimeField(null=True)
    appeal = models.CharField(max_length=1000, blank=True)
    decision = models.CharField(max_length=6, choices=Decision.choices, blank=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(Staff, models.PROTECT, null=True, related_name="+")
    reason = models.CharField(max_length=1000, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["check_of", "by"], name="quality_score_once")]

    def __str__(self) -> str:
        return f"{self.check_of_id} {self.total}"

    @property
    def counts(self) -> bool:
        """Whether it stands in the figures."""
        return self.decision != self.Decision.VOID
