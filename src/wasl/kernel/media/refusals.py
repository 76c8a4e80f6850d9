"""How much is taken, and what is said of what is not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

Kind = Literal["image", "pdf", "audio", "video", "text"]
MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What is taken, by kind in bytes (0: none of that kind); `image_pixels` is counted before anything is decoded.

    `shown_side` and `thumb_side` are the longer sides, in pixels, of the pictures that are made.
    """

    bytes_of: Mapping[Kind, int] = field(
        default_factory=lambda: MappingProxyType(
            {"image": 25 * MB, "pdf": 25 * MB, "audio": 25 * MB, "video": 100 * MB, "text": 1 * MB}
        )
    )
    image_pixels: int = 52_000_000
    shown_side: int = 2048
    thumb_side: int = 320


class MediaRefused(ValueError):
    """A file that is not taken; `sentence` tells the sender why and what to do, `code` is for programs.

    Codes: `empty`, `too_large`, `kind`, `too_many_pixels`, `damaged`, `archive`, `svg`, `heic`, `unknown`.
    """

    def __init__(self, code: str, sentence: str | Promise) -> None:
        super().__init__(code, sentence)
        self.code = code
        self.sentence = sentence

    def __str__(self) -> str:
        return str(self.sentence)


def too_large(most: int) -> MediaRefused:
    sentence = _("The file is larger than {most} MB. Please send a smaller one.")
    return MediaRefused("too_large", format_lazy(sentence, most=f"{most / MB:g}"))


def too_many_pixels(limits: Limits) -> MediaRefused:
    sentence = _("The picture has more than {most} million pixels. Please send a smaller one.")
    return MediaRefused("too_many_pixels", format_lazy(sentence, most=f"{limits.image_pixels / MB:g}"))


def damaged() -> MediaRefused:
    return MediaRefused("damaged", _("The file is damaged or was cut off on its way. Please send it again."))
