"""Topics that people subscribe to, who did with proof that he wanted it, and which alerts went out."""

from django.db import models
from django.db.models import Q
from django.utils.translation import pgettext_lazy

from wasl.core.people.models import Person
from wasl.kernel.ids import Row
from wasl.kernel.names import local
from wasl.services.enquiries.models import DataSet


class Topic(Row):
    """What one can be told of by itself: a date in a data set that comes near, or news that somebody writes (J1)."""

    code = models.SlugField(max_length=60, unique=True)
    names = models.JSONField(default=dict)
    keywords = models.JSONField(default=dict, help_text="As of a command: what follows SUB and STOP")
    data_set = models.ForeignKey(DataSet, models.PROTECT, null=True, blank=True, related_name="+")
    date_column = models.CharField(max_length=100, blank=True, help_text="Column with the date, as 2026-12-31")
    key_kind = models.CharField(max_length=12, blank=True, help_text="What the key is: plate, number, word")
    example = models.CharField(max_length=40, blank=True, help_text="A key, such as 12345 BA")
    premium = models.BooleanField(default=False, help_text="Each alert is put on the bill")
    sender = models.CharField(max_length=15, help_text="Short code that alerts come from and STOP goes to")
    on = models.BooleanField(default=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return local(self.names) or self.code

    def name(self, language: str) -> str:
        """What it is called in a language."""
        return local(self.names, language)

    def written(self) -> str:
        """How one texts it: its first keyword and the example of a key."""
        words = next((some for some in self.keywords.values() if some), [""])
        return f"{words[0]} {self.example}".strip()

    def stop_words(self) -> str:
        """What one texts to end it."""
        words = next((some for some in self.keywords.values() if some), [""])
        return f"STOP {words[0]}".strip()


class Subscription(Row):
    """That a number wants alerts of a topic, for one key such as a plate. It counts once it is confirmed (J1)."""

    class By(models.TextChoices):
        SMS = "sms", pgettext_lazy("subscribed by", "SMS")
        PORTAL = "portal", pgettext_lazy("subscribed by", "web page")
        DESK = "desk", pgettext_lazy("subscribed by", "telephone, noted by an agent")

    topic = models.ForeignKey(Topic, models.PROTECT, related_name="subscriptions")
    key = models.CharField(max_length=100, blank=True)
    look_up = models.BinaryField(help_text="Blind index of the number")
    owner = models.BinaryField(help_text="Blind index under which data sets keep this number as the owner of a row")
    number_sealed = models.BinaryField()
    hint = models.CharField(max_length=30, help_text="Masked number")
    person = models.ForeignKey(Person, models.SET_NULL, null=True, blank=True, related_name="+")
    language = models.CharField(max_length=7)
    by = models.CharField(max_length=6, choices=By)
    proof = models.JSONField(
        default=dict, help_text="What was shown or said to him, and the incoming text, sign-in or member of staff"
    )
    confirmed_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True, blank=True)
    stopped_by = models.CharField(max_length=6, choices=By, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["look_up", "topic", "key"], name="subscription_once", condition=Q(stopped_at__isnull=True)
            )
        ]
        indexes = [models.Index(fields=["topic", "key"], name="subscription_live", condition=Q(stopped_at=None))]

    def __str__(self) -> str:
        return f"{self.topic} {self.key} {self.hint}"


class Alert(Row):
    """That a subscriber was told of a date, so many days before; once each. What it cost is with the text."""

    subscription = models.ForeignKey(Subscription, models.CASCADE, related_name="alerts")
    due = models.DateField()
    step = models.PositiveSmallIntegerField(help_text="Days before the date")
    premium = models.BooleanField(default=False)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["subscription", "due", "step"], name="alert_once")]

    def __str__(self) -> str:
        return f"{self.subscription_id} {self.due} -{self.step}"
