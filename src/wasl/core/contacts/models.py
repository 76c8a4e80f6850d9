"""Everything that came in or went out, on any medium, with its attachments. One case has many contacts (B12)."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from wasl.core.people.models import Person
from wasl.kernel.ids import Row


class Contact(Row):
    """One call, form, mail, letter, message: who, when, by what, in whose words."""

    class Medium(models.TextChoices):
        PHONE = "phone", _("telephone")
        WEB = "web", _("web")
        OPEN311 = "open311", _("Open311")
        MAIL = "mail", _("e-mail")
        SMS = "sms", _("SMS")
        FAX = "fax", _("fax")
        CHAT = "chat", _("chat")
        MAILBOX = "mailbox", _("voice mailbox")
        LETTER = "letter", _("letter")
        VISIT = "visit", _("visit")
        UNIT = "unit", _("other unit")
        INSPECTION = "inspection", _("inspection")
        MEDIA = "media", _("media")
        LEADER = "leader", _("leader")

    class Direction(models.TextChoices):
        IN = "in", _("incoming")
        OUT = "out", _("outgoing")

    case = models.ForeignKey("cases.Case", models.PROTECT, null=True, blank=True, related_name="contacts")
    person = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="contacts")
    medium = models.CharField(max_length=10, choices=Medium)
    direction = models.CharField(max_length=3, choices=Direction, default=Direction.IN)
    at = models.DateTimeField()
    language = models.CharField(max_length=7, blank=True)
    body = models.TextField(blank=True, help_text="The words themselves; blanked when forgotten")
    salt = models.BinaryField(help_text="Makes the digest in the journal unguessable; goes when the words go")
    staff = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    client = models.ForeignKey("organisation.Client", models.PROTECT, null=True, blank=True, related_name="+")
    source = models.CharField(max_length=100, blank=True, help_text="Dialled number, sender's unit, Message-ID …")
    idempotency_key = models.CharField(max_length=100, null=True, blank=True, unique=True)
    erased_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.get_medium_display()} {self.at:%Y-%m-%d %H:%M}"


class Attachment(Row):
    """A file of a contact. `original` is sealed evidence, `shown` and `thumb` are what people may see (B9)."""

    contact = models.ForeignKey(Contact, models.PROTECT, related_name="attachments")
    kind = models.CharField(max_length=10)
    name = models.CharField(max_length=150)
    mime = models.CharField(max_length=100)
    size = models.PositiveIntegerField(help_text="Bytes of the original")
    sha256 = models.BinaryField()
    original = models.CharField(max_length=200, help_text="Storage name; encrypted with the seal key")
    shown = models.CharField(max_length=200, blank=True)
    thumb = models.CharField(max_length=200, blank=True)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    position_sealed = models.BinaryField(null=True, blank=True, help_text="Sealed 'lat,lon' found inside the file")
    taken_at = models.DateTimeField(null=True, blank=True)
    phash = models.CharField(max_length=16, blank=True)
    public = models.BooleanField(default=False, help_text="Released by the centre for public pages")
    erased_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name
