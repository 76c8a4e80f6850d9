"""Enquiries as they are defined at the desk, the data sets behind some of them, and the log of what was asked."""

from django.db import models
from django.utils.translation import pgettext_lazy

from wasl.core.organisation.models import Staff, Unit
from wasl.kernel.ids import Row
from wasl.kernel.names import local
from wasl.services.texts.models import Client


class DataSet(Row):
    """A table that somebody gives us, as CSV or XLSX or by the interface, to answer from (J9).

    What is asked by is the key; telephone numbers and PINs of its rows are kept as blind indexes only.
    """

    code = models.SlugField(unique=True)
    names = models.JSONField(default=dict)
    columns = models.JSONField(default=list, help_text="Names of the columns that answers may show, in order")
    key = models.JSONField(
        default=list, help_text='What a row is found by: [{"kind": "plate", "columns": ["number", "code"]}]'
    )
    owner_column = models.CharField(
        max_length=100, blank=True, help_text="Column of the telephone number that a row belongs to"
    )
    pin_column = models.CharField(max_length=100, blank=True, help_text="Column of the PIN that opens a row")
    system = models.ForeignKey(
        Client, models.SET_NULL, null=True, blank=True, related_name="+", help_text="Which system may replace its rows"
    )
    pushed_at = models.DateTimeField(null=True, blank=True, help_text="When that system last did")
    rows_count = models.PositiveIntegerField(default=0)
    loaded_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return local(self.names) or self.code


class DataRow(models.Model):
    """One row of a data set; several may have the same key."""

    data_set = models.ForeignKey(DataSet, models.CASCADE, db_index=False, related_name="rows")
    key = models.TextField()
    owner = models.BinaryField(null=True, help_text="Blind index of its owner's telephone number")
    pin = models.BinaryField(null=True, help_text="Blind index of data set, key and PIN")
    values = models.JSONField()
    digest = models.BinaryField(help_text="Of all of it: what tells it from others, also after it was loaded anew")

    class Meta:
        indexes = [models.Index(fields=["data_set", "key"], name="enquiry_row_key")]


class Upload(Row):
    """A file for a data set that waits for somebody to look at what it would change; sealed, gone within a day."""

    data_set = models.ForeignKey(DataSet, models.CASCADE, related_name="uploads")
    name = models.CharField(max_length=200)
    content = models.BinaryField()
    whole = models.BooleanField(default=True, help_text="It replaces all rows; otherwise those of its keys")
    by = models.ForeignKey(Staff, models.CASCADE, related_name="+")
    at = models.DateTimeField()


class Enquiry(Row):
    """What people may ask, and how it is answered; changed at the desk and live at once (J3)."""

    class Who(models.TextChoices):
        ANYONE = "anyone", pgettext_lazy("who may ask", "anybody")
        OWNER = "owner", pgettext_lazy("who may ask", "from the owner's telephone number")
        PIN = "pin", pgettext_lazy("who may ask", "with a PIN")
        EITHER = "either", pgettext_lazy("who may ask", "from the owner's number, others with a PIN")

    class Source(models.TextChoices):
        DATA = "data", pgettext_lazy("source", "a data set")
        CASE = "case", pgettext_lazy("source", "status of a request")
        SQL = "sql", pgettext_lazy("source", "another data base")
        HTTP = "http", pgettext_lazy("source", "another system by HTTP")

    code = models.SlugField(unique=True)
    names = models.JSONField(default=dict)
    fields = models.JSONField(
        default=list, help_text='What is asked, in order: [{"kind": "plate", "labels": {…}, "example": "12345 BA"}]'
    )
    who = models.CharField(max_length=8, choices=Who, default=Who.ANYONE)
    source = models.CharField(max_length=8, choices=Source, default=Source.DATA)
    data_set = models.ForeignKey(DataSet, models.PROTECT, null=True, blank=True, related_name="enquiries")
    settings = models.JSONField(default=dict, blank=True, help_text="Of the connector; see sources.sql, sources.http")
    secret_sealed = models.BinaryField(null=True, blank=True, help_text="Password or key of the connector")
    replies = models.JSONField(default=dict, help_text='{"found": {"en": "…", "ar": "…"}, …}; see replies')
    active = models.BooleanField(default=False)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return local(self.names) or self.code


class Remembered(models.Model):
    """What a source said last, sealed, for when it is away."""

    enquiry = models.ForeignKey(Enquiry, models.CASCADE, db_index=False, related_name="+")
    look_up = models.BinaryField(help_text="Blind index of what was asked")
    rows_sealed = models.BinaryField()
    at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["enquiry", "look_up"], name="enquiry_remembered_once")]


class Asked(models.Model):
    """That something was asked: no words, no number; who asks often is the same blind index."""

    enquiry = models.ForeignKey(Enquiry, models.CASCADE, db_index=False, related_name="asked")
    channel = models.CharField(max_length=10)
    kind = models.CharField(max_length=10)
    ms = models.PositiveIntegerField(help_text="From the question to its answer, milliseconds")
    at = models.DateTimeField()
    asker = models.BinaryField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["at"], name="enquiry_asked_at"),
            models.Index(fields=["enquiry", "-at"], name="enquiry_asked_of"),
        ]


class Idea(Row):
    """What a unit would like people to be able to ask, or be told, by SMS; and what became of it (J18)."""

    class State(models.TextChoices):
        NEW = "new", pgettext_lazy("idea", "handed in")
        WEIGHED = "weighed", pgettext_lazy("idea", "being looked at")
        PLANNED = "planned", pgettext_lazy("idea", "planned")
        LIVE = "live", pgettext_lazy("idea", "in use")
        DECLINED = "declined", pgettext_lazy("idea", "not done")

    unit = models.ForeignKey(Unit, models.PROTECT, related_name="+")
    title = models.CharField(max_length=120)
    body = models.TextField(max_length=2000)
    per_month = models.PositiveIntegerField(null=True, blank=True, help_text="Texts a month that it may bring")
    by = models.ForeignKey(Staff, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State, default=State.NEW)
    answer = models.CharField(max_length=1000, blank=True)
    decided_by = models.ForeignKey(Staff, models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.title
