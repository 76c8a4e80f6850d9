"""The installation's secret keys: made once, kept in the data folder's `secrets.json`, readable by its owner only."""

import base64
import json
import os
import secrets
from pathlib import Path


def make_keys(data: Path) -> None:
    """Write `secrets.json` into the data folder. The keys of an old one stay; those that it lacks are added.

    `django_key` signs sessions and links; `seal_key` (32 bytes, base64) seals personal data; `pepper` (32 bytes,
    base64) goes into what is derived from acceptance numbers; `ari_secret` and `ami_secret` open Asterisk, on loopback.
    Who loses `seal_key` loses the personal data, so the file is part of every backup.
    """
    file = data / "secrets.json"
    known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    keys = {
        "django_key": secrets.token_urlsafe(50),
        "seal_key": base64.b64encode(secrets.token_bytes(32)).decode(),
        "ari_secret": secrets.token_urlsafe(30),
        "ami_secret": secrets.token_urlsafe(30),
        "pepper": base64.b64encode(secrets.token_bytes(32)).decode(),
    } | known
    if keys == known:
        return
    data.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        json.dump(keys, out, indent=1)
        out.flush()
        os.fsync(out.fileno())
    part.replace(file)
