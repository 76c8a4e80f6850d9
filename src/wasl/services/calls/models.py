"""Telephone calls: numbers and carriers, what the machine says, who waits, who sits where, and what was recorded.

What is decided is here before Asterisk is told of it: whoever finds a call later can go on with it.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import pgettext_lazy

from wasl.core.cases.models import Case
from wasl.core.contacts.models import Contact
from wasl.core.organisation.models import Area, Calendar, Staff, Unit
from wasl.core.people.models import Person
from wasl.kernel.ids import Row
from wasl.kernel.names import local


class Trunk(Row):
    """A carrier: known by his address, or because we sign in with him (registration, RFC 3261 section 10)."""

    class Transport(models.TextChoices):
        UDP = "udp", "UDP"
        TCP = "tcp", "TCP"
        TLS = "tls", "TLS"

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    host = models.CharField(max_length=255)
    port = models.PositiveIntegerField(default=5060)
    transport = models.CharField(max_length=3, choices=Transport.choices, default=Transport.UDP)
    encrypted = models.BooleanField(default=False, help_text="Speech too: SRTP with keys in the SDP (RFC 4568)")
    certificate = models.TextField(blank=True, help_text="PEM; of an authority that this machine does not know")
    match = ArrayField(models.CharField(max_length=64), blank=True)
    """Addresses or networks that his calls come from."""
    username = models.CharField(max_length=64, blank=True)
    password_sealed = models.BinaryField(null=True, blank=True)
    register = models.BooleanField(default=False)
    on = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name


class TrunkState(models.Model):
    """How it stands with a carrier: what Asterisk said last, as the controller heard it."""

    class State(models.TextChoices):
        SIGNED_IN = "signed_in", pgettext_lazy("carrier", "we are signed in")
        ANSWERS = "answers", pgettext_lazy("carrier", "answers")
        REFUSED = "refused", pgettext_lazy("carrier", "does not let us sign in: check user name and password")
        SILENT = "silent", pgettext_lazy("carrier", "does not answer")

    trunk = models.OneToOneField(Trunk, models.CASCADE, primary_key=True, related_name="known")
    state = models.CharField(max_length=12, choices=State.choices)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.get_state_display()


class FlowVersion(Row):
    """One version of what the machine says and asks. What is published never changes; the latest published counts."""

    code = models.SlugField(max_length=40)
    number = models.PositiveIntegerField()
    data = models.JSONField()
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(Staff, models.PROTECT, null=True, related_name="+")
    published_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["code", "number"], name="calls_flow_version")]

    def __str__(self) -> str:
        return f"{self.code} {self.number}"


class Line(Row):
    """A number that people call, and the flow that answers it."""

    class Straight(models.TextChoices):
        NEVER = "never", pgettext_lazy("straight to a person", "never")
        OPEN = "open", pgettext_lazy("straight to a person", "while it is open")
        CLOSED = "closed", pgettext_lazy("straight to a person", "while it is closed")
        ALWAYS = "always", pgettext_lazy("straight to a person", "always")

    number = models.CharField(max_length=32, unique=True)
    """As the carrier writes it."""
    name = models.CharField(max_length=80)
    flow = models.SlugField(max_length=40)
    languages = ArrayField(models.CharField(max_length=7), default=list, help_text="The first is begun in; none: all")
    straight = models.CharField(max_length=6, choices=Straight.choices, default=Straight.NEVER)
    calendar = models.ForeignKey(
        Calendar, models.PROTECT, null=True, blank=True, related_name="+", help_text="Of `straight`; none: the centre's"
    )

    def __str__(self) -> str:
        return self.number


class Call(Row):
    """One call. It is there before the caller hears anything; its times are those of rules for honest figures (L1)."""

    class Outcome(models.TextChoices):
        ANSWERED = "answered", pgettext_lazy("call", "answered by a person")
        SERVED = "served", pgettext_lazy("call", "served by the machine")
        LEFT = "left", pgettext_lazy("call", "hung up in the menu")
        ABANDONED = "abandoned", pgettext_lazy("call", "hung up while waiting")
        CALLBACK = "callback", pgettext_lazy("call", "to be called back")
        MAILBOX = "mailbox", pgettext_lazy("call", "left a message")
        LOST = "lost", pgettext_lazy("call", "ended by a fault")
        ALONE = "alone", pgettext_lazy("call", "taken while the house was down")

    channel = models.CharField(max_length=80, unique=True)
    """Asterisk's name of the caller's leg."""
    line = models.ForeignKey(Line, models.PROTECT, null=True)
    flow = models.ForeignKey(FlowVersion, models.PROTECT, null=True)
    number_sealed = models.BinaryField(null=True)
    """Null where the caller hides his number."""
    look_up = models.BinaryField(null=True, db_index=True)
    hint = models.CharField(max_length=30, blank=True)
    language = models.CharField(max_length=8, blank=True)
    arrived_at = models.DateTimeField()
    queued_at = models.DateTimeField(null=True)
    rang_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=12, choices=Outcome.choices, blank=True)
    keyed = models.JSONField(default=dict, help_text="What was keyed in the menu, by node; no secrets")
    area = models.ForeignKey(Area, models.PROTECT, null=True, related_name="+")
    person = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="+", help_text="Who it is, if known")
    agent = models.ForeignKey(Staff, models.SET_NULL, null=True, related_name="+", help_text="Who is responsible (E7)")
    successor = models.ForeignKey(
        Staff,
        models.SET_NULL,
        null=True,
        related_name="+",
        help_text="Asked to take it over; till then the agent is",
    )

    back_of = models.ForeignKey(
        "Call",
        models.SET_NULL,
        null=True,
        related_name="called_back",
        help_text="We called, because of this call of his",
    )

    class Meta:
        indexes = [
            models.Index(fields=["-arrived_at"], name="calls_arrived"),
            models.Index(fields=["arrived_at"], name="calls_open", condition=models.Q(ended_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.hint} {self.arrived_at:%F %T}"


class Owed(models.Model):
    """A caller whom we owe a call: Asterisk fell while he talked or waited, or calling him back was in vain."""

    class Why(models.TextChoices):
        TALKING = "talking", pgettext_lazy("owed", "cut off in conversation")
        WAITING = "waiting", pgettext_lazy("owed", "cut off while waiting")
        IN_VAIN = "in_vain", pgettext_lazy("owed", "called back twice, not reached")

    class Outcome(models.TextChoices):
        CALLED = "called", pgettext_lazy("owed", "called back")
        NOTHING = "nothing", pgettext_lazy("owed", "nothing to do")

    call = models.OneToOneField(Call, models.CASCADE, primary_key=True, related_name="owed")
    why = models.CharField(max_length=8, choices=Why.choices)
    at = models.DateTimeField()
    outcome = models.CharField(max_length=8, choices=Outcome.choices, blank=True)
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey(Staff, models.PROTECT, null=True, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["at"], name="calls_owed_open", condition=models.Q(done_at=None))]

    def __str__(self) -> str:
        return f"{self.call_id} {self.why}"


class Prompt(Row):
    """Somebody's own recording of words that the machine says: it is played instead of their speech."""

    language = models.CharField(max_length=7)
    digest = models.BinaryField(help_text="SHA-256 of the words")
    text = models.TextField()
    sound = models.BinaryField(help_text="A wave file as the telephone has it: 8 kHz, 16 bits, one channel")
    milliseconds = models.PositiveIntegerField()
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(Staff, models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["language", "digest"], name="calls_prompt_once")]

    def __str__(self) -> str:
        return f"{self.language} {self.text[:60]}"


class VoiceMessage(Row):
    """A message in the mailbox: a contact that somebody has to work on before `due_at` (B17, C10)."""

    class Outcome(models.TextChoices):
        CALLED = "called", pgettext_lazy("voice message", "called back")
        CASE = "case", pgettext_lazy("voice message", "became a request")
        NOTHING = "nothing", pgettext_lazy("voice message", "nothing to do")

    name = models.CharField(max_length=80, unique=True)
    """Of the file that Asterisk wrote: the same file is taken in once."""
    call = models.ForeignKey("Call", models.PROTECT, null=True, related_name="messages")
    contact = models.OneToOneField(Contact, models.PROTECT, related_name="voice_message")
    seconds = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    due_at = models.DateTimeField()
    assigned = models.ForeignKey(Staff, models.PROTECT, null=True, related_name="+")
    case = models.ForeignKey(Case, models.PROTECT, null=True, related_name="+")
    outcome = models.CharField(max_length=8, choices=Outcome.choices, blank=True)
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey(Staff, models.PROTECT, null=True, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["due_at"], name="calls_message_due", condition=models.Q(done_at=None))]

    def __str__(self) -> str:
        return f"{self.at:%F %T} {self.seconds} s"


class Queue(Row):
    """Where callers wait for a person: for a subject, under rules that relax with the time somebody waits (D1, D3)."""

    code = models.SlugField(max_length=40, unique=True)
    names = models.JSONField(default=dict)
    target_s = models.PositiveSmallIntegerField(default=15, help_text="T of the service level (GB/T 33358: 15 s)")
    ring_s = models.PositiveSmallIntegerField(default=15)
    wrap_up_s = models.PositiveSmallIntegerField(default=60)
    head_start_s = models.IntegerField(default=0, help_text="Counted as if each caller had come so much earlier")
    area_s = models.PositiveIntegerField(default=20, help_text="From then on any area's agents answer")
    language_s = models.PositiveIntegerField(default=90, help_text="From then on who does not speak it answers too")
    longest_s = models.PositiveIntegerField(default=600, help_text="From then on: the mailbox")
    most = models.PositiveIntegerField(
        default=200, help_text="More callers than this do not wait: they leave a message"
    )

    def __str__(self) -> str:
        return local(self.names) or self.code


class Profile(Row):
    """What an agent can take: languages, queues, areas (none means all), and where his telephone is (D4)."""

    staff = models.OneToOneField(Staff, models.CASCADE, related_name="phone_profile")
    languages = ArrayField(models.CharField(max_length=7), default=list)
    queues = ArrayField(models.CharField(max_length=40), default=list)
    areas = ArrayField(models.BigIntegerField(), default=list)
    topics = models.TextField(blank=True, help_text="What he is asked about as an expert; empty: he is none (E8)")
    auto_answer = models.BooleanField(default=False)
    phone = models.CharField(max_length=32, blank=True, help_text="A telephone instead of the browser")

    def __str__(self) -> str:
        return str(self.staff)


class BreakReason(Row):
    """Why a seat takes no calls for a while, and how long at most."""

    code = models.SlugField(max_length=40, unique=True)
    names = models.JSONField(default=dict)
    longest_min = models.PositiveSmallIntegerField(default=30)
    on = models.BooleanField(default=True)

    def __str__(self) -> str:
        return local(self.names) or self.code


class Seat(Row):
    """An agent's place at the telephone, as it is now (D8)."""

    class State(models.TextChoices):
        OUT = "out", pgettext_lazy("seat", "signed out")
        READY = "ready", pgettext_lazy("seat", "ready")
        OFFERED = "offered", pgettext_lazy("seat", "ringing")
        BUSY = "busy", pgettext_lazy("seat", "on a call")
        WRAP_UP = "wrap_up", pgettext_lazy("seat", "wrap-up")
        BREAK = "break", pgettext_lazy("seat", "break")
        ASIDE = "aside", pgettext_lazy("seat", "set aside")

    staff = models.OneToOneField(Staff, models.CASCADE, related_name="seat")
    state = models.CharField(max_length=8, choices=State.choices, default=State.OUT)
    since = models.DateTimeField()
    reason = models.CharField(max_length=80, blank=True, help_text="Code of the break; why it was set aside")
    until = models.DateTimeField(null=True, help_text="Lease of a reservation, end of wrap-up or break")
    idle_since = models.DateTimeField(help_text="End of the last call that was given out, over all queues")
    call = models.ForeignKey("Call", models.SET_NULL, null=True, related_name="seats")
    nonce = models.BinaryField(null=True, help_text="The SIP secret of this sign-in is made of it")
    heard_at = models.DateTimeField(null=True, help_text="The page was last heard of")

    class Meta:
        indexes = [
            models.Index(fields=["idle_since"], name="calls_seat_ready", condition=models.Q(state="ready")),
            models.Index(fields=["until"], name="calls_seat_until", condition=models.Q(until__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.staff} {self.state}"


class Spell(Row):
    """A state that a seat was in, from when to when: what occupancy and attendance are counted from."""

    staff = models.ForeignKey(Staff, models.CASCADE, related_name="+")
    state = models.CharField(max_length=8, choices=Seat.State.choices)
    reason = models.CharField(max_length=80, blank=True)
    call = models.ForeignKey("Call", models.SET_NULL, null=True, related_name="+")
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    by = models.ForeignKey(Staff, models.SET_NULL, null=True, related_name="+", help_text="A supervisor who ended it")

    class Meta:
        indexes = [models.Index(fields=["began_at"], name="calls_spell_began")]

    def __str__(self) -> str:
        return f"{self.staff_id} {self.state} {self.began_at:%F %T}"


class Waiting(Row):
    """One caller's time in one queue. A call that comes back has a second one, and keeps its place in line."""

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("waiting", "waiting")
        OFFERED = "offered", pgettext_lazy("waiting", "a seat rings")
        ANSWERED = "answered", pgettext_lazy("waiting", "answered")
        LEFT = "left", pgettext_lazy("waiting", "hung up")
        MAILBOX = "mailbox", pgettext_lazy("waiting", "left a message")
        LOST = "lost", pgettext_lazy("waiting", "ended by a fault")
        FULL = "full", pgettext_lazy("waiting", "turned away: too many wait")

    call = models.ForeignKey("Call", models.CASCADE, related_name="waits")
    queue = models.ForeignKey(Queue, models.PROTECT, related_name="+")
    language = models.CharField(max_length=7, blank=True)
    area = models.ForeignKey(Area, models.PROTECT, null=True, related_name="+")
    preferred = models.ForeignKey(Staff, models.SET_NULL, null=True, related_name="+", help_text="Whom he spoke with")
    entered_at = models.DateTimeField(help_text="When he began to wait")
    rank = models.DateTimeField(help_text="The earliest is served first: entered_at less the queue's head start")
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    callback = models.BooleanField(default=False, help_text="He hung up and is called when it is his turn")
    tried = ArrayField(models.BigIntegerField(), default=list, help_text="Seats that did not answer him")
    seat = models.ForeignKey(Seat, models.SET_NULL, null=True, related_name="+")
    rang_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["rank", "id"], name="calls_waiting_rank", condition=models.Q(state="waiting")),
            models.Index(fields=["entered_at"], name="calls_waiting_entered"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["call"], condition=models.Q(state__in=["waiting", "offered"]), name="calls_waiting_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.call_id} {self.state}"


class Leg(Row):
    """Another party of a call: whom we rang, since when, until when."""

    class Kind(models.TextChoices):
        AGENT = "agent", pgettext_lazy("leg", "agent")
        EXPERT = "expert", pgettext_lazy("leg", "expert")
        UNIT = "unit", pgettext_lazy("leg", "unit")
        SUPERVISOR = "supervisor", pgettext_lazy("leg", "supervisor")
        CITIZEN = "citizen", pgettext_lazy("leg", "citizen called by us")

    call = models.ForeignKey("Call", models.CASCADE, related_name="legs")
    channel = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    staff = models.ForeignKey(Staff, models.SET_NULL, null=True, related_name="+")
    unit = models.ForeignKey(Unit, models.SET_NULL, null=True, related_name="+")
    dialled_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    cause = models.CharField(max_length=40, blank=True)

    def __str__(self) -> str:
        return f"{self.channel} {self.kind}"


class Command(Row):
    """What somebody at the desk wants done with a call; the controller does it once and says how it went."""

    class Verb(models.TextChoices):
        HOLD = "hold"
        RESUME = "resume"
        HANG_UP = "hang_up"
        TRANSFER = "transfer"
        CONSULT = "consult"
        JOIN = "join"
        HAND_OVER = "hand_over"
        CANCEL = "cancel"
        PAUSE = "pause"
        GO_ON = "go_on"
        LISTEN = "listen"
        WHISPER = "whisper"
        BARGE = "barge"
        TAKE_OVER = "take_over"
        STOP = "stop"

    call = models.ForeignKey("Call", models.CASCADE, related_name="commands")
    by = models.ForeignKey(Staff, models.PROTECT, related_name="+")
    verb = models.CharField(max_length=10, choices=Verb.choices)
    target = models.CharField(max_length=60, blank=True, help_text="staff:ID, unit:ID or queue:CODE")
    made_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    wrong = models.CharField(max_length=200, blank=True, help_text="Why it was not done; empty: it was")

    class Meta:
        indexes = [models.Index(fields=["made_at"], name="calls_command_open", condition=models.Q(done_at=None))]

    def __str__(self) -> str:
        return f"{self.verb} {self.call_id}"


class Matter(Row):
    """A case that a call was about: the call is a contact of it."""

    call = models.ForeignKey("Call", models.CASCADE, related_name="matters")
    case = models.ForeignKey(Case, models.CASCADE, related_name="calls")
    contact = models.ForeignKey(Contact, models.SET_NULL, null=True, related_name="+")
    by = models.ForeignKey(Staff, models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["call", "case"], name="calls_matter_once")]

    def __str__(self) -> str:
        return f"{self.call_id} {self.case_id}"


class Recording(Row):
    """What was said on a leg of a caller, from the answer to the end: two channels, his and what he heard (D2).

    A call has one, and one more for each time that he was called back.
    """

    call = models.ForeignKey("Call", models.CASCADE, related_name="recordings")
    channel = models.CharField(max_length=80, unique=True)
    """Asterisk's name of the leg."""
    file = models.CharField(max_length=200, help_text="Below the recordings' folder; empty when it is erased")
    sha256 = models.BinaryField()
    milliseconds = models.PositiveIntegerField()
    paused = models.JSONField(default=list, help_text="[[from, to], ...] in milliseconds: secrets were said")
    kept_at = models.DateTimeField()
    keep_until = models.DateTimeField()
    erased_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.file


class Listening(Row):
    """Somebody played a recording, and why. The reason stands before the sound is given out (D2, P2)."""

    recording = models.ForeignKey(Recording, models.CASCADE, related_name="listenings")
    by = models.ForeignKey(Staff, models.PROTECT, related_name="+")
    reason = models.CharField(max_length=200)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.by_id} {self.at:%F %T}"


class Heart(Row):
    """Which controller commands the calls of an Asterisk, and when its heart last beat."""

    name = models.CharField(max_length=40, unique=True)
    holder = models.CharField(max_length=80)
    beat_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
