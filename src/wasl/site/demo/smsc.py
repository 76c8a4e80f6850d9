"""The demo's mobile operator: the simulator that `up` starts beside it, as an operator among the others."""

from wasl.services.texts import queries
from wasl.services.texts.models import Bind, Operator, Route

CODE = "demo"


def connect(port: int) -> None:
    """Let the demo's operator be bound at this port of ours; its route is made when there is none at all."""
    operator, new = Operator.objects.get_or_create(
        code=CODE, defaults={"name": "Demo Mobile", "prefixes": ["+968"], "window": 50, "cost": "0.0050"}
    )
    if new:
        Bind.objects.create(operator=operator, host="127.0.0.1", port=port, system_id="wasl")
    else:
        operator.binds.exclude(port=port).update(port=port)
    if not Route.objects.exists():
        Route.objects.create(name="all", operators=[operator.pk])
    queries.forget()
