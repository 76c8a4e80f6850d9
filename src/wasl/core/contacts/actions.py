"""Keeping files of contacts: through the one media pipeline into storage, the original sealed (B9)."""

import io

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from wasl.core.contacts.models import Attachment
from wasl.core.organisation import queries
from wasl.kernel import clock, media, seal

MOST_FILES = 10


def keep(data: bytes, name: str) -> Attachment:
    """Take a file of any channel: checked, cleaned, stored. Gives the row, unsaved; a verb hangs it on its contact.

    The files are stored first; a verb that fails leaves them without a row, and the sweep takes them away after a day.
    Raises media.MediaRefused with a sentence for the person who sent it.
    """
    taken = media.take(data, name, limits=limits())
    made = Attachment(
        kind=str(taken.kind),
        name=taken.name[-150:],
        mime=taken.mime,
        size=len(taken.original),
        sha256=taken.sha256,
        width=taken.width,
        height=taken.height,
        taken_at=taken.taken_at,
        phash=taken.phash or "",
        position_sealed=seal.seal(f"{taken.gps[0]},{taken.gps[1]}") if taken.gps else None,
    )
    folder = f"{clock.now():%Y/%m/%d}/{made.pk}"
    made.original = default_storage.save(f"{folder}/original", ContentFile(seal.seal_bytes(taken.original)))
    if taken.shown is not None:
        made.shown = default_storage.save(f"{folder}/shown", ContentFile(taken.shown))
    if taken.thumb is not None:
        made.thumb = default_storage.save(f"{folder}/thumb", ContentFile(taken.thumb))
    return made


def limits() -> media.Limits:
    """What this house takes: the bounds of the pipeline, and within them what its administrator has set."""
    usual = media.Limits()
    set_here = queries.the_house().media
    return media.Limits(bytes_of={kind: set_here.get(kind, most) for kind, most in usual.bytes_of.items()})


def most_files() -> int:
    """How many files come with one report or one addition."""
    found: int = queries.the_house().media.get("files", MOST_FILES)
    return found


def original_of(attachment: Attachment) -> io.BytesIO:
    """The sealed original, opened; who may ask is decided by the caller's query."""
    with default_storage.open(attachment.original) as file:
        return io.BytesIO(seal.unseal_bytes(file.read()))
