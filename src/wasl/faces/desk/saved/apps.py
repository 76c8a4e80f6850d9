"""Django's registration of this app: what people keep of their lists."""

from django.apps import AppConfig


class Config(AppConfig):
    name = "wasl.faces.desk.saved"
    label = "saved"
