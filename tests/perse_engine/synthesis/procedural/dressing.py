"""Dressing a subject with one variant, and looking at it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.head.mesh_raster import MeshImage, draw
from perse_engine.head.subject import Subject, TexturedRig
from perse_engine.look import Look
from perse_engine.scene import Camera, Expression, Pose
from perse_engine.synthesis.procedural import ProceduralEditor
from perse_engine.synthesis.procedural.outfit import AddedPart, Outfit
from perse_engine.synthesis.procedural.procedural_editor import APPLY
from perse_engine.synthesis.procedural.worn import Worn
from perse_engine.vocabulary import REGION_LABELS, variant_spec

Array = npt.NDArray[Any]


def parts_of(subject: Subject, category: str, id: str, weight: float = 1.0) -> list[AddedPart]:
    """What one variant adds."""
    spec = variant_spec(category, id)
    assert spec is not None
    outfit = Outfit.of(subject)
    APPLY[category](outfit, Worn(((spec, weight),)))
    return outfit.parts


def dressed(subject: Subject, category: str, id: str, weight: float = 1.0) -> TexturedRig:
    """The subject with one variant."""
    return ProceduralEditor().dress(subject, Look({category: {id: weight}}))


def seen(look: TexturedRig, *, yaw_deg: float = 0.0, head_deg: float = 0.0, size_px: int = 128) -> MeshImage:
    """A small picture."""
    camera = Camera.orbit(yaw_deg, 0, width_px=size_px, height_px=size_px)
    return draw(look, look.rig.posed(Pose(yaw_deg=head_deg), Expression()), camera)


def changed(subject: Subject, category: str, id: str, weight: float, *, yaw_deg: float = 0.0) -> int:
    """How many pixels differ visibly from the source look."""
    before, after = seen(subject.look, yaw_deg=yaw_deg), seen(dressed(subject, category, id, weight), yaw_deg=yaw_deg)
    return int((np.abs(before.rgba.astype(int) - after.rgba.astype(int)).max(-1) > 8).sum())


def silhouette(subject: Subject, category: str, id: str) -> Array:
    """Where a variant's label is visible from the front and from a side."""
    look = dressed(subject, category, id)
    return np.concatenate([seen(look, yaw_deg=y).labels == REGION_LABELS[category] for y in (0.0, 30.0)])


def assert_sound(part: AddedPart) -> None:
    """Finite, no empty triangle, texels inside the texture, weights that sum to 1."""
    assert np.isfinite(part.vertices).all()
    assert part.faces.min() >= 0
    assert part.faces.max() < len(part.vertices)
    corners = part.vertices[part.faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    assert (area > 1e-13).mean() > 0.98
    height, width = part.texture.shape[:2]
    assert part.uv.min() >= 0
    assert (part.uv <= [width, height]).all()
    assert np.allclose(part.bone_weights.sum(1), 1, atol=1e-5)
    assert part.texture.min() >= 0
    assert part.texture.max() <= 1
