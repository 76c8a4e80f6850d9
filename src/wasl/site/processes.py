"""The processes of a running hotline, as a table; and the supervisor's configuration made from it."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from wasl.channels.voice import asterisk
from wasl.site.installation import Installation


@dataclass(frozen=True)
class Process:
    """One program that is kept alive. `stop` is the signal that ends it well, within `patience` seconds."""

    name: str
    does: str
    command: tuple[str, ...]
    order: int = 50
    stop: str = "TERM"
    patience: int = 10


def table(installation: Installation) -> list[Process]:
    """What runs for this installation. Those with a lower `order` start earlier and stop later."""
    python = (sys.executable, "-P", "-m")
    manage = (*python, "django")
    # Who talks or looks at a page goes before what can wait, above all when everything starts at once.
    later = ("nice", "-n", "5")
    where = installation.addresses
    smpp = str(where.smpp_port)
    processes = [
        Process("web", "pages and interfaces", (*python, "wasl.site.web", where.host, str(where.port))),
        Process("worker", "jobs and schedules", (*later, *manage, "worker")),
        Process("sender", "messages to people", (*later, *manage, "send_messages")),
        Process(
            "practice", "made-up cases to learn on", (*later, *python, "wasl.site.practice", str(installation.data))
        ),
        Process("mail-in", "takes what comes back of our mail", (*later, *manage, "mail_in")),
        Process("sms-gateway", "SMS to and from the operators", (*manage, "sms_gateway")),
        Process("sms-answers", "answers to incoming SMS", (*manage, "sms_answers")),
        Process("sms-server", "SMPP and webhooks of other systems", (*manage, "sms_server", "--port", smpp)),
    ]
    if asterisk.found(installation.asterisk):
        # It hangs up on nobody at a restart of anything else; its own end ends all calls.
        processes.append(Process("asterisk", "the telephone", (*manage, "asterisk"), order=30, patience=15))
        processes.append(Process("voice", "decides what callers hear", (*manage, "voice")))
        processes.append(Process("voice-guard", "rescues callers from a frozen controller", (*manage, "voice_guard")))
    if not installation.external_url:
        server = (*python, "wasl.kernel.postgres", str(installation.cluster.folder))
        # SIGINT is PostgreSQL's fast shutdown: it ends sessions instead of waiting for them.
        processes.insert(0, Process("postgres", "the data base", server, order=10, stop="INT", patience=60))
    if where.demo != "none":
        catcher = (
            *python,
            "wasl.channels.mail.catcher",
            "--port",
            str(where.smtp_port),
            "--dir",
            str(installation.mail),
            "--bounces",
            f"127.0.0.1:{where.mail_in_port}",
        )
        processes.append(Process("mail-catcher", "takes the demo's mail", catcher, order=20))
        ports = ("--port", str(where.smsc_port), "--control", str(where.smsc_control_port))
        habits = ("--habits", '{"receipt_delay": 1, "keep": 20000}')
        smsc = (*python, "wasl.channels.sms.smpp.simulator", *ports, *habits)
        processes.append(Process("smsc", "the demo's mobile operator", smsc, order=20))
    return processes


def configuration(installation: Installation) -> str:
    """supervisord's configuration: everything starts at once and is started again whenever it ends."""
    run, log = _plain(installation.run), _plain(installation.log)
    lines = [
        "; Made by ./wasl up from wasl/site/processes.py at every start: changes here are lost.",
        "[supervisord]",
        "nodaemon=true",
        "silent=true",
        f"logfile={log}/supervisor.log",
        "logfile_maxbytes=5MB",
        "logfile_backups=2",
        f"pidfile={run}/supervisor.pid",
        f"childlogdir={log}",
        f"directory={_plain(installation.data)}",
        "minfds=1024",
        "",
        "[unix_http_server]",
        f"file={_plain(control_socket(installation))}",
        "chmod=0700",
        "",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
        "",
        "[supervisorctl]",
        f"serverurl=unix://{_plain(control_socket(installation))}",
    ]
    for process in table(installation):
        lines += [
            "",
            f"[program:{process.name}]",
            f"command={_plain(shlex.join(process.command))}",
            f"priority={process.order}",
            "autorestart=true",
            # Never given up: after each failed start supervisord waits one second longer.
            "startsecs=1",
            "startretries=1000000",
            f"stopsignal={process.stop}",
            f"stopwaitsecs={process.patience}",
            "killasgroup=true",
            "redirect_stderr=true",
            f"stdout_logfile={log}/{process.name}.log",
            "stdout_logfile_maxbytes=10MB",
            "stdout_logfile_backups=3",
        ]
    return "\n".join(lines) + "\n"


def control_socket(installation: Installation) -> Path:
    """supervisord's socket, beside PostgreSQL's: in the run folder, or in a short place when that path is too long."""
    place = installation.run / "supervisor.sock"
    if len(str(place)) <= 95:
        return place
    return installation.cluster.socket_folder.with_suffix(".control") / "supervisor.sock"


def _plain(text: Path | str) -> str:
    """The configuration file expands %(names)s; a percent sign of ours is written twice."""
    return str(text).replace("%", "%%")
