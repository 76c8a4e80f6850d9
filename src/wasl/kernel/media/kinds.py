"""What the bytes of a file are, read from the bytes alone; and whether a text may be shown."""

import codecs
import re
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from wasl.kernel.media.refusals import Kind, Limits, MediaRefused

_SAMPLE = 65_536


@dataclass(frozen=True, slots=True)
class Type:
    kind: Kind
    mime: str
    extension: str
    format: str = ""  # Pillow's name of the decoder, the only one that may then look at the bytes


_JPEG = Type("image", "image/jpeg", ".jpg", "JPEG")
_PNG = Type("image", "image/png", ".png", "PNG")
_GIF = Type("image", "image/gif", ".gif", "GIF")
_WEBP = Type("image", "image/webp", ".webp", "WEBP")
_BMP = Type("image", "image/bmp", ".bmp", "BMP")
_TIFF = Type("image", "image/tiff", ".tif", "TIFF")
_AVIF = Type("image", "image/avif", ".avif", "AVIF")
_HEIC = Type("image", "image/heic", ".heic", "HEIF")
_PDF = Type("pdf", "application/pdf", ".pdf")
_MP3 = Type("audio", "audio/mpeg", ".mp3")
_AAC = Type("audio", "audio/aac", ".aac")
_WAV = Type("audio", "audio/wav", ".wav")
_FLAC = Type("audio", "audio/flac", ".flac")
_AMR = Type("audio", "audio/amr", ".amr")
_AMR_WB = Type("audio", "audio/amr-wb", ".awb")
_OGG = Type("audio", "audio/ogg", ".ogg")
_OGV = Type("video", "video/ogg", ".ogv")
_M4A = Type("audio", "audio/mp4", ".m4a")
_WEBA = Type("audio", "audio/webm", ".weba")
_WEBM = Type("video", "video/webm", ".webm")
_MKV = Type("video", "video/x-matroska", ".mkv")
_MP4 = Type("video", "video/mp4", ".mp4")
_3GP = Type("video", "video/3gpp", ".3gp")
_MOV = Type("video", "video/quicktime", ".mov")
_AVI = Type("video", "video/x-msvideo", ".avi")
_TEXT = Type("text", "text/plain", ".txt")

_BEGINNINGS: tuple[tuple[bytes, Type], ...] = (
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


def type_of(data: bytes, limits: Limits) -> Type:
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


def _container(data: bytes, head: bytes) -> Type | None:
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


def _brand(data: bytes) -> Type:
    length = int.from_bytes(data[:4])
    major, others = data[8:12], data[16 : min(length, 256)]
    # An AVIF picture may call itself mif1 first; its own name is then among the compatible brands.
    if major in (b"mif1", b"msf1") and b"avif" in others:
        return _AVIF
    if major.startswith((b"3gp", b"3g2")):
        return _3GP
    return _BRANDS.get(major, _MP4)


def _stream(head: bytes) -> Type | None:
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


def plain(data: bytes) -> bytes | None:
    """A text that may be shown, as UTF-8; None if it holds markup, which some reader could take for a page."""
    text = _decoded(data) or ""
    return None if _MARKUP.search(text) else text.encode()
