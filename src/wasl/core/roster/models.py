"""Who works when: shifts and who is in them, days away, and when each was really there. Rights are not here."""

from django.db import models
from django.db.models import F, Q

from wasl.core.organisation.models import Calendar, Staff, Unit
from wasl.kernel.ids import Row
from wasl.kernel.names import local


class Shift(Row):
    """A group of people who are on duty by one calendar: its week, its Ramadan, its exceptional days (P3)."""

    names = models.JSONField(default=dict)
    unit = models.ForeignKey(Unit, models.PROTECT, related_name="+", help_text="Whose shift it is")
    calendar = models.ForeignKey(Calendar, models.PROTECT, related_name="+")
    people = models.ManyToManyField(Staff, related_name="shifts", blank=True)
    active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return local(self.names)


class Absence(Row):
    """Days on which somebody is not expected, both included; why is nobody's business here."""

    staff = models.ForeignKey(Staff, models.CASCADE, related_name="absences")
    first = models.DateField()
    last = models.DateField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(last__gte=F("first")), name="absence_in_order")]
        indexes = [models.Index(fields=["last"], name="absence_last")]

    def __str__(self) -> str:
        return f"{self.staff} · {self.first} – {self.last}"


class Attendance(Row):
    """A stretch of time that somebody was at the desk: from signing in to signing out, or to what he did last."""

    staff = models.ForeignKey(Staff, models.CASCADE, related_name="attendances")
    began_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["staff"], condition=Q(ended_at__isnull=True), name="attendance_one_open")
        ]
        indexes = [models.Index(fields=["seen_at"], name="attendance_seen")]

    def __str__(self) -> str:
        return f"{self.staff} · {self.began_at}"
