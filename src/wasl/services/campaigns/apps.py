"""Django's registration of this app."""

from django.apps import AppConfig


class Config(AppConfig):
    name = "wasl.services.campaigns"
    label = "campaigns"
