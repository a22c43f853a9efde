"""The eyes: lids that close over them, and nothing seen past them from any side."""

from __future__ import annotations

import numpy as np
import pytest

from perse_engine.evaluation.subject.lids import BLINK, closed_lids
from perse_engine.head.eyes import lid_loop
from perse_engine.head.mesh_raster import draw
from perse_engine.head.subject import Subject
from perse_engine.portrait.points import RIGHT_EYE_LOWER, RIGHT_EYE_UPPER
from perse_engine.scene import Camera, Expression, Pose

RIGHT_CORNERS, LEFT_CORNERS = (33, 133), (362, 263)


def test_shut_lids_hide_the_eyeballs_of_a_face_that_smiled_on_its_photo(astronaut_subject: Subject) -> None:
    assert sum(astronaut_subject.source_expression[n] for n in ("mouthSmileLeft", "mouthSmileRight")) > 0.3
    lids = closed_lids(astronaut_subject)
    assert lids.gap_left_px == lids.gap_right_px == 0
    assert lids.eyeball_px == 0


def test_lids_meet_where_the_face_is_at_rest(astronaut_subject: Subject) -> None:
    rig = astronaut_subject.look.rig
    points = rig.posed(Pose(), BLINK)[astronaut_subject.landmark_vertices]
    upper, lower = points[list(RIGHT_EYE_UPPER[1:-1]), 1], points[list(RIGHT_EYE_LOWER[1:-1]), 1]
    assert (upper <= lower).all()
    assert np.abs(upper - lower).max() < 0.0025


@pytest.mark.parametrize("yaw_deg", [-45, -25, 25, 45])
@pytest.mark.parametrize("corners", [RIGHT_CORNERS, LEFT_CORNERS], ids=["right", "left"])
def test_no_view_past_an_eyeball_leads_out_of_the_head(
    corners: tuple[int, int], yaw_deg: float, astronaut_subject: Subject
) -> None:
    posed = astronaut_subject.look.rig.posed(Pose(yaw_deg=yaw_deg), Expression({}))
    loop = int(astronaut_subject.measures["head_first_vertex"]) + lid_loop(133 if corners == RIGHT_CORNERS else 362)
    target = tuple(float(v) for v in posed[loop].mean(0))
    camera = Camera.orbit(width_px=160, height_px=160, fov_deg=3.0, target=target)
    alpha = draw(astronaut_subject.look, posed, camera).rgba[..., 3]
    outline = camera.project(posed[loop])[:, :2]
    (x0, y0), (x1, y1) = np.floor(outline.min(0)).astype(int), np.ceil(outline.max(0)).astype(int)
    assert x1 - x0 > 30
    assert alpha[y0:y1, x0:x1].min() == 255
