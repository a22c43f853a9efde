"""The inside of the mouth: whole from every side, teeth with crowns, darker inwards."""

from __future__ import annotations

import numpy as np
import pytest

from perse_engine.head.mesh_raster import draw
from perse_engine.head.mouth import POUCH_SHADE, lip_loop
from perse_engine.head.subject import PARTS, Subject
from perse_engine.head.teeth import TEXELS, Arch, MouthColours, made_row
from perse_engine.scene import Camera, Expression, Pose

OPEN = Expression({"jawOpen": 0.6})
GRIN = Expression({"jawOpen": 0.5, "mouthSmileLeft": 0.7, "mouthSmileRight": 0.7})
COLOURS = MouthColours(np.array([0.8, 0.75, 0.68]), np.array([0.6, 0.33, 0.32]), np.array([0.6, 0.35, 0.33]))
ARCH = Arch(np.array([0.0, -50.0, 80.0]))


def close_up(subject: Subject, pose: Pose, expression: Expression) -> Camera:
    lips = subject.look.rig.posed(pose, expression)[subject.landmark_vertices[[13, 14, 61, 291]]].mean(0)
    return Camera.orbit(width_px=160, height_px=160, fov_deg=4.5, target=tuple(float(v) for v in lips))


@pytest.mark.parametrize("expression", [OPEN, GRIN], ids=["jaw", "grin"])
@pytest.mark.parametrize("yaw_deg", [-45, -35, 0, 35, 45])
def test_no_view_between_open_lips_leads_out_of_the_head(
    yaw_deg: float, expression: Expression, astronaut_subject: Subject
) -> None:
    pose = Pose(yaw_deg=yaw_deg)
    posed, camera = astronaut_subject.look.rig.posed(pose, expression), close_up(astronaut_subject, pose, expression)
    alpha = draw(astronaut_subject.look, posed, camera).rgba[..., 3]
    outline = camera.project(posed[lip_vertices(astronaut_subject)])[:, :2]
    x0, y0 = np.floor(outline.min(0)).astype(int)
    x1, y1 = np.ceil(outline.max(0)).astype(int)
    assert y1 - y0 > 10
    # Beyond the far corner of the mouth the cheek ends and the background may show.
    middle = slice(x0 + 3, x1 - 3)
    assert alpha[y0:y1, middle].min() == 255


def test_the_pouch_hangs_on_the_lips_whatever_they_do(astronaut_subject: Subject) -> None:
    rig, lips = astronaut_subject.look.rig, lip_vertices(astronaut_subject)
    pouch = mouth_vertices(astronaut_subject)
    for name in ("jawOpen", "mouthPucker", "mouthSmileLeft", "mouthFunnel"):
        posed = rig.posed(Pose(), Expression({name: 1.0}))
        apart = np.linalg.norm(posed[lips][:, None] - posed[pouch][None], axis=2).min(1)
        assert apart.max() < 1e-5, name


def test_a_tongue_that_is_out_has_a_round_tip(astronaut_subject: Subject) -> None:
    rig = astronaut_subject.look.rig
    out = rig.shapes[rig.shape_names.index("tongueOut")]
    tongue = np.flatnonzero(np.linalg.norm(out, axis=1) > 0.002)
    posed = rig.posed(Pose(), Expression({"tongueOut": 1.0, "jawOpen": 0.4}))[tongue]
    # Seen from the front: how wide it is near its lowest point, against its greatest width.
    height, width = posed[:, 1] - posed[:, 1].min(), np.ptp(posed[:, 0])
    assert 0.02 < width < 0.06
    assert np.ptp(posed[height < 0.0006, 0]) < 0.5 * width < np.ptp(posed[height < 0.008, 0])


def test_the_mouth_gets_darker_inwards() -> None:
    assert (np.diff(POUCH_SHADE) <= 0).all()
    assert POUCH_SHADE[-1] < 0.2 * POUCH_SHADE[0]


@pytest.mark.parametrize("is_upper", [True, False], ids=["upper", "lower"])
def test_teeth_are_single_crowns_on_an_arch(is_upper: bool) -> None:
    grid, texture = made_row(ARCH, COLOURS, is_upper=is_upper)
    middle = grid.shape[1] // 2
    assert grid[0, middle, 2] > grid[0, 0, 2] + 15
    assert texture.shape == (*TEXELS, 4)
    # Halfway up the crowns, the contacts between them are dark lines.
    row = texture[TEXELS[0] // 3, TEXELS[1] // 2 - 90 : TEXELS[1] // 2 + 90, 1]
    dips = (row[1:-1] < row[:-2]) & (row[1:-1] <= row[2:]) & (row[1:-1] < 0.8 * row.max())
    assert dips.sum() >= 5
    assert texture[0, :, 3].min() < 0.1
    assert texture[-1, :, 3].min() > 0.9


def lip_vertices(subject: Subject) -> np.ndarray:
    """Vertices of the face along the lips' edge."""
    return np.asarray(int(subject.measures["head_first_vertex"]) + lip_loop())


def mouth_vertices(subject: Subject) -> np.ndarray:
    """Vertices of what lies behind the lips."""
    look = subject.look
    return np.unique(look.faces[look.face_part == PARTS.index("mouth")])
