"""Requesters: the person, how he is reached, and the vault that keeps who he is apart from the case."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from wasl.kernel.ids import Row


class Person(Row):
    """A requester. Names and numbers are sealed; a unit sees only the pseudonym (rules: identity of the reporter)."""

    class Kind(models.TextChoices):
        CITIZEN = "citizen", _("citizen")
        RESIDENT = "resident", _("resident")
        BUSINESS = "business", _("business")
        EMPLOYEE = "employee", _("employee")
        VISITOR = "visitor", _("visitor")

    class Channel(models.TextChoices):
        MAIL = "mail", _("e-mail")
        SMS = "sms", _("SMS")
        PHONE = "phone", _("telephone call")
        FAX = "fax", _("fax")
        POST = "post", _("letter")
        WEB = "web", _("I will look on the web page")

    kind = models.CharField(max_length=10, choices=Kind, default=Kind.CITIZEN)
    name_sealed = models.BinaryField(null=True, blank=True)
    name_words = ArrayField(
        models.BigIntegerField(), null=True, blank=True, help_text="Blind index of each word of the name"
    )
    language = models.CharField(max_length=7, default="ar")
    channel = models.CharField(
        max_length=10, choices=Channel, default=Channel.WEB, help_text=_("Preferred way of reply.")
    )
    sensitive = models.BooleanField(default=False)
    merged_into = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="merged")
    wished_at = models.DateTimeField(
        null=True, blank=True, help_text="When he chose language and channel himself; it counts for older reports too"
    )
    created_at = models.DateTimeField()
    forget_asked_at = models.DateTimeField(null=True, blank=True, help_text="When he asked to be forgotten")
    forgotten_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["forget_asked_at"],
                name="person_asks_to_be_forgotten",
                condition=Q(forget_asked_at__isnull=False, forgotten_at__isnull=True),
            ),
            GinIndex(fields=["name_words"], name="person_name_words"),
        ]

    def __str__(self) -> str:
        return self.pseudonym

    @property
    def pseudonym(self) -> str:
        """What units read instead of a name; tells nothing and is the same on all his cases."""
        return f"R-{self.pk:06d}"


class Address(Row):
    """One way to reach a person: a phone number, mail or postal address; where it came from, when it was proved."""

    class Medium(models.TextChoices):
        PHONE = "phone", _("telephone")
        MAIL = "mail", _("e-mail")
        FAX = "fax", _("fax")
        POST = "post", _("letter")

    person = models.ForeignKey(Person, models.CASCADE, related_name="addresses")
    medium = models.CharField(max_length=10, choices=Medium)
    value_sealed = models.BinaryField()
    look_up = models.BinaryField(db_index=True, help_text="Blind index of the normalised value")
    hint = models.CharField(max_length=60, help_text="Masked form, safe to show")
    source = models.CharField(max_length=20, help_text="Channel or system that it came from")
    verified_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True, help_text="Last permanent failure of delivery")
    delivered_at = models.DateTimeField(null=True, blank=True, help_text="When a message last reached it for certain")
    confidence = models.PositiveSmallIntegerField(
        default=50, help_text="Per cent, that it is his and works: from proofs, receipts and those who say it is not"
    )
    preferred = models.BooleanField(default=False, help_text="He wants to be reached here before his others")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "medium", "look_up"], name="address_once_a_person")]
        indexes = [
            models.Index(fields=["confidence", "id"], name="address_to_repair", condition=Q(confidence__lt=40)),
        ]

    def __str__(self) -> str:
        return self.hint


class Code(Row):
    """A one-time code on its way to an address, by which somebody proves that he reads what is sent there.

    Neither the code nor the link that goes with it is kept: both are derived from the row's id. Rows are made for
    addresses that nobody has too, so that asking tells nothing.
    """

    medium = models.CharField(max_length=10, choices=Address.Medium)
    value_sealed = models.BinaryField()
    look_up = models.BinaryField(help_text="Blind index of the normalised value")
    hint = models.CharField(max_length=60)
    person = models.ForeignKey(
        Person, models.CASCADE, null=True, blank=True, related_name="+", help_text="Whose record it is to be added to"
    )
    asked_by = models.ForeignKey(
        "organisation.Staff", models.SET_NULL, null=True, blank=True, related_name="+",
        help_text="Who asked for it at the desk, and alone may enter it there",
    )  # fmt: skip
    language = models.CharField(max_length=7)
    made_at = models.DateTimeField(db_index=True)
    tries = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.hint


class Merge(Row):
    """That one person's record was joined to another's, with what moved, so that a split puts it back."""

    kept = models.ForeignKey(Person, models.PROTECT, related_name="+")
    joined = models.ForeignKey(Person, models.PROTECT, related_name="+")
    moved = models.JSONField(help_text='{"addresses": [ids], "cases": [ids], "contacts": [ids]}')
    by = models.ForeignKey("organisation.Staff", models.PROTECT, related_name="+")
    at = models.DateTimeField()
    split_at = models.DateTimeField(null=True, blank=True)
    split_by = models.ForeignKey("organisation.Staff", models.PROTECT, null=True, blank=True, related_name="+")
