"""Who there is: units, areas, calendars, staff with their posts, client systems, and the rules of the house.

What they may do stands in `rights`.
"""

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from wasl.kernel import clock
from wasl.kernel.ids import Row
from wasl.kernel.names import local


class Calendar(Row):
    """When somebody works: a weekly pattern of windows, seasons, public holidays, exceptional days (R2)."""

    code = models.SlugField(unique=True)
    names = models.JSONField(default=dict)
    timezone = models.CharField(max_length=50, default="Asia/Muscat")
    country = models.CharField(max_length=2, blank=True, help_text=_("Public holidays of this country are days off."))
    weekly = models.JSONField(default=dict, help_text='{"sun": [["07:30", "14:30"]], ...}')
    ramadan_weekly = models.JSONField(default=dict, blank=True)
    exceptions = models.JSONField(default=dict, blank=True, help_text='{"2026-11-18": []}')
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return local(self.names) or self.code


class Unit(Row):
    """A node of the organisation tree; the municipality's own or an outside authority (A8, R7)."""

    class Kind(models.TextChoices):
        CENTRE = "centre", _("contact centre")
        MUNICIPALITY = "municipality", _("municipality")
        DIRECTORATE = "directorate", _("directorate")
        DEPARTMENT = "department", _("department")
        SECTION = "section", _("section")
        UTILITY = "utility", _("utility")
        POLICE = "police", _("police")
        MINISTRY = "ministry", _("ministry")

    class Delivery(models.TextChoices):
        LIST = "list", _("web work list")
        MAIL = "mail", _("mail")
        PHONE = "phone", _("telephone")
        SYSTEM = "system", _("system interface")

    code = models.SlugField(unique=True)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    path = models.CharField(max_length=250, editable=False, help_text="/id/id/ from the root down to this unit")
    kind = models.CharField(max_length=20, choices=Kind)
    names = models.JSONField(default=dict)
    mail = models.EmailField(blank=True)
    phone = models.CharField(max_length=20, blank=True)
    calendar = models.ForeignKey(Calendar, models.PROTECT, null=True, blank=True)
    delivery = models.CharField(max_length=10, choices=Delivery, default=Delivery.LIST)
    active = models.BooleanField(default=True)
    place = models.PositiveIntegerField(default=0, help_text="Order among the units below the same one")
    merged_into = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="merged", help_text="Who has its work now"
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = [models.Index(fields=["path"], opclasses=["text_pattern_ops"], name="unit_path")]

    def __str__(self) -> str:
        return local(self.names) or self.code

    def path_below(self, parent: "Unit | None") -> str:
        """The path this unit has under `parent`."""
        return f"{parent.path if parent else '/'}{self.pk}/"

    def lies_under(self, other: "Unit") -> bool:
        """Whether this unit is `other` or below it."""
        return self.path.startswith(other.path)

    @property
    def chain(self) -> list[int]:
        """Ids of the units from the root down to this one."""
        return [int(part) for part in self.path.strip("/").split("/")]


class Area(Row):
    """A polygon on the map that somebody answers for (G3)."""

    code = models.SlugField(unique=True)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    kind = models.CharField(max_length=20, default="wilayat")
    names = models.JSONField(default=dict)
    geometry = models.JSONField(help_text="GeoJSON Polygon or MultiPolygon, longitude first (RFC 7946)")
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return local(self.names) or self.code


class StaffManager(BaseUserManager["Staff"]):
    """Looks staff up by user name, without regard to case."""

    def get_by_natural_key(self, username: str | None) -> "Staff":
        return self.get(username__iexact=username)

    def create_superuser(self, username: str, password: str | None = None, **more: str) -> "Staff":
        """The first administrator of an empty installation (`./wasl manage createsuperuser`)."""
        staff = self.model(username=username, language="en", **more)
        staff.set_password(password)
        staff.save(using=self._db)
        Post.objects.create(staff=staff, role=Post.Role.ADMINISTRATOR, since=clock.now())
        return staff


class Staff(AbstractBaseUser):
    """A person who works with the system.

    Rights come only from posts. Not a `Row`: Django makes one before there is a data base.
    """

    id = models.BigAutoField(primary_key=True)

    username = models.CharField(_("user name"), max_length=60, unique=True)
    names = models.JSONField(default=dict)
    email = models.EmailField(_("mail address"), blank=True)
    phone = models.CharField(max_length=20, blank=True)
    phone_proved_at = models.DateTimeField(
        null=True, blank=True, help_text="When a code proved the telephone to be his; nothing is texted to it before"
    )
    confirmed_at = models.DateTimeField(
        default=clock.now, help_text="When he last confirmed how he is reached, or the account was made"
    )
    language = models.CharField(max_length=7, default="ar")
    is_active = models.BooleanField(default=True)
    unit = models.ForeignKey(
        Unit, models.PROTECT, null=True, blank=True, related_name="+", help_text="Whose administrator keeps the account"
    )
    failures = models.PositiveSmallIntegerField(default=0, help_text="Wrong passwords since the last right one")
    locked_until = models.DateTimeField(null=True, blank=True)
    wishes = models.JSONField(default=dict, blank=True, help_text="What this person wants to be told of, and how.")

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = StaffManager()

    def __str__(self) -> str:
        return local(self.names) or self.username


class Post(Row):
    """A role that a person holds over a scope, while it lasts (P1)."""

    class Role(models.TextChoices):
        AGENT = "agent", _("agent")
        DISPATCHER = "dispatcher", _("dispatcher")
        OFFICER = "officer", _("unit officer")
        SECOND_LINE = "second_line", _("second line")
        SUPERVISOR = "supervisor", _("supervisor")
        LEADER = "leader", _("leader")
        ADMINISTRATOR = "administrator", _("administrator")

    staff = models.ForeignKey(Staff, models.CASCADE, related_name="posts")
    role = models.CharField(max_length=20, choices=Role)
    unit = models.ForeignKey(
        Unit, models.PROTECT, null=True, blank=True, help_text=_("Scope: this unit and all below it.")
    )
    area = models.ForeignKey(
        Area, models.PROTECT, null=True, blank=True, help_text=_("Scope: this area and all inside it.")
    )
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)
    given_by = models.ForeignKey(Staff, models.PROTECT, null=True, blank=True, related_name="+")
    agreed_by = models.ForeignKey(
        Staff, models.PROTECT, null=True, blank=True, related_name="+", help_text="The second pair of eyes"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(unit__isnull=True) | Q(area__isnull=True), name="post_one_scope"),
            models.CheckConstraint(condition=~Q(role="officer") | Q(unit__isnull=False), name="post_officer_has_unit"),
        ]

    def __str__(self) -> str:
        return f"{self.staff} · {self.get_role_display()} · {self.unit or self.area or _('whole centre')}"


class Proposal(Row):
    """What one administrator asks about a person's rights; it counts when a second one agrees (P1)."""

    class Kind(models.TextChoices):
        POST = "post", _("a post")
        FACTOR = "factor", _("taking the second factor away")

    kind = models.CharField(max_length=10, choices=Kind, default=Kind.POST)
    staff = models.ForeignKey(Staff, models.CASCADE, related_name="proposals")
    role = models.CharField(max_length=20, choices=Post.Role, blank=True)
    unit = models.ForeignKey(Unit, models.PROTECT, null=True, blank=True, related_name="+")
    area = models.ForeignKey(Area, models.PROTECT, null=True, blank=True, related_name="+")
    until = models.DateTimeField(null=True, blank=True)
    asked_by = models.ForeignKey(Staff, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    decided_by = models.ForeignKey(Staff, models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    agreed = models.BooleanField(null=True)
    words = models.CharField(max_length=300, blank=True, help_text="Why it was refused")

    class Meta:
        constraints = [
            # Whoever asked may take it back, never agree.
            models.CheckConstraint(
                condition=Q(agreed__isnull=True) | Q(agreed=False) | ~Q(decided_by=models.F("asked_by")),
                name="proposal_two_people",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.staff}"


class Client(Row):
    """A system of somebody else's that speaks to the house with a key; only the key's digest is kept (R6)."""

    name = models.CharField(max_length=100, unique=True)
    key_digest = models.BinaryField(unique=True, help_text="SHA-256 of the key")
    unit = models.ForeignKey(Unit, models.PROTECT, null=True, blank=True)
    trusted = models.BooleanField(
        default=False,
        help_text=_(
            "Its requests are registered and dispatched at once where one rule is clear; "
            "otherwise the centre reviews them first."
        ),
    )
    active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name


class City(Row):
    """The one row that says whose hotline this is."""

    names = models.JSONField(default=dict)
    hotline = models.CharField(max_length=20, blank=True)
    region = models.CharField(
        max_length=2, default="OM", help_text=_("Region of phone numbers written without a country code.")
    )
    bounds = models.JSONField(default=list, help_text="[west, south, east, north], degrees")
    near_border_m = models.PositiveIntegerField(default=150)

    class Meta:
        constraints = [models.UniqueConstraint(models.Value(1), name="city_only_one")]

    def __str__(self) -> str:
        return local(self.names)


class House(Row):
    """The one row of rules that an administrator sets for the whole house."""

    media = models.JSONField(default=dict, help_text='What files are taken: {"files": 10, "image": bytes, …}')
    second_factor = models.JSONField(default=list, help_text="Roles that must sign in with a second factor")
    alone = models.PositiveIntegerField(
        default=100, help_text="So many people a day one person may write to; for more somebody else approves"
    )

    class Meta:
        constraints = [models.UniqueConstraint(models.Value(1), name="house_only_one")]

    def __str__(self) -> str:
        return "house"


class Bulletin(Row):
    """A short text to staff, shown on the desk until each has read it (P3)."""

    body = models.CharField(max_length=600)
    unit = models.ForeignKey(
        Unit, models.PROTECT, null=True, blank=True, related_name="+", help_text="For this unit and all below it"
    )
    by = models.ForeignKey(Staff, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)
    read_by = models.ManyToManyField(Staff, related_name="+", blank=True)

    def __str__(self) -> str:
        return self.body[:60]


class Audit(Row):
    """Who changed what of the organisation, with what stood there before.

    Only ever added to; a trigger refuses the rest.
    """

    at = models.DateTimeField()
    by = models.ForeignKey(Staff, models.PROTECT, related_name="+")
    verb = models.CharField(max_length=40)
    kind = models.CharField(max_length=20, help_text="Kind of the row: unit, staff, post …")
    row = models.BigIntegerField(help_text="Id of the row")
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(fields=["-at"], name="audit_at"),
            models.Index(fields=["kind", "row"], name="audit_row"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.kind}:{self.row}"
