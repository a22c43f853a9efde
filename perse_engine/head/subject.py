"""The subject: the person of a portrait as a textured, riggable head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from perse_engine.head.rig import Rig
from perse_engine.scene import Camera, Expression, FloatArray, Pose

PARTS: tuple[str, ...] = ("torso", "mouth", "face", "scalp", "ears", "eyes", "irises", "added", "eyeglasses")
"""What a triangle belongs to; `added` is surface that an editor brought (frames, hats, longer hair), `eyeglasses` are
those on the photo. Files hold their numbers: new ones come last."""


@dataclass(frozen=True)
class ExpressionDriver:
    """A number in 0..1 made of expression weights: smoothstep(low, high, sum of weight_k * expression_k)."""

    name: str
    expressions: Mapping[str, float]
    low: float = 0.0
    high: float = 1.0

    def value(self, expression: Expression) -> float:
        """The driver's value for an expression, 0..1."""
        x = sum(k * expression[n] for n, k in self.expressions.items())
        t = min(max((x - self.low) / (self.high - self.low), 0.0), 1.0)
        return t * t * (3 - 2 * t)


@dataclass(frozen=True)
class TextureBlend:
    """A rectangle of the texture that an expression fades in: closed lids, parting lips, creases.

    texture[y:y+h, x:x+w] = lerp(texture, rgba, driver * mask); rgba [h, w, 4], mask [h, w], float32.
    """

    driver: ExpressionDriver
    x: int
    y: int
    rgba: FloatArray
    mask: FloatArray


@dataclass(frozen=True)
class TexturedRig:
    """A rig with triangles and one packed texture: what the mesh renderer draws.

    Attributes:
        faces: [F, 3] int32, counter-clockwise seen from outside.
        face_part: [F] uint8, index into PARTS.
        uv: [V, 2] float32, texture px (texel centres at .5), x right, y down.
        texture: [H, W, 4] float32 in 0..1, sRGB, straight alpha.
        labels: [H, W] uint8, REGION_LABELS of each texel.
        blends: applied to the texture in order, for an expression.
    """

    rig: Rig
    faces: npt.NDArray[np.int32]
    face_part: npt.NDArray[np.uint8]
    uv: FloatArray
    texture: FloatArray
    labels: npt.NDArray[np.uint8]
    blends: tuple[TextureBlend, ...] = ()

    def texture_for(self, expression: Expression) -> FloatArray:
        """The texture with the expression's blends, [H, W, 4]; the same array when none applies."""
        texture = self.texture
        for blend in self.blends:
            amount = blend.driver.value(expression)
            if amount <= 0:
                continue
            if texture is self.texture:
                texture = texture.copy()
            h, w = blend.mask.shape
            patch = texture[blend.y : blend.y + h, blend.x : blend.x + w]
            patch += (blend.rgba - patch) * (amount * blend.mask)[..., None]
        return texture


@dataclass(frozen=True, eq=False)
class Subject:
    """The analysed portrait as a head in even light; posed and lit with the source_* values it reproduces the photo.

    Two subjects are equal only if they are one object.

    Attributes:
        look: the source look as a textured rig.
        landmark_vertices: [478] int32, the rig vertex of each face landmark (irises: disc centre and rim).
        texel_maps: named [A, A] float32 maps in 0..1 that editors need, over the head's atlas, the upper left square
            of the texture: 'hair', 'beard' (where one grows), 'eyebrows', 'lips', 'skin', 'face', 'seen'.
        edit_shapes: named [V, 3] float32 identity displacements at amount 1, metres: 'noseWidth', 'lipFullness'...
        measures: named numbers: 'face_width_m', 'confidence', 'smiling', ...
        source_light: [9, 3] float32, the irradiance that the textures are without (`head.light`); 1 0 0.. is even.
    """

    look: TexturedRig
    landmark_vertices: npt.NDArray[np.int32]
    texel_maps: Mapping[str, FloatArray]
    edit_shapes: Mapping[str, FloatArray]
    measures: Mapping[str, float]
    source_pose: Pose
    source_expression: Expression
    source_camera: Camera
    source_light: FloatArray
    work_rgb: npt.NDArray[np.uint8]
    work_person: FloatArray
    extras: Mapping[str, FloatArray] = field(default_factory=dict)

    def landmark(self, index: int) -> npt.NDArray[np.float64]:
        """A face landmark at rest in the source identity, world metres, [3] float64."""
        return self.look.rig.vertices[self.landmark_vertices[index]].astype(np.float64)
