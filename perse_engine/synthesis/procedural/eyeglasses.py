"""Eyeglasses: tubes for rims, bridge and temples, thin lenses; rigid on the head. Less weight is a thinner frame.

Between two variants it is one frame of a shape, thickness and colour between theirs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.head.sampling import smoothstep
from perse_engine.head.tubes import AWAY
from perse_engine.synthesis.procedural.choices import chosen
from perse_engine.synthesis.procedural.colours import FRAMES, colour
from perse_engine.synthesis.procedural.frames import SHAPES, THICKNESS, FrameShape
from perse_engine.synthesis.procedural.outfit import AddedPart, Outfit, rigid_to
from perse_engine.synthesis.procedural.shadow import contact_shadow
from perse_engine.synthesis.procedural.solids import ring_faces
from perse_engine.synthesis.procedural.temples import temple
from perse_engine.synthesis.procedural.worn import Worn
from perse_engine.vocabulary import REGION_LABELS, VariantSpec

Array = npt.NDArray[Any]

RIM_POINTS, TUBE_POINTS = 64, 8
CURVE_PER_M = 4.5
"""How the front wraps around the face: metres back per square metre sideways."""
TEXELS = (4, 32)
OWN_UNTIL = 0.5
"""Weight at which nothing is left of eyeglasses on the photo: half way there are never two frames of full width."""


def eyeglasses(outfit: Outfit, worn: Worn) -> None:
    """Add frame and lenses, and their shadow; the photo's own eyeglasses make room."""
    put_on = Worn(tuple((spec, weight) for spec, weight in worn.variants if spec.slots.get("presence") != "none"))
    _take_off(outfit, worn.weight if not put_on.variants else worn.weight / OWN_UNTIL)
    if put_on.variants:
        _put_on(outfit, put_on)


def _put_on(outfit: Outfit, worn: Worn) -> None:
    weight = worn.weight
    tone = worn.mean(lambda spec: np.array(colour(FRAMES, spec.slots["colour"], "eyeglasses")))
    outline = worn.mean(lambda spec: _outline(_shape(spec)))
    has_rim = worn.mean(lambda spec: float(_shape(spec).has_rim))
    thick = worn.mean(lambda spec: THICKNESS.get(spec.slots.get("thickness", ""), 1.0))
    eyes = [(outfit.landmark(a) + outfit.landmark(b)) / 2 for a, b in ((33, 133), (263, 362))]
    distance = float(eyes[1][0] - eyes[0][0])
    # The whole frame grows with the weight, from a fine wire.
    radius = (0.1 + 1.5 * weight) / 1000 * (1 + (thick - 1) * weight)
    opacity = min(1.0, weight / 0.12)
    size = distance * (0.9 + 0.1 * weight)
    depth = max(float(outfit.landmark(168)[2]), float(outfit.landmark(6)[2])) + 0.003
    frame = _frame_texture(tone, opacity)
    lens = worn.mean(
        lambda spec: _lens_texture(spec.slots.get("lens"), opacity, weight, has_edge=not _shape(spec).has_rim)
    )
    parts, inner = [], []
    for sign, eye in ((-1.0, eyes[0]), (1.0, eyes[1])):
        centre = np.array([eye[0] + sign * 0.0012, eye[1] - 0.0022])
        xy = size * outline * [sign, 1] + centre
        rim = np.column_stack([xy, depth - CURVE_PER_M * xy[:, 0] ** 2])
        parts.append(_tube(rim, (0.25 + 0.75 * has_rim) * radius, frame, is_closed=True))
        outfit.parts.append(_lens(rim, centre, depth, lens))
        hinge = rim[np.argmax(sign * rim[:, 0] + 0.5 * rim[:, 1])]
        inner.append(rim[np.argmin(sign * rim[:, 0] - 0.1 * rim[:, 1]), 0])
        parts.append(_tube(temple(outfit, sign, hinge), 0.8 * radius, frame))
        parts.append(_pad(outfit, sign, inner[-1], eye[1], depth, radius, frame))
    bridge = np.linspace(0, 1, 13)
    arch = 1 - (2 * bridge - 1) ** 2
    middle = (eyes[0][1] + eyes[1][1]) / 2
    for level in size * worn.mean(lambda spec: _bridges(spec, most=max(len(_shape(s).bridges) for s in worn.specs))):
        x = inner[0] + (inner[1] - inner[0]) * bridge
        path = np.stack([x, middle + level + 0.003 * arch, np.full(13, depth) + 0.002 * arch], -1)
        parts.append(_tube(path, 0.9 * radius, frame))
    contact_shadow(outfit, parts, 0.40 * weight, 0.0045)
    # Frames are drawn before lenses, or glass would hide what lies behind it.
    outfit.parts[len(outfit.parts) - 2 :] = [*parts, *outfit.parts[-2:]]


def _shape(spec: VariantSpec) -> FrameShape:
    return chosen(SHAPES, spec, "shape")


def _outline(shape: FrameShape) -> Array:
    """Points of a rim [RIM_POINTS, 2] in eye distances; x runs outwards."""
    return shape.outline(RIM_POINTS) * [shape.half_width, shape.half_height]


def _bridges(spec: VariantSpec, most: int) -> Array:
    """Heights [most] in eye distances; what has fewer bars has some in one place."""
    shape = _shape(spec)
    return np.resize(shape.bridges, most) * shape.half_height


def _pad(outfit: Outfit, sign: float, x: float, y: float, depth: float, radius: float, texture: Array) -> AddedPart:
    """The arm of a nose pad: from the rim back to the nose."""
    nose = outfit.landmark(122 if sign < 0 else 351)
    start = np.array([x + sign * 0.001, y - 0.004, depth])
    s = np.linspace(0, 1, 9)[:, None]
    end = np.array([nose[0], y - 0.009, max(float(nose[2]) + 0.001, depth - 0.012)])
    return _tube(start + (end - start) * s + [0, 0, -0.002] * np.sin(np.pi * s), 0.45 * radius, texture)


def _take_off(outfit: Outfit, share: float) -> None:
    """The photo's own eyeglasses: thinned and faded until nothing is left of them at 1."""
    if AWAY not in outfit.subject.edit_shapes:
        return
    gone = float(smoothstep(share, 0, 1))
    outfit.move(AWAY, gone)
    own = outfit.labels == REGION_LABELS["eyeglasses"]
    outfit.texture[own, 3] *= 1 - gone


def _tube(path: Array, radius: float, texture: Array, *, is_closed: bool = False) -> AddedPart:
    along = np.roll(path, -1, 0) - np.roll(path, 1, 0)
    if not is_closed:
        along[0], along[-1] = path[1] - path[0], path[-1] - path[-2]
    along /= np.linalg.norm(along, axis=1)[:, None]
    first = np.cross(along, [0.0, 0.0, 1.0])
    weak = np.linalg.norm(first, axis=1) < 0.2
    first[weak] = np.cross(along[weak], [0.0, 1.0, 0.0])
    first /= np.linalg.norm(first, axis=1)[:, None]
    second = np.cross(along, first)
    angle = np.linspace(0, 2 * np.pi, TUBE_POINTS, endpoint=False)
    ring = np.cos(angle)[None, :, None] * first[:, None] + np.sin(angle)[None, :, None] * second[:, None]
    # Light from above: the texture runs from shadow to highlight.
    light = np.clip(0.5 + 0.5 * ring[..., 1] + 0.25 * ring[..., 2], 0, 1)
    uv = np.stack([0.5 + light * (TEXELS[1] - 1), np.full(light.shape, 2.0)], -1).reshape(-1, 2)
    vertices = (path[:, None] + radius * ring).reshape(-1, 3)
    faces = ring_faces(len(path), TUBE_POINTS, is_closed=is_closed)
    label = REGION_LABELS["eyeglasses"]
    return AddedPart(vertices, faces, uv, texture, label, rigid_to(len(vertices), "head"))


def _lens(rim: Array, centre: Array, depth: float, texture: Array) -> AddedPart:
    middle = np.array([[centre[0], centre[1], depth - CURVE_PER_M * centre[0] ** 2]])
    faces = np.array([(i, (i + 1) % RIM_POINTS, RIM_POINTS) for i in range(RIM_POINTS)], np.int32)
    uv = np.tile([[8.0, 2.0]], (RIM_POINTS + 1, 1))
    vertices = np.vstack([rim, middle])
    label = REGION_LABELS["eyeglasses"]
    return AddedPart(vertices, faces, uv, texture, label, rigid_to(len(vertices), "head"))


def _frame_texture(tone: Array, opacity: float) -> Array:
    ramp = np.linspace(0, 1, TEXELS[1])
    rgb = tone * (0.55 + 0.5 * ramp)[:, None] + (0.45 * ramp**6)[:, None]
    texture = np.zeros((*TEXELS, 4), np.float32)
    texture[..., :3] = np.clip(rgb, 0, 1)
    texture[..., 3] = opacity
    return texture


def _lens_texture(kind: str | None, opacity: float, weight: float, *, has_edge: bool) -> Array:
    texture = np.zeros((*TEXELS, 4), np.float32)
    texture[..., :3] = (0.07, 0.08, 0.09) if kind == "dark" else (0.80, 0.86, 0.92)
    # Below one half, so that the eyes behind stay what is visible and keep their depth.
    texture[..., 3] = (0.92 * weight if kind == "dark" else 0.22 if has_edge else 0.08) * opacity
    return texture
