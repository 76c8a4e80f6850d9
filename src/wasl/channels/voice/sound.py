"""Sound as the telephone has it: 8,000 samples a second, 16 bits, one channel; other wave files are made so."""

import io
import os
import wave
from pathlib import Path
from typing import Any, Final

import numpy as np

RATE: Final = 8_000
_CUT_HZ, _TAPS, _BLOCK = 3_600, 48, 16_000
_RATES = range(8_000, 96_001)
_LOUDEST = 32_000

Samples = "np.ndarray[Any, np.dtype[np.float64]]"


class BadSound(ValueError):
    """It is no wave file that can be made fit; says why, in English, for the caller to tell his way."""


def telephone(data: bytes) -> tuple[bytes, float]:
    """A wave file (PCM of 8, 16, 24 or 32 bits, one or two channels) as the telephone has it, and its seconds.

    Raises BadSound.
    """
    try:
        with wave.open(io.BytesIO(data)) as file:
            rate, channels, width = file.getframerate(), file.getnchannels(), file.getsampwidth()
            raw = file.readframes(file.getnframes())
    except (wave.Error, EOFError, ValueError) as error:
        raise BadSound("not a wave file with plain samples") from error
    if rate not in _RATES or channels not in (1, 2) or width not in (1, 2, 3, 4):
        raise BadSound("a rate or a number of channels that nobody uses")
    samples = _samples(raw[: len(raw) // (width * channels) * width * channels], width)
    if channels == 2:
        samples = samples.reshape(-1, 2).mean(axis=1)
    if rate != RATE:
        samples = narrowed(samples, rate)
    return written(samples), len(samples) / RATE


def _samples(raw: bytes, width: int) -> Any:
    if width == 1:
        return (np.frombuffer(raw, np.uint8).astype(np.float64) - 128) * 256
    if width == 2:
        return np.frombuffer(raw, "<i2").astype(np.float64)
    if width == 4:
        return np.frombuffer(raw, "<i4").astype(np.float64) / 65_536
    three = np.frombuffer(raw, np.uint8).reshape(-1, 3)
    return three[:, 1].astype(np.float64) + three[:, 2].astype(np.int8).astype(np.float64) * 256


def written(samples: Any) -> bytes:
    """Samples at the telephone's rate as a wave file."""
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.clip(samples, -_LOUDEST, _LOUDEST).astype("<i2").tobytes())
    return made.getvalue()


def tone() -> bytes:
    """What he hears before he is recorded: 1,400 Hz for a third of a second, as answering machines have it."""
    times = np.arange(RATE // 3) / RATE
    edge = np.minimum(1, np.minimum(times, times[::-1]) * 100)
    return written(8_000 * edge * np.sin(2 * np.pi * 1_400 * times))


def put(place: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = place.with_name(f"{place.name}.{os.getpid()}.{id(data)}.part")
    try:
        part.write_bytes(data)
        part.replace(place)
    except OSError:
        # Where there is no room, what was begun must not take it.
        part.unlink(missing_ok=True)
        raise


def narrowed(wide: Any, rate: int) -> Any:
    """Samples at the telephone's rate: each is a windowed sinc over its neighbours, cut where the line ends.

    scipy has it too, and takes two seconds to load for it.
    """
    padded = np.pad(np.asarray(wide, np.float64), _TAPS)
    times = np.arange(0, len(wide), rate / RATE) + _TAPS
    cut = min(1.0, 2 * _CUT_HZ / rate)
    return np.concatenate([_block(padded, times[n : n + _BLOCK], cut) for n in range(0, len(times), _BLOCK)] or [times])


def _block(padded: Any, times: Any, cut: float) -> Any:
    near = np.floor(times).astype(int)[:, None] + np.arange(1 - _TAPS // 2, 1 + _TAPS // 2)
    away = times[:, None] - near
    weights = cut * np.sinc(cut * away) * (0.5 + 0.5 * np.cos(2 * np.pi * away / _TAPS))
    return np.einsum("ij,ij->i", padded[near], weights)
