"""One way in for every file of every channel: what it is and what of it may be shown; where it is kept is not here.

The type is read from the content, never from the name or from what the sender says. `original` is the file as it came
and is only ever kept sealed and handed out as an attachment (`Content-Disposition: attachment`, `nosniff`), never
inline. `shown` and `thumb` are new files made from pixels or from plain text alone, so nothing that hides in the
original reaches a browser: no position, no EXIF, XMP, IPTC or ICC, no second file in one, no script.
Source: requirement B9; issue section "contacts"; OWASP File Upload Cheat Sheet.
"""

import codecs
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from io import BytesIO
from math import isfinite
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any, Literal, cast

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from PIL import ExifTags, Image, ImageCms

__all__ = ["SHOWN_IMAGE_MIME", "SHOWN_TEXT_MIME", "Kind", "Limits", "MediaRefused", "Taken", "take"]

Kind = Literal["image", "pdf", "audio", "video", "text"]
SHOWN_IMAGE_MIME = "image/jpeg"
SHOWN_TEXT_MIME = "text/plain; charset=utf-8"

_MB = 1_000_000
_LONGEST_NAME = 120
_SAMPLE = 65_536
# A photo has one scan, a progressive one about ten; thousands are a way to burn hours of a processor.
_MOST_SCANS = 200


@dataclass(frozen=True, slots=True)
class Limits:
    """What is taken, by kind in bytes; `image_pixels` is counted before anything is decoded.

    `shown_side` and `thumb_side` are the longer sides, in pixels, of the pictures that are made.
    """

    bytes_of: Mapping[Kind, int] = field(
        default_factory=lambda: MappingProxyType(
            {"image": 25 * _MB, "pdf": 25 * _MB, "audio": 25 * _MB, "video": 100 * _MB, "text": 1 * _MB}
        )
    )
    image_pixels: int = 52_000_000
    shown_side: int = 2048
    thumb_side: int = 320


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


class MediaRefused(ValueError):
    """A file that is not taken; `sentence` tells the sender why and what to do, `code` is for programs.

    Codes: `empty`, `too_large`, `too_many_pixels`, `damaged`, `archive`, `svg`, `heic`, `unknown`.
    """

    def __init__(self, code: str, sentence: str | Promise) -> None:
        super().__init__(code, sentence)
        self.code = code
        self.sentence = sentence

    def __str__(self) -> str:
        return str(self.sentence)


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
        raise _too_large(max(limits.bytes_of.values()))
    found = _type_of(data, limits)
    most = limits.bytes_of[found.kind]
    if len(data) > most:
        raise _too_large(most)
    safe_name = _safe_name(name, found)
    digest = sha256(data).digest()
    if found.kind == "image":
        return _take_image(data, safe_name, found, digest, limits)
    if found.kind == "pdf" and b"%%EOF" not in data[-4096:]:
        raise _damaged()
    return Taken(
        kind=found.kind,
        name=safe_name,
        mime=found.mime,
        extension=found.extension,
        original=data,
        shown=_plain(data) if found.kind == "text" else None,
        thumb=None,
        width=None,
        height=None,
        gps=None,
        taken_at=None,
        sha256=digest,
        phash=None,
    )


# What the bytes are


@dataclass(frozen=True, slots=True)
class _Type:
    kind: Kind
    mime: str
    extension: str
    format: str = ""  # Pillow's name of the decoder, the only one that may then look at the bytes


_JPEG = _Type("image", "image/jpeg", ".jpg", "JPEG")
_PNG = _Type("image", "image/png", ".png", "PNG")
_GIF = _Type("image", "image/gif", ".gif", "GIF")
_WEBP = _Type("image", "image/webp", ".webp", "WEBP")
_BMP = _Type("image", "image/bmp", ".bmp", "BMP")
_TIFF = _Type("image", "image/tiff", ".tif", "TIFF")
_AVIF = _Type("image", "image/avif", ".avif", "AVIF")
_HEIC = _Type("image", "image/heic", ".heic", "HEIF")
_PDF = _Type("pdf", "application/pdf", ".pdf")
_MP3 = _Type("audio", "audio/mpeg", ".mp3")
_AAC = _Type("audio", "audio/aac", ".aac")
_WAV = _Type("audio", "audio/wav", ".wav")
_FLAC = _Type("audio", "audio/flac", ".flac")
_AMR = _Type("audio", "audio/amr", ".amr")
_AMR_WB = _Type("audio", "audio/amr-wb", ".awb")
_OGG = _Type("audio", "audio/ogg", ".ogg")
_OGV = _Type("video", "video/ogg", ".ogv")
_M4A = _Type("audio", "audio/mp4", ".m4a")
_WEBA = _Type("audio", "audio/webm", ".weba")
_WEBM = _Type("video", "video/webm", ".webm")
_MKV = _Type("video", "video/x-matroska", ".mkv")
_MP4 = _Type("video", "video/mp4", ".mp4")
_3GP = _Type("video", "video/3gpp", ".3gp")
_MOV = _Type("video", "video/quicktime", ".mov")
_AVI = _Type("video", "video/x-msvideo", ".avi")
_TEXT = _Type("text", "text/plain", ".txt")

_BEGINNINGS: tuple[tuple[bytes, _Type], ...] = (
    (b"\xff\xd8\xff", _JPEG),
    (b"\x89PNG\r\n\x1a\n", _PNG),
    (b"GIF87a", _GIF),
    (b"GIF89a", _GIF),
    (b"II*\x00", _TIFF),
    (b"MM\x00*", _TIFF),
    (b"%PDF-", _PDF),
    (b"ID3\x02", _MP3),
    (b"ID3\x03", _MP3),
    (b"ID3\x04", _MP3),
    (b"fLaC", _FLAC),
    (b"#!AMR\n", _AMR),
    (b"#!AMR-WB\n", _AMR_WB),
)
_ARCHIVES = (
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"Rar!\x1a\x07",
    b"7z\xbc\xaf\x27\x1c",
    b"\x1f\x8b",
    b"BZh9",
    b"\xfd7zXZ",
    b"\xd0\xcf\x11\xe0",  # Microsoft's compound files
)
_RIFF = {b"WEBP": _WEBP, b"WAVE": _WAV, b"AVI ": _AVI}
# ISO base media "brands" (ISO/IEC 14496-12); a file of any other brand is taken for MP4.
_BRANDS = {
    b"avif": _AVIF,
    b"avis": _AVIF,
    b"heic": _HEIC,
    b"heix": _HEIC,
    b"heim": _HEIC,
    b"heis": _HEIC,
    b"hevc": _HEIC,
    b"mif1": _HEIC,
    b"msf1": _HEIC,
    b"M4A ": _M4A,
    b"M4B ": _M4A,
    b"qt  ": _MOV,
}


def _type_of(data: bytes, limits: Limits) -> _Type:
    head = data[:64]
    for beginning, found in _BEGINNINGS:
        if head.startswith(beginning):
            return found
    if head.startswith(_ARCHIVES):
        raise MediaRefused(
            "archive",
            _("Archives and office documents are not taken. Please send pictures, a PDF, a recording or plain text."),
        )
    found_inside = _container(data, head) or _stream(head)
    if found_inside is not None:
        return found_inside
    # What is too long for a text is not worth reading to its end to learn that it is one.
    whole = len(data) <= limits.bytes_of["text"]
    text = _decoded(data if whole else data[:_SAMPLE], whole=whole)
    if text is None or text.lstrip().startswith("{\\rtf"):
        raise MediaRefused(
            "unknown",
            _("This kind of file is not known here. Please send a picture, a PDF, a recording, a video or plain text."),
        )
    if re.search(r"<\s*(?:\w+:)?svg[\s>/]", text, re.IGNORECASE):
        raise MediaRefused("svg", _("SVG drawings can carry programs. Please send the picture as PNG or JPEG."))
    return _TEXT


def _container(data: bytes, head: bytes) -> _Type | None:
    """The type of what comes in one of the containers that hold several kinds."""
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _brand(data)
    if head[:4] == b"OggS":
        return _OGV if b"theora" in data[:4096] else _OGG
    if head[:4] == b"\x1aE\xdf\xa3":
        first = data[:8192]
        if b"V_" not in first and b"A_" in first:
            return _WEBA
        return _WEBM if b"webm" in first[:64] else _MKV
    return None


def _brand(data: bytes) -> _Type:
    length = int.from_bytes(data[:4])
    major, others = data[8:12], data[16 : min(length, 256)]
    # An AVIF picture may call itself mif1 first; its own name is then among the compatible brands.
    if major in (b"mif1", b"msf1") and b"avif" in others:
        return _AVIF
    if major.startswith((b"3gp", b"3g2")):
        return _3GP
    return _BRANDS.get(major, _MP4)


def _stream(head: bytes) -> _Type | None:
    """The type of what begins with no name: a bitmap's header, a frame of sound."""
    # The header size that follows tells a bitmap from a text that begins with BM.
    if head[:2] == b"BM" and head[14:18] in (b"\x0c\0\0\0", b"\x28\0\0\0", b"\x6c\0\0\0", b"\x7c\0\0\0"):
        return _BMP
    if len(head) > 3 and head[0] == 0xFF:
        # MPEG audio: 11 bits of sync, version, layer; layer 0 is AAC's (ISO/IEC 11172-3, 13818-7).
        if head[1] & 0xF6 == 0xF0:
            return _AAC
        # Layer I, which nobody uses, would also fit the mark of an UTF-16 text.
        if head[1] & 0xE0 == 0xE0 and head[1] & 0x06 in (2, 4) and head[1] & 0x18 != 0x08 and head[2] & 0xF0 != 0xF0:
            return _MP3
    return None


def _decoded(data: bytes, *, whole: bool = True) -> str | None:
    """`data` as text if it is text: UTF-8, or UTF-16 with its mark, without control characters.

    Of data that is not `whole` the last character may be cut.
    """
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(data, final=whole)
    except UnicodeDecodeError:
        return None
    if re.search("[\x00-\x08\x0b\x0e-\x1f\x7f]", text):
        return None
    return text


# HTML opens a tag only where the letter follows the sign at once; "a < b" is no tag.
_MARKUP = re.compile(r"<[a-z!/?]|javascript\s*:|&#", re.IGNORECASE)


def _plain(data: bytes) -> bytes | None:
    """A text that may be shown, as UTF-8; None if it holds markup, which some reader could take for a page."""
    text = _decoded(data) or ""
    return None if _MARKUP.search(text) else text.encode()


# Pictures


def _take_image(data: bytes, name: str, found: _Type, digest: bytes, limits: Limits) -> Taken:
    try:
        drawn = _drawn(data, found, limits)
    except MediaRefused:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels(limits) from error
    except Exception as error:
        # Decoders of hostile bytes raise nearly anything (OSError, SyntaxError, struct.error, ZeroDivisionError, ...);
        # whatever it was, the picture cannot be read.
        raise _damaged() from error
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


@dataclass(frozen=True, slots=True)
class _Drawn:
    shown: bytes
    thumb: bytes
    width: int
    height: int
    gps: tuple[float, float] | None
    taken_at: datetime | None
    phash: str


def _drawn(data: bytes, found: _Type, limits: Limits) -> _Drawn:
    Image.init()
    if found.format not in Image.OPEN:
        raise MediaRefused(
            "heic",
            _("Pictures in the HEIC form cannot be read here. Please send the picture as JPEG."),
        )
    if found is _JPEG and data.count(b"\xff\xda") > _MOST_SCANS:
        raise _damaged()
    with Image.open(BytesIO(data), formats=[found.format]) as picture:
        width, height = picture.size
        if width * height > limits.image_pixels:
            raise _too_many_pixels(limits)
        exif = _exif(picture)
        # A JPEG is decoded at a half, a quarter or an eighth of its size where that is still enough.
        picture.draft("RGB", (limits.shown_side, limits.shown_side))
        picture.load()
        upright = _upright(_on_white(_in_srgb(_within(picture, limits.shown_side))), exif)
    if exif.get(ExifTags.Base.Orientation) in (5, 6, 7, 8):
        width, height = height, width
    small = upright.copy()
    small.thumbnail((limits.thumb_side, limits.thumb_side), Image.Resampling.LANCZOS)

    # The package draws in scipy, half a second that only processes with pictures need to spend.
    import imagehash

    return _Drawn(
        shown=_jpeg(upright, 85),
        thumb=_jpeg(small, 80),
        width=width,
        height=height,
        gps=_position(exif),
        taken_at=_taken_at(exif),
        phash=str(imagehash.phash(small)),
    )


def _exif(picture: Image.Image) -> Image.Exif:
    """The camera's notes; none if they cannot be read, which is no reason to refuse the picture."""
    try:
        exif = picture.getexif()
        # Reading is lazy, so what is broken shows only now.
        exif.get_ifd(ExifTags.IFD.GPSInfo)
        exif.get_ifd(ExifTags.IFD.Exif)
    except Exception:  # noqa: BLE001  # as for pixels: hostile bytes raise nearly anything
        return Image.Exif()
    return exif


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _upright(picture: Image.Image, exif: Image.Exif) -> Image.Image:
    turn = _TURNS.get(exif.get(ExifTags.Base.Orientation, 1))
    return picture if turn is None else picture.transpose(turn)


def _within(picture: Image.Image, side: int) -> Image.Image:
    """The picture made smaller, if it is larger, before anything else costs memory; palettes and deep greys spread."""
    if picture.mode in ("I", "I;16", "I;16B", "I;16L", "I;16N", "F"):
        picture = picture.convert("F")
        low, high = cast("tuple[float, float]", picture.getextrema())
        scale = 255 / (high - low) if high > low else 0.0
        picture = picture.point(lambda value: value * scale - low * scale).convert("L")
    elif picture.mode in ("1", "P", "PA", "LA", "La"):
        picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return picture


def _on_white(picture: Image.Image) -> Image.Image:
    """A new RGB picture, on white where it was transparent, with nothing but pixels."""
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, "white")
        ground.alpha_composite(picture)
        picture = ground
    plain = Image.new("RGB", picture.size)
    plain.paste(picture.convert("RGB"))
    return plain


def _in_srgb(picture: Image.Image) -> Image.Image:
    profile = picture.info.get("icc_profile")
    if not profile or picture.mode not in ("RGB", "CMYK") or len(profile) > _MB:
        return picture
    try:
        turned = ImageCms.profileToProfile(
            picture, ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return picture
    return turned or picture


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    out = BytesIO()
    picture.save(out, "JPEG", quality=quality, optimize=True, progressive=True)
    return out.getvalue()


def _position(exif: Image.Exif) -> tuple[float, float] | None:
    """(lat, lon) in degrees from the GPS notes; None if they are missing, broken or the null of many cameras (0, 0)."""
    notes = exif.get_ifd(ExifTags.IFD.GPSInfo)
    try:
        lat = _degrees(notes[ExifTags.GPS.GPSLatitude], notes.get(ExifTags.GPS.GPSLatitudeRef), "S")
        lon = _degrees(notes[ExifTags.GPS.GPSLongitude], notes.get(ExifTags.GPS.GPSLongitudeRef), "W")
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return None
    if not (isfinite(lat) and isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180) or (lat, lon) == (0, 0):
        return None
    return round(lat, 7), round(lon, 7)


def _degrees(parts: Any, ref: Any, negative: str) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    value = degrees + minutes / 60 + seconds / 3600
    return -value if str(ref).strip("\0 ").upper() == negative else value


def _taken_at(exif: Image.Exif) -> datetime | None:
    """When the shutter opened: by the clock of the satellites if noted, else by the camera's."""
    notes = exif.get_ifd(ExifTags.IFD.Exif)
    return _satellite_time(exif) or _camera_time(
        notes.get(ExifTags.Base.DateTimeOriginal), notes.get(ExifTags.Base.OffsetTimeOriginal)
    )


def _satellite_time(exif: Image.Exif) -> datetime | None:
    notes = exif.get_ifd(ExifTags.IFD.GPSInfo)
    try:
        year, month, day = (int(part) for part in str(notes[ExifTags.GPS.GPSDateStamp]).strip("\0 ").split(":"))
        hour, minute, second = (float(part) for part in notes[ExifTags.GPS.GPSTimeStamp])
        return datetime.combine(date(year, month, day), time(int(hour), int(minute), int(second)), UTC)
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return None


def _camera_time(clock: Any, offset: Any) -> datetime | None:
    try:
        local = datetime.strptime(str(clock).strip("\0 "), "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007  # the zone comes next
    except ValueError:
        return None
    found = re.fullmatch(r"([+-])(\d\d):(\d\d)", str(offset).strip("\0 "))
    try:
        if found is None:
            return local.replace(tzinfo=timezone.get_default_timezone()).astimezone(UTC)
        shift = timedelta(hours=int(found[2]), minutes=int(found[3]))
        return (local - shift if found[1] == "+" else local + shift).replace(tzinfo=UTC)
    except (OverflowError, ValueError):
        return None


# Names and refusals


def _safe_name(name: str, found: _Type) -> str:
    """The sender's name without path, control and direction characters, and with the extension of the true type."""
    last = PurePosixPath(name.replace("\\", "/")).name
    visible = "".join(c if unicodedata.category(c)[0] != "C" else "" for c in unicodedata.normalize("NFC", last))
    stem = re.sub(r'[<>:"/\\|?*]+', "_", visible)
    stem = re.sub(r"\.[A-Za-z0-9]{1,5}$", "", stem).strip(" .")
    return f"{stem[:_LONGEST_NAME].strip(' .') or found.kind}{found.extension}"


def _too_large(most: int) -> MediaRefused:
    sentence = _("The file is larger than {most} MB. Please send a smaller one.")
    return MediaRefused("too_large", format_lazy(sentence, most=f"{most / _MB:g}"))


def _too_many_pixels(limits: Limits) -> MediaRefused:
    sentence = _("The picture has more than {most} million pixels. Please send a smaller one.")
    return MediaRefused("too_many_pixels", format_lazy(sentence, most=f"{limits.image_pixels / _MB:g}"))


def _damaged() -> MediaRefused:
    return MediaRefused("damaged", _("The file is damaged or was cut off on its way. Please send it again."))
