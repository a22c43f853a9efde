"""Do the lids close: measured on the posed mesh, because the landmark model guesses closed eyes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.evaluation.subject.judge import judge_camera
from perse_engine.head.mesh_raster import draw
from perse_engine.head.subject import Subject
from perse_engine.portrait.points import LEFT_EYE_LOWER, LEFT_EYE_UPPER, RIGHT_EYE_LOWER, RIGHT_EYE_UPPER
from perse_engine.scene import Expression, Pose
from perse_engine.vocabulary import REGION_LABELS

Array = npt.NDArray[Any]

BLINK = Expression({"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0})
EYEBALL = (REGION_LABELS["sclera"], REGION_LABELS["iris"])
COLUMNS = 33


@dataclass(frozen=True)
class ClosedLids:
    """At eyeBlink 1, on a picture of 512 px: the largest open gap between the lids' edges (0: closed), and how many
    pixels still show an eyeball, both eyes together."""

    gap_left_px: float
    gap_right_px: float
    eyeball_px: int


def closed_lids(subject: Subject) -> ClosedLids:
    """Close both eyes and look."""
    camera = judge_camera()
    posed = subject.look.rig.posed(Pose(), BLINK)
    points = camera.project(posed[subject.landmark_vertices])[:, :2]
    labels = draw(subject.look, posed, camera, subject.look.texture_for(BLINK)).labels
    return ClosedLids(
        open_gap_px(points, LEFT_EYE_UPPER, LEFT_EYE_LOWER),
        open_gap_px(points, RIGHT_EYE_UPPER, RIGHT_EYE_LOWER),
        int(np.isin(labels, EYEBALL).sum()),
    )


def open_gap_px(points: Array, upper: tuple[int, ...], lower: tuple[int, ...]) -> float:
    """Largest height of the lower edge below the upper one between the eye's corners; 0 if they meet or overlap."""
    corners = points[[upper[0], upper[-1]], 0]
    x = np.linspace(corners.min(), corners.max(), COLUMNS)
    heights = [np.interp(x, *points[sorted(edge, key=lambda i: points[i, 0])].T) for edge in (upper, lower)]
    return float(max((heights[1] - heights[0]).max(), 0.0))
