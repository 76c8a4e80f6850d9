"""One way in for every file of every channel: what it is and what of it may be shown; where it is kept is not here.

The type is read from the content, never from the name or from what the sender says. `original` is the file as it came
and is only ever kept sealed and handed out as an attachment (`Content-Disposition: attachment`, `nosniff`), never
inline. `shown` and `thumb` are new files made from pixels or from plain text alone, so nothing that hides in the
original reaches a browser: no position, no EXIF, XMP, IPTC or ICC, no second file in one, no script.
Source: requirement B9; OWASP File Upload Cheat Sheet.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import PurePosixPath

from django.utils.translation import gettext_lazy as _
from PIL import Image

from wasl.kernel.media.kinds import Type, plain, type_of
from wasl.kernel.media.pictures import draw
from wasl.kernel.media.refusals import Kind, Limits, MediaRefused, damaged, too_large, too_many_pixels

__all__ = ["SHOWN_IMAGE_MIME", "SHOWN_TEXT_MIME", "Kind", "Limits", "MediaRefused", "Taken", "take"]

SHOWN_IMAGE_MIME = "image/jpeg"
SHOWN_TEXT_MIME = "text/plain; charset=utf-8"

_LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that was taken in.

    `name` is the sender's, made safe to show and to save under, with the extension of the true type; `mime` and
    `extension` (with its dot) are those of `original`. `shown` is a JPEG for an image, UTF-8 for a plain text, None for
    everything that is handed out only as an attachment; `thumb` is a JPEG, for images only. `width` and `height` are
    those of the upright original, in pixels. `gps` is (lat, lon) in degrees as the camera wrote it, `taken_at` aware;
    both are personal data. `sha256` is of `original`; `phash` is 16 hexadecimal digits that differ in few bits for
    pictures that look alike.
    """

    kind: Kind
    name: str
    mime: str
    extension: str
    original: bytes = field(repr=False)
    shown: bytes | None = field(repr=False)
    thumb: bytes | None = field(repr=False)
    width: int | None
    height: int | None
    gps: tuple[float, float] | None = field(repr=False)
    taken_at: datetime | None
    sha256: bytes
    phash: str | None


def take(data: bytes, name: str, *, limits: Limits | None = None) -> Taken:
    """Take in the file `data` that its sender calls `name`.

    A picture is decoded, turned upright and drawn anew, of an animation the first frame; a camera's clock without time
    zone is read in the zone of the settings. Decoding a large photo takes a few tenths of a second, so big uploads
    belong off the event loop. Raises MediaRefused; nothing else, whatever the bytes.
    """
    limits = limits or Limits()
    if not data:
        raise MediaRefused("empty", _("The file is empty. Please choose it again."))
    if len(data) > max(limits.bytes_of.values()):
        raise too_large(max(limits.bytes_of.values()))
    found = type_of(data, limits)
    most = limits.bytes_of[found.kind]
    if most == 0:
        raise MediaRefused("kind", _("Files of this kind are not taken here. Please send a picture instead."))
    if len(data) > most:
        raise too_large(most)
    safe_name = _safe_name(name, found)
    digest = sha256(data).digest()
    if found.kind == "image":
        return _take_image(data, safe_name, found, digest, limits)
    if found.kind == "pdf" and b"%%EOF" not in data[-4096:]:
        raise damaged()
    return Taken(
        kind=found.kind,
        name=safe_name,
        mime=found.mime,
        extension=found.extension,
        original=data,
        shown=plain(data) if found.kind == "text" else None,
        thumb=None,
        width=None,
        height=None,
        gps=None,
        taken_at=None,
        sha256=digest,
        phash=None,
    )


def _take_image(data: bytes, name: str, found: Type, digest: bytes, limits: Limits) -> Taken:
    try:
        drawn = draw(data, found, limits)
    except MediaRefused:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise too_many_pixels(limits) from error
    except Exception as error:
        # Decoders of hostile bytes raise nearly anything (OSError, SyntaxError, struct.error, ZeroDivisionError, ...);
        # whatever it was, the picture cannot be read.
        raise damaged() from error
    return Taken(
        kind="image",
        name=name,
        mime=found.mime,
        extension=found.extension,
        original=data,
        shown=drawn.shown,
        thumb=drawn.thumb,
        width=drawn.width,
        height=drawn.height,
        gps=drawn.gps,
        taken_at=drawn.taken_at,
        sha256=digest,
        phash=drawn.phash,
    )


def _safe_name(name: str, found: Type) -> str:
    """The sender's name without path, control and direction characters, and with the extension of the true type."""
    last = PurePosixPath(name.replace("\\", "/")).name
    visible = "".join(c if unicodedata.category(c)[0] != "C" else "" for c in unicodedata.normalize("NFC", last))
    stem = re.sub(r'[<>:"/\\|?*]+', "_", visible)
    stem = re.sub(r"\.[A-Za-z0-9]{1,5}$", "", stem).strip(" .")
    return f"{stem[:_LONGEST_NAME].strip(' .') or found.kind}{found.extension}"
