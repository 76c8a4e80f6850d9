import io
import random
import struct
import wave
import zipfile
import zlib
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms, ImageDraw, PngImagePlugin, TiffImagePlugin

from wasl.kernel.media import Kind, Limits, MediaRefused, Taken, take

pytestmark = pytest.mark.req("B9")


def scene(size: tuple[int, int] = (640, 480), mode: str = "RGB") -> Image.Image:
    """Sky over ground with a red mark in the upper left corner."""
    width, height = size
    picture = Image.new("RGB", size, (120, 180, 240))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, height // 2, width, height), fill=(90, 120, 60))
    draw.rectangle((0, 0, width // 4, height // 4), fill=(220, 20, 20))
    return picture.convert(mode)


def coded(picture: Image.Image, form: str = "JPEG", **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def camera_notes(**gps: object) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "SecretCam"
    exif[ExifTags.Base.Artist] = "Salim"
    notes = exif.get_ifd(ExifTags.IFD.Exif)
    notes[ExifTags.Base.DateTimeOriginal] = "2026:11:01 10:20:30"
    if gps:
        ifd = exif.get_ifd(ExifTags.IFD.GPSInfo)
        for name, value in gps.items():
            ifd[ExifTags.GPS[name].value] = value
    return exif


MUSCAT = {
    "GPSLatitudeRef": "N",
    "GPSLatitude": (23.0, 35.0, 16.8),
    "GPSLongitudeRef": "E",
    "GPSLongitude": (58.0, 22.0, 58.44),
}


def opened(data: bytes | None) -> Image.Image:
    assert data is not None
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def refused(data: bytes, name: str = "file.jpg", limits: Limits | None = None) -> str:
    with pytest.raises(MediaRefused) as refusal:
        take(data, name, limits=limits)
    assert str(refusal.value).endswith(".")
    return refusal.value.code


def assert_nothing_but_pixels(taken: Taken) -> None:
    for made in (taken.shown, taken.thumb):
        picture = opened(made)
        assert picture.format == "JPEG"
        assert picture.mode == "RGB"
        assert not dict(picture.getexif())
        assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "progressive", "progression"}


# Photos


def test_a_photo_keeps_its_original_and_shows_only_pixels() -> None:
    data = coded(scene(), exif=camera_notes(**MUSCAT), comment=b"secret comment", quality=92)
    taken = take(data, "IMG_0001.JPG")
    assert taken.kind == "image"
    assert (taken.mime, taken.extension, taken.name) == ("image/jpeg", ".jpg", "IMG_0001.jpg")
    assert taken.original == data
    assert taken.sha256 == sha256(data).digest()
    assert (taken.width, taken.height) == (640, 480)
    assert taken.gps == pytest.approx((23.588, 58.3829), abs=1e-6)
    assert taken.taken_at == datetime(2026, 11, 1, 6, 20, 30, tzinfo=UTC)
    assert b"SecretCam" in data
    assert taken.shown is not None
    assert taken.thumb is not None
    for secret in (b"SecretCam", b"Salim", b"secret comment", b"2026:11:01", b"Exif"):
        assert secret not in taken.shown
        assert secret not in taken.thumb
    assert_nothing_but_pixels(taken)
    assert opened(taken.shown).size == (640, 480)
    assert opened(taken.thumb).size == (320, 240)


def test_xmp_iptc_and_profiles_go() -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><exif:GPSLatitude>23,35N</exif:GPSLatitude></x:xmpmeta>'
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = bytearray(coded(scene(), xmp=xmp, icc_profile=profile))
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\x00\x00\x00\x00\x00\x0a\x1c\x02\x50\x00\x05Salim"
    data[2:2] = b"\xff\xed" + struct.pack(">H", len(iptc) + 2) + iptc
    taken = take(bytes(data), "a.jpg")
    assert taken.shown is not None
    assert b"GPSLatitude" not in taken.shown
    assert b"8BIM" not in taken.shown
    assert_nothing_but_pixels(taken)


@pytest.mark.parametrize("turn", range(1, 9))
def test_pixels_are_upright(turn: int) -> None:
    upright = scene((400, 300))
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[turn]) if turn in undo else upright
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = turn
    taken = take(coded(stored, exif=exif, quality=95), "a.jpg")
    assert (taken.width, taken.height) == (400, 300)
    for made in (taken.shown, taken.thumb):
        picture = opened(made)
        width, height = picture.size
        assert width > height
        red = picture.getpixel((5, 5))
        assert isinstance(red, tuple)
        assert red[0] > 180
        assert red[2] < 80
        blue, green = picture.getpixel((width - 5, 5)), picture.getpixel((width // 2, height - 5))
        assert isinstance(blue, tuple)
        assert isinstance(green, tuple)
        assert blue[2] > 200
        assert green[1] > green[2]


@pytest.mark.parametrize(
    ("gps", "expected"),
    [
        ({**MUSCAT, "GPSLatitudeRef": "S", "GPSLongitudeRef": "W"}, (-23.588, -58.3829)),
        ({**MUSCAT, "GPSLatitude": (95.0, 0.0, 0.0)}, None),
        ({**MUSCAT, "GPSLatitude": (0.0, 0.0, 0.0), "GPSLongitude": (0.0, 0.0, 0.0)}, None),
        ({**MUSCAT, "GPSLatitude": (TiffImagePlugin.IFDRational(1, 0), 0.0, 0.0)}, None),
        ({"GPSLatitude": (1.0, 2.0, 3.0)}, None),
    ],
)
def test_positions_of_cameras(gps: dict[str, object], expected: tuple[float, float] | None) -> None:
    taken = take(coded(scene(), exif=camera_notes(**gps)), "a.jpg")
    assert taken.gps == (pytest.approx(expected, abs=1e-6) if expected else None)


def test_the_offset_of_the_camera_and_the_satellites_clock_count() -> None:
    exif = camera_notes()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.OffsetTimeOriginal] = "-05:30"
    at = datetime(2026, 11, 1, 10, 20, 30, tzinfo=UTC) + timedelta(hours=5, minutes=30)
    assert take(coded(scene(), exif=exif), "a.jpg").taken_at == at
    exif = camera_notes(**MUSCAT, GPSDateStamp="2026:11:02", GPSTimeStamp=(1.0, 2.0, 3.0))
    assert take(coded(scene(), exif=exif), "a.jpg").taken_at == datetime(2026, 11, 2, 1, 2, 3, tzinfo=UTC)
    exif = camera_notes()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "0000:00:00 00:00:00"
    assert take(coded(scene(), exif=exif), "a.jpg").taken_at is None


# Pillow warns of what it skips and goes on, as it does in service.
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_broken_notes_do_not_cost_the_picture() -> None:
    data = bytearray(coded(scene(), exif=camera_notes(**MUSCAT)))
    start = data.index(b"Exif\x00\x00")
    for place in range(start + 14, start + 60):
        data[place] = 0xFF
    taken = take(bytes(data), "a.jpg")
    assert taken.shown is not None
    assert taken.gps is None


@pytest.mark.parametrize(
    ("form", "mode", "mime", "extension"),
    [
        ("PNG", "RGB", "image/png", ".png"),
        ("PNG", "RGBA", "image/png", ".png"),
        ("PNG", "P", "image/png", ".png"),
        ("PNG", "1", "image/png", ".png"),
        ("PNG", "LA", "image/png", ".png"),
        ("PNG", "I;16", "image/png", ".png"),
        ("GIF", "P", "image/gif", ".gif"),
        ("WEBP", "RGBA", "image/webp", ".webp"),
        ("BMP", "RGB", "image/bmp", ".bmp"),
        ("TIFF", "RGB", "image/tiff", ".tif"),
        ("TIFF", "CMYK", "image/tiff", ".tif"),
        ("JPEG", "CMYK", "image/jpeg", ".jpg"),
        ("JPEG", "L", "image/jpeg", ".jpg"),
        ("AVIF", "RGB", "image/avif", ".avif"),
    ],
)
def test_pictures_of_many_forms(form: str, mode: str, mime: str, extension: str) -> None:
    picture = scene(mode="L").convert("I;16") if mode == "I;16" else scene(mode=mode)
    taken = take(coded(picture, form), "wrong-name.txt")
    assert (taken.kind, taken.mime, taken.extension) == ("image", mime, extension)
    assert taken.name == f"wrong-name{extension}"
    assert_nothing_but_pixels(taken)


def test_a_png_loses_its_texts() -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", "Salim")
    taken = take(coded(scene(), "PNG", pnginfo=texts, exif=camera_notes(**MUSCAT)), "a.png")
    assert taken.gps is not None
    assert_nothing_but_pixels(taken)


def test_what_is_transparent_is_shown_on_white() -> None:
    taken = take(coded(Image.new("RGBA", (100, 100), (0, 0, 0, 0)), "PNG"), "a.png")
    assert opened(taken.shown).getpixel((50, 50)) == (255, 255, 255)


def test_of_an_animation_the_first_frame() -> None:
    frames = [Image.new("RGB", (80, 60), colour) for colour in ("red", "blue", "green")]
    for form in ("GIF", "WEBP"):
        taken = take(coded(frames[0], form, save_all=True, append_images=frames[1:]), "a.gif")
        shown = opened(taken.shown)
        assert getattr(shown, "n_frames", 1) == 1
        pixel = shown.getpixel((40, 30))
        assert isinstance(pixel, tuple)
        assert pixel[0] > 200


@pytest.mark.slow
def test_a_large_photo_is_made_smaller() -> None:
    taken = take(coded(scene((5000, 3000))), "a.jpg")
    assert (taken.width, taken.height) == (5000, 3000)
    assert opened(taken.shown).size == (2048, 1229)
    assert max(opened(taken.thumb).size) == 320


def test_a_tiny_and_a_thin_picture() -> None:
    assert take(coded(Image.new("RGB", (1, 1)), "PNG"), "a").shown
    assert take(coded(Image.new("RGB", (20_000, 1)), "PNG"), "a").shown


def test_pictures_that_look_alike_have_near_hashes() -> None:
    def bits(a: Taken, b: Taken) -> int:
        assert a.phash is not None
        assert b.phash is not None
        assert len(a.phash) == 16
        return (int(a.phash, 16) ^ int(b.phash, 16)).bit_count()

    noise = Image.effect_noise((64, 48), 90).resize((640, 480))
    one = take(coded(scene()), "a.jpg")
    same = take(coded(scene((800, 600)), "PNG"), "b.png")
    other = take(coded(noise), "c.jpg")
    assert bits(one, same) <= 6
    assert bits(one, other) > 12


# Hostile pictures


def test_a_zip_that_calls_itself_a_photo() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("evil.exe", "MZ")
    assert refused(out.getvalue(), "photo.jpg") == "archive"


def test_a_photo_with_an_archive_behind_it_is_drawn_anew() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("evil.html", "<script>alert(1)</script>")
    data = coded(scene()) + out.getvalue()
    assert zipfile.is_zipfile(io.BytesIO(data))
    taken = take(data, "photo.jpg")
    assert taken.shown is not None
    assert not zipfile.is_zipfile(io.BytesIO(taken.shown))


def test_a_gif_that_is_also_a_program() -> None:
    script = b"*/=1;alert(document.domain);//"
    picture = coded(scene((64, 64), "P"), "GIF")
    taken = take(picture[:-1] + b";" + script, "a.gif")
    for made in (taken.shown, taken.thumb):
        assert made is not None
        assert b"alert" not in made
        assert made.startswith(b"\xff\xd8\xff")
    # The classic one whose width is the beginning of a comment has no picture in it at all.
    assert refused(b"GIF89a/*" + b"\0" * 20 + script, "a.gif") in ("damaged", "too_many_pixels")


def test_a_script_in_the_notes_of_a_picture_goes() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "<script>alert(1)</script>"
    taken = take(coded(scene(), exif=exif, comment=b"<?php system($_GET[0]); ?>"), "a.php.jpg")
    assert taken.shown is not None
    assert b"<script" not in taken.shown
    assert b"<?php" not in taken.shown


def png_claiming(width: int, height: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1_000_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(10_000, 10_000), (12_000, 12_000), (30_000, 30_000), (2**31 - 1, 2**31 - 1)])
def test_bombs_are_refused_before_they_are_decoded(size: tuple[int, int]) -> None:
    assert refused(png_claiming(*size)) == "too_many_pixels"


def test_a_bomb_of_compressed_text_is_refused() -> None:
    body = b"Comment\0\0" + zlib.compress(b"a" * 50_000_000)
    chunk = struct.pack(">I", len(body)) + b"zTXt" + body + struct.pack(">I", zlib.crc32(b"zTXt" + body))
    data = coded(scene(), "PNG")
    assert refused(data[:33] + chunk + data[33:]) == "damaged"


def test_a_jpeg_of_a_thousand_scans_is_refused() -> None:
    data = coded(scene(), progressive=True)
    start = data.rindex(b"\xff\xda")
    assert refused(data[:start] + data[start:-2] * 1000 + data[-2:]) == "damaged"


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"])
def test_cut_pictures_are_refused(form: str) -> None:
    picture = Image.effect_noise((300, 200), 80)
    data = coded(picture.convert("RGB" if form != "GIF" else "P"), form)
    for share in (0.05, 0.4, 0.8):
        assert refused(data[: int(len(data) * share)]) == "damaged"


@pytest.mark.parametrize(
    "drawing",
    [
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- x -->\n<svg:svg onload="alert(1)"/>',
        '<?xml version="1.0" encoding="utf-16"?><svg>'.encode("utf-16"),
    ],
)
def test_svg_is_refused(drawing: bytes) -> None:
    assert refused(drawing, "logo.svg") == "svg"
    assert refused(drawing, "photo.png") == "svg"


def test_heic_is_refused_with_the_way_out() -> None:
    data = struct.pack(">I", 24) + b"ftypheic\0\0\0\0mif1heic" + b"\0" * 200
    with pytest.raises(MediaRefused, match="JPEG") as refusal:
        take(data, "IMG_1.HEIC")
    assert refusal.value.code == "heic"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF"]),
    st.integers(0, 2**32),
    st.integers(1, 30),
)
def test_damage_is_refused_or_drawn_and_never_anything_else(form: str, seed: int, changes: int) -> None:
    chance = random.Random(seed)
    data = bytearray(coded(scene((60, 40)), form, **({"exif": camera_notes(**MUSCAT)} if form != "BMP" else {})))
    for _ in range(changes):
        data[chance.randrange(len(data))] = chance.randrange(256)
    try:
        taken = take(bytes(data), "a")
    except MediaRefused:
        return
    if taken.kind == "image":
        assert_nothing_but_pixels(taken)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(
        [b"", b"\xff\xd8\xff", b"GIF89a", b"%PDF-", b"RIFF", b"II*\0", b"BM", b"\0\0\0\x18ftyp", b"\xff\xfe"]
    ),
    st.binary(max_size=300),
    st.text(max_size=50),
)
def test_any_bytes_and_any_name(beginning: bytes, data: bytes, name: str) -> None:
    try:
        taken = take(beginning + data, name)
    except MediaRefused:
        return
    assert taken.name.endswith(taken.extension)
    assert "/" not in taken.name


# Other kinds


def tone() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\0\0" * 800)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "kind", "mime"),
    [
        (b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n", "pdf", "application/pdf"),
        (tone(), "audio", "audio/wav"),
        (b"ID3\x04" + b"\0" * 100, "audio", "audio/mpeg"),
        (b"\xff\xfb\x90\x00" + b"\0" * 100, "audio", "audio/mpeg"),
        (b"\xff\xf1\x50\x80" + b"\0" * 100, "audio", "audio/aac"),
        (b"fLaC" + b"\0" * 100, "audio", "audio/flac"),
        (b"#!AMR\n" + b"\x3c" * 100, "audio", "audio/amr"),
        (b"OggS\0\x02" + b"\0" * 22 + b"OpusHead", "audio", "audio/ogg"),
        (b"OggS\0\x02" + b"\0" * 22 + b"\x80theora", "video", "video/ogg"),
        (b"\x1aE\xdf\xa3\x42\x82\x84webm" + b"\0" * 30 + b"A_OPUS", "audio", "audio/webm"),
        (b"\x1aE\xdf\xa3\x42\x82\x84webm" + b"\0" * 30 + b"V_VP9A_OPUS", "video", "video/webm"),
        (b"\x1aE\xdf\xa3\x42\x82\x88matroska" + b"\0" * 90 + b"V_VP9", "video", "video/x-matroska"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "video", "video/mp4"),
        (b"\0\0\0\x18ftypM4A \0\0\0\0mp42isom", "audio", "audio/mp4"),
        (b"\0\0\0\x18ftypqt  \0\0\0\0qt  ", "video", "video/quicktime"),
        (b"\0\0\0\x18ftyp3gp4\0\0\0\0isom", "video", "video/3gpp"),
        (b"RIFF\x24\0\0\0AVI LIST", "video", "video/x-msvideo"),
    ],
)
def test_other_kinds_are_handed_out_only_as_attachments(data: bytes, kind: Kind, mime: str) -> None:
    taken = take(data, "record")
    assert (taken.kind, taken.mime) == (kind, mime)
    assert taken.original == data
    assert (taken.shown, taken.thumb, taken.width, taken.phash) == (None, None, None, None)


@pytest.mark.parametrize(
    "text", ["The lamp is out.\n", "المصباح مطفأ\r\n", "路灯不亮", "a < b and c > d\t£", "BM is a bank", "ID3"]
)
def test_plain_text_is_shown(text: str) -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        taken = take(text.encode(encoding), "note.txt")
        assert (taken.kind, taken.mime, taken.shown) == ("text", "text/plain", text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "<html><body>hello",
        "hello <script>alert(1)</script>",
        "<!DOCTYPE html>",
        "<IMG SRC=x onerror=alert(1)>",
        "javascript:alert(1)",
        "<?php system(1) ?>",
        "</p>",
    ],
)
def test_text_that_holds_markup_is_not_shown(text: str) -> None:
    taken = take(text.encode(), "note.html")
    assert (taken.kind, taken.mime, taken.name) == ("text", "text/plain", "note.txt")
    assert taken.shown is None


@pytest.mark.parametrize(
    "data",
    [
        b"MZ\x90\x00" + b"\0" * 60,
        b"\x7fELF" + b"\0" * 60,
        b"\x00\x01\x02",
        b"caf\xe9",
        b"a\x1b[2Jb",
        b"{\\rtf1 hello}",
        b"\xff\xfea",
        b"RIFF\0\0\0\0XXXX",
    ],
)
def test_unknown_kinds_are_refused(data: bytes) -> None:
    assert refused(data) == "unknown"


def test_limits() -> None:
    small = Limits(bytes_of={"image": 1000, "pdf": 50, "audio": 50, "video": 5000, "text": 10}, image_pixels=100)
    assert refused(b"", limits=small) == "empty"
    assert refused(b"x" * 5001, limits=small) == "too_large"
    assert refused(b"x" * 11, limits=small) == "too_large"
    assert refused("é".encode() * 40_000, limits=Limits(bytes_of={**small.bytes_of, "video": 100_000})) == "too_large"
    assert refused(b"\0" * 11, limits=small) == "unknown"
    assert refused(b"%PDF-1.7" + b" " * 60, limits=small) == "too_large"
    assert refused(coded(Image.new("RGB", (11, 11)), "PNG"), limits=small) == "too_many_pixels"
    assert refused(coded(scene()), limits=small) == "too_large"
    for most, words in ((500_000, "0.5 MB"), (2_000_000, "2 MB")):
        with pytest.raises(MediaRefused, match=f"larger than {words}"):
            take(b"x" * 2_000_001, "a", limits=Limits(bytes_of={**small.bytes_of, "text": most, "video": most}))


def test_a_cut_pdf_is_refused() -> None:
    assert refused(b"%PDF-1.7\n1 0 obj\n") == "damaged"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd.txt"),
        ("C:\\Users\\salim\\note.docx", "note.txt"),
        ("invoice\u202etxt.exe", "invoicetxt.txt"),
        ("a\r\nSet-Cookie: x=1.txt", "aSet-Cookie_ x=1.txt"),
        ("صورة الحفرة.jpg", "صورة الحفرة.txt"),
        ("", "text.txt"),
        ("...", "text.txt"),
        (".htaccess", "htaccess.txt"),
        ("a" * 500, "a" * 120 + ".txt"),
        ("\ud800a", "a.txt"),
    ],
)
def test_names_are_made_safe(name: str, safe: str) -> None:
    assert take(b"hello", name).name == safe


def test_names_stay_apart_by_type_only() -> None:
    names = [take(data, "same").name for data in (b"text", coded(scene()), tone())]
    assert all(a != b for a, b in pairwise(names))
