"""The poses and expressions that all clips of a dataset share, and the close-ups that only the source clip shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc

from perse_engine.scene import Camera, Expression, Gaze, Pose
from perse_engine.synthesis.dataset import Frame

Array = npt.NDArray[Any]

HEAD_YAW_DEG, HEAD_PITCH_DEG, HEAD_ROLL_DEG = 42.0, 21.0, 10.0
CAMERA_YAW_DEG, CAMERA_PITCH_DEG = 42.0, 13.0
GAZE_YAW_DEG, GAZE_PITCH_DEG = 26.0, 16.0
FOV_DEG = 18.0
CAMERA_SHARE = 0.35
"""Share of frames in which the camera moves around the head: only they show the sides of neck and shoulders."""
WIDE_FOV_DEG = 26.0
"""These are seen with the usual 18 degrees and up to this, which holds hats and shoulders whole: what no frame shows
grows wild, and is seen as soon as one zooms out."""
GOLDEN = 0.618034
"""Multiples of it, modulo 1, fill 0..1 evenly, however many there are."""
HELDOUT_SHARE = 0.15
HELDOUT_YAW_DEG, HELDOUT_PITCH_DEG = 40.0, 20.0
HELDOUT_CAMERA_YAW_DEG, HELDOUT_CAMERA_PITCH_DEG = 30.0, 9.0
"""Just inside what is trained: what no picture shows cannot be learned (docs/experiments.md, row 1)."""
HELDOUT_CHANNELS: tuple[Mapping[str, float], ...] = (
    {"jawOpen": 1.0},
    {"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0},
    {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
)
HELDOUT_ON = 0.6
"""Each of these is on in so many held-out frames, evenly up to its weight."""
CLOSE_UP_SHARE = 0.125
"""Close-ups per frame of the trajectory; the source clip shows them in addition (docs/experiments.md, Close-ups)."""
CLOSE_UP_FOV_DEG = 9.5
"""From hair to chin: nearly twice the pixels per millimetre."""

BOTH_BLINK = {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}
BOTH_SMILE = {"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0}

CHANNELS: tuple[tuple[Mapping[str, float], float], ...] = (
    ({"jawOpen": 1.0}, 0.45),
    ({"jawOpen": 1.0} | BOTH_SMILE, 0.14),
    (BOTH_BLINK, 0.35),
    ({"eyeBlinkLeft": 1.0}, 0.10),
    ({"eyeBlinkRight": 1.0}, 0.10),
    (BOTH_SMILE, 0.40),
    ({"mouthSmileLeft": 1.0}, 0.06),
    ({"mouthSmileRight": 1.0}, 0.06),
    ({"browInnerUp": 1.0, "browOuterUpLeft": 0.8, "browOuterUpRight": 0.8}, 0.22),
    ({"browInnerUp": 1.0}, 0.10),
    ({"browDownLeft": 1.0, "browDownRight": 1.0}, 0.16),
    ({"mouthPucker": 1.0}, 0.14),
    ({"mouthFunnel": 1.0}, 0.12),
    ({"mouthFrownLeft": 1.0, "mouthFrownRight": 1.0}, 0.12),
    ({"mouthStretchLeft": 0.8, "mouthStretchRight": 0.8}, 0.08),
    ({"mouthUpperUpLeft": 0.8, "mouthUpperUpRight": 0.8}, 0.10),
    ({"mouthLowerDownLeft": 0.8, "mouthLowerDownRight": 0.8}, 0.10),
    ({"eyeWideLeft": 1.0, "eyeWideRight": 1.0}, 0.10),
    ({"eyeSquintLeft": 0.8, "eyeSquintRight": 0.8, "cheekSquintLeft": 0.8, "cheekSquintRight": 0.8}, 0.10),
    ({"mouthLeft": 0.8}, 0.06),
    ({"mouthRight": 0.8}, 0.06),
    ({"mouthPressLeft": 0.8, "mouthPressRight": 0.8}, 0.06),
    ({"noseSneerLeft": 0.8, "noseSneerRight": 0.8}, 0.08),
    ({"cheekPuff": 0.8}, 0.06),
    ({"jawLeft": 0.8}, 0.04),
    ({"jawRight": 0.8}, 0.04),
    ({"jawOpen": 0.4, "tongueOut": 1.0}, 0.05),
    ({"mouthRollLower": 0.8, "mouthRollUpper": 0.8}, 0.05),
    ({"mouthShrugLower": 0.8, "mouthShrugUpper": 0.8}, 0.05),
    ({"mouthDimpleLeft": 0.8, "mouthDimpleRight": 0.8}, 0.04),
)
"""Expression and how often it is on; its amount is uniform up to the weights given. A laugh shows what neither a smile
nor an open jaw does, and by chance both are hardly ever whole."""


def make_trajectory(
    count: int, size_px: int, seed: int, source: tuple[Pose, Expression] | None = None
) -> tuple[Frame, ...]:
    """`count` frames: trained ones, then a held-out trajectory of its own, HELDOUT_SHARE of them all.

    Trained: independent draws (Sobol), the first one neutral and frontal, the second as on the photo, if given.
    Independent, not a smooth path: held-out frames are then no neighbours of trained ones. Held out: a Latin hypercube,
    so that even six frames cover yaw, pitch, jaw, smile and blink evenly, in combinations that were never trained.
    """
    held = max(1, round(HELDOUT_SHARE * count)) if count > 2 else 0
    trained = _trained(count - held, size_px, seed, source)
    return trained + _heldout(held, len(trained), size_px, seed)


def _trained(count: int, size_px: int, seed: int, source: tuple[Pose, Expression] | None) -> tuple[Frame, ...]:
    n = len(CHANNELS)
    draws = qmc.Sobol(8 + 2 * n, seed=np.random.default_rng(seed)).random(1 << max(count - 1, 1).bit_length())[:count]
    moved = 0
    frames: list[Frame] = []
    for i, u in enumerate(draws):
        expression = _expression(u[8 : 8 + n], u[8 + n :]) if i else {}
        camera_on = i > 0 and u[7] < CAMERA_SHARE
        pose = _pose(u, 0.3 if camera_on else 1.0, HEAD_YAW_DEG, HEAD_PITCH_DEG) if i else Pose()
        yaw, pitch = (_edgy(u[5], CAMERA_YAW_DEG), _edgy(u[6], CAMERA_PITCH_DEG)) if camera_on else (0.0, 0.0)
        fov = _fov(moved) if camera_on else FOV_DEG
        moved += camera_on
        if source is not None and i == 1:
            (pose, photographed), yaw, pitch, fov = source, 0.0, 0.0, FOV_DEG
            expression = dict(photographed.weights)
        camera = Camera.orbit(yaw, pitch, fov_deg=fov, width_px=size_px, height_px=size_px)
        frames.append(Frame(i, pose, Expression(expression), camera, "train"))
    return tuple(frames)


def _heldout(count: int, first: int, size_px: int, seed: int) -> tuple[Frame, ...]:
    """`count` held-out frames whose indices begin at `first`; CAMERA_SHARE of them move the camera."""
    if not count:
        return ()
    n = len(HELDOUT_CHANNELS)
    random = np.random.default_rng([seed, 2])
    draws = qmc.LatinHypercube(7 + n, seed=random).random(count)
    frames: list[Frame] = []
    for i, u in enumerate(draws):
        camera_on = i < round(CAMERA_SHARE * count)
        pose = _pose(u, 0.3 if camera_on else 1.0, HELDOUT_YAW_DEG, HELDOUT_PITCH_DEG)
        yaw = (2 * u[5] - 1) * HELDOUT_CAMERA_YAW_DEG if camera_on else 0.0
        pitch = (2 * u[6] - 1) * HELDOUT_CAMERA_PITCH_DEG if camera_on else 0.0
        expression: dict[str, float] = {}
        for weights, amount in zip(HELDOUT_CHANNELS, (u[7:] - 1 + HELDOUT_ON) / HELDOUT_ON, strict=True):
            if amount > 0:
                expression.update({name: weight * float(amount) for name, weight in weights.items()})
        camera = Camera.orbit(yaw, pitch, width_px=size_px, height_px=size_px)
        frames.append(Frame(first + i, pose, Expression(expression), camera, "heldout"))
    return tuple(frames)


def _pose(u: Array, share: float, yaw_deg: float, pitch_deg: float) -> Pose:
    gaze = Gaze(_edgy(u[3], GAZE_YAW_DEG), _edgy(u[4], GAZE_PITCH_DEG))
    return Pose(share * _edgy(u[0], yaw_deg), _edgy(u[1], pitch_deg), _edgy(u[2], HEAD_ROLL_DEG), gaze)


def close_ups(frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
    """The face nearer, in the poses of trained frames with a still camera: the first two, then the most frontal ones.

    Their indices go on after those of `frames`, a trajectory of `make_trajectory`.
    """

    def rank(frame: Frame) -> tuple[bool, float]:
        return frame.index > 1, abs(frame.pose.yaw_deg) + abs(frame.pose.pitch_deg)

    still = frames[0].camera
    usable = [f for f in frames if f.split == "train" and np.array_equal(f.camera.world_to_cam, still.world_to_cam)]
    chosen = sorted(usable, key=rank)[: max(1, round(CLOSE_UP_SHARE * len(frames)))]
    camera = Camera.orbit(fov_deg=CLOSE_UP_FOV_DEG, width_px=still.width_px, height_px=still.height_px)
    in_order = sorted(chosen, key=lambda f: f.index)
    return tuple(replace(f, index=len(frames) + k, camera=camera) for k, f in enumerate(in_order))


def _fov(k: int) -> float:
    """Degrees, of the k-th frame with a moved camera: the widest first, then evenly spread."""
    return WIDE_FOV_DEG - (WIDE_FOV_DEG - FOV_DEG) * (k * GOLDEN % 1)


def _edgy(u: float, limit: float) -> float:
    """Map 0..1 to -limit..limit, denser towards 0 but reaching the ends."""
    x = 2 * u - 1
    return float(limit * x * (0.55 + 0.45 * abs(x)))


def _expression(on: np.ndarray, amount: np.ndarray) -> dict[str, float]:
    out: dict[str, float] = {}
    for (weights, chance), u, a in zip(CHANNELS, on, amount, strict=True):
        if u < chance:
            for name, weight in weights.items():
                out[name] = min(1.0, out.get(name, 0.0) + weight * float(a))
    return out
