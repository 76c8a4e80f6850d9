"""Django's registration of this app, and what it hears: staff who sign in and out."""

from django.apps import AppConfig


class Config(AppConfig):
    name = "wasl.core.roster"
    label = "roster"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from wasl.core.roster import attendance

        attendance.listen()
