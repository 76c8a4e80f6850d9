"""The outbox and what it says: templates per event, channel and language, every message with its life, and the notices
that staff find in the page."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from wasl.core.cases.models import Case
from wasl.core.organisation.models import Staff, Unit
from wasl.core.people.models import Address, Person
from wasl.kernel.ids import Row


class Channel(models.TextChoices):
    MAIL = "mail", _("e-mail")
    SMS = "sms", _("SMS")


class Template(Row):
    """The words of one event on one channel in one language, in Django's template language (I8)."""

    event = models.CharField(max_length=30)
    channel = models.CharField(max_length=10, choices=Channel)
    language = models.CharField(max_length=7)
    subject = models.CharField(max_length=200, blank=True)
    body = models.TextField()
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event", "channel", "language"], name="template_once")]

    def __str__(self) -> str:
        return f"{self.event}/{self.channel}/{self.language}"


class Message(Row):
    """One message to one receiver. Written in the transaction of what it tells; rendered and sent by the sender.

    `stage` with the receiver is unique: a citizen gets exactly one message per stage (I3).
    """

    class State(models.TextChoices):
        QUEUED = "queued", pgettext_lazy("message", "queued")
        SENDING = "sending", pgettext_lazy("message", "being sent")
        SENT = "sent", pgettext_lazy("message", "handed over")
        FAILED = "failed", pgettext_lazy("message", "failed")
        IN_DOUBT = "in_doubt", pgettext_lazy("message", "in doubt")
        NO_WAY = "no_way", pgettext_lazy("message", "no way to reach him")
        ON_PAGE = "on_page", pgettext_lazy("message", "shown on his page")
        GATHERED = "gathered", pgettext_lazy("message", "told together with others")
        BY_HAND = "by_hand", pgettext_lazy("message", "told by hand")

    case = models.ForeignKey(Case, models.PROTECT, null=True, blank=True, related_name="messages")
    person = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="messages")
    unit = models.ForeignKey(Unit, models.PROTECT, null=True, blank=True, related_name="+")
    staff = models.ForeignKey(Staff, models.PROTECT, null=True, blank=True, related_name="+")
    event = models.CharField(max_length=30)
    stage = models.CharField(
        max_length=80, unique=True, help_text="What makes it the one message: case, event, occasion, receiver"
    )
    facts = models.JSONField(default=dict, help_text="References for the template; no words of people")
    language = models.CharField(max_length=7, default="ar")
    channel = models.CharField(
        max_length=10, choices=Channel, blank=True, help_text="The one it leaves by; chosen when it is sent"
    )
    tried = models.JSONField(
        default=list, blank=True, help_text="Channels that failed, in order, with the words of the failure"
    )
    address = models.ForeignKey(Address, models.SET_NULL, null=True, blank=True, related_name="+")
    subject = models.CharField(max_length=250, blank=True)
    body = models.TextField(blank=True, help_text="What was really said; without the PIN")
    state = models.CharField(max_length=8, choices=State, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(help_text="Not to be sent before")
    made_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    bounced_at = models.DateTimeField(null=True, blank=True)
    repeated = models.BooleanField(default=False, help_text="Sent again after being in doubt, with the same Message-ID")
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], name="message_queue", condition=Q(state="queued", person__isnull=True)),
            models.Index(
                fields=["due_at"], name="message_queue_citizens", condition=Q(state="queued", person__isnull=False)
            ),
            models.Index(fields=["claimed_at"], name="message_sending", condition=Q(state="sending")),
            models.Index(fields=["due_at"], name="message_in_doubt", condition=Q(state="in_doubt", repeated=False)),
            models.Index(
                fields=["made_at"], name="message_not_told", condition=Q(state__in=["failed", "no_way", "in_doubt"])
            ),
        ]

    def __str__(self) -> str:
        return self.stage


class QuietHours(Row):
    """When a channel lets people sleep: what falls due in between waits (I3); overnight if `first` > `last`."""

    channel = models.CharField(max_length=10, choices=Channel, unique=True)
    first = models.TimeField(help_text=_("Quiet from, in the city's time"))
    last = models.TimeField(help_text=_("Quiet until, in the city's time"))

    def __str__(self) -> str:
        return f"{self.get_channel_display()} {self.first:%H:%M}-{self.last:%H:%M}"


class Notice(Row):
    """That something happened which concerns one of the staff: found under the bell, and mailed where that is wished.

    Written in the transaction of what it tells, for a unit or a person; the sender's round sorts it (`notices.sort`):
    what is for a unit becomes one for each of its people. Holds no words and no personal data. (A text that the
    administrator shows to staff is `organisation.models.Notice`.)
    """

    unit = models.ForeignKey(Unit, models.CASCADE, null=True, blank=True, related_name="+")
    staff = models.ForeignKey(Staff, models.CASCADE, null=True, blank=True, related_name="notices")
    case = models.ForeignKey(Case, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=30)
    stage = models.CharField(max_length=120, unique=True, help_text="What makes it the one notice of its occasion")
    facts = models.JSONField(default=dict, blank=True, help_text="References: verb, actor, due date")
    at = models.DateTimeField()
    sorted_at = models.DateTimeField(null=True, blank=True, help_text="When it was given to its people")
    mail_at = models.DateTimeField(null=True, blank=True, help_text="To be mailed from then on; empty when it was")
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["at"], name="notice_to_sort", condition=Q(sorted_at__isnull=True)),
            models.Index(fields=["mail_at"], name="notice_to_mail", condition=Q(mail_at__isnull=False)),
            models.Index(fields=["staff", "-at", "-id"], name="notice_of_staff", condition=Q(staff__isnull=False)),
            models.Index(
                fields=["staff", "case"], name="notice_unread", condition=Q(staff__isnull=False, read_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return self.stage


class Mailbox(Row):
    """How a unit's mail address is written to; a unit without one gets Arabic, gathered (see `notices`)."""

    unit = models.OneToOneField(Unit, models.CASCADE, related_name="mailbox")
    language = models.CharField(max_length=7, default="ar")
    gather_min = models.PositiveSmallIntegerField(help_text=_("Minutes; 0 sends each notice by itself at once."))

    def __str__(self) -> str:
        return f"{self.unit} {self.language} {self.gather_min} min"
