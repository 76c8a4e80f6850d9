"""The web process: granian serving `wasl.site.asgi:app`, as many workers as there are processors."""

import os
import signal
import sys
from typing import Any

from granian import Granian
from granian.constants import Interfaces

from wasl.kernel import collector
from wasl.kernel.postgres import end_with_parent

TARGET = "wasl.site.asgi:app"


def _load(_target: str = TARGET) -> Any:
    """Runs in each worker. A worker must not outlive a killed parent: it would keep the port from the next one."""
    end_with_parent(signal.SIGTERM)
    from wasl.site.asgi import app

    collector.settle()
    return app


def main(host: str, port: int) -> None:
    """Serve until SIGTERM; a worker that dies is replaced."""
    Granian(
        TARGET,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        workers=int(os.environ.get("WASL_WEB_WORKERS", "") or max(2, os.cpu_count() or 1)),
        websockets=True,
        respawn_failed_workers=True,
        workers_kill_timeout=5,
    ).serve(target_loader=_load)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
