"""One installation: its data folder, what lies where in it, and the environment that its processes get.

Knows no Django, so that the command line answers at once and can start what Django needs first.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from wasl.kernel import postgres
from wasl.kernel.postgres import Cluster
from wasl.site.keys import make_keys

PACKAGE = Path(__file__).resolve().parents[1]
ROOT = next(folder for folder in PACKAGE.parents if (folder / "pyproject.toml").exists())
"""The folder that the source was cloned into."""


@dataclass(frozen=True)
class Addresses:
    """Where the processes listen, and what the public is told. Kept in the data folder: a second start is alike."""

    host: str = "127.0.0.1"
    port: int = 8000
    base_url: str = ""
    demo: str = "muscat"
    smtp_port: int = 0
    mail_in_port: int = 0
    practice_port: int = 0
    smpp_port: int = 0
    smsc_port: int = 0
    smsc_control_port: int = 0
    sip_port: int = 0
    sip_tls_port: int = 0
    ari_port: int = 0
    ami_port: int = 0
    practice_url: str = ""

    @property
    def public_url(self) -> str:
        """The base URL that links carry: WASL_BASE_URL, or the address we listen on."""
        return (self.base_url or f"http://{self.host}:{self.port}").rstrip("/")


@dataclass(frozen=True)
class Installation:
    """The data folder `data` (absolute) and what is in it."""

    data: Path
    addresses: Addresses = field(default_factory=Addresses)

    @classmethod
    def at(cls, data: Path | str | None) -> "Installation":
        """The installation of a data folder; without one that of WASL_DATA, or `data` beside the source."""
        folder = Path(data or os.environ.get("WASL_DATA") or ROOT / "data").expanduser().resolve()
        kept = folder / "addresses.json"
        if not kept.exists():
            return cls(folder)
        known = json.loads(kept.read_text())
        return cls(folder, Addresses(**{name: known[name] for name in asdict(Addresses()) if name in known}))

    @property
    def cluster(self) -> Cluster:
        """The embedded PostgreSQL."""
        return Cluster(self.data / "postgres")

    @property
    def external_url(self) -> str | None:
        """URL of the server to use instead of the embedded one."""
        return os.environ.get("WASL_DATABASE_URL") or None

    @property
    def database_url(self) -> str:
        return self.external_url or self.cluster.url()

    @property
    def run(self) -> Path:
        """Locks, generated configuration, process ids: worthless once everything is stopped."""
        return self.data / "run"

    @property
    def log(self) -> Path:
        return self.data / "log"

    @property
    def mail(self) -> Path:
        """Mail that the demo's catcher took."""
        return self.data / "mail"

    @property
    def asterisk(self) -> Path:
        """Asterisk itself, where it is not the system's."""
        return self.data / "asterisk"

    @property
    def voice(self) -> Path:
        """What Asterisk is configured with and what it writes: recordings above all."""
        return self.data / "voice"

    def make(self) -> None:
        """Make the data folder and its keys; what is there stays."""
        if not self.data.exists():
            self.data.mkdir(parents=True, mode=0o700)
        # whitenoise warns when its folder is missing, although nothing is collected into it.
        for folder in (self.run, self.log, self.data / "static"):
            folder.mkdir(exist_ok=True, mode=0o700)
        make_keys(self.data)

    def keep(self) -> None:
        """Write down the addresses for the next start and for other commands."""
        part = self.data / "addresses.json.part"
        part.write_text(json.dumps(asdict(self.addresses), indent=1))
        part.replace(self.data / "addresses.json")

    def environment(self) -> dict[str, str]:
        """What Django's settings read, for this process or for a child."""
        known = self.addresses
        settings = {
            "DJANGO_SETTINGS_MODULE": "wasl.site.settings",
            "WASL_DATA": str(self.data),
            "WASL_DATABASE_URL": self.database_url,
            "WASL_BASE_URL": known.public_url,
            "WASL_DEMO": "" if known.demo == "none" else known.demo,
        }
        if known.practice_port:
            # Whoever tells the public another address than the one we listen on says the practice's too.
            own = "" if known.base_url else f"http://{known.host}:{known.practice_port}"
            settings["WASL_PRACTICE_URL"] = (known.practice_url or own).rstrip("/")
            at = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(known.host, known.host)  # noqa: S104 - compared, not bound
            settings["WASL_PRACTICE_AT"] = f"{at}:{known.practice_port}"
        if known.demo != "none" and known.smtp_port:
            settings["WASL_MAIL_HOST"] = "127.0.0.1"
            settings["WASL_MAIL_PORT"] = str(known.smtp_port)
            settings["WASL_MAIL_IN_PORT"] = str(known.mail_in_port)
        if known.sip_port:
            settings["WASL_SIP_PORT"] = str(known.sip_port)
            settings["WASL_SIP_TLS_PORT"] = str(known.sip_tls_port)
            settings["WASL_ARI_PORT"] = str(known.ari_port)
            settings["WASL_AMI_PORT"] = str(known.ami_port)
        if known.demo != "none" and known.smsc_port:
            settings["WASL_DEMO_SMSC_PORT"] = str(known.smsc_port)
            settings["WASL_DEMO_SMSC_CONTROL_PORT"] = str(known.smsc_control_port)
        return settings

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a database that answers: the running one, or the embedded one started for the `with` block.

        Raises PostgresError.
        """
        if self.external_url:
            postgres.check(self.external_url)
            yield self.external_url
        elif self._answers():
            yield self.cluster.url()
        else:
            with postgres.running(self.cluster) as url:
                yield url

    def _answers(self) -> bool:
        try:
            postgres.wait_until_ready(self.cluster.url(), seconds=0)
        except postgres.PostgresError:
            # A server that recovers after a crash holds its lock but lets nobody in yet.
            if not self.cluster.is_served():
                return False
            postgres.wait_until_ready(self.cluster.url(), seconds=60)
        return True
