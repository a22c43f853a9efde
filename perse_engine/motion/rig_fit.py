"""Landmarks over time to weights: the driver's own rig, fitted frame by frame, so that only movement is kept.

The shape fields of the landmark mesh are solved for the driver's neutral face; a frame is explained by them, in bounded
least squares, as a displacement from that face. `read_out` makes weights of that, because the detector sees shapes also
where there are others. Irises move too little in the mesh and are measured, lids too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve_triangular
from scipy.optimize import lsq_linear

from perse_engine.errors import NoFace
from perse_engine.head.shapes import shape_fields
from perse_engine.motion.motion import CHANNELS
from perse_engine.motion.read_out import FEATURES, FITTED, read_out
from perse_engine.portrait.frames import head_axes, head_pose_deg
from perse_engine.portrait.points import LEFT_EYE, LEFT_EYEBROW, LIPS_INNER, LIPS_OUTER, OVAL, RIGHT_EYE, RIGHT_EYEBROW

Array = npt.NDArray[Any]

RIGID = (33, 133, 362, 263, 6, 168, 197, 195, 5, 4, 9, 8, 151, 10, 67, 297, 109, 338, 127, 356, 234, 454, 54, 284, 21,
         251, 98, 327)  # fmt: skip
"""Landmarks that no expression moves much."""
INTER_PUPIL_MM = 63.0
RIDGE_MM = 20.0
"""How unlikely a weight is, in mm of weighted misfit: keeps the detector's noise from becoming expressions."""
MOST = 1.5
"""A fitted weight may exceed 1: other people's smiles are wider than the rig's."""
LIDS = {
    "Left": (((387, 373), (386, 374), (385, 380)), (362, 263)),
    "Right": (((160, 144), (159, 145), (158, 153)), (33, 133)),
}
SHUT_SHARE = 0.80
"""The gap between the lids shrinks by this share, as detected, when they are shut."""
GAZE_DEG_PER_EYE = (195.0, 200.0)
"""How far the eyes turn while the iris, as detected, crosses one width of the eye: to the side, and up."""
GAZE_PER_TURN = (0.26, 0.32)
"""Degrees of gaze for each degree of head yaw and pitch: the detector draws irises towards the middle. Both pairs are
means over renders of three avatars; none of them moves the others by a tenth."""
SHUT = 0.35
"""Lids that are shut further hide the iris; what the gaze was before and after is joined."""
MAX_GAZE_DEG = 30.0
NEUTRAL_SHARE = 0.1
REST_PERCENT, REST_FRAMES = 40, 150
"""What a face shows for two fifths of a take, of so many frames at least, is how it is built."""
NOT_AT_REST = ("jawOpen", "eyeBlink")
"""Whoever talks or is tired does so most of the time; these are 0 in the driver's most neutral frames."""
PITCH_SHARE = 0.5
"""Of the pitch at rest: half of what is seen is how steep this face is built, half how the head is held."""


@dataclass(frozen=True)
class Driver:
    """The person who is followed, at rest: landmarks [478, 3] mm (eyes at the origin), lid gaps, where the irises are,
    the pitch that their face seems to have then, and the weights that it seems to have most of the time."""

    landmarks: Array
    lids: dict[str, float]
    iris: Array
    pitch_deg: float = 0.0
    rest: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def system(self) -> tuple[Array, Array]:
        """What FITTED moves, weighted, in mm, [468 * 3, FITTED], and the lower triangle of its ridge's normal equations
        (0.17 s; what a live face is followed by is reckoned once)."""
        fields = shape_fields(self.landmarks).expressions
        importance = _importance()
        columns = np.stack([(sum(fields[n] for n in names) * importance).ravel() for names in FITTED.values()], 1)
        return columns, np.linalg.cholesky(columns.T @ columns + RIDGE_MM**2 * np.eye(len(FITTED)))


def find_driver(landmarks: Array) -> Driver:
    """The neutral face of a take [frames, 478, 3]: the median of its `neutral_frames`.

    Raises:
        NoFace: there are no frames.
    """
    if len(landmarks) == 0:
        raise NoFace("No face was found in any frame.", hint="Use a take with one face, seen from the front.")
    best = neutral_frames(landmarks)
    gaps = {side: float(np.median([_lid_gap(landmarks[i], side) for i in best])) for side in LIDS}
    face = np.median([_in_head(landmarks[i]) for i in best], 0)
    iris = np.median([_iris(_aligned(landmarks[i], face)[1]) for i in best], 0)
    driver = Driver(face, gaps, iris)
    seems = float(np.median([_pitch_deg(landmarks[i], driver) for i in best]))
    driver = replace(driver, pitch_deg=PITCH_SHARE * seems)
    some = landmarks[:: max(len(landmarks) // REST_FRAMES, 1)]
    return replace(driver, rest=at_rest(read_out(fitted(driver, some))))


def neutral_frames(landmarks: Array) -> Array:
    """Indices of a take's most neutral tenth (five frames at least), the most neutral first.

    Neutral is a shut mouth, open eyes, and everything else, head too, as it is most of the time.
    """
    faces = np.stack([_in_head(p) for p in landmarks])
    gap = np.linalg.norm(faces[:, 13] - faces[:, 14], axis=1)
    lids = np.array([_lid_gap(p, "Left") + _lid_gap(p, "Right") for p in landmarks])
    rest = np.c_[np.array([head_pose_deg(p) for p in landmarks]) / 3, faces[:, 291, :2], faces[:, 61, :2]]
    rest = np.c_[rest, faces[:, (55, 285, 105, 334), 1]]
    off = [np.abs(rest - np.median(rest, 0)), np.abs(gap - np.percentile(gap, 10))[:, None]]
    off.append(np.abs(lids - np.percentile(lids, 60))[:, None])
    strange = np.concatenate(off, 1)
    score = (strange / (np.median(strange, 0) + 1e-6)).clip(0, 6).sum(1)
    return np.argsort(score)[: max(round(NEUTRAL_SHARE * len(score)), 5)]


def at_rest(weights: Mapping[str, Array]) -> dict[str, float]:
    """How the face is built, of what was told of each frame of a take: what it shows most of the time."""
    told = {name: w for name, w in weights.items() if not name.startswith(NOT_AT_REST)}
    return {name: max(float(np.percentile(w, REST_PERCENT)), 0.0) for name, w in told.items()}


def follow(driver: Driver, landmarks: Array) -> Array:
    """Channels [frames, 57] of landmarks [frames, 478, 3]: head, gaze, and what `read_out` tells."""
    features = fitted(driver, landmarks)
    heads = head_turns(driver, landmarks)
    places = np.stack([_iris(_aligned(points, driver.landmarks)[1]) - driver.iris for points in landmarks])
    gaze = places * GAZE_DEG_PER_EYE + heads[:, :2] * GAZE_PER_TURN
    return channels_of(heads, bridged(gaze, features), read_out(features), driver.rest)


def channels_of(heads: Array, gaze: Array, weights: Mapping[str, Array], rest: Mapping[str, float]) -> Array:
    """Channels [frames, 57] of `head_turns`, of gaze [frames, 2] in degrees, and of weights [frames] with what they
    are at rest."""
    rows = np.zeros((len(heads), len(CHANNELS)))
    rows[:, :3], rows[:, 3:5] = heads, gaze
    for name, told in weights.items():
        rows[:, CHANNELS.index(name)] = (told - rest.get(name, 0.0)).clip(0.0, 1.0)
    return rows


def head_turns(driver: Driver, landmarks: Array) -> Array:
    """Yaw, pitch and roll [frames, 3], degrees."""
    turns = [head_pose_deg(points) for points in landmarks]
    pitches = [_pitch_deg(points, driver) for points in landmarks]
    return np.array([(yaw, pitch, roll) for (yaw, _, roll), pitch in zip(turns, pitches, strict=True)])


def bridged(gaze: Array, features: Array) -> Array:
    """Gaze [frames, 2] within what eyes can do; where lids are shut, by `fitted`'s features, the way between the
    frames around."""
    is_open = features[:, -len(LIDS) :].max(1) < SHUT
    if not is_open.any():
        return np.zeros_like(gaze)
    frames, seen = np.arange(len(gaze)), gaze.clip(-MAX_GAZE_DEG, MAX_GAZE_DEG)
    return np.stack([np.interp(frames, frames[is_open], column[is_open]) for column in seen.T], 1)


def fitted(driver: Driver, landmarks: Array) -> Array:
    """How far each of FITTED explains each frame, 0..1.5, and how far each lid is shut: [frames, len(FEATURES)]."""
    importance = _importance()
    # A small triangular system that has the ridge's normal equations.
    columns, lower = driver.system
    rows = np.zeros((len(landmarks), len(FEATURES)))
    for row, points in zip(rows, landmarks, strict=True):
        away = (_aligned(points, driver.landmarks)[1] - driver.landmarks)[:468] * importance
        right = solve_triangular(lower, columns.T @ away.ravel(), lower=True)
        row[: len(FITTED)] = lsq_linear(lower.T, right, (0.0, MOST)).x
        row[len(FITTED) :] = [(1 - _lid_gap(points, side) / driver.lids[side]) / SHUT_SHARE for side in LIDS]
    return rows


def _pitch_deg(points: Array, driver: Driver) -> float:
    # The chin takes part in the head's axes; an open jaw would look like a nod.
    rotation = _aligned(points, driver.landmarks)[0]
    return float(-np.degrees(np.arcsin(np.clip(rotation[2, 1], -1, 1)))) - driver.pitch_deg


def _in_head(points: Array) -> Array:
    """Image landmarks in the head's own axes, mm about the middle of the eyes."""
    unit = np.linalg.norm(points[468] - points[473]) / INTER_PUPIL_MM
    own: Array = (points - points[[33, 263, 133, 362]].mean(0)) @ head_axes(points).T / unit
    return own


@dataclass(frozen=True)
class Similarity:
    """p -> scale * rotation @ (p - centre) + centre_onto."""

    rotation: Array
    scale: float
    centre: Array
    centre_onto: Array


def similarity(points: Array, onto: Array) -> Similarity:
    """What lays the rigid landmarks onto another face's (Umeyama 1991); both [478, 3]."""
    a, b = points[list(RIGID)], onto[list(RIGID)]
    centre, centre_onto = a.mean(0), b.mean(0)
    u, sizes, vt = np.linalg.svd((a - centre).T @ (b - centre_onto))
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(vt.T @ u.T))])
    rotation = vt.T @ np.diag(sign) @ u.T
    return Similarity(rotation, float((sizes * sign).sum() / ((a - centre) ** 2).sum()), centre, centre_onto)


def _aligned(points: Array, onto: Array) -> tuple[Array, Array]:
    """The rotation of `similarity`, and the moved points."""
    found = similarity(points, onto)
    return found.rotation, found.scale * (points - found.centre) @ found.rotation.T + found.centre_onto


def _importance() -> Array:
    """[468, 3]: eyes, lips and brows count, depth hardly, the outline not."""
    weights = np.full((468, 3), 0.4)
    weights[:, 2] = 0.12
    for points, weight in (((*RIGHT_EYE, *LEFT_EYE), 2.0), ((*LIPS_OUTER, *LIPS_INNER), 1.5)):
        weights[list(points), :2] = weight
    weights[[*RIGHT_EYEBROW, *LEFT_EYEBROW], :2] = 1.5
    weights[list(OVAL)] = 0.1
    return weights


def _lid_gap(points: Array, side: str) -> float:
    pairs, (a, b) = LIDS[side]
    width = np.linalg.norm(points[a] - points[b])
    return float(np.mean([np.linalg.norm(points[u, :2] - points[v, :2]) for u, v in pairs]) / width)


def _iris(aligned: Array) -> Array:
    """Mean place of the irises in the eyes' own axes, to the left and up from the middle between the corners, in widths
    of the eye: [2], of landmarks in the head's axes."""
    places = []
    for iris, right, left in ((468, 33, 133), (473, 362, 263)):
        across = (aligned[left] - aligned[right])[:2]
        away = (aligned[iris] - (aligned[left] + aligned[right]) / 2)[:2]
        up = np.array([-across[1], across[0]])
        places.append(np.array([away @ across, away @ up]) / (across @ across))
    return np.mean(places, 0)
