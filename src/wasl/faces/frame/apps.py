"""The app of the shared page frame."""

from django.apps import AppConfig


class FrameConfig(AppConfig):
    """Base templates, template tags, styles, live updates; no tables."""

    name = "wasl.faces.frame"
    label = "frame"

    def ready(self) -> None:
        """Register the check that the front end is built."""
        from wasl.faces.frame import assets  # noqa: F401 - importing registers
