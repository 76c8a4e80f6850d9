"""Django's registration of this app."""

from django.apps import AppConfig


class Config(AppConfig):
    name = "wasl.core.organisation"
    label = "organisation"
    default_auto_field = "django.db.models.BigAutoField"
