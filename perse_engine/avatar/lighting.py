"""The photo's light on an avatar's Gaussians: which way each of them faces, and its colour in that light."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.avatar.avatar import Binding, SourceLight, rest_points
from perse_engine.head.light import gains, outer_surface, soft_normals, turned
from perse_engine.head.subject import Subject
from perse_engine.scene import FloatArray, Pose

Array = npt.NDArray[Any]


def source_light(subject: Subject, binding: Binding) -> SourceLight:
    """The light of a subject's photo for Gaussians on its rig."""
    normals = soft_normals(*outer_surface(subject.look), rest_points(binding), triangle_normals(binding))
    return SourceLight(subject.source_light.astype(np.float32), normals)


def extended(light: SourceLight, binding: Binding, longer: Binding) -> SourceLight:
    """The same for a binding with more Gaussians behind its own: those face as their neighbours do."""
    count = len(binding.triangles)
    new = Binding(longer.rig, longer.triangles[count:], longer.bary[count:], longer.rest_area[count:])
    area = binding.rest_area[:, None] / 2
    known = np.hstack([light.normals * area, area])
    normals = soft_normals(rest_points(binding), known, rest_points(new), triangle_normals(new))
    return SourceLight(light.coefficients, np.vstack([light.normals, normals]))


def triangle_normals(binding: Binding) -> Array:
    """Unit normals of the Gaussians' triangles at rest, [N, 3]."""
    p = binding.rig.vertices[binding.triangles].astype(np.float64)
    normals = np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0])
    return np.asarray(normals / (np.linalg.norm(normals, axis=1, keepdims=True) + 1e-20))


def shade(colours: FloatArray, light: SourceLight, rows: Array, binding: Binding, pose: Pose, share: float) -> None:
    """Multiply colours [M, 3] of Gaussians `rows` [M], which `binding` [M] binds, by a share 0..1 of the light."""
    still = (binding.rig.bone_weights[binding.triangles, 0] * binding.bary).sum(1)
    colours *= gains(light.coefficients, turned(light.normals[rows], still, pose), share)
