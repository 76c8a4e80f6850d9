"""Django's registration of this app; what is shipped is there as soon as its tables are."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


def _ship(apps: Any, **_more: Any) -> None:
    from wasl.services.articles import actions

    try:
        apps.get_model("articles", "Article")
    except LookupError:
        return  # its tables were taken away
    actions.ship()


class Config(AppConfig):
    name = "wasl.services.articles"
    label = "articles"

    def ready(self) -> None:
        """Ship the four fixed topics after every migration."""
        post_migrate.connect(_ship, sender=self, dispatch_uid="articles.ship")
