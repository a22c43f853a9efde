"""A take of anybody -> Motion: landmarks, the driver's rig, bridging, smoothing without lag."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from perse_engine.errors import CorruptFile, NoFace
from perse_engine.motion.motion import CHANNELS, MAX_FRAMES, Motion, motion_of
from perse_engine.motion.picture_fit import FaceCrop, PictureFit, crop_face
from perse_engine.motion.picture_table import GAZE_DEG_PER_MM, GAZE_PER_TURN, PICTURE_FEATURES, PICTURE_TABLE
from perse_engine.motion.read_out import read_out
from perse_engine.motion.rig_fit import (
    Driver,
    at_rest,
    bridged,
    channels_of,
    find_driver,
    fitted,
    head_turns,
    neutral_frames,
)
from perse_engine.motion.take import TakeFrame
from perse_engine.portrait.landmarks import face_models, square_crop
from perse_engine.progress import Progress

Array = npt.NDArray[Any]

STAGE = "capture"
SMOOTH_S, SMOOTH_LIDS_S = 0.045, 0.018
"""Standard deviations of the Gaussian over time; a blink is too short for more."""
SURE_YAW_DEG, UNSURE_YAW_DEG = 20.0, 60.0
LEAST_SEEN = 0.1
MOST_RESTING = 25
"""Frames whose median is the driver's resting picture."""


def capture(frames: Iterable[TakeFrame], fps: float, progress: Progress) -> Motion:
    """Follow one face. Frames without a face are bridged linearly and have confidence 0; seen ones 0.1..1, less the
    further the head is turned. Told are head pose, gaze, blinks, jawOpen, mouthSmile, mouthPucker, browInnerUp,
    browOuterUp and browDown; everything else stays 0. Keeps 72 KiB a frame until it is done.

    Raises:
        NoFace: no frame shows a face.
        CorruptFile: times that do not grow, or a take that is too long.
        Cancelled: from `progress`.
    """
    times, seen = [], []
    faces: list[FaceCrop] = []
    points: list[Array] = []
    for index, frame in enumerate(frames):
        progress.report(STAGE, index, 2 * max(frame.total, index + 1))
        times.append(frame.time_s)
        found = find_landmarks(frame.rgb)
        seen.append(found is not None)
        if found is not None:
            points.append(found)
            faces.append(crop_face(frame.rgb, found))
    if not points:
        raise NoFace("No face was found in any frame.", hint="Use a take with one face, seen from the front.")
    if (np.diff(times) <= 0).any() or round(times[-1] * fps) >= MAX_FRAMES:
        raise CorruptFile(f"The take's times do not grow, or it is longer than {MAX_FRAMES} frames.")
    rows = _follow(np.stack(points), faces, progress)
    known = np.array(times)[seen]
    grid = np.arange(round(times[-1] * fps) + 1) / fps
    even = np.stack([np.interp(grid, known, column) for column in rows.T], 1)
    nearest = _nearest(times, grid)
    return motion_of(fps, smoothed(even, fps), np.where(np.array(seen)[nearest], sureness(even[:, 0]), 0.0))


def _follow(landmarks: Array, faces: Sequence[FaceCrop], progress: Progress) -> Array:
    """Channels [frames, 57] of a whole take."""
    driver = find_driver(landmarks)
    moved = fitted_pictures(driver, landmarks, faces, progress)
    features = fitted(driver, landmarks)
    heads = head_turns(driver, landmarks)
    gaze = moved[:, -2:] * GAZE_DEG_PER_MM + heads[:, :2] * GAZE_PER_TURN
    weights = read_out(np.c_[features, moved[:, :-2]], PICTURE_TABLE, PICTURE_FEATURES)
    return channels_of(heads, bridged(gaze, features), weights, at_rest(weights))


def fitted_pictures(driver: Driver, landmarks: Array, faces: Sequence[FaceCrop], progress: Progress) -> Array:
    """`PictureFit.features` of each frame, [frames, len(FITTED) + 2]."""
    fit = PictureFit(driver, [faces[i] for i in neutral_frames(landmarks)[:MOST_RESTING]])
    rows = []
    for index, face in enumerate(faces):
        progress.report(STAGE, len(faces) + index, 2 * len(faces))
        rows.append(fit.features(face))
    return np.stack(rows)


def sureness(yaw_deg: Array) -> Array:
    """The confidence of seen faces, 0.1..1, less the further they are turned."""
    sure: Array = np.clip(1 - (np.abs(yaw_deg) - SURE_YAW_DEG) / (UNSURE_YAW_DEG - SURE_YAW_DEG), LEAST_SEEN, 1.0)
    return sure


def find_landmarks(rgb: npt.NDArray[np.uint8]) -> Array | None:
    """[478, 3] px; a face that is too small for the mesh model's own detector is looked for by the other one."""
    models = face_models()
    found = models.landmarks(np.ascontiguousarray(rgb))
    if found is not None:
        return found
    for detection in models.detect(rgb)[:1]:
        box = detection.box
        middle = np.array([box.x_px + box.width_px / 2, box.y_px + box.height_px / 2])
        crop, matrix = square_crop(rgb, middle, 2.2 * max(box.width_px, box.height_px), 512)
        inside = models.landmarks(crop)
        if inside is not None:
            back = cv2.invertAffineTransform(matrix)
            return np.c_[inside[:, :2] @ back[:, :2].T + back[:, 2], inside[:, 2] * back[0, 0]]
    return None


def _nearest(times: list[float], grid: Array) -> Array:
    if len(times) == 1:
        return np.zeros(len(grid), int)
    after = np.clip(np.searchsorted(times, grid), 1, len(times) - 1)
    before_is_nearer = grid - np.array(times)[after - 1] <= np.array(times)[after] - grid
    return np.where(before_is_nearer, after - 1, after)


def smoothed(rows: Array, fps: float) -> Array:
    lids = [i for i, name in enumerate(CHANNELS) if name.startswith("eyeBlink")]
    out: Array = gaussian_filter1d(rows, SMOOTH_S * fps, axis=0, mode="nearest")
    out[:, lids] = gaussian_filter1d(rows[:, lids], SMOOTH_LIDS_S * fps, axis=0, mode="nearest")
    return out
