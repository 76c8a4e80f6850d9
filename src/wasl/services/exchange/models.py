"""How other systems use the gateway: their keys and logins, where they want to be told, and what waits to be told.

Who they are, and what they may send, is `services.texts.Client`; REST and SMPP are spoken elsewhere.
"""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from wasl.kernel.ids import Row
from wasl.services.texts.models import Client, Incoming, Text


class Scope(models.TextChoices):
    """What a key lets its holder do."""

    SEND = "send", _("send texts and take them back")
    STATUS = "status", _("read what became of its texts, and its balance")
    NUMBERS = "numbers", _("check numbers by one-time code")
    DATA = "data", _("replace the rows of its data sets")


class Key(Row):
    """A secret by which a client's system is known on REST. Two count at once, so that one can replace the other."""

    client = models.ForeignKey(Client, models.CASCADE, related_name="keys")
    name = models.CharField(max_length=60, help_text=_("Which system holds it"))
    key_digest = models.BinaryField(unique=True, help_text="SHA-256 of the key, which is 32 random octets")
    head = models.CharField(max_length=12, help_text="The beginning of the key, to tell keys apart")
    scopes = ArrayField(models.CharField(max_length=10, choices=Scope))
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField(null=True, blank=True)
    made_at = models.DateTimeField()
    last_used = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["client", "-made_at"]

    def __str__(self) -> str:
        return f"{self.head}…"


class Login(Row):
    """By what a client's system binds over SMPP."""

    client = models.ForeignKey(Client, models.CASCADE, related_name="logins")
    system_id = models.CharField(max_length=15, unique=True)
    key_digest = models.BinaryField(help_text="Keyed digest of the password: SMPP's are of 8 characters")
    binds = models.PositiveSmallIntegerField(
        default=4, validators=[MinValueValidator(1), MaxValueValidator(50)], help_text=_("Connections at once")
    )
    per_s = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(0.1)], help_text=_("Texts a second; empty: no bound")
    )
    on = models.BooleanField(default=True)
    made_at = models.DateTimeField()
    last_bound = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.system_id


class Webhook(Row):
    """An address of a client's system that is told what became of its texts, and what came in on its codes."""

    client = models.ForeignKey(Client, models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=500)
    secret_sealed = models.BinaryField(help_text="What calls are signed with")
    on = models.BooleanField(default=True)
    made_at = models.DateTimeField()
    last_at = models.DateTimeField(null=True, help_text="When it was last called")
    last_said = models.CharField(max_length=200, blank=True, help_text="What it answered, or why it did not")
    failing_since = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.url


class Call(models.Model):
    """Events that a webhook has to hear in one call. Written with what it tells, gone when it was heard."""

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("call", "waiting")
        DEAD = "dead", pgettext_lazy("call", "given up")

    id = models.BigAutoField(primary_key=True)
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="calls")
    event_sealed = models.BinaryField(help_text="The JSON that is sent: it may hold a number and its words")
    made_at = models.DateTimeField()
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(max_length=7, choices=State, default=State.WAITING)
    said = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [models.Index(fields=["webhook", "due_at"], name="call_waiting", condition=Q(state="waiting"))]

    def __str__(self) -> str:
        return f"{self.webhook_id} {self.made_at}"


class Handed(models.Model):
    """What an SMPP client has to be handed by deliver_sm: a receipt or a text that came in. Gone when he took it."""

    id = models.BigAutoField(primary_key=True)
    client = models.ForeignKey(Client, models.CASCADE, related_name="+")
    login = models.ForeignKey(Login, models.CASCADE, null=True, related_name="+", help_text="Empty: any of his")
    text = models.ForeignKey(Text, models.CASCADE, null=True, related_name="+")
    incoming = models.ForeignKey(Incoming, models.CASCADE, null=True, related_name="+")
    state = models.CharField(max_length=9, blank=True, help_text="How the text ended")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(text__isnull=False, incoming__isnull=True) | Q(text__isnull=True, incoming__isnull=False),
                name="handed_is_one",
            )
        ]

    def __str__(self) -> str:
        return f"{self.client_id} {self.text_id or self.incoming_id}"


class Part(models.Model):
    """A part of a long text that an SMPP client hands in, waiting for the others; kept a while, to know it again."""

    id = models.BigAutoField(primary_key=True)
    login = models.ForeignKey(Login, models.CASCADE, related_name="+", db_index=False)
    look_up = models.BinaryField(help_text="Blind index of source, destination, reference, width and total")
    number = models.PositiveSmallIntegerField()
    base = models.BigIntegerField(help_text="What the ids that its parts are answered with begin with")
    sealed = models.BinaryField(help_text="The part, with what is needed to read it")
    at = models.DateTimeField(db_index=True)
    used = models.BooleanField(default=False)
    again_at = models.DateTimeField(null=True, help_text="When it came once more since its text became whole")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["login", "look_up", "number"], name="handed_part_once")]
        indexes = [models.Index(fields=["login", "base"], name="handed_part_base")]

    def __str__(self) -> str:
        return f"{self.base} {self.number}"


class Check(Row):
    """A number that a client's system has checked while its owner stands there: the code goes from us, and is derived.

    Nothing here says whether we know the number. Kept as proof, for as long as texts are.
    """

    client = models.ForeignKey(Client, models.CASCADE, related_name="checks")
    person_sealed = models.BinaryField(help_text="The client's own name for the person")
    look_up = models.BinaryField(db_index=True, help_text="Blind index of the number, as of addresses")
    hint = models.CharField(max_length=60)
    made_at = models.DateTimeField(db_index=True)
    tries = models.PositiveSmallIntegerField(default=0)
    verified_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.hint
