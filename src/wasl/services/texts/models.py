"""SMS as the whole government sends and gets them: operators and routes, texts with their life, what came in.

Numbers and words are sealed; a number is found by its blind index. What carries texts is `channels.sms`.
"""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from wasl.core.organisation.models import Staff, Unit
from wasl.kernel.ids import Row


class Klass(models.IntegerChoices):
    """What a text is for. A lower number goes first."""

    URGENT = 1, _("one-time code or emergency")
    ANSWER = 2, _("answer to an enquiry")
    CASE = 3, _("about a case")
    ALERT = 4, _("alert somebody subscribed to")
    BULK = 5, _("to many people")


class KlassRule(models.Model):
    """How long texts of a class are worth sending, when they let people sleep, whether a doubtful one is repeated.

    A class without a row has the usual rules (`queries.usual_rules`).
    """

    klass = models.PositiveSmallIntegerField(primary_key=True, choices=Klass)
    worth_min = models.PositiveIntegerField(help_text=_("Minutes after which it is not sent any more."))
    quiet_from = models.TimeField(null=True, blank=True, help_text=_("In the city's time; empty: at any hour"))
    quiet_until = models.TimeField(null=True, blank=True)
    repeat = models.BooleanField(help_text=_("Send once more when nobody knows whether the operator took it."))

    def __str__(self) -> str:
        return self.get_klass_display()


class Operator(Row):
    """A mobile operator: how his SMSC wants to be spoken to. His connections are `Bind`s."""

    class Alphabet(models.TextChoices):
        GSM = "gsm", "GSM 03.38"
        LATIN_1 = "latin-1", "Latin-1"
        ASCII = "ascii", "ASCII"

    class LongWay(models.TextChoices):
        UDH_8 = "udh-8", _("header, 8-bit reference")
        UDH_16 = "udh-16", _("header, 16-bit reference")
        SAR = "sar", _("SAR parameters")
        PAYLOAD = "payload", _("message_payload")

    class IdForm(models.TextChoices):
        PLAIN = "plain", _("as it is")
        HEXADECIMAL = "hex", _("hexadecimal")
        DECIMAL = "decimal", _("decimal")

    code = models.SlugField(max_length=30, unique=True)
    name = models.CharField(max_length=80)
    on = models.BooleanField(default=True)
    prefixes = ArrayField(
        models.CharField(max_length=16), default=list, blank=True, help_text=_("Beginnings of his numbers, as +96892")
    )
    per_s = models.FloatField(
        default=0, validators=[MinValueValidator(0)], help_text=_("Parts a second, as in the contract; 0: no bound")
    )
    window = models.PositiveSmallIntegerField(
        default=10,
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
        help_text=_("Unanswered texts of each connection; when it breaks, these are in doubt."),
    )
    alphabet = models.CharField(max_length=8, choices=Alphabet, default=Alphabet.GSM)
    long_way = models.CharField(max_length=8, choices=LongWay, default=LongWay.UDH_8)
    response_ids = models.CharField(max_length=8, choices=IdForm, default=IdForm.PLAIN)
    receipt_ids = models.CharField(max_length=8, choices=IdForm, default=IdForm.PLAIN)
    trust_text = models.BooleanField(
        default=False, help_text=_("He does not mark receipts. Whoever texts us can then report our texts delivered.")
    )
    cost = models.DecimalField(
        max_digits=8, decimal_places=4, default=0, help_text=_("What one part costs, in the city's currency")
    )

    def __str__(self) -> str:
        return self.name


class Bind(Row):
    """One connection to an operator's SMSC."""

    class Way(models.TextChoices):
        TRANSCEIVER = "transceiver", _("both ways")
        TRANSMITTER = "transmitter", _("only out")
        RECEIVER = "receiver", _("only in")

    operator = models.ForeignKey(Operator, models.CASCADE, related_name="binds")
    host = models.CharField(max_length=255)
    port = models.PositiveIntegerField(default=2775, validators=[MinValueValidator(1), MaxValueValidator(65535)])
    system_id = models.CharField(max_length=64)
    password_sealed = models.BinaryField(null=True, blank=True)
    system_type = models.CharField(max_length=12, blank=True)
    way = models.CharField(max_length=11, choices=Way, default=Way.TRANSCEIVER)
    tls = models.BooleanField(default=False)
    on = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"{self.system_id}@{self.host}:{self.port}"


class BindState(models.Model):
    """What the gateway last knew of a bind. Written by it every few seconds; old means that nobody holds it."""

    bind = models.OneToOneField(Bind, models.CASCADE, primary_key=True, related_name="state")
    bound_since = models.DateTimeField(null=True)
    degraded = models.BooleanField(default=False)
    in_flight = models.PositiveIntegerField(default=0)
    sent = models.PositiveBigIntegerField(default=0)
    accepted = models.PositiveBigIntegerField(default=0)
    rejected = models.PositiveBigIntegerField(default=0)
    throttled = models.PositiveBigIntegerField(default=0)
    unknown = models.PositiveBigIntegerField(default=0)
    received = models.PositiveBigIntegerField(default=0)
    malformed = models.PositiveBigIntegerField(default=0)
    per_s = models.FloatField(default=0, help_text="Parts accepted a second, over the last minute")
    said = models.CharField(max_length=200, blank=True, help_text="The last event, in words")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.bind_id} {self.said}"


class Ported(models.Model):
    """A number that its owner took along to another operator."""

    look_up = models.BinaryField(primary_key=True, help_text="Blind index of the number")
    operator = models.ForeignKey(Operator, models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return str(self.operator)


class Client(Row):
    """Who sends through the gateway: the hotline itself, a department, another system. Each has its fair share."""

    class Audience(models.TextChoices):
        CITIZENS = "g2c", pgettext_lazy("audience", "citizens")
        BUSINESS = "g2b", pgettext_lazy("audience", "business")
        STAFF = "g2e", pgettext_lazy("audience", "staff")

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=100)
    unit = models.ForeignKey(Unit, models.PROTECT, null=True, blank=True, related_name="+")
    audience = models.CharField(max_length=3, choices=Audience, default=Audience.CITIZENS)
    sender = models.CharField(max_length=20, help_text=_("Number or name that its texts come from"))
    senders = ArrayField(
        models.CharField(max_length=20), default=list, blank=True, help_text=_("Others that it may use")
    )
    codes = ArrayField(
        models.CharField(max_length=20),
        default=list,
        blank=True,
        help_text=_("Short codes of its own: what comes in on them is its business"),
    )
    best = models.PositiveSmallIntegerField(
        choices=Klass, default=Klass.CASE, help_text=_("The first class that it may send in")
    )
    per_day = models.PositiveIntegerField(null=True, blank=True, help_text=_("Parts a day; empty: no bound"))
    per_min = models.PositiveIntegerField(null=True, blank=True, help_text=_("Parts a minute; empty: no bound"))
    on = models.BooleanField(default=True)
    told = models.BooleanField(default=False, help_text="Wants to hear how its texts ended")
    held = models.BooleanField(default=False, help_text="What it hands in is taken and waits")

    def __str__(self) -> str:
        return self.name


class Used(models.Model):
    """How many parts a client that has a bound handed in on a day (UTC), and in the last minute that it did so."""

    id = models.BigAutoField(primary_key=True)
    client = models.ForeignKey(Client, models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    parts = models.PositiveIntegerField(default=0)
    minute = models.PositiveIntegerField(default=0, help_text="Minutes since 1970")
    minute_parts = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["client", "day"], name="used_once")]

    def __str__(self) -> str:
        return f"{self.client_id} {self.day} {self.parts}"


class Route(Row):
    """Which operators carry what, in the order of trust. The first route that fits is taken; an empty list fits all."""

    name = models.CharField(max_length=80)
    place = models.PositiveSmallIntegerField(default=100, help_text=_("Lower is looked at first."))
    home = models.ForeignKey(
        Operator,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Only numbers of this operator, ported ones counted where they are now"),
    )
    prefixes = ArrayField(models.CharField(max_length=16), default=list, blank=True)
    klasses = ArrayField(models.PositiveSmallIntegerField(choices=Klass), default=list, blank=True)
    senders = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    clients = ArrayField(models.BigIntegerField(), default=list, blank=True)
    operators = ArrayField(
        models.BigIntegerField(),
        help_text=_("Operators: the next one carries while those before it are not to be reached."),
    )
    on = models.BooleanField(default=True)

    class Meta:
        ordering = ["place", "pk"]

    def __str__(self) -> str:
        return self.name


class Text(Row):
    """One outgoing text and its life. While it waits or is being sent there is a `Queued` beside it."""

    class State(models.TextChoices):
        QUEUED = "queued", pgettext_lazy("text", "queued")
        ACCEPTED = "accepted", pgettext_lazy("text", "taken by the operator")
        DELIVERED = "delivered", pgettext_lazy("text", "delivered")
        FAILED = "failed", pgettext_lazy("text", "failed")
        EXPIRED = "expired", pgettext_lazy("text", "too late to be sent")
        CANCELLED = "cancelled", pgettext_lazy("text", "taken back")
        IN_DOUBT = "in_doubt", pgettext_lazy("text", "in doubt")

    client = models.ForeignKey(Client, models.PROTECT, related_name="+", db_index=False)
    ref = models.CharField(max_length=100, help_text="The client's own name for it: the same twice is one text")
    klass = models.PositiveSmallIntegerField(choices=Klass)
    number_sealed = models.BinaryField()
    look_up = models.BinaryField(help_text="Blind index of the number")
    hint = models.CharField(max_length=30, help_text="Masked number")
    sender = models.CharField(max_length=20)
    words_sealed = models.BinaryField(null=True, help_text="Empty when its words are not to be kept and it has ended")
    secret = models.BooleanField(default=False, help_text="Nobody reads the words, and they go when it has ended")
    mark = models.BinaryField(null=True, help_text="By what secret words are known when they are gone")
    parts = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=9, choices=State, default=State.QUEUED)
    operator = models.ForeignKey(Operator, models.PROTECT, null=True, related_name="+", db_index=False)
    repeated = models.BooleanField(default=False, help_text="Sent once more after being in doubt")
    made_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=120, blank=True, help_text="The operator's words")
    left_at = models.DateTimeField(null=True, help_text="When somebody decided not to send a doubtful one again")
    # The index of these is over this and not over the state: a text that goes well changes nothing that an index
    # knows, so that PostgreSQL writes its new versions beside the old one and touches no index.
    astray = models.GeneratedField(
        expression=models.ExpressionWrapper(
            Q(state__in=["failed", "expired", "in_doubt"]), output_field=models.BooleanField()
        ),
        output_field=models.BooleanField(),
        db_persist=True,
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["client", "ref"], name="text_once")]
        indexes = [
            models.Index(fields=["look_up", "-id"], name="text_of_number"),
            models.Index(fields=["-id"], name="text_astray", condition=Q(astray=True)),
            # Rows lie in the order of their making: a few pages of index find the days of millions.
            BrinIndex(fields=["made_at"], name="text_made", pages_per_range=32, autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"{self.ref} {self.hint}"


class Queued(models.Model):
    """That a text waits or is being sent. Taken by one operator's sender at a time, and gone when he has answered.

    PostgreSQL does not check what these rows and parts refer to: eight times a text, it took a fifth of all that a text
    costs there. Their text is written or locked by the statement that writes them; what they wait for is protected by
    the models, and a text whose route is gone ends when it is not worth sending any more.
    """

    text = models.OneToOneField(Text, models.CASCADE, primary_key=True, related_name="queued", db_constraint=False)
    route = models.ForeignKey(Route, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    klass = models.PositiveSmallIntegerField()
    client = models.ForeignKey(Client, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    due_at = models.DateTimeField()
    worth_until = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    taken_by = models.ForeignKey(
        Operator, models.PROTECT, null=True, related_name="+", db_index=False, db_constraint=False
    )
    taken_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["route", "klass", "client", "due_at", "text"],
                name="queued_waiting",
                condition=Q(taken_by__isnull=True),
            ),
            models.Index(fields=["taken_by"], name="queued_taken", condition=Q(taken_by__isnull=False)),
        ]

    def __str__(self) -> str:
        return str(self.text_id)


class Part(models.Model):
    """One part of a text as the operator took it, known by his id until the receipt has come."""

    id = models.BigAutoField(primary_key=True)
    text = models.ForeignKey(Text, models.CASCADE, related_name="sent_parts", db_constraint=False)
    operator = models.ForeignKey(Operator, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    key = models.CharField(max_length=70, help_text="The operator's id in one spelling")
    accepted_at = models.DateTimeField()
    state = models.CharField(max_length=14, blank=True, help_text="What the receipt says; empty until it comes")
    error = models.CharField(max_length=20, blank=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["operator", "key"], name="part_waits_for_receipt", condition=Q(state=""))]

    def __str__(self) -> str:
        return f"{self.text_id} {self.key} {self.state}"


class EarlyReceipt(models.Model):
    """A receipt that came before the answer to its submit, or belongs to nothing of ours; kept for three days."""

    id = models.BigAutoField(primary_key=True)
    operator = models.ForeignKey(Operator, models.CASCADE, related_name="+", db_index=False)
    keys = ArrayField(models.CharField(max_length=70), help_text="What its part may be known by")
    look_up = models.BinaryField(help_text="Blind index of the number that it is about")
    state = models.CharField(max_length=14)
    error = models.CharField(max_length=20, blank=True)
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.keys[0]} {self.state}"


class Ended(models.Model):
    """A text whose client has to be told how it ended. Written in the transaction that ended it."""

    id = models.BigAutoField(primary_key=True)
    text = models.ForeignKey(Text, models.CASCADE, related_name="+", db_index=False)
    state = models.CharField(max_length=9, choices=Text.State)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.text_id} {self.state}"


class Incoming(Row):
    """One text that somebody sent to one of our codes, whole, before and after it was answered."""

    class State(models.TextChoices):
        NEW = "new", pgettext_lazy("incoming text", "to be answered")
        DONE = "done", pgettext_lazy("incoming text", "answered")
        SILENT = "silent", pgettext_lazy("incoming text", "no answer")
        BROKEN = "broken", pgettext_lazy("incoming text", "could not be answered")

    operator = models.ForeignKey(Operator, models.PROTECT, related_name="+", db_index=False)
    code = models.CharField(max_length=20, help_text="Our number that it was sent to")
    number_sealed = models.BinaryField()
    look_up = models.BinaryField()
    hint = models.CharField(max_length=30)
    words_sealed = models.BinaryField()
    whole = models.BooleanField(default=True, help_text="False: parts are missing, shown as U+FFFD")
    mark = models.BinaryField(help_text="Blind index of number, code and words: the same text again is known by it")
    session = models.BigIntegerField(help_text="The connection it came by; a lost answer makes it come by another one")
    state = models.CharField(max_length=6, choices=State, default=State.NEW)
    tries = models.PositiveSmallIntegerField(default=0)
    at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["id"], name="incoming_new", condition=Q(state="new")),
            models.Index(fields=["look_up", "-id"], name="incoming_of_number"),
            models.Index(fields=["mark"], name="incoming_mark"),
            BrinIndex(fields=["at"], name="incoming_at", pages_per_range=32, autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.hint}"


class IncomingPart(models.Model):
    """A part of a long text that came in, waiting for the others; kept a while after, to know it if it comes again."""

    id = models.BigAutoField(primary_key=True)
    operator = models.ForeignKey(Operator, models.CASCADE, related_name="+", db_index=False)
    look_up = models.BinaryField(help_text="Blind index of source, destination, reference, width and total")
    number = models.PositiveSmallIntegerField()
    sealed = models.BinaryField(help_text="The part, with what is needed to read it")
    at = models.DateTimeField(db_index=True)
    used = models.BooleanField(default=False)
    again_at = models.DateTimeField(null=True, help_text="When it came once more since its text became whole")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["operator", "look_up", "number"], name="incoming_part_once")]

    def __str__(self) -> str:
        return f"{self.operator_id} {self.number}"


class DayTally(models.Model):
    """What was handed in on one day (city's time) by one client in one class, by the operator it ended with.

    Counted from the texts and counted again while it may change (`tally`); it outlives them. `to_accepted` and
    `to_delivered` count texts by how long that took, in the steps of `tally.STEPS_S`.
    """

    id = models.BigAutoField(primary_key=True)
    day = models.DateField()
    operator = models.ForeignKey(Operator, models.PROTECT, null=True, related_name="+", db_index=False)
    client = models.ForeignKey(Client, models.PROTECT, related_name="+", db_index=False)
    klass = models.PositiveSmallIntegerField(choices=Klass)
    made = models.PositiveIntegerField()
    parts = models.PositiveIntegerField(help_text="Of texts that the operator took")
    accepted = models.PositiveIntegerField()
    delivered = models.PositiveIntegerField()
    failed = models.PositiveIntegerField()
    expired = models.PositiveIntegerField()
    cancelled = models.PositiveIntegerField()
    in_doubt = models.PositiveIntegerField()
    cost = models.DecimalField(max_digits=14, decimal_places=4, help_text="In the city's currency")
    to_accepted = ArrayField(models.IntegerField())
    to_delivered = ArrayField(models.IntegerField())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["day", "client", "klass", "operator"], name="tally_once", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.client_id} {self.klass}"


class DayPeak(models.Model):
    """The busiest minute of an operator on one day."""

    id = models.BigAutoField(primary_key=True)
    day = models.DateField()
    operator = models.ForeignKey(Operator, models.PROTECT, related_name="+", db_index=False)
    at = models.DateTimeField(help_text="Beginning of that minute")
    parts = models.PositiveIntegerField(help_text="That he took in it")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["day", "operator"], name="peak_once")]

    def __str__(self) -> str:
        return f"{self.day} {self.operator_id} {self.parts}"


class DayReceived(models.Model):
    """How many texts came to one of our codes on one day."""

    id = models.BigAutoField(primary_key=True)
    day = models.DateField()
    code = models.CharField(max_length=20)
    received = models.PositiveIntegerField()
    answered = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["day", "code"], name="received_once")]

    def __str__(self) -> str:
        return f"{self.day} {self.code} {self.received}"


class Review(Row):
    """That somebody looked at the figures of a month and signed them off; never changed (J17)."""

    month = models.DateField(help_text="Its first day")
    remarks = models.TextField()
    figures = models.JSONField(help_text="As they stood when it was signed")
    by = models.ForeignKey(Staff, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["-month", "-at"]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} {self.by}"


class PortedDraft(Row):
    """A list of ported numbers that was uploaded and not taken over yet: indexes of numbers, never numbers."""

    by = models.ForeignKey(Staff, models.CASCADE, related_name="+")
    at = models.DateTimeField()
    packed = models.BinaryField(help_text="24 bytes each: blind index, operator's id or 0 for where the prefix says")
    wrong = models.JSONField(default=list, help_text="Lines that were not understood: number of the line and why")

    def __str__(self) -> str:
        return f"{self.at} {len(self.packed) // 24}"


class Emptied(models.Model):
    """Up to which id the texts of a table hold no number any more; `forgetting` reads on from there."""

    table = models.CharField(max_length=30, primary_key=True)
    up_to = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.table} {self.up_to}"
