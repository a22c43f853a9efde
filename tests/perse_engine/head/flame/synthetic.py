"""A model in FLAME's format that is nobody's: our landmark mesh, bent, with a skull, two eyeballs and five joints.

Landmark i is vertex i of it, so a test knows what `embed_landmarks` should find.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.head.flame.embedding import canonical_landmarks
from perse_engine.head.flame.model import EXPRESSIONS, SHAPES
from perse_engine.head.sampling import grid_faces
from perse_engine.head.shapes import shape_fields
from perse_engine.head.subdivision import boundary_loops, loop_subdivision
from perse_engine.portrait.topology import load_topology

Array = npt.NDArray[Any]

RINGS = 10
EYES_MM = {"right": (-31.0, -0.5, -12.5), "left": (31.0, -0.5, -12.5)}
LID_SHAPES = ("eyeBlink", "eyeSquint", "eyeWide", "eyeLook", "jaw", "mouthClose")
ORIGIN_M = np.array([0.002, 0.03, -0.05])
NODS_DEG = 4.0


def synthetic_flame(bend: float = 1.0) -> dict[str, Array]:
    """Arrays under the names of FLAME's files; `bend` says how far its face is from the canonical one."""
    landmarks = bent(canonical_landmarks(), bend)
    operator, faces = loop_subdivision(load_topology().faces, 468)
    face = np.asarray(operator @ landmarks)
    rim = max(boundary_loops(faces), key=len)
    skull, skull_faces = _skull(face, rim)
    right, left = (_eyeball(np.array(c)) for c in EYES_MM.values())
    parts = [face, skull, right[0], left[0]]
    starts = np.cumsum([0] + [len(p) for p in parts])
    vertices = np.vstack(parts)
    all_faces = np.vstack([faces, skull_faces, right[1] + starts[2], left[1] + starts[3]])
    fields = shape_fields(_with_irises(landmarks))
    follow = _following(face, skull)
    weights = _weights(operator, fields.expressions["jawOpen"], fields.jaw_hinge, landmarks, starts)
    return {
        "v_template": to_flame(vertices),
        "shapedirs": _directions(vertices, operator, fields.expressions, follow, starts) / 1000,
        "posedirs": _pose_directions(vertices),
        "J_regressor": _regressor(vertices, starts, fields.jaw_hinge),
        "weights": weights,
        "f": all_faces.astype(np.uint32),
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], [0, 1, 2, 3, 4]], np.uint32),
    }


def bent(points: Array, amount: float) -> Array:
    """Another face, mm: wider, with a longer chin and a smaller nose."""
    x, y, _ = points.T
    chin = np.clip(-(y + 60) / 50, 0, 1) ** 2
    nose = np.exp(-((x / 14) ** 2) - ((y + 30) / 16) ** 2)
    shift = np.stack([0.05 * x * np.clip(-y / 60, 0, 1), -5 * chin, 3 * chin - 3 * nose + 2 * np.sin(y / 35)], 1)
    return points + amount * shift


def to_flame(points: Array) -> Array:
    """Our mm to the model's own frame in metres, which nods a little."""
    return points / 1000 @ _nod().T + ORIGIN_M


def _nod() -> Array:
    c, s = np.cos(np.radians(NODS_DEG)), np.sin(np.radians(NODS_DEG))
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def _with_irises(landmarks: Array) -> Array:
    return np.vstack([landmarks, np.zeros((10, 3))])


def _skull(face: Array, rim: list[int]) -> tuple[Array, npt.NDArray[np.int64]]:
    """Rings from the face's rim to the back of the head, with the rim itself as the first."""
    share = np.linspace(0, 1, RINGS + 1)[1:, None, None]
    start, back = face[rim][None], np.array([0, -10.0, -150])
    out = start * (1 - share) + back * share
    middle = np.array([0, -20.0, -60])
    out = middle + (out - middle) * (1 + 0.45 * np.sin(np.pi * share))
    grid = grid_faces(RINGS + 1, len(rim) + 1).astype(np.int64)
    row, column = grid // (len(rim) + 1), grid % (len(rim) + 1) % len(rim)
    index = np.where(row == 0, np.array(rim)[column], len(face) + (row - 1) * len(rim) + column)
    return out.reshape(-1, 3), index


def _eyeball(centre: Array) -> tuple[Array, npt.NDArray[np.int64]]:
    angle, turn = np.meshgrid(np.linspace(0.02, np.pi - 0.02, 9), np.linspace(0, 2 * np.pi, 16), indexing="ij")
    ball = np.stack([np.sin(angle) * np.cos(turn), np.sin(angle) * np.sin(turn), np.cos(angle)], -1)
    return (centre + 15 * ball).reshape(-1, 3), grid_faces(9, 16)[:, ::-1].astype(np.int64)


def _following(face: Array, skull: Array) -> Array:
    """Which face vertex each skull vertex moves with, and how much: [S], [S]."""
    nearest = np.linalg.norm(skull[:, None] - face[None], axis=2).argmin(1)
    distance = np.linalg.norm(skull - face[nearest], axis=1)
    return np.stack([nearest, np.exp(-distance / 15)])


def _directions(vertices: Array, operator: Any, fields: Any, follow: Array, starts: Array) -> Array:
    random = np.random.default_rng(3)
    out = random.normal(0, 1e-5, (len(vertices), 3, SHAPES + EXPRESSIONS))
    u = (vertices - vertices.mean(0)) / 100
    terms = [u[:, 0] ** i * u[:, 1] ** j * u[:, 2] ** k for i in range(4) for j in range(4) for k in range(4)
             if 0 <= i + j + k <= 3]  # fmt: skip
    for n, (term, axis) in enumerate((t, a) for t in terms for a in range(3)):
        out[:, axis, n] += 3 * term / (1 + np.abs(term).max()) / (1 + 0.1 * n)
    names = [n for n in fields if not n.startswith(LID_SHAPES)]
    stack = np.stack([np.asarray(operator @ fields[n]).ravel() for n in names])
    _, sizes, components = np.linalg.svd(stack, full_matrices=False)
    scale = sizes / np.sqrt(len(names)) * 2
    for n, (component, size) in enumerate(zip(components[:EXPRESSIONS], scale, strict=False)):
        own = component.reshape(-1, 3) * size
        out[: starts[1], :, SHAPES + n] += own
        out[starts[1] : starts[2], :, SHAPES + n] += own[follow[0].astype(int)] * follow[1][:, None]
    return np.einsum("ab,vbk->vak", _nod(), out)


def _pose_directions(vertices: Array) -> Array:
    random = np.random.default_rng(4)
    u = (vertices - vertices.mean(0)) / 100
    smooth = np.stack([np.ones(len(u)), u[:, 0], u[:, 1], u[:, 2]], 1)
    return np.einsum("vi,ick->vck", smooth, random.normal(0, 3e-4, (4, 3, 36)))


def _weights(operator: Any, opened: Array, hinge: Array, landmarks: Array, starts: Array) -> Array:
    """The jaw's share from how far jawOpen moves a landmark, of how far the bone would."""
    reach = np.linalg.norm((landmarks - hinge)[:, 1:], axis=1) * 2 * np.sin(np.radians(8.5))
    jaw = np.asarray(operator @ np.clip(np.linalg.norm(opened, axis=1) / np.maximum(reach, 1), 0, 1))
    weights = np.zeros((starts[-1], 5))
    weights[: starts[1], 2] = jaw
    weights[: starts[2], 1] = 1 - weights[: starts[2], 2]
    # The subject's right eye is joint 4, as in FLAME.
    weights[starts[2] : starts[3], 4] = 1
    weights[starts[3] :, 3] = 1
    return weights


def _regressor(vertices: Array, starts: Array, hinge: Array) -> Array:
    regressor = np.zeros((5, len(vertices)))
    targets = {0: np.array([0, -150.0, -70]), 1: np.array([0, -100.0, -70]), 2: hinge}
    for joint, target in targets.items():
        near = np.argsort(np.linalg.norm(vertices - target, axis=1))[:60]
        # The least combination of near vertices that sums to 1 and lies at the target.
        system = np.vstack([vertices[near].T, np.ones(len(near))])
        regressor[joint, near] = np.linalg.lstsq(system, np.r_[target, 1], rcond=None)[0]
    regressor[4, starts[2] : starts[3]] = 1 / (starts[3] - starts[2])
    regressor[3, starts[3] :] = 1 / (starts[4] - starts[3])
    return regressor
