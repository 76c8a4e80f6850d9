"""Django's registration of the kernel."""

from django.apps import AppConfig


class KernelConfig(AppConfig):
    name = "wasl.kernel"
    label = "kernel"
