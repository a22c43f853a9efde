"""What drives Wan-Animate: a skeleton and crops of the face, both drawn from the rig, whose pose is known exactly.

Drawn as the released preprocessing does (Wan2.2, preprocess/): 20 body points of which a portrait has eight, limbs as
ellipses at 0.6 of their colour; the face's box has 1.3 times the area of its landmarks', most of it above.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.rig import Rig
from perse_engine.head.subject import PARTS, Subject
from perse_engine.portrait.points import LEFT_IRIS, OVAL, RIGHT_IRIS
from perse_engine.scene import Camera, FloatArray
from perse_engine.synthesis.dataset import Frame

Rgb = npt.NDArray[np.uint8]
Array = npt.NDArray[Any]

NOSE, RIGHT_EAR, LEFT_EAR = 1, 234, 454
"""Landmarks."""
LIMBS = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13),
    (1, 0), (0, 14), (14, 16), (0, 15), (15, 17), (13, 18), (10, 19),
)  # fmt: skip
"""Of body points: nose, neck, right shoulder, elbow, wrist, left likewise, right hip, knee, ankle, left likewise, right
eye, left eye, right ear, left ear, left toe, right toe."""
COLOURS = (
    (255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0), (0, 255, 0), (0, 255, 85),
    (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255), (0, 0, 255), (85, 0, 255), (170, 0, 255), (255, 0, 255),
    (255, 0, 170), (255, 0, 85), (200, 200, 0), (100, 100, 0),
)  # fmt: skip
LIMB_SHADE = 0.6
SHOULDER_SHARE = 0.8
"""Of the torso's half width."""
BOX_AREA, BOX_ABOVE = 1.3, 0.75


@dataclass(frozen=True)
class Skeleton:
    """The body points of a subject as a rig of their own: their numbers in COLOURS, and a rig with one vertex each."""

    numbers: tuple[int, ...]
    rig: Rig

    @staticmethod
    def of(subject: Subject) -> Skeleton:
        """Nose, neck, shoulders, eyes and ears."""
        rig, marks = subject.look.rig, subject.landmark_vertices
        torso = np.unique(subject.look.faces[subject.look.face_part == PARTS.index("torso")])
        vertices = {
            0: int(marks[NOSE]), 14: int(marks[RIGHT_IRIS]), 15: int(marks[LEFT_IRIS]),
            16: int(marks[RIGHT_EAR]), 17: int(marks[LEFT_EAR]),
        } | {number: _shoulder(rig.vertices, torso, side) for number, side in ((2, -1), (5, 1))}  # fmt: skip
        chosen = np.array([*vertices.values(), vertices[0]])
        rest = rig.vertices[chosen].copy()
        shapes, weights = rig.shapes[:, chosen].copy(), rig.bone_weights[chosen].copy()
        # The neck is no vertex: it is where the head turns, and stays.
        rest[-1], shapes[:, -1], weights[-1] = rig.bone_pivots[1], 0, (1, 0, 0, 0)
        return Skeleton((*vertices, 1), Rig(rest, rig.shape_names, shapes, rig.bone_pivots, weights))

    def draw(self, frame: Frame) -> Rgb:
        """The body points of a frame on black, [H, W, 3]."""
        camera = frame.camera
        seen = camera.project(self.rig.posed(frame.pose, frame.expression))
        points = dict(zip(self.numbers, seen[:, :2].astype(np.float64), strict=True))
        return draw_skeleton(points, camera.width_px, camera.height_px)


def _shoulder(vertices: FloatArray, torso: Array, side: int) -> int:
    """The highest vertex of the torso so far out, -1 to the subject's right, 1 to its left."""
    reach = side * vertices[torso, 0]
    outer = torso[reach > SHOULDER_SHARE * reach.max()]
    return int(outer[vertices[outer, 1].argmax()])


def draw_skeleton(points: dict[int, Array], width: int, height: int) -> Rgb:
    """Body points by number, px [2]."""
    picture = np.zeros((height, width, 3), np.uint8)
    thick = max(min(width, height) // 200 - 1, 1)
    for (first, second), colour in zip(LIMBS, COLOURS, strict=False):
        if first in points and second in points:
            middle, way = (points[first] + points[second]) / 2, points[first] - points[second]
            axes = (int(np.linalg.norm(way) / 2), thick)
            turn = int(math.degrees(math.atan2(way[1], way[0])))
            outline = cv2.ellipse2Poly((int(middle[0]), int(middle[1])), axes, turn, 0, 360, 1)
            cv2.fillConvexPoly(picture, outline, [int(c * LIMB_SHADE) for c in colour])
    for number, (x, y) in points.items():
        cv2.circle(picture, (int(x), int(y)), thick, COLOURS[number], -1)
    return picture


def face_points(subject: Subject, frame: Frame) -> FloatArray:
    """The face's outline, px [36, 2]."""
    posed = subject.look.rig.posed(frame.pose, frame.expression)
    return frame.camera.project(posed[subject.landmark_vertices[list(OVAL)]])[:, :2]


def face_box(points: Array, camera: Camera) -> tuple[int, int, int, int]:
    """Left, top, right and bottom px of a face crop, at least one pixel of it inside the picture."""
    (left, top), (right, bottom) = points.min(0), points.max(0)
    wide, high = max(right - left, 1.0), max(bottom - top, 1.0)
    more_wide, more_high = wide * (math.sqrt(BOX_AREA) - 1), high * (math.sqrt(BOX_AREA) - 1)
    x0, x1 = left - more_wide / 2, right + more_wide / 2
    y0, y1 = top - BOX_ABOVE * more_high, bottom + (1 - BOX_ABOVE) * more_high
    x0, y0 = min(max(int(x0), 0), camera.width_px - 1), min(max(int(y0), 0), camera.height_px - 1)
    return x0, y0, min(max(int(x1), x0 + 1), camera.width_px), min(max(int(y1), y0 + 1), camera.height_px)


def face_crops(subject: Subject, frames: Sequence[Frame], pictures: Sequence[Rgb], size_px: int) -> list[Rgb]:
    """The face of each picture, stretched to a square of `size_px`."""
    crops = []
    for frame, picture in zip(frames, pictures, strict=True):
        x0, y0, x1, y1 = face_box(face_points(subject, frame), frame.camera)
        crops.append(np.asarray(cv2.resize(picture[y0:y1, x0:x1], (size_px, size_px)), np.uint8))
    return crops
