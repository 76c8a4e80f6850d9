"""Django's registration of this app; its label keeps clear of Django's own `messages`."""

from django.apps import AppConfig


class Config(AppConfig):
    name = "wasl.services.messages"
    label = "outbox"
