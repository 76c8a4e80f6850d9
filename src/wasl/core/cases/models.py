"""The case, its orders, the words said about it, and the journal that everything else is read from.

Columns here are written only by `changing` (see `change`); they are the fold of the entries (see `fold`).
"""

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from wasl.core.organisation.models import Area, Client, Staff, Unit
from wasl.core.people.models import Person
from wasl.kernel.ids import Row


class State(models.TextChoices):
    """Where a case stands. Few, and apart from the outcome."""

    RECEIVED = "received", pgettext_lazy("case", "received")
    REGISTERED = "registered", pgettext_lazy("case", "registered")
    ANSWERED = "answered", pgettext_lazy("case", "answered at once")
    REFUSED = "refused", pgettext_lazy("case", "not accepted")
    JOINED = "joined", pgettext_lazy("case", "joined to another report")
    DISPATCHED = "dispatched", pgettext_lazy("case", "dispatched")
    SIGNED = "signed", pgettext_lazy("case", "signed for")
    IN_PROGRESS = "in_progress", pgettext_lazy("case", "in progress")
    SUSPENDED = "suspended", pgettext_lazy("case", "suspended")
    RETURNED = "returned", pgettext_lazy("case", "returned")
    ARBITRATION = "arbitration", pgettext_lazy("case", "in arbitration")
    REPLIED = "replied", pgettext_lazy("case", "replied")
    REVIEWED = "reviewed", pgettext_lazy("case", "reviewed")
    TOLD = "told", pgettext_lazy("case", "told")
    CONTESTED = "contested", pgettext_lazy("case", "not solved, says the citizen")
    CONFIRMED = "confirmed", pgettext_lazy("case", "confirmed")
    CLOSED = "closed", pgettext_lazy("case", "closed")


class Kind(models.TextChoices):
    """What the citizen wants (F6); independent of the category."""

    ENQUIRY = "enquiry", _("enquiry")
    HELP = "help", _("request for help")
    COMPLAINT = "complaint", _("complaint")
    REPORT = "report", _("report of a violation or fault")
    SUGGESTION = "suggestion", _("suggestion")
    OBSERVATION = "observation", _("observation")
    PRAISE = "praise", _("praise, thanks")
    REPAIR = "repair", _("repair request")
    REVIEW = "review", _("public appraisal of a unit")
    CRITICISM = "criticism", _("criticism")
    INFORMATION = "information", _("information request")
    FEEDBACK = "feedback", _("feedback")


class Urgency(models.TextChoices):
    NORMAL = "normal", pgettext_lazy("urgency", "normal")
    URGENT = "urgent", pgettext_lazy("urgency", "urgent")
    CRITICAL = "critical", pgettext_lazy("urgency", "critical")


class Outcome(models.TextChoices):
    """What came of it, honestly; "fixed" is said of nothing else."""

    FIXED = "fixed", pgettext_lazy("outcome", "fixed")
    PARTLY = "partly", pgettext_lazy("outcome", "partly fixed")
    REFERRED = "referred", pgettext_lazy("outcome", "referred")
    REFUSED = "refused", pgettext_lazy("outcome", "not accepted")
    NO_FAULT = "no_fault", pgettext_lazy("outcome", "no fault found")
    DUPLICATE = "duplicate", pgettext_lazy("outcome", "duplicate")
    ANSWERED = "answered", pgettext_lazy("outcome", "answered")


class Severity(models.TextChoices):
    """How bad it is for those concerned, apart from how soon it must be done (E10)."""

    MINOR = "minor", pgettext_lazy("severity", "minor")
    SERIOUS = "serious", pgettext_lazy("severity", "serious")
    GRAVE = "grave", pgettext_lazy("severity", "grave")


class Verdict(models.TextChoices):
    """The citizen's answer to "is it solved?"."""

    SOLVED = "solved", _("Yes, it is solved")
    PARTLY = "partly", _("Partly")
    NOT_SOLVED = "not_solved", _("No, it is not solved")
    NOBODY_CAME = "nobody_came", _("Nobody came")


OPEN_STATES = [s for s in State if s != State.CLOSED]


class Case(Row):
    """A request of the people under one acceptance number (F3)."""

    number = models.CharField(max_length=20)
    pin_generation = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(max_length=12, choices=State, default=State.RECEIVED)
    before_suspension = models.CharField(max_length=12, blank=True)
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.COMPLAINT)
    category = models.CharField(
        max_length=60, blank=True, help_text="Code in the catalogue; empty until somebody classifies it"
    )
    edition = models.PositiveIntegerField(help_text="Edition of the catalogue that its rules come from")
    urgency = models.CharField(max_length=8, choices=Urgency, default=Urgency.NORMAL)
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    confidential = models.BooleanField(default=False)
    emergency = models.BooleanField(default=False)
    supervised = models.BooleanField(default=False)
    brief = models.BooleanField(default=False)
    awaiting_citizen = models.BooleanField(default=False)

    requester = models.ForeignKey(Person, models.PROTECT, db_index=False, null=True, blank=True, related_name="cases")
    medium = models.CharField(max_length=10, help_text="Of the first contact")
    client = models.ForeignKey(Client, models.PROTECT, db_index=False, null=True, blank=True, related_name="+")
    language = models.CharField(max_length=7, default="ar")
    channel = models.CharField(max_length=10, choices=Person.Channel, default=Person.Channel.WEB)
    against = models.ForeignKey(
        Unit,
        models.PROTECT,
        db_index=False,
        null=True,
        blank=True,
        related_name="+",
        help_text="The unit complained of; never gets the case (B22)",
    )
    answers = models.JSONField(default=dict, blank=True, help_text="Answers to the category's questions")
    analysis = models.JSONField(
        default=dict, blank=True, help_text="What the centre or the unit finds (E10): cause, severity, repeat, safety"
    )
    inquiries = models.JSONField(
        default=list, blank=True, help_text="Leaders' questions without an answer (H6): id, unit (or none), until"
    )
    public_text = models.TextField(blank=True, help_text="What the public may read, written or released by the centre")

    lat = models.FloatField(null=True, blank=True)
    lon = models.FloatField(null=True, blank=True)
    accuracy_m = models.FloatField(null=True, blank=True)
    address = models.CharField(max_length=300, blank=True)
    area = models.ForeignKey(Area, models.PROTECT, null=True, blank=True, related_name="+")

    unit = models.ForeignKey(
        Unit,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="cases",
        db_index=False,
        help_text="Lead unit, or the one proposed",
    )
    owner = models.ForeignKey(
        Staff,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="First receiver, answers for it until a successor accepts (E7)",
    )
    route = models.JSONField(default=dict, blank=True, help_text="Which rule fired, or why a person must decide")
    head = models.ForeignKey("self", models.PROTECT, db_index=False, null=True, blank=True, related_name="followers")
    parent = models.ForeignKey("self", models.PROTECT, db_index=False, null=True, blank=True, related_name="parts")

    received_at = models.DateTimeField()
    registered_at = models.DateTimeField(null=True, blank=True)
    dispatched_at = models.DateTimeField(null=True, blank=True)
    contacted_at = models.DateTimeField(null=True, blank=True, help_text="First contact of the unit with the person")
    replied_at = models.DateTimeField(null=True, blank=True)
    replied_by = models.ForeignKey(Staff, models.PROTECT, db_index=False, null=True, blank=True, related_name="+")
    reviewed_by = models.ForeignKey(Staff, models.PROTECT, db_index=False, null=True, blank=True, related_name="+")
    told_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True, help_text="When the citizen said whether it is solved")
    verdict = models.CharField(max_length=12, choices=Verdict, blank=True)
    rating = models.PositiveSmallIntegerField(null=True, blank=True, help_text="5 very satisfied … 1 very dissatisfied")
    pressured = models.BooleanField(default=False, help_text="The citizen says he was asked to change his answer")
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Attempts to tell or ask him since the reply")
    unconfirmed = models.BooleanField(default=False, help_text="Closed after silence; never counted as satisfied")
    closed_at = models.DateTimeField(null=True, blank=True)
    returns = models.PositiveSmallIntegerField(default=0)
    redos = models.PositiveSmallIntegerField(default=0)
    escalations = models.PositiveSmallIntegerField(default=0)

    clock = models.JSONField(
        default=dict, blank=True, help_text="Facts that the due dates are computed from; see clocks"
    )
    due_centre = models.DateTimeField(
        null=True, blank=True, help_text="When the centre must have dispatched, reviewed, told or closed it"
    )
    due_sign = models.DateTimeField(null=True, blank=True)
    due_contact = models.DateTimeField(null=True, blank=True)
    due_result = models.DateTimeField(null=True, blank=True)
    due_next = models.DateTimeField(null=True, blank=True, help_text="The earliest clock that somebody must meet now")

    version = models.PositiveIntegerField(
        default=0, help_text="Seq of the last entry that changed something; what a screen has seen"
    )
    seq = models.PositiveIntegerField(default=0)
    head_hash = models.BinaryField(default=bytes)
    updated_at = models.DateTimeField()
    redacted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            # All that the board counts stands in it.
            models.Index(
                fields=["unit", "due_next"],
                include=["id", "state", "due_sign", "due_contact", "due_result", "due_centre"],
                name="case_unit_due",
                condition=~Q(state="closed"),
            ),
            models.Index(fields=["state", "due_next"], name="case_state_due", condition=~Q(state="closed")),
            models.Index(fields=["due_next"], name="case_due", condition=~Q(state="closed")),
            models.Index(fields=["-received_at"], name="case_received"),
            models.Index(fields=["requester"], name="case_requester", condition=Q(requester__isnull=False)),
            # Most cases have none of these: a partial index costs them nothing.
            models.Index(fields=["client"], name="case_client", condition=Q(client__isnull=False)),
            models.Index(fields=["against"], name="case_against", condition=Q(against__isnull=False)),
            models.Index(fields=["head"], name="case_head", condition=Q(head__isnull=False)),
            models.Index(fields=["parent"], name="case_parent", condition=Q(parent__isnull=False)),
            # A list of what is rare must not look through all that is not; with what an officer may see, no row is read
            # that is not shown.
            models.Index(fields=["category"], name="case_category"),
            models.Index(fields=["kind", "-received_at"], include=["id", "against"], name="case_kind"),
            models.Index(fields=["unit", "-received_at"], include=["id", "against"], name="case_unit"),
            models.Index(fields=["medium"], name="case_medium"),
            models.Index(fields=["urgency"], name="case_urgent", condition=~Q(urgency="normal")),
            models.Index(fields=["received_at"], name="case_emergency", condition=Q(emergency=True)),
            models.Index(fields=["received_at"], name="case_confidential", condition=Q(confidential=True)),
            models.Index(fields=["received_at"], name="case_supervised", condition=Q(supervised=True)),
            models.Index(fields=["received_at"], name="case_brief", condition=Q(brief=True)),
            models.Index(fields=["received_at"], name="case_awaiting", condition=Q(awaiting_citizen=True)),
            models.Index(fields=["category", "lat"], name="case_similar", condition=~Q(state="closed")),
            models.Index(
                fields=["unit", "-replied_at"], name="case_unit_replied", condition=Q(replied_at__isnull=False)
            ),
            models.Index(fields=["due_next"], name="case_inquired", condition=~Q(inquiries=[])),
        ]
        constraints = [models.UniqueConstraint(fields=["number"], name="case_number_once")]

    def __str__(self) -> str:
        return self.number


class WorkOrder(Row):
    """What a unit is asked to do on a case: one lead, any number of assisting ones, sub-orders below (G5)."""

    class Role(models.TextChoices):
        LEAD = "lead", _("lead")
        ASSIST = "assist", _("assisting")
        SUB = "sub", _("sub-order")

    class State(models.TextChoices):
        DISPATCHED = "dispatched", pgettext_lazy("order", "dispatched")
        SIGNED = "signed", pgettext_lazy("order", "signed for")
        IN_PROGRESS = "in_progress", pgettext_lazy("order", "in progress")
        REPLIED = "replied", pgettext_lazy("order", "replied")
        RETURNED = "returned", pgettext_lazy("order", "returned")
        WITHDRAWN = "withdrawn", pgettext_lazy("order", "withdrawn")
        DONE = "done", pgettext_lazy("order", "done")

    LIVE: ClassVar[list[str]] = ["dispatched", "signed", "in_progress"]

    case = models.ForeignKey(Case, models.PROTECT, related_name="orders", db_index=False)
    unit = models.ForeignKey(Unit, models.PROTECT, related_name="orders")
    role = models.CharField(max_length=6, choices=Role)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="sub_orders")
    state = models.CharField(max_length=12, choices=State, default=State.DISPATCHED)
    no_return = models.BooleanField(default=False, help_text="Designated by arbitration or by the higher authority")
    extension_asked = models.CharField(max_length=20, blank=True, help_text="Duration asked for and not yet decided")
    pause_asked = models.JSONField(default=dict, blank=True, help_text="Suspension asked for and not yet decided")
    dispatched_at = models.DateTimeField()
    signed_at = models.DateTimeField(null=True, blank=True)
    signed_by = models.ForeignKey(Staff, models.PROTECT, null=True, blank=True, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    due_sign = models.DateTimeField(null=True, blank=True)
    due_result = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["unit", "state"],
                include=["case"],
                name="order_unit_live",
                condition=Q(state__in=["dispatched", "signed", "in_progress"]),
            ),
            # Whether a unit has to do with a case stands in it.
            models.Index(fields=["case"], include=["unit", "state"], name="order_case"),
            models.Index(fields=["case"], name="order_asks", condition=~Q(extension_asked="", pause_asked={})),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["case"],
                name="order_one_live_lead",
                condition=Q(role="lead", state__in=["dispatched", "signed", "in_progress", "replied"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.case} → {self.unit}"


class Remark(Row):
    """Words said about a case: a reason, a reply, a note. The journal holds only their salted digest."""

    class Audience(models.TextChoices):
        INTERNAL = "internal", _("staff only")
        CITIZEN = "citizen", _("the citizen reads it")
        PUBLIC = "public", _("everybody may read it")

    case = models.ForeignKey(Case, models.PROTECT, related_name="remarks")
    seq = models.PositiveIntegerField(help_text="Of the entry that it belongs to")
    role = models.CharField(max_length=20, help_text="reason, reply, note, interim …")
    audience = models.CharField(max_length=8, choices=Audience, default=Audience.INTERNAL)
    body = models.TextField()
    salt = models.BinaryField()
    language = models.CharField(max_length=7, blank=True)
    at = models.DateTimeField()
    erased_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["case", "seq"], name="remark_case")]


if TYPE_CHECKING:
    _Field = models.Field[Any, Any]
else:
    _Field = models.Field


class ExactJSON(_Field):
    """PostgreSQL `json`, which keeps the text as it was written, byte for byte: the journal hashes it. Read as text."""

    def db_type(self, connection: Any) -> str:
        return "json"

    def select_format(self, compiler: Any, sql: str, params: Any) -> tuple[str, Any]:
        return f"{sql}::text", params

    def get_placeholder(self, value: Any, compiler: Any, connection: Any) -> str:
        return "%s::json"


class Entry(Row):
    """One thing that happened to a case, linked to all before it.

    Never changed, never deleted, holds no personal data.
    """

    case = models.ForeignKey(Case, models.PROTECT, related_name="entries", db_index=False)
    seq = models.PositiveIntegerField()
    at = models.DateTimeField()
    actor = models.CharField(max_length=40, help_text="staff:ID, client:ID, citizen or system")
    verb = models.CharField(max_length=40)
    data = ExactJSON()
    prev = models.BinaryField()
    hash = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "seq"], name="entry_case_seq")]
        indexes = [
            models.Index(fields=["at"], name="entry_at"),
            models.Index(fields=["actor", "at"], name="entry_inquired", condition=Q(verb="case.inquired")),
        ]

    def __str__(self) -> str:
        return f"{self.case_id}/{self.seq} {self.verb}"


class DailyRoot(Row):
    """The journal by the end of a day: a hash over the heads of the cases that moved and the last root."""

    day = models.DateField(unique=True)
    heads = models.PositiveIntegerField(help_text="Cases that moved on this day")
    entries = models.PositiveIntegerField()
    prev = models.BinaryField()
    hash = models.BinaryField()
    made_at = models.DateTimeField()


class Link(Row):
    """That two cases have to do with each other, besides head and parent."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="links")
    other = models.ForeignKey(Case, models.PROTECT, related_name="linked_from")
    reason = models.CharField(max_length=40)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "other"], name="link_once")]


class Problem(Row):
    """One cause behind many cases; they are told and closed together (A5)."""

    title = models.CharField(max_length=200)
    cause = models.TextField(blank=True)
    owner = models.ForeignKey(Staff, models.PROTECT, related_name="+")
    cases = models.ManyToManyField(Case, related_name="problems", blank=True)
    opened_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)


class Opening(Row):
    """A reasoned, logged leave to see who the requester of a case is; it ends by itself."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="openings")
    staff = models.ForeignKey(Staff, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    until = models.DateTimeField()


class SearchText(models.Model):
    """The words of a contact or a remark, as search finds them (see `search`); its id is that contact's or remark's.

    Personal data like the words themselves: it goes when they go.
    """

    id = models.BigIntegerField(primary_key=True)
    case = models.ForeignKey(Case, models.PROTECT, related_name="search_texts")
    words = SearchVectorField()

    class Meta:
        indexes = [GinIndex(fields=["words"], name="searchtext_words")]


class KnownWord(models.Model):
    """A word that stands in several texts of late, so that one typed with a slip is understood; learned by a job."""

    word = models.TextField(primary_key=True)
    slips = ArrayField(models.TextField(), help_text="The word and all that is left when one letter falls out")

    class Meta:
        indexes = [GinIndex(fields=["slips"], name="knownword_slips")]
