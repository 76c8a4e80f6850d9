"""Groups of people that a unit writes to, campaigns, and who was to get each; texts themselves are in `texts`.

Numbers, names and words are sealed; a number is found by its blind index.
"""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from wasl.core.organisation.models import Staff, Unit
from wasl.kernel.ids import Row
from wasl.services.subscriptions.models import Topic
from wasl.services.texts.models import Klass, Text


class Group(Row):
    """Whom a unit writes to: a list of its own, its staff, or who subscribed to a topic (J4)."""

    class Kind(models.TextChoices):
        LIST = "list", pgettext_lazy("group", "a list that the unit keeps")
        STAFF = "staff", pgettext_lazy("group", "staff of the unit and of all below it")
        SUBSCRIBERS = "subscribers", pgettext_lazy("group", "who subscribed to a topic")

    unit = models.ForeignKey(Unit, models.PROTECT, related_name="+")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=11, choices=Kind, default=Kind.LIST)
    topic = models.ForeignKey(Topic, models.PROTECT, null=True, blank=True, related_name="+")
    on = models.BooleanField(default=True)
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["unit", "name"], name="group_name_once"),
            models.CheckConstraint(
                condition=Q(kind="subscribers", topic__isnull=False) | ~Q(kind="subscribers") & Q(topic__isnull=True),
                name="group_of_topic",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Member(Row):
    """One number of a list."""

    group = models.ForeignKey(Group, models.CASCADE, related_name="members", db_index=False)
    look_up = models.BinaryField(help_text="Blind index of the number")
    number_sealed = models.BinaryField()
    hint = models.CharField(max_length=30, help_text="Masked number")
    name_sealed = models.BinaryField(null=True)
    language = models.CharField(max_length=7, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["group", "look_up"], name="member_once")]

    def __str__(self) -> str:
        return self.hint


class Campaign(Row):
    """One message to many people: who it is for, its words, who approved it, and where it stands (J4, J14, J15, I4)."""

    class Kind(models.TextChoices):
        CITIZENS = "citizens", pgettext_lazy("campaign", "announcement to citizens")
        STAFF = "staff", pgettext_lazy("campaign", "announcement to staff")
        SALARY = "salary", pgettext_lazy("campaign", "secret words for each person, such as salaries")
        EMERGENCY = "emergency", pgettext_lazy("campaign", "emergency: staff answer 1")

    class State(models.TextChoices):
        DRAFT = "draft", pgettext_lazy("campaign", "draft")
        ASKED = "asked", pgettext_lazy("campaign", "waits for approval")
        READY = "ready", pgettext_lazy("campaign", "waits for its time")
        GOING = "going", pgettext_lazy("campaign", "being sent")
        DONE = "done", pgettext_lazy("campaign", "done")
        STOPPED = "stopped", pgettext_lazy("campaign", "stopped")

    CLASSES = (
        (Klass.BULK, _("to many people: not at night, after everything else")),
        (Klass.ALERT, _("alert: not at night, before what goes to many")),
    )

    unit = models.ForeignKey(Unit, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=9, choices=Kind)
    name = models.CharField(max_length=80)
    klass = models.PositiveSmallIntegerField(choices=Klass, default=Klass.BULK)
    groups = models.ManyToManyField(Group, related_name="+", blank=True)
    words_sealed = models.BinaryField(null=True, help_text="JSON by language; none for words per person")
    not_before = models.DateTimeField(null=True, blank=True)
    ask_again_min = models.PositiveSmallIntegerField(
        default=15,
        validators=[MinValueValidator(2), MaxValueValidator(1440)],
        help_text="Minutes after which an emergency goes to `above`, with the names of those who have not answered",
    )
    above = models.ForeignKey(Group, models.PROTECT, null=True, blank=True, related_name="+")
    state = models.CharField(max_length=7, choices=State, default=State.DRAFT)
    version = models.PositiveIntegerField(default=1, help_text="Counts changes: who approves says what he has seen")
    people = models.PositiveIntegerField(default=0, help_text="How many it was for when it was handed in")
    made_by = models.ForeignKey(Staff, models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    asked_by = models.ForeignKey(Staff, models.PROTECT, null=True, related_name="+")
    asked_at = models.DateTimeField(null=True)
    approved_by = models.ForeignKey(Staff, models.PROTECT, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True)
    remark = models.CharField(max_length=300, blank=True, help_text="Why it was sent back or stopped")
    started_at = models.DateTimeField(null=True)
    escalated_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    result = models.JSONField(default=dict, help_text="Its counts, kept when who got it is forgotten")

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True)
                | ~Q(approved_by=models.F("made_by")) & ~Q(approved_by=models.F("asked_by")),
                name="campaign_two_people",
            )
        ]
        indexes = [
            models.Index(fields=["state"], name="campaign_live", condition=Q(state__in=["asked", "ready", "going"])),
        ]

    def __str__(self) -> str:
        return self.name


class Receiver(Row):
    """One person of a campaign, by number, and the text that went to him."""

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("receiver", "to be sent")
        QUEUED = "queued", pgettext_lazy("receiver", "handed to the gateway")
        LEFT_OUT = "left_out", pgettext_lazy("receiver", "left out: wants no such texts")
        REFUSED = "refused", pgettext_lazy("receiver", "could not be sent")

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="receivers", db_index=False)
    level = models.PositiveSmallIntegerField(default=1, help_text="2: told because others did not answer")
    look_up = models.BinaryField()
    number_sealed = models.BinaryField()
    hint = models.CharField(max_length=30)
    name_sealed = models.BinaryField(null=True)
    language = models.CharField(max_length=7, blank=True)
    words_sealed = models.BinaryField(null=True, help_text="His own words; gone when they are handed to the gateway")
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    error = models.CharField(max_length=120, blank=True)
    text = models.ForeignKey(Text, models.DO_NOTHING, null=True, related_name="+", db_constraint=False)
    acknowledged_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "level", "look_up"], name="receiver_once"),
        ]
        indexes = [
            models.Index(fields=["campaign", "id"], name="receiver_waiting", condition=Q(state="waiting")),
            models.Index(fields=["look_up"], name="receiver_of_number", condition=Q(acknowledged_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id} {self.hint}"


class Upload(Row):
    """A file of numbers that waits for somebody to look at what it would change; one for each list or campaign."""

    group = models.ForeignKey(Group, models.CASCADE, null=True, related_name="uploads")
    campaign = models.ForeignKey(Campaign, models.CASCADE, null=True, related_name="uploads")
    name = models.CharField(max_length=200)
    whole = models.BooleanField(default=False, help_text="Who is not in the file leaves the list")
    content = models.BinaryField(help_text="Sealed")
    by = models.ForeignKey(Staff, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(group__isnull=False, campaign__isnull=True) | Q(group__isnull=True, campaign__isnull=False),
                name="upload_is_of_one",
            )
        ]

    def __str__(self) -> str:
        return self.name
