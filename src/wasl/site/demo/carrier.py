"""The demo's carrier: where calls may come from on a machine that has no real one."""

from wasl.services.calls.models import Trunk

HOST, PORT = "127.0.0.12", 5070


def connect() -> None:
    """Let calls from the demo's carrier in."""
    Trunk.objects.get_or_create(code="demo", defaults={"name": "Demo", "host": HOST, "port": PORT, "match": [HOST]})
