"""Talking by SMS: short codes with their commands, what is known of who writes, and conversations that go on.

A number stands here only as its blind index (`seal.index_of`), the same as in the gateway's queue.
"""

from django.db import models
from django.db.models import Q
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from wasl.kernel.ids import Row
from wasl.kernel.names import code_of, local


class ShortCode(Row):
    """A number of the house that people text to, such as 90888 (J12)."""

    number = models.CharField(max_length=15, unique=True)
    names = models.JSONField(default=dict)
    language = models.CharField(max_length=7, default="ar", help_text="Of replies to those whose language is not known")
    on = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"{self.number} {self.name}".strip()

    @property
    def name(self) -> str:
        """Whose it is, in the language of the screen."""
        return local(self.names)


class Command(Row):
    """A word that a text begins with and what it does, on one short code or on all."""

    class Kind(models.TextChoices):
        ENQUIRY = "enquiry", _("answer an enquiry")
        ARTICLE = "article", _("give information")
        COMPLAINT = "complaint", _("take a report")
        VERDICT = "verdict", _("hear whether a request is solved")
        HELP = "help", _("say what can be texted")
        STOP = "stop", _("send no more")
        START = "start", _("send again")
        SUBSCRIBE = "subscribe", _("subscribe to a topic")
        LIST = "list", _("list one's subscriptions")
        WRONG_PERSON = "wrong_person", _("the number is somebody else's")

    code = models.ForeignKey(
        ShortCode, models.CASCADE, null=True, blank=True, related_name="commands", help_text="Empty: on all"
    )
    kind = models.CharField(max_length=12, choices=Kind)
    keywords = models.JSONField(
        default=dict, help_text='By language; those under "" are of none: {"": ["VE"], "ar": ["مخالفات"]}'
    )
    names = models.JSONField(default=dict, help_text="What one gets, in a few words")
    example = models.CharField(max_length=40, blank=True, help_text="A whole text, such as VE 12345 BA")
    target = models.CharField(max_length=60, blank=True, help_text="Code of the enquiry or topic, or the verdict")
    place = models.PositiveSmallIntegerField(default=0, help_text="Order in the list and in the reply to HELP")
    on = models.BooleanField(default=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["place", "id"]

    def __str__(self) -> str:
        return self.written(code_of(get_language())) or self.kind

    @property
    def name(self) -> str:
        """What one gets, in the language of the screen."""
        return local(self.names)

    def word(self, language: str) -> str:
        """Its first keyword: that of no language, else in this one, else any."""
        known: dict[str, list[str]] = self.keywords
        words: list[str] = known.get("") or known.get(language) or next((some for some in known.values() if some), [])
        return words[0].upper() if words else ""

    def written(self, language: str) -> str:
        """How one texts it: the example, else the first keyword."""
        return self.example or self.word(language)


class Sender(models.Model):
    """What is known of a number that has texted: its language, and how much it was answered, so that loops end."""

    look_up = models.BinaryField(primary_key=True, help_text="Blind index of the number")
    language = models.CharField(max_length=7, blank=True, help_text="That of its last text which showed one")
    seen_at = models.DateTimeField()
    answered_since = models.DateTimeField(null=True, help_text="When the hour began in which `answered` counts")
    answered = models.PositiveIntegerField(default=0)
    filed_since = models.DateTimeField(null=True, help_text="When the day began in which `filed` counts")
    filed = models.PositiveIntegerField(default=0)
    helped_at = models.DateTimeField(null=True, help_text="When it was last told what it can text")
    wrong_since = models.DateTimeField(null=True, help_text="When the day began in which `wrong` counts")
    wrong = models.PositiveIntegerField(default=0, help_text="Codes that were not the one it was to text back")

    class Meta:
        indexes = [models.Index(fields=["seen_at"], name="sender_seen")]


class Conversation(models.Model):
    """Where a number and a short code stand in what takes more than one text (J6)."""

    look_up = models.BinaryField(primary_key=True, help_text="Blind index of number and short code")
    state = models.CharField(max_length=20)
    data_sealed = models.BinaryField(help_text="JSON of what was said so far, sealed")
    at = models.DateTimeField(help_text="Of the last text")
    expires_at = models.DateTimeField(db_index=True)


class OptOut(Row):
    """That a number wants no more of something, and when it wanted it again; kept as proof."""

    class What(models.TextChoices):
        ALERTS = "alerts", pgettext_lazy("opt-out", "alerts and news")
        TOPIC = "topic", pgettext_lazy("opt-out", "one topic")
        ALL = "all", pgettext_lazy("opt-out", "everything but answers")

    look_up = models.BinaryField(help_text="Blind index of the number")
    what = models.CharField(max_length=6, choices=What)
    topic = models.CharField(max_length=60, blank=True)
    at = models.DateTimeField()
    by_text = models.BigIntegerField(null=True, help_text="Id of the incoming text")
    ended_at = models.DateTimeField(null=True)
    ended_by_text = models.BigIntegerField(null=True, help_text="Id of the incoming text")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["look_up", "what", "topic"], name="opt_out_once", condition=Q(ended_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"{self.what} {self.topic}".strip()
