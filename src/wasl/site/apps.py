"""Django's registration of the house itself."""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "wasl.site"
    label = "wasl_site"
