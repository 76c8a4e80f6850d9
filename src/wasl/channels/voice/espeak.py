"""espeak-ng as a program that speaks many texts: `python -m wasl.channels.voice.espeak`.

It reads a line of JSON for each text, `{"text": ..., "language": "ar", "output_file": ...}`, as Piper does, and writes
a wave file of 8 kHz for it. A program of its own and not a part of ours: the library is under the GPL, and if it falls
it falls alone.
"""

import ctypes
import json
import sys
from pathlib import Path
from typing import Any

import espeakng_loader
import numpy as np

from wasl.channels.voice import sound

_VOICES = {"ar": "ar", "en": "en", "zh": "cmn"}
_SYNCHRONOUS, _UTF8, _DO_NOT_EXIT = 2, 1, 0x8000
_RATE = 22_050


def start() -> Any:
    """The library, ready. Raises ValueError where it does not start."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    place = espeakng_loader.get_data_path().encode()
    if library.espeak_Initialize(_SYNCHRONOUS, 0, place, _DO_NOT_EXIT) != _RATE:
        raise ValueError("espeak-ng does not start")
    return library


def samples(library: Any, language: str, words: str) -> Any:
    """The words as samples, 8,000 a second. Raises ValueError for a voice that is not there."""
    if library.espeak_SetVoiceByName(_VOICES[language].encode()):
        raise ValueError(f"espeak-ng has no voice {_VOICES[language]}")
    heard = []
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)

    def take(wave: "ctypes._Pointer[ctypes.c_short]", count: int, _events: object) -> int:
        if count:
            heard.append(np.ctypeslib.as_array(wave, (count,)).copy())
        return 0

    callback = kind(take)
    library.espeak_SetSynthCallback(callback)
    text = words.encode() + b"\0"
    library.espeak_Synth(text, len(text), 0, 0, 0, _UTF8, None, None)
    if not heard:
        return np.zeros(sound.RATE // 10)
    # A little below full scale: filters of the line overshoot.
    return sound.narrowed(np.concatenate(heard), _RATE) * 0.8


def main() -> None:
    """Speak each line of standard input; a file is written whole or not at all."""
    library = start()
    for line in sys.stdin.buffer:
        wanted = json.loads(line)
        spoken = samples(library, wanted["language"], wanted["text"])
        sound.put(Path(wanted["output_file"]), sound.written(spoken))


if __name__ == "__main__":
    main()
