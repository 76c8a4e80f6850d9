"""Puts recordings of prompts where Asterisk plays them from: the rows are the truth, the files are made of them."""

from pathlib import Path

from wasl.channels.voice import sound
from wasl.channels.voice.speech import recorded_place
from wasl.services.calls.models import Prompt


def materialise(folder: Path) -> int:
    """Write what is new and take away what has no row any more; `folder` is that of the speech. Gives the changes."""
    wanted: dict[Path, Prompt] = {
        recorded_place(folder, row.language, row.text): row for row in Prompt.objects.defer("sound")
    }
    changed = 0
    for place, row in wanted.items():
        # A newer recording of the same words has the same name.
        if not place.exists() or place.stat().st_mtime < row.made_at.timestamp():
            sound.put(place, bytes(row.sound))
            changed += 1
    for place in folder.parent.glob("recorded/*/*.wav"):
        if place not in wanted:
            place.unlink(missing_ok=True)
            changed += 1
    return changed
