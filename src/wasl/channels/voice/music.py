"""What callers hear while they wait: soft chords of our own, made once by arithmetic."""

import wave
from pathlib import Path

import numpy as np

_RATE = 8000
_CHORD_S = 4.0
# Major sevenths, low and calm: frequencies in Hz.
_CHORDS = (
    (261.6, 329.6, 392.0, 493.9),
    (220.0, 261.6, 329.6, 392.0),
    (174.6, 220.0, 261.6, 329.6),
    (196.0, 246.9, 293.7, 349.2),
)


def make(folder: Path) -> None:
    """Write the music into `folder`, if it is not there."""
    place = folder / "waiting.wav"
    if place.exists():
        return
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    time = np.arange(int(_RATE * _CHORD_S)) / _RATE
    swell = np.sin(np.pi * time / _CHORD_S) ** 0.7
    parts = []
    for chord in _CHORDS * 2:
        tones = sum(np.sin(2 * np.pi * tone * time) * np.exp(-0.25 * time) for tone in chord)
        parts.append(swell * tones / len(chord))
    sound = (np.concatenate(parts) * 6000).astype("<i2")
    part = place.with_suffix(".part")
    with wave.open(str(part), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes(sound.tobytes())
    part.replace(place)
