"""A picture drawn anew from its pixels, with what its camera noted; nothing else of the original comes through."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from io import BytesIO
from math import isfinite
from typing import Any, cast

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from PIL import ExifTags, Image, ImageCms

from wasl.kernel.media.kinds import Type
from wasl.kernel.media.refusals import MB, Limits, MediaRefused, damaged, too_many_pixels

# A photo has one scan, a progressive one about ten; thousands are a way to burn hours of a processor.
_MOST_SCANS = 200


@dataclass(frozen=True, slots=True)
class Drawn:
    shown: bytes
    thumb: bytes
    width: int
    height: int
    gps: tuple[float, float] | None
    taken_at: datetime | None
    phash: str


def draw(data: bytes, found: Type, limits: Limits) -> Drawn:
    Image.init()
    if found.format not in Image.OPEN:
        raise MediaRefused(
            "heic",
            _("Pictures in the HEIC form cannot be read here. Please send the picture as JPEG."),
        )
    if found.format == "JPEG" and data.count(b"\xff\xda") > _MOST_SCANS:
        raise damaged()
    with Image.open(BytesIO(data), formats=[found.format]) as picture:
        width, height = picture.size
        if width * height > limits.image_pixels:
            raise too_many_pixels(limits)
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

    return Drawn(
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
    if not profile or picture.mode not in ("RGB", "CMYK") or len(profile) > MB:
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
