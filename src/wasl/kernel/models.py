"""The kernel's one table: what `throttle` counts."""

from django.db import models


class Throttle(models.Model):
    """How often something was asked since a window began.

    The table is UNLOGGED: it costs no write-ahead log, and is empty after a crash of the data base and on replicas.
    """

    key = models.TextField(primary_key=True)
    window_start = models.DateTimeField(db_index=True)
    hits = models.IntegerField()
