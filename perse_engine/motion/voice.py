"""A voice -> the movements of a mouth, reckoned from the sound alone. The mapping: docs/reference/motion.md.

Loudness says how far the mouth is open, the two lowest formants say its shape: the first grows with the jaw, the second
falls as the lips become round. Neither knows a language, and consonants are told by little more than their pauses.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d
from scipy.signal import resample_poly

from perse_engine.errors import InvalidValue
from perse_engine.motion.motion import CHANNELS, MAX_FRAMES, Motion, motion_of
from perse_engine.rendering.sound import RATE, Sound

Array = npt.NDArray[Any]

VOICE_RATE = 16_000
HOP, WINDOW, TRANSFORM = 160, 640, 1024
"""A spectrum every 10 ms, of 40 ms: some periods of the deepest voice."""
SMOOTH_S = 0.035
"""Standard deviation of the Gaussian over time; it is centred, so that lips are never late."""
SILENT_DB = -55.0
"""Of full scale. A file whose loud parts are below is taken for silence."""
RANGE_DB = 30.0
"""Speech lies within this range below its loud parts."""
F1_HZ, F1_BAND_HZ = (330.0, 700.0), (200.0, 950.0)
F2_HZ, F2_BAND_HZ = (1_050.0, 2_100.0), (800.0, 2_700.0)
"""Shut and open; round and spread; and where each formant is looked for. Means of men and women, Peterson and Barney
1952, moved to where the centre of a band comes to lie."""
HISS_HZ = 3_800.0
MOUTH = ("jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthStretchLeft", "mouthStretchRight")


def voice_motion(sound: Sound, beneath: Motion) -> Motion:
    """`beneath`, a motion such as the clip idle, with the mouth that goes with a voice; as long as the sound.

    Frames beyond the end of `beneath` repeat its last one.

    Raises:
        InvalidValue: the sound is too long for a motion.
    """
    count = max(round(sound.duration_s * beneath.fps), 1)
    if count > MAX_FRAMES:
        raise InvalidValue(f"The sound has {sound.duration_s:.0f} s; a motion has at most {MAX_FRAMES} frames.")
    below = beneath.channels()
    rows = below[np.minimum(np.arange(count), len(below) - 1)]
    times = (np.arange(count) + 0.5) / beneath.fps
    for name, weights in mouth_weights(sound, times).items():
        rows[:, CHANNELS.index(name)] = weights
    return motion_of(beneath.fps, rows, looks=beneath.looks)


def mouth_weights(sound: Sound, times_s: Array) -> dict[str, Array]:
    """Weights 0..1 of MOUTH at these times; all 0 where it is silent."""
    spectra = _spectra(resample_poly(sound.mono().astype(np.float64), 1, RATE // VOICE_RATE))
    frequencies = np.fft.rfftfreq(TRANSFORM, 1 / VOICE_RATE)
    loudness = _loudness(spectra)
    jaw = _between(_centre(spectra, frequencies, F1_BAND_HZ), F1_HZ)
    spread = _between(_centre(spectra, frequencies, F2_BAND_HZ), F2_HZ)
    power = spectra**2
    total = power.sum(1) + 1e-12
    hiss = _between(power[:, frequencies > HISS_HZ].sum(1) / total, (0.2, 0.6))
    # Of m and n nearly everything is below the first formant of any vowel.
    hum = _between(power[:, frequencies < 450.0].sum(1) / total, (0.93, 0.99))
    round_lips = (1.0 - spread) * (1.0 - jaw)
    opened = loudness * (0.14 + 0.5 * jaw) * (1.0 - 0.6 * hiss)
    half = 4.0 * jaw * (1.0 - jaw)
    rows = {
        "jawOpen": opened,
        "mouthClose": opened * hum,
        "mouthFunnel": loudness * (1.0 - spread) * (1.0 - hiss) * half * 0.5,
        "mouthPucker": loudness * round_lips * (1.0 - hiss) * (1.0 - hum) * 0.6,
        "mouthStretchLeft": loudness * np.maximum(spread * (1.0 - jaw), 0.5 * hiss) * 0.4,
    }
    rows["mouthStretchRight"] = rows["mouthStretchLeft"]
    at = np.arange(len(spectra)) * HOP / VOICE_RATE
    smooth = {name: gaussian_filter1d(row, SMOOTH_S * VOICE_RATE / HOP, mode="constant") for name, row in rows.items()}
    return {name: np.interp(times_s, at, smooth[name]).clip(0.0, 1.0) for name in MOUTH}


def _spectra(samples: Array) -> Array:
    """Magnitudes [windows, TRANSFORM / 2 + 1] of windows centred every HOP samples."""
    padded = np.pad(samples, WINDOW // 2 + HOP)
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[HOP : HOP + len(samples) + 1 : HOP]
    spectra: Array = np.abs(np.fft.rfft(windows * np.hanning(WINDOW), TRANSFORM)) / (WINDOW / 4)
    return spectra


def _loudness(spectra: Array) -> Array:
    """0..1 of each window, against the file's own loud parts."""
    level = 10.0 * np.log10((spectra**2).sum(1) + 1e-12)
    loud = float(np.percentile(level, 95))
    if loud < SILENT_DB:
        return np.zeros(len(level))
    return _between(level, (loud - RANGE_DB, loud))


def _centre(spectra: Array, frequencies: Array, band_hz: tuple[float, float]) -> Array:
    """Where the weight of a band lies, Hz; squares let the partials near a formant decide."""
    inside = (frequencies >= band_hz[0]) & (frequencies <= band_hz[1])
    weights = spectra[:, inside] ** 2 * frequencies[inside]
    centre: Array = (weights @ frequencies[inside]) / (weights.sum(1) + 1e-12)
    return centre


def _between(values: Array, ends: tuple[float, float]) -> Array:
    share: Array = ((values - ends[0]) / (ends[1] - ends[0])).clip(0.0, 1.0)
    return share
