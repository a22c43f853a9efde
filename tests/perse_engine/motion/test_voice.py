"""A voice moves the mouth: vowels by their formants, in time, and silence not at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from perse_engine.motion.clips import make_clip
from perse_engine.motion.voice import MOUTH, mouth_weights, voice_motion
from perse_engine.rendering.sound import RATE, Sound

Array = npt.NDArray[Any]

FORMANTS_HZ = {
    "a": (750, 1200, 2500), "e": (500, 1900, 2550), "i": (290, 2250, 2950), "o": (480, 880, 2500),
    "u": (310, 820, 2300),
}  # fmt: skip
PITCHES_HZ = (110, 150, 210)


def vowel(name: str, pitch_hz: float, seconds: float) -> Array:
    """A vowel as a row of pulses through four resonators (Klatt 1980)."""
    samples = np.zeros(round(seconds * RATE))
    samples[(np.arange(0, seconds, 1 / pitch_hz) * RATE).astype(int)] = 1.0
    for _ in range(2):
        samples = lfilter([1], [1, -0.97], samples)
    for formant_hz, width_hz in zip((*FORMANTS_HZ[name], 3500), (70, 90, 120, 180), strict=True):
        r = np.exp(-np.pi * width_hz / RATE)
        poles = [1, -2 * r * np.cos(2 * np.pi * formant_hz / RATE), r * r]
        samples = lfilter([sum(poles)], poles, samples)
    samples = np.diff(samples, prepend=0)
    return 0.3 * samples / np.abs(samples).max()


def sound_of(samples: Array) -> Sound:
    return Sound(samples[None].astype(np.float32))


def weights_of(name: str, pitch_hz: float) -> dict[str, float]:
    found = mouth_weights(sound_of(vowel(name, pitch_hz, 0.6)), np.array([0.3]))
    return {channel: float(values[0]) for channel, values in found.items()}


@pytest.mark.parametrize("pitch_hz", PITCHES_HZ)
@pytest.mark.parametrize(
    ("channel", "most", "least"),
    [("jawOpen", "a", "i"), ("mouthStretchLeft", "i", "o"), ("mouthFunnel", "o", "i"), ("mouthPucker", "u", "a")],
)
def test_each_vowel_has_its_shape(channel: str, most: str, least: str, pitch_hz: float) -> None:
    by_vowel = {name: weights_of(name, pitch_hz)[channel] for name in FORMANTS_HZ}
    # A high voice has few partials to tell the two round vowels apart by.
    best = {most, "u"} if channel == "mouthFunnel" else {most}
    assert max(by_vowel, key=lambda n: by_vowel[n]) in best, by_vowel
    assert by_vowel[most] > 0.15 and by_vowel[most] > by_vowel[least] + 0.1, by_vowel


def test_the_mouth_opens_with_the_voice_and_not_after_it() -> None:
    fps = 25.0
    loud = np.concatenate([np.zeros(RATE), vowel("a", 120, 1.0), np.zeros(RATE), vowel("a", 120, 0.4), np.zeros(RATE)])
    times = (np.arange(110) + 0.5) / fps
    jaw = mouth_weights(sound_of(loud), times)["jawOpen"]
    heard = np.array([np.abs(loud[int(t * RATE) : int(t * RATE) + RATE // 25]).max() > 0.05 for t in times[:-1]], float)
    lags = {lag: np.corrcoef(np.roll(heard, lag), jaw[:-1])[0, 1] for lag in range(-4, 5)}
    assert abs(max(lags, key=lambda n: lags[n])) <= 1, lags


def test_a_hum_closes_the_lips() -> None:
    hum = 0.2 * np.sin(2 * np.pi * 130 * np.arange(RATE) / RATE)
    found = mouth_weights(sound_of(hum), np.array([0.5]))
    assert found["mouthClose"][0] == pytest.approx(found["jawOpen"][0], abs=0.02)
    assert found["mouthPucker"][0] < 0.05


def test_only_the_mouth_is_the_voices() -> None:
    idle = make_clip("idle", seconds=2, fps=25)
    spoken = voice_motion(sound_of(np.concatenate([vowel("a", 120, 1.0), np.zeros(2 * RATE)])), idle)
    assert len(spoken.frames) == 75
    assert spoken.frames[12].pose == idle.frames[12].pose
    assert spoken.frames[12].expression["jawOpen"] > 0.3
    assert spoken.frames[60].expression["jawOpen"] == 0.0 and spoken.frames[60].pose == idle.frames[-1].pose


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 3000), st.sampled_from([0.0, 1e-5, 0.02, 1.0]), st.integers(0, 2**31), st.sampled_from([1, 2]))
def test_any_sound_gives_weights(length: int, level: float, seed: int, channels: int) -> None:
    samples = level * np.random.default_rng(seed).uniform(-1, 1, (channels, length))
    found = mouth_weights(Sound(samples.astype(np.float32)), np.array([0.0, 0.01, 5.0]))
    assert set(found) == set(MOUTH)
    for values in found.values():
        assert np.isfinite(values).all() and (values >= 0).all() and (values <= 1).all()
        assert level > 1e-4 or not values.any()
