"""Articles: what the house says on a topic, in three languages, the same on every channel; and how often it was used.

What is published never changes, so that number and version name one text for ever (A4).
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from wasl.core.organisation.models import Staff
from wasl.kernel.ids import Row
from wasl.kernel.names import local


class Article(Row):
    """One topic. `current` is the version in force; none: nobody sees it."""

    code = models.SlugField(max_length=40, unique=True)
    number = models.PositiveSmallIntegerField(unique=True)
    """What people text and read: INFO 3."""
    fixed = models.BooleanField(default=False, help_text="One of the four topics that every hotline has (C12)")
    current = models.ForeignKey("ArticleVersion", models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["number"]

    def __str__(self) -> str:
        return self.current.title if self.current else self.code


class ArticleVersion(Row):
    """One version; a draft until it is published, then unchangeable. Texts are JSON by language."""

    article = models.ForeignKey(Article, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(null=True, help_text="None: a draft")
    titles = models.JSONField(default=dict)
    full = models.JSONField(default=dict, help_text="Paragraphs, divided by empty lines")
    voice = models.JSONField(default=dict, help_text="As it is spoken: a minute at most")
    short = models.JSONField(default=dict, help_text="As it is texted: three parts at most")
    topics = ArrayField(models.CharField(max_length=60), default=list, help_text="Codes of categories it is about")
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(Staff, models.PROTECT, null=True, related_name="+")
    published_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["article", "number"], name="articles_version"),
            models.UniqueConstraint(
                fields=["article"], condition=models.Q(number__isnull=True), name="articles_one_draft"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.article.code} {self.number or '–'}"

    @property
    def mark(self) -> str:
        """Article and version as every channel cites them, such as 3.2."""
        return f"{self.article.number}.{self.number}"

    @property
    def title(self) -> str:
        """In the language of the screen."""
        return local(self.titles)

    def paragraphs(self, language: str | None = None) -> list[str]:
        """The full form in this language, or that of the screen."""
        return [part.strip() for part in local(self.full, language).split("\n\n") if part.strip()]


class ArticleUse(models.Model):
    """How often a version was given on a channel on a day: the whole record of it, without anybody."""

    version = models.ForeignKey(ArticleVersion, models.CASCADE, db_index=False, related_name="uses")
    channel = models.CharField(max_length=8)
    day = models.DateField()
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "channel", "day"], name="articles_use_once")]
