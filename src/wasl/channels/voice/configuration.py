"""Asterisk's configuration, written anew at every start from what is known of the house and its trunks.

Asterisk keeps only what must work with nobody else alive: answering, recording, and the way to a person when Wasl is
away. All else is decided outside, over ARI. No file here is to be edited by hand.
"""

import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import psutil

from wasl.channels.voice.asterisk import Asterisk

APP = "wasl"
"""The name of our Stasis application."""
DEGRADED = "degraded"
"""The part of the dialplan that needs nobody else alive."""
BEAT = "WASL_BEAT"
"""Asterisk's variable that says when the controller lived last, and who it is: seconds since 1970, process id."""
SEATS_DOWN = "fallback"
"""Asterisk's own queue, which rings every seat while nobody decides."""

# Named one by one: what is not loaded cannot be attacked, and a start takes a second. No REFER (res_pjsip_refer).
_MODULES = [
    "pbx_config", "res_crypto", "res_curl", "res_timing_timerfd", "res_sorcery_config", "res_sorcery_memory",
    "res_sorcery_astdb", "res_pjproject", "res_pjsip", "res_pjsip_pubsub", "res_pjsip_session",
    "res_pjsip_sdp_rtp", "res_pjsip_authenticator_digest", "res_pjsip_outbound_authenticator_digest",
    "res_pjsip_outbound_registration", "res_pjsip_registrar", "res_pjsip_endpoint_identifier_ip",
    "res_pjsip_endpoint_identifier_user", "res_pjsip_caller_id", "res_pjsip_nat", "res_pjsip_dtmf_info",
    "res_pjsip_header_funcs", "res_pjsip_diversion", "res_pjsip_rfc3326", "res_pjsip_transport_websocket",
    "res_pjsip_acl", "res_pjsip_dlg_options", "res_pjsip_logger", "res_pjsip_t38", "res_pjsip_sips_contact",
    "res_pjsip_empty_info", "res_rtp_asterisk", "res_srtp", "res_http_websocket", "res_websocket_client",
    "chan_pjsip", "chan_bridge_media", "codec_alaw", "codec_ulaw", "codec_a_mu", "codec_resample", "codec_g722",
    "format_pcm", "format_wav", "format_sln", "bridge_simple", "bridge_softmix", "bridge_holding",
    "bridge_native_rtp", "bridge_builtin_features", "res_musiconhold", "app_playback", "app_stasis",
    "app_mixmonitor", "app_queue", "app_dial", "app_record", "app_userevent", "app_stack", "app_playtones",
    "app_senddtmf", "app_system", "app_originate", "app_waitforsilence", "app_verbose", "app_read",
    "func_callerid", "func_channel", "func_strings", "func_logic", "func_global", "func_timeout",
    "func_hangupcause", "func_math", "func_pjsip_endpoint", "func_pjsip_contact", "func_pjsip_aor",
    "func_periodic_hook", "func_env", "app_chanspy", "func_cut", "func_groupcount", "func_uri", "func_talkdetect",
    "res_stasis", "res_stasis_answer", "res_stasis_playback", "res_stasis_recording", "res_stasis_snoop",
    "res_stasis_device_state", "res_ari", "res_ari_model", "res_ari_applications", "res_ari_asterisk",
    "res_ari_bridges", "res_ari_channels", "res_ari_device_states", "res_ari_endpoints", "res_ari_events",
    "res_ari_playbacks", "res_ari_recordings", "res_ari_sounds", "res_limit", "res_security_log",
    "res_manager_devicestate",
]  # fmt: skip


CARRIERS = "pjsip_carriers.conf"
"""The carriers, in a file of their own: it is read again at each change."""
_TRUSTED = "tls/authorities.pem"
"""Who may say who a carrier is: the authorities that this machine knows, and those given for carriers."""
_TOLD = "pjsip_carriers.told"
"""Which state of these files Asterisk has read."""
# Debian's and Red Hat's list of those who sign certificates.
_AUTHORITIES = (Path("/etc/ssl/certs/ca-certificates.crt"), Path("/etc/pki/tls/certs/ca-bundle.crt"))
# Parts that say an error at every start when they are not told that there is nothing to tell.
_EMPTY = (
    "acl.conf", "ccss.conf", "features.conf", "pjproject.conf", "queuerules.conf", "udptl.conf",
    "websocket_client.conf",
)  # fmt: skip
# What is made while it runs, the seats' browsers, is kept in memory and made anew by the controller.
_SORCERY = """[res_pjsip]
endpoint = config,pjsip.conf,criteria=type=endpoint
endpoint = memory
auth = config,pjsip.conf,criteria=type=auth
auth = memory
aor = config,pjsip.conf,criteria=type=aor
aor = memory
"""
_QUEUES = f"""[general]
persistentmembers = no
autofill = yes

[{SEATS_DOWN}]
strategy = rrmemory
timeout = 15
retry = 1
ringinuse = no
joinempty = unavailable,invalid,unknown
leavewhenempty = unavailable,invalid,unknown
"""
_TONES = """[general]
country = int

[int]
description = ITU-T E.180
ringcadence = 1000,4000
dial = 425
busy = 425/500,0/500
ring = 425/1000,0/4000
congestion = 425/250,0/250
"""


@dataclass(frozen=True)
class Trunk:
    """A carrier. `host` and `port` are where he listens, `match` where he calls from.

    `contact`: what he calls us by where we sign in with him; empty: we do not. `encrypted`: speech too, by SRTP.
    """

    code: str
    host: str
    port: int
    match: Sequence[str] = ()
    transport: str = "udp"
    encrypted: bool = False
    certificate: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    contact: str = ""


@dataclass(frozen=True)
class Tls:
    """Where we listen for SIP over TLS, and the files (PEM) that say who we are."""

    port: int
    certificate: Path
    key: Path


@dataclass(frozen=True)
class Voice:
    """Where Asterisk of this house listens, and its secrets. Everything but SIP and RTP is on loopback only."""

    host: str
    sip_port: int
    http_port: int
    manager_port: int
    rtp: tuple[int, int]
    ari_secret: str
    manager_secret: str
    trunks: Sequence[Trunk] = field(default_factory=tuple)
    tls: Tls | None = None
    technical: Sequence[Path] = field(default_factory=tuple)
    nobody: Sequence[Path] = field(default_factory=tuple)
    """What is said, in each language, while nobody decides: sound files without their ending."""


def write(asterisk: Asterisk, folder: Path, voice: Voice) -> Path:
    """Write all of it below `folder`; gives the path of asterisk.conf."""
    etc = folder / "etc"
    for name in (
        "etc", "lib", "spool/recordings", "spool/recording", "spool/degraded", "run", "log", "keys", "moh", "tls",
    ):  # fmt: skip
        (folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
    files = {
        "asterisk.conf": _asterisk(asterisk, folder),
        "modules.conf": "[modules]\nautoload = no\n" + "".join(f"load = {name}.so\n" for name in _MODULES),
        "logger.conf": "[general]\ndateformat = %F %T.%3q\n[logfiles]\nconsole = notice,warning,error\n",
        "http.conf": _http(voice),
        "ari.conf": _ari(voice),
        "manager.conf": _manager(voice),
        "pjsip.conf": _pjsip(folder, voice),
        "rtp.conf": _rtp(voice),
        "extensions.conf": _dialplan(folder, voice),
        "musiconhold.conf": f"[default]\nmode = files\ndirectory = {folder}/moh\n",
        "queues.conf": _QUEUES,
        "sorcery.conf": _SORCERY,
        "cdr.conf": "[general]\nenable = no\n",
        "cel.conf": "[general]\nenable = no\n",
        "indications.conf": _TONES,
        **dict.fromkeys(_EMPTY, ""),
    }
    for name, content in files.items():
        _put(etc / name, "; Made by Wasl at every start: changes here are lost.\n" + content)
    rewrite(folder, voice.trunks)
    return etc / "asterisk.conf"


def rewrite(folder: Path, trunks: Sequence[Trunk]) -> str:
    """Write what is known of the carriers anew below `folder`, where that changes anything; a digest of it."""
    known = next((one.read_text() for one in _AUTHORITIES if one.exists()), "")
    own = "".join(f"\n{one.certificate.strip()}\n" for one in trunks if one.certificate)
    files = {
        folder / "etc" / CARRIERS: "; Made by Wasl at every change.\n" + "".join(_carrier(one) for one in trunks),
        folder / _TRUSTED: known + own,
    }
    changed = {place: text for place, text in files.items() if not place.exists() or place.read_text() != text}
    for place, text in changed.items():
        _put(place, text)
    return sha256("\0".join(files.values()).encode()).hexdigest()


def is_told(folder: Path, digest: str) -> bool:
    """Whether Asterisk has read anew what has this digest."""
    place = folder / "etc" / _TOLD
    return place.exists() and place.read_text() == digest


def told(folder: Path, digest: str) -> None:
    """It has."""
    _put(folder / "etc" / _TOLD, digest)


def _put(place: Path, content: str) -> None:
    part = place.with_name(f"{place.name}.part")
    part.touch(mode=0o600)
    part.write_text(content)
    part.replace(place)


def _asterisk(asterisk: Asterisk, folder: Path) -> str:
    return f"""[directories]
astetcdir = {folder}/etc
astmoddir = {asterisk.modules}
astvarlibdir = {folder}/lib
astdbdir = {folder}/lib
astkeydir = {folder}
astdatadir = {asterisk.data}
astagidir = {folder}/lib
astspooldir = {folder}/spool
astrundir = {folder}/run
astlogdir = {folder}/log
astsbindir = {asterisk.prefix}/usr/sbin

[options]
live_dangerously = no
systemname = wasl
documentation_language = en_US
"""


def _http(voice: Voice) -> str:
    return f"""[general]
servername = Wasl
enabled = yes
bindaddr = 127.0.0.1
bindport = {voice.http_port}
sessionlimit = 2000
session_inactivity = 30000
session_keep_alive = 15000
"""


def _ari(voice: Voice) -> str:
    return f"""[general]
enabled = yes
; A reader that stalls for a moment is not sent away.
websocket_write_timeout = 2000
channelvars = WASL_CALL

[{APP}]
type = user
read_only = no
password = {voice.ari_secret}
"""


def _manager(voice: Voice) -> str:
    return f"""[general]
enabled = yes
bindaddr = 127.0.0.1
port = {voice.manager_port}
displayconnects = no
timestampevents = yes

[{APP}]
secret = {voice.manager_secret}
deny = 0.0.0.0/0.0.0.0
permit = 127.0.0.1/255.255.255.255
read = call,user,agent
write = call,command,reporting,system,agent
"""


def _rtp(voice: Voice) -> str:
    general = f"[general]\nrtpstart = {voice.rtp[0]}\nrtpend = {voice.rtp[1]}\nicesupport = yes\n"
    if not voice.host.startswith("127."):
        return general
    # Asterisk offers no loopback address to a browser; on a machine that nobody else reaches, each of its own stands
    # for it.
    own = "".join(f"{one} => {voice.host}\n" for one in addresses())
    return f"{general}\n[ice_host_candidates]\n{own}"


def addresses() -> list[str]:
    """IPv4 addresses of this machine that are not loopback. Source: rtnetlink(7), by `getifaddrs` of the C library."""
    found = {one.address for many in psutil.net_if_addrs().values() for one in many if one.family == socket.AF_INET}
    return sorted(one for one in found if not one.startswith("127."))


def _dialplan(folder: Path, voice: Voice) -> str:
    return (
        _DIALPLAN.replace("{app}", APP)
        .replace("{spool}", str(folder / "spool"))
        .replace("{queue}", SEATS_DOWN)
        .replace(" {technical}\n", _said(voice.technical))
        .replace(" {nobody}\n", _said(voice.nobody))
    )


def _said(files: Sequence[Path]) -> str:
    return f" same => n,Playback({'&'.join(map(str, files))})\n" if files else ""


def _pjsip(folder: Path, voice: Voice) -> str:
    parts = [
        f"""[global]
type = global
user_agent = Wasl
endpoint_identifier_order = ip,username

[udp]
type = transport
protocol = udp
bind = {voice.host}:{voice.sip_port}

[tcp]
type = transport
protocol = tcp
bind = {voice.host}:{voice.sip_port}

[ws]
type = transport
protocol = ws
bind = 127.0.0.1:{voice.http_port}
"""
    ]
    if voice.tls:
        parts.append(f"""
[tls]
type = transport
protocol = tls
bind = {voice.host}:{voice.tls.port}
method = tlsv1_2
cert_file = {voice.tls.certificate}
priv_key_file = {voice.tls.key}
; Read anew for each connection that we make.
ca_list_file = {folder / _TRUSTED}
verify_server = yes
""")
    return "".join(parts) + f"\n#include {CARRIERS}\n"


def _carrier(one: Trunk) -> str:
    # Whoever only says that he is the carrier is not: his address or our registration must say so (`identify_by`).
    # He who knows us by our sign-in wants its name in From; the number we show stands beside it (RFC 3325).
    who = f"from_user = {one.username}\nsend_pai = yes" if one.contact else ""
    parts = [
        f"""
[{one.code}]
type = endpoint
transport = {one.transport}
context = from-carrier
disallow = all
allow = alaw,ulaw
aors = {one.code}
identify_by = ip
direct_media = no
rtp_symmetric = yes
dtmf_mode = rfc4733
allow_transfer = no
rtp_timeout = 60
rtp_timeout_hold = 600
media_encryption = {"sdes" if one.encrypted else "no"}
{f"outbound_auth = {one.code}" if one.username else ""}
{who}

[{one.code}]
type = aor
contact = {_uri(one)}
qualify_frequency = 30
"""
    ]
    if one.match:
        parts.append(f"\n[{one.code}]\ntype = identify\nendpoint = {one.code}\nmatch = {','.join(one.match)}\n")
    if one.username:
        parts.append(f"""
[{one.code}]
type = auth
auth_type = userpass
username = {_value(one.username)}
password = {_value(one.password)}
""")
    if one.contact:
        # A wrong password is tried again, seldom: the carrier may have been wrong, and must not shut us out.
        parts.append(f"""
[{one.code}]
type = registration
transport = {one.transport}
outbound_auth = {one.code}
server_uri = {_uri(one)}
client_uri = {_uri(one, one.username)}
contact_user = {one.contact}
endpoint = {one.code}
line = yes
expiration = 300
retry_interval = 30
forbidden_retry_interval = 300
fatal_retry_interval = 300
auth_rejection_permanent = no
max_retries = 1000000
""")
    return "".join(parts)


def _uri(one: Trunk, user: str = "") -> str:
    host = f"[{one.host}]" if ":" in one.host else one.host
    way = "" if one.transport == "udp" else f"\\;transport={one.transport}"
    return f"sip:{user}{'@' if user else ''}{host}:{one.port}{way}"


def _value(text: str) -> str:
    """As Asterisk's files want it, where a semicolon begins a comment. Source: main/config.c of Asterisk 22."""
    return text.replace(";", "\\;")


# What works with nobody else alive. Nothing that a caller chose (his number, his name) stands in an argument.
_DIALPLAN = """[general]
static = yes
writeprotect = yes
clearglobalvars = no

[globals]

[from-carrier]
exten => _[+0-9].,1,Set(__WASL_CALL=${UNIQUEID})
 same => n,Set(CAME=${EPOCH} ${FILTER(+0-9,${EXTEN})} ${FILTER(+0-9,${CALLERID(num)})})
 same => n,Answer()
 same => n,MixMonitor({spool}/recordings/${UNIQUEID}.raw,Di(WASL_MIX))
 same => n,Stasis({app},inbound,${FILTER(+0-9,${EXTEN})})
 same => n,GotoIf($["${STASISSTATUS}" = "FAILED"]?degraded,s,1)
 same => n,Hangup()

[agents]
exten => _X!,1,Hangup(21)

[degraded]
exten => s,1,UserEvent(Degraded,Call:${WASL_CALL})
 same => n,GotoIf($["${CAME}" = ""]?told)
 same => n,Set(FILE({spool}/degraded/${WASL_CALL},,,l,u)=${CAME})
 same => n(told),StopPlaytones()
 {technical}
 same => n,Queue({queue},,,,60)
 {nobody}
 same => n,Playtones(!1000/500)
 same => n,Wait(0.7)
 same => n,Record({spool}/recording/mailbox-c${UNIQUEID}.wav,6,180,kq)
 same => n,Hangup(16)
"""
